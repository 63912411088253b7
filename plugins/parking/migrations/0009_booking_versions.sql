-- Which version of it a booking is: its right and its session, as APDS has them, are
-- compared by whoever reads them.
alter table bookings add column version int not null default 1;

create trigger bookings_version before update on bookings for each row
    when ((old.state, old.plate, old.entered_at, old.exited_at) is distinct from
          (new.state, new.plate, new.entered_at, new.exited_at))
    execute function version_counted();
