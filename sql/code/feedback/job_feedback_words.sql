-- Brings the search index of all cases to what this release writes into it:
-- put by a migration that changes feedback_words(). A hundred cases a turn,
-- by id, then the next turn is put. args: after, the last id seen, which is the
-- turn's key, too. Each turn is a recurring job, so that a release which does not
-- have this function tries in vain each ten seconds until one is back that has,
-- and is gone when it has succeeded.
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

    delete from core.jobs j
    where j.kind = 'feedback_words' and j.state = 'due'
      and j.key = coalesce(job_feedback_words.args ->> 'after', '');

    if last is not null then
        insert into core.jobs (kind, key, run_at, args, every, max_attempts)
        values ('feedback_words', last::text, core.now(),
                jsonb_build_object('after', last), '10 seconds', 1);
    end if;
end
$$;
