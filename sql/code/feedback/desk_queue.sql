-- GET /v1/desk/queue: what the officer's units still have to do, by the unit's
-- deadline, the most pressing first. Narrowed to one unit, to states, to what
-- is assigned to the caller, to what is overdue. Each unit, or state of a unit,
-- gives its first few from its index and the page is merged from them. (No
-- bitmap scans: see feedback_page.)
create function desk_queue(caller jsonb, unit text, state jsonb, mine boolean,
    overdue boolean, "limit" int8, "cursor" text)
returns table (status int, etag text, body json)
language plpgsql stable
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
declare
    today    constant date := core.today();    -- once, not for each row
    person   uuid := caller_person(caller);
    units    uuid[] := desk_roles(person);
    filters  text := concat_ws('|', 'desk', person, '', unit, '', state, '',
                               mine, '', overdue);
    states   text[] := case when state is not null then
                           array(select distinct jsonb_array_elements_text(state)) end;
    due_by   timestamptz := case when overdue then core.now() else 'infinity' end;
    at       record;
    n        int := "limit" + 1;
    ids      uuid[];
    items    json;
    next     text;
begin
    if cardinality(units) = 0 then
        return query select null::int, null::text, refusal('not-an-officer');
        return;
    end if;

    if unit is not null then
        units := array(
            select s.id
            from core.units u cross join lateral unit_subtree(u.id, today) s
            where u.code = unit and s.id = any (units));
    end if;

    if "cursor" is null then
        select '-infinity'::timestamptz as at,
               '00000000-0000-0000-0000-000000000000'::uuid as last_id into at;
    else
        select c.* into at from feedback_cursor_read("cursor", filters) c;

        if not found then
            return query select null::int, null::text, refusal('invalid-cursor');
            return;
        end if;
    end if;

    if mine then
        select array_agg(p.id order by p.unit_due_at, p.id) into ids
        from (select c.unit_due_at, c.id
              from feedback.cases c
              where c.state in ('submitted', 'needs_info', 'accepted',
                        'assigned', 'transferred', 'in_progress', 'scheduled',
                        'reopened')
                and c.assignee_id = person and c.unit = any (units)
                and (c.unit_due_at, c.id) > (at.at, at.last_id)
                and c.unit_due_at < due_by
                and (not overdue or c.unit_due_at < coalesce(c.paused_at, due_by))
                and (states is null or c.state = any (states))
              order by c.unit_due_at, c.id limit n) p;

    elsif states is not null then
        select array_agg(p.id order by p.unit_due_at, p.id) into ids
        from (select w.unit_due_at, w.id
              from unnest(units) u (id)
                   cross join unnest(states) s (state)
                   cross join lateral (
                  select c.unit_due_at, c.id
                  from feedback.cases c
                  where c.state in ('submitted', 'needs_info', 'accepted',
                            'assigned', 'transferred', 'in_progress',
                            'scheduled', 'reopened')
                    and c.unit = u.id and c.state = s.state
                    and (c.unit_due_at, c.id) > (at.at, at.last_id)
                    and c.unit_due_at < due_by
                    and (not overdue
                         or c.unit_due_at < coalesce(c.paused_at, due_by))
                  order by c.unit_due_at, c.id limit n) w
              order by w.unit_due_at, w.id limit n) p;

    else
        select array_agg(p.id order by p.unit_due_at, p.id) into ids
        from (select w.unit_due_at, w.id
              from unnest(units) u (id) cross join lateral (
                  select c.unit_due_at, c.id
                  from feedback.cases c
                  where c.state in ('submitted', 'needs_info', 'accepted',
                            'assigned', 'transferred', 'in_progress',
                            'scheduled', 'reopened')
                    and c.unit = u.id
                    and (c.unit_due_at, c.id) > (at.at, at.last_id)
                    and c.unit_due_at < due_by
                    and (not overdue
                         or c.unit_due_at < coalesce(c.paused_at, due_by))
                  order by c.unit_due_at, c.id limit n) w
              order by w.unit_due_at, w.id limit n) p;
    end if;

    if cardinality(ids) = n then
        ids := trim_array(ids, 1);
        select feedback_cursor_make(filters, 0, c.unit_due_at, c.id) into next
        from feedback.cases c where c.id = ids[n - 1];
    end if;

    select coalesce(json_agg(row_to_json(b) order by i.n), '[]') into items
    from unnest(ids) with ordinality i (id, n)
         cross join lateral (
             select c.id, c.code, c.state, c.category, c.severity,
                    c.commune_brief as commune, c.unit_brief as unit,
                    r.address, left(r.text, 280) as text,
                    c.assignee_id as assignee, c.planned_on,
                    c.awaiting_approval, c.created_at, c.updated_at,
                    c.due_at, c.unit_due_at, c.paused_at is not null as paused,
                    feedback_overdue(c) as overdue,
                    c.unit_due_at < coalesce(c.paused_at, core.now()) as unit_overdue,
                    c.version
             from feedback.cases c
                  join feedback.reports r on r.case_id = c.id
             where c.id = i.id
         ) b;

    return query select 200, md5(concat(items, next)),
                        json_build_object('items', items, 'next', next);
end
$$;
