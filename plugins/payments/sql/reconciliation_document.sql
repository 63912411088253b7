-- A report of a gateway's day as whoever audits it reads it: the first differences, and how
-- many there are. All of a day of which nothing was known would be no answer any more.
--
-- What another day's file has had since then is missing there no more: that file may have
-- been late, and a payment about midnight is of the next day at some gateways.
create function reconciliation_document(r reconciliations)
returns jsonb
language sql stable
as $$
    select to_jsonb(r) || jsonb_build_object(
               'differences', coalesce(jsonb_agg(d.value order by d.n) filter (where d.n <= 5000), '[]'),
               'differ', count(*),
               'agrees', count(*) = 0)
      from (select e.value, row_number() over (order by e.ordinality) as n
              from jsonb_array_elements(r.differences) with ordinality e
             where not exists (select from filed f
                                where f.gateway = r.gateway
                                  and f.kind = case e.value ->> 'kind'
                                               when 'payment-missing-there' then 'payment'
                                               when 'refund-missing-there' then 'refund' end
                                  and f.name = case e.value ->> 'kind'
                                               when 'payment-missing-there' then e.value ->> 'transaction'
                                               else e.value ->> 'number' end)) d
$$;
