-- PUT /v1/bills/carriers: all carriers as they are from now on. One that is left out
-- sells nothing any more; what was ordered of it stays.
create function carriers_put(caller jsonb, items jsonb, source text, verified boolean)
returns table (status int, etag text, location text, body json)
language plpgsql
as $$
begin
    if exists (select from jsonb_to_recordset(carriers_put.items) as x (code text)
                group by x.code having count(*) > 1)
       or exists (select from jsonb_to_recordset(carriers_put.items) as x (prefixes jsonb),
                              jsonb_array_elements_text(x.prefixes) p
                   group by p.value having count(*) > 1)
    then
        raise exception using errcode = 'IH001', message = 'carriers-wrong';
    end if;

    -- Who loads others waits, and takes the place of these.
    perform ihanoi_host.lock('carriers');
    delete from prefixes;
    update carriers set active = false;

    insert into carriers (code, name, amounts)
    select x.code, x.name, array(select a.value::bigint from jsonb_array_elements_text(x.amounts) a
                                  order by 1)
      from jsonb_to_recordset(carriers_put.items) as x (code text, name text, amounts jsonb)
    on conflict on constraint carriers_pkey do update
       set name = excluded.name, amounts = excluded.amounts, active = true;

    insert into prefixes (prefix, carrier)
    select p.value, x.code
      from jsonb_to_recordset(carriers_put.items) as x (code text, prefixes jsonb),
           jsonb_array_elements_text(x.prefixes) p;

    insert into carriers_source (source, verified, loaded_by)
    values (carriers_put.source, carriers_put.verified, subject_of(caller))
    on conflict on constraint carriers_source_pkey do update
       set source = excluded.source, verified = excluded.verified,
           loaded_by = excluded.loaded_by, loaded_at = now();

    return query select c.status, c.etag, null::text, c.body from carrier_list(caller) c;
end
$$;
