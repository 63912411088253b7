-- GET /v1/enrolment/audit: who of the staff has read an application.
create function read_list(caller jsonb, application uuid, cursor text, "limit" int)
returns table (status int, etag text, body json)
language sql stable
as $$
    with page as (
        select r.id, r.at, r.subject, r.operation, row_number() over (order by r.id) as n
          from reads r
         where r.application = read_list.application
           and (read_list.cursor is null or r.id > split_part(read_list.cursor, '.', 2)::bigint)
         order by r.id
         limit "limit" + 1)
    select 200, null::text, json_build_object(
        'items', coalesce((select json_agg(json_build_object('at', p.at, 'subject', p.subject,
                    'operation', p.operation) order by p.n) from page p where p.n <= "limit"), '[]'),
        'next', (select 'application-read.' || p.id from page p where p.n = "limit"
                    and exists (select from page x where x.n > "limit")))
$$;
