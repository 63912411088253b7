-- Counts a look-up before it is made: so many in an hour, and so many different
-- customers in a day, of one citizen, decided for all workers at once.
create function lookup_begin(citizen text, customer text, an_hour int, customers_a_day int)
returns void
language plpgsql
as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('lookups ' || lookup_begin.citizen, 0));

    if (select count(*) from lookups l
         where l.citizen = lookup_begin.citizen and l.at > now() - interval '1 hour') >= an_hour
       or (select count(distinct l.customer) from lookups l
            where l.citizen = lookup_begin.citizen and l.at > now() - interval '1 day'
              and l.customer <> lookup_begin.customer) >= customers_a_day
    then
        raise exception using errcode = 'IH001', message = 'lookups-too-many';
    end if;

    insert into lookups (citizen, customer) values (lookup_begin.citizen, lookup_begin.customer);
end
$$;
