-- What an officer gives back in payments, of an order that its company has or may have, is
-- seen on the order. What is given back, even a part of it, before anything was sent is not
-- sent any more: the rest goes back, too.
alter table orders add refunded bigint not null default 0;      -- đồng, as payments says

create function orders_refunded()
returns trigger
language plpgsql
as $$
begin
    if new.state = 'refunded' then
        new.refunded := new.amount;
    end if;

    if new.refunded < old.refunded then
        raise exception using errcode = 'check_violation', constraint = 'orders_refunded',
            message = 'what went back stays so';
    end if;

    return new;
end
$$;

create trigger orders_refunded before update on orders
    for each row execute function orders_refunded();

update orders set refunded = amount where state = 'refunded';

alter table orders
    add constraint orders_refunded_within check (refunded between 0 and amount),
    add constraint orders_refunded_was_paid check (refunded = 0 or paid_at is not null),
    add constraint orders_refunded_is_all check (state <> 'refunded' or refunded = amount);

insert into transitions values ('orders', 'paid', 'refused');
