-- What a link is today: a row whose time is over is changed only when its person asks again.
create function link_state(state text, asked_until timestamptz, valid_until date)
returns text
language sql stable
as $$
    select case when state = 'asked' and asked_until <= now()
                  or state = 'verified' and valid_until <= today()
                then 'expired' else state end
$$;
