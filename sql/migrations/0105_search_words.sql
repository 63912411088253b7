-- A search sees words where the parser saw hosts, files and tags: the index is
-- written anew. The job has another name than before: the release that serves
-- while this one is deployed would write what it knows, and so it fails at it and
-- leaves it to this one. It recurs until it has succeeded: each ten seconds, where
-- one that does not would wait longer with each failure, and be dead in the end.
set local lock_timeout = '5s';
set local role ihanoi_owner;

update core.jobs set state = 'cancelled', ended_at = core.now()
where kind = 'feedback_reindex' and state = 'due';

insert into core.jobs (kind, key, run_at, every, max_attempts)
values ('feedback_words', '', core.now(), '10 seconds', 1);
