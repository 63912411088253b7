-- Paid stays that are over by the minutes of their terms, and nobody came. An exit
-- that the operator has told of without the entry counts as a stay.
create function no_shows(n int)
returns int
language plpgsql
as $$
declare
    b      record;
    early  operator_events%rowtype;
    done   int := 0;
begin
    for b in
        select d.*, (q.terms ->> 'no_show_percent')::int as percent
          from bookings d join quotes q on q.id = d.quote
         where d.state = 'paid' and d.leave <= now()
           and d.leave + make_interval(mins => (q.terms ->> 'no_show_minutes')::int) <= now()
         order by d.leave
         limit n
           for update of d skip locked
    loop
        select * into early from operator_events e
         where e.booking = b.id and e.verdict = 'early' and e.type = 'exited'
         order by e.at limit 1;

        if found then
            perform session_step(b.id, 'entered', least(b.arrive, early.at), null);
            perform session_go_on(b.id);
        else
            update bookings t set state = 'no_show' where t.id = b.id;
            perform refund_request(c.id, c.amount * b.percent / 100, 'no_show')
               from charges c where c.booking = b.id and c.state = 'paid';
        end if;

        done := done + 1;
    end loop;

    return done;
end
$$;
