-- Links and leave are asked for once under their key, too, as what is said (0012).
alter table links add column key text;
alter table leave_requests add column key text;

create unique index links_asked_once on links (person, key) where key is not null;
create unique index leave_asked_once on leave_requests (asked_by, key) where key is not null;
