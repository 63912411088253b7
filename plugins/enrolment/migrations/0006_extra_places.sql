-- A place that an appeal has given beyond the quota goes with who has it: whoever else
-- leaves makes room for the next one who waits.

alter table applications add column extra boolean not null default false,
    add constraint applications_extra_is_a_place check (not extra or school is not null);

create or replace function applications_change()
returns trigger
language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'submitted' then
            raise exception using errcode = 'check_violation', constraint = 'applications_change',
                message = 'an application begins as submitted';
        end if;

        return new;
    end if;

    if (old.id, old.number, old.round, old.guardian, old.child, old.created_at)
       is distinct from (new.id, new.number, new.round, new.guardian, new.child, new.created_at)
    then
        raise exception using errcode = 'check_violation', constraint = 'applications_change',
            message = 'whose application it is does not change';
    end if;

    if old.state <> new.state
       and not exists (select from application_transitions t
                        where t.old = old.state and t.new = new.state)
       or old.state = new.state and old.school is distinct from new.school
    then
        raise exception using errcode = 'check_violation', constraint = 'applications_change',
            message = format('an application that is %s does not become %s', old.state, new.state);
    end if;

    new.extra := new.extra and new.school is not null;
    new.changed_at := instant();
    return new;
end
$$;

create or replace function applications_seats()
returns trigger
language plpgsql
as $$
begin
    update places p
       set taken = p.taken + d.n, extra = p.extra + d.beyond
      from (select s.round, s.school, sum(s.n)::int as n, sum(s.n * s.extra::int)::int as beyond
              from (select o.round, o.school, -1 as n, o.extra from old_rows o
                     where o.school is not null
                    union all
                    select w.round, w.school, 1, w.extra from new_rows w
                     where w.school is not null) s
             group by s.round, s.school) d
     where p.round = d.round and p.school = d.school and (d.n <> 0 or d.beyond <> 0);

    return null;
end
$$;

-- Those who have one by now: offered by a review of their appeal.
update applications a set extra = true
 where a.state in ('offered', 'confirmed')
   and exists (select from appeals p
                 join allocation_entries e on e.allocation = p.review
                                          and e.application = a.id and e.school = a.school
                where p.application = a.id and not p.settle
                  and exists (select from steps s
                               where s.application = a.id and s.state = 'offered'
                                 and s.by = 'allocation' and s.at >= p.decided_at));

update places p
   set extra = greatest(p.taken - p.quota, 0,
                        (select count(*) from applications a
                          where a.round = p.round and a.school = p.school and a.extra))
 where p.extra <> 0;
