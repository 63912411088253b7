-- A stay cut where the segments of a tariff begin and end, and what each piece
-- costs: its minutes in begun units, no more than the cap. Seconds do not count. Days
-- are timestamps of Hà Nội: as dates they would be midnights of the session's zone.
create function stay_pieces(tariff uuid, arrive timestamptz, leave timestamptz)
returns table (segment text, begins timestamptz, ends timestamptz, minutes int,
               unit_minutes int, units int, price bigint, amount bigint)
language sql stable
as $$
    with stay as (
        select date_trunc('minute', stay_pieces.arrive at time zone 'Asia/Ho_Chi_Minh') as first,
               date_trunc('minute', stay_pieces.leave at time zone 'Asia/Ho_Chi_Minh') as last
    ), pieces as (
        select r.segment, r.unit_minutes, r.price, r.cap,
               greatest(day + r.starts, s.first) as begins,
               least(day + r.starts + make_interval(mins => r.minutes), s.last) as ends
          from stay s
         cross join generate_series(date_trunc('day', s.first) - interval '1 day', s.last, interval '1 day') day
          join rates r on r.tariff = stay_pieces.tariff
                      and extract(isodow from day)::int = any (r.days)
    )
    select p.segment, p.begins at time zone 'Asia/Ho_Chi_Minh', p.ends at time zone 'Asia/Ho_Chi_Minh',
           m.minutes, p.unit_minutes, u.units, p.price, least(u.units * p.price, p.cap)
      from pieces p
     cross join lateral (select (extract(epoch from p.ends - p.begins) / 60)::int as minutes) m
     cross join lateral (select (m.minutes + p.unit_minutes - 1) / p.unit_minutes as units) u
     where p.begins < p.ends
     order by p.begins
$$;
