-- The body of a refusal: for a GET, "select null::int, null::text,
-- refusal('code', …)"; everything else says refuse() or refuse_now().
create function refusal(code text, members json default null)
returns json
language sql stable
as $$
    select (jsonb_build_object('code', code)
            || coalesce(members::jsonb, '{}'))::json
$$;
