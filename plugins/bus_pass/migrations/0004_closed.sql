-- A pass lapses, too, when its holder chooses another gateway; at the old one it can still
-- be paid. Payments is asked until it says that nobody will, which is closed.
alter table passes
    add closed boolean not null default false,
    add constraint passes_closed_lapsed check (not closed or state = 'lapsed');

drop index passes_to_check;
create index passes_to_check on passes (check_at)
    where state = 'pending' or refund in ('due', 'sent')
       or state = 'lapsed' and refund is null and not closed;
