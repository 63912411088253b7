-- A whole number from lowest to highest; null when the field is empty or is none.
create function gtfs_integer(text text, lowest int, highest int)
returns int
language sql immutable parallel safe
return case when text ~ '^[0-9]{1,9}$' and text::int between lowest and highest
            then text::int end;
