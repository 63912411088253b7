-- Checks the audit chain of a case, a person or a unit: every event's hash,
-- its link to the one before, and that no event is missing, at the end neither.
-- No row: the chain is whole. Otherwise what is wrong, by number.
create function audit_verify(chain uuid)
returns table (seq bigint, problem text)
language sql stable
as $$
    with events as (
        select e.*, core.audit_hash(e) as right_hash,
               row_number() over w as place,
               lag(e.hash, 1, '\x') over w as before
        from core.audit_events e
        where e.chain = audit_verify.chain
        window w as (order by e.seq)
    ),
    found as (
        select e.seq, 'missing before' as problem
        from events e where e.seq <> e.place
           and e.seq = (select min(x.seq) from events x where x.seq <> x.place)
        union all
        select e.seq, 'changed' from events e where e.hash <> e.right_hash
        union all
        select e.seq, 'not linked' from events e where e.previous <> e.before
        union all
        select h.seq, 'missing at the end'
        from core.audit_heads h
        where h.chain = audit_verify.chain
          and h.seq is distinct from (select max(e.seq) from events e)
        union all
        select e.seq, 'head differs'
        from events e
             left join core.audit_heads h on h.chain = audit_verify.chain
        where e.seq = (select max(x.seq) from events x)
          and h.hash is distinct from e.hash
    )
    select f.seq, f.problem from found f order by f.seq, f.problem
$$;
