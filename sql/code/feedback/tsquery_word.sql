-- A lexeme as it is written in the text form of a tsquery.
create function tsquery_word(lexeme text)
returns text
language sql immutable parallel safe
as $$
    select '''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || ''''
$$;
