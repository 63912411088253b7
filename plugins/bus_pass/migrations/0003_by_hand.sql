-- What a gateway has refused may be given back by hand.
create or replace function passes_change()
returns trigger
language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'pending' or new.refund is not null then
            raise exception using errcode = 'check_violation', constraint = 'passes_change',
                message = 'a pass begins as pending';
        end if;

        return new;
    end if;

    if (old.id, old.code, old.product, old.month, old.price, old.gateway)
       <> (new.id, new.code, new.product, new.month, new.price, new.gateway)
       or old.holder <> new.holder
          and not (new.holder = 'erased ' || new.id and old.state <> 'pending')
       or old.route is distinct from new.route
       or old.payment is not null and new.payment is distinct from old.payment
    then
        raise exception using errcode = 'check_violation', constraint = 'passes_change',
            message = 'what a pass is about does not change';
    end if;

    if old.state <> new.state then
        if not exists (select from pass_transitions t
                        where t.old = old.state and t.new = new.state)
        then
            raise exception using errcode = 'check_violation', constraint = 'passes_change',
                message = format('a pass that is %s does not become %s', old.state, new.state);
        end if;

        new.changed_at := now();
    end if;

    if old.refund is distinct from new.refund
       and (new.refund is null or old.refund = 'done'
            or old.refund = 'refused' and new.refund <> 'done')
    then
        raise exception using errcode = 'check_violation', constraint = 'passes_change',
            message = 'a refund that is over stays so';
    end if;

    return new;
end
$$;
