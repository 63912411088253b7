-- Events of plugins and for plugins: the outbox has topics with digits, as
-- plugins may be called, and what a plugin has subscribed to is delivered to it
-- from rows of its own (docs/decisions/0026).

set local lock_timeout = '5s';
set local role ihanoi_owner;

alter table core.outbox drop constraint outbox_topic_check;
alter table core.outbox add constraint outbox_topic_check
    check (topic ~ '^[a-z_][a-z0-9_]{0,31}$');


-- What plugins have subscribed to; a row goes when no gateway has had it for an
-- hour, with what was to be delivered.
create table core.plugin_subscriptions (
    plugin       text not null check (plugin ~ '^[a-z][a-z0-9_]{0,31}$'),
    topic        text not null,
    event        text not null,
    attempts     int not null check (attempts between 1 and 100),
    declared_at  timestamptz not null,
    primary key (plugin, topic, event)
);

-- How far a plugin has read the outbox: nothing up to here comes again.
create table core.plugin_cursors (
    plugin    text primary key,
    xid       xid8 not null,
    id        bigint not null default 0,
    moved_at  timestamptz not null
);

-- What was read and is to be delivered, in the order of (xid, id); of one
-- subject one after the other. A copy: the outbox keeps its rows for three
-- months, a dead one stays until somebody has looked at it.
create table core.plugin_deliveries (
    plugin    text not null,
    id        bigint not null,
    xid       xid8 not null,
    at        timestamptz not null,
    topic     text not null,
    event     text not null,
    subject   uuid not null,
    payload   jsonb not null,

    state     text not null default 'due' check (state in ('due', 'done', 'dead')),
    attempts  int not null default 0,
    next_at   timestamptz not null,
    ended_at  timestamptz,
    outcome   text,
    error     text check (length(error) <= 500),

    -- The attempt under way, as in core.plugin_jobs.
    run       uuid,
    holder    text,
    until     timestamptz,

    primary key (plugin, id),
    constraint plugin_deliveries_run_has_end check ((run is null) = (until is null))
);

create index plugin_deliveries_due on core.plugin_deliveries (plugin, xid, id)
    where state = 'due';
create index plugin_deliveries_subject on core.plugin_deliveries
    (plugin, subject, xid, id) where state = 'due';
create index plugin_deliveries_over on core.plugin_deliveries (plugin, state)
    where state <> 'due';

grant select on core.plugin_subscriptions, core.plugin_cursors,
    core.plugin_deliveries to ihanoi_read;
grant update on core.plugin_deliveries to ihanoi_write;
grant update on core.plugin_subscriptions to ihanoi_control;
grant insert, delete on core.plugin_subscriptions, core.plugin_deliveries
    to ihanoi_control;
grant insert, update, delete on core.plugin_cursors to ihanoi_control;


-- What the SQL of plugins may call, and nothing else of ours.
create schema ihanoi_host;
grant usage on schema ihanoi_host to public;

-- An event of the plugin whose role has logged in, in its own transaction: it
-- is there when that commits. event is "<plugin>.<what happened>", key what it
-- is about. Whoever else calls has no plugin to speak for.
create function ihanoi_host.publish(event text, key uuid, payload jsonb default '{}')
returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    plugin  text := substr(session_user, length('plugin_') + 1);
    number  bigint;
begin
    if session_user !~ '^plugin_[a-z][a-z0-9_]{0,31}$' then
        raise exception 'role % is no plugin''s', session_user
              using errcode = 'insufficient_privilege';
    end if;

    if split_part(publish.event, '.', 1) is distinct from plugin
       or publish.event !~ '^[a-z0-9_]+[.][a-z_]{1,64}$'
    then
        raise exception 'a plugin''s events are called %.<what happened>', plugin
              using errcode = 'insufficient_privilege';
    end if;

    if publish.key is null then
        raise exception 'an event is about something: key is null'
              using errcode = 'null_value_not_allowed';
    end if;

    if octet_length(publish.payload::text) > 65536 then
        raise exception 'an event''s payload has at most 65536 bytes'
              using errcode = 'program_limit_exceeded';
    end if;

    insert into core.outbox as o (topic, event, subject, payload)
    values (plugin, split_part(publish.event, '.', 2), publish.key,
            coalesce(publish.payload, '{}'))
    returning o.id into number;

    return number;
end
$$;
