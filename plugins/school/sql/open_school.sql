-- Opens a whole school to its administrator: its roster, and its audit. False for others.
create function open_school(school text)
returns boolean
language plpgsql
as $$
begin
    insert into reads (call, school, student, role)
    select a.call, m.school, null, 'administrator'
      from asking a, my_schools m
     where m.school = open_school.school
    on conflict do nothing;

    return exists (select from opened_schools o where o.school = open_school.school);
end
$$;
