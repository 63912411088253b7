-- A receiving officer corrects what the case is: category, severity, or the
-- place. A severity that changes moves the deadline of handling (counted from
-- when the clock started, an extension stays); the first deadline stays for
-- statistics. The unit stays: passing a case on is a transfer. Source: decision 0014.
create function feedback_change(caller jsonb, id uuid, if_match jsonb,
    category text, severity text, lat float8, long float8, reason text)
returns core.reply
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    b      record;
    c      feedback.cases;
    kind   core.categories;
    area   record;
    place  feedback.reports;
    words  text := text_clean(reason);
begin
    select * into b from feedback_begin(caller, id, 'change', if_match);

    if b.code is not null then
        return refuse(b.code, b.members);
    end if;

    if words is null then
        return refuse('text-missing');
    end if;

    c := b.c;
    c.category := coalesce(category, c.category);
    c.severity := coalesce(severity, c.severity);

    select k.* into kind from core.categories k where k.code = c.category;

    if not found or category is not null and not kind.validity @> core.today()
    then
        return refuse('unknown-category');
    end if;

    if lat is not null then
        select a.code, a.unit, a.source into area
        from area_at(lat, long) a;

        if not found then
            return refuse('outside-city');
        end if;

        c.commune := area.code;
        c.commune_brief := unit_brief(area.unit, core.today());
        c.located_by := area.source;

        update feedback.reports r
        set lat = feedback_change.lat, long = feedback_change.long
        where r.case_id = c.id;
    end if;

    c.listed := not kind.private;
    c.evidence_exempt := not kind.evidence_required;

    select r.* into place from feedback.reports r where r.case_id = c.id;

    -- Of an erased account there is only what the public has read.
    if c.published_at is not null then
        c.address_public := feedback_public_address(
            coalesce(place.address, c.address_public), kind.blur_m);
    end if;

    if coalesce(place.lat, c.lat) is not null then
        select p.public_lat, p.public_long into c.lat, c.long
        from feedback_public_point(coalesce(place.lat, c.lat),
                 coalesce(place.long, c.long), kind.blur_m) p;
    end if;

    -- And of a case that it does not see any more, nothing, as the answer says; the
    -- rest is feedback.unlisted_keeps_nothing()'s.
    if place.erased_at is not null and not c.listed then
        c.text_public := null;
        c.address_public := null;
        c.lat := null;
        c.long := null;
    end if;

    if c.severity <> (b.c).severity and c.state not in ('submitted')
       and c.accepted_at is not null
    then
        c.due_at := feedback_due_since(c, c.clock_started_at);

        if c.state <> 'transferred' then
            c.unit_due_at := feedback_unit_due(c);
        end if;
    end if;

    return feedback_apply(caller, b.c, c, 'change', b.person, b.role, words,
        null, jsonb_build_object(
            'from_category', nullif((b.c).category, c.category),
            'from_severity', nullif((b.c).severity, c.severity),
            'from_commune', nullif((b.c).commune, c.commune),
            'moved', lat is not null));
end
$$;
