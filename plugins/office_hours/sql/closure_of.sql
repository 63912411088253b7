-- Why a unit is closed on a day; no row: it is not.
create function closure_of(unit text, day date)
returns table (reason text)
language sql stable
as $$
    select c.reason from closures c
     where c.unit = closure_of.unit and c.day = closure_of.day
$$;
