-- The first tier of a search: the words as typed, marks and all, next to each
-- other; null when there are none.
create function feedback_query_exact(q text)
returns tsquery
language plpgsql immutable parallel safe
as $$
begin
    return (
        with said as (
            select left(u.lexeme, 200) as word, p.place
            from unnest(to_tsvector('pg_catalog.simple', text_words(q))) u
                 cross join lateral unnest(u.positions) p (place)
        ),
        wanted as (
            select '=' || a.word || '=' || b.word as lexeme
            from said a join said b on b.place = a.place + 1
            union
            select '=' || s.word from said s where (select count(*) from said) = 1
        )
        select string_agg(tsquery_word(w.lexeme), ' & ')::tsquery from wanted w);
end
$$;
