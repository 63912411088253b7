-- How many places are taken at the busiest moment of a stay. Who has come before it
-- should takes a place from then on; a vehicle that has not left when it should takes
-- its place for another hour, whatever the time is.
create or replace function places_taken(site uuid, vehicle text, arrive timestamptz, leave timestamptz)
returns bigint
language sql volatile
as $$
    with taken as (
        select least(b.arrive, b.entered_at) as begins,
               case b.state when 'entered' then greatest(b.leave, clock_timestamp() + interval '1 hour')
                            else b.leave end as ends
          from bookings b
         where b.site = places_taken.site and b.vehicle = places_taken.vehicle
           and b.state in ('held', 'paid', 'entered')
           and (b.state <> 'held' or b.hold_until > clock_timestamp())
           and least(b.arrive, b.entered_at) < places_taken.leave
           and (b.leave > places_taken.arrive or b.state = 'entered')
    ), moments as (
        select greatest(t.begins, places_taken.arrive) as at, 1 as n from taken t
         where t.ends > places_taken.arrive
        union all
        select t.ends, -1 from taken t where t.ends > places_taken.arrive
    )
    select coalesce(max(s.n), 0)
      from (select sum(m.n) over (order by m.at, m.n rows unbounded preceding) as n
              from moments m) s
$$;
