-- A refusal found after something was written: raises, so that the whole
-- request is rolled back ("perform refuse_now('code', …)").
create function refuse_now(code text, members json default null)
returns void
language plpgsql
as $$
begin
    raise exception using
        errcode = 'IH001',
        message = code,
        detail = coalesce(members::text, '{}');
end
$$;
