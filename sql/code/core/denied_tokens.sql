-- What the gateway's deny list must learn since it last asked
-- (docs/conventions.md): rows written by transactions that were not surely
-- finished then. A row may come twice, none is missed. Without anything new,
-- one row that has only "next".
create function denied_tokens(since text)
returns table (next text, kind text, iss text, value text,
               denied_before bigint, forget_at bigint)
language sql stable
as $$
    select pg_snapshot_xmin(pg_current_snapshot())::text,
           d.kind, d.iss, d.value,
           -- up: a token says its second only, one of the same may be older
           ceil(extract(epoch from d.denied_before))::bigint,
           extract(epoch from d.forget_at)::bigint
    from (select) one
         left join core.denied_tokens d
             on case when since is null then d.forget_at > core.now()
                     else d.xid >= since::xid8 end
$$;
