# Parking through a real gateway: places, quotes, holds, and who may see what.

use lib 'tests/lib', 'plugins/payments/tests/lib', 'plugins/parking/tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin qw(plugin_jobs_rest);
use Parking::Test;

my ($gw, $db, $partners, $operator) = parking();
my $site = site();

# Places

my $r = $gw->get("/v1/parking/sites/$site");
is($r->{json}{supplies}[0]{capacity}, 100, 'a site has places for cars') or diag $r->{content};
is($r->{json}{supplies}[0]{occupancy}, undef, 'which nobody has counted');
is($r->{json}{supplies}[0]{tariffs}[0]{rates}[0]{price}, 100, 'and a price');
is($r->{json}{open}, JSON::PP::true, 'it is open');
is($gw->get('/v1/parking/sites/00000000-0000-4000-8000-000000000000')->{status}, 404, 'another one is not there');

# Ninety more, 100 m from one another to the north.
$db->sql(<<'SQL');
    set search_path = plugin_parking, public;
    insert into sites (operator, name, address, location)
    select 'other', 'Bãi ' || n, 'Phố thử', st_point(105.85, 21.03 + n * 0.0009, 4326) from generate_series(1, 90) n;
    insert into supplies (site, vehicle, capacity, bookable)
    select id, case when name like '%0' then 'car' else 'motorcycle' end, 10, 5 from sites where operator = 'other';
    update sites set in_service = false where name = 'Bãi 5';
SQL

