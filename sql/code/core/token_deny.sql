-- Denies a token (jti), a session (sid) or a subject's tokens (sub).
-- denied_before: only tokens issued before it; null: all.
-- forget_at: when the last such token has expired by itself; the row may go.
-- Takes effect in each gateway at its next poll.
create function token_deny(iss text, kind text, value text,
    denied_before timestamptz, forget_at timestamptz, reason text)
returns void
language sql volatile
as $$
    insert into core.denied_tokens as d
           (iss, kind, value, denied_before, forget_at, reason)
    values (iss, kind, value, denied_before, forget_at, coalesce(reason, ''))
    on conflict (iss, kind, value) do update
    set forget_at = greatest(d.forget_at, excluded.forget_at),
        -- Denying more never lets in what is denied.
        denied_before = case
            when d.forget_at <= core.now() then excluded.denied_before
            when d.denied_before is null or excluded.denied_before is null
            then null
            else greatest(d.denied_before, excluded.denied_before) end,
        reason = excluded.reason,
        xid = pg_current_xact_id()
$$;
