-- A short code for people to read out on the telephone: eight characters of
-- 31 (no 0 O 1 I L, no vowel pairs to stumble over), random, so that it tells
-- neither how many cases there are nor which came before.
create function code_random()
returns text
language plpgsql volatile parallel restricted
as $$
declare
    bytes bytea := uuid_send(gen_random_uuid());
    code  text := '';
    i     int;
begin
    -- The others say which version of UUID it is.
    foreach i in array array[0, 1, 2, 3, 4, 5, 10, 11] loop
        code := code || substr('23456789ABCDEFGHJKMNPQRSTUVWXYZ',
                               1 + get_byte(bytes, i) % 31, 1);
    end loop;

    return code;
end
$$;
