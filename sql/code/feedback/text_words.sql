-- A text as a search sees it: words between blanks. PostgreSQL's parser would look
-- for hosts, files, tags and signs of numbers in it, and takes "P.Hàng Bài" for
-- "p.h", "àng", "bài"; and no word begins with the marks of feedback_words().
create function text_words(t text)
returns text
language sql immutable parallel safe
as $$
    select translate(t, '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', repeat(' ', 32))
$$;
