-- "25:10:00" in seconds, 90600; null when it is no time of GTFS.
create function gtfs_seconds(text text)
returns int
language sql immutable parallel safe
return case when text ~ '^[0-9]{1,2}:[0-5][0-9]:[0-5][0-9]$'
            then split_part(text, ':', 1)::int * 3600
                 + split_part(text, ':', 2)::int * 60
                 + split_part(text, ':', 3)::int end;
