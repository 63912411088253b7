-- Kinds of marks as they come in a term; those we do not know at its end.
create function mark_order(kind text)
returns int
language sql immutable
as $$
    select coalesce(array_position(array['tx', 'gk', 'ck'], kind), 9)
$$;
