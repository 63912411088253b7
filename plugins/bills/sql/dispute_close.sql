-- The citizen is content, or has thought better of it. One that is closed stays so; null
-- when there is none of his.
create function dispute_close(citizen text, id uuid)
returns jsonb
language plpgsql
as $$
begin
    update disputes d set state = 'closed', closed_by = 'citizen'
     where d.id = dispute_close.id and d.citizen = dispute_close.citizen and d.state <> 'closed';

    return (select dispute_document(d) from disputes d
             where d.id = dispute_close.id and d.citizen = dispute_close.citizen);
end
$$;
