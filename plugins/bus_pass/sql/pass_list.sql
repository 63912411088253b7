-- GET /v1/bus-passes: the caller's own, the newest first.
create function pass_list(caller jsonb, page_size int, cursor text)
returns table (status int, etag text, body json)
language sql stable
as $$
    with page as (
        select p as pass, p.id
          from passes p
         where p.holder = (caller ->> 'iss') || ' ' || (caller ->> 'sub')
           and (pass_list.cursor is null or p.id < split_part(pass_list.cursor, '.', 2)::uuid)
         order by p.id desc
         limit page_size + 1
    ), shown as (
        select * from page order by id desc limit page_size
    )
    select 200, null::text, json_build_object(
        'items', coalesce((select json_agg(pass_document(s.pass) order by s.id desc) from shown s), '[]'),
        'next', case when (select count(*) from page) > page_size
                     then (select 'pass.' || s.id from shown s order by s.id limit 1) end)
$$;
