create function code_document(c codes)
returns json
language sql stable
as $$
    select json_build_object('id', c.id, 'customer', c.customer, 'label', c.label, 'remind', c.remind,
                             'days_before', c.days_before, 'proved', c.proved_at is not null,
                             'created_at', c.created_at)
$$;
