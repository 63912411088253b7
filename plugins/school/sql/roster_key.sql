-- The key that signs a school's rosters, for its administrator; no row for others.
create function roster_key(caller jsonb, school text)
returns table (import_key text)
language plpgsql
as $$
#variable_conflict use_column
begin
    perform ask(caller);

    return query
    select s.import_key from schools s join my_schools m on m.school = s.code
     where s.code = roster_key.school;
end
$$;
