-- A right and a session say who has issued the code of a booking, by name.
create function operators_renamed()
returns trigger
language plpgsql
as $$
begin
    update bookings b set version = b.version + 1
      from sites s
     where s.id = b.site and s.operator = new.id;
    return null;
end
$$;

create trigger operators_renamed after update on operators for each row
    when (old.name <> new.name) execute function operators_renamed();
