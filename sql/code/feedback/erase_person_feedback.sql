-- A person's account is erased (me_erase calls this): their words and exact
-- places go, in reports, answers and comments; cases, what the public reads of
-- them (masked, and without who wrote it) and every statistic stay.
create function erase_person_feedback(person uuid)
returns void
language plpgsql volatile
as $$
begin
    update feedback.reports r
    set text = null, address = null, lat = null, long = null,
        erased_at = core.now()
    from feedback.cases c
    where c.reporter_id = erase_person_feedback.person and r.case_id = c.id;

    update feedback.messages m
    set text = null
    from feedback.cases c
    where c.reporter_id = erase_person_feedback.person and m.case_id = c.id
      and m.author = erase_person_feedback.person;

    update feedback.ratings g
    set comment = null
    from feedback.cases c
    where c.reporter_id = erase_person_feedback.person and g.case_id = c.id;
end
$$;
