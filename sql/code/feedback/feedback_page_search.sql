-- The ids of one page of a search and the tier of its last one, strictly after
-- the position (tier, before_at, before_id): first, newest first, the cases
-- that hold the words exactly as typed, then, newest first, those that hold
-- them without regard to marks.
--
-- A frequent word would mean sorting a third of the table to show twenty rows.
-- So the newest eight weeks are asked one by one, which fills a page of any
-- frequent word; what they do not fill is rare, and asked for at once.
create function feedback_page_search(q text, commune text, category text,
    states text[], west float8, south float8, east float8, north float8,
    since timestamptz, from_tier int, before_at timestamptz, before_id uuid,
    until timestamptz, n int, out ids uuid[], out tiers int[])
language plpgsql stable
as $$
#variable_conflict use_variable
declare
    exact  tsquery := feedback_query_exact(q);
    plain  tsquery := feedback_query_plain(q);
    nil    constant uuid := '00000000-0000-0000-0000-000000000000';
    newest timestamptz;
    oldest timestamptz;
    top    timestamptz;
    top_id uuid;
    floor_at timestamptz;
    wanted tsquery;
    found_ids uuid[];
begin
    ids := '{}';
    tiers := '{}';

    -- only marks, blanks or punctuation: nothing to look for
    if numnode(plain) = 0 then
        return;
    end if;

    select c.created_at into newest
    from feedback.cases c where c.listed
    order by c.created_at desc limit 1;

    for t in from_tier .. 2 loop
        if t = from_tier then
            top := before_at;
            top_id := before_id;
        else
            top := until;
            top_id := nil;
        end if;

        for step in 0 .. 8 loop
            exit when cardinality(ids) >= n or newest is null;

            if step < 8 then
                -- the week that holds the newest instant still to be seen
                if top > newest then
                    top := newest + interval '1 microsecond';
                    top_id := nil;
                end if;

                floor_at := 'epoch'::timestamptz + interval '7 days'
                    * feedback_week(top - case when top_id = nil
                        then interval '1 microsecond' else interval '0' end);
                wanted := ('''~' || feedback_week(floor_at) || '''')::tsquery;
            else
                floor_at := '-infinity';
                wanted := null;
            end if;

            if wanted is not null then
                wanted := plain && wanted;
            else
                wanted := plain;
            end if;

            if t = 1 then
                wanted := wanted && exact;
            end if;

            select array_agg(p.id order by p.created_at desc, p.id desc)
            into found_ids
            from (select s.created_at, s.case_id as id
                  from (select m.created_at, m.case_id
                        from feedback.searches m
                        where m.words @@ wanted
                          and (t = 1 or not m.words @@ exact)
                          and m.created_at >= greatest(since, floor_at)
                          and (m.created_at, m.case_id) < (top, top_id)
                        order by m.created_at desc, m.case_id desc) s
                  join feedback.cases c on c.id = s.case_id
                  where c.listed
                    and (commune is null or c.commune = commune)
                    and (category is null or c.category = category)
                    and (states is null or c.state = any (states))
                    and (west is null or (c.lat between south and north
                         and c.long between west and east))
                  order by s.created_at desc, s.case_id desc
                  limit n - cardinality(ids)) p;

            ids := ids || coalesce(found_ids, '{}');
            tiers := tiers || array_fill(t, array[coalesce(cardinality(found_ids), 0)]);

            top := floor_at;
            top_id := nil;
            exit when floor_at <= since;
        end loop;
    end loop;
end
$$;
