-- A dispute to be looked after: the one that is due, or the one named. It is given to
-- one caller, and comes again later each time. One that was answered some days ago is
-- closed by this.
create function dispute_due(step int, days int, which uuid default null)
returns table (id uuid, state text, bill text, customer text, reason text, text text)
language plpgsql
as $$
begin
    update disputes d set state = 'closed', closed_by = 'time'
     where d.state = 'answered' and d.changed_at < now() - make_interval(days => dispute_due.days);

    return query
    update disputes d
       set checks = d.checks + 1,
           due_at = now() + make_interval(secs => step * (2 ^ least(d.checks, 8))::int)
      from (select t.id from disputes t
             where t.state in ('opened', 'forwarded')
               and case when which is null then t.due_at <= now() else t.id = which end
             order by t.due_at
             limit 1
               for update skip locked) due, bills b
     where d.id = due.id and b.id = d.bill
    returning d.id, d.state, b.number, b.customer, d.reason, d.text;
end
$$;
