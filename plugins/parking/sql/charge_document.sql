-- A charge as whoever asks for its payment needs it.
create function charge_document(id uuid)
returns jsonb
language sql stable
as $$
    select jsonb_build_object(
               'id', c.id, 'booking', c.booking, 'gateway', c.gateway, 'amount', c.amount,
               'intent', c.intent, 'payer', b.owner, 'code', b.code)
      from charges c join bookings b on b.id = c.booking
     where c.id = charge_document.id
$$;
