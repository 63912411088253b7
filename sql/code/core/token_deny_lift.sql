-- Takes a denial back: whether there was one in force. The row stays for a day
-- (job_expire()), so that each gateway reads at its next poll that it is over.
create function token_deny_lift(iss text, kind text, value text)
returns boolean
language sql volatile
as $$
    with lifted as (
        update core.denied_tokens d
        set forget_at = core.now(), xid = pg_current_xact_id()
        where (d.iss, d.kind, d.value)
              = (token_deny_lift.iss, token_deny_lift.kind, token_deny_lift.value)
          and d.forget_at > core.now()
        returning 1)
    select exists (select from lifted)
$$;
