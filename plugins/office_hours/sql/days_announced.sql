-- The days of a year as announced, in order.
create function days_announced(year int)
returns table (day date, vi text, en text, works_like int)
language sql stable
as $$
    select d.day, d.vi, d.en, d.works_like
      from announced_days d
     where d.day between make_date(days_announced.year, 1, 1)
                     and make_date(days_announced.year, 12, 31)
     order by d.day
$$;
