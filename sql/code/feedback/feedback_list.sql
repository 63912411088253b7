-- GET /v1/feedback: the public list, newest first, by keyset. Filters:
-- commune, category, states, filed since (included) and until (excluded), a
-- box (west, south, east, north), and a search in two tiers (exact words
-- first, then without regard to marks, each newest first). Nothing is
-- counted, and no filter tells one reporter's cases from another's.
create function feedback_list(caller jsonb, commune text, category text,
    state jsonb, since timestamptz, until timestamptz, bbox jsonb, q text,
    "limit" int8, "cursor" text)
returns table (status int, etag text, body json)
language plpgsql stable
as $$
#variable_conflict use_variable
declare
    nil      constant uuid := '00000000-0000-0000-0000-000000000000';
    filters  text := concat_ws('|', 'feedback', commune, '', category, '',
                               state, '', since, '', until, '', bbox, '', q);
    states   text[] := case when state is not null then
                           array(select distinct jsonb_array_elements_text(state))
                       end;
    from_at  timestamptz := coalesce(since, '-infinity');
    to_at    timestamptz := coalesce(until, 'infinity');
    at       record;
    n        int := "limit" + 1;
    west     float8 := (bbox ->> 0)::float8;
    south    float8 := (bbox ->> 1)::float8;
    east     float8 := (bbox ->> 2)::float8;
    north    float8 := (bbox ->> 3)::float8;
    ids      uuid[];
    tiers    int[];
    tier     int := 0;
    last_id  uuid;
    next     text;
begin
    if bbox is not null and (west >= east or south >= north
       or abs(west) > 180 or abs(east) > 180
       or abs(south) > 90 or abs(north) > 90)
    then
        return query select null::int, null::text, refusal('invalid-box');
        return;
    end if;

    if "cursor" is null then
        select 1 as tier, to_at as at, nil as last_id into at;
    else
        select c.* into at from feedback_cursor_read("cursor", filters) c;

        if not found then
            return query select null::int, null::text, refusal('invalid-cursor');
            return;
        end if;
    end if;

    if q is not null then
        select p.ids, p.tiers into ids, tiers
        from feedback_page_search(normalize(q, NFC), commune, category, states,
                 west, south, east, north, from_at, greatest(at.tier, 1),
                 at.at, at.last_id, to_at, n) p;
        tier := tiers[n - 1];

    elsif bbox is not null then
        ids := feedback_page_box(west, south, east, north, commune, category,
                                 states, from_at, at.at, at.last_id, n);
    else
        ids := feedback_page(commune, category, states, from_at,
                             at.at, at.last_id, n);
    end if;

    if cardinality(ids) = n then
        ids := trim_array(ids, 1);
        last_id := ids[n - 1];
        select feedback_cursor_make(filters, tier, c.created_at, last_id)
        into next
        from feedback.cases c where c.id = last_id;
    end if;

    return query
        select 200, md5(concat(b.items, next)), json_build_object(
                   'items', b.items, 'next', next)
        from (select feedback_items(ids) as items offset 0) b;
end
$$;
