-- What agrees is read in one statement, so of one moment: between two, somebody else's
-- refund of the same payment may end, and what is right looked wrong.
create or replace function payments_agree()
returns trigger
language plpgsql
as $$
declare
    id_of   uuid := case tg_table_name when 'intents' then (to_jsonb(new) ->> 'id')::uuid
                                       else (to_jsonb(new) ->> 'intent')::uuid end;
    number  text;
    wrong   text;
begin
    select i.number, case
        when exists (select from receipts r
                      where r.intent = i.id and (r.verdict = 'applied') <> (r.id is not distinct from i.receipt))
            then 'the receipt that was applied'
        when i.refunded <> (select coalesce(sum(f.amount), 0) from refunds f
                             where f.receipt = i.receipt and f.state = 'done')
            then 'what was refunded'
        when exists (select from receipts r
                      where r.intent = i.id
                        and r.promised <> (select coalesce(sum(f.amount), 0) from refunds f
                                            where f.receipt = r.id and f.state <> 'refused'))
            then 'what was promised'
        end
      into number, wrong
      from intents i
     where i.id = id_of;

    if wrong is not null then
        raise exception using errcode = 'check_violation', constraint = 'payments_agree',
            message = format('intent %s: %s does not agree', number, wrong);
    end if;

    return null;
end
$$;