sub nearest { my ($query) = @_; return $gw->get("/v1/parking/sites?lat=21.03&long=105.85&$query") }
sub names { return join ',', map { $_->{name} =~ s/Bãi //r } @{ $_[0]{json}{items} } }

$r = nearest('limit=4');
is(names($r), 'xe số 1,1,2,3', 'the nearest come first');
is($r->{json}{items}[1]{distance}, 100, 'with their distance in metres');
$r = nearest('limit=4&cursor=' . $r->{json}{next});
is(names($r), '4,6,7,8', 'a cursor goes on; what is out of service is left out');
$r = nearest('radius=300&limit=50');
is(names($r), 'xe số 1,1,2', 'a radius is kept') or diag $r->{content};
is($r->{json}{next}, undef, 'and that was all');
$db->sql("set search_path = plugin_parking, public; update operators set name = 'Bãi khác nữa' where id = 'other'");
is(nearest('limit=2')->{json}{items}[1]{operator}, 'Bãi khác nữa', 'an operator is called as it is called now');
is(names(nearest('vehicle=car&limit=3&radius=5000')), 'xe số 1,10,20', 'only those for a vehicle');
my ($cursor, @all) = '';
do {
    $r = nearest("radius=10000&limit=7$cursor");
    push @all, map { $_->{name} } @{ $r->{json}{items} };
    $cursor = '&cursor=' . ($r->{json}{next} // '');
} while $r->{json}{next};
my %seen;
is(scalar(grep { !$seen{$_}++ } @all), 90, 'pages have each site');
is(scalar(@all), 90, 'once');
is(nearest("cursor=$_")->{status}, 400, "a cursor that is none of ours: $_") for
    'x', map { "site.$_" } '1_2', '__', '1e-999_' . '0' x 8 . '-0000' x 3 . '-' . '0' x 12;
is($gw->get("/v1/parking/sites?$_")->{status}, 400, "refused: $_")
    for 'lat=21', 'lat=91&long=0', 'lat=21&long=105&radius=0', 'lat=21&long=105&radius=99999',
        'lat=21&long=105&vehicle=tank', 'lat=21&long=105&limit=51', 'lat=NaN&long=1';

# Counts of the operator

my $when = at(-1);
is(verdicts({ type => 'occupancy', at => $when, place => $site, vehicle => 'car', free => 37 }), 'applied', 'the operator counts');
my $o = $gw->get("/v1/parking/sites/$site")->{json}{supplies}[0]{occupancy};
is($o->{free}, 37, 'it is shown');
is($o->{observed_at} =~ s/\+00:00/Z/r, $when, 'with the time of the count, which is its age') or diag explain $o;
is($o->{stale}, JSON::PP::false, 'and is good yet');
is(verdicts({ type => 'occupancy', at => at(-3), place => $site, vehicle => 'car', free => 5 }), 'stale', 'an older count changes nothing');
is(nearest('limit=1')->{json}{items}[0]{supplies}[0]{occupancy}{free}, 37, 'not in the list either');
$db->sql("set search_path = plugin_parking, public; update supplies set observed_at = now() - interval '16 minutes' where free is not null");
is($gw->get("/v1/parking/sites/$site")->{json}{supplies}[0]{occupancy}{stale}, JSON::PP::true, 'it grows stale');
$r = nearest('limit=1')->{json}{items}[0]{supplies};
is_deeply([map { $_->{vehicle} . ' ' . ($_->{occupancy} // { stale => 'none' })->{stale} } @$r], ['car 1', 'motorcycle none'],
          'in the list, too');
is(verdicts({ type => 'occupancy', at => at(0), place => $site, vehicle => 'car', free => 7000 }), 'applied', 'more than there are');
is(nearest('limit=1')->{json}{items}[0]{supplies}[0]{occupancy}{free}, 100, 'are as many as there are');
is(verdicts({ type => 'occupancy', at => at(10), place => $site, vehicle => 'car', free => 7 }), 'future', 'nothing is told of the future');

# A site is handed over by hand while its operator counts: neither is in the other's way,
# whichever supply is written first. Of a deadlock who waits by hand would hear first.
for my $of (['car', 'motorcycle'], ['motorcycle', 'car']) {
    my ($one, $other) = @$of;
    my $set = 'set search_path = plugin_parking, public;';
    my $first = $db->session;
    my $waiting = sub { my ($n) = @_; wait_until(sub { $db->sql("select count(*) from pg_stat_activity
        where wait_event_type = 'Lock' and datname = current_database()") >= $n }, 10) };

    $first->do("begin; $set select from supplies where site = '$site' and vehicle = '$one' for update");
    my $by_hand = beside(sub {
        $db->sql("$set set deadlock_timeout = '10ms'; update sites set operator = 'other' where id = '$site'");
    });
    ok($waiting->(1), 'a site is handed over');
    pipe my $told, my $tells or die "pipe: $!\n";
    my $count = beside(sub {
        syswrite $tells, verdicts({ type => 'occupancy', at => at(1), place => $site, vehicle => $other, free => 7 });
    });
    ok($waiting->(2), "... while its operator counts each $other");
    close $tells;
    $first->do('rollback');
    waitpid $_, 0 for $by_hand, $count;
    is($db->sql("$set select operator from sites where id = '$site'"), 'other', "... and is the other's");
    is(readline $told, 'unknown', '... by when the count comes');
    $db->sql("$set update sites set operator = 'demo' where id = '$site'");
}

# Forged and broken messages

my @event = ({ type => 'occupancy', at => at(1), place => $site, vehicle => 'car', free => 1 });
is(verdicts(@event, forged => 1), 403, 'a wrong signature');
is(verdicts(@event, operator => 'other'), 403, "another operator's key");
is(verdicts(@event, operator => 'nobody'), 403, 'nobody known');
is(verdicts(@event, signed => '{}'), 403, 'a signature of another body');
is(verdicts(body => $_), 400, "refused: $_")
    for '{', '[]', '{"events":[]}', '{"events":[{"id":"1","type":"entered","at":"2026-01-01","code":"P00000000000"}]}',
        '{"events":[{"id":"1","type":"left","at":"2026-01-01T00:00:00Z","code":"P00000000000"}]}',
        '{"events":[' . join(',', ('{"id":"1","type":"entered","at":"2026-01-01T00:00:00Z","code":"P00000000000"}') x 101) . ']}';
is(verdicts(body => ' { "events" : [ {"id":"1","type":"entered","at":"2026-01-01T00:00:00Z","code":"P00000000000"} ] }'),
   'unknown', 'the signature is over the bytes as they came');

# Quotes

my $q = quote(minutes => 61);
is($q->{price}, 6_100, 'each minute costs') or diag explain $q;
my %sum;
for my $piece (@{ $q->{breakdown} }) { $sum{$_} += $piece->{$_} for qw(minutes units amount) }
is_deeply(\%sum, { minutes => 61, units => 61, amount => 6_100 }, 'which the breakdown says') or diag explain $q;
is($q->{available}, 50, 'there are places');
is_deeply($q->{terms}{refunds}, [{ before_minutes => 60, percent => 100 }, { before_minutes => 10, percent => 50 }],
          'the terms of giving it back are told before');
sub problem { my ($r) = @_; return "$r->{status} " . ($r->{json}{type} =~ s/.*://r) }
is(problem(quote_r(vehicle => 'bus')), '422 parking-vehicle-not-here', 'no buses here');
is(problem(quote_r(in => -5)), '422 parking-stay-unclear', 'not before now');
is(problem(quote_r(minutes => 0)), '422 parking-stay-unclear', 'not for nothing');
is(problem(quote_r(hours => 24 * 31)), '422 parking-stay-unclear', 'not for ever');
is(quote_r(site => '00000000-0000-4000-8000-000000000000')->{status}, 404, 'not where nothing is');
is(post('/quotes', { site => $site, vehicle => 'car', arrive => at(5), leave => at(9), price => 1 })->{status}, 400,
   'nobody says a price but us');

# Holds

my $b = hold($q, plate => '30A12345');
is("$b->{state} $b->{price} $b->{paid} $b->{plate}", 'held 6100 0 30A12345', 'a place is held');
is(hold($q)->{id}, $b->{id}, 'the same quote is the same booking');
is(hold($q, plate => '30A12345')->{id}, $b->{id}, 'with the same plate');
is(problem(hold_r($q, plate => '30A54321')), '409 parking-quote-taken', 'with another plate it would be another');
is(quote(minutes => 61)->{available}, 49, 'and one place is taken');
is(quote(minutes => 60, in => 181)->{available}, 50, 'not after it');
is(hold_r(quote(), as => 'citizen-2')->{status}, 404, "a quote is its owner's");
is(problem(do { my $q = quote(); $db->sql("update plugin_parking.quotes set expires_at = now() where id = '$q->{id}'"); hold_r($q) }),
   '410 parking-quote-expired', 'and good for minutes');
is(hold_r($q, plate => '30a-123.45')->{status}, 400, 'a plate is letters and digits');
is(cancel(hold(quote(as => 'rider'), as => 'rider', plate => '29MĐ112345'), as => 'rider')->{plate}, '29MĐ112345', '... also those of an electric motorbike');
$db->sql("update plugin_parking.operators set holds_at_once = 2 where id = 'demo'");
hold($q = quote());
is(problem(hold_r($q, plate => '30A54321')), '409 parking-quote-taken', 'so it would be with one at last');
is(problem(hold_r(quote())), '409 parking-holds-too-many', 'one person holds so many');
is(hold_r(quote(as => 'citizen-2'), as => 'citizen-2')->{status}, 201, 'another one as many');
$db->sql("update plugin_parking.operators set holds_at_once = 100 where id = 'demo'");

# One's own

my $own = $gw->get("/v1/parking/bookings/$b->{id}", token => as());
is($own->{json}{code}, $b->{code}, 'one reads one\'s own booking');
is($gw->get("/v1/parking/bookings/$b->{id}", token => as('citizen-2'))->{status}, 404, 'nobody else does');
is($gw->get("/v1/parking/bookings/$b->{id}/receipt", token => as('citizen-2'))->{status}, 404, 'nor its receipt');
is(pay_r($b, as => 'citizen-2')->{status}, 404, 'nor pays it');
is(cancel_r($b, as => 'citizen-2')->{status}, 404, 'nor cancels it');
is($gw->get('/v1/parking/bookings')->{status}, 401, 'without a token there are none');
is(problem($gw->get("/v1/parking/bookings/$b->{id}/receipt", token => as())), '409 parking-not-paid', 'no receipt yet');
hold(quote()) for 1 .. 3;
my @mine;
$cursor = '';
do {
    $r = $gw->get("/v1/parking/bookings?limit=2$cursor", token => as());
    push @mine, map { $_->{id} } @{ $r->{json}{items} };
    $cursor = '&cursor=' . ($r->{json}{next} // '');
} while $r->{json}{next};
is(scalar(@mine), 5, "one's own bookings, by pages") or diag $r->{content};
is($mine[-1], $b->{id}, 'the oldest last');
is($gw->get('/v1/parking/bookings?state=paid', token => as())->{json}{items}[0], undef, 'by state');
is($gw->get("/v1/parking/bookings?cursor=$_", token => as())->{status}, 400, "a cursor that is none of ours: $_")
    for 'booking.1.x', nearest('limit=1')->{json}{next};

# What costs nothing is paid at once, and the operator is told.
my $free = hold(quote(vehicle => 'motorcycle'));
is("$free->{state} $free->{price}", 'paid 0', 'what is free is paid at once');
is($operator->rights->{ $free->{code} }{state}, 'paid', 'and the operator knows') or diag explain $operator->rights;

# A worker died before payments heard of a charge: an officer's sweep goes on with it, and the
# officer's language is not that of who pays.
my $begun = hold(quote(as => 'citizen-3'), as => 'citizen-3');
my $release = $db->sql("select nspname from pg_namespace where nspname like 'code_parking_%'");
$db->sql("set search_path = $release, plugin_parking;
          select charge_begin(gen_random_uuid(), owner, id, 'momo') from bookings where id = '$begun->{id}'");
sweep(language => 'en');
is($db->sql("select i.description from plugin_payments.intents i join plugin_parking.charges c on c.id::text = i.reference
              where c.booking = '$begun->{id}'"), "Gửi xe $begun->{code}", "an officer's sweep says for what in Vietnamese");

# A hold that is over
later($b, 11);
is(problem(pay_r($b)), '409 parking-hold-over', 'a hold that is over cannot be paid');
sweep();
is(now_read($b)->{state}, 'expired', 'it expires');
is(problem(cancel_r($b)), '409 parking-not-cancellable', 'and is over');

# What has gathered while nobody looked: a run of the job ends some of it, and there is more.
my $quotes = "quotes where expires_at < now() - interval '1 day' and not kept";
my $notices = 'notices where delivered_at is null';
for ([$quotes, "update quotes q set expires_at = now() - interval '3 days' from bookings b where b.quote = q.id and b.id = '$b->{id}';
          insert into quotes select (jsonb_populate_record(q, jsonb_build_object(
                     'id', gen_random_uuid(), 'kept', false, 'expires_at', now() - interval '2 days'))).*
            from (select q from quotes q limit 1) one, generate_series(1, 1200)"],
     [$notices, "insert into notices (operator, booking, type, body)
          select n.operator, n.booking, n.type, n.body
            from (select * from notices order by number desc limit 1) n, generate_series(1, 45)"]) {
    my ($left, $gather) = @$_;
    $db->sql("set search_path = plugin_parking; $gather;
              update core.plugin_jobs set next_at = core.now() where plugin = 'parking' and job = 'sweep'");
    wait_until(sub { !$db->sql("select count(*) from plugin_parking.$left") });
    is($db->sql("select count(*) from plugin_parking.$left"), 0, $left =~ s/ .*//r . ' that have gathered are seen to without a pause');
}
plugin_jobs_rest($db, 'parking');

sound('places and holds');
done_testing;
