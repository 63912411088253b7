-- Whether somebody's work is this application: the city's office has all, officers
-- those whose first choice is their school or who were offered a place there.
create function is_officer_of(subject text, office boolean, application uuid)
returns boolean
language plpgsql stable
as $$
begin
    return office or exists (
        select from officers o
         where o.subject = is_officer_of.subject
           and o.school in (select c.school from choices c
                             where c.application = is_officer_of.application and c.position = 1
                             union all
                            select a.school from applications a
                             where a.id = is_officer_of.application));
end
$$;
