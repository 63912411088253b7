-- The receiving officer refuses a case that is none: reason code from the list
-- and free text (unexplained refusals were the real platform's
-- first complaint).
create function feedback_reject(caller jsonb, id uuid, if_match jsonb,
    reason_code text, reason text)
returns core.reply
language sql volatile
as $$
    select feedback_refuse(caller, id, 'reject', 'rejected', if_match,
                           reason_code, reason, null)
$$;
