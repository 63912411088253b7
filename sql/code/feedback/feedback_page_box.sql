-- The ids of one page of the public list inside a box, newest first. The box
-- is covered with squares of a hundredth or, when that were more than 49 of
-- those, a tenth of a degree; each square gives its newest few from its index
-- and the page is merged from them. Only the public point counts, so that a
-- box cannot find out what a category's policy blurs. Of the large squares,
-- the ones that hold any case are found by hopping along the index: a box
-- around the globe costs no more than the city has squares. A commune is in
-- few of them: its own list is walked instead. (No bitmap scans: see
-- feedback_page. One plan for all filters would pass over every case to find a
-- rare state, so each call has its own.)
create function feedback_page_box(west float8, south float8, east float8,
    north float8, commune text, category text, states text[],
    since timestamptz, before_at timestamptz, before_id uuid, n int)
returns uuid[]
language plpgsql stable
set enable_bitmapscan = off
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_variable
declare
    ids uuid[];
begin
    if (floor((east + 180) * 100) - floor((west + 180) * 100) + 1)
       * (floor((north + 90) * 100) - floor((south + 90) * 100) + 1) <= 49
    then
        select array_agg(p.id order by p.created_at desc, p.id desc)
        into ids
        from (select w.created_at, w.id
              from generate_series(floor((south + 90) * 100)::int,
                                   floor((north + 90) * 100)::int) y,
                   generate_series(floor((west + 180) * 100)::int,
                                   floor((east + 180) * 100)::int) x
              cross join lateral (
                  select c.created_at, c.id from feedback.cases c
                  where c.listed and c.cell_small = y * 100000 + x
                    and c.lat between south and north
                    and c.long between west and east
                    and c.created_at >= since
                    and (c.created_at, c.id) < (before_at, before_id)
                    and (commune is null or c.commune = commune)
                    and (category is null or c.category = category)
                    and (states is null or c.state = any (states))
                  order by c.created_at desc, c.id desc limit n) w
              order by w.created_at desc, w.id desc limit n) p;

    elsif commune is not null then
        select array_agg(p.id order by p.created_at desc, p.id desc)
        into ids
        from (select c.created_at, c.id from feedback.cases c
              where c.listed and c.commune = commune
                and c.lat between south and north
                and c.long between west and east
                and c.created_at >= since
                and (c.created_at, c.id) < (before_at, before_id)
                and (category is null or c.category = category)
                and (states is null or c.state = any (states))
              order by c.created_at desc, c.id desc limit n) p;

    else
        with recursive squares as (
            (select c.cell_large as cell from feedback.cases c
             where c.listed
               and c.cell_large >= floor((south + 90) * 10)::int * 10000
             order by c.cell_large limit 1)
            union all
            select (select c.cell_large from feedback.cases c
                    where c.listed and c.cell_large > s.cell
                    order by c.cell_large limit 1)
            from squares s
            where s.cell < floor((north + 90) * 10)::int * 10000 + 9999
        )
        select array_agg(p.id order by p.created_at desc, p.id desc)
        into ids
        from (select w.created_at, w.id
              from squares s
              cross join lateral (
                  select c.created_at, c.id from feedback.cases c
                  where c.listed and c.cell_large = s.cell
                    and c.lat between south and north
                    and c.long between west and east
                    and c.created_at >= since
                    and (c.created_at, c.id) < (before_at, before_id)
                    and (category is null or c.category = category)
                    and (states is null or c.state = any (states))
                  order by c.created_at desc, c.id desc limit n) w
              where s.cell is not null
                and s.cell % 10000 between floor((west + 180) * 10)::int
                    and floor((east + 180) * 10)::int
              order by w.created_at desc, w.id desc limit n) p;
    end if;

    return ids;
end
$$;
