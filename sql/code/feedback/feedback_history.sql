-- GET /v1/feedback/{id}/history: what happened to a case, oldest first, from
-- its audit chain: states, units, deadlines, coded and public reasons. Never
-- who. A chain has no gaps; the cursor hides the number of the page's last
-- event in the place of a time.
create function feedback_history(caller jsonb, id uuid, "limit" int8,
    "cursor" text)
returns table (status int, etag text, body json)
language plpgsql stable
as $$
#variable_conflict use_variable
declare
    base     constant timestamptz := '2000-01-01 00:00:00+00';
    tick     constant interval := '1 microsecond';
    filters  text := 'history|' || id;
    filed    timestamptz;
    after    bigint := 0;
    items    json;
    last     bigint;
    more     boolean;
begin
    select c.created_at into filed
    from feedback.cases c where c.id = id and c.listed;

    if not found then
        return;
    end if;

    if "cursor" is not null then
        select (extract(epoch from c.at - base) * 1000000)::bigint into after
        from feedback_cursor_read("cursor", filters) c;

        if not found then
            return query select null::int, null::text, refusal('invalid-cursor');
            return;
        end if;
    end if;

    -- "at" bounds the partitions to look into
    select coalesce(json_agg(row_to_json(h) order by h.seq)
                    filter (where h.seq <= after + "limit"), '[]'),
           max(h.seq) filter (where h.seq <= after + "limit"),
           coalesce(bool_or(h.seq > after + "limit"), false)
    into items, last, more
    from (select e.seq, e.at, e.event as action,
                 e.details ->> 'from' as "from", e.details ->> 'to' as "to",
                 e.details ->> 'unit' as unit,
                 e.details ->> 'from_unit' as from_unit,
                 e.details ->> 'severity' as severity,
                 (e.details ->> 'due_at')::timestamptz as due_at,
                 e.details ->> 'reason_code' as reason_code,
                 (e.details ->> 'score')::int as score,
                 m.public as text
          from core.audit_events e
               left join feedback.messages m
                    on m.case_id = e.chain and m.seq = e.seq
          where e.chain = id and e.at >= filed and e.kind = 'feedback'
            and e.seq > after
          order by e.seq
          limit "limit" + 1) h;

    return query select 200, md5(concat(items, more)), json_build_object(
        'items', items,
        'next', case when more then
            feedback_cursor_make(filters, 0, base + last * tick, id) end);
end
$$;
