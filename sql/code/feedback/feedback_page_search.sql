-- The ids of one page of a search and their tiers, strictly after the position
-- (tier, before_at, before_id): first, newest first, the cases that hold the
-- words exactly as typed, then, newest first, those that hold them without
-- regard to marks.
--
-- A frequent word would mean sorting a third of the table to show twenty rows.
-- So the newest days, then the newest weeks are asked one by one, which fills
-- a page of any frequent word; what they do not fill is rare, and asked for at
-- once. Filters that the index knows (commune, category) are part of the
-- question; where few cases pass the others and are of the time that is asked
-- for, at first or after these days and weeks, those few are searched instead.
create function feedback_page_search(q text, commune text, category text,
    states text[], west float8, south float8, east float8, north float8,
    since timestamptz, from_tier int, before_at timestamptz, before_id uuid,
    until timestamptz, n int, out ids uuid[], out tiers int[])
language plpgsql stable
as $$
#variable_conflict use_variable
declare
    few      constant int := 2000;
    days     constant int := 6;
    weeks    constant int := 8;
    exact    tsquery := feedback_query_exact(q);
    plain    tsquery := feedback_query_plain(q);
    nil      constant uuid := '00000000-0000-0000-0000-000000000000';
    base     tsquery;
    wanted   tsquery;
    newest   timestamptz;
    top      timestamptz;
    top_id   uuid;
    bottom   timestamptz;
    day      int;
    among    uuid[];
    found_ids uuid[];
    narrow   constant boolean := states is not null or west is not null
                                 or since > '-infinity' or until < 'infinity';
begin
    ids := '{}';
    tiers := '{}';

    -- only marks, blanks or punctuation: nothing to look for
    if plain is null or exact is null then
        return;
    end if;

    -- (There is no index by time on searches: it would be scanned as a whole
    -- beside the one by words.)
    select c.created_at into newest
    from feedback.cases c where c.listed
    order by c.created_at desc limit 1;

    if newest is null then
        return;
    end if;

    base := plain;
    if commune is not null then
        base := base && tsquery_word('~c' || commune)::tsquery;
    end if;
    if category is not null then
        base := base && tsquery_word('~k' || category)::tsquery;
    end if;

    for t in from_tier .. 2 loop
        among := null;

        if t = from_tier then
            top := before_at;
            top_id := before_id;
        else
            top := until;
            top_id := nil;
        end if;

        if top > newest then
            top := newest + interval '1 microsecond';
            top_id := nil;
        end if;

        for step in 0 .. days + weeks loop
            exit when cardinality(ids) >= n or top <= since;

            if narrow and step in (0, days + weeks) then
                among := feedback_few(states, west, south, east, north,
                                      since, top, few);
            end if;

            -- the day of the newest instant that is still to be seen
            day := feedback_days(top - case when top_id = nil
                then interval '1 microsecond' else interval '0' end);
            wanted := base;
            if t = 1 then
                wanted := wanted && exact;
            end if;

            if among is not null or step = days + weeks then
                bottom := '-infinity';
            elsif step < days then
                bottom := 'epoch'::timestamptz + day * interval '1 day';
                wanted := wanted && tsquery_word('~d' || day)::tsquery;
            else
                bottom := 'epoch'::timestamptz + day / 7 * interval '7 days';
                wanted := wanted && tsquery_word('~w' || day / 7)::tsquery;
            end if;

            if among is not null then
                select array_agg(p.id order by p.created_at desc, p.id desc)
                into found_ids
                from (select m.created_at, m.case_id as id
                      from unnest(among) a (id)
                           join feedback.searches m on m.case_id = a.id
                           join feedback.cases c on c.id = a.id
                      where m.words @@ wanted
                        and (commune is null or c.commune = commune)
                        and (category is null or c.category = category)
                        and (t = 1 or not m.words @@ exact)
                        and m.created_at >= since
                        and (m.created_at, m.case_id) < (top, top_id)
                      order by m.created_at desc, m.case_id desc
                      limit n - cardinality(ids)) p;
            else
                select array_agg(p.id order by p.created_at desc, p.id desc)
                into found_ids
                from (select s.created_at, s.case_id as id
                      from (select m.created_at, m.case_id
                            from feedback.searches m
                            where m.words @@ wanted
                              and (t = 1 or not m.words @@ exact)
                              and m.created_at >= greatest(since, bottom)
                              and (m.created_at, m.case_id) < (top, top_id)
                            order by m.created_at desc, m.case_id desc
                            offset 0) s
                           cross join lateral (
                               select from feedback.cases c
                               where c.id = s.case_id and c.listed
                                 and (commune is null or c.commune = commune)
                                 and (category is null or c.category = category)
                                 and (states is null or c.state = any (states))
                                 and (west is null
                                      or (c.lat between south and north
                                          and c.long between west and east))
                               offset 0) c
                      order by s.created_at desc, s.case_id desc
                      limit n - cardinality(ids)) p;
            end if;

            ids := ids || coalesce(found_ids, '{}');
            tiers := tiers
                || array_fill(t, array[coalesce(cardinality(found_ids), 0)]);

            top := bottom;
            top_id := nil;
        end loop;
    end loop;
end
$$;
