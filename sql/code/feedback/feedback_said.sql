-- The conversation of a case for those who hold it: who spoke is told by role,
-- never by name; the reporter does not read what officers tell each other.
create function feedback_said(c feedback.cases, for_reporter boolean)
returns json
language plpgsql stable
as $$
begin
    return (
        select coalesce(json_agg(row_to_json(m) order by m.seq), '[]')
        from (
            select m.seq, m.action,
                   case when m.author = c.reporter_id then 'reporter'
                        else 'unit' end as said_by,
                   m.created_at as at,
                   case when for_reporter and m.author is distinct from c.reporter_id
                        then coalesce(m.public, m.text) else m.text end as text
            from feedback.messages m
            where m.case_id = c.id
              and not (for_reporter and m.action in ('return', 'change', 'approve')
                       and m.author is distinct from c.reporter_id)
            order by m.seq desc
            limit 200
        ) m);
end
$$;
