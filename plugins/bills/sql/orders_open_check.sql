-- Refuses a citizen who has many orders that nobody has paid and somebody may: each keeps a
-- bill from others, or a payment open. The lock lasts as long as the transaction, so that
-- two at once are counted.
create function orders_open_check(citizen text, most int)
returns void
language plpgsql
as $$
begin
    perform ihanoi_host.lock('orders of ' || orders_open_check.citizen);

    if (select count(*) from orders o
         where o.citizen = orders_open_check.citizen
           and o.state in ('created', 'paying', 'cancelling')) >= most
    then
        raise exception using errcode = 'IH001', message = 'orders-open-too-many';
    end if;
end
$$;
