-- The first tier of a search: the words as typed, marks and all, as a phrase.
-- Weight A holds the exact words, so that "ga" finds the station and not "gà".
create function feedback_query_exact(q text)
returns tsquery
language sql immutable parallel safe
as $$
    select regexp_replace(
               phraseto_tsquery('pg_catalog.simple',
                   translate(q, '''\', '  '))::text,
               '''(?= |$)', ''':A', 'g')::tsquery
$$;
