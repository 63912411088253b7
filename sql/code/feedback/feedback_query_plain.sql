-- The second tier of a search: all the words, with or without their marks.
create function feedback_query_plain(q text)
returns tsquery
language sql immutable parallel safe
as $$
    select plainto_tsquery('feedback.vietnamese', q)
$$;
