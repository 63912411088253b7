-- A round of a year. Of the lottery's seed only its hash is known, so that nobody
-- here can foresee the draw, and nobody anywhere can change it. The same key is the same
-- round: it cannot be taken back.
create function round_create(id uuid, year int, level text, title text, opens_at timestamptz,
                             closes_at timestamptz, born_from date, born_until date, zone_day date,
                             max_choices int, offer_hours int, seed_hash text,
                             key text default null, title_en text default null)
returns json
language plpgsql
as $$
declare
    r  rounds%rowtype;
begin
    select * into r from rounds t where t.key = round_create.key;

    if found then
        if (r.year, r.level, r.title, r.opens_at, r.closes_at, r.born_from, r.born_until, r.zone_day,
            r.max_choices, r.offer_hours, r.seed_hash)
           <> (round_create.year, round_create.level, round_create.title, round_create.opens_at,
               round_create.closes_at, round_create.born_from, round_create.born_until,
               round_create.zone_day, round_create.max_choices, round_create.offer_hours,
               round_create.seed_hash)
           or r.title_en is distinct from round_create.title_en
        then
            perform refuse_with('idempotency-key-reused');
        end if;

        return round_brief(r);
    end if;

    -- One that has begun has no places and can have none, and would fix the year's rules.
    if opens_at <= right_now() then
        perform refuse_with('enrolment-rule-invalid');
    end if;

    insert into rounds (id, year, level, title, opens_at, closes_at, born_from, born_until, zone_day,
                        max_choices, offer_hours, seed_hash, key, title_en)
    values (round_create.id, round_create.year, round_create.level, round_create.title,
            round_create.opens_at, round_create.closes_at, round_create.born_from,
            round_create.born_until, round_create.zone_day, round_create.max_choices,
            round_create.offer_hours, round_create.seed_hash, round_create.key,
            round_create.title_en)
    returning * into r;

    return round_brief(r);
exception when foreign_key_violation or check_violation then
    perform refuse_with('enrolment-rule-invalid');
end
$$;
