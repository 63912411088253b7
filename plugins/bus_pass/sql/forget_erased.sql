-- Passes of erased people that wait for no payment become nobody's: how many. One whose
-- payment we do not know is found at payments by its payer. One that was asked for once
-- more since then is of the new account.
create function forget_erased()
returns int
language plpgsql
as $$
declare
    n  int;
begin
    update passes p set holder = 'erased ' || p.id, key = null
      from erased e
     where p.holder = e.holder and greatest(p.created_at, p.again_at) <= e.at
       and p.state <> 'pending' and (p.payment is not null or p.closed);
    get diagnostics n = row_count;

    delete from erased e
     where not exists (select from passes p
                        where p.holder = e.holder
                          and greatest(p.created_at, p.again_at) <= e.at);

    return n;
end
$$;
