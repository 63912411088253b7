-- The band that facts are in at a school: the first that holds, null when none
-- does. A predicate over what was not declared does not hold. A day begins in Hà Nội.
create function band_of(year int, level text, facts jsonb)
returns int
language sql stable
set timezone = 'Asia/Ho_Chi_Minh'
as $$
    select b.position
      from bands b
     where b.year = band_of.year and b.level = band_of.level
       and jsonb_path_match_tz(band_of.facts, b.holds, silent => true)
     order by b.position
     limit 1
$$;
