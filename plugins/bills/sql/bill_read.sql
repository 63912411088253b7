-- GET /v1/bills/{id}: with what it is made of, and by how much that differs from what
-- the company asks for. Without a tariff for its days there is no breakdown.
create function bill_read(caller jsonb, id uuid)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text,
           (bill_brief(b) || jsonb_build_object('households', b.households, 'seen_at', b.seen_at)
            || case when d is null then '{}'
                    else jsonb_build_object(
                        'breakdown', d || jsonb_build_object(
                            'difference', b.amount - (d ->> 'total')::bigint)) end)::json
      from bill_visible(subject_of(caller), bill_read.id) b,
           lateral bill_breakdown(b.kwh, b.period_from, b.period_to, b.households) d
     where b.id is not null
$$;
