-- The first fact that a year does not have, or not with such a value; null: none.
create function facts_wrong(year int, facts jsonb)
returns text
language plpgsql stable
as $$
begin
    return (
        select e.key
          from jsonb_each(facts_wrong.facts) e
          left join facts f on f.year = facts_wrong.year and f.code = e.key
         where case f.kind
               when 'boolean' then jsonb_typeof(e.value) = 'boolean'
               when 'integer' then jsonb_typeof(e.value) = 'number' and e.value::text ~ '^-?[0-9]{1,9}$'
               when 'date' then jsonb_typeof(e.value) = 'string'
                                and e.value #>> '{}' ~ '^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$'
                                and right(e.value #>> '{}', 2)::int <= extract(day from
                                    (left(e.value #>> '{}', 7) || '-01')::date + interval '1 month - 1 day')
               when 'choice' then jsonb_typeof(e.value) = 'string'
                                  and f.options ? (e.value #>> '{}')
               else false end is not true
         order by e.key
         limit 1);
end
$$;
