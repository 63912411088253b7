-- An order of a phone's top-up: an amount that its carrier sells, within what a
-- citizen may spend, and a phone may get, in a day of Hà Nội's. What nobody paid, or
-- what went back, does not count.
create function topup_order(id uuid, citizen text, key text, phone text, carrier text, gateway text,
                            amount bigint, open_orders int, citizen_day bigint, phone_day bigint,
                            step int)
returns jsonb
language plpgsql
as $$
declare
    begins   timestamptz := date_trunc('day', now() at time zone 'Asia/Ho_Chi_Minh')
                            at time zone 'Asia/Ho_Chi_Minh';
    named    text;
    c        carriers%rowtype;
    o        orders%rowtype;
    spent    bigint;
begin
    -- Citizens before phones: nobody waits for somebody who waits.
    perform ihanoi_host.lock('orders of ' || topup_order.citizen);
    perform ihanoi_host.lock('phone ' || topup_order.phone);

    o := order_again(topup_order.citizen, 'topup', topup_order.key, null, topup_order.phone,
                     topup_order.carrier, topup_order.gateway, topup_order.amount);

    if o.id is not null then
        return order_document(o);
    end if;

    named := coalesce(topup_order.carrier, carrier_hint(topup_order.phone));

    if named is null then
        raise exception using errcode = 'IH001', message = 'topup-carrier-unsaid';
    end if;

    select * into c from carriers t where t.code = named and t.active;

    if not found then
        raise exception using errcode = 'IH001', message = 'topup-carrier-unknown';
    elsif topup_order.amount <> all (c.amounts) then
        raise exception using errcode = 'IH001', message = 'topup-amount-unknown',
            detail = jsonb_build_object('amounts', c.amounts)::text;
    end if;

    perform orders_open_check(topup_order.citizen, open_orders);

    select coalesce(sum(t.amount), 0) into spent from orders t
     where t.citizen = topup_order.citizen and t.kind = 'topup' and t.created_at >= begins
       and t.stands;

    if spent + topup_order.amount > citizen_day then
        raise exception using errcode = 'IH001', message = 'topup-limit-citizen',
            detail = (retry_after(begins + interval '1 day')
                      || jsonb_build_object('left', greatest(citizen_day - spent, 0)))::text;
    end if;

    select coalesce(sum(t.amount), 0) into spent from orders t
     where t.phone = topup_order.phone and t.kind = 'topup' and t.created_at >= begins
       and t.stands;

    -- How much is left would tell what others gave to this phone.
    if spent + topup_order.amount > phone_day then
        raise exception using errcode = 'IH001', message = 'topup-limit-phone',
            detail = retry_after(begins + interval '1 day')::text;
    end if;

    insert into orders (id, kind, citizen, key, phone, carrier, gateway, amount, due_at)
    values (topup_order.id, 'topup', topup_order.citizen, topup_order.key, topup_order.phone, named,
            topup_order.gateway, topup_order.amount, now() + make_interval(secs => step))
    returning * into o;

    return order_document(o);
end
$$;
