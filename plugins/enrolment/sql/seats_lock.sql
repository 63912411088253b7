-- Held, before any of their rows, by who gives or ends places at several schools in one
-- transaction: two of those could wait for each other's. A guardian's answer is of one
-- place and does without.
create function seats_lock()
returns void
language sql
as $$
    select ihanoi_host.lock('enrolment seats')
$$;
