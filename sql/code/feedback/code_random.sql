-- A short code for people to read out on the telephone: eight characters of
-- 31 (no 0 O 1 I L, no vowel pairs to stumble over), random, so that it tells
-- neither how many cases there are nor which came before.
create function code_random()
returns text
language sql volatile parallel restricted
as $$
    select string_agg(substr('23456789ABCDEFGHJKMNPQRSTUVWXYZ',
               1 + get_byte(r.b, i) % 31, 1), '' order by i)
    from (select uuid_send(gen_random_uuid()) as b) r,
         unnest(array[0, 1, 2, 3, 4, 5, 10, 11]) i
$$;
