-- Saves a code, or changes what was said of it; as many as a citizen may have. One to be
-- reminded of gives sight of its bills, so it counts as a look-up.
create function code_save(id uuid, citizen text, customer text, label text, remind boolean,
                          days_before int, most int, an_hour int, customers_a_day int)
returns json
language plpgsql
as $$
declare
    c  codes%rowtype;
begin
    perform ihanoi_host.lock('codes of ' || code_save.citizen);

    if not exists (select from codes t
                    where t.citizen = code_save.citizen and t.customer = code_save.customer)
       and (select count(*) from codes t where t.citizen = code_save.citizen) >= most
    then
        raise exception using errcode = 'IH001', message = 'codes-too-many';
    end if;

    if code_save.remind
       and not exists (select from codes t
                        where t.citizen = code_save.citizen and t.customer = code_save.customer
                          and t.remind)
    then
        perform lookup_begin(code_save.citizen, code_save.customer, an_hour, customers_a_day);
    end if;

    insert into codes (id, citizen, customer, label, remind, days_before)
    values (code_save.id, code_save.citizen, code_save.customer, code_save.label, code_save.remind,
            code_save.days_before)
    on conflict on constraint codes_saved_once do update
       set label = excluded.label, remind = excluded.remind, days_before = excluded.days_before,
           check_at = now()
    returning * into c;

    return code_document(c);
end
$$;
