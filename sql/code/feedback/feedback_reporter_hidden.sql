-- Does the handling unit not see who reported? Asked of every category that
-- the case has had, which its events tell.
create function feedback_reporter_hidden(c feedback.cases)
returns boolean
language plpgsql stable
as $$
begin
    return exists (
        select from core.audit_events e
             join core.categories k on k.code = e.details ->> 'category'
        where e.chain = c.id and e.at >= c.created_at and e.kind = 'feedback'
          and k.reporter_hidden);
end
$$;
