-- Counts a look-up before it is made: so many in an hour, and so many different
-- customers in a day, of one citizen, decided for all workers at once.
create function lookup_begin(citizen text, customer text, an_hour int, customers_a_day int)
returns void
language plpgsql
as $$
declare
    again  timestamptz;
begin
    perform ihanoi_host.lock('lookups ' || lookup_begin.citizen);

    -- The one that has to be over first, where there are as many as may be; or null.
    again := greatest(
        (select l.at + interval '1 hour' from lookups l
          where l.citizen = lookup_begin.citizen and l.at > now() - interval '1 hour'
          order by l.at desc offset an_hour - 1 limit 1),
        (select max(l.at) + interval '1 day' from lookups l
          where l.citizen = lookup_begin.citizen and l.at > now() - interval '1 day'
            and l.customer <> lookup_begin.customer
          group by l.customer order by max(l.at) desc offset customers_a_day - 1 limit 1));

    if again is not null then
        raise exception using errcode = 'IH001', message = 'lookups-too-many',
            detail = retry_after(again)::text;
    end if;

    insert into lookups (citizen, customer) values (lookup_begin.citizen, lookup_begin.customer);
end
$$;
