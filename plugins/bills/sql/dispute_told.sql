-- What the company says of a dispute: "received", or "answered" with an answer and its
-- time. A later answer replaces an earlier one, and never the other way round, whatever
-- the order in which they come. Null when there is no such dispute.
create function dispute_told(id uuid, said text, answer text default null,
                             at timestamptz default null)
returns jsonb
language plpgsql
as $$
declare
    d  disputes%rowtype;
begin
    select * into d from disputes t where t.id = dispute_told.id for update;

    if not found then
        return null;
    end if;

    if said = 'received' and d.state = 'opened' then
        update disputes t set state = 'forwarded' where t.id = d.id returning * into d;
    elsif said = 'answered' and (d.answered_at is null or d.answered_at < dispute_told.at) then
        update disputes t
           set state = case when t.state = 'closed' then t.state else 'answered' end,
               answer = dispute_told.answer, answered_at = dispute_told.at, changed_at = now()
         where t.id = d.id
        returning * into d;
    end if;

    return dispute_document(d);
end
$$;
