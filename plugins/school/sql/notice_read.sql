-- PUT /v1/school/students/{student}/notices/{notice}/receipt: a guardian has read it. Once
-- more changes nothing.
create function notice_read(caller jsonb, student uuid, notice uuid)
returns json
language plpgsql
as $$
#variable_conflict use_column
begin
    perform ask(caller);

    if not open_student(student, array['guardian']) then
        return null;
    end if;

    -- a statement of its own: what was opened is seen from the next one on
    if not exists (select from notices n
                     join opened_stays s on s.school = n.school and (n.class is null or s.class = n.class)
                    where n.id = notice_read.notice and s.student = notice_read.student
                      and day_of(n.published_at) <= s.until)
    then
        return null;
    end if;

    insert into notice_receipts (notice, student, person)
    select notice_read.notice, notice_read.student, a.person from asking a
    on conflict do nothing;

    return (select json_build_object('notice', r.notice, 'read_at', r.read_at)
              from notice_receipts r
             where r.notice = notice_read.notice and r.student = notice_read.student
               and r.person in (select a.person from asking a));
end
$$;
