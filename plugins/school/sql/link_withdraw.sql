-- PUT /v1/school/links/{link}/withdrawal: one's own.
create function link_withdraw(caller jsonb, link uuid)
returns json
language plpgsql
as $$
#variable_conflict use_column
declare
    l    links%rowtype;
    was  text;
begin
    perform ask(caller);

    select * into l from links k
     where k.id = link_withdraw.link and k.person in (select a.person from asking a)
       for update;

    if l.id is null or l.state = 'withdrawn' then
        return case when l.id is not null then link_document(l) end;
    end if;

    was := link_state(l.state, l.asked_until, l.valid_until);

    if was not in ('asked', 'verified') then
        perform refuse('link-not-open', json_build_object('state', was));
    end if;

    update links k set state = 'withdrawn' where k.id = link_withdraw.link returning * into l;

    return link_document(l);
end
$$;
