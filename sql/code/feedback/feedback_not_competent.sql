-- No unit of the city is competent: the officer names the body that is.
create function feedback_not_competent(caller jsonb, id uuid, if_match jsonb,
    reason_code text, reason text, competent_body text)
returns core.reply
language sql volatile
as $$
    select feedback_refuse(caller, id, 'not_competent', 'not_competent',
                           if_match, reason_code, reason, competent_body)
$$;
