# A message of the agency as large as is taken is read in many turns, between which the
# plugin's other calls in that worker go on.

use lib 'tests/lib', 'plugins/bus/tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Bus::Test;

# A trip with its calls, and an alert, as often as 1 MiB holds them.
my $both = protobuf(
    [2, [[1, 'e1'], [3, [[1, [[1, 'line-1'], [3, \'20261124']]],
                         map { [2, [[1, $_], [4, "stop$_"], [3, [[1, 120], [2, 1764300020]]]]] } 1 .. 30]]]],
    [2, [[1, 'e2'], [5, [(map { [5, [[2, "r$_"]]] } 1 .. 2), [10, [[1, [[1, 'Detour'], [2, 'en']]]]]]]]]);
my $times = int 1_000_000 / length $both;

# Bytes as Lua has them in a text.
sub lua_text { return '"' . join('', map { sprintf '\\%03d', ord } split //, $_[0]) . '"' }

my $plugin = plugin_folder(
    manifest => { limits => { memory => '32m', cpu => '1s', timeout => '20s' } },
    files => {
        (map { ("lib/$_.lua" => text_of("plugins/bus/lib/$_.lua")) } qw(protobuf realtime)),
        'lib/message.lua' => 'return ' . lua_text(protobuf([1, [[1, '2.0'], [3, time]]]))
                           . '.. (' . lua_text($both) . "):rep($times)",
    },
    lua => { read => <<'LUA' });

    local message = require("lib.message")
    local others, over = 0, false

    ihanoi.run.spawn(function()
        while not over do
            others = others + 1
            ihanoi.run.sleep(0)
        end
    end)

    local text, err = require("lib.realtime").read(message)
    over = true

    local read = ihanoi.json.decode(text)
    return 200, { others = others, err = err, trips = #read.trips, alerts = #read.alerts,
                  trip = read.trips[#read.trips], alert = read.alerts[1] }
LUA

my $gw = gateway(http => $plugin->block('public;', 'cpu 1s;', 'memory 32m;', 'timeout 20s;'),
                 locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }');
my $read = $gw->get('/v1/probe/read')->{json} or diag $gw->error_log;

cmp_ok($read->{others}, '>', 100, 'others have their turns while it is read');
is($read->{trips}, $times, 'all of its trips are');
is($read->{alerts}, $times, '... and its alerts');
is_deeply([@{ $read->{trip} }{qw(trip day)}, scalar @{ $read->{trip}{calls} }], ['line-1', '20261124', 30],
          'the last one as well');
is_deeply($read->{trip}{calls}[29], { stop_sequence => 30, delay => 120 }, '... to its end');
is_deeply([$read->{alert}{header}, scalar @{ $read->{alert}{routes} }], [{ en => 'Detour' }, 2], '... and the first');

done_testing;
