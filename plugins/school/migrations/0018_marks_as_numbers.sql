-- A mark is written as numbers are: "008" is none.
create or replace function marks_keep_regime()
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
          and (new.value !~ '^(0|[1-9][0-9]{0,2})(\.[0-9]{1,2})?$'
               or new.value::numeric not between rule.least and rule.most
               or mod(new.value::numeric, rule.step) <> 0)
    then
        raise exception using errcode = 'check_violation', constraint = 'marks_keep_regime',
            message = 'the mark is not one of its regime',
            detail = json_build_object('student', new.student, 'number', new.number);
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
