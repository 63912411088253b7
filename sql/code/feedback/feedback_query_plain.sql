-- The second tier of a search: all the words, with or without their marks;
-- null when there are none.
create function feedback_query_plain(q text)
returns tsquery
language plpgsql immutable parallel safe
as $$
begin
    return (
        select string_agg(tsquery_word(u.lexeme), ' & ')::tsquery
        from unnest(to_tsvector('feedback.vietnamese', text_words(q))) u);
end
$$;
