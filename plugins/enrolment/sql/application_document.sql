-- An application as its guardian and the staff see it. The child's number is not
-- in it: nobody has it. In plpgsql, as is what it calls, because that keeps plans.
create function application_document(id uuid)
returns json
language plpgsql stable
as $$
begin
    return (
        select json_build_object('id', a.id, 'number', a.number, 'round', a.round,
            'child_name', a.child_name, 'born', a.born, 'ward', a.ward, 'street', a.street,
            'facts', a.facts, 'evidence', a.evidence,
            'choices', (select json_agg(c.school order by c.position) from choices c where c.application = a.id),
            'state', a.state, 'reason', a.reason, 'school', a.school, 'offer_until', a.offer_until,
            'created_at', a.created_at, 'changed_at', a.changed_at,
            'results', application_results(a.id),
            'waits_for', (select json_agg(json_build_object('school', w.school, 'place',
                            (select count(*) + 1 from waitlist x
                              where x.round = w.round and x.school = w.school
                                and (x.band, x.ties, x.lottery, x.number) < (w.band, w.ties, w.lottery, w.number)))
                            order by w.position) from waitlist w where w.application = a.id),
            'steps', (select json_agg(json_build_object('at', s.at, 'state', s.state, 'school', s.school,
                            'reason', s.reason) order by s.id) from steps s where s.application = a.id),
            'appeals', (select json_agg(json_build_object('id', p.id, 'text', p.text, 'state', p.state,
                            'answer', p.answer, 'opened_at', p.opened_at, 'decided_at', p.decided_at)
                            order by p.opened_at) from appeals p where p.application = a.id))
          from applications a
         where a.id = application_document.id);
end
$$;
