-- Schools of a round and their quotas, added or changed until it opens. Null: no
-- such round. places: [{school, quota}]
create function places_put(round uuid, places jsonb)
returns json
language plpgsql
as $$
declare
    n  int;
begin
    perform round_lock(round, alone => true);

    if not exists (select from rounds r where r.id = places_put.round) then
        return null;
    end if;

    insert into places (round, school, quota)
    select places_put.round, x ->> 'school', (x ->> 'quota')::int
      from jsonb_array_elements(places_put.places) x
    on conflict on constraint places_pkey do update set quota = excluded.quota;

    get diagnostics n = row_count;
    return json_build_object('round', round, 'places', n);
exception
    when foreign_key_violation or cardinality_violation then
        perform refuse_with('enrolment-rule-invalid');
    when integrity_constraint_violation then
        perform refuse_with('enrolment-rules-fixed');
end
$$;
