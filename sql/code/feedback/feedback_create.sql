-- A citizen files a case, at a point or at an address with its commune. The
-- place decides on commune and receiving unit; a place outside the city is
-- refused in clear words. The receive clock starts: 8 working hours
-- (QĐ 1207/QĐ-UBND). Severity is the citizen's proposal, else the category's.
-- The text is public once an officer has accepted the case, or masked at once
-- where the category says so (feedback.publications).
create function feedback_create(caller jsonb, category text, text text,
    lat float8, long float8, address text, commune text, severity text, asset text)
returns core.reply
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    today    constant date := core.today();    -- once, not for each row
    c        feedback.cases;
    kind     core.categories;
    words    text := text_clean(text);
    place    text := text_clean(address);
    area     record;
    receiver record;
    person   uuid;
    publish  text;
begin
    select k.* into kind from core.categories k
    where k.code = category and k.validity @> today;

    if not found then
        return refuse('unknown-category');
    end if;

    if words is null then
        return refuse('text-missing');
    end if;

    if lat is not null then
        select a.code, a.unit, a.distance_m, a.source into area
        from area_at(lat, long, today) a;

        if not found then
            return refuse('outside-city');
        end if;
    else
        select a.code, a.unit, null::int as distance_m, 'address' as source
        into area
        from geo.areas a
        where a.code = commune and a.validity @> today;

        if not found then
            return refuse('unknown-commune',
                          json_build_object('commune', commune));
        end if;

        if place is null then
            return refuse('place-missing');
        end if;
    end if;

    select r.* into receiver
    from feedback_route(category, area.unit, asset, today) r;

    if not found then
        raise exception 'no unit for category "%" in commune "%" and no fallback desk',
            category, area.code;
    end if;

    person := caller_person_ensure(caller);

    select p.publish into publish from feedback.publications p
    where p.category = category and p.validity @> today
    order by p.valid_from desc limit 1;

    c.id := gen_random_uuid();
    c.version := 1;
    c.created_at := core.now();
    c.updated_at := c.created_at;
    c.state := 'submitted';
    c.last_action := 'create';
    c.listed := not kind.private;
    c.cycle := 1;
    c.category := category;
    c.severity_proposed := coalesce(severity, kind.severity);
    c.severity := c.severity_proposed;
    c.asset := asset;
    c.channel := 'app';
    c.reporter_id := person;
    c.commune := area.code;
    c.commune_brief := unit_brief(area.unit, today);
    c.located_by := area.source;
    c.unit := receiver.unit;
    c.unit_code := receiver.code;
    c.unit_brief := unit_brief(receiver.unit, today);
    c.routed_by := receiver.routed_by;
    c.bounces := 0;
    c.evidence_exempt := not kind.evidence_required;
    c.awaiting_approval := false;
    c.appeals := 0;
    c.extensions := 0;
    c.receive_due_at := time_limit_due('receive', c.unit, c.created_at);
    c.due_at := c.receive_due_at;
    c.unit_due_at := c.receive_due_at;
    c.clock_started_at := c.created_at;
    c.clock_paused := '0';

    if lat is not null then
        select p.public_lat, p.public_long into c.lat, c.long
        from feedback_public_point(lat, long, kind.blur_m) p;
    end if;

    if publish = 'masked' then
        c.text_public := text_mask(words);
        c.address_public := feedback_public_address(place, kind.blur_m);
        c.published_at := c.created_at;
    end if;

    -- 31^8 codes: two alike are rare, and then another is drawn
    loop
        c.code := code_random();
        exit when not exists (select from feedback.cases x where x.code = c.code);
    end loop;

    insert into feedback.cases (id, code, created_at, updated_at, version,
        state, last_action, listed, cycle, category, severity,
        severity_proposed, asset, channel, reporter_id, commune, commune_brief,
        lat, long, address_public, located_by, unit, unit_code, unit_brief,
        routed_by, bounces, text_public, published_at, evidence_exempt,
        awaiting_approval, appeals, extensions, receive_due_at, due_at,
        unit_due_at, clock_started_at, clock_paused)
    values (c.id, c.code, c.created_at, c.updated_at, c.version,
        c.state, c.last_action, c.listed, c.cycle, c.category, c.severity,
        c.severity_proposed, c.asset, c.channel, c.reporter_id, c.commune,
        c.commune_brief, c.lat, c.long, c.address_public, c.located_by, c.unit,
        c.unit_code, c.unit_brief, c.routed_by, c.bounces, c.text_public,
        c.published_at, c.evidence_exempt, c.awaiting_approval, c.appeals,
        c.extensions, c.receive_due_at, c.due_at, c.unit_due_at,
        c.clock_started_at, c.clock_paused);

    insert into feedback.reports (case_id, text, address, lat, long)
    values (c.id, words, place, lat, long);

    perform feedback_index(c);

    -- How far from the boundary, or from the centre, is as good as a place: said
    -- of one that the public sees as exactly.
    perform feedback_record(caller, null, c, person, 'reporter',
        jsonb_build_object('distance_m',
            case when c.listed and kind.blur_m = 0 then area.distance_m end));

    return row(201, c.version::text, '/v1/me/feedback/' || c.id,
               feedback_mine(c))::core.reply;
end
$$;
