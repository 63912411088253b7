-- A pass that waits for its payment; the one that waits already, where the holder
-- asks again and pays the same way, or that was paid by now, where the key is that of the
-- last time. With another gateway the old one lapses: what is paid for it goes back.
create function pass_begin(id uuid, code text, holder text, product text,
                           month text, gateway text, route text default null,
                           key text default null)
returns json
language plpgsql
as $$
declare
    first  date := to_date(month || '-01', 'YYYY-MM-DD');
    kind   text := (select x.scope from pass_products x where x.id = pass_begin.product);
    cost   bigint := pass_price(pass_begin.product, first);
    p      passes%rowtype;
begin
    if first < pass_month(0) or first > pass_month(2) then
        perform pass_refuse('bus-pass-month-closed');
    elsif kind is null or cost is null then
        perform pass_refuse('bus-pass-unknown');
    elsif (kind = 'route') <> (route is not null) then
        perform pass_refuse('bus-pass-route-unclear');
    end if;

    for attempt in 1 .. 2 loop
        insert into passes (id, code, holder, product, route, month, price, gateway, key)
        values (pass_begin.id, pass_begin.code, pass_begin.holder, pass_begin.product,
                pass_begin.route, first, cost, pass_begin.gateway, pass_begin.key)
        on conflict do nothing
        returning * into p;

        if found then
            return pass_document(p);
        end if;

        select * into p from passes t
         where t.holder = pass_begin.holder and t.product = pass_begin.product
           and t.route is not distinct from pass_begin.route and t.month = first
           and t.state in ('pending', 'active')
           for update;

        if p.state = 'active' and (p.gateway, p.key) = (pass_begin.gateway, pass_begin.key) then
            return pass_document(p);
        elsif p.state = 'active' then
            perform pass_refuse('bus-pass-held');
        elsif p.gateway = pass_begin.gateway then
            update passes t set again_at = now(), key = pass_begin.key where t.id = p.id;
            return pass_document(p);
        elsif exists (select from passes t
                       where t.holder = p.holder and t.key = pass_begin.key and t.state = 'lapsed') then
            perform pass_refuse('bus-pass-busy');
        end if;

        update passes t set state = 'lapsed', check_at = now() where t.id = p.id;
    end loop;

    perform pass_refuse('bus-pass-busy');
end
$$;
