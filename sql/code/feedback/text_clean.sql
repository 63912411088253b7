-- One spelling for every text that comes in: Unicode NFC, so that equality,
-- length limits and search see "ổ" in one form only; no control characters
-- but tab and line feed; no blanks around it, visible or not; nothing left
-- means null.
create function text_clean(t text)
returns text
language sql immutable parallel safe
as $$
    select nullif(btrim(regexp_replace(
               replace(normalize(t, NFC), e'\r\n', e'\n'),
               '[\u0001-\u0008\u000b-\u001f\u007f-\u009f]', '', 'g'),
           e' \t\n\u00a0\u00ad\u180e\u200b\u200c\u200d\u200e\u200f'
           '\u2028\u2029\u2060\u3000\ufeff'), '')
$$;
