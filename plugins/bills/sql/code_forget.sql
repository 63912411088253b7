-- DELETE /v1/bills/codes/{id}: one's own, with its reminders.
create function code_forget(caller jsonb, id uuid)
returns table (status int, etag text, location text, body json)
language plpgsql
as $$
begin
    delete from codes c where c.id = code_forget.id and c.citizen = subject_of(caller);

    if found then
        return query select 204, null::text, null::text, null::json;
    end if;
end
$$;
