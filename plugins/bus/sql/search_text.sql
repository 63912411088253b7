-- A name as it is searched: lower case, without diacritics, one space between words.
-- The keyboards of phones write one behind a word that they complete.
create function search_text(text text)
returns text
language sql immutable parallel safe
return btrim(regexp_replace(
           replace(regexp_replace(normalize(lower(text), nfd), '[\u0300-\u036f]', '', 'g'),
                   'đ', 'd'),
           '[\s\u00a0]+', ' ', 'g'));
