-- GET /v1/bus-passes/checks/{code}: what an inspector learns of a pass; nothing of its
-- holder. 404 when nobody has it, which is what a forged one looks like.
create function pass_check(caller jsonb, code text)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, json_build_object(
        'valid', p.state = 'active' and pass_covers(p.month, now()),
        'state', p.state, 'product', p.product, 'route', p.route,
        'month', to_char(p.month, 'YYYY-MM'))
      from passes p
     where p.code = pass_check.code
$$;
