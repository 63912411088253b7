-- A name as it is searched: lower case, without diacritics.
create function search_text(text text)
returns text
language sql immutable parallel safe
return replace(regexp_replace(normalize(lower(text), nfd), '[\u0300-\u036f]', '', 'g'),
               'đ', 'd');
