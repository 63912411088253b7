-- Publishes an allocation that has been computed from what stands now. The job tells
-- the applicants, in steps. Null: there is none such.
create function allocation_publish(id uuid, subject text)
returns json
language plpgsql
as $$
declare
    a  allocations%rowtype;
begin
    perform round_lock((select t.round from allocations t where t.id = allocation_publish.id), alone => true);
    select * into a from allocations t where t.id = allocation_publish.id for update;

    if not found then
        return null;
    elsif a.state in ('publishing', 'published') then
        return allocation_document(a.id);
    elsif a.kind <> 'main' or a.state <> 'computed' then
        perform refuse_with('enrolment-allocation-works', jsonb_build_object('state', a.state));
    elsif exists (select from rounds r where r.id = a.round and r.stage = 'published') then
        perform refuse_with('enrolment-round-published');
    elsif exists (select from rounds r where r.id = a.round and r.revision <> a.revision) then
        perform refuse_with('enrolment-allocation-stale');
    end if;

    update allocations t
       set state = 'publishing', cursor = '', published_at = instant(),
           published_by = allocation_publish.subject
     where t.id = a.id;

    return allocation_document(a.id);
exception when unique_violation then
    -- another one of the round works
    perform refuse_with('enrolment-allocation-works');
end
$$;
