# ihanoi.cache: one computes and the others wait, in all workers; what becomes of
# them when the one fails, or is killed.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Time::HiRes qw(sleep time);
use POSIX ();

my %lua = (
    slow    => 'local value, err = ihanoi.cache.get("slow", 60, function(key)
                    ihanoi.store.increment("computed", 1, { first = 0 })
                    ihanoi.run.sleep(1)
                    return { key = key, list = { 1, 2 } }
                end)
                return 200, { value = value, err = err,
                              n = ihanoi.store.get("computed") }',
    short   => 'local value = ihanoi.cache.get("short", 0.3, function()
                    return ihanoi.store.increment("short", 1, { first = 0 })
                end)
                return 200, { value = value }',
    no      => 'return 200, { value = ihanoi.cache.get("no", 60,
                    function() return false end) }',
    fails   => 'local value, err = ihanoi.cache.get("fails", 60, function()
                    local n = ihanoi.store.increment("fails", 1, { first = 0 })
                    ihanoi.run.sleep(1)
                    return nil, { code = "away", n = n }
                end)
                return 200, { none = value == nil, err = err }',
    nothing => 'local value, err = ihanoi.cache.get("nothing", 60, function()
                    ihanoi.store.increment("nothing", 1, { first = 0 })
                    ihanoi.run.sleep(1)
                end)
                return 200, { none = value == nil, err = err,
                              n = ihanoi.store.get("nothing") }',
    keeps   => 'local value, err = ihanoi.cache.get("keeps", 60, function()
                    local n = ihanoi.store.increment("keeps", 1, { first = 0 })
                    return nil, "away " .. n
                end, { errors = 60 })
                return 200, { none = value == nil, err = err }',
    silent  => 'local value, err = ihanoi.cache.get("silent", 60, function()
                    ihanoi.store.increment("silent", 1, { first = 0 })
                end, { errors = 60 })
                return 200, { none = value == nil, err = err,
                              n = ihanoi.store.get("silent") }',
    raises  => 'ihanoi.cache.get("raises", 60, function()
                    ihanoi.store.increment("raises", 1, { first = 0 })
                    error("wrong") end)',
    again   => 'return 200, { ihanoi.cache.get("raises", 60,
                    function() return "right" end) }',
    killed  => 'local value = ihanoi.cache.get("killed", 60, function()
                    local n = ihanoi.store.increment("kills", 1, { first = 0 })
                    ihanoi.run.sleep(0.2)
                    if n == 1 then while true do end end
                    return n
                end)
                return 200, { value = value }',
    late    => 'local value = ihanoi.cache.get("late", 60, function()
                    local n = ihanoi.store.increment("lates", 1, { first = 0 })
                    if n == 1 then ihanoi.run.sleep(60) end
                    return n
                end)
                return 200, { value = value }',
    itself  => 'local cache = ihanoi.cache
                return 200, { select(2, pcall(cache.get, "itself", 60,
                    function() return cache.get("itself", 60, function() end)
                    end)), (cache.get("itself", 60, function() return 1 end)) }',
    tasks   => 'local n = 0
                local function get()
                    return ihanoi.cache.get("tasks", 60, function()
                        n = n + 1 ihanoi.run.sleep(0.1) return n end)
                end
                local a, b = ihanoi.run.spawn(get), ihanoi.run.spawn(get)
                return 200, { ihanoi.run.wait(a), ihanoi.run.wait(b), n }',
    strange => 'local co = coroutine.create(function()
                    return ihanoi.cache.get("strange", 60, function()
                        coroutine.yield() return 1 end)
                end)
                local run = ihanoi.run
                run.wait(run.spawn(function() coroutine.resume(co) end))
                local other = run.spawn(function()
                    return ihanoi.cache.get("strange", 60, function()
                        run.sleep(0.1) return 2 end)
                end)
                run.sleep(0)
                local ok, value = coroutine.resume(co)
                return 200, { ok, value, run.wait(other) }',
    huge    => 'local value, err = ihanoi.cache.get("huge", 60,
                    function() return ("x"):rep(100000) end)
                return 200, { len = #value, err = err }',
    wild    => 'local value, err = ihanoi.cache.get("wild", 60,
                    function() return { f = function() end } end)
                return 200, { type(value), err }',
    delete  => 'ihanoi.cache.delete("slow") return 200, {}',
    apart   => 'ihanoi.store.set("slow", "store")
                ihanoi.lock.acquire("tidy", 30)
                return 200, { ihanoi.cache.get("tidy", 60,
                    function() return "cache" end) }',
    wrong   => 'local said, get = {}, ihanoi.cache.get
                for _, f in ipairs({
                    function() get("", 1, print) end,
                    function() get(("x"):rep(249), 1, error) end,
                    function() get("a", 0, error) end,
                    function() get("a", 0/0, error) end,
                    function() get("a", 1) end,
                    function() get("a", 1, error, { error = 1 }) end,
                    function() get("a", 1, error, { errors = 0 }) end,
                    function() get(setmetatable({}, {}), 1, error) end,
                    function() ("a"):gsub("a", function()
                        get("a", 1, error) end) end,
                }) do said[#said + 1] = not pcall(f) end
                said[#said + 1] = select(2, pcall(function() get("", 1, error) end))
                return 200, said',
);

sub folder {
    my ($name, @store) = @_;
    return plugin_folder(name => $name, lua => \%lua, manifest => {
        permissions => { public => JSON::PP::true },
        limits => { cpu => '50ms', timeout => '3s', @store } });
}

my $gw = gateway(responses => 0, workers => 2,
    http => folder('probe', store => '512k')->block('public;', 'store 1m;')
            . folder('none')->block('public;'),
    locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }');

sub answer {
    my ($name, $plugin) = @_;
    return $gw->get('/v1/' . ($plugin // 'probe') . "/$name",
                    headers => { Connection => 'close' });
}

# So many at once, of the texts of their answers.
sub at_once {
    my ($n, $name) = @_;
    my @fds = map {
        pipe my $out, my $in or die;
        if (fork() == 0) {
            my $r = answer($name);
            print $in "$r->{status} $r->{content}";
            close $in;
            POSIX::_exit(0);
        }
        close $in;
        $out;
    } 1 .. $n;
    my @said = map { join '', readline $_ } @fds;
    wait for @fds;
    return @said;
}

my $start = time;
my @said = at_once(12, 'slow');
is(scalar(grep { /^200 .*"key":"slow"/ } @said), 12, 'twelve have the value');
is(answer('slow')->{json}{n}, 1, 'that one of them, in one worker, computed');
cmp_ok(time - $start, '<', 3, 'while the others waited');
is_deeply(answer('slow')->{json}{value}, { key => 'slow', list => [1, 2] },
          'it is kept');
answer('delete');
is(answer('slow')->{json}{n}, 2, 'until it is deleted');

is(answer('short')->{json}{value}, 1, 'a value');
is(answer('short')->{json}{value}, 1, 'is kept');
sleep 0.4;
is(answer('short')->{json}{value}, 2, 'for its time');
is(answer('no')->{json}{value}, JSON::PP::false, 'false is a value') for 1, 2;

my %n;
$n{$_}++ for map { /"n":(\d)/ } at_once(8, 'fails');
my $failures = keys %n;
cmp_ok($failures, '<=', 2, 'in a worker, all who waited have its error');
is(answer('fails')->{json}{err}{n}, $failures + 1, 'which is not kept');
@said = at_once(8, 'nothing');
is(scalar(grep { /"none":true/ } @said), 8, 'neither is nothing');
cmp_ok(answer('nothing')->{json}{n}, '<=', 3, 'which all who waited have too');
is(answer('keeps')->{json}{err}, 'away 1', 'unless asked') for 1 .. 4;
is_deeply(answer('silent')->{json}, { none => JSON::PP::true, n => 1 },
          'which keeps nothing, too, without an error') for 1 .. 4;

is(answer('raises')->{status}, 500, 'an error goes on');
like($gw->error_log, qr/handler\.lua:\d+: wrong/, 'with its line');
is(answer('again')->{json}[0], 'right', 'and the key is free');

@said = at_once(6, 'killed');
is(scalar(grep { /^503/ } @said), 1, 'one that computes is killed');
is(scalar(grep { /^200 .*"value":2\}/ } @said), 5, 'another one computes');

# Who waits may be late as well, and five failures open the circuit.
@said = at_once(2, 'late');
cmp_ok(scalar(grep { /^504/ } @said), '>=', 1, 'one that is late is dropped');
is(answer('late')->{json}{value}, 2, 'and another one computes');

my $r = answer('itself')->{json};
like($r->[0], qr/the cache's "itself" asks for itself/, 'a key in itself');
is($r->[1], 1, 'and is free again');
is_deeply(answer('tasks')->{json}, [1, 1, 1], 'tasks of a run are others');
is_deeply(answer('strange')->{json}, [JSON::PP::true, 1, 2],
          'one that goes on in another task ends nobody\'s but its own');
is_deeply(answer('huge')->{json}, { len => 100000, err => 'value too long' },
          'what cannot be kept is returned');
is(answer('wild')->{json}[0], 'table', 'with the reason');
is(answer('apart')->{json}[0], 'cache', 'keys and locks of others are apart');
my ($said, @raised) = reverse @{ answer('wrong')->{json} };
is_deeply(\@raised, [(JSON::PP::true) x 9], 'wrong use raises');
like($said, qr/bad argument #1 to 'get' \(a key has 1 to 248 bytes\)/, 'and says of what');
is(answer('slow', 'none')->{status}, 500, 'a plugin without a store');
like($gw->error_log, qr/handler\.lua:\d+: the plugin's manifest asks for no store/, 'is told so');

done_testing;
