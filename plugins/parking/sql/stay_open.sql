-- Whether a site is open for all of a stay. Days are timestamps of Hà Nội, as in
-- stay_pieces().
create function stay_open(site uuid, arrive timestamptz, leave timestamptz)
returns boolean
language sql stable
as $$
    select coalesce(range_agg(tstzrange(
               (day + o.opens) at time zone 'Asia/Ho_Chi_Minh',
               (day + o.opens + make_interval(mins => o.minutes)) at time zone 'Asia/Ho_Chi_Minh')),
               '{}') @> tstzrange(stay_open.arrive, stay_open.leave)
      from generate_series(date_trunc('day', stay_open.arrive at time zone 'Asia/Ho_Chi_Minh')
                               - interval '1 day',
                           stay_open.leave at time zone 'Asia/Ho_Chi_Minh',
                           interval '1 day') day
      join openings o on o.site = stay_open.site and extract(isodow from day)::int = any (o.days)
$$;
