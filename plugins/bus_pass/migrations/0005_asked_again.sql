-- When its holder asked once more for a pass that waits. Who has come back after an
-- erasure has asked for it anew.
alter table passes add column again_at timestamptz;
