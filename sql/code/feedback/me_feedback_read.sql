-- GET /v1/me/feedback/{id}: the reporter's own case; anybody else's is not
-- there.
create function me_feedback_read(caller jsonb, id uuid)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, feedback_etag(c), feedback_mine(c)
    from feedback.cases c
    where c.id = me_feedback_read.id and c.reporter_id = caller_person(caller)
$$;
