-- What the payer reads at the gateway, which need not know the whole number.
create function order_description(o orders, language text)
returns text
language sql stable
as $$
    select case o.kind
        when 'bill' then (select format(case order_description.language
                                        when 'en' then 'Electricity %s, until %s'
                                        else 'Tiền điện %s, kỳ đến %s' end,
                                        b.customer, to_char(b.period_to, 'DD/MM/YYYY'))
                            from bills b where b.id = o.bill)
        else format(case order_description.language when 'en' then 'Phone top-up +%s***%s'
                    else 'Nạp tiền điện thoại +%s***%s' end,
                    left(o.phone, 4), right(o.phone, 3)) end
$$;
