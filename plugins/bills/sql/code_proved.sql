-- Whether a citizen has proved that a customer's meter is his.
create function code_proved(citizen text, customer text)
returns boolean
language sql stable
as $$
    select exists (select from codes c
                    where c.citizen = code_proved.citizen and c.customer = code_proved.customer
                      and c.proved_at is not null)
$$;
