-- What a document says of another row makes another version of it, too: a site says which
-- supplies it has, and supplies, tariffs and bookings say whose the site is.
create function supplies_count()
returns trigger
language plpgsql
as $$
begin
    update sites s set version = s.version + 1, changed_at = now()
     where s.id = case tg_op when 'DELETE' then old.site else new.site end;
    return null;
end
$$;

create trigger supplies_count after insert or delete on supplies
    for each row execute function supplies_count();


create function sites_handed_over()
returns trigger
language plpgsql
as $$
begin
    update supplies u set version = u.version + 1, changed_at = now() where u.site = new.id;
    update tariffs t set version = t.version + 1 where t.site = new.id;
    update bookings b set version = b.version + 1 where b.site = new.id;
    return null;
end
$$;

create trigger sites_handed_over after update on sites for each row
    when (old.operator <> new.operator) execute function sites_handed_over();
