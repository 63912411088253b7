-- Citizens whose account was erased, until nothing of them is left here: a day or two,
-- or as long as an order is not over (forget_erased).
create table erased (
    citizen  text primary key,
    at       timestamptz not null
);


-- An order stays, as an accounting document: of an erased citizen it is nobody's any more,
-- and when nobody paid, it has no phone either.
alter table orders drop constraint orders_are_of_a_kind;
alter table orders add constraint orders_are_of_a_kind check (
    case kind when 'bill'  then bill is not null and phone is null and carrier is null
              when 'topup' then bill is null and carrier is not null
                                and (phone is not null or citizen = 'erased' and state = 'cancelled')
              else false end);


create or replace function orders_change()
returns trigger
language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'created' then
            raise exception using errcode = 'check_violation', constraint = 'orders_change',
                message = 'an order begins as created';
        end if;

        return new;
    end if;

    if (old.id, old.kind, old.bill, old.carrier, old.gateway, old.amount, old.created_at)
       is distinct from
       (new.id, new.kind, new.bill, new.carrier, new.gateway, new.amount, new.created_at)
       or (old.citizen, old.key, old.phone) is distinct from (new.citizen, new.key, new.phone)
          and not ((new.citizen, new.key) = ('erased', new.id::text) and old.ended_at is not null
                   and (new.phone is null or new.phone = old.phone))
       or old.payment is not null and new.payment is distinct from old.payment
       or old.receipt is not null and new.receipt is distinct from old.receipt
       or old.paid_at is not null and new.paid_at is distinct from old.paid_at
       or new.sends < old.sends
    then
        raise exception using errcode = 'check_violation', constraint = 'orders_change',
            message = 'what an order is about does not change';
    end if;

    return new;
end
$$;
