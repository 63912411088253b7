-- The allocation that has work to do, the oldest first; a review is begun when
-- appeals that were upheld have to be settled. Null: nothing to do. failed: ids of those
-- that somebody else may look at first.
create function allocation_next(failed jsonb default '[]')
returns uuid
language plpgsql
as $$
declare
    which  uuid;
    r      rounds%rowtype;
begin
    select a.id into which from allocations a
     where a.state in ('entries', 'ranks', 'digest', 'matching', 'results', 'publishing')
       and not allocation_next.failed ? a.id::text
     order by a.requested_at, a.id
     limit 1;

    if found then
        return which;
    end if;

    select t.* into r from rounds t
      join applications a on a.round = t.id
      join appeals p on p.application = a.id
     where p.settle and p.review is null and t.stage = 'published'
       and not exists (select from allocations w
                        where w.round = t.id and allocation_next.failed ? w.id::text)
     order by t.id
     limit 1;

    if found then
        perform round_lock(r.id, alone => true);
        insert into allocations (id, round, kind, revision, requested_by)
        values (gen_random_uuid(), r.id, 'review', r.revision, 'job')
        returning id into which;

        update appeals p set review = which
          from applications a
         where a.id = p.application and a.round = r.id and p.settle and p.review is null;
    end if;

    return which;
end
$$;
