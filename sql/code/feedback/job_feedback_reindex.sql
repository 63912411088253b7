-- Brings the search index of all cases to what this release writes into it:
-- put by a migration that changes feedback_words(). A thousand cases a turn,
-- by id, then the next turn is put. args: after, the last id seen.
create function job_feedback_reindex(args jsonb)
returns void
language plpgsql volatile
as $$
declare
    c     feedback.cases;
    last  uuid;
begin
    for c in
        select x.* from feedback.cases x
        where x.id > coalesce((args ->> 'after')::uuid,
                              '00000000-0000-0000-0000-000000000000')
        order by x.id limit 1000
    loop
        perform feedback_index(c);
        last := c.id;
    end loop;

    if last is not null then
        perform job_put('feedback_reindex', last::text, core.now(),
                        jsonb_build_object('after', last));
    end if;
end
$$;
