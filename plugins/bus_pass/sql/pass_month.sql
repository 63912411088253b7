-- The first day of the month that is so many after Hà Nội's current one.
create function pass_month(later int)
returns date
language sql stable
return (date_trunc('month', now() at time zone 'Asia/Ho_Chi_Minh')
        + make_interval(months => later))::date;
