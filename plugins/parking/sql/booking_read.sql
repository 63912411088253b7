-- GET /v1/parking/bookings/{id}: the caller's own.
create function booking_read(caller jsonb, id uuid)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, booking_document(b.id)::json
      from bookings b
     where b.id = booking_read.id
       and b.owner = (caller ->> 'iss') || ' ' || (caller ->> 'sub')
$$;
