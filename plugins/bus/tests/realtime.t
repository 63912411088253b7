# What the agency says of today, GTFS-realtime: fetched by the job, laid over the
# timetable with its age, and not believed when it is old or is no message.

use lib 'tests/lib', 'plugins/bus/tests/lib';
use utf8;
use File::Temp qw(tempdir);
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Bus::Test;
use Bus::Transit;
use POSIX qw(strftime);

eval { require Text::CSV_XS; 1 } or plan skip_all => 'Text::CSV_XS is not installed';

wait_for_day(120);
my $dir = tempdir(CLEANUP => 1);
my $transit = Bus::Transit->new;

# A trip of each service day that leaves in ten minutes, a day later: after 24:00.
my $soon = (time + 7 * 3600) % 86400 + 86400 + 600;
sub gtfs { return sprintf '%d:%02d:%02d', $_[0] / 3600, $_[0] / 60 % 60, $_[0] % 60 }
my $feed = feed_with("$dir/feed",
    'trips.txt' => sub { $_ .= "n1,daily,late,,0,\nn1,daily,through,,0,\nn1,daily,stands,,0,\n" },
    'stop_times.txt' => sub {
        my @way = qw(hub-1 school park market depot);
        $_ .= join '', map { "through,12:${_}0:00,12:${_}0:00,$way[$_],$_,,\n" } 0 .. 4;
        $_ .= "stands,13:00:00,13:00:00,school,1,,\nstands,13:10:00,13:20:00,park,2,,\n"
            . "stands,13:30:00,13:30:00,depot,3,,\n";
        $_ .= 'late,' . gtfs($soon) . ',' . gtfs($soon) . ",school,1,,\n"
            . 'late,' . gtfs($soon + 600) . ',' . gtfs($soon + 600) . ",depot,2,,\n" });
my ($gw, $db) = buses(transit => $transit, feed => $feed, settings => { realtime => '/now.pb' });

# Today in Hà Nội, which has no summer time.
my $today = strftime('%Y-%m-%d', gmtime(time + 7 * 3600));
my $start = strftime('%Y%m%d', gmtime(time + 7 * 3600));

# The agency's message from now on.
sub says { $transit->says(@_) }

