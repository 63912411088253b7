-- The listed cases in these states and in this box (null: any), filed since and
-- until, where they are at most so many; null where there are more.
create function feedback_few(states text[], west float8, south float8,
    east float8, north float8, since timestamptz, until timestamptz, most int)
returns uuid[]
language plpgsql stable
set enable_bitmapscan = off
as $$
#variable_conflict use_variable
declare
    ids uuid[];
begin
    if states is null then
        select coalesce(array_agg(f.id), '{}') into ids
        from (select c.id from feedback.cases c
              where c.listed and c.created_at >= since and c.created_at <= until
              order by c.created_at desc, c.id desc
              limit most + 1) f;
    else
        select coalesce(array_agg(f.id), '{}') into ids
        from (select w.id
              from unnest(states) s (state)
                   cross join lateral (
                       select c.id from feedback.cases c
                       where c.listed and c.state = s.state
                         and c.created_at >= since and c.created_at <= until
                       order by c.created_at desc, c.id desc
                       limit most + 1) w
              limit most + 1) f;
    end if;

    if cardinality(ids) <= most then
        if west is not null then
            ids := array(select c.id from unnest(ids) i (id)
                              join feedback.cases c on c.id = i.id
                         where c.lat between south and north
                           and c.long between west and east);
        end if;
        return ids;
    end if;

    -- a box of more than so many small squares is no small one
    if west is not null
       and (floor((east + 180) * 100) - floor((west + 180) * 100) + 1)
           * (floor((north + 90) * 100) - floor((south + 90) * 100) + 1) <= 49
    then
        select coalesce(array_agg(f.id), '{}') into ids
        from (select w.id
              from generate_series(floor((south + 90) * 100)::int,
                                   floor((north + 90) * 100)::int) y,
                   generate_series(floor((west + 180) * 100)::int,
                                   floor((east + 180) * 100)::int) x
                   cross join lateral (
                       select c.id from feedback.cases c
                       where c.listed and c.cell_small = y * 100000 + x
                         and c.lat between south and north
                         and c.long between west and east
                         and c.created_at >= since and c.created_at <= until
                         and (states is null or c.state = any (states))
                       limit most + 1) w
              limit most + 1) f;

        if cardinality(ids) <= most then
            return ids;
        end if;
    end if;

    return null;
end
$$;
