-- Checks every audit chain: what audit_verify() finds, with the chain. Reads
-- all events ever written; for an operator, not for a request.
create function audit_verify_all()
returns table (chain uuid, seq bigint, problem text)
language sql stable
as $$
    select c.chain, v.seq, v.problem
    from (select h.chain from core.audit_heads h
          union
          select e.chain from core.audit_events e) c
         cross join lateral audit_verify(c.chain) v
$$;
