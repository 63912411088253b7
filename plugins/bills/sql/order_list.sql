-- GET /v1/bills/orders: one's own, the newest first. The cursor has the last one's
-- id, which begins with its time.
create function order_list(caller jsonb, kind text, "cursor" text, "limit" int)
returns table (status int, etag text, body json)
language plpgsql stable
as $$
begin
    return query
    select 200, null::text, json_build_object(
               'items', coalesce(json_agg(p.document order by p.n) filter (where p.n <= "limit"), '[]'),
               'next', case when count(*) > "limit"
                            then 'order.' || (array_agg(p.id order by p.n))["limit"] end)
      from (select x.id, order_document(x) as document, row_number() over (order by x.id desc) as n
              from orders x
             where x.citizen = subject_of(caller)
               and (order_list.kind is null or x.kind = order_list.kind)
               and ("cursor" is null or x.id < split_part("cursor", '.', 2)::uuid)
             order by x.id desc
             limit "limit" + 1) p;
end
$$;
