-- What a list shows of cases, in the order of their ids.
create function feedback_items(ids uuid[])
returns json
language plpgsql stable
as $$
begin
    return (
        select coalesce(json_agg(row_to_json(b) order by i.n), '[]')
        from unnest(ids) with ordinality i (id, n)
             cross join lateral (
                 select c.id, c.code, c.state, c.category, c.severity,
                        c.commune_brief as commune, c.unit_brief as unit,
                        c.lat, c.long, c.address_public as address,
                        c.text_public as text, c.rating,
                        c.created_at, c.updated_at, c.due_at,
                        c.paused_at is not null as paused,
                        c.closed_at is null and c.resolved_at is null
                            and c.due_at < coalesce(c.paused_at, core.now()) as overdue,
                        c.version
                 from feedback.cases c
                 where c.id = i.id
             ) b);
end
$$;
