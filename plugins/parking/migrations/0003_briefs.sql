-- What the search gives of a site, written when it changes and not when it is read:
-- a search reads far more often, and joining and building it was most of its time.

alter table sites add column brief text not null default '';
alter table sites add column supplies_brief text not null default '';
alter table sites add column vehicles text[] not null default '{}';
alter table sites add column fresh_until timestamptz not null default 'infinity';
alter table supplies add column stale_at timestamptz;


-- The members of a site in a list but for its distance and its supplies.
create function sites_brief()
returns trigger
language plpgsql
as $$
begin
    new.brief := format('"id": %s, "name": %s, "address": %s, "operator": %s, "location": %s',
        to_json(new.id), to_json(new.name), to_json(new.address),
        (select to_json(o.name) from operators o where o.id = new.operator),
        json_build_object('lat', st_y(new.location::geometry), 'long', st_x(new.location::geometry)));

    return new;
end
$$;

create trigger sites_brief before insert or update of name, address, location, operator on sites
    for each row execute function sites_brief();


create function supplies_stale()
returns trigger
language plpgsql
as $$
begin
    new.stale_at := new.observed_at + (
        select make_interval(secs => o.stale_seconds)
          from operators o join sites s on s.operator = o.id
         where s.id = new.site);

    return new;
end
$$;

create trigger supplies_stale before insert or update of free, observed_at on supplies
    for each row execute function supplies_stale();


-- The supplies of a site in a list, as they are until the first count grows stale.
-- The site's row is locked first: who comes later reads what came before.
create function supplies_brief()
returns trigger
language plpgsql
as $$
declare
    which  uuid := case tg_op when 'DELETE' then old.site else new.site end;
begin
    perform from sites s where s.id = which for no key update;

    update sites s
       set vehicles = b.vehicles, supplies_brief = b.brief, fresh_until = b.fresh_until
      from (select coalesce(array_agg(u.vehicle), '{}') as vehicles,
                   coalesce(string_agg(json_build_object(
                       'vehicle', u.vehicle, 'capacity', u.capacity, 'bookable', u.bookable,
                       'occupancy', case when u.observed_at is not null then json_build_object(
                           'free', u.free, 'observed_at', u.observed_at, 'stale', false) end)::text,
                       ', ' order by u.vehicle), '') as brief,
                   coalesce(min(u.stale_at), 'infinity') as fresh_until
              from supplies u where u.site = which) b
     where s.id = which;

    return null;
end
$$;

create trigger supplies_brief
    after insert or delete or update of capacity, bookable, free, observed_at on supplies
    for each row execute function supplies_brief();


-- An operator that has another name, or another patience, has it everywhere.
create function operators_brief()
returns trigger
language plpgsql
as $$
begin
    update sites s set name = s.name where s.operator = new.id;
    update supplies u set free = u.free from sites s where s.id = u.site and s.operator = new.id;
    return null;
end
$$;

create trigger operators_brief after update of name, stale_seconds on operators
    for each row execute function operators_brief();


-- Those that are there already.
update sites set name = name;
update supplies set free = free;
