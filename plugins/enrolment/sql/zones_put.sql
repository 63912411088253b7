-- The zone of a school in a year and level, in place of the one before.
-- zones: [{ward, street?, from?, until?}], until being the first day that is not
create function zones_put(school text, year int, level text, zones jsonb)
returns json
language plpgsql
as $$
declare
    n  int;
begin
    perform rules_lock(year);
    delete from zones z where z.school = zones_put.school and z.year = zones_put.year
       and z.level = zones_put.level;

    insert into zones (year, level, school, ward, street, days)
    select zones_put.year, zones_put.level, zones_put.school, x ->> 'ward', x ->> 'street',
           daterange((x ->> 'from')::date, (x ->> 'until')::date)
      from jsonb_array_elements(zones_put.zones) x;

    get diagnostics n = row_count;
    return json_build_object('school', school, 'zones', n);
exception
    when foreign_key_violation or unique_violation or data_exception then
        perform refuse_with('enrolment-rule-invalid');
    when integrity_constraint_violation then
        perform refuse_with('enrolment-rules-fixed');
end
$$;
