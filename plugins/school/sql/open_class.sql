-- Opens the students of a class to its teachers, or to its school's administrator when
-- he or she is among the roles; false: it is not theirs.
create function open_class(class uuid, roles text[])
returns boolean
language plpgsql
as $$
begin
    if not exists (select from my_teachings t
                    where t.class = open_class.class and 'teacher' = any (roles))
       and not exists (select from classes c join my_schools m on m.school = c.school
                        where c.id = open_class.class and 'administrator' = any (roles))
    then
        return false;
    end if;

    perform open_students(array(select m.student from my_class_students m
                                 where m.class = open_class.class), roles);
    return true;
end
$$;
