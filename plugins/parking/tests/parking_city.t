# What a city books in years: what is done each minute, or for one person, reads what it is
# about, and not all that there has ever been.

use lib 'tests/lib', 'plugins/payments/tests/lib', 'plugins/parking/tests/lib';
use IHanoi::Test;
use Parking::Test;

my ($gw, $db) = parking();
my $code = $db->sql("select nspname from pg_namespace where nspname like 'code_parking_%'");
my $b = paid(plate => '30A12345', as => 'citizen-2');

# Years of stays that were used, and as many that are paid and still to come; beside them
# one quote that nobody has booked, one stay that nobody came to, and an erased person's.
my $seed = <<"SQL";
    set search_path = $code, plugin_parking, public;
    begin;
    set local session_replication_role = replica;      -- nobody is told
    insert into quotes (id, owner, site, vehicle, tariff, arrive, leave, price, breakdown, terms, created_at, expires_at)
    select lpad(n::text, 32, '0')::uuid, 'i city ' || n, q.site, q.vehicle, q.tariff, q.arrive + s.later, q.leave + s.later,
           q.price, q.breakdown, q.terms, now() - interval '3 days', now() - interval '2 days' + n * interval '1 second'
      from quotes q join bookings b on b.quote = q.id and b.id = '$b->{id}', generate_series(1, 10000) n,
           lateral (select case when n % 2 = 0 then interval '20 days' else interval '-90 days' end as later) s;
    insert into bookings (id, code, quote, owner, site, vehicle, tariff, plate, arrive, leave, price, state, hold_until,
                          entered_at, exited_at, created_at)
    select q.id, 'C' || q.owner, q.id, q.owner, q.site, q.vehicle, q.tariff, null, q.arrive, q.leave, q.price,
           case when q.arrive > now() then 'paid' else 'settled' end, q.expires_at,
           case when q.arrive < now() then q.arrive end, case when q.arrive < now() then q.leave end, q.created_at
      from quotes q where q.owner like 'i city %';
    insert into notices (operator, booking, type, body, delivered_at)
    select s.operator, b.id, 'booking.paid', '{}', now() from bookings b join sites s on s.id = b.site where b.owner like 'i city %';
    insert into quotes (id, owner, site, vehicle, tariff, arrive, leave, price, breakdown, terms, created_at, expires_at)
    select gen_random_uuid(), q.owner, q.site, q.vehicle, q.tariff, q.arrive, q.leave, q.price, q.breakdown, q.terms,
           q.created_at, now() - interval '25 hours'
      from quotes q where q.id = lpad('1', 32, '0')::uuid;
    update bookings b set state = 'paid', entered_at = null, exited_at = null where id = lpad('3', 32, '0')::uuid;
    analyze quotes, bookings, notices, erased;
    set local enable_seqscan = off;      -- as the planner has it for millions of rows
    set local enable_hashjoin = off;
    set local enable_mergejoin = off;
SQL

# What a call reads of the tables, and what the last one gives.
sub reads {
    my ($before, $call) = @_;
    my $read = q{pg_temp.tuples_read('quotes', 'bookings', 'notices', 'charges', 'refunds')};

    return split / /, $db->sql(<<"SQL");
        $seed
        \\i tests/sql/lib/tuples.psql
        do 'begin @{[ $before =~ s/'/''/gr ]} end';
        select $read as before \\gset
        do 'begin perform set_config(''parking.says'', ($call)::text, true); end';
        select $read - :before || ' ' || current_setting('parking.says');
        rollback;
SQL
}

sub lpad { return sprintf "''%032d''", $_[0] }

my ($read, $says) = reads('perform quotes_forget(6000); perform quotes_forget(6000);', 'quotes_forget(500)');
is($says, 0, 'quotes that were not booked have been forgotten');
cmp_ok($read, '<', 100, '... and the booked ones are not looked at each minute') or diag $read;
is((reads('', 'quotes_forget(500)'))[1], 500, 'of which as many as it may are looked at');
is((reads('perform quotes_forget(20000);', '(select count(*) from quotes where not kept and expires_at < now() - interval \'\'1 day\'\')'))[1],
   0, '... or all');

($read, $says) = reads('', 'no_shows(500)');
is($says, 1, 'nobody came to one stay');
cmp_ok($read, '<', 100, '... which is found without those still to come') or diag $read;

($read, $says) = reads('', q{person_forget(''i city 1'', now())});
is($says, 1, 'a person is erased');
cmp_ok($read, '<', 100, '... without reading the quotes and notices of others') or diag $read;

# An operator and a gateway that are away for a day: what waits for them is not read for each
# booking that is paid or cancelled meanwhile.
my $wait = <<"SQL";
    update notices set delivered_at = null where body = '{}';
    insert into charges (id, booking, purpose, amount, gateway, state, intent, paid_at)
    select b.id, b.id, 'stay', b.price, 'momo', 'paid', b.id, now() from bookings b where b.owner like 'i city %';
    insert into refunds (charge, booking, paid, amount, reason)
    select c.id, c.booking, c.amount, c.amount, 'cancelled' from charges c where c.id = c.booking;
    analyze notices, charges, refunds;
SQL
my $one = lpad(9_997);
for my $call ("notices_due(1, $one)", "refunds_due(1, $one)", "refunds_due(1, null, $one)") {
    ($read, $says) = reads($wait, "(select count(*) from $call)");
    is($says, 1, "$call gives what is of one");
    cmp_ok($read, '<', 100, '... and reads no more') or diag $read;
}

sound('city');
done_testing;
