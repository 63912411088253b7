-- Where the named columns of a file are: an array of positions, null for those
-- that it lacks, so that fields[...] of it is null too.
create function feed_positions(feed int, file text, names text[])
returns int[]
language sql stable
as $$
    select array_agg(array_position(f.columns, n.name) order by n.ordinality)
      from unnest(names) with ordinality as n (name, ordinality)
      left join feed_files f
        on f.feed = feed_positions.feed and f.file = feed_positions.file
$$;
