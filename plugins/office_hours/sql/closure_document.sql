-- A closure as answers show it: who announced it is nobody's business.
create function closure_document(id uuid)
returns json
language sql stable
as $$
    select json_build_object('id', c.id, 'unit', c.unit, 'day', c.day,
                             'reason', c.reason, 'announced_at', c.announced_at)
      from closures c
     where c.id = closure_document.id
$$;
