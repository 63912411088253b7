-- What an erasure takes from a case that the public does not see: the columns
-- that the public would read. Those of listed cases stay (it has read them),
-- but of a private or withdrawn one they were the reporter's words and place
-- once more, and outlasted the account.

set local lock_timeout = '5s';
set local role ihanoi_owner;

create or replace function feedback.guard_case()
returns trigger
language plpgsql
as $$
declare
    erased  constant text[] := '{text_public,address_public,lat,long,cell_small,cell_large}';
begin
    if tg_op = 'INSERT' then
        if new.state <> 'submitted' or new.last_action <> 'create'
           or new.version <> 1
        then
            raise exception 'a case begins as submitted, not as "%"', new.state
                using errcode = 'check_violation',
                      constraint = 'cases_begin_submitted';
        end if;

        return new;
    end if;

    if new.version <> old.version + 1 then
        -- an erasure: no action, and nobody sees another case
        if not old.listed
           and num_nonnulls(new.text_public, new.address_public, new.lat, new.long) = 0
           and to_jsonb(new) - erased = to_jsonb(old) - erased
        then
            return new;
        end if;

        raise exception 'a change of a case counts its version up by one'
            using errcode = 'check_violation',
                  constraint = 'cases_version_counts';
    end if;

    if not exists (
        select from feedback.transitions t
        where t.from_state = old.state and t.action = new.last_action
          and t.to_state = new.state
          and (old.state <> 'needs_info' or t.to_state = 'withdrawn'
               or t.to_state = old.previous_state))
    then
        raise exception 'no transition from "%" by "%" to "%"',
            old.state, new.last_action, new.state
            using errcode = 'check_violation',
                  constraint = 'cases_move_is_legal';
    end if;

    return new;
end
$$;

grant update (public) on feedback.messages to ihanoi_write;

-- Of the accounts that were erased before.
update feedback.messages m set public = null
from feedback.cases c join core.people p on p.id = c.reporter_id
where m.case_id = c.id and m.author = c.reporter_id and not c.listed
  and p.erased_at is not null;

update feedback.searches s set words = ''
from feedback.cases c join core.people p on p.id = c.reporter_id
where s.case_id = c.id and not c.listed and p.erased_at is not null;

update feedback.cases c
set text_public = null, address_public = null, lat = null, long = null
from core.people p
where p.id = c.reporter_id and not c.listed and p.erased_at is not null;
