-- An application as an officer reads it, which is written down. Null: there is none
-- of theirs.
create function desk_read(id uuid, subject text, office boolean)
returns json
language plpgsql
as $$
begin
    if not is_officer_of(subject, office, id) then
        return null;
    end if;

    insert into reads (subject, operation, application)
    select desk_read.subject, 'desk_read', a.id from applications a where a.id = desk_read.id;

    return application_document(id);
end
$$;
