-- GET /v1/school/schools/{school}/links: for its administrator, those of a state, the
-- oldest first.
create function links_desk(caller jsonb, school text, state text, "limit" int, cursor text)
returns table (status int, etag text, body json)
language plpgsql
as $$
#variable_conflict use_column
declare
    page  bigint[];
begin
    perform ask(caller);

    if not open_school(school) then
        return;
    end if;

    page := array(select l.n from school_links l
                   where l.school = links_desk.school
                     and (l.state = links_desk.state or links_desk.state = 'expired')
                     and link_state(l.state, l.asked_until, l.valid_until) = links_desk.state
                     and (links_desk.cursor is null or l.n > split_part(links_desk.cursor, '.', 2)::bigint)
                   order by l.n limit links_desk.limit + 1);

    perform open_students(array(select l.student from school_links l
                                 where l.n = any (page[1:links_desk.limit])),
                          array['administrator']);

    -- one that was decided since is not of the state any more
    return query select 200, null::text, json_build_object(
        'items', (select coalesce(json_agg(link_desk_document(l) order by l.n), '[]')
                    from links l
                   where l.n = any (page[1:links_desk.limit])
                     and link_state(l.state, l.asked_until, l.valid_until) = links_desk.state),
        'next', case when cardinality(page) > links_desk.limit
                     then 'desk-link.' || page[links_desk.limit] end);
end
$$;
