-- Audit: chained, append-only, and a change shows.
begin;
select plan(15);

create function pg_temp.c() returns uuid language sql as $$select core.uuid_of('test chain')$$;

select is(event_record('{"operation": "op", "request_id": "r"}', null, 'feedback', pg_temp.c(),
    'created', null, 'reporter', '{"a": 1}'), 1::bigint, 'the first event is number one');
select is(event_record(null, null, 'feedback', pg_temp.c(), 'accepted', null, 'receive', '{"a": 2}'),
    2::bigint, 'the next is number two');
select event_record(null, null, 'feedback', pg_temp.c(), 'resolved', null, 'resolve', '{"a": 3}');

select is((select count(*)::int from core.outbox where subject = pg_temp.c()), 3,
    'each has an outbox row');
select is((select array_agg(distinct e.previous = p.hash) from core.audit_events e
           join core.audit_events p on p.chain = e.chain and p.seq = e.seq - 1
           where e.chain = pg_temp.c()), array[true], 'each carries the hash of the one before');
select is_empty($$select * from audit_verify(pg_temp.c())$$, 'the chain is whole');

select throws_like($$update core.audit_events set event = 'x' where chain = pg_temp.c()$$,
    '%append-only%', 'an event cannot be changed, by the owner neither');
select throws_like($$delete from core.audit_events where chain = pg_temp.c()$$,
    '%append-only%', 'nor deleted');
select throws_like('truncate core.audit_events', '%append-only%', 'nor all of them');
select throws_like($$update core.consents set given = false$$,
    '%append-only%', 'consents are append-only too');

-- Numbers and hashes given by the writer are not believed.
insert into core.audit_events (chain, seq, kind, event, previous, hash)
values (pg_temp.c(), 77, 'feedback', 'closed', 'forged', 'forged');
select is((select max(seq) from core.audit_events where chain = pg_temp.c()), 4::bigint,
    'an event cannot choose its number');
select is_empty($$select * from audit_verify(pg_temp.c())$$, 'nor its hash');

-- Somebody with the owner's rights and the triggers off.
alter table core.audit_events disable trigger audit_events_append_only;
do $$ declare p text; begin
    for p in select inhrelid::regclass::text from pg_inherits where inhparent = 'core.audit_events'::regclass loop
        execute format('alter table %s disable trigger user', p);
    end loop;
end $$;

-- What audit_verify() says after a change, which is taken back again.
create function pg_temp.after(change text) returns text[] language plpgsql as $$
declare
    found text[];
begin
    begin
        execute change;
        select array_agg(seq || ' ' || problem) into found from audit_verify(pg_temp.c());
        raise exception 'undo';
    exception when raise_exception then
        null;
    end;

    return found;
end
$$;

select is(pg_temp.after($$update core.audit_events set details = '{"a": 9}' where chain = pg_temp.c() and seq = 2$$),
    array['2 changed'], 'a changed event shows');
select is(pg_temp.after($$
        with changed as (
            select e.chain, core.audit_hash(row(e.chain, e.seq, e.at, e.kind, e.event, e.actor, e.role, e.unit,
                '{"a": 9}', e.operation, e.request_id, e.previous, e.hash)::core.audit_events) as hash
            from core.audit_events e where chain = pg_temp.c() and seq = 2)
        update core.audit_events e set details = '{"a": 9}', hash = changed.hash
        from changed where e.chain = changed.chain and seq = 2$$),
    array['3 not linked'], 'with its hash made anew, the next one shows it');
select is(pg_temp.after($$delete from core.audit_events where chain = pg_temp.c() and seq = 2$$),
    array['3 missing before', '3 not linked'], 'a missing event shows');
select is(pg_temp.after($$delete from core.audit_events where chain = pg_temp.c() and seq = 4$$),
    array['3 head differs', '4 missing at the end'], 'a missing end shows');

select * from finish();
rollback;
