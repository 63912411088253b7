-- Puts the days of a year as announced in place of those before.
--
-- days: [{day, vi, en, like}]
create function days_replace(year int, days jsonb)
returns int
language plpgsql
as $$
declare
    n  int;
begin
    delete from announced_days d where extract(year from d.day) = days_replace.year;

    insert into announced_days (day, vi, en, works_like)
    select (x ->> 'day')::date, x ->> 'vi', x ->> 'en', (x ->> 'like')::int
      from jsonb_array_elements(days) x
     where extract(year from (x ->> 'day')::date) = days_replace.year;

    get diagnostics n = row_count;
    return n;
end
$$;
