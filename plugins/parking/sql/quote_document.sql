-- A quote as its owner sees it.
create function quote_document(id uuid)
returns jsonb
language sql volatile
as $$
    select jsonb_build_object(
               'id', q.id, 'site', q.site, 'vehicle', q.vehicle, 'arrive', q.arrive, 'leave', q.leave,
               'price', q.price, 'breakdown', q.breakdown, 'terms', q.terms,
               'available', greatest(s.bookable - places_taken(q.site, q.vehicle, q.arrive, q.leave), 0),
               'expires_at', q.expires_at)
      from quotes q join supplies s on s.site = q.site and s.vehicle = q.vehicle
     where q.id = quote_document.id
$$;
