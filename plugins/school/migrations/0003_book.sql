-- What stands in the book: marks, attendance, notices, messages, leave.

-- How a subject is marked in a grade is data: a regime has a scale (numbers, or levels)
-- and kinds of marks.
create table regimes (
    code   text primary key,
    vi     text not null,
    en     text not null,
    scale  text not null,
    least  numeric,
    most   numeric,
    step   numeric,

    constraint regimes_scale_known check (scale in ('number', 'level')),
    constraint regimes_number_has_bounds check (
        (scale = 'number') = (least is not null and most is not null and step is not null))
);

create table regime_levels (
    regime  text not null references regimes,
    level   text not null,
    vi      text not null,
    en      text not null,

    primary key (regime, level)
);

create table regime_kinds (
    regime  text not null references regimes,
    kind    text not null,
    vi      text not null,
    en      text not null,
    many    int not null,                       -- of it in a term, at most

    primary key (regime, kind),
    constraint regime_kinds_are_some check (many between 1 and 20)
);

-- The regime of a subject in a grade, from a school year on until the next row.
create table subject_regimes (
    subject     text not null references subjects,
    grade       int not null,
    first_year  int not null,
    regime      text not null references regimes,

    primary key (subject, grade, first_year)
);


create function regime_of(which text, in_grade int, in_year int)
returns text
language sql stable
as $$
    select r.regime from subject_regimes r
     where r.subject = which and r.grade = in_grade and r.first_year <= in_year
     order by r.first_year desc limit 1
$$;


create table marks (
    student     uuid not null references students,
    class       uuid not null references classes,
    subject     text not null references subjects,
    term        int not null,
    kind        text not null,
    number      int not null,                   -- of its kind in the term, from 1
    value       text,                           -- null: it was taken back
    entered_by  text not null,
    entered_at  timestamptz not null default now(),

    primary key (student, class, subject, term, kind, number)
);

create index marks_of_class on marks (class, subject, term);


-- What a mark was before it was changed.
create table marks_past (
    id          bigint generated always as identity primary key,
    student     uuid not null references students,
    class       uuid not null,
    subject     text not null,
    term        int not null,
    kind        text not null,
    number      int not null,
    value       text,
    entered_by  text not null,
    entered_at  timestamptz not null
);

create index marks_past_of_student on marks_past (student);


-- A mark is as the regime of its subject, grade and year has it.
create function marks_keep_regime()
returns trigger
language plpgsql
as $$
#variable_conflict use_column
declare
    c     classes%rowtype;
    rule  regimes%rowtype;
    many  int;
begin
    select * into strict c from classes where id = new.class;
    select * into rule from regimes where code = regime_of(new.subject, c.grade, c.year);
    select k.many into many from regime_kinds k where k.regime = rule.code and k.kind = new.kind;

    if many is null or new.number not between 1 and many
       or new.term not between 1 and (select y.terms from years y where y.year = c.year)
       or rule.scale = 'level' and not exists (
              select from regime_levels l where l.regime = rule.code and l.level = new.value)
          and new.value is not null
       or rule.scale = 'number' and new.value is not null
          and (new.value !~ '^[0-9]{1,3}(\.[0-9]{1,2})?$'
               or new.value::numeric not between rule.least and rule.most
               or mod(new.value::numeric, rule.step) <> 0)
    then
        raise exception using errcode = 'check_violation', constraint = 'marks_keep_regime',
            message = 'the mark is not one of its regime';
    end if;

    if not exists (select from class_students s
                    where s.student = new.student and s.class = new.class)
    then
        raise exception using errcode = 'check_violation', constraint = 'marks_in_class',
            message = 'the student is not of the class';
    end if;

    if tg_op = 'UPDATE' then
        insert into marks_past (student, class, subject, term, kind, number, value,
                                entered_by, entered_at)
        values (old.student, old.class, old.subject, old.term, old.kind, old.number, old.value,
                old.entered_by, old.entered_at);
    end if;

    return new;
end
$$;

create trigger marks_keep_regime before insert or update on marks
    for each row execute function marks_keep_regime();


