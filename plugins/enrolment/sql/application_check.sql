-- Refuses what a round does not take: another age, facts that its year does not
-- know, schools that it does not have.
create function application_check(r rounds, born date, facts jsonb, choices jsonb)
returns void
language plpgsql
as $$
declare
    wrong  text;
begin
    if born not between r.born_from and r.born_until then
        perform refuse_with('enrolment-child-age',
            jsonb_build_object('from', r.born_from, 'until', r.born_until));
    end if;

    wrong := facts_wrong(r.year, application_check.facts);

    if wrong is not null then
        perform refuse_with('enrolment-fact-unknown', jsonb_build_object('fact', wrong));
    end if;

    if jsonb_array_length(choices) > r.max_choices then
        perform refuse_with('enrolment-too-many-choices', jsonb_build_object('most', r.max_choices));
    end if;

    select c.school into wrong
      from jsonb_array_elements_text(choices) c (school)
     where not exists (select from places p where p.round = r.id and p.school = c.school)
     limit 1;

    if wrong is not null then
        perform refuse_with('enrolment-school-unknown', jsonb_build_object('school', wrong));
    end if;
end
$$;
