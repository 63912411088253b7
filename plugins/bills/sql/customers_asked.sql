-- The company has answered about customers: it is asked about them again after an interval
-- (seconds). Of what somebody has saved meanwhile it is asked at once.
create function customers_asked(customers jsonb, again int)
returns void
language sql
as $$
    update codes c
       set check_at = now() + make_interval(secs => again)
      from jsonb_array_elements_text(customers) x (customer)
     where c.customer = x.customer and c.remind and c.check_at > now()
$$;
