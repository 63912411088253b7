-- A person whose account is erased takes the consents along that were given before:
-- without who has given them they prove nothing.
alter table people add column erased_at timestamptz;


create or replace function consents_stay() returns trigger
language plpgsql
as $$
begin
    if tg_op = 'DELETE' then
        if exists (select from people p
                    where p.subject = old.person and p.erased_at >= old.given_at)
        then
            return old;
        end if;
    end if;

    if tg_op <> 'UPDATE' then
        raise exception 'consents are kept';
    end if;

    if (new.id, new.person, new.service, new.purpose, new.version, new.assurance, new.language,
        new.given_at)
       is distinct from
       (old.id, old.person, old.service, old.purpose, old.version, old.assurance, old.language,
        old.given_at)
       or (old.ended_at is not null
           and (new.ended_at, new.ended) is distinct from (old.ended_at, old.ended))
       or (old.done_at is not null and new.done_at is distinct from old.done_at)
    then
        raise exception 'a consent ends once, and nothing else of it changes';
    end if;

    return new;
end
$$;
