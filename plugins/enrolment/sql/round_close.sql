-- Closes a round: from here on nothing is decided about what was submitted but
-- appeals, and the seed that was promised is known. Null: no such round.
create function round_close(id uuid, seed text)
returns json
language plpgsql
as $$
declare
    r  rounds%rowtype;
    n  bigint;
begin
    perform round_lock(id, alone => true);
    select * into r from rounds t where t.id = round_close.id for update;

    if not found then
        return null;
    elsif r.stage <> 'taking' then
        if r.seed <> round_close.seed then
            perform refuse_with('enrolment-seed-differs');
        end if;

        return round_brief(r);
    elsif instant() < r.closes_at then
        perform refuse_with('enrolment-round-open', jsonb_build_object('closes_at', r.closes_at));
    elsif encode(sha256(round_close.seed::bytea), 'hex') <> r.seed_hash then
        perform refuse_with('enrolment-seed-differs');
    end if;

    select count(*) into n from applications a where a.round = r.id and a.state = 'submitted';

    if n > 0 then
        perform refuse_with('enrolment-undecided', jsonb_build_object('count', n));
    end if;

    update rounds t set stage = 'closed', seed = round_close.seed where t.id = r.id returning * into r;
    return round_brief(r);
end
$$;
