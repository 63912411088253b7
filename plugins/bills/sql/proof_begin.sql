-- Counts an attempt to prove a saved code before it is made: so many of a citizen, and
-- twice as many of a customer by all, in a day. The customer; null when nothing of that
-- id is saved.
create function proof_begin(citizen text, id uuid, a_day int)
returns text
language plpgsql
as $$
declare
    code   text := (select c.customer from codes c
                     where c.id = proof_begin.id and c.citizen = proof_begin.citizen);
    again  timestamptz;
begin
    if code is null then
        return null;
    end if;

    perform ihanoi_host.lock('proofs of ' || proof_begin.citizen);
    perform ihanoi_host.lock('proofs for ' || code);

    -- The one that has to be over first, where there are as many as may be; or null.
    again := greatest(
        (select p.at from proofs p
          where p.citizen = proof_begin.citizen and p.at > now() - interval '1 day'
          order by p.at desc offset a_day - 1 limit 1),
        (select p.at from proofs p
          where p.customer = code and p.at > now() - interval '1 day'
          order by p.at desc offset 2 * a_day - 1 limit 1)) + interval '1 day';

    if again is not null then
        raise exception using errcode = 'IH001', message = 'proofs-too-many',
            detail = retry_after(again)::text;
    end if;

    insert into proofs (citizen, customer) values (proof_begin.citizen, code);

    return code;
end
$$;
