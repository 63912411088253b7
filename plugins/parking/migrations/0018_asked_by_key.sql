-- The Idempotency-Key under which its owner has asked for a payment, the last time. Whoever has
-- heard no answer asks again by the same: by then it may be paid, which "nothing to pay" would
-- not say.
alter table charges add column key text;


create or replace function money_change()
returns trigger
language plpgsql
as $$
declare
    moving  text[] := array['state', 'intent', 'paid_at', 'check_at', 'checks', 'why', 'attempts',
                            'due_at', 'finished_at', 'refunded', 'key'];
begin
    if tg_op = 'INSERT' then
        if new.state not in ('open', 'requested') then
            raise exception using errcode = 'check_violation', constraint = 'money_change',
                message = format('%s begin open', tg_table_name);
        end if;

        if tg_table_name = 'refunds' then
            if (select c.state from charges c where c.id = new.charge) not in ('paid', 'late') then
                raise exception using errcode = 'check_violation', constraint = 'money_change',
                    message = 'what was not paid does not go back';
            end if;
        end if;

    elsif to_jsonb(old) - moving <> to_jsonb(new) - moving
          or old.state not in ('open', 'left', 'requested') and old.state <> new.state
             and (old.state, new.state) <> ('refused', 'done')
          or to_jsonb(old) ->> 'intent' <> to_jsonb(new) ->> 'intent'
          or (to_jsonb(old) ->> 'refunded')::bigint > (to_jsonb(new) ->> 'refunded')::bigint
    then
        raise exception using errcode = 'check_violation', constraint = 'money_change',
            message = format('what %s are about does not change', tg_table_name);
    end if;

    return new;
end
$$;
