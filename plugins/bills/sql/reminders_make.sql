-- Reminds of a customer's bills that are to be paid, those of some citizens who want it: that
-- there is one, that it is due soon, that it is overdue; each once. The event of it is
-- published by the same transaction, under the saved code's id, which says nothing to
-- others. How many there were.
create function reminders_make(customer text, citizens jsonb)
returns int
language plpgsql
as $$
declare
    today  date := (now() at time zone 'Asia/Ho_Chi_Minh')::date;
    r      record;
    n      int := 0;
begin
    for r in
        insert into reminders (code, bill, kind)
        select c.id, b.id,
               case when b.due_on < today then 'overdue'
                    when b.due_on - c.days_before <= today then 'due' else 'new' end
          from codes c join bills b on b.customer = c.customer
         where c.customer = reminders_make.customer and c.remind and citizens ? c.citizen
           and bill_state(b) = 'unpaid' and b.seen_at > now() - interval '2 days'
        on conflict on constraint reminders_once do nothing
        returning reminders.code, reminders.bill, reminders.kind
    loop
        n := n + 1;
        perform ihanoi_host.publish('bills.reminder', r.code,
                                    jsonb_build_object('bill', r.bill, 'kind', r.kind));
    end loop;

    return n;
end
$$;
