-- The rows of a gateway's file of a day:
--
--   kind,number,transaction,amount,at
--   payment,HN0123456789ABCDEF,4088878653,100000,2026-11-24T10:15:00+07:00
--   refund,HR0123456789ABCDEF,4088878654,50000,2026-11-24T11:00:00+07:00
--   end,2,150000,,
--
-- A number may stand within other words, as in what a payer wrote with a
-- transfer; there it is found, and null otherwise. The last line counts the
-- others and adds them up: half a file is none, and so is one with a
-- transaction twice.
create function statement_rows(file text)
returns jsonb
language plpgsql immutable
as $$
declare
    lines  text[] := regexp_split_to_array(rtrim(file, E' \r\n'), '\r?\n');
    last   text[] := string_to_array(lines[array_upper(lines, 1)], ',');
    found  jsonb;
    n      int;
    total  numeric;
    why    text;
begin
    if lines[1] is distinct from 'kind,number,transaction,amount,at' then
        why := 'no header';
    elsif last[1] is distinct from 'end' then
        why := 'no end';
    -- lengths apart: as numbers in the pattern they cost thirty times as much
    elsif exists (select from unnest(lines[2:array_upper(lines, 1) - 1]) l
                   where l !~ '^(payment|refund),[^,]*,[^,\s]+,[1-9][0-9]*,\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$'
                      or length(split_part(l, ',', 2)) > 200
                      or length(split_part(l, ',', 3)) > 64
                      or length(split_part(l, ',', 4)) > 13)
    then
        why := 'a line that is none';
    end if;

    if why is null then
        begin
            perform split_part(l, ',', 5)::timestamptz
               from unnest(lines[2:array_upper(lines, 1) - 1]) l;
        exception when data_exception then
            why := 'a time that never is';
        end;
    end if;

    if why is null then
        select jsonb_agg(jsonb_build_object(
                   'kind', f[1], 'number', substring(upper(f[2]) from 'H[NR][0-9A-F]{16}'),
                   'transaction', f[3], 'amount', f[4]::bigint, 'at', f[5])),
               count(*), coalesce(sum(f[4]::bigint), 0)
          into found, n, total
          from unnest(lines[2:array_upper(lines, 1) - 1]) l, string_to_array(l, ',') f;

        if last[2] is distinct from n::text or last[3] is distinct from total::text then
            why := 'not as many lines, or not as much, as its end says';
        elsif exists (select from unnest(lines[2:array_upper(lines, 1) - 1]) l, string_to_array(l, ',') f
                       group by f[1], f[3] having count(*) > 1) then
            why := 'a transaction twice';
        end if;
    end if;

    if why is not null then
        raise exception using errcode = 'IH001', message = 'payment-file-invalid',
            detail = jsonb_build_object('why', why)::text;
    end if;

    return coalesce(found, '[]');
end
$$;
