-- Whether a pass of a month is good at a time: in that month, and on the buses of its last
-- night, which are of the day before in the timetable, until four in the morning.
create function pass_covers(month date, at timestamptz)
returns boolean
language sql stable
return month in (date_trunc('month', at at time zone 'Asia/Ho_Chi_Minh'),
                 date_trunc('month', (at - interval '4 hours') at time zone 'Asia/Ho_Chi_Minh'));
