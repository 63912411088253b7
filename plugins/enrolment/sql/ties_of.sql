-- What the tie-breakers see of facts, smaller first: {} where there are none.
create function ties_of(year int, level text, facts jsonb)
returns numeric[]
language sql stable
as $$
    select coalesce(array_agg(coalesce(
               case jsonb_typeof(v.value)
               when 'number' then (v.value #>> '{}')::numeric
               when 'boolean' then (v.value #>> '{}')::boolean::int
               when 'string' then case f.kind
                   when 'date' then (v.value #>> '{}')::date - date '2000-01-01'
                   else (select min(o.n) from jsonb_array_elements_text(f.options) with ordinality o (text, n)
                          where o.text = v.value #>> '{}') end
               end * case when t.descending then -1 else 1 end, 'infinity') order by t.position), '{}')
      from tie_breaks t
      join facts f on f.year = t.year and f.code = t.fact
     cross join lateral (select ties_of.facts -> t.fact) v (value)
     where t.year = ties_of.year and t.level = ties_of.level
$$;
