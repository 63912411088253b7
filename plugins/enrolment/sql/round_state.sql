-- What a round is to people at this instant.
create function round_state(r rounds)
returns text
language sql stable
as $$
    select case when r.stage <> 'taking' then r.stage
                when instant() < r.opens_at then 'upcoming'
                when instant() < r.closes_at then 'open'
                else 'over' end
$$;
