-- What is wrong with the rows of a roster: line, field, and what it is.
create function roster_faults(of schools, rows roster_row[])
returns table (line int, field text, fault text)
language sql stable
as $$
    with r as (
        select * from unnest(rows)
    ), grades as (
        select r.code, case when r.grade ~ '^[0-9]{1,2}$' then r.grade::int end as grade
          from r where r.kind = 'class'
    )
    select r.line, 'kind', 'unknown' from r
     where coalesce(r.kind, '') not in ('class', 'staff', 'student', 'teaching')
    union all
    select r.line, 'code', 'form' from r
     where r.kind in ('class', 'staff', 'student') and coalesce(r.code, '') !~ '^[A-Za-z0-9._-]{1,20}$'
    union all
    select r.line, 'name', 'length' from r
     where r.kind in ('class', 'staff', 'student')
       and (length(coalesce(r.name, '')) not between 1 and 100
            -- none is seen
            or r.name !~ '[^\u0001-\u0020\u007f-\u00a0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]')
    union all
    select d.line, 'code', 'twice'
      from (select r.line, row_number() over (partition by r.kind, r.code order by r.line) as n
              from r where r.kind in ('class', 'staff', 'student')) d
     where d.n > 1
    union all
    select r.line, 'grade', 'not-of-school' from r
     where r.kind = 'class'
       and coalesce(case when r.grade ~ '^[0-9]{1,2}$' then r.grade::int end, 0)
           not between of.first_grade and of.last_grade
    union all
    select r.line, 'account', 'length' from r
     where r.kind = 'staff' and length(coalesce(r.account, '')) not between 1 and 200
    union all
    select d.line, 'account', 'twice'
      from (select r.line, row_number() over (partition by r.account order by r.line) as n
              from r where r.kind = 'staff' and r.account <> '') d
     where d.n > 1
    union all
    select r.line, 'birth_date', 'form' from r
     where r.kind = 'student' and date_of(r.birth_date) is null
    union all
    select r.line, 'class', 'unknown' from r
     where r.kind in ('student', 'teaching')
       and coalesce(r.class, '') not in (select c.code from r c where c.kind = 'class' and c.code is not null)
    union all
    select r.line, 'staff', 'unknown' from r
     where r.kind = 'teaching'
       and coalesce(r.staff, '') not in (select c.code from r c where c.kind = 'staff' and c.code is not null)
    union all
    select r.line, 'subject', 'unknown' from r
     where r.kind = 'teaching' and coalesce(r.subject, '') <> ''
       and not exists (select from subject_regimes x join grades g on g.code = r.class
                        where x.subject = r.subject and x.grade = g.grade)
    union all
    select d.line, 'teaching', 'twice'
      from (select r.line, row_number() over (partition by r.class, r.staff, coalesce(r.subject, '')
                                              order by r.line) as n
              from r where r.kind = 'teaching') d
     where d.n > 1
    union all
    select d.line, 'class', 'full'
      from (select r.line, row_number() over (partition by r.class order by r.line) as n
              from r where r.kind = 'student') d
     where d.n > 100
$$;
