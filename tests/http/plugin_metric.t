# ihanoi.metric through plugins: what the manifest declares is in /metrics, with
# the values it declares and no others, and all workers count together.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;

my @metrics = (
    { name => 'booked_total', type => 'counter', help => 'Bookings "made"\\.',
      labels => [ { name => 'kind', values => ['car', 'bike'] },
                  { name => 'day', values => ['1', '2'] } ] },
    { name => 'free', type => 'gauge', help => 'Places that are free.' },
    { name => 'search_seconds', type => 'histogram', help => 'Searches.' },
    { name => 'plain_total', type => 'counter', help => 'Plain.' },
);

my %lua = (
    add     => 'ihanoi.metric.add("booked_total", 2, { kind = "car", day = 1 })
                ihanoi.metric.add("plain_total")
                return 200, {}',
    forged  => 'ihanoi.metric.add("booked_total", 1,
                    { kind = "x\"} 1\nevil 7", day = "2" })
                return 200, {}',
    many    => 'for i = 1, 1000 do
                    ihanoi.metric.add("booked_total", 1,
                        { kind = "k" .. i, day = i })
                end
                return 200, {}',
    set     => 'ihanoi.metric.set("free", -2.5) return 200, {}',
    observe => 'ihanoi.metric.observe("search_seconds", 0.03) return 200, {}',
    wrong   => 'local m, said = ihanoi.metric, {}
                for _, f in ipairs({
                    function() m.add("none_total") end,
                    function() m.add("free") end,
                    function() m.set("plain_total", 1) end,
                    function() m.add("plain_total", -1) end,
                    function() m.add("plain_total", 0.5) end,
                    function() m.add("plain_total", 0/0) end,
                    function() m.set("free", 0/0) end,
                    function() m.set("free", math.huge) end,
                    function() m.observe("search_seconds", -1) end,
                    function() m.observe("search_seconds", 1e300) end,
                    function() m.add("booked_total", 1) end,
                    function() m.add("booked_total", 1, { kind = "car" }) end,
                    function() m.add("booked_total", 1,
                        { kind = "car", day = 1, more = 2 }) end,
                    function() m.add("booked_total", 1,
                        { kind = "car", days = 1 }) end,
                    function() m.add("booked_total", 1,
                        { kind = {}, day = 1 }) end,
                    function() m.add("booked_total", 1, setmetatable({},
                        { __index = function() return "car" end })) end,
                }) do
                    local ok, err = pcall(f)
                    said[#said + 1] = ok and "no error"
                                      or err:gsub("^[^:]+:%d+: ", "")
                end
                return 200, said',
);

