-- A supply that goes leaves its version to its site, so that one that comes under its name
-- is a newer version, as is its right, and never one that was told before.
alter table sites add column supplies_gone int not null default 0;     -- the greatest version of such


create or replace function supplies_count()
returns trigger
language plpgsql
as $$
begin
    update sites s
       set version = s.version + 1, changed_at = now(),
           supplies_gone = case tg_op when 'DELETE' then greatest(s.supplies_gone, old.version)
                                      else s.supplies_gone end
     where s.id = case tg_op when 'DELETE' then old.site else new.site end;
    return null;
end
$$;


create function supplies_begin()
returns trigger
language plpgsql
as $$
begin
    select s.supplies_gone + 1 into new.version
      from sites s where s.id = new.site
       for no key update;
    return new;
end
$$;

create trigger supplies_begin before insert on supplies
    for each row execute function supplies_begin();
