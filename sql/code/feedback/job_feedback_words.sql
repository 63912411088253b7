-- Brings the search index of all cases to what this release writes into it:
-- put by a migration that changes feedback_words(). A hundred cases a turn,
-- by id, then the next turn is put. args: after, the last id seen.
--
-- A case is read when its words are locked: who changes it meanwhile has
-- written theirs before, or waits, and has the last word.
create function job_feedback_words(args jsonb)
returns void
language plpgsql volatile
as $$
declare
    one   uuid;
    c     feedback.cases;
    last  uuid;
begin
    for one in
        select x.id from feedback.cases x
        where x.id > coalesce((args ->> 'after')::uuid,
                              '00000000-0000-0000-0000-000000000000')
        order by x.id limit 100
    loop
        perform from feedback.searches s where s.case_id = one for update;

        select x.* into c from feedback.cases x where x.id = one;
        perform feedback_index(c);
        last := one;
    end loop;

    if last is not null then
        perform job_put('feedback_words', last::text, core.now(),
                        jsonb_build_object('after', last));
    end if;
end
$$;