sub folder {
    my (%arg) = @_;
    return plugin_folder(name => 'probe', lua => \%lua, %arg, manifest => {
        permissions => { public => JSON::PP::true }, metrics => \@metrics,
        %{ $arg{manifest} // {} } });
}

my $plugin = folder();
my $other = plugin_folder(name => 'other',
    lua => { add => 'ihanoi.metric.add("plain_total", 7) return 200, {}' },
    manifest => { permissions => { public => JSON::PP::true }, metrics => [
        { name => 'plain_total', type => 'counter', help => 'Other.' } ] });

my $locations = 'location / { auth_jwt iHaNoi; ihanoi_api on; }
                 location = /metrics { ihanoi_status metrics; }';

my $gw = gateway(responses => 0, workers => 2, locations => $locations,
    expect_log => qr/none\.sock/,
    http => $plugin->block('public;') . $other->block('public;'));

sub answer {
    my ($name, $of) = @_;
    my $r = $gw->get('/v1/' . ($of // 'probe') . "/$name",
                     headers => { Connection => 'close' });
    is($r->{status}, 200, $name) or diag $r->{content}, $gw->error_log;
    return $r;
}

sub series {
    my ($series) = @_;
    my $text = $gw->get('/metrics')->{content};
    return $text =~ /^\Q$series\E (\S+)$/m ? $1 : undef;
}

my $text = $gw->get('/metrics')->{content};
like($text, qr/^\# HELP plugin_probe_booked_total Bookings "made"\\\\\.$/m,
     'the help of the manifest');
like($text, qr/^\# TYPE plugin_probe_booked_total counter$/m, 'its type');
is(series('plugin_probe_booked_total{plugin="probe",kind="bike",day="2"}'), 0,
   'all series are there from the start');
is(() = $text =~ /^plugin_probe_booked_total\{/mg, 9,
   'each value and "other" of each label');
is(series('plugin_probe_free{plugin="probe"}'), undef,
   'a gauge that nobody has set is not shown');
like($text, qr/^\# TYPE plugin_probe_free gauge$/m, 'but its type is');

answer('add') for 1 .. 8;
is(series('plugin_probe_booked_total{plugin="probe",kind="car",day="1"}'), 16,
   'a counter, of both workers');
is(series('plugin_probe_plain_total{plugin="probe"}'), 8, 'one without labels');

answer('add', 'other');
is(series('plugin_other_plain_total{plugin="other"}'), 7,
   'another plugin has its own');
is(series('plugin_probe_plain_total{plugin="probe"}'), 8, 'and only that');

answer('forged');
is(series('plugin_probe_booked_total{plugin="probe",kind="other",day="2"}'), 1,
   'a value that was not declared is "other"');
unlike($gw->get('/metrics')->{content}, qr/evil/, 'and not written');

answer('many');
is(() = $gw->get('/metrics')->{content} =~ /^plugin_probe_booked_total\{/mg, 9,
   'a thousand values make no series');

answer('set') for 1 .. 8;
is(series('plugin_probe_free{plugin="probe"}'), '-2.5',
   'a gauge is what was set last, not a sum over workers');

answer('observe');
is(series('plugin_probe_search_seconds_bucket{plugin="probe",le="0.025"}'), 0,
   'a histogram');
is(series('plugin_probe_search_seconds_bucket{plugin="probe",le="0.05"}'), 1,
   'in seconds');
is(series('plugin_probe_search_seconds_sum{plugin="probe"}'), '0.030000',
   'and their sum');

is_deeply(answer('wrong')->{json}, [
    'the manifest has no metric "none_total"',
    'the metric "free" is a gauge',
    'the metric "plain_total" is a counter',
    (q{bad argument #2 to 'add' (must be a whole number of 0 to 2^53)}) x 3,
    (q{bad argument #2 to 'set' (must be a number between -2^53 and 2^53)}) x 2,
    (q{bad argument #2 to 'observe' (must be from 0 to 1000000 seconds)}) x 2,
    'the metric "booked_total" needs a value for its label "kind"',
    'the metric "booked_total" needs a value for its label "day"',
    'the metric "booked_total" has 2 labels, and there are values for more',
    'the metric "booked_total" needs a value for its label "day"',
    'the metric "booked_total" needs a value for its label "kind"',
    'the metric "booked_total" needs a value for its label "kind"',
], 'what was not declared raises');

ok($gw->reload, 'a reload');
is(series('plugin_probe_free{plugin="probe"}'), '-2.5', 'keeps a gauge');
is(series('plugin_probe_plain_total{plugin="probe"}'), 8, 'and a counter');

# Sockets come after the zone: the old configuration runs on, and with it the gauge.
my %runs = map { $_ => $gw->{$_} } qw(http servers);
ok(!$gw->reload(http => $other->block('public;'),
                servers => 'server { listen unix:%%DIR%%/none/none.sock; }'),
   'a reload without the plugin that is refused');
is(series('plugin_probe_free{plugin="probe"}'), '-2.5', 'hides no gauge');
ok($gw->reload(%runs), 'the one before again');
is(series('plugin_probe_free{plugin="probe"}'), '-2.5', 'shows it');

$plugin = folder(manifest => { version => '1.1.0',
    metrics => [grep { $_->{name} ne 'free' } @metrics] });
ok($gw->reload(http => $plugin->block('public;')), 'a version without a gauge');
is(series('plugin_probe_free{plugin="probe"}'), undef, 'does not show it');
is(series('plugin_probe_plain_total{plugin="probe"}'), 8,
   'what both have goes on');

done_testing;
