-- Appeals of a round that are open, the oldest first; who asks has read them.
create function appeal_list(round uuid, subject text, page_size int)
returns json
language plpgsql
as $$
declare
    shown  uuid[];
begin
    select coalesce(array_agg(x.id), '{}') into shown
      from (select p.id from appeals p join applications a on a.id = p.application
             where a.round = appeal_list.round and p.state = 'open'
             order by p.opened_at, p.id limit page_size) x;

    insert into reads (subject, operation, application)
    select appeal_list.subject, 'appeal_list', p.application from appeals p where p.id = any (shown);

    return json_build_object('items', coalesce((
        select json_agg(json_build_object('id', p.id, 'application', p.application, 'number', a.number,
                   'state_of_application', a.state, 'text', p.text, 'opened_at', p.opened_at)
                   order by p.opened_at, p.id)
          from appeals p join applications a on a.id = p.application
         where p.id = any (shown)), '[]'));
end
$$;
