-- A person's account is erased (me_erase calls this): their words and exact
-- places go, in reports, answers and comments; cases, what the public reads of
-- them (masked, and without who wrote it) and every statistic stay. Of a case
-- that the public does not see, what it would read goes too.
create function erase_person_feedback(person uuid)
returns void
language plpgsql volatile
as $$
begin
    -- Nothing is listed or unlisted meanwhile.
    perform from feedback.cases c
    where c.reporter_id = erase_person_feedback.person
    order by c.id for update;

    update feedback.reports r
    set text = null, address = null, lat = null, long = null,
        erased_at = core.now()
    from feedback.cases c
    where c.reporter_id = erase_person_feedback.person and r.case_id = c.id;

    update feedback.messages m
    set text = null, public = case when c.listed then m.public end
    from feedback.cases c
    where c.reporter_id = erase_person_feedback.person and m.case_id = c.id
      and m.author = erase_person_feedback.person;

    update feedback.ratings g
    set comment = null
    from feedback.cases c
    where c.reporter_id = erase_person_feedback.person and g.case_id = c.id;

    update feedback.searches s
    set words = ''
    from feedback.cases c
    where c.reporter_id = erase_person_feedback.person and s.case_id = c.id
      and not c.listed;

    update feedback.cases c
    set text_public = null, address_public = null, lat = null, long = null
    where c.reporter_id = erase_person_feedback.person and not c.listed;
end
$$;
