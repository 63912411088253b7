# Buses through a real gateway: what the timetable says on which day, how one
# gets from here to there, and what the agency says of today.

use lib 'tests/lib', 'plugins/bus/tests/lib';
use utf8;
use File::Temp qw(tempdir);
use IO::Compress::Zip qw(zip $ZipError ZIP_CM_STORE);
use IHanoi::Test;
use Bus::Test;

eval { require Text::CSV_XS; 1 } or plan skip_all => 'Text::CSV_XS is not installed';

my $dir = tempdir(CLEANUP => 1);
my ($gw, $db) = buses();

# Short names of what leaves: "0700 r1-0700".
sub departures {
    my ($stop, $at, $size) = @_;
    my $r = $gw->get("/v1/bus/stops/$stop/departures?page_size=" . ($size // 20)
                     . '&at=' . $at =~ s/\+/%2B/r);

    return "status $r->{status} $r->{content}" if $r->{status} != 200;
    return join ' ', map { clock($_->{scheduled_at}) . ' ' . $_->{trip} }
                     @{ $r->{json}{items} };
}

# "0700" in Hà Nội.
sub clock {
    my ($text) = @_;
    my ($h, $m) = $text =~ /T(\d\d):(\d\d):\d\d\+00:00/ or return $text;
    return sprintf '%02d%02d', ($h + 7) % 24, $m;
}


# Days: 2026-11-24 is a Tuesday

is(departures('lake', '2026-11-24T07:00:00+07:00', 3),
   '0723 r1-0700 0753 r1-0730 0823 r1-0800',
   'a working day; a time that the feed leaves out is between its neighbours');
is(departures('lake', '2026-11-23T23:59:00+07:00', 3), '0021 n1-2350 0600 f1 0610 f1',
   'late in the evening the first ones of tomorrow, too');
is(departures('market', '2026-11-23T20:00:00+07:00', 1), '0716 r1-0700', '... from four hours before it begins');
is(departures('market', '2026-11-23T19:59:00+07:00', 1), '', '... and no earlier');
is(departures('market', '2026-11-22T07:00:00+07:00'), '', 'not on a Sunday');
is(departures('market', '2026-11-23T07:00:00+07:00'), '',
   'nor on a Monday that calendar_dates.txt takes out');
is(departures('market', '2026-11-28T07:45:00+07:00'), '0746 r1-0730 0816 r1-0800',
   'but on a Saturday that it adds');
is(departures('lake', '2026-11-25T00:10:00+07:00', 2), '0021 n1-2350 0600 f1',
   'past midnight the buses of the day before come');
is(departures('lake', '2026-11-25T00:21:00+07:00', 1), '0021 n1-2350',
   'up to the second of departure');
is(departures('lake', '2026-11-24T23:59:00+07:00', 1), '0021 n1-2350',
   'before midnight too');
is(departures('lake', '2026-11-25T06:00:00+07:00', 3), '0600 f1 0610 f1 0620 f1',
   'each departure of a line with a headway');
is(departures('hub', '2026-11-24T07:00:00+07:00'),
   '0700 r1-0700 0730 r1-0730 0800 r1-0800 2350 n1-2350',
   'a station has the buses of its platforms');
is(departures('park', '2026-11-24T07:00:00+07:00'), '', 'nothing leaves a last stop');
like(departures('nowhere', '2026-11-24T07:00:00+07:00'), qr/^status 404/,
     'a stop that is not there');

my $one = $gw->get('/v1/bus/stops/lake/departures?at=2026-11-25T06:00:00%2B07:00')
    ->{json}{items}[0];
is($one->{headway}, 600, 'without exact times it says how often');
is($one->{route}{short_name}, '03', 'with its route');
is($one->{expected_at}, undef, 'and expects nothing where the agency says nothing');


# Stops and routes

my $near = $gw->get('/v1/bus/stops?lat=21.0287&long=105.8525&page_size=2')->{json}{items};
is_deeply([map { $_->{id} } @$near], [qw(lake lake-east)], 'the nearest stops first');
ok($near->[0]{distance} > 20 && $near->[0]{distance} < 40, 'with metres');
is_deeply([map { $_->{id} } @{ $gw->get('/v1/bus/stops?q=cho%20dong')->{json}{items} }],
          ['market'], 'a name without diacritics');
is_deeply([map { $_->{id} } @{ $gw->get('/v1/bus/stops?q=102')->{json}{items} }],
          ['hub-2'], 'a code');
is_deeply([map { $gw->get("/v1/bus/stops?q=$_")->{json}{items}[0]{id} } 'cho%C2%A0dong%20', '+cho++dong', '102+'],
          [qw(market market hub-2)], 'whichever spaces a keyboard writes');
is($gw->get('/v1/bus/stops')->{status}, 400, 'neither a name nor a point');

# Page by page what is on one large page.
for my $what ('lat=21.0287&long=105.8525&radius=5000', 'q=o', 'q=102') {
    my ($whole) = $gw->get("/v1/bus/stops?$what&page_size=100")->{json};
    my ($next, $r, @paged) = ('', undef);
    do {
        $r = $gw->get("/v1/bus/stops?$what&page_size=1$next");
        push @paged, map { $_->{id} } @{ $r->{json}{items} };
        $next = $r->{json}{next} && "&cursor=$r->{json}{next}";
    } while ($next && @paged < 100);
    is_deeply(\@paged, [map { $_->{id} } @{ $whole->{items} }], "$what: all of them in their order, page by page")
        or diag $r->{content};
}
is($gw->get('/v1/bus/stops?q=o&cursor=stop.gone')->{json}{type}, 'urn:ihanoi:problem:bus-page-gone', '... and none behind one that nobody knows');
is($gw->get('/v1/bus/stops?q=a&lat=21&long=105')->{status}, 400, 'both');
is($gw->get('/v1/bus/stops?lat=21')->{status}, 400, 'half a point');
is_deeply([map { $_->{short_name} } @{ $gw->get('/v1/bus/routes')->{json}{items} }],
          [qw(01 02 N1 03)], 'routes in the order of the feed');
my $route = $gw->get('/v1/bus/routes/r1')->{json};
is_deeply([map { $_->{id} } @{ $route->{patterns}[0]{stops} }],
          [qw(hub-1 market lake park)], 'a route has its stops');
is_deeply($route->{fares}, [{ price => '8000', currency => 'VND', transfers => 0 }],
          'and its fare');
is_deeply([map { $_->{id} } @{ $gw->get('/v1/bus/stops/hub')->{json}{routes} }],
          [qw(r1 n1)], 'a station has the routes of its platforms');


# Journeys

# "walk 60; r1-0700 hub-1 0700 lake 0723; ..."
sub journeys {
    my (%query) = @_;
    my $r = $gw->get('/v1/bus/journeys?' . join '&', map {
        "$_=" . $query{$_} =~ s/\+/%2B/r
    } sort keys %query);

    return "status $r->{status}" if $r->{status} != 200;
    return map {
        join '; ', map {
            $_->{mode} eq 'walk' ? "walk $_->{seconds}"
            : "$_->{trip} $_->{from}{id} " . clock($_->{departs_at})
              . " $_->{to}{id} " . clock($_->{arrives_at})
        } @{ $_->{legs} }
    } @{ $r->{json}{items} };
}

my @direct = (from_stop => 'market', to_stop => 'park');
is_deeply([journeys(@direct, depart_at => '2026-11-24T07:10:00+07:00')],
          ['r1-0700 market 0716 park 0730'], 'one ride');
is_deeply([journeys(@direct, depart_at => '2026-11-24T07:16:01+07:00')],
          ['r1-0730 market 0746 park 0800'], 'a second too late: the next');
my @change = (from_stop => 'hub', to_stop => 'school');
is_deeply([journeys(@change, depart_at => '2026-11-24T06:50:00+07:00')],
          ['r1-0700 hub-1 0700 lake 0723; walk 188; r2-0740 lake-east 0740 school 0800'],
          'a change on foot, between stops that are near');
is_deeply([journeys(@change, depart_at => '2026-11-24T06:50:00+07:00', transfers => 0)], [],
          'none when nobody wants to change');
is_deeply([journeys(from_lat => 21.0382, from_long => 105.8501, to_stop => 'park',
                depart_at => '2026-11-24T07:00:00+07:00')],
          ['walk 25; r1-0700 market 0716 park 0730'], 'from a point, with the walk');
is_deeply([journeys(from_stop => 'lake', to_stop => 'depot',
                depart_at => '2026-11-25T00:00:00+07:00')],
          ['n1-2350 lake 0021 depot 0105'], 'past midnight');
is_deeply([journeys(from_stop => 'hub', to_stop => 'park',
                depart_at => '2026-11-22T07:00:00+07:00')], [], 'not on a Sunday');
is((journeys(from_stop => 'hub', depart_at => '2026-11-24T07:00:00+07:00'))[0], 'status 400',
   'to nowhere');
is((journeys(from_stop => 'hub', to_stop => 'no-such', depart_at => '2026-11-24T07:00:00+07:00'))[0], 'status 404',
   'to a stop that there is not, as its departures');
is((journeys(from_stop => 'no-such', to_lat => 21.0382, to_long => 105.8501))[0], 'status 404', 'or from one');
my ($journey) = @{ $gw->get('/v1/bus/journeys?from_stop=hub&to_stop=school'
                            . '&depart_at=2026-11-24T06:50:00%2B07:00')->{json}{items} };
is_deeply($journey->{fare}, { amount => 16_000, currency => 'VND' }, 'a ticket a ride');
is($journey->{transfers}, 1, 'and how often one changes');


# Feeds that are wrong change nothing

for my $case (
    ['a file that is missing', { 'stops.txt' => undef }, qr/missing_required_file in stops.txt/],
    ['a column that is missing', { 'trips.txt' => sub { s/service_id/service/ } },
     qr/missing_required_column in trips.txt\n\s+service_id/],
    ['a stop that nobody knows', { 'stop_times.txt' => sub { s/,park,/,moon,/ } },
     qr/foreign_key_violation in stop_times.txt\n\s+line 5: stop_id "moon" is not in stops.txt/],
    ['a trip back in time', { 'stop_times.txt' => sub { s/07:15:00,07:16:00/06:15:00,06:16:00/ } },
     qr/stop_time_with_arrival_before_previous_departure_time/],
    ['a stop without a place', { 'stops.txt' => sub { s/21\.0380/north/ } },
     qr/stop_without_location in stops.txt\n\s+line 5: market/],
    ['two trips of one name', { 'trips.txt' => sub { s/r2-0830/r2-0740/ } },
     qr/duplicate_key in trips.txt/],
    ['a day that is none', { 'calendar_dates.txt' => sub { s/20261123/20261131/ } },
     qr/invalid_date in calendar_dates.txt\n\s+line 2: 20261131/],
    ['a time that is none', { 'stop_times.txt' => sub { s/24:20:00/24:77:00/ } },
     qr/invalid_time in stop_times.txt/],
    ['a trip without its end', { 'stop_times.txt' => sub { s/25:05:00,25:05:00/,/ } },
     qr/missing_trip_edge/],
    ['a zone that is none', { 'agency.txt' => sub { s/Ho_Chi_Minh/Ha_Noi/ } },
     qr/invalid_timezone/],
    ['a zone that POSIX reads the other way round', { 'agency.txt' => sub { s{Asia/Ho_Chi_Minh}{GMT+7} } },
     qr/invalid_timezone in agency.txt\n\s+line 1: GMT\+7/],
    ['a headway of nothing', { 'frequencies.txt' => sub { s/,600,/,0,/ } },
     qr/number_out_of_range in frequencies.txt/],
    ['no CSV', { 'routes.txt' => sub { s/"Gia/Gia "/ } }, qr/routes.txt, line \d+ is no CSV/],
    ['no UTF-8', { 'stops.txt' => sub { s/Ch/\xff\xfe/ } }, qr/stops.txt is not UTF-8/],
) {
    my ($what, $change, $like) = @$case;
    my ($status, $text) = import_gtfs($db, feed_with("$dir/" . $what =~ tr/ //dr, %$change));

    is($status, 1, "$what: refused");
    like($text, $like, "$what: and it says where") or diag $text;
}

is(departures('market', '2026-11-24T07:00:00+07:00', 1), '0716 r1-0700',
   'the timetable of before still serves');
is((import_gtfs($db, "$dir/none"))[0], 1, 'a file that is not there');
is((import_gtfs($db))[0], 2, 'no file at all');


# A new timetable takes the place of the old one under load

my $pid = fork // die "could not fork: $!\n";
if ($pid == 0) {
    my $bad = 0;
    my $end = time + 6;
    while (time < $end) {
        my $r = $gw->get('/v1/bus/stops/market/departures?at=2026-11-24T07:00:00%2B07:00');
        $bad++ if !$r || $r->{status} != 200
                  || $r->{json}{items}[0]{trip} !~ /^r1-07[05]0$/;
    }
    POSIX::_exit($bad ? 1 : 0);
}

my ($status, $text) = import_gtfs($db, feed_with("$dir/later",
    'stop_times.txt' => sub { s/07:00:00/07:05:00/g; s/07:15:00,07:16:00/07:20:00,07:21:00/ },
    'trips.txt' => sub { s/r1-0700/r1-0750/ }, 'stop_times.txt' => sub {
        s/r1-0700/r1-0750/g; s/07:15:00,07:16:00/07:20:00,07:21:00/;
    }));
is($status, 0, 'a new feed') or diag $text;
like($text, qr/^later: current, 2026-01-01 to 2035-12-31\n/m, 'is served, it says');
waitpid $pid, 0;
is($?, 0, 'and every request in between had one timetable or the other');
is(departures('market', '2026-11-24T07:00:00+07:00', 1), '0721 r1-0750', 'the new one');
my $code = $db->sql("select nspname from pg_namespace where nspname like 'code_bus_%'");
is($db->sql("set search_path = $code, plugin_bus, public; begin;
             do 'begin perform feed_publish(id) from feeds where state = ''retired''; end';
             select current_since > now() from feeds where state = 'current'; rollback"),
   't', 'it is current since then, not since its import began');
is((import_gtfs($db, '--back'))[0], 0, 'back again');
is(departures('market', '2026-11-24T07:00:00+07:00', 1), '0716 r1-0700', 'the old one');
is($db->sql('select count(*) from plugin_bus.feed_lines'), 0, 'nothing is left of the files');

# Who is turning pages meanwhile goes on behind a stop that the new one does not have.
my %behind;
for my $search ('lat=21.0287&long=105.8525&radius=5000', 'q=o') {
    my @ids = map { $_->{id} } @{ $gw->get("/v1/bus/stops?$search&page_size=100")->{json}{items} };
    shift @ids while $ids[0] ne 'lake';
    $behind{$search} = ['pond', @ids[1 .. $#ids]];
}
is((import_gtfs($db, feed_with("$dir/pond", map { $_ => sub { s/\blake,/pond,/g } } qw(stops.txt stop_times.txt))))[0], 0,
   'a stop has another id');
is_deeply([map { $_->{id} } @{ $gw->get("/v1/bus/stops?$_&cursor=stop.lake")->{json}{items} }], $behind{$_}, "... pages go on where it was, $_")
    for sort keys %behind;
is((import_gtfs($db, '--back'))[0], 0, 'back once more');
is((import_gtfs($db, feed_with("$dir/named", 'stops.txt' => sub { s/^lake,,[^,]*/lake,,Kim/m })))[0], 0,
   'a stop has a name that is not searched for');
shift @{ $behind{'q=o'} };
is_deeply([map { $_->{id} } @{ $gw->get('/v1/bus/stops?q=o&cursor=stop.lake')->{json}{items} }], $behind{'q=o'}, '... pages go on where it was');
is((import_gtfs($db, '--back'))[0], 0, 'and back');


# A feed is over when its last day is, in Hà Nội, wherever the one is who reads it in: at any
# hour one of these has another date.

wait_for_day(30);
for my $zone ('Etc/GMT+12', 'Etc/GMT-14') {
    for (['yesterday', -1, 1], ['today', 0, 0]) {
        my ($last, $days, $over) = @$_;
        my $day = POSIX::strftime('%Y%m%d', gmtime time + 7 * 3600 + $days * 86400);
        local $ENV{PGTZ} = $zone;
        my (undef, $text) = import_gtfs($db, '--check', feed_with("$dir/$last",
            'calendar_dates.txt' => undef, 'calendar.txt' => sub { s/20351231/$day/g }));

        like($text, qr/$last: ready/, "to $last, read in $zone") or diag $text;
        is($text =~ /expired_calendar/ ? 1 : 0, $over, '... is ' . ($over ? 'over' : 'not over'));
    }
}


# A feed that did not arrive whole. Its last file is long, so that a part of it is read.

sub zipped {
    my ($damage) = @_;
    my ($last, @others) = reverse sort { ($a =~ /stop_times/) <=> ($b =~ /stop_times/) }
                          glob "$dir/long/*.txt";
    zip [@others, $last] => \my $bytes, Method => ZIP_CM_STORE, CanonicalName => 1
        or die "zip: $ZipError\n";
    $damage->() for $bytes;
    open my $out, '>:raw', "$dir/feed.zip" or die "feed.zip: $!\n";
    print $out $bytes;
    close $out;
    return "$dir/feed.zip";
}

feed_with("$dir/long", 'stop_times.txt' => sub { $_ .= "\n" x 3_000_000 });
for my $case (['half of it' => sub { $_ = substr $_, 0, -1_000_000 }],
              ['a byte that is another' => sub { substr($_, -1_000_000, 1) = ' ' }])
{
    my ($what, $damage) = @$case;
    my ($status, $text) = import_gtfs($db, zipped($damage));

    is($status, 1, "a zip file, $what: refused");
    like($text, qr/feed\.zip is damaged/, "... and it says so") or diag $text;
}
is((import_gtfs($db, zipped(sub { })))[0], 0, 'a zip file that is whole is served');


# A trip of several days

is((import_gtfs($db, feed_with("$dir/days", 'stop_times.txt' => sub {
    s/\b(2[345])(:..:00)/$1 + 48 . $2/ge
})))[0], 0, 'a feed with a trip that begins at 71:50');
is(departures('lake', '2026-11-25T00:10:00+07:00', 2), '0021 n1-2350 0600 f1',
   'the bus of three days ago comes');


# npm's sample feed, which "make test" fetches where there is npm

SKIP: {
    my $file = 'build/sample-gtfs-feed-0.13.0.tgz';
    my $tar = IHanoi::Test::tree() . "/$file";
    skip "there is no $file: \"make test\" fetches it where npm is", 6 if !-f $tar;

    system('tar', '-xzf', $tar, '-C', $dir) == 0 or die "tar failed\n";
    my ($status, $text) = import_gtfs($db, "$dir/package/gtfs.zip");
    is($status, 0, 'a zip file of another maker') or diag $text;
    like($text, qr/4 routes.*10 stops/, 'is read whole');
    like($text, qr/warning: expired_calendar/, 'and is over');

    # A Tuesday when it was not; Europe is five hours behind.
    is(departures('lake', '2019-05-14T08:00:00+02:00', 3), join(' ', map {
        "$_ b-downtown-on-working-days" } qw(1308 1313 1318)), 'its departures, by a frequency with exact times');
    is(join(' ', map { clock($_->{scheduled_at}) . " $_->{headway}" } @{ $gw->get(
        '/v1/bus/stops/center/departures?at=2019-05-14T15:35:00%2B02:00&page_size=2')->{json}{items} }),
       '2040 600 2050 600', 'and by one without');
    is_deeply([journeys(from_stop => 'center', to_stop => 'lake', depart_at => '2019-05-14T15:35:00+02:00')],
              ['b-outbound-on-working-days center 2040 lake 2046'], 'and a journey');
}

# Buses that belong to tomorrow, right after midnight.
is((import_gtfs($db, feed_with("$dir/night", 'frequencies.txt' => sub { s/06:00:00,07:00:00/00:05:00,00:30:00/ })))[0],
   0, 'buses that leave soon after midnight');
is_deeply([journeys(from_stop => 'lake', to_stop => 'depot', depart_at => '2026-11-23T23:59:00+07:00')],
          ['f1 lake 0005 depot 0030'], 'are taken by who asks before it');
is_deeply([journeys(from_stop => 'lake', to_stop => 'depot', depart_at => '2026-11-23T20:00:00+07:00')], [],
          '... and are not there four hours before');
is(departures('lake', '2026-11-23T19:00:00+07:00'), '0005 f1 0015 f1 0021 n1-2350',
   'a board early in the evening has them among those of today that leave after midnight');
is_deeply([departures('lake', '2026-11-23T23:00:00+07:00') =~ /(00\d\d \S+)/g],
          ['0005 f1', '0015 f1', '0021 n1-2350', '0025 f1', '0005 f1', '0015 f1', '0021 n1-2350'],
          '... and one late in the evening those of the day after among the last of tomorrow');

# A line that runs late by one service day and early by the next. Who walks to its first stop
# is in time for the late bus only, and who stays where the second one is, for the early one.
my %times = (late => [qw(24:10 24:20 24:50)], early => [qw(00:01 00:06 00:20)]);
is((import_gtfs($db, feed_with("$dir/both", 'trips.txt' => sub { $_ .= join '', map { "r2,daily,$_,,0,\n" } sort keys %times },
                               'stop_times.txt' => sub {
    for my $trip (sort keys %times) {
        my $n = 0;
        $_ .= join '', map { "$trip,$times{$trip}[$n]:00,$times{$trip}[$n]:00,$_," . $n++ . ",,\n" } qw(lake lake-east depot);
    }
})))[0], 0, 'a line that runs late by one service day and early by the next');
is_deeply([journeys(from_stop => 'lake-east', to_stop => 'depot', depart_at => $_)], ['early lake-east 0006 depot 0020'], "the early one is taken, $_")
    for '2026-11-25T00:02:00+07:00', '2026-11-24T23:59:00+07:00';

# ^C, which the whole group hears, while it waits for another import.
{
    my $session = $db->session;
    $session->do('begin; lock table plugin_bus.feeds');
    mkdir "$dir/tmp" or die $!;

    my $pid = fork // die "fork: $!";
    if (!$pid) {
        setpgrp;
        local $SIG{INT} = 'DEFAULT';
        $ENV{TMPDIR} = "$dir/tmp";
        import_gtfs($db, feed_with("$dir/ended"));
        POSIX::_exit(0);
    }
    ok(wait_until(sub { () = glob "$dir/tmp/*" }, 20), 'an import has begun');
    kill INT => -$pid;
    waitpid $pid, 0;
    ok(wait_until(sub { !(() = glob "$dir/tmp/*") }, 5), '... and leaves no file when it is interrupted');
    $session->do('rollback');

    # A psql that begins when all is over.
    mkdir "$dir/bin" or die $!;
    open my $late, '>', "$dir/bin/psql" or die $!;
    print $late <<"SH";
#!/bin/sh
PATH='$ENV{PATH}'
case "\$*" in *' -o '*) ;; *) exec psql "\$@" ;; esac
cat > /dev/null
while [ "\$1" != -o ]; do shift; done
: > "\$2"
SH
    close $late;
    chmod 0755, "$dir/bin/psql";
    local @ENV{qw(PATH TMPDIR)} = ("$dir/bin:$ENV{PATH}", "$dir/tmp");
    my ($rc, $said) = import_gtfs($db, feed_with("$dir/none", 'stops.txt' => sub { $_ = '' }));
    like("$rc $said", qr/^1 .*stops\.txt has no header/s, 'a feed that is refused while it is read');
    is(join(' ', glob "$dir/tmp/*"), '', '... leaves none, either');
}


done_testing;
