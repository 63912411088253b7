-- What a stay costs, for as many seconds as the operator's terms say. The tariff is
-- that of the day on which the stay begins.
create function quote_create(id uuid, owner text, site uuid, vehicle text,
                             arrive timestamptz, leave timestamptz)
returns jsonb
language plpgsql
as $$
declare
    o       operators%rowtype;
    supply  supplies%rowtype;
    tariff  tariffs%rowtype;
    first   timestamptz := date_trunc('minute', quote_create.arrive);
    last    timestamptz := date_trunc('minute', quote_create.leave);
begin
    select p.* into o from operators p join sites s on s.operator = p.id
     where s.id = quote_create.site and s.in_service;
    select * into supply from supplies s
     where s.site = quote_create.site and s.vehicle = quote_create.vehicle;

    if o.id is null then
        return null;
    elsif supply.site is null then
        perform booking_refuse('parking-vehicle-not-here', jsonb_build_object('vehicle', vehicle));
    elsif last <= first or first < date_trunc('minute', now())
          or last > now() + make_interval(days => o.ahead_days)
    then
        perform booking_refuse('parking-stay-unclear', jsonb_build_object('ahead_days', o.ahead_days));
    elsif not stay_open(supply.site, first, last) then
        perform booking_refuse('parking-closed');
    end if;

    select * into tariff from tariffs t
     where t.site = supply.site and t.vehicle = supply.vehicle
       and (first at time zone 'Asia/Ho_Chi_Minh')::date
           between t.valid_from and coalesce(t.valid_to, 'infinity');

    if tariff.id is null or not exists (select from rates r where r.tariff = tariff.id) then
        perform booking_refuse('parking-no-price');
    end if;

    insert into quotes (id, owner, site, vehicle, tariff, arrive, leave, price, breakdown, terms,
                        expires_at)
    select quote_create.id, quote_create.owner, supply.site, supply.vehicle, tariff.id, first, last,
           coalesce(sum(p.amount), 0), coalesce(jsonb_agg(to_jsonb(p) order by p.begins), '[]'),
           jsonb_build_object(
               'hold_seconds', o.hold_seconds, 'grace_minutes', tariff.grace_minutes,
               'no_show_percent', o.no_show_percent, 'no_show_minutes', o.no_show_minutes,
               'refunds', coalesce((select jsonb_agg(jsonb_build_object(
                                        'before_minutes', r.before_minutes, 'percent', r.percent)
                                        order by r.before_minutes desc)
                                      from refund_rules r where r.operator = o.id), '[]')),
           now() + make_interval(secs => o.quote_seconds)
      from stay_pieces(tariff.id, first, last) p;

    return quote_document(quote_create.id);
end
$$;
