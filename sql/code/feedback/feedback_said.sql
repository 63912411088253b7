-- The conversation of a case for those who hold it: who spoke is told by role,
-- never by name. Of officers' words the reporter reads what they ask, and what
-- is public: neither what they tell each other nor an answer that waits for
-- its approver.
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
                   case when w.public_only then m.public else m.text end as text
            from feedback.messages m
                 cross join lateral (
                     select for_reporter and m.action <> 'ask'
                            and m.author is distinct from c.reporter_id) w (public_only)
            where m.case_id = c.id and (m.public is not null or not w.public_only)
            order by m.seq desc
            limit 200
        ) m);
end
$$;
