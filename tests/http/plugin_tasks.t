# ihanoi.run.spawn() and wait(): tasks of one run that wait at the same time,
# spend its budget, and are gone when it ends, however that comes.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Time::HiRes qw(sleep time);

my %lua = (
    both    => 'local run, order = ihanoi.run, {}
                local function work(name, seconds)
                    order[#order + 1] = name
                    run.sleep(seconds)
                    order[#order + 1] = name
                    return name, seconds
                end
                local a = run.spawn(work, "a", 0.8)
                local b = run.spawn(work, "b", 0.6)
                order[#order + 1] = "main"
                local name, seconds = run.wait(a)
                return 200, { order = order, name = name, seconds = seconds,
                              b = run.wait(b) }',
    failed  => 'local task = ihanoi.run.spawn(function() local x = nil
                    return x.y end)
                local value, err = ihanoi.run.wait(task)
                local gone = ihanoi.run.spawn(error, { 1 })
                local _, odd = ihanoi.run.wait(gone)
                local none = ihanoi.run.spawn(function() end)
                return 200, { value = value == nil, err = err, odd = odd,
                              none = select("#", ihanoi.run.wait(none)) }',
    unseen  => 'ihanoi.run.spawn(function() error("nobody sees me") end)
                ihanoi.run.sleep(0.01)
                return 200, {}',
    patient => 'local run = ihanoi.run
                local task = run.spawn(function() run.sleep(0.2) return 7 end)
                local value, err = run.wait(task, 0.02)
                local zero, none = run.wait(task, 0)
                return 200, { err = err, none = none, value = run.wait(task, 5) }',
    twice   => 'local task = ihanoi.run.spawn(function() return 1 end)
                ihanoi.run.wait(task)
                ihanoi.run.wait(task)',
    keep    => 'kept = ihanoi.run.spawn(function() return 1 end)
                ihanoi.run.wait(kept)
                return 200, {}',
    forged  => 'return 200, { select(2, pcall(ihanoi.run.wait, kept)),
                    select(2, pcall(ihanoi.run.wait, {})),
                    select(2, pcall(ihanoi.run.wait, ihanoi.json.null)),
                    tostring(getmetatable(kept)) }',
    cycle   => 'local run = ihanoi.run
                local a, b
                a = run.spawn(function() return run.wait(b) end)
                b = run.spawn(function() return run.wait(a) end)
                run.sleep(0.02)
                return 200, { select(2, run.wait(a)) }',
    self    => 'local run = ihanoi.run
                local a
                a = run.spawn(function() return run.wait(a) end)
                run.sleep(0.02)
                return 200, { select(2, run.wait(a)) }',
    crowd   => 'local run = ihanoi.run
                local a = run.spawn(run.sleep, 0.1)
                local b = run.spawn(function() return run.wait(a) end)
                run.sleep(0)
                return 200, { select(2, pcall(run.wait, a)) }',
    eight   => 'local run, n, err = ihanoi.run, 0
                while true do
                    local task
                    task, err = run.spawn(run.sleep, 1)
                    if not task then break end
                    n = n + 1
                end
                return 200, { n = n, err = err }',
    all     => 'local run, n, err = ihanoi.run, 0
                while true do
                    local task
                    task, err = run.spawn(function() end)
                    if not task then break end
                    run.wait(task)
                    n = n + 1
                end
                return 200, { n = n, err = err }',
    bomb    => 'local spawn = ihanoi.run.spawn
                local function f() n = (n or 0) + 1
                    while spawn(f) do end
                    ihanoi.run.sleep(0.02)
                    while spawn(f) do end
                end
                f() ihanoi.run.sleep(0.3)
                local all = n n = nil
                return 200, { n = all }',
    alone   => 'local run, inside, seen = ihanoi.run, false, 0
                local function work()
                    if inside then seen = seen + 1 end
                    inside = true
                    local n = 0 for i = 1, 3e5 do n = n + 1 end
                    inside = false
                end
                for i = 1, 4 do run.spawn(work) end
                run.sleep(0.4)
                return 200, { seen = seen }',
    many    => 'local task = ihanoi.run.spawn(function()
                    local t = {} for i = 1, 300 do t[i] = i end
                    return unpack(t) end)
                return 200, { select(2, ihanoi.run.wait(task)) }',
    loop    => 'ihanoi.run.spawn(function() while true do end end)
                ihanoi.run.sleep(15) return 200, {}',
    share   => 'local function f() while true do
                    for i = 1, 1e6 do end ihanoi.run.sleep(0) end end
                for i = 1, 4 do ihanoi.run.spawn(f) end
                ihanoi.run.sleep(15) return 200, {}',
    memory  => 'ihanoi.run.spawn(function() local t = {}
                    while true do t[#t + 1] = ("x"):rep(1000) .. #t end end)
                ihanoi.run.sleep(15) return 200, {}',
    stuck   => 'ihanoi.run.wait(ihanoi.run.spawn(ihanoi.run.sleep, 60))',
    dropped => 'ihanoi.run.spawn(function() ihanoi.run.sleep(0.3)
                    after = (after or 0) + 1 end)
                return 200, { after = after or 0 }',
    tell    => 'return 200, { after = after or 0 }',
    leave   => 'co = coroutine.create(function()
                    ihanoi.run.sleep(60) stolen = true end)
                coroutine.resume(co)',
    steal   => 'local ok, err = coroutine.resume(co, "forged")
                return 200, { ok = ok, err = err, stolen = stolen,
                              status = coroutine.status(co) }',
    torn    => 'ihanoi.run.sleep(0.2) torn = true
                for i = 1, 1e10 do end torn = nil return 200, {}',
    whole   => 'return 200, { whole = not torn }',
    busy    => 'begun = (begun or 0) + 1
                ihanoi.log.info("busy " .. begun .. ".")
                for i = 1, 1e8 do end
                ihanoi.run.sleep(0.2) ended = (ended or 0) + 1 return 200, {}',
    tally   => 'return 200, { begun = begun or 0, ended = ended or 0 }',
    load    => 'return 200, { early = early }',
);

