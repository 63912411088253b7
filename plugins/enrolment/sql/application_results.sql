-- Why an application got what it got: for each choice its band and rank at the
-- school, and those of the last one who was admitted. Null until it is published.
create function application_results(application uuid)
returns json
language plpgsql stable
as $$
begin
    return (
        select json_agg(json_build_object('position', c.position, 'school', c.school,
                   'band', c.band, 'rank', c.rank, 'quota', s.quota,
                   'last_admitted', case when s.last_rank is not null then
                        json_build_object('band', s.last_band, 'rank', s.last_rank) end,
                   'result', case when c.band is null then 'no_band'
                                  when e.position = c.position then 'admitted'
                                  when e.position < c.position then 'not_needed'
                                  else 'not_admitted' end) order by c.position)
          from applications a
          join rounds r on r.id = a.round
          join allocation_entries e on e.allocation = r.allocation and e.application = a.id
          join allocation_choices c on c.allocation = e.allocation and c.application = e.application
          join allocation_schools s on s.allocation = c.allocation and s.school = c.school
         where a.id = application_results.application);
end
$$;
