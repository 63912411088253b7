-- The entity tag: the version; "-o" when overdue, as the passing of a deadline
-- changes what a reader sees without anybody writing. If-Match looks at the
-- version alone.
create function feedback_etag(c feedback.cases)
returns text
language sql stable
as $$
    select c.version || case when feedback_overdue(c) then '-o' else '' end
$$;
