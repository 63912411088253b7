-- A new import. The caller fills feed_files and feed_lines, then calls
-- feed_build() and feed_publish(). Imports that were given up are forgotten.
create function feed_begin(source text, digest text)
returns int
language plpgsql
as $$
declare
    id  int;
begin
    perform feed_forget(f.id)
       from feeds f
      where f.state = 'loading' and f.imported_at < now() - interval '1 day';

    insert into feeds (source, digest) values (feed_begin.source, feed_begin.digest)
    returning feeds.id into id;

    return id;
end
$$;
