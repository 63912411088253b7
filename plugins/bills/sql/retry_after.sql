-- Members of a refusal that is over at that time, which is to come: what the gateway also
-- sends as Retry-After.
create function retry_after(at timestamptz)
returns jsonb
language sql stable
as $$
    select jsonb_build_object('retry_after', ceil(extract(epoch from at - now()))::int)
$$;