sub entity { my ($id, @fields) = @_; return [2, [[1, "e$id"], @fields]] }
sub header { return [1, [[1, '2.0'], [3, $_[0] // time]]] }
sub trip   { return [1, [[1, $_[0]], [3, \$start], @_[1 .. $#_]]] }

# Runs the job: its outcome.
sub fetch { plugin_job($db, 'bus', 'realtime') =~ s/:.*//sr }

# What leaves a stop today, by trip.
sub departures {
    my ($stop) = @_;
    my $r = $gw->get("/v1/bus/stops/$stop/departures?page_size=50"
                     . "&at=${today}T00:00:00%2B07:00");
    return ($r->{json}{realtime}, map { $_->{trip} => $_ }
            reverse @{ $r->{json}{items} });
}


# Delays

says(protobuf(header(),
    entity('1', [3, [trip('r2-0740'), [2, [[1, 1], [3, [[1, 120]]]]]]]),
    entity('2', [3, [trip('r2-0830', [4, 3])]]),
    entity('3', [3, [trip('n1-2350'), [2, [[4, 'hub-2'], [3, [[1, -60]]]]],
                                      [2, [[4, 'lake'], [5, 1]]]]]),
    entity('4', [5, [[1, [[1, time - 60], [2, time + 3600]]], [5, [[2, 'r2']]],
                     [6, 10], [7, 4],
                     [10, [[1, [[1, 'Đi vòng'], [2, 'vi']]], [1, [[1, 'Detour'], [2, 'en']]]]]]])));
is(fetch(), 'ok', 'the job takes the message') or diag $gw->error_log;

my ($spoken, %leaves) = departures('lake-east');
ok($spoken && $spoken->{age} >= 0 && $spoken->{age} < 60, 'departures say how old it is');
is($leaves{'r2-0740'}{expected_at} =~ s/.*T//r, '00:42:00+00:00', 'two minutes late');
is($leaves{'r2-0740'}{scheduled_at} =~ s/.*T//r, '00:40:00+00:00', 'of its time');
ok($leaves{'r2-0830'}{cancelled}, 'a trip that does not run');
is($leaves{'r2-0830'}{expected_at}, undef, 'is not expected');
my $seen = sub {
    my ($minute, $n) = @_;
    my $r = $gw->get("/v1/bus/stops/lake-east/departures?page_size=$n&at=${today}T07:$minute:00%2B07:00");
    return join ' ', map { $_->{trip} } @{ $r->{json}{items} };
};
is($seen->(41, 2), 'r2-0740 r2-0830', 'a bus that is late is still to come after its time');
is($seen->(43, 1), 'r2-0830', '... until it has left');
(undef, %leaves) = departures('hub');
is($leaves{'n1-2350'}{expected_at} =~ s/.*T//r, '16:49:00+00:00',
   'a stop by its name; a minute early');
my $alerts = $gw->get('/v1/bus/alerts?route=r2')->{json}{items};
is_deeply($alerts->[0]{header}, { vi => 'Đi vòng', en => 'Detour' }, 'an alert of a route');
is("$alerts->[0]{cause} $alerts->[0]{effect}", 'construction detour', 'and why');
is_deeply($gw->get('/v1/bus/alerts?route=r1')->{json}{items}, [], 'of no other');


# What is not believed. Five failures within ten seconds would open the circuit.

for my $case (
    ['half a message', sub { substr protobuf(header(), entity('1', [3, [trip('r2-0740')]])), 0, -4 },
     'within|longer'],
    ['no message', sub { "\xff" x 64 }, 'cannot be read'],
    ['one without a time', sub { protobuf([1, [[1, '2.0']]]) }, 'no timestamp'],
    ['messages inside of messages', sub { my $m = ''; $m = protobuf([2, $m]) for 1 .. 40; $m },
     'no timestamp|deep'],
) {
    my ($what, $bytes, $why) = @$case;

    says($bytes->());
    is(fetch(), 'error', "$what: the job says so");
    (undef, %leaves) = departures('lake-east');
    ok($leaves{'r2-0830'}{cancelled}, "$what: the last message stands");
}

says(protobuf(header(time - 3600)));
is(fetch(), 'ok', 'one that is older than the last');
(undef, %leaves) = departures('lake-east');
ok($leaves{'r2-0830'}{cancelled}, 'changes nothing');

$db->sql("update plugin_bus.realtime set made_at = now() - interval '6 minutes'");
($spoken, %leaves) = departures('lake-east');
is($spoken, undef, 'a message of six minutes ago is none');
ok(!$leaves{'r2-0830'}{cancelled}, 'and the timetable stands');


# A trip of frequencies.txt leaves every ten minutes: what is said is said of one

# Departures from six on, when they are scheduled and when expected: "0600", "0610 0613",
# "0620 cancelled".
sub of_six {
    my ($updates) = @_;
    my $n = 0;

    says(protobuf(header(), map { entity('f' . $n++, [3, $_]) } @$updates));
    is(fetch(), 'ok', 'the job takes what is said of departures') or diag $gw->error_log;

    my $r = $gw->get("/v1/bus/stops/lake/departures?page_size=6&at=${today}T06:00:00%2B07:00");
    return join ', ', map {
        join ' ', clock($_->{scheduled_at}), $_->{cancelled} ? 'cancelled' : (),
                  $_->{expected_at} ? clock($_->{expected_at}) : ()
    } @{ $r->{json}{items} };
}

# "0610" in Hà Nội.
sub clock {
    my ($h, $m) = $_[0] =~ /T(\d\d):(\d\d)/;
    return sprintf '%02d%02d', ($h + 7) % 24, $m;
}

my @late = ([2, [[1, 1], [3, [[1, 180]]]]]);
my $at = $db->sql("select extract(epoch from timestamp '$today 06:31'
                                            at time zone 'Asia/Ho_Chi_Minh')::bigint");
my $yesterday = strftime('%Y%m%d', gmtime(time - 17 * 3600));

is(of_six([[trip('f1', [2, '06:10:00']), @late],
           [trip('f1', [2, '06:20:00'], [4, 3])],
           [trip('f1', [2, '06:30:00']), [2, [[1, 1], [3, [[2, $at]]]]]],
           [[1, [[1, 'f1'], [2, '06:40:00'], [3, \$yesterday], [4, 3]]]]]),
   '0600, 0610 0613, 0620 cancelled, 0630 0631, 0640, 0650',
   'of the departure at its start_time, on its day');
is(of_six([[trip('f1', [2, '06:15:00']), @late], [trip('f1', [2, '06:15:00'], [4, 3])]]),
   '0600, 0610, 0620, 0630, 0640, 0650', 'of none at a start_time that is not there');
is(of_six([[trip('f1'), @late], [trip('f1', [4, 3])], [trip('f1', [2, 'six'], [4, 3])]]),
   '0600, 0610, 0620, 0630, 0640, 0650', 'of none where the start_time is missing');

# A start_date need not be said: then it is the trip that runs about now.
says(protobuf(header(), entity('1', [3, [[1, [[1, 'late']]], [2, [[1, 1], [3, [[1, 120]]]]]]])));
is(fetch(), 'ok', 'the job takes what is said without a day');
my @late_ones = grep { $_->{trip} eq 'late' } @{ $gw->get('/v1/bus/stops/school/departures?page_size=50')->{json}{items} };
# In the evening the page reaches as far as the day after tomorrow's.
is_deeply([map { [$_->{day}, !!$_->{expected_at}] } @late_ones[0, 1]],
          [[strftime('%Y-%m-%d', gmtime(time - 17 * 3600)), 1], [$today, '']],
          "yesterday's bus is late, and not today's, which leaves tomorrow");

# What is said of one call goes on behind it, over those that are skipped, until something
# else is said: when a trip of five calls is expected to leave the first four: "1201 - skipped".
sub through {
    my (@updates) = @_;
    says(protobuf(header(), entity('1', [3, [trip('through'), map { [2, $_] } @updates]])));
    is(fetch(), 'ok', 'the job takes what is said of a trip') or diag $gw->error_log;

    return join ' ', map {
        my (undef, %at) = departures($_);
        my $d = $at{through};
        $d->{cancelled} ? 'skipped' : $d->{expected_at} ? clock($d->{expected_at}) : '-';
    } qw(hub school park market);
}

is(through([[1, 0], [3, [[1, 300]]]], [[1, 2], [5, 1]]), '1205 1215 skipped 1235',
   'a bus that leaves out a stop is as late behind it as before');
is(through([[1, 1], [5, 1]]), '- skipped - -',
   'nothing is expected of a bus that only leaves out a stop');
is(through([[1, 0], [3, [[1, 300]]]], [[1, 2], [5, 2]]), '1205 1215 - -',
   'nothing is expected from where there are no data');
is(through([[1, 0], [3, [[1, 300]]]], [[1, 2], [5, 2]], [[1, 3], [3, [[1, 60]]]]),
   '1205 1215 - 1231', '... until there are some again');

says(protobuf(header(), entity('1', [3, [trip('through'), [2, [[1, 0], [3, [[1, 60]]]]],
                                         [5, 600]]])));
is(fetch(), 'ok', 'the job takes a delay of a trip and one of its first call');
(undef, %leaves) = departures('hub');
is(clock($leaves{through}{expected_at}), '1201', 'that of the call counts');

# ... and one that says no delay of its own leaves the trip's as it is.
says(protobuf(header(), entity('1', [3, [trip('through'), [2, [[1, 0], [5, 1]]], [5, 600]]])));
is(fetch(), 'ok', 'the job takes a delay of a trip whose first call is left out');
(undef, %leaves) = departures('hub');
ok($leaves{through}{cancelled}, 'the bus does not stop there');
(undef, %leaves) = departures('school');
is(clock($leaves{through}{expected_at}), '1220', '... and is late behind it');

# A bus that stands at a stop for ten minutes comes there five minutes late.
my $comes = $db->sql("select extract(epoch from timestamp '$today 13:15'
                                               at time zone 'Asia/Ho_Chi_Minh')::bigint");
says(protobuf(header(), entity('1', [3, [trip('stands'), [2, [[1, 2], [2, [[2, $comes]]]]]]])));
is(fetch(), 'ok', 'the job takes the time of an arrival');
(undef, %leaves) = departures('park');
is(clock($leaves{stands}{expected_at}), '1325', '... which is late by the time of arrival');

# An alert of several times stands as long as one of them is to come.
sub alert_of {
    my ($id, @times) = @_;
    return entity($id, [5, [(map { [1, [[1, time + $_->[0]], [2, time + $_->[1]]]] } @times),
                            [5, [[2, 'r1']]]]]);
}
says(protobuf(header(), alert_of('nights', [-7200, -3600], [-60, 3600], [86400, 90000]),
                        alert_of('over', [-7200, -3600], [-3000, -60]),
                        alert_of('tomorrow', [86400, 90000])));
is(fetch(), 'ok', 'the job takes alerts');
sub alerts_of { return @{ $gw->get("/v1/bus/alerts?route=$_[0]")->{json}{items} } }
is_deeply([map { [$_->{id}, !!$_->{ends_at}] } alerts_of('r1')], [['enights', 1]],
          'one that holds for the second time is shown, what is over or to come is not');

# A time that is left open as some do: 0, and the largest number that there is.
says(protobuf(header(), entity('1', [5, [[1, [[1, 0], [2, -1]]], [5, [[2, 'r1']]]]])));
is(fetch(), 'ok', 'the job takes an alert without an end');
is_deeply([map { [@{$_}{qw(id starts_at ends_at)}] } alerts_of('r1')], [['e1', undef, undef]],
          '... which stands');

# All buses of a rush hour, as much as is fetched: 1 MiB.

for my $call (sub { [1, $_], [4, "stop$_"], [3, [[1, 120]]] },
              sub { [1, $_], [2, [[1, 100], [2, time]]], [3, [[1, 100], [2, time + 20]]] }) {
    my $all = 0;
    my @entities;

    while ($all < 1_000_000) {
        my $e = entity('all' . @entities, [3, [trip('line-' . @entities), map { [2, [$call->()]] } 1 .. 30]]);
        $all += length protobuf($e);
        push @entities, $e;
    }

    says(protobuf(header(), @entities));
    is(fetch(), 'ok', @entities . ' trips with their calls are taken') or diag $gw->error_log;
}

done_testing;
