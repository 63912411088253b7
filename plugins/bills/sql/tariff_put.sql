-- PUT /v1/bills/tariffs/{valid_from}: loads a tariff, or another one in its place.
create function tariff_put(caller jsonb, valid_from date, limits jsonb, prices jsonb, vat int,
                           source text, verified boolean)
returns table (status int, etag text, location text, body json)
language plpgsql
as $$
declare
    l  int[] := array(select x.value::int from jsonb_array_elements_text(limits) x);
    p  bigint[] := array(select x.value::bigint from jsonb_array_elements_text(prices) x);
begin
    if cardinality(p) <> cardinality(l) + 1 or not ascending(l) then
        raise exception using errcode = 'IH001', message = 'tariff-wrong';
    end if;

    insert into tariffs as t (valid_from, limits, prices, vat, source, verified, loaded_by)
    values (tariff_put.valid_from, l, p, tariff_put.vat, tariff_put.source, tariff_put.verified,
            subject_of(caller))
    on conflict on constraint tariffs_pkey do update
       set limits = excluded.limits, prices = excluded.prices, vat = excluded.vat,
           source = excluded.source, verified = excluded.verified,
           loaded_by = excluded.loaded_by, loaded_at = now();

    return query select 200, null::text, null::text, tariff_document(t)
                   from tariffs t where t.valid_from = tariff_put.valid_from;
end
$$;
