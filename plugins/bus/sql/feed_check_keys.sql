-- A column whose values stand once in their file.
create function feed_check_keys(feed int, file text, name text)
returns void
language plpgsql
as $$
declare
    c  int[] := feed_positions(feed, file, array[name]);
begin
    insert into feed_notices (feed, severity, code, file, line, detail)
    select feed_check_keys.feed, 'error', 'duplicate_key', feed_check_keys.file,
           max(l.line), l.fields[c[1]]
      from feed_lines l
     where l.feed = feed_check_keys.feed and l.file = feed_check_keys.file
       and l.fields[c[1]] <> ''
     group by l.fields[c[1]]
    having count(*) > 1;
end
$$;
