-- GET /v1/bills/reminders: what is to be paid of one's saved codes, the most urgent
-- first. A bill that is paid, or is being paid, reminds nobody.
create function reminder_list(caller jsonb, "limit" int)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, json_build_object('items', coalesce(json_agg(json_build_object(
               'code', x.code, 'label', x.label, 'kind', x.kind, 'at', x.at, 'bill', x.bill)
               order by x.due_on, x.number), '[]'))
      from (select distinct on (b.due_on, b.number, b.id)
                   c.id as code, c.label, r.kind, r.at, bill_brief(b) as bill, b.due_on, b.number
              from reminders r join codes c on c.id = r.code join bills b on b.id = r.bill
             where c.citizen = subject_of(caller) and c.remind and bill_state(b) = 'unpaid'
             order by b.due_on, b.number, b.id, r.at desc
             limit "limit") x
$$;
