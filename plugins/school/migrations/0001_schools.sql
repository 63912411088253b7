-- Schools, the classes of their years, who teaches and who learns in them. It is the
-- school's own system that knows; it comes in by roster_import().
--
-- valid_from is the first day, valid_to the first one that is not meant any more.

-- The day in Hà Nội.
create function today()
returns date
language sql stable
as $$
    select (now() at time zone 'Asia/Ho_Chi_Minh')::date
$$;


-- A school year by the year in which it begins. The days are those between which its
-- classes stand, not the first and the last of teaching.
create table years (
    year       int primary key,
    starts_on  date not null,
    ends_on    date not null,
    terms      int not null,

    constraint years_end_after_start check (ends_on > starts_on),
    constraint years_terms_are_some check (terms between 1 and 4)
);


create table schools (
    code         text primary key,
    name         text not null,
    first_grade  int not null,
    last_grade   int not null,
    import_key   text,                  -- Ed25519, PEM: what signs its rosters

    constraint schools_code_form check (code ~ '^[a-z0-9][a-z0-9-]{1,39}$'),
    constraint schools_grades_in_order check (
        1 <= first_grade and first_grade <= last_grade and last_grade <= 12)
);


-- A person is issuer, a space, and subject of a token.
create table administrators (
    school        text not null references schools,
    person        text not null,
    valid_from    date not null,
    valid_to      date,
    appointed_by  text not null,
    appointed_at  timestamptz not null default now(),

    primary key (school, person)
);

create index administrators_of_person on administrators (person);


create table subjects (
    code  text primary key,
    vi    text not null,
    en    text not null
);


create table classes (
    id      uuid primary key default gen_random_uuid(),
    school  text not null references schools,
    year    int not null references years,
    code    text not null,
    name    text not null,
    grade   int not null,

    constraint classes_code_once unique (school, year, code),
    constraint classes_of_school_and_year unique (id, school, year)
);


create table staff (
    id      uuid primary key default gen_random_uuid(),
    school  text not null references schools,
    code    text not null,
    name    text not null,
    person  text not null,

    constraint staff_code_once unique (school, code),
    constraint staff_of_school unique (id, school),
    -- at the end of a transaction, so that a roster may swap two
    constraint staff_person_once unique (school, person) deferrable initially deferred
);

create index staff_of_person on staff (person);


-- Who teaches a subject in a class; without a subject: who is its homeroom teacher.
create table teachings (
    id          bigint generated always as identity primary key,
    school      text not null,
    year        int not null,
    class       uuid not null,
    staff       uuid not null,
    subject     text references subjects,
    valid_from  date not null,
    valid_to    date not null,
    ended       boolean not null default false,     -- before its year was

    foreign key (class, school, year) references classes (id, school, year),
    foreign key (staff, school) references staff (id, school),
    constraint teachings_end_after_start check (valid_to >= valid_from)
);

create unique index teachings_once on teachings (class, staff, coalesce(subject, ''))
    where not ended;
create index teachings_of_staff on teachings (staff);


create table students (
    id          uuid primary key default gen_random_uuid(),
    school      text not null references schools,
    code        text not null,
    name        text not null,
    birth_date  date not null,

    constraint students_code_once unique (school, code),
    constraint students_of_school unique (id, school)
);


-- A student is in one class of a year at a time.
create table class_students (
    id          bigint generated always as identity primary key,
    school      text not null,
    year        int not null,
    class       uuid not null,
    student     uuid not null,
    valid_from  date not null,
    valid_to    date not null,
    ended       boolean not null default false,

    foreign key (class, school, year) references classes (id, school, year),
    foreign key (student, school) references students (id, school),
    constraint class_students_end_after_start check (valid_to >= valid_from)
);

create unique index class_students_once on class_students (student, year) where not ended;
create index class_students_of_class on class_students (class);
create index class_students_of_student on class_students (student);


-- What a line of a roster says, after it was read.
create type roster_row as (
    line int, kind text, code text, name text, grade text, class text,
    birth_date text, staff text, subject text, account text
);


-- Rosters that were taken. A number is used once; a lower one comes too late.
create table imports (
    school    text not null references schools,
    sequence  bigint not null,
    year      int not null references years,
    digest    text not null,
    taken_by  text not null,
    taken_at  timestamptz not null default now(),
    report    json not null,

    primary key (school, sequence)
);
