-- Who was given the number's prefix, the longest that is known; null when nobody
-- knows. A hint: the number may have moved.
create function carrier_hint(phone text)
returns text
language sql stable
as $$
    select p.carrier
      from prefixes p join carriers c on c.code = p.carrier and c.active
     where starts_with('0' || substr(phone, 3), p.prefix)
     order by length(p.prefix) desc
     limit 1
$$;
