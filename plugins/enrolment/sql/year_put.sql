-- A year and what may be declared in it, in place of what was there before. A fact that
-- a tie-breaker looks at stays.
-- facts: [{code, kind, title, options?}]
create function year_put(year int, title text, facts jsonb)
returns json
language plpgsql
as $$
begin
    perform rules_lock(year);
    insert into years (year, title) values (year_put.year, year_put.title)
    on conflict on constraint years_pkey do update set title = excluded.title;

    delete from facts f where f.year = year_put.year
       and not exists (select from jsonb_array_elements(year_put.facts) x where x ->> 'code' = f.code);

    insert into facts (year, code, kind, title, options)
    select year_put.year, x ->> 'code', x ->> 'kind', x -> 'title', x -> 'options'
      from jsonb_array_elements(year_put.facts) x
    on conflict on constraint facts_pkey do update
       set kind = excluded.kind, title = excluded.title, options = excluded.options;

    return json_build_object('year', year, 'title', title);
exception
    when check_violation or foreign_key_violation or cardinality_violation then
        perform refuse_with('enrolment-rule-invalid');
    when integrity_constraint_violation then
        perform refuse_with('enrolment-rules-fixed');
end
$$;
