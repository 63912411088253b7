-- Bands and tie-breakers of a level, in their order, in place of those before.
-- bands: [{title, holds}], tie_breaks: [{fact, descending?}]
create function level_put(year int, level text, bands jsonb, tie_breaks jsonb)
returns json
language plpgsql
as $$
begin
    perform rules_lock(year);
    delete from bands b where b.year = level_put.year and b.level = level_put.level;
    delete from tie_breaks t where t.year = level_put.year and t.level = level_put.level;

    insert into bands (year, level, position, title, holds)
    select level_put.year, level_put.level, n, x -> 'title', (x ->> 'holds')::jsonpath
      from jsonb_array_elements(level_put.bands) with ordinality e (x, n);

    insert into tie_breaks (year, level, position, fact, descending)
    select level_put.year, level_put.level, n, x ->> 'fact', coalesce((x ->> 'descending')::boolean, false)
      from jsonb_array_elements(level_put.tie_breaks) with ordinality e (x, n);

    -- A variable, of which there are none, would stop an allocation that comes to it.
    if exists (select from bands b
                where b.year = level_put.year and b.level = level_put.level
                  and regexp_replace(b.holds::text, '"([^"\\]|\\.)*"', '""', 'g') like '%$""%')
    then
        perform refuse_with('enrolment-rule-invalid');
    end if;

    -- So would a form of times that is none, which is looked at when there is one to read.
    perform jsonb_path_query('""', ('$.datetime(' || t.form[1] || ')')::jsonpath, silent => true)
       from bands b, regexp_matches(b.holds::text, '[.]datetime[(]("([^"\\]|\\.)*")[)]', 'g') t (form)
      where b.year = level_put.year and b.level = level_put.level;

    return rules_document(level_put.year, level_put.level);
exception
    when foreign_key_violation or check_violation or syntax_error or data_exception then
        perform refuse_with('enrolment-rule-invalid');
    when integrity_constraint_violation then
        perform refuse_with('enrolment-rules-fixed');
end
$$;
