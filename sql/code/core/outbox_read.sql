-- The next events for a reader that resumes from a cursor: null at first, then
-- each time the last row's. Only what was committed by transactions older than
-- every running one, in their order: nothing can appear behind the cursor.
create function outbox_read("cursor" text, "limit" int)
returns table (next text, id bigint, at timestamptz, topic text, event text,
               subject uuid, payload jsonb)
language sql stable
as $$
    select o.xid::text || '.' || o.id, o.id, o.at, o.topic, o.event, o.subject,
           o.payload
    from core.outbox o
    where (o.xid, o.id) > (
              coalesce(split_part(outbox_read."cursor", '.', 1), '0')::xid8,
              coalesce(split_part(outbox_read."cursor", '.', 2), '0')::bigint)
      and o.xid < pg_snapshot_xmin(pg_current_snapshot())
    order by o.xid, o.id
    limit "limit"
$$;
