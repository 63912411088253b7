create function proof_done(citizen text, id uuid)
returns json
language sql
as $$
    update codes c
       set proved_at = coalesce(c.proved_at, now())
     where c.id = proof_done.id and c.citizen = proof_done.citizen
    returning code_document(c)
$$;
