-- A latitude or longitude up to most degrees; null when it is none.
create function gtfs_degrees(text text, most int)
returns float8
language sql immutable parallel safe
return case when text ~ '^-?[0-9]{1,3}(\.[0-9]{1,20})?$'
                 and abs(text::float8) <= most
            then text::float8 end;
