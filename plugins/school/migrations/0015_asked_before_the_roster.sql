-- A family may ask for a link before the school has sent the student: the roster that
-- brings him or her says who is meant by the links that wait.
create or replace function links_change()
returns trigger
language plpgsql
as $$
begin
    if tg_op = 'DELETE' then
        raise exception using errcode = 'integrity_constraint_violation',
            constraint = 'links_change', message = 'links are kept';
    end if;

    if (old.id, old.person, old.kind, old.school, old.student_code,
        coalesce(old.student, new.student), old.via, old.asked_at, old.asked_until)
       is distinct from
       (new.id, new.person, new.kind, new.school, new.student_code,
        new.student, new.via, new.asked_at, new.asked_until)
    then
        raise exception using errcode = 'check_violation', constraint = 'links_change',
            message = 'what a link is about does not change';
    end if;

    if (old.state, new.state) not in (
        ('asked', 'asked'), ('asked', 'verified'), ('asked', 'refused'), ('asked', 'withdrawn'),
        ('asked', 'expired'), ('verified', 'verified'), ('verified', 'revoked'),
        ('verified', 'withdrawn'), ('verified', 'expired'))
    then
        raise exception using errcode = 'check_violation', constraint = 'links_change',
            message = format('a link that is %s does not become %s', old.state, new.state);
    end if;

    return new;
end
$$;

create policy waits on links for select using (
    state = 'asked' and school in (select o.school from opened_schools o));
create policy arrived on links for update
    using (state = 'asked' and student is null
           and school in (select o.school from opened_schools o))
    with check (state = 'asked' and school in (select o.school from opened_schools o)
                and (school, student_code, student) in (select s.school, s.code, s.id from students s));
