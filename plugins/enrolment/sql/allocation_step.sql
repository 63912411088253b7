-- Works on an allocation for about so many milliseconds, and goes on where the last
-- step has ended. Returns its state.
--
-- Planned without its values: of a new allocation there are no statistics yet, and the
-- planner would take it for one row. And by indexes, for the plans of a small round are kept
-- for a large one.
create function allocation_step(id uuid, budget int)
returns text
language plpgsql
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
    a      allocations%rowtype;
    until  timestamptz := clock_timestamp() + make_interval(secs => budget / 1000.0);
begin
    select * into a from allocations t where t.id = allocation_step.id for update;

    if not found then
        return null;
    end if;

    loop
        case a.state
        when 'entries' then perform allocation_take_entries(a);
        when 'ranks' then perform allocation_rank_school(a);
        when 'digest' then perform allocation_digest_inputs(a);
        when 'matching' then perform allocation_pass(a);
        when 'results' then perform allocation_digest_results(a);
        when 'publishing' then perform allocation_publish_some(a);
        else return a.state;
        end case;

        select * into a from allocations t where t.id = a.id;
        exit when clock_timestamp() >= until;
    end loop;

    return a.state;
end
$$;
