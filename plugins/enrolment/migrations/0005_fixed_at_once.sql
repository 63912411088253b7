-- Rules and quotas are fixed from the instant at which a round opens, also for those whose
-- transaction was begun before it and had to wait.

-- The gateway's clock as it goes on within a transaction.
create function right_now()
returns timestamptz
language sql volatile
as $$
    select clock_timestamp()
           + coalesce(nullif(current_setting('core.clock_offset', true), ''), '0')::interval
$$;

create or replace function rules_are_fixed()
returns trigger
language plpgsql
as $$
declare
    rule  jsonb := to_jsonb(case when tg_op = 'DELETE' then old else new end);
begin
    if exists (select from rounds r
                where r.year = (rule ->> 'year')::int and r.opens_at <= right_now()
                  and (not rule ? 'level' or r.level = rule ->> 'level'))
    then
        raise exception using errcode = 'integrity_constraint_violation',
            constraint = 'rules_are_fixed',
            message = 'a round of this year has begun: its rules do not change';
    end if;

    return case when tg_op = 'DELETE' then old else new end;
end
$$;

create or replace function places_change()
returns trigger
language plpgsql
as $$
begin
    if (tg_op <> 'UPDATE' or old.quota <> new.quota)
       and exists (select from rounds r where r.id = coalesce(new.round, old.round)
                      and r.opens_at <= right_now())
    then
        raise exception using errcode = 'integrity_constraint_violation',
            constraint = 'places_change',
            message = 'the round has begun: its quotas do not change';
    end if;

    return coalesce(new, old);
end
$$;
