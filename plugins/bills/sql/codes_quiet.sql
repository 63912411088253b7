-- Somebody wants no reminders any more: none of his codes is looked after, and what he
-- was reminded of is gone. How many codes there were.
create function codes_quiet(citizen text)
returns int
language plpgsql
as $$
declare
    n  int;
begin
    delete from reminders r using codes c
     where c.id = r.code and c.citizen = codes_quiet.citizen;

    update codes c set remind = false where c.citizen = codes_quiet.citizen and c.remind;
    get diagnostics n = row_count;

    return n;
end
$$;
