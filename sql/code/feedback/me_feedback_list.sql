-- GET /v1/me/feedback: the caller's own cases, newest first, also those that
-- the public does not see; with the text as it was written.
create function me_feedback_list(caller jsonb, state jsonb, "limit" int8,
    "cursor" text)
returns table (status int, etag text, body json)
language plpgsql stable
as $$
#variable_conflict use_variable
declare
    person   uuid := caller_person(caller);
    filters  text := concat_ws('|', 'me', person, state);
    states   text[] := case when state is not null then
                           array(select jsonb_array_elements_text(state)) end;
    at       record;
    n        int := "limit" + 1;
begin
    if "cursor" is null then
        select 'infinity'::timestamptz as at,
               '00000000-0000-0000-0000-000000000000'::uuid as last_id into at;
    else
        select c.* into at from feedback_cursor_read("cursor", filters) c;

        if not found then
            return query select null::int, null::text, refusal('invalid-cursor');
            return;
        end if;
    end if;

    return query
        with page as materialized (
            select c.id, c.code, c.state, c.category, c.severity,
                   c.commune_brief as commune, c.unit_brief as unit,
                   r.lat, r.long, r.address, r.text, c.rating,
                   c.created_at, c.updated_at, c.due_at,
                   c.paused_at is not null as paused,
                   feedback_overdue(c) as overdue, c.version,
                   row_number() over (order by c.created_at desc, c.id desc) as n
            from feedback.cases c
                 join feedback.reports r on r.case_id = c.id
            where c.reporter_id = person
              and (c.created_at, c.id) < (at.at, at.last_id)
              and (states is null or c.state = any (states))
            order by c.created_at desc, c.id desc
            limit n
        )
        select 200, md5(concat((select count(*) from page), b.items)),
               json_build_object(
                   'items', b.items,
                   'next', (select feedback_cursor_make(filters, 0, p.created_at, p.id)
                            from page p
                            where p.n = n - 1
                              and exists (select from page x where x.n = n)))
        from (select coalesce(json_agg(row_to_json(i) order by i.created_at desc,
                                       i.id desc), '[]') as items
              from (select p.id, p.code, p.state, p.category, p.severity,
                           p.commune, p.unit, p.lat, p.long, p.address, p.text,
                           p.rating, p.created_at, p.updated_at, p.due_at,
                           p.paused, p.overdue, p.version
                    from page p where p.n < n) i
              offset 0) b;
end
$$;
