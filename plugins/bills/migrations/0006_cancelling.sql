-- A citizen may take an order back until it is paid. Its checkout is out there and may
-- still be paid, so the order is "cancelling" until payments says that nobody can pay any
-- more; what is paid meanwhile is refused, and goes back.
--
--   created, paying --> cancelling -+--> cancelled
--                                   +--> refused --> refunding --> refunded
insert into transitions values
    ('orders', 'created', 'cancelling'), ('orders', 'paying', 'cancelling'),
    ('orders', 'cancelling', 'cancelled'), ('orders', 'cancelling', 'refused'),
    ('orders', 'cancelling', 'refunded');

alter table orders drop constraint orders_have_a_payment;
alter table orders add constraint orders_have_a_payment check (
    payment is not null or state in ('created', 'cancelling', 'cancelled'));

alter table orders drop constraint orders_money_came;
alter table orders add constraint orders_money_came check (
    (paid_at is not null) = (state not in ('created', 'paying', 'cancelling', 'cancelled')));

-- Whether an order has paid, or may pay, what it is for. Of one that has not, the bill may
-- be ordered anew, and no limit counts it.
alter table orders add stands boolean not null generated always as (
    state not in ('cancelling', 'cancelled', 'refused', 'refunding', 'refunded')) stored;

drop index orders_bill_once;
create unique index orders_bill_once on orders (bill) where stands;
