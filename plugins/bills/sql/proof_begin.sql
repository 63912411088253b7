-- Counts an attempt to prove a saved code before it is made: so many of a citizen, and
-- twice as many of a customer by all, in a day. The customer; null when nothing of that
-- id is saved.
create function proof_begin(citizen text, id uuid, a_day int)
returns text
language plpgsql
as $$
declare
    code  text := (select c.customer from codes c
                    where c.id = proof_begin.id and c.citizen = proof_begin.citizen);
begin
    if code is null then
        return null;
    end if;

    perform pg_advisory_xact_lock(hashtextextended('proofs of ' || proof_begin.citizen, 0));
    perform pg_advisory_xact_lock(hashtextextended('proofs for ' || code, 0));

    if (select count(*) from proofs p
         where p.citizen = proof_begin.citizen and p.at > now() - interval '1 day') >= a_day
       or (select count(*) from proofs p
            where p.customer = code and p.at > now() - interval '1 day') >= 2 * a_day
    then
        raise exception using errcode = 'IH001', message = 'proofs-too-many';
    end if;

    insert into proofs (citizen, customer) values (proof_begin.citizen, code);

    return code;
end
$$;
