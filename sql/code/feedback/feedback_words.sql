-- What feedback.searches holds of a public text (see there).
create function feedback_words(public_text text, at timestamptz)
returns tsvector
language sql immutable parallel safe
as $$
    select setweight(to_tsvector('pg_catalog.simple', public_text), 'A')
           || setweight(to_tsvector('feedback.vietnamese', public_text), 'B')
           || array_to_tsvector(array['~' || feedback_week(at)])
$$;
