-- PUT /v1/school/schools/{school}/administrators: the school office appoints one, or ends
-- it. A day of valid_to that has come ends it at once.
create function administrator_put(caller jsonb, school text, issuer text, subject text,
                                  valid_from date default null, valid_to date default null)
returns json
language plpgsql
as $$
#variable_conflict use_variable
declare
    person  text := issuer || ' ' || subject;
    since   date := coalesce(valid_from, today());
begin
    perform ask(caller);

    if not exists (select from schools s where s.code = school) then
        return null;
    end if;

    insert into administrators as a (school, person, valid_from, valid_to, appointed_by)
    select school, person, since, valid_to, k.person from asking k
    on conflict on constraint administrators_pkey do update
        set valid_from = excluded.valid_from, valid_to = excluded.valid_to,
            appointed_by = excluded.appointed_by, appointed_at = now();

    return json_build_object('school', school, 'issuer', issuer, 'subject', subject,
                             'valid_from', since, 'valid_to', valid_to);
end
$$;
