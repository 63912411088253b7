-- GET /v1/bills/report: orders that were made since a day, by kind and state; those that
-- have been in the middle for an hour; and those of which a company has taken back its
-- word. Of nobody: ids alone.
create function bills_report(caller jsonb, since date)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, json_build_object(
        'states', (select coalesce(json_agg(json_build_object('kind', s.kind, 'state', s.state,
                                       'orders', s.orders, 'amount', s.amount,
                                       'refunded', s.refunded) order by s.kind, s.state), '[]')
                     from (select o.kind, o.state, count(*) as orders,
                                  sum(o.amount)::bigint as amount, sum(o.refunded)::bigint as refunded
                             from orders o
                            where o.created_at >= coalesce(since, (now() at time zone 'Asia/Ho_Chi_Minh')::date)
                                                  ::timestamp at time zone 'Asia/Ho_Chi_Minh'
                            group by o.kind, o.state) s),
        'stuck', (select coalesce(json_agg(json_build_object('order', s.id, 'kind', s.kind, 'state', s.state,
                                       'why', s.why, 'since', s.changed_at) order by s.changed_at), '[]')
                    from (select * from orders o
                           where o.state in ('paid', 'sending', 'refused', 'refunding')
                             and o.changed_at < now() - interval '1 hour'
                           order by o.changed_at limit 100) s),
        'contradicted', (select coalesce(json_agg(json_build_object('order', s.id, 'kind', s.kind,
                                       'state', s.state, 'said', s.contradicted) order by s.id), '[]')
                           from (select * from orders o where o.contradicted is not null
                                  order by o.id desc limit 100) s))
$$;
