-- "20261126" as a date; null when it is none.
create function gtfs_date(text text)
returns date
language plpgsql immutable parallel safe
as $$
begin
    return case when text ~ '^[0-9]{8}$' then text::date end;
exception
    when datetime_field_overflow then
        return null;
end
$$;
