-- What the public may read of a citizen's or an officer's words: phone
-- numbers, identity numbers, e-mail addresses and licence plates are replaced
-- by a word that says what stood there. Invisible characters go first, with what
-- is drawn over or around digits, and digits in other dress (full-width, bold,
-- circled) become plain ones, so that none of it hides a number.
-- The rule errs towards hiding: any run of nine or more digits is masked,
-- however it is grouped; a date or a house number is shorter and stays.
create function text_mask(t text)
returns text
language plpgsql immutable parallel safe
as $$
declare
    -- between the digits of a number: blanks and dashes of any width, dots of any
    -- height, bars
    dash constant text := '\u2010-\u2015\u2212-';
    gap  constant text := '\s\u00a0\u2000-\u200a\u202f\u205f\u3000.\u00b7\u2022\u2026\u2219\u22c5|*~'
                          || dash;
    dress constant text := '０１２３４５６７８９＠．－＋（）　⓪①②③④⑤⑥⑦⑧⑨'
                           '𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗𝟘𝟙𝟚𝟛𝟜𝟝𝟞𝟟𝟠𝟡𝟢𝟣𝟤𝟥𝟦𝟧𝟨𝟩𝟪𝟫𝟬𝟭𝟮𝟯𝟰𝟱𝟲𝟳𝟴𝟵𝟶𝟷𝟸𝟹𝟺𝟻𝟼𝟽𝟾𝟿';
    plain constant text := '0123456789@.-+() 0123456789'
                           '01234567890123456789012345678901234567890123456789';
    m    text := text_clean(t);
begin
    if m is null then
        return null;
    end if;

    m := regexp_replace(m, '[\u00ad\u180e\u200b-\u200f\u2028-\u202e'
                           '\u2060-\u2064\ufeff\ufe00-\ufe0f]', '', 'g');
    -- (asked first: it holds each character of the text against each of the list)
    if m ~ ('[' || dress || ']') then
        m := translate(m, dress, plain);
    end if;

    m := regexp_replace(m, '(?<=\d)[\u0300-\u036f\u20d0-\u20ff]+', '', 'g');

    -- addresses, also spelt out: "a (at) b.vn", "a @ b . vn"
    m := regexp_replace(m,
             '[[:alnum:]._%+-]+\s*(@|\(at\)|\[at\]|\(a còng\))\s*'
             '[[:alnum:]-]+(\s*(\.|\(dot\)|\[dot\]|\(chấm\))\s*[[:alnum:]-]+)+',
             '[thư điện tử]', 'gi');

    -- plates: 29A-123.45, 30H1 12345, 29-B1 123.45, 29 LD-123.45, 80-123-NG-45
    m := regexp_replace(m,
             '\m\d{2}\s?[.' || dash || ']?\s?[a-zđ]{1,2}\d?\s?[. ' || dash || ']?\s?'
             '(\d{3}[.\s' || dash || ']?\d{2}|\d{4})\M',
             '[biển số]', 'gi');
    m := regexp_replace(m,
             replace('\m\d{2}#\d{3}#(ng|nn|qt|cv)#\d{2}\M', '#', '[. ' || dash || ']'),
             '[biển số]', 'gi');

    -- identity cards in groups of which the first make a phone's nine digits
    m := regexp_replace(m,
             '(?<!\d)0([' || gap || ']{0,2}\d){8}[' || gap || ']{1,2}\d{3}(?!\d)',
             '[số giấy tờ]', 'g');

    -- phones: +84 or 0, then eight to ten digits however grouped, also where
    -- letters touch them ("sđt0912…"), but no decimals ("21.0285, 105…")
    m := regexp_replace(m,
             '(\(\+?84\)|\+84|(?<!\d)84|\(0\d{0,3}\)|(?<!\d|\d[.,])0)'
             '([,_()' || gap || ']{0,3}\d){8,10}(?!\d)',
             '[số điện thoại]', 'g');
    -- with what stands in dates and times too: in groups that neither has
    m := regexp_replace(m, '(?<!\d)0\d{2,3}([/:;]\d{3,4}){2}(?!\d)',
             '[số điện thoại]', 'g');

    -- identity cards (9 or 12 digits), passports (a letter and 7 or 8 digits),
    -- and any other number that long
    m := regexp_replace(m, '(?<!\d)\d([' || gap || ']{0,2}\d){8,}', '[số giấy tờ]', 'g');
    m := regexp_replace(m, '\m[a-z]\d{7,8}\M', '[số giấy tờ]', 'gi');

    return nullif(btrim(m), '');
end
$$;
