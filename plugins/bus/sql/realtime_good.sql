-- When the agency made the message that departures may go by: no row when there is
-- none, or it is older than five minutes.
create function realtime_good()
returns setof timestamptz
language sql stable
as $$
    select r.made_at from realtime r where r.made_at > now() - interval '5 minutes'
$$;
