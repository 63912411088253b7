-- Publishing is the second decision: it has somebody who took it. Null where it was taken
-- before this was written down, or by a release that does not do so.
alter table allocations add column published_by text;