create table attendance (
    student     uuid not null references students,
    class       uuid not null references classes,
    day         date not null,
    session     text not null,
    state       text not null,
    excused     boolean,                        -- null: as leave says
    note        text,
    entered_by  text not null,
    entered_at  timestamptz not null default now(),

    primary key (student, day, session),
    constraint attendance_session_known check (session in ('morning', 'afternoon')),
    constraint attendance_state_known check (state in ('present', 'absent', 'late')),
    constraint attendance_excuse_is_of_absence check (state = 'absent' or excused is null)
);

create index attendance_of_class on attendance (class, day);


create table notices (
    id            uuid primary key default gen_random_uuid(),
    n             bigint generated always as identity,
    school        text not null references schools,
    class         uuid references classes,      -- null: the whole school
    title         text not null,
    text          text not null,
    published_by  text not null,
    published_at  timestamptz not null default now(),

    constraint notices_title_length check (length(title) between 1 and 200),
    constraint notices_text_length check (length(text) between 1 and 5000)
);

create unique index notices_in_order on notices (n);
create index notices_of_school on notices (school, n) where class is null;
create index notices_of_class on notices (class, n);

create table notice_receipts (
    notice   uuid not null references notices,
    student  uuid not null references students,
    person   text not null,
    read_at  timestamptz not null default now(),

    primary key (notice, student, person)
);

create index notice_receipts_of_student on notice_receipts (student);


-- What one guardian and one teacher write to each other about a student.
create table threads (
    id         uuid primary key default gen_random_uuid(),
    n          bigint generated always as identity,
    student    uuid not null references students,
    guardian   text not null,
    staff      uuid not null references staff,
    title      text not null,
    opened_at  timestamptz not null default now(),

    constraint threads_title_length check (length(title) between 1 and 200)
);

create unique index threads_in_order on threads (n);
create index threads_of_student on threads (student);
create index threads_of_guardian on threads (guardian, opened_at);
create index threads_of_staff on threads (staff);

create table messages (
    id          bigint generated always as identity primary key,
    thread      uuid not null references threads,
    student     uuid not null references students,
    person      text not null,
    from_staff  boolean not null,
    text        text not null,
    sent_at     timestamptz not null default now(),

    constraint messages_text_length check (length(text) between 1 and 2000)
);

create index messages_of_thread on messages (thread, id);
create index messages_of_person on messages (person, sent_at);


-- asked --> approved, refused, withdrawn; approved --> withdrawn
create table leave_requests (
    id          uuid primary key default gen_random_uuid(),
    n           bigint generated always as identity,
    student     uuid not null references students,
    first_day   date not null,
    last_day    date not null,
    reason      text not null,
    state       text not null default 'asked',
    asked_by    text not null,
    asked_at    timestamptz not null default now(),
    decided_by  text,
    decided_at  timestamptz,
    answer      text,

    constraint leave_state_known check (state in ('asked', 'approved', 'refused', 'withdrawn')),
    constraint leave_days_in_order check (last_day between first_day and first_day + 30),
    constraint leave_reason_length check (length(reason) between 1 and 500),
    constraint leave_refusal_has_answer check (state <> 'refused' or answer <> ''),
    -- a day is asked for once
    constraint leave_once exclude using gist (
        student with =, daterange(first_day, last_day, '[]') with &&)
        where (state in ('asked', 'approved'))
);

create unique index leave_in_order on leave_requests (n);
create index leave_of_student on leave_requests (student, n);

create function leave_change()
returns trigger
language plpgsql
as $$
begin
    if (old.id, old.student, old.first_day, old.last_day, old.reason, old.asked_by, old.asked_at)
       is distinct from
       (new.id, new.student, new.first_day, new.last_day, new.reason, new.asked_by, new.asked_at)
       or (old.state, new.state) not in (('asked', 'approved'), ('asked', 'refused'),
                                         ('asked', 'withdrawn'), ('approved', 'withdrawn'))
    then
        raise exception using errcode = 'check_violation', constraint = 'leave_change',
            message = format('leave that is %s does not become %s', old.state, new.state);
    end if;

    return new;
end
$$;

create trigger leave_change before update on leave_requests
    for each row execute function leave_change();
