-- Somebody's account was erased: quotes that were not booked go, bookings follow when they
-- are over. What came after the erasure is of a new account.
create function person_forget(person text, erased_at timestamptz)
returns int
language plpgsql
as $$
begin
    delete from quotes q
     where q.owner = person and not q.kept and q.created_at <= erased_at
       and not exists (select from bookings b where b.quote = q.id);

    insert into erased as e (owner, at)
    select person, erased_at where person is not null
    on conflict (owner) do update set at = greatest(e.at, excluded.at);

    return forget_erased();
end
$$;
