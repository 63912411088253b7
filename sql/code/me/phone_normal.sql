-- A Vietnamese telephone number as we keep it: +84 and no leading 0.
create function phone_normal(phone text)
returns text
language sql immutable
as $$
    select regexp_replace(regexp_replace(phone, '[ .-]', '', 'g'), '^0', '+84')
$$;
