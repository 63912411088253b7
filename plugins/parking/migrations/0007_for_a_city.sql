-- What is done each minute, or for one person, reads what it is about, and not each booking
-- that there has ever been.

-- Booked quotes are kept: quotes_forget() notes it once, and passes over them from then on.
alter table quotes add kept boolean not null default false;

drop index quotes_by_age;
create index quotes_by_age on quotes (expires_at) where not kept;
create index quotes_of_owner on quotes (owner) where not kept;
create index notices_of_booking on notices (booking);
