# Plugins that call plugins: what both manifests and the operator agree on, by
# value, with the caller's identity, and each with its own limits.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Time::HiRes qw(sleep);

my $true = JSON::PP::true;

# tariff offers; parking uses it; echo calls back and forth.
my $tariff = 'local M = {}
function M.price(argument)
    return { dong = argument.hours * 5000, by = ihanoi.interface.caller(),
             plugin = ihanoi.plugin.name() }
end
function M.same(argument) return argument end
function M.nothing() end
function M.refuses() return nil, "closed" end
function M.away() return nil, { code = "busy", message = "all connections are busy" } end
function M.tables() return nil, {} end
function M.wrong() return { dong = "much" } end
function M.raises() local x = nil return x.y end
function M.silly() return function() end end
function M.loops() while true do end end
function M.eats() local t = {} while true do t[#t + 1] = ("x"):rep(1e4) .. #t end end
function M.sleeps() ihanoi.run.sleep(60) end
function M.naps() ihanoi.run.sleep(0.5) return "rested" end
function M.huge() return ("x"):rep(300000) end
function M.who()
    local caller = ihanoi.request.caller()
    return { sub = caller and caller.sub, id = #ihanoi.request.id(),
             body = pcall(ihanoi.request.body),
             key = pcall(ihanoi.request.idempotency_key),
             problem = pcall(ihanoi.response.problem, "x") }
end
function M.wait(argument)
    local spawn = ihanoi.run.spawn(function() ihanoi.run.sleep(0.01) return 1 end)
    return ihanoi.run.wait(spawn)
end
function M.hello() return 200, { early = early,
    mine = pcall(ihanoi.interface.caller) } end
early = select(2, pcall(ihanoi.interface.call, "a", "b", "c"))
return M
';

sub tariff {
    my ($name, %offer) = @_;
    return plugin_folder(name => $name, lua => { hello => '' },
        handler => $tariff, manifest => {
            permissions => { public => $true },
            limits => { cpu => '50ms', timeout => '1s', memory => '4m',
                        concurrency => 2 },
            interfaces => { offers => [ { name => 'tariff', version => 2,
                functions => [qw(price same nothing refuses away tables wrong
                                 raises silly loops eats sleeps naps huge who wait)],
                schemas => {
                    price => { argument => { type => 'object',
                        required => ['hours'], additionalProperties => JSON::PP::false,
                        properties => { hours => { type => 'integer' } } } },
                    wrong => { result => { type => 'object', properties => {
                        dong => { type => 'integer' } } } } }, %offer } ] } });
}

my %lua = (
    price   => 'return 200, { ihanoi.interface.call("tariff", "tariff", "price",
                    { hours = 2 }) }',
    same    => 'local t = { 1, { a = "b" } }
                local u = ihanoi.interface.call("tariff", "tariff", "same", t)
                u[2].a = "c"
                return 200, { t = t, u = u,
                    none = ihanoi.interface.call("tariff", "tariff", "same") == nil,
                    no = ihanoi.interface.call("tariff", "tariff", "same", false) }',
    bad     => 'return 200, { select(2, pcall(ihanoi.interface.call, "tariff",
                    "tariff", "price", { hours = "two" })),
                    select(2, pcall(ihanoi.interface.call, "tariff", "tariff",
                        "none")),
                    select(2, pcall(ihanoi.interface.call, "tariff", "other",
                        "price")),
                    select(2, pcall(ihanoi.interface.call, "tariff", "tariff",
                        "same", print or error)) }',
    large   => 'local value, err = ihanoi.interface.call("tariff", "tariff",
                    "same", ("x"):rep(300000)) return 200, { err }',
    who     => 'return 200, (ihanoi.interface.call("tariff", "tariff", "who"))',
    task    => 'return 200, { (ihanoi.interface.call("tariff", "tariff", "wait")) }',
    crowd   => 'local run, tasks, said = ihanoi.run, {}, {}
                for i = 1, 4 do tasks[i] = run.spawn(ihanoi.interface.call,
                    "tariff", "tariff", "naps") end
                for i = 1, 4 do local v, err = run.wait(tasks[i])
                    said[i] = v or err end
                return 200, said',
    map { ($_ => "local value, err = ihanoi.interface.call('tariff', 'tariff',
                      '$_') return 200, { value = value == nil, err = err }")
        } qw(nothing refuses away tables wrong raises silly loops eats sleeps huge),
);

sub parking {
    my (%use) = @_;
    my $plugin = plugin_folder(name => 'parking', lua => \%lua,
        operations => { who => { security => [{}, { bearer => [] }] } },
        manifest => { permissions => { public => $true },
            limits => { cpu => '50ms', timeout => '3s' },
            interfaces => { uses => [ { plugin => 'tariff', name => 'tariff',
                                        version => 2, %use } ] } });
    return $plugin;
}

# left.go calls right.go calls left.go ...
sub echo {
    my ($name, $other) = @_;
    return plugin_folder(name => $name, lua => { start => '' },
        handler => 'local M = {}
function M.go(n)
    local value, err = ihanoi.interface.call("' . $other . '", "echo", "go", n + 1)
    return { n = n, deeper = value, err = err }
end
function M.start() return 200, M.go(0) end
return M
', manifest => { permissions => { public => $true }, interfaces => {
        offers => [{ name => 'echo', version => 1, functions => ['go'] }],
        uses => [{ plugin => $other, name => 'echo', version => 1 }] } });
}

my @echoes = map { echo(@$_)->block('public;', "interface $_->[1].echo;") }
                 ['left', 'right'], ['right', 'left'];

my $blocks = join '', parking()->block('public;', 'interface tariff.tariff;'),
                      tariff('tariff')->block('public;'), @echoes;

