-- An order to be looked after: the one that is due, or the one named. It is given to
-- one caller, and comes again later each time; one whose money is on its way back in the
-- end about once a day, since a gateway that refuses is asked anew by it, and what people
-- give back by hand is heard of at once.
--
-- One that is paid becomes "sending" by this, and its caller may send (may_send): from
-- then on the company may have got it, whoever dies. It may be sent again when it is
-- certain that nothing is out (sent_at is null), which after a restore it is of none
-- (docs/backup.md). What somebody in payments has given back until then, even a part of
-- it, is refused instead: the rest goes back, too.
--
-- language: of whoever asks for its payment.
create function order_due(step int, which uuid default null, language text default 'vi')
returns table (id uuid, kind text, citizen text, state text, gateway text, amount bigint,
               payment uuid, bill text, customer text, phone text, carrier text, paid_at text,
               may_send boolean, sends int, description text)
language sql
as $$
    update orders o
       set state = case when due.stops then 'refused' when o.state = 'paid' then 'sending'
                        else o.state end,
           why = case when not due.stops then o.why
                      when o.refunded = o.amount then 'payment refunded'
                      else 'payment partly_refunded' end,
           sends = o.sends + (due.sends or o.state = 'paid' and not due.stops)::int,
           sent_at = case when due.sends then now() else o.sent_at end,
           checks = o.checks + 1,
           due_at = now() + make_interval(secs => step * (2 ^ least(o.checks, case o.state when 'refunding' then 10 else 6 end))::int)
      from (select d.id, u.unsent and d.refunded = 0 as sends,
                   u.unsent and d.refunded > 0 as stops
              from orders d, lateral (select d.state in ('paid', 'sending')
                                          and d.sent_at is null) u (unsent)
             where d.state not in ('cancelled', 'delivered', 'refunded')
               and case when which is null then d.due_at <= now() else d.id = which end
             order by d.due_at
             limit 1
               for update of d skip locked) due
    where o.id = due.id
    returning o.id, o.kind, o.citizen, o.state, o.gateway, o.amount, o.payment,
              (select b.number from bills b where b.id = o.bill),
              (select b.customer from bills b where b.id = o.bill),
              o.phone, o.carrier,
              to_char(o.paid_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
              due.sends, o.sends, order_description(o, order_due.language)
$$;