my $handler = join '', "local M = {}\n",
    "early = select(2, pcall(ihanoi.run.spawn, function() end))\n",
    (map { "function M.$_(input) $lua{$_} end\n" } sort keys %lua),
    "return M\n";

# Those that are killed have a circuit of their own.
sub folder {
    my ($name, $timeout, $cpu) = @_;
    $cpu //= '100ms';
    return plugin_folder(name => $name, lua => \%lua, handler => $handler,
        manifest => { permissions => { public => JSON::PP::true },
            limits => { cpu => $cpu, timeout => $timeout, memory => '8m' } })
        ->block('public;', "cpu $cpu;", 'timeout 20s;');
}

my $gw = gateway(responses => 0,
    http => join('', folder('probe', '1500ms'),
                 folder('late', '600ms', '600ms'), folder('left', '20s', '10s'),
                 map { folder($_, '20s') } qw(loop share memory)),
    locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }
                  location = /metrics { ihanoi_status metrics; }');

sub answer { $gw->get('/v1/' . ($_[1] // 'probe') . "/$_[0]") }
sub said { my $r = answer($_[0]); $r->{json} // { wrong => $r->{content} } }

my $start = time;
is_deeply(said('both'), { name => 'a', seconds => 0.8, b => 'b',
    order => [qw(main a b b a)] }, 'tasks wait at the same time');
cmp_ok(time - $start, '<', 1.35, 'which takes as long as the longest');

my $failed = said('failed');
ok($failed->{value}, 'an error in a task is nil');
like($failed->{err}, qr{handler\.lua:\d+: attempt to index local 'x'},
     'and its text with file and line');
is($failed->{odd}, 'an error that is not a string (a table value)', 'whatever it is');
is($failed->{none}, 0, 'no results are none');

answer('unseen');
like($gw->error_log, qr/a task that nobody waited for: .*handler\.lua:\d+: nobody sees me/,
     'an error that nobody waited for is in the log');

is_deeply(said('patient'), { err => 'timeout', none => 'timeout', value => 7 },
          'a wait has its own time, and the task goes on');

is(answer('twice')->{status}, 500, 'a task is waited for once');
like($gw->error_log, qr/the task was waited for already/, 'is said');
answer('keep');
my $forged = said('forged');
like($forged->[0], qr/the task is of another run/, 'a handle is of its run');
like($forged->[$_], qr/ihanoi\.Task expected/, 'and cannot be made') for 1, 2;
is($forged->[3], 'false', 'nor opened');

like(said('cycle')->[0], qr/tasks would wait for each other/,
     'a circle of waits is refused');
like(said('self')->[0], qr/tasks would wait for each other/, 'of one too');
like(said('crowd')->[0], qr/another task waits for this one already/,
     'one waits for a task');

is_deeply(said('eight'), { n => 8, err => 'too many tasks' }, '8 at once');
is_deeply(said('all'), { n => 32, err => 'too many tasks' }, '32 in a run');
is(said('bomb')->{n}, 33, 'a bomb is 32 tasks and the handler');
is(said('alone')->{seen}, 0, 'a task that computes is not interrupted');
is_deeply(said('many'), ['too many results'], 'results have a limit');
like(said('load')->{early}, qr/cannot be called while the plugin is loaded/,
     'there are no tasks while it is loaded');

is(answer('dropped')->{json}{after}, 0, 'a handler that returns');
sleep 0.5;
is(answer('tell')->{json}{after}, 0, 'ends its tasks');

is(answer('leave')->{status}, 504, 'a coroutine that waits for too long');
is(answer('stuck')->{status}, 504, 'the deadline ends a wait for a task');

# One that its call was dropped in: it would go on with a forged result.
is_deeply(answer('steal')->{json} // {}, {
    ok => JSON::PP::false, err => 'cannot resume dead coroutine',
    status => 'dead' }, 'a coroutine of a call that ended is dead');

my %killed = (loop => 'CPU budget used up', share => 'CPU budget used up',
              memory => 'memory limit reached|CPU budget used up');

for my $name (sort keys %killed) {
    is(answer($name, $name)->{status}, 503, "$name: a task dies with its run");
    like($gw->error_log, qr/plugin "$name" [^:]*: ($killed{$name})/,
         'of what is said');
    is(answer('tell', $name)->{status}, 200, 'the plugin goes on');
}

is(answer('torn', 'late')->{status}, 504, 'a run that is dropped while it computes');
is(answer('whole', 'late')->{json}{whole}, JSON::PP::true,
   'leaves nothing to those that follow');

# Whoever hangs up cannot make the gateway load the plugin anew.
for my $n (1 .. 5) {
    my $client = $gw->connection;
    $client->send($client->format('GET', '/v1/left/busy'));
    ok(wait_until(sub { $gw->error_log =~ /busy $n\./ }), "call $n computes, of one state")
        or last;
    undef $client;
    is(answer('tally', 'left')->{json}{begun}, $n, 'which outlives its client');
}
ok(wait_until(sub { 5 == (() = $gw->access_log =~ m{busy HTTP/1.1" 499}g) }),
   'they end without their clients');
is(answer('tally', 'left')->{json}{ended}, 0, 'when they wait');

unlike($gw->get('/metrics')->{content},
       qr/^ihanoi_plugin_active\{[^}]*\} [^0]/m, 'no run is left');

done_testing;
