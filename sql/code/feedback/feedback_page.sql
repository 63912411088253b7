-- The ids of one page of the public list, newest first, strictly before
-- (before_at, before_id). One static query for each set of filters: each is
-- planned once per connection and walks one index in the order of the list,
-- so that a page costs the same at any depth and any size of the table.
-- Several states are merged from one short walk each. A generic plan does not
-- know how short: without bitmap scans it takes the index's own order.
create function feedback_page(commune text, category text, states text[],
    since timestamptz, before_at timestamptz, before_id uuid, n int)
returns uuid[]
language plpgsql stable
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
declare
    ids uuid[];
begin
    if states is null then
        if commune is null and category is null then
            select array_agg(p.id order by p.created_at desc, p.id desc)
            into ids
            from (select c.created_at, c.id from feedback.cases c
                  where c.listed and c.created_at >= since
                    and (c.created_at, c.id) < (before_at, before_id)
                  order by c.created_at desc, c.id desc limit n) p;

        elsif category is null then
            select array_agg(p.id order by p.created_at desc, p.id desc)
            into ids
            from (select c.created_at, c.id from feedback.cases c
                  where c.listed and c.commune = commune
                    and c.created_at >= since
                    and (c.created_at, c.id) < (before_at, before_id)
                  order by c.created_at desc, c.id desc limit n) p;

        elsif commune is null then
            select array_agg(p.id order by p.created_at desc, p.id desc)
            into ids
            from (select c.created_at, c.id from feedback.cases c
                  where c.listed and c.category = category
                    and c.created_at >= since
                    and (c.created_at, c.id) < (before_at, before_id)
                  order by c.created_at desc, c.id desc limit n) p;

        else
            select array_agg(p.id order by p.created_at desc, p.id desc)
            into ids
            from (select c.created_at, c.id from feedback.cases c
                  where c.listed and c.commune = commune
                    and c.category = category and c.created_at >= since
                    and (c.created_at, c.id) < (before_at, before_id)
                  order by c.created_at desc, c.id desc limit n) p;
        end if;

    elsif commune is null and category is null then
        select array_agg(p.id order by p.created_at desc, p.id desc)
        into ids
        from (select w.created_at, w.id
              from unnest(states) s (state) cross join lateral (
                  select c.created_at, c.id from feedback.cases c
                  where c.listed and c.state = s.state
                    and c.created_at >= since
                    and (c.created_at, c.id) < (before_at, before_id)
                  order by c.created_at desc, c.id desc limit n) w
              order by w.created_at desc, w.id desc limit n) p;

    elsif category is null then
        select array_agg(p.id order by p.created_at desc, p.id desc)
        into ids
        from (select w.created_at, w.id
              from unnest(states) s (state) cross join lateral (
                  select c.created_at, c.id from feedback.cases c
                  where c.listed and c.commune = commune
                    and c.state = s.state and c.created_at >= since
                    and (c.created_at, c.id) < (before_at, before_id)
                  order by c.created_at desc, c.id desc limit n) w
              order by w.created_at desc, w.id desc limit n) p;

    elsif commune is null then
        select array_agg(p.id order by p.created_at desc, p.id desc)
        into ids
        from (select w.created_at, w.id
              from unnest(states) s (state) cross join lateral (
                  select c.created_at, c.id from feedback.cases c
                  where c.listed and c.category = category
                    and c.state = s.state and c.created_at >= since
                    and (c.created_at, c.id) < (before_at, before_id)
                  order by c.created_at desc, c.id desc limit n) w
              order by w.created_at desc, w.id desc limit n) p;

    else
        select array_agg(p.id order by p.created_at desc, p.id desc)
        into ids
        from (select w.created_at, w.id
              from unnest(states) s (state) cross join lateral (
                  select c.created_at, c.id from feedback.cases c
                  where c.listed and c.commune = commune
                    and c.state = s.state and c.category = category
                    and c.created_at >= since
                    and (c.created_at, c.id) < (before_at, before_id)
                  order by c.created_at desc, c.id desc limit n) w
              order by w.created_at desc, w.id desc limit n) p;
    end if;

    return ids;
end
$$;
