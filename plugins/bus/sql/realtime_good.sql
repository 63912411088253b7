-- The message of the agency that departures may go by: null when there is none, or it
-- is older than five minutes. Not in SQL, as stop_platforms().
create function realtime_good()
returns timestamptz
language plpgsql stable
as $$
begin
    return (select r.made_at from realtime r
             where r.made_at > now() - interval '5 minutes');
end
$$;
