-- A desk narrowed to states reads those, not all that the unit has to do.
set local lock_timeout = '5s';
set local role ihanoi_owner;

create index cases_desk_state on feedback.cases (unit, state, unit_due_at, id)
    where state in ('submitted', 'needs_info', 'accepted', 'assigned',
                    'transferred', 'in_progress', 'scheduled', 'reopened');