# A new one has closed circuits.
sub begin {
    return gateway(responses => 0, http => $blocks,
        locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }
                      location = /metrics { ihanoi_status metrics; }');
}

my $gw = begin();

sub answer { $gw->get("/v1/parking/$_[0]", @_[1 .. $#_]) }
sub said { my $r = answer(@_); $r->{json} // { wrong => $r->{content} } }

is_deeply(said('price'), [{ dong => 10000, by => 'parking', plugin => 'tariff' }],
          'a function of another plugin, which knows who calls');
is_deeply(said('same'), { t => [1, { a => 'b' }], u => [1, { a => 'c' }],
    none => $true, no => JSON::PP::false }, 'values are copies');
is_deeply(said('nothing'), { value => $true }, 'nothing is nil');
is_deeply(said('refuses'), { value => $true, err => 'closed' },
          'nil and a text are its own');
is_deeply(said('away'), { value => $true, err => 'busy' },
          'so is the code of an error of the database');
is_deeply(said('tables'), { value => $true, err => 'failed' }, 'any other value is a mistake');

my $bad = said('bad');
like($bad->[0], qr{argument is not what "tariff\.tariff" takes at "/hours"},
     'an argument is held against the schema');
like($bad->[1], qr/the interface "tariff\.tariff" has no function "none"/,
     'a function that is not offered');
like($bad->[2], qr/the manifest does not use the interface "tariff\.other"/,
     'an interface that is not used');
like($bad->[3], qr/the argument cannot be sent/, 'what is no JSON');
is_deeply(said('large'), ['too large'], 'an argument has a limit');

is_deeply(said('who', token => token(sub => 'an')), { sub => 'an', id => 32,
    body => JSON::PP::false, key => JSON::PP::false, problem => JSON::PP::false },
    'it sees the caller of the request, and nothing else of it');
is(said('who')->{sub}, undef, 'nobody is nobody');
is_deeply(said('task'), [1], 'it may have tasks');

my @crowd = sort @{ said('crowd') };
is_deeply(\@crowd, [qw(busy busy rested rested)], 'its concurrency holds');

my $r = $gw->get('/v1/left/start');
is_deeply($r->{json}, { n => 0, deeper => { n => 1, deeper => { n => 2,
    deeper => { n => 3, deeper => { n => 4, err => 'too deep' } } } } },
    'a circle ends at four') or diag $r->{content};

my $hello = $gw->get('/v1/tariff/hello')->{json};
like($hello->{early}, qr/cannot be called while the plugin is loaded/,
     'not while it is loaded');
is($hello->{mine}, JSON::PP::false, 'a request is no call of a plugin');

# What fails costs the other plugin its circuit, and the caller a code.
my %fails = (raises => 'failed', wrong => 'failed', silly => 'failed',
             huge => 'failed', loops => 'limit', eats => 'limit',
             sleeps => 'timeout');

my $log = '';

for my $name (sort keys %fails) {
    if ($name eq 'eats' || $name eq 'raises') {
        $log .= $gw->error_log;
        $gw = begin();
    }
    is(said($name)->{err}, $fails{$name}, "$name is $fails{$name}");
    is($gw->get('/v1/left/start')->{status}, 200, 'others go on');
}
$log .= $gw->error_log;
like($log, qr{plugin "tariff" [^:]*: tariff/handler\.lua:\d+: attempt to index},
     'the log has its line');
like($log, qr{the result is not what the interface says at "/dong"},
     'and what its result is not');

said('sleeps') for 1 .. 6;
is(said('refuses')->{err}, 'unavailable', 'its circuit opens');
is(answer('nothing')->{status}, 200, 'not that of the caller');
unlike($gw->get('/metrics')->{content},
       qr/^ihanoi_plugin_active\{[^}]*\} [^0]/m, 'no run is left');


sub refused {
    my ($what, $expected, @blocks) = @_;
    my $gw = gateway(start => 0, responses => 0, expect_log => qr/\[emerg\]/,
        http => join('', @blocks),
        locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }');
    my ($ok, $output) = $gw->check;

    ok(!$ok, "$what: refused");
    like($output, $expected, "$what: the reason");
    return;
}

refused('a use that is not granted', qr/plugin "parking" uses the interface "tariff\.tariff", the operator does not grant it: a line "interface tariff\.tariff;" is missing/,
        parking()->block('public;'), tariff('tariff')->block('public;'));
refused('a grant without a use', qr/plugin "tariff" is granted the interface "parking\.x", its manifest does not use it in \S+nginx\.conf:\d+$/m,
        tariff('tariff')->block('public;', 'interface parking.x;'));
refused('a plugin that is not there', qr/plugin "parking" uses the interface "tariff\.tariff", but there is no plugin "tariff"/,
        parking()->block('public;', 'interface tariff.tariff;'));
refused('another version', qr/plugin "parking" uses version 3 of the interface "tariff\.tariff", the plugin "tariff" offers version 2/,
        parking(version => 3)->block('public;', 'interface tariff.tariff;'),
        tariff('tariff')->block('public;'));
refused('an interface that is not offered', qr/plugin "parking" uses the interface "tariff\.rates", the plugin "tariff" does not offer it/,
        parking(name => 'rates')->block('public;', 'interface tariff.rates;'),
        tariff('tariff')->block('public;'));
refused('a function that is not there', qr/handler\.lua has no function "gone", which the interface "tariff" names/,
        tariff('tariff', functions => ['gone'], schemas => {})->block('public;'));
refused('a schema of no function', qr/"gone" is none of the interface's functions/,
        tariff('tariff', schemas => { gone => {} })->block('public;'));

done_testing;
