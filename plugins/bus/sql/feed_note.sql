-- Notes what is wrong in one place.
create function feed_note(feed int, severity text, code text, file text,
                          line int default null, detail text default null)
returns void
language plpgsql
as $$
begin
    insert into feed_notices (feed, severity, code, file, line, detail)
    values (feed_note.feed, feed_note.severity, feed_note.code, feed_note.file,
            feed_note.line, left(feed_note.detail, 200));
end
$$;
