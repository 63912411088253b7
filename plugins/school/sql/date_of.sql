-- A day as a roster writes it, YYYY-MM-DD; null when it is none.
create function date_of(text text)
returns date
language plpgsql immutable
as $$
begin
    return case when text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' then text::date end;
exception
    when others then
        return null;
end
$$;
