-- Takes boundaries over from the temporary table import_features (number int,
-- feature jsonb): GeoJSON features with the property "code", in WGS84. Called
-- by "ihanoi import-boundaries", which fills that table, in one transaction:
-- an error leaves everything as it was, and running it again changes nothing.
--
-- Area and unit are found by code, as they stand on the day "at". What real
-- files have, this handles and reports: invalid rings are repaired, codes that
-- no unit has are skipped, overlaps and gaps are measured (the gaps against the
-- union with its holes filled and inlets narrower than twice the setting
-- geo.tolerance_m closed). Where boundaries overlap, a look-up takes the lowest
-- code; where they gape, the nearest.
--
-- Returns the report, which is also kept in geo.imports.
create function boundaries_import(source text, at date)
returns json
language plpgsql
as $$
declare
    import_id  uuid := gen_random_uuid();
    tolerance  float8 := (setting('geo.tolerance_m', at))::float8;
    total      int;
    f          record;
    wanted     text;
    place      uuid;
    unit_id    uuid;
    geom       geometry;
    fixed      geometry;
    made       int := 0;
    created    text[] := '{}';
    unknown    text[] := '{}';
    repaired   jsonb := '[]';
    whole      geometry;
    gaps       geometry;
    found_report  jsonb;
begin
    select count(*) into total from import_features;

    insert into geo.imports (id, source, report)
    values (import_id, boundaries_import.source, '{}');

    for f in select i.number, i.feature from import_features i order by i.number loop
        wanted := f.feature #>> '{properties,code}';

        if f.feature ->> 'type' is distinct from 'Feature' or wanted is null then
            raise exception 'feature %: no GeoJSON feature with a property "code"', f.number;
        end if;

        if coalesce(f.feature #>> '{geometry,type}', '') not in ('Polygon', 'MultiPolygon') then
            raise exception 'feature % (code %): geometry is "%", not Polygon or MultiPolygon',
                f.number, wanted, f.feature #>> '{geometry,type}';
        end if;

        geom := st_setsrid(st_force2d(st_geomfromgeojson(f.feature -> 'geometry')), 4326);

        if st_isempty(geom) or st_xmin(geom) < -180 or st_xmax(geom) > 180
           or st_ymin(geom) < -90 or st_ymax(geom) > 90
        then
            raise exception 'feature % (code %): not in longitude and latitude (WGS84)',
                f.number, wanted;
        end if;

        if not st_isvalid(geom) then
            fixed := st_collectionextract(st_makevalid(geom), 3);
            repaired := repaired || jsonb_build_object(
                'code', wanted, 'name', f.feature #>> '{properties,fullName}',
                'reason', st_isvalidreason(geom),
                'm2_before', round(st_area(geom::geography)),
                'm2_after', round(st_area(fixed::geography)));
            geom := fixed;
        else
            fixed := null;
        end if;

        select u.id into unit_id
        from core.units u
        where u.code = wanted and u.validity @> boundaries_import.at;

        if not found then
            unknown := unknown || wanted;
            continue;
        end if;

        select a.id into place
        from geo.areas a
        where a.unit = unit_id and a.code = wanted
          and a.validity @> boundaries_import.at;

        if not found then
            insert into geo.areas (code, unit, centre, valid_from)
            select u.code, u.id, st_pointonsurface(geom), u.valid_from
            from core.units u
            where u.id = unit_id
            returning id into place;
            created := created || wanted;
        end if;

        if exists (select from geo.boundaries b
                   where b.area = place and b.import = import_id)
        then
            raise exception 'feature % (code %): the file has this code twice',
                f.number, wanted;
        end if;

        insert into geo.boundaries as b (area, import, repaired, geom)
        values (place, import_id, fixed is not null, st_multi(geom))
        on conflict (area) do update
        set import = excluded.import, repaired = excluded.repaired,
            geom = excluded.geom;

        delete from geo.pieces p where p.area = place;

        insert into geo.pieces (area, geom)
        select place, st_subdivide(geom, 64);

        made := made + 1;

        if made % 20 = 0 then
            raise notice '% of % boundaries', made, total;
        end if;
    end loop;

    if made = 0 then
        raise exception 'no feature has the code of a unit that stands on %', at;
    end if;

    raise notice '% of % boundaries; measuring gaps and overlaps', made, total;

    select st_union(b.geom) into whole
    from geo.boundaries b
         join geo.areas a on a.id = b.area
    where a.validity @> boundaries_import.at;

    -- Metres: UTM zone 48 north, in which the city lies.
    gaps := st_transform(whole, 32648);
    gaps := st_difference(
        st_buffer(st_buffer(
            (select st_union(st_makepolygon(st_exteriorring(d.geom)))
             from st_dump(gaps) d), tolerance), -tolerance),
        gaps);

    with pieces as (
        select a.code as code_a, b.code as code_b,
               st_area(st_intersection(x.geom, y.geom)::geography) as m2
        from geo.boundaries x
             join geo.areas a on a.id = x.area and a.validity @> boundaries_import.at
             join geo.boundaries y on y.geom && x.geom
             join geo.areas b on b.id = y.area and b.validity @> boundaries_import.at
                                 and b.code > a.code
        where st_intersects(x.geom, y.geom) and not st_touches(x.geom, y.geom)
    ),
    holes as (
        select st_area(d.geom) as m2,
               st_transform(st_pointonsurface(d.geom), 4326) as inside
        from st_dump(gaps) d
        where st_area(d.geom) >= 1
    )
    select jsonb_build_object(
        'source', boundaries_import.source,
        'at', boundaries_import.at,
        'features', total,
        'imported', made,
        'created', to_jsonb(created),
        'unknown', to_jsonb(unknown),
        'missing', (select coalesce(jsonb_agg(a.code order by a.code), '[]')
                    from geo.areas a
                    where a.validity @> boundaries_import.at
                      and not exists (select from geo.boundaries b where b.area = a.id)),
        'repaired', repaired,
        'centre_outside', (select coalesce(jsonb_agg(a.code order by a.code), '[]')
                           from geo.areas a join geo.boundaries b on b.area = a.id
                           where b.import = import_id and not st_covers(b.geom, a.centre)),
        'pieces', (select count(*) from geo.pieces),
        'km2', round((st_area(whole::geography) / 1000000)::numeric, 2),
        'overlaps', jsonb_build_object(
            'count', (select count(*) from pieces p where p.m2 >= 1),
            'm2', (select round(coalesce(sum(p.m2), 0)) from pieces p where p.m2 >= 1),
            'worst', (select coalesce(jsonb_agg(jsonb_build_object(
                                 'codes', jsonb_build_array(w.code_a, w.code_b),
                                 'm2', round(w.m2)) order by w.m2 desc), '[]')
                      from (select * from pieces p where p.m2 >= 1
                            order by p.m2 desc limit 10) w)),
        'gaps', jsonb_build_object(
            'count', (select count(*) from holes),
            'percent', round((100 * (select coalesce(sum(h.m2), 0) from holes h)
                              / (st_area(whole::geography)
                                 + (select coalesce(sum(h.m2), 0) from holes h)))::numeric, 3),
            'worst', (select coalesce(jsonb_agg(jsonb_build_object(
                                 'lat', round(st_y(w.inside)::numeric, 5),
                                 'long', round(st_x(w.inside)::numeric, 5),
                                 'm2', round(w.m2)) order by w.m2 desc), '[]')
                      from (select * from holes h order by h.m2 desc limit 10) w)))
    into found_report;

    update geo.imports i set report = found_report
    where i.id = import_id;

    return found_report;
end
$$;
