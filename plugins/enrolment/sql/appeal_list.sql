-- Appeals of a round that are open, the oldest first; who asks has read those shown.
-- cursor: the appeal before the page, which may have been decided since.
create function appeal_list(round uuid, subject text, page_size int, cursor text default null)
returns json
language plpgsql
as $$
declare
    found_ids  uuid[];
    shown      uuid[];
begin
    select array_agg(x.id order by x.opened_at, x.id) into found_ids
      from (select p.id, p.opened_at
              from appeals p
              join applications a on a.id = p.application
             where a.round = appeal_list.round and p.state = 'open'
               and (appeal_list.cursor is null
                    or (p.opened_at, p.id) > (select y.opened_at, y.id from appeals y
                                               where y.id = split_part(appeal_list.cursor, '.', 2)::uuid))
             order by p.opened_at, p.id
             limit page_size + 1) x;

    shown := coalesce(found_ids[:page_size], '{}');

    insert into reads (subject, operation, application)
    select appeal_list.subject, 'appeal_list', p.application from appeals p where p.id = any (shown);

    return json_build_object(
        'items', coalesce((
            select json_agg(json_build_object('id', p.id, 'application', p.application,
                       'number', a.number, 'state_of_application', a.state, 'text', p.text,
                       'opened_at', p.opened_at) order by p.opened_at, p.id)
              from appeals p join applications a on a.id = p.application
             where p.id = any (shown)), '[]'),
        'next', case when cardinality(found_ids) > page_size then 'appeal.' || shown[page_size] end);
end
$$;
