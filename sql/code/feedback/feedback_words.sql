-- What feedback.searches holds of a public text (see the table): its words as
-- typed ("=đường"), pairs of neighbours as typed ("=ổ=gà"), its words without
-- marks ("duong"), and commune, category, day and week ("~…", which no text and
-- no query of a user's can say: "~" is a blank in them). No positions: a phrase is
-- its pairs, so that the index alone answers.
create function feedback_words(public_text text, commune text, category text,
    at timestamptz)
returns tsvector
language plpgsql immutable parallel safe
as $$
declare
    words  constant text := text_words(public_text);
begin
    return (
        with said as (
            select left(u.lexeme, 200) as word, p.place
            from unnest(to_tsvector('pg_catalog.simple', words)) u
                 cross join lateral unnest(u.positions) p (place)
        )
        select array_to_tsvector(array(
            select '=' || s.word from said s
            union
            select '=' || a.word || '=' || b.word
            from said a join said b on b.place = a.place + 1
            union
            select u.lexeme
            from unnest(to_tsvector('feedback.vietnamese', words)) u
            union
            values ('~c' || commune), ('~k' || category),
                   ('~d' || feedback_days(at)), ('~w' || feedback_days(at) / 7))));
end
$$;
