create function tariff_document(t tariffs)
returns json
language sql stable
as $$
    select json_build_object('valid_from', t.valid_from, 'limits', t.limits, 'prices', t.prices,
                             'vat', t.vat, 'source', t.source, 'verified', t.verified)
$$;
