-- PUT /v1/school/schools/{school}: the city's school office (its scope, by the contract)
-- makes a school, or changes it.
create function school_put(caller jsonb, school text, name text, first_grade int,
                           last_grade int, import_key text default null)
returns json
language plpgsql
as $$
#variable_conflict use_variable
begin
    perform ask(caller);

    if first_grade > last_grade then
        perform refuse('grades-not-in-order');
    end if;

    insert into schools as s (code, name, first_grade, last_grade, import_key)
    values (school, name, first_grade, last_grade, import_key)
    on conflict (code) do update
        set name = excluded.name, first_grade = excluded.first_grade,
            last_grade = excluded.last_grade, import_key = excluded.import_key;

    return json_build_object('school', school, 'name', name, 'first_grade', first_grade,
                             'last_grade', last_grade, 'signed', import_key is not null);
end
$$;
