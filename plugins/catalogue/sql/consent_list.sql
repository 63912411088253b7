-- Consents of a person, newest first, before one of them; one more than asked for
-- says that there is another page.
create function consent_list(person text, history boolean, n int, before uuid default null)
returns table (consent jsonb)
language sql stable
as $$
    select consent_document(c.id)
      from (select x.id from consents x
             where x.person = consent_list.person
               and (history or x.ended_at is null)
               and (before is null or x.id < before)
             order by x.id desc
             limit n + 1) c
     order by c.id desc
$$;
