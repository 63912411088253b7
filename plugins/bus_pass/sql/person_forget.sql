-- Somebody's account was erased. What came after that is of a new account.
create function person_forget(person text, erased_at timestamptz)
returns int
language plpgsql
as $$
begin
    insert into erased as e (holder, at)
    select person, erased_at where person is not null
    on conflict (holder) do update set at = greatest(e.at, excluded.at);

    return forget_erased();
end
$$;
