-- A refusal decided before anything was written: "return refuse('code', …)".
-- code is a problem of the contract's x-ihanoi-problems; members fill its
-- texts and stand in the problem document.
create function refuse(code text, members json default null)
returns core.reply
language sql stable
as $$
    select row(null, null, null, refusal(code, members))::core.reply
$$;
