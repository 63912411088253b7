-- What releases of before have left since 0106, and until 0107 was there. Apart from
-- it, which keeps writers of cases waiting; and cases first, as everybody locks them.
set local lock_timeout = '5s';
set local role ihanoi_owner;

update feedback.cases c
set text_public = null, address_public = null, lat = null, long = null
from core.people p
where p.id = c.reporter_id and not c.listed and p.erased_at is not null
  and num_nonnulls(c.text_public, c.address_public, c.lat, c.long) > 0;

update feedback.messages m set public = null
from feedback.cases c join core.people p on p.id = c.reporter_id
where m.case_id = c.id and m.author = c.reporter_id and not c.listed
  and p.erased_at is not null and m.public is not null;

update feedback.searches s set words = ''
from feedback.cases c join core.people p on p.id = c.reporter_id
where s.case_id = c.id and not c.listed and p.erased_at is not null
  and s.words <> '';
