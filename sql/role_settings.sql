-- What every role that a gateway logs in as is set to; part of roles.sql and
-- plugin.sql, which call it for each of theirs.

create or replace function pg_temp.role_settings(r text)
returns void
language plpgsql
as $$
begin
    -- The server's log is kept free of personal data: no statements, no
    -- values, no DETAIL (it quotes keys and rows). Settings that a login role
    -- cannot undo.
    execute format('alter role %I set log_error_verbosity = terse', r);
    execute format('alter role %I set log_min_error_statement = panic', r);
    execute format('alter role %I set log_parameter_max_length = 0', r);
    execute format('alter role %I set log_parameter_max_length_on_error = 0', r);
    execute format('alter role %I set log_min_duration_statement = -1', r);
    execute format('alter role %I set log_statement = none', r);

    -- A search for nothing but punctuation is no notice to anybody.
    execute format('alter role %I set client_min_messages = warning', r);

    -- Statements are small: compiling them costs more than it saves.
    execute format('alter role %I set jit = off', r);
    execute format('alter role %I set timezone = %L', r, 'UTC');
    execute format('alter role %I set datestyle = %L', r, 'ISO, YMD');
    execute format('alter role %I set intervalstyle = %L', r, 'iso_8601');
    execute format('alter role %I set bytea_output = hex', r);
    execute format('alter role %I set client_encoding = UTF8', r);
end
$$;
