-- The contract says how long a reason may be, as it is sent; composed, as it is kept, it may
-- have more characters.
alter table closures drop constraint closures_reason_check;
