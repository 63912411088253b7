# The transit agency misbehaves: the last good message stands and grows older, and the
# next good one takes its place.

use lib 'tests/lib', 'plugins/bus/tests/lib';
use utf8;
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Bus::Test;
use Bus::Transit;
use POSIX qw(strftime);

eval { require Text::CSV_XS; 1 } or plan skip_all => 'Text::CSV_XS is not installed';

wait_for_day(120);
my $transit = Bus::Transit->new;
my ($gw, $db) = buses(transit => $transit, settings => { realtime => '/now.pb' });

# Today in Hà Nội, which has no summer time.
my $today = strftime('%Y-%m-%d', gmtime(time + 7 * 3600));

# A message of a time, by which the bus of 7:40 is late by so many minutes.
sub message {
    my ($made, $late) = @_;
    return protobuf([1, [[1, '2.0'], [3, $made]]],
        [2, [[1, 'e1'], [3, [[1, [[1, 'r2-0740'], [3, \($today =~ tr/-//dr)]]],
                             [2, [[1, 1], [3, [[1, $late * 60]]]]]]]]]);
}

# How old what is believed is, and when it says that the bus leaves. The fifth failure
# within ten seconds opens the circuit, for a second.
sub believed {
    my $r;

    wait_until(sub {
        $r = $gw->get("/v1/bus/stops/lake-east/departures?at=${today}T07:40:00%2B07:00");
        return $r->{status} == 200;
    });
    return ($r->{json}{realtime}{age}, $r->{json}{items}[0]{expected_at} =~ s/.*T//r);
}

sub fetch { return plugin_job($db, 'bus', 'realtime') }


# A minute ago it was two minutes late.
my $made = time - 60;
$transit->says(message($made, 2));
is(fetch(), 'ok', 'the agency says something') or diag $gw->error_log;
is((believed())[1], '00:42:00+00:00', '... which is believed');

# What it would say now is not heard.
$transit->says(message(time, 3));

for my $case (['slow', 'it says nothing in time', 'timeout'],
              ['500', 'it answers 500', 'status 500'],
              ['drop', 'it closes the connection', 'bad gateway'],
              ['half', 'its answer is cut short', 'aborted'],
              ['page', 'it answers with a page for people', 'cannot be read'])
{
    my ($mode, $what, $why) = @$case;

    $transit->misbehave($mode);
    like(fetch(), qr/^error: .*$why/, "$what: the job says so");

    my $now = time;
    my ($age, $expected) = believed();
    is($expected, '00:42:00+00:00', "$what: the last message stands");
    cmp_ok($age, '>=', $now - $made, '... and is as old as it is');
}

is(fetch(), 'ok', 'it answers again');
my ($age, $expected) = believed();
is($expected, '00:43:00+00:00', '... which is believed');
cmp_ok($age, '<', 60, '... and is new');
is(fetch(), 'ok', 'it says the same once more');
is((believed())[1], '00:43:00+00:00', '... which is believed as before');

done_testing;
