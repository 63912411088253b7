-- GET /v1/enrolment/rounds/{id}/places: schools by code, all or those that serve
-- an address.
create function place_list(caller jsonb, id uuid, ward text, street text, cursor text, "limit" int)
returns table (status int, etag text, body json)
language sql stable
as $$
    with page as (
        select p.school, s.name, s.ward, p.quota, row_number() over (order by p.school) as n
          from places p
          join schools s on s.code = p.school
          join rounds r on r.id = p.round
         where p.round = place_list.id
           and (place_list.cursor is null or p.school > split_part(place_list.cursor, '.', 2))
           and (place_list.ward is null
                or in_zone(r.year, r.level, p.school, r.zone_day, place_list.ward, place_list.street))
         order by p.school
         limit "limit" + 1)
    select 200, null::text, json_build_object(
        'items', coalesce((select json_agg(json_build_object('school', p.school, 'name', p.name,
                    'ward', p.ward, 'quota', p.quota) order by p.n) from page p where p.n <= "limit"), '[]'),
        'next', (select 'place.' || p.school from page p where p.n = "limit"
                    and exists (select from page x where x.n > "limit")))
      from rounds r
     where r.id = place_list.id
$$;
