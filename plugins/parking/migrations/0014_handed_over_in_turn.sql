-- A site that is handed over, and supplies that are changed, by hand: a count of free places
-- writes the supply and then its site, and these the other way round, or several in another
-- order. They come one after the other, as messages of one operator do (events_apply).
create function operators_wait()
returns trigger
language plpgsql
as $$
begin
    perform from operators o order by o.id for no key update;
    return null;
end
$$;

create trigger operators_wait before update of operator on sites
    for each statement execute function operators_wait();

create trigger operators_wait before delete or update of capacity, bookable on supplies
    for each statement execute function operators_wait();
