-- GET /v1/bills/disputes: one's own, the newest first; the cursor has the last one's id.
create function dispute_list(caller jsonb, "cursor" text, "limit" int)
returns table (status int, etag text, body json)
language plpgsql stable
as $$
begin
    return query
    select 200, null::text, json_build_object(
               'items', coalesce(json_agg(p.document order by p.n) filter (where p.n <= "limit"), '[]'),
               'next', case when count(*) > "limit"
                            then 'dispute.' || (array_agg(p.id order by p.n))["limit"] end)
      from (select x.id, dispute_document(x) as document, row_number() over (order by x.id desc) as n
              from disputes x
             where x.citizen = subject_of(caller)
               and ("cursor" is null or x.id < split_part("cursor", '.', 2)::uuid)
             order by x.id desc
             limit "limit" + 1) p;
end
$$;
