-- An allocation, without anybody in it.
create function allocation_document(id uuid)
returns json
language sql stable
as $$
    select json_build_object('id', a.id, 'round', a.round, 'kind', a.kind, 'state', a.state,
        'applications', a.applications, 'passes', a.passes,
        'inputs_digest', case when a.state not in ('entries', 'ranks', 'digest') then a.inputs_digest end,
        'results_digest', case when a.computed_at is not null then a.results_digest end,
        'requested_at', a.requested_at, 'computed_at', a.computed_at, 'published_at', a.published_at)
      from allocations a
     where a.id = allocation_document.id
$$;
