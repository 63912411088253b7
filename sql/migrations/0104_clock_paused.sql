-- A changed severity finds the time that a clock stood still in the case's events.
set local lock_timeout = '5s';
set local role ihanoi_owner;

comment on column feedback.cases.clock_paused is
    'Working time that the clock stood still since clock_started_at: releases '
    'before this comment compute the deadline of another severity from both.';
