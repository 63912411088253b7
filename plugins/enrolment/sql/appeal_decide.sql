-- The office decides an appeal; upheld, with facts as they should have been. Before
-- the result is published the application is verified again, and an allocation that
-- has been computed is no longer one of this round's inputs. Afterwards nobody
-- loses a place by it: the allocation is run again with the corrected facts, and
-- what it gives to who has appealed is given beyond the quota. Null: none such.
create function appeal_decide(id uuid, subject text, outcome text, answer text,
                              facts jsonb default null)
returns json
language plpgsql
as $$
declare
    p      appeals%rowtype;
    a      applications%rowtype;
    r      rounds%rowtype;
    wrong  text;
begin
    select t.round into r.id from applications t
      join appeals x on x.application = t.id where x.id = appeal_decide.id;

    if not found then
        return null;
    end if;

    perform round_lock(r.id, alone => true);
    -- held, or it were published in between
    select * into r from rounds t where t.id = r.id for no key update;
    select * into p from appeals t where t.id = appeal_decide.id for update;
    select * into a from applications t where t.id = p.application for update;

    insert into reads (subject, operation, application) values (appeal_decide.subject, 'appeal_decide', a.id);

    if p.state = outcome then
        return application_document(a.id);
    -- dismissed whatever became of the application since: an appeal does not stay open
    elsif p.state <> 'open' or outcome = 'upheld' and a.state not in ('refused', 'waitlisted', 'lapsed') then
        perform refuse_with('enrolment-state', jsonb_build_object('state', case when p.state <> 'open' then p.state else a.state end));
    end if;

    update appeals t
       set state = outcome, answer = appeal_decide.answer, decided_at = instant(),
           decided_by = appeal_decide.subject,
           settle = outcome = 'upheld' and r.stage = 'published'
     where t.id = p.id;

    if outcome = 'upheld' then
        if exists (select from allocations t where t.round = r.id and t.state = 'publishing') then
            perform refuse_with('enrolment-allocation-works');
        end if;

        wrong := facts_wrong(r.year, coalesce(appeal_decide.facts, a.facts));

        if wrong is not null then
            perform refuse_with('enrolment-fact-unknown', jsonb_build_object('fact', wrong));
        end if;

        -- run again, an allocation gives nothing to whom no school considers
        if r.stage = 'published' and not exists (
               select from choices c
                where c.application = a.id
                  and band_of(r.year, r.level, facts_at(r, coalesce(appeal_decide.facts, a.facts),
                                                        a.ward, a.street, c.school)) is not null)
        then
            perform refuse_with('enrolment-no-band');
        end if;

        begin
            update applications t
               set facts = coalesce(appeal_decide.facts, a.facts),
                   state = case when a.state = 'waitlisted' or r.stage = 'published' then 'waitlisted' else 'verified' end,
                   reason = appeal_decide.answer, changed_by = appeal_decide.subject
             where t.id = a.id;
        exception when unique_violation then
            -- Refused, and somebody has applied for the child since.
            perform refuse_with('enrolment-child-has-one');
        end;

        update rounds t set revision = t.revision + 1 where t.id = r.id and t.stage = 'closed';
    end if;

    return application_document(a.id);
end
$$;
