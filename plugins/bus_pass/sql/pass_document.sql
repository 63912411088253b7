-- A pass as its holder sees it: with the code while it can be used.
create function pass_document(p passes)
returns json
language sql stable parallel safe
return json_build_object(
    'id', p.id,
    'code', case when p.state = 'active' then p.code end,
    'product', p.product,
    'title', (select x.title from pass_products x where x.id = p.product),
    'route', p.route,
    'month', to_char(p.month, 'YYYY-MM'),
    'price', p.price,
    'gateway', p.gateway,
    'state', p.state,
    'payment', p.payment,
    'refund', p.refund,
    'created_at', p.created_at,
    'changed_at', p.changed_at);
