-- A citizen's account was erased: saved codes, reminders and disputes go at once, the rest
-- by forget_erased(). What came after the erasure is of a new account.
create function person_forget(person text, erased_at timestamptz)
returns int
language plpgsql
as $$
declare
    n  int;
begin
    delete from codes c where c.citizen = person and c.created_at <= erased_at;
    get diagnostics n = row_count;
    delete from disputes d where d.citizen = person and d.created_at <= erased_at;

    insert into erased as e (citizen, at)
    select person, erased_at where person is not null
    on conflict (citizen) do update set at = greatest(e.at, excluded.at);

    return n;
end
$$;
