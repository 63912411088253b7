-- A right and a session are other versions when their site is another operator's, or its
-- operator has another name: counted with the site, since to write its bookings, of years
-- it may be, keeps its supplies, and so whoever books there, waiting until that is done.
alter table sites add column issuers int not null default 0;


create or replace function sites_handed_over()
returns trigger
language plpgsql
as $$
begin
    update supplies u set version = u.version + 1, changed_at = now() where u.site = new.id;
    update tariffs t set version = t.version + 1 where t.site = new.id;
    update sites s set issuers = s.issuers + 1 where s.id = new.id;
    return null;
end
$$;


create or replace function operators_renamed()
returns trigger
language plpgsql
as $$
begin
    update sites s set issuers = s.issuers + 1 where s.operator = new.id;
    return null;
end
$$;
