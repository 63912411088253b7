-- People whose account was erased, until nothing of them is left here: as long as one of
-- their bookings is not over (forget_erased).
create table erased (
    owner  text primary key,
    at     timestamptz not null
);


-- A booking that is over becomes nobody's when its owner is erased, and has no plate.
create or replace function bookings_change()
returns trigger
language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'held' then
            raise exception using errcode = 'check_violation', constraint = 'bookings_change',
                message = 'a booking begins as held';
        end if;

        return new;
    end if;

    if (old.id, old.code, old.quote, old.created_at)
       is distinct from (new.id, new.code, new.quote, new.created_at)
       or (old.owner, old.plate) is distinct from (new.owner, new.plate)
          and not (new.owner = 'erased' and new.plate is null
                   and old.state in ('expired', 'cancelled', 'refunded', 'no_show', 'settled'))
       or old.hold_until <> new.hold_until and (old.state, new.state) <> ('held', 'held')
       or old.entered_at <> new.entered_at or old.exited_at <> new.exited_at
       or old.state in ('exited', 'settled') and old.due <> new.due
       or old.collected <> new.collected
    then
        raise exception using errcode = 'check_violation', constraint = 'bookings_change',
            message = 'what a booking is about does not change';
    end if;

    if old.state <> new.state then
        if not exists (select from booking_transitions t
                        where t.old = old.state and t.new = new.state)
        then
            raise exception using errcode = 'check_violation', constraint = 'bookings_change',
                message = format('a booking that is %s does not become %s', old.state, new.state);
        end if;

        new.changed_at := now();
    end if;

    return new;
end
$$;
