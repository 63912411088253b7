-- GET /v1/enrolment/applications: the caller's own, the newest first.
create function application_list(caller jsonb, round uuid, cursor text, "limit" int)
returns table (status int, etag text, body json)
language sql stable
as $$
    with page as (
        select a.id, a.number, a.round, a.child_name, a.state, a.school, a.offer_until, a.created_at,
               row_number() over (order by a.created_at desc, a.id desc) as n
          from applications a
         where a.guardian = subject_of(caller)
           and (application_list.round is null or a.round = application_list.round)
           and (application_list.cursor is null
                or (a.created_at, a.id) < (select x.created_at, x.id from applications x
                                            where x.id = split_part(application_list.cursor, '.', 2)::uuid))
         order by a.created_at desc, a.id desc
         limit "limit" + 1)
    select 200, null::text, json_build_object(
        'items', coalesce((select json_agg(json_build_object('id', p.id, 'number', p.number,
                    'round', p.round, 'child_name', p.child_name, 'state', p.state,
                    'school', p.school, 'offer_until', p.offer_until) order by p.n)
                    from page p where p.n <= "limit"), '[]'),
        'next', (select 'application.' || p.id from page p where p.n = "limit"
                    and exists (select from page x where x.n > "limit")))
$$;
