-- The calendar that a unit works by at a date: its own, else the city's.
create function calendar_of(unit uuid, at date default core.today())
returns text
language plpgsql stable
as $$
begin
    return (
        select coalesce(
            (select c.calendar
             from core.unit_calendars c
             where c.unit = calendar_of.unit and c.validity @> calendar_of.at),
            setting('calendar.default', calendar_of.at) #>> '{}'));
end
$$;
