-- Who stands in for a grant is asked for each one that is revoked or replaced: a
-- roster of a thousand lines read all grants of the city a thousand times.
set local lock_timeout = '5s';
set local role ihanoi_owner;

create index officer_grants_substitute on core.officer_grants (substitute_for)
    where substitute_for is not null;
