-- Until when a link is good, too: one whose time is over is not among those that stand.
create or replace view school_links as
select distinct l.id, l.n, l.school, l.student, l.state, l.asked_until, l.valid_until
  from links l join my_schools m on m.school = l.school;
