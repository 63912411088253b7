-- What became of a refund that was sent:
--
--   done      the payer has the money
--   refused   nobody has it: it is the service's again
--   unsent    the gateway has surely not got the request: send it again
--   unclear   it may have: ask before anything is sent again
--   left      it may have, and cannot be asked, or it is to be made by hand: the file of
--             a day or a person says what became of it (payments_refunds), nobody else
--
-- Only the first end counts: what comes after it changes nothing. It is of the time
-- that the gateway's file says, so that it is of the same day there and here. by: who
-- says it, when it is a person.
create function refund_finish(id uuid, outcome text, transaction text default null,
                              why text default null, at timestamptz default now(),
                              by text default null)
returns jsonb
language plpgsql
as $$
declare
    f  refunds%rowtype;
begin
    -- The intent first, as everywhere: nobody waits for somebody who waits.
    perform from intents i
      where i.id = (select t.intent from refunds t where t.id = refund_finish.id)
        for update;

    select * into f from refunds t where t.id = refund_finish.id for update;

    if f.state = 'sent' then
        update refunds t
           set state = case when outcome in ('done', 'refused') then outcome else t.state end,
               finished_at = case when outcome in ('done', 'refused') then refund_finish.at end,
               attempts = case when outcome = 'unsent' then 0 else t.attempts end,
               due_at = case when outcome = 'left' then 'infinity' else t.due_at end,
               transaction = coalesce(refund_finish.transaction, t.transaction),
               why = refund_finish.why,
               settled_by = case when outcome in ('done', 'refused') then refund_finish.by end
         where t.id = f.id;
    end if;

    return refund_document(f.id);
end
$$;
