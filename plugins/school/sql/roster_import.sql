-- PUT /v1/school/schools/{school}/years/{year}/roster: classes, staff, students and who
-- teaches what in a school's year, as the school's own system has them; whoever stood
-- there before and is not in it, ends. All of it or nothing, and the same again changes
-- nothing.
--
-- The sender numbers what it sends: the same number with the same content is told what
-- came of it the first time; another content, or a lower number, is refused. Half a file
-- that was sent as a whole would end many: more than may_end of those who stand there
-- (when it is not said, a fifth, and ten at least) is refused.
--
-- issuer: of the accounts of the staff. rows: [{line, kind, ...}] as of roster_row.
create function roster_import(caller jsonb, school text, year int, sequence bigint, digest text,
                              issuer text, rows jsonb, may_end int default null)
returns json
language plpgsql
as $$
#variable_conflict use_column
declare
    of        schools%rowtype;
    span      years%rowtype;
    since     date;
    until     date;
    r         roster_row[];
    faults    json;
    many      int;
    stand     int;
    leave     int;
    before    imports%rowtype;
    n         int;
    counts    jsonb := '{}';
begin
    perform ask(caller);

    if not open_school(school) then
        return null;
    end if;

    -- one import of a school at a time; its readers do not wait
    select * into strict of from schools s where s.code = roster_import.school for no key update;
    select * into span from years y where y.year = roster_import.year;

    if span.year is null then
        perform refuse('school-year-unknown');
    end if;

    select * into before from imports i
     where i.school = roster_import.school and i.sequence = roster_import.sequence;

    if before.digest = roster_import.digest and before.year = roster_import.year then
        return before.report;
    elsif before.digest is not null then
        perform refuse('import-number-used');
    elsif exists (select from imports i
                   where i.school = roster_import.school and i.sequence > roster_import.sequence)
    then
        perform refuse('import-too-late');
    end if;

    r := array(select x::roster_row
                 from jsonb_to_recordset(roster_import.rows) x (
                     line int, kind text, code text, name text, grade text, class text,
                     birth_date text, staff text, subject text, account text));

    select json_agg(json_build_object('line', f.line, 'field', f.field, 'fault', f.fault)
                    order by f.line, f.field)
               filter (where f.place <= 100), max(f.place)
      into faults, many
      from (select *, row_number() over (order by x.line, x.field) as place
              from roster_faults(of, r) x) f;

    if many > 0 then
        perform refuse('roster-faulty', json_build_object('count', many, 'faults', faults));
    end if;

    select count(*), count(*) filter (where s.code not in (
                         select x.code from unnest(r) x where x.kind = 'student'))
      into stand, leave
      from class_students m
      join students s on s.id = m.student
     where m.school = roster_import.school and m.year = roster_import.year and not m.ended;

    if leave > coalesce(may_end, greatest(stand / 5, 10)) then
        perform refuse('roster-ends-many', json_build_object('ends', leave, 'of', stand));
    end if;

    since := least(greatest(span.starts_on, today()), span.ends_on);
    until := span.ends_on + 1;

    insert into classes as c (school, year, code, name, grade)
    select roster_import.school, roster_import.year, x.code, x.name, x.grade::int
      from unnest(r) x where x.kind = 'class'
    on conflict on constraint classes_code_once do update
        set name = excluded.name, grade = excluded.grade
        where (c.name, c.grade) is distinct from (excluded.name, excluded.grade);
    get diagnostics n = row_count;
    counts := counts || jsonb_build_object('classes', n);

    insert into staff as f (school, code, name, person)
    select roster_import.school, x.code, x.name, issuer || ' ' || x.account
      from unnest(r) x where x.kind = 'staff'
    on conflict on constraint staff_code_once do update
        set name = excluded.name, person = excluded.person
        where (f.name, f.person) is distinct from (excluded.name, excluded.person);
    get diagnostics n = row_count;
    counts := counts || jsonb_build_object('staff', n);

    -- of staff who are not in the roster any more, and had the account
    if exists (select from staff f where f.school = roster_import.school
                group by f.person having count(*) > 1)
    then
        perform refuse('account-taken');
    end if;

    insert into students as s (school, code, name, birth_date)
    select roster_import.school, x.code, x.name, x.birth_date::date
      from unnest(r) x where x.kind = 'student'
    on conflict on constraint students_code_once do update
        set name = excluded.name, birth_date = excluded.birth_date
        where (s.name, s.birth_date) is distinct from (excluded.name, excluded.birth_date);
    get diagnostics n = row_count;
    counts := counts || jsonb_build_object('students', n);

    -- families who have asked before the school has sent the student
    update links l set student = s.id
      from students s
     where l.school = roster_import.school and l.state = 'asked' and l.student is null
       and s.school = l.school and s.code = l.student_code;

    update class_students m
       set ended = true, valid_to = greatest(m.valid_from, least(m.valid_to, today()))
      from students s, classes c
     where s.id = m.student and c.id = m.class
       and m.school = roster_import.school and m.year = roster_import.year and not m.ended
       and (s.code, c.code) not in (
               select x.code, x.class from unnest(r) x where x.kind = 'student');
    get diagnostics n = row_count;
    counts := counts || jsonb_build_object('left', n);

    insert into class_students (school, year, class, student, valid_from, valid_to)
    select roster_import.school, roster_import.year, c.id, s.id, since, until
      from unnest(r) x
      join classes c on c.school = roster_import.school and c.year = roster_import.year
                    and c.code = x.class
      join students s on s.school = roster_import.school and s.code = x.code
     where x.kind = 'student'
       and not exists (select from class_students m
                        where m.student = s.id and m.class = c.id and not m.ended);
    get diagnostics n = row_count;
    counts := counts || jsonb_build_object('joined', n);

    update teachings t
       set ended = true, valid_to = greatest(t.valid_from, least(t.valid_to, today()))
      from staff f, classes c
     where f.id = t.staff and c.id = t.class
       and t.school = roster_import.school and t.year = roster_import.year and not t.ended
       and (f.code, c.code, coalesce(t.subject, '')) not in (
               select x.staff, x.class, coalesce(x.subject, '')
                 from unnest(r) x where x.kind = 'teaching');
    get diagnostics n = row_count;
    counts := counts || jsonb_build_object('teachings_ended', n);

    insert into teachings (school, year, class, staff, subject, valid_from, valid_to)
    select roster_import.school, roster_import.year, c.id, f.id, nullif(x.subject, ''), since, until
      from unnest(r) x
      join classes c on c.school = roster_import.school and c.year = roster_import.year
                    and c.code = x.class
      join staff f on f.school = roster_import.school and f.code = x.staff
     where x.kind = 'teaching'
       and not exists (select from teachings t
                        where t.staff = f.id and t.class = c.id and not t.ended
                          and coalesce(t.subject, '') = coalesce(x.subject, ''));
    get diagnostics n = row_count;
    counts := counts || jsonb_build_object('teachings', n);

    insert into imports (school, sequence, year, digest, taken_by, report)
    select roster_import.school, roster_import.sequence, roster_import.year, roster_import.digest,
           a.person,
           json_build_object('school', roster_import.school, 'year', roster_import.year,
                             'sequence', roster_import.sequence, 'rows', cardinality(r),
                             'changed', counts)
      from asking a
    returning * into before;

    return before.report;
end
$$;
