-- Whether a site is open for all of a stay.
create function stay_open(site uuid, arrive timestamptz, leave timestamptz)
returns boolean
language sql stable
as $$
    select coalesce(range_agg(tstzrange(
               (day + o.opens) at time zone 'Asia/Ho_Chi_Minh',
               (day + o.opens + make_interval(mins => o.minutes)) at time zone 'Asia/Ho_Chi_Minh')),
               '{}') @> tstzrange(stay_open.arrive, stay_open.leave)
      from generate_series((stay_open.arrive at time zone 'Asia/Ho_Chi_Minh')::date - 1,
                           (stay_open.leave at time zone 'Asia/Ho_Chi_Minh')::date,
                           interval '1 day') day
      join openings o on o.site = stay_open.site and extract(isodow from day)::int = any (o.days)
$$;
