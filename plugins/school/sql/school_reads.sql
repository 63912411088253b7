-- GET /v1/school/schools/{school}/reads: the same of a school, to its administrator.
create function school_reads(caller jsonb, school text, "limit" int, cursor text)
returns table (status int, etag text, body json)
language plpgsql
as $$
begin
    perform ask(caller);

    if open_school(school) then
        return query select 200, null::text,
            read_documents(null, school, school_reads.limit, cursor::bigint);
    end if;
end
$$;
