-- Asks for an allocation of a round that is closed; one that works already is the
-- one. The job does the work. Null: no such round.
create function allocation_request(id uuid, round uuid, subject text)
returns json
language plpgsql
as $$
declare
    r  rounds%rowtype;
    a  allocations%rowtype;
begin
    perform round_lock(round, alone => true);
    select * into r from rounds t where t.id = allocation_request.round;

    if not found then
        return null;
    end if;

    select * into a from allocations t
     where t.round = r.id and t.state in ('entries', 'ranks', 'digest', 'matching', 'results', 'publishing');

    if not found then
        if r.stage = 'taking' then
            perform refuse_with('enrolment-round-not-closed');
        elsif r.stage = 'published' then
            perform refuse_with('enrolment-round-published');
        end if;

        insert into allocations (id, round, kind, revision, requested_by)
        values (allocation_request.id, r.id, 'main', r.revision, subject)
        returning * into a;
    end if;

    return allocation_document(a.id);
end
$$;
