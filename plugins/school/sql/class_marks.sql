-- GET /v1/school/classes/{class}/marks: of a subject and a term, to who teaches it, the
-- homeroom teacher and the administrator.
create function class_marks(caller jsonb, class uuid, subject text, term int)
returns table (status int, etag text, body json)
language plpgsql
as $$
begin
    perform ask(caller);

    if open_class(class, array['teacher', 'administrator']) then
        return query select 200, null::text, json_build_object(
            'items', mark_documents(null, class, null, term, subject));
    end if;
end
$$;
