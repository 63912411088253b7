-- What was told too early of a booking, once what it waited for is there.
create function session_go_on(booking uuid)
returns void
language plpgsql
as $$
declare
    e  operator_events%rowtype;
begin
    for e in
        select * from operator_events t
         where t.booking = session_go_on.booking and t.verdict = 'early'
         order by t.type = 'collected', t.at
    loop
        update operator_events t
           set verdict = session_step(e.booking, e.type, e.at, e.amount)
         where t.operator = e.operator and t.id = e.id;
    end loop;
end
$$;
