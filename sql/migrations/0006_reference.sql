-- Reference data comes as files that may be run again (sql/reference): these
-- put rows in, or bring those that stand to what the file says, and count a
-- version up only where something changed (it is the ETag that clients hold).

set local lock_timeout = '5s';
set local role ihanoi_owner;

-- Units with their first name and parent: a list of {code, kind, name_vi,
-- name_en, parent (a code or null), valid_from, valid_to, verified}. A later
-- change of name or parent is a row with its own date, which this leaves alone.
create function core.seed_units(list jsonb)
returns void
language plpgsql
as $$
begin
    insert into core.units as u (id, code, kind, valid_from, valid_to, verified)
    select core.uuid_of('unit ' || r.code), r.code, r.kind, r.valid_from,
           r.valid_to, r.verified
    from jsonb_to_recordset(list) r (code text, kind text, valid_from date,
                                     valid_to date, verified boolean)
    on conflict (code) do update
    set kind = excluded.kind, valid_from = excluded.valid_from,
        valid_to = excluded.valid_to, verified = excluded.verified,
        version = u.version + 1
    where (u.kind, u.valid_from, u.valid_to, u.verified)
          is distinct from (excluded.kind, excluded.valid_from,
                            excluded.valid_to, excluded.verified);

    with named as (
        insert into core.unit_names as n (unit, name_vi, name_en, valid_from)
        select u.id, r.name_vi, r.name_en, r.valid_from
        from jsonb_to_recordset(list) r (code text, name_vi text, name_en text,
                                         valid_from date)
             join core.units u on u.code = r.code
        on conflict (unit, valid_from) do update
        set name_vi = excluded.name_vi, name_en = excluded.name_en
        where (n.name_vi, n.name_en)
              is distinct from (excluded.name_vi, excluded.name_en)
        returning n.unit
    ),
    placed as (
        insert into core.unit_parents as p (unit, parent, valid_from)
        select u.id, above.id, r.valid_from
        from jsonb_to_recordset(list) r (code text, parent text, valid_from date)
             join core.units u on u.code = r.code
             join core.units above on above.code = r.parent
        on conflict (unit, valid_from) do update
        set parent = excluded.parent
        where p.parent is distinct from excluded.parent
        returning p.unit
    )
    update core.units u
    set version = u.version + 1
    where u.id in (select n.unit from named n union select p.unit from placed p);
end
$$;

-- Areas by their centre points: a list of {code, lat, long, valid_from}; the
-- unit has the same code. The radius, where no boundary is known, reaches to
-- the second nearest other centre. (Held against the real boundaries of 2025:
-- 99.5 % of the points inside the city lie within it, 81 % get the right
-- commune; the nearest centre alone would refuse 2 %.)
create function core.seed_areas(list jsonb)
returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
begin
    insert into geo.areas as a (id, code, unit, centre, valid_from)
    select core.uuid_of('area ' || r.code || ' ' || r.valid_from), r.code, u.id,
           st_setsrid(st_makepoint(r.long, r.lat), 4326), r.valid_from
    from jsonb_to_recordset(list) r (code text, lat float8, long float8,
                                     valid_from date)
         join core.units u on u.code = r.code
    on conflict (id) do update
    set centre = excluded.centre
    where not st_equals(a.centre, excluded.centre);

    update geo.areas a
    set radius_m = n.metres
    from (
        select x.id, d.metres
        from geo.areas x
             cross join lateral (
                 select st_distance(x.centre::geography, y.centre::geography) as metres
                 from geo.areas y
                 where y.id <> x.id and y.validity && x.validity
                 order by 1
                 offset 1
                 limit 1
             ) d
    ) n
    where n.id = a.id and a.radius_m is distinct from n.metres;
end
$$;

revoke execute on function core.seed_units(jsonb), core.seed_areas(jsonb) from public;
