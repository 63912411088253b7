-- A school, and who looks at its applications.
create function school_put(code text, name text, ward text, officers jsonb)
returns json
language plpgsql
as $$
begin
    insert into schools (code, name, ward) values (school_put.code, school_put.name, school_put.ward)
    on conflict on constraint schools_pkey do update set name = excluded.name, ward = excluded.ward;

    delete from officers o where o.school = school_put.code;
    insert into officers (school, subject)
    select distinct school_put.code, x from jsonb_array_elements_text(school_put.officers) x;

    return json_build_object('code', code, 'name', name, 'ward', ward);
end
$$;
