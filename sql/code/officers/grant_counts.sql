-- Does a grant count on a day: within its dates, and not revoked by then? (One
-- revoked today does not count today.)
create function grant_counts(g core.officer_grants, at date)
returns boolean
language sql stable
as $$
    select g.validity @> at
           and (g.revoked_at is null
                or (g.revoked_at at time zone 'Asia/Ho_Chi_Minh')::date > at)
$$;
