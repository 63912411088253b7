-- Has this person's consent to the notice that holds now been given, and not
-- been withdrawn since?
create function consent_given(person uuid)
returns boolean
language plpgsql stable
as $$
begin
    return (
        select coalesce((
            select c.given
            from core.consents c
            where c.person = consent_given.person and c.notice = privacy_notice_now()
            order by c.at desc, c.id
            limit 1), false));
end
$$;
