-- GET /v1/desk/feedback/{id}: for officers with a role on the case's unit or
-- above it; for anybody else it is not there. The tag has the version of the
-- reporter's account behind that of the case: name and number change, and all
-- of it goes with an erasure, without a change of the case. Of a reporter who is
-- hidden it tells the erasure only: a version that moves with another case's would
-- say who it is.
create function desk_feedback_read(caller jsonb, id uuid)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200,
           feedback_etag(c) || '-'
               || case when not feedback_reporter_hidden(c) then p.version::text
                       when p.erased_at is null then 'h' else 'e' end,
           feedback_desk(c)
    from feedback.cases c
         join core.people p on p.id = c.reporter_id
    where c.id = desk_feedback_read.id
      and officer_roles_on(caller_person(caller), c.unit)
          && array['receive', 'assign', 'process', 'resolve', 'approve', 'oversee']
$$;
