-- Applications of a round that are the officer's work, by id; each one that is
-- shown is written down as read.
--
-- Those of some schools are found first: their officer does not wait while all of the round
-- is read. Planned with its values, so that what is null costs nothing.
create function desk_list(round uuid, subject text, office boolean, page_size int, state text default null,
                          school text default null, cursor text default null)
returns json
language plpgsql
set plan_cache_mode = force_custom_plan
as $$
declare
    schools    text[] := case when not office
                              then array(select o.school from officers o where o.subject = desk_list.subject)
                              when desk_list.school is not null then array[desk_list.school] end;
    theirs     uuid[];
    found_ids  uuid[];
    shown      uuid[];
begin
    if schools is not null then
        theirs := array(select c.application from choices c
                         where c.round = desk_list.round and c.position = 1 and c.school = any (schools)
                         union
                        select a.id from applications a
                         where a.round = desk_list.round and a.school = any (schools));
    end if;

    select array_agg(x.id order by x.id) into found_ids
      from (select a.id
              from applications a
              join choices c on c.application = a.id and c.position = 1
             where a.round = desk_list.round
               and (desk_list.state is null or a.state = desk_list.state)
               and (desk_list.school is null or desk_list.school in (c.school, a.school))
               and (theirs is null or a.id = any (theirs))
               and (desk_list.cursor is null or a.id > split_part(desk_list.cursor, '.', 2)::uuid)
             order by a.id
             limit page_size + 1) x;

    shown := coalesce(found_ids[:page_size], '{}');

    insert into reads (subject, operation, application)
    select desk_list.subject, 'desk_list', s from unnest(shown) s;

    return json_build_object(
        'items', coalesce((select json_agg(json_build_object('id', a.id, 'number', a.number,
                    'child_name', a.child_name, 'born', a.born, 'state', a.state, 'school', a.school,
                    'choices', (select json_agg(c.school order by c.position) from choices c
                                 where c.application = a.id),
                    'changed_at', a.changed_at) order by a.id)
                    from applications a where a.id = any (shown)), '[]'),
        'next', case when cardinality(found_ids) > page_size then 'desk-application.' || shown[page_size] end);
end
$$;
