-- A round's title for who reads English; null where nobody has given one.
alter table rounds add column title_en text;
