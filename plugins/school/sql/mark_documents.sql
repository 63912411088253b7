-- Marks that are seen, of a student or a class, in order.
create function mark_documents(student uuid, class uuid, year int, term int, subject text)
returns json
language sql stable
as $$
    select coalesce(json_agg(json_build_object(
               'student', m.student, 'class', m.class, 'year', c.year, 'term', m.term,
               'subject', m.subject, 'kind', m.kind, 'number', m.number, 'value', m.value,
               'entered_at', m.entered_at)
               order by m.student, c.year, m.term, m.subject, k.n, m.number), '[]')
      from marks m
      join classes c on c.id = m.class
      left join (values ('tx', 1), ('gk', 2), ('ck', 3)) k (kind, n) on k.kind = m.kind
     where (mark_documents.student is null or m.student = mark_documents.student)
       and (mark_documents.class is null or m.class = mark_documents.class)
       and (mark_documents.year is null or c.year = mark_documents.year)
       and (mark_documents.term is null or m.term = mark_documents.term)
       and (mark_documents.subject is null or m.subject = mark_documents.subject)
       and m.value is not null
$$;
