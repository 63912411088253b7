-- What the payer reads at the gateway, which need not know the whole number.
create function order_description(o orders)
returns text
language sql stable
as $$
    select case o.kind
        when 'bill' then (select format('Tiền điện %s, kỳ đến %s', b.customer, to_char(b.period_to, 'DD/MM/YYYY'))
                            from bills b where b.id = o.bill)
        else format('Nạp tiền điện thoại +%s***%s', left(o.phone, 4), right(o.phone, 3)) end
$$;
