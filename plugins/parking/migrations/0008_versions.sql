-- Which version of it a site, a supply and a tariff are, and since when a site and a
-- supply are as they are: whoever reads them as APDS compares. A count of free places is
-- no other version.
alter table sites add column version int not null default 1;
alter table sites add column changed_at timestamptz not null default now();
alter table supplies add column version int not null default 1;
alter table supplies add column changed_at timestamptz not null default now();
alter table tariffs add column version int not null default 1;


create function version_dated()
returns trigger
language plpgsql
as $$
begin
    new.version := old.version + 1;
    new.changed_at := now();
    return new;
end
$$;

create trigger sites_version before update on sites for each row
    when ((old.operator, old.name, old.address, st_asbinary(old.location), old.in_service) is distinct from
          (new.operator, new.name, new.address, st_asbinary(new.location), new.in_service))
    execute function version_dated();

create trigger supplies_version before update on supplies for each row
    when ((old.capacity, old.bookable) is distinct from (new.capacity, new.bookable))
    execute function version_dated();


create function version_counted()
returns trigger
language plpgsql
as $$
begin
    new.version := old.version + 1;
    return new;
end
$$;

create trigger tariffs_version before update on tariffs for each row
    when ((old.valid_from, old.valid_to) is distinct from (new.valid_from, new.valid_to))
    execute function version_counted();
