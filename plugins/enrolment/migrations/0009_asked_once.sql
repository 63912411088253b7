-- A round is made once under its key, and an appeal opened: whoever has heard no answer
-- sends it again, and the answer that was kept may be lost. Null where none was given.
alter table rounds add column key text;
alter table appeals add column key text;

create unique index rounds_made_once on rounds (key) where key is not null;
create unique index appeals_opened_once on appeals (application, key) where key is not null;
