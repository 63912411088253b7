-- A right is another version with each price that is another one, and never an older: a
-- tariff whose rates are changed is another version, and one that goes leaves what it
-- counted, twice and once for being over (apds_right), to the supply.
create function rates_count()
returns trigger
language plpgsql
as $$
begin
    update tariffs t set version = t.version + 1 where t.id in (old.tariff, new.tariff);
    return null;
end
$$;

create trigger rates_count after insert or update or delete on rates
    for each row execute function rates_count();


create function tariffs_gone()
returns trigger
language plpgsql
as $$
begin
    update supplies u
       set version = u.version + 2 * old.version + 2, changed_at = now()
     where u.site = old.site and u.vehicle = old.vehicle;
    return null;
end
$$;

create trigger tariffs_deleted after delete on tariffs
    for each row execute function tariffs_gone();

create trigger tariffs_moved after update on tariffs for each row
    when ((old.site, old.vehicle) is distinct from (new.site, new.vehicle))
    execute function tariffs_gone();
