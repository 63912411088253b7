# What is held for a plugin outside its Lua counts as its memory: with 4 MB it has less of
# everything at a time than with 32 MB, and gets all of it back.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Backend;
use IHanoi::Test::Plugin;

my $backend = IHanoi::Test::Backend->new;
my $db = database();

my $role = "test_${$}_memory";
$db->own_roles($role);

$db->sql("create role $role login nosuperuser;
          create schema plugin_probe authorization $role");

# Each has the same text again and again, which Lua holds once, and tells how many of
# eight went well at the same time.
my $handler = <<'LUA';
local M = {}
local text = ("x"):rep(900000)

local function backend(options)
    local list, n, last = {}, 0
    for i = 1, 8 do list[i] = { "operator", options } end
    for _, answer in ipairs(ihanoi.backend.all(list)) do
        if answer.err then last = answer.err else n = n + 1 end
    end
    return 200, { n = n, err = last }
end

local function tasks(f, ...)
    local list, n, last = {}, 0
    for i = 1, 8 do list[i] = ihanoi.run.spawn(pcall, f, ...) end
    for i = 1, 8 do
        local ok, value, err = ihanoi.run.wait(list[i])
        if ok and value ~= nil then n = n + 1 else last = ok and err or value end
    end
    return 200, { n = n, err = last }
end

function M.answers() return backend({ path = "/big/900000" }) end

function M.bodies() return backend({ path = "/slow/0.4", method = "PUT", body = text }) end

function M.values()
    return tasks(ihanoi.db.query, "select pg_sleep(0.4), length($1::text)", { text })
end

function M.rows()
    local value, err = ihanoi.db.execute("select repeat('x', 3500000)")
    return 200, { n = value and 8 or 0, err = err and err.code }
end

function M.arguments()
    local keep, part = text .. text, text:sub(1, 250000)
    local status, said = tasks(ihanoi.interface.call, "other", "other", "nap", part)
    return keep and status, said
end

-- What is garbage fills the memory again and again, and what is sent has room all the same.
local function beside_garbage(times, send)
    local live, sent = {}, text:sub(1, 300000)
    for i = 1, 40 do live[i] = ("x"):rep(20000) .. i end
    for i = 1, times do
        live[0] = ("y"):rep(30000) .. i
        local ok, value, err = pcall(send, sent)
        if not ok or not value then return 200, { n = i, err = ok and err or value } end
    end
    return 200, { n = 8 }
end

function M.statements()
    return beside_garbage(150, function(sent)
        return ihanoi.db.value("select length($1::text)", { sent })
    end)
end

function M.requests()
    return beside_garbage(32, function(sent)
        return ihanoi.backend.request("operator", { path = "/slow/0", method = "PUT", body = sent })
    end)
end

function M.parts()
    local ok, done = pcall(ihanoi.response.write, text)
    ihanoi.run.sleep(0.4)
    if not ok then return 200, "none" end
end

function M.hello() return 200, {} end

return M
LUA

my @names = qw(answers bodies values rows arguments);
my $other = plugin_folder(name => 'other', lua => { hello => '' }, handler => <<'LUA',
local M = {}
function M.nap() ihanoi.run.sleep(0.4) return "rested" end
function M.hello() return 200, {} end
return M
LUA
    manifest => { limits => { memory => '32m', concurrency => 50 },
                  interfaces => { offers => [{ name => 'other', version => 1,
                                               functions => ['nap'] }] } });

sub begin {
    my ($memory) = @_;
    my $plugin = plugin_folder(handler => $handler,
        lua => { map { $_ => '' } @names, qw(statements requests parts hello) },
        operations => { parts => { 'x-ihanoi-stream' => JSON::PP::true, responses => { 200 => {
            description => 'Parts', content => { 'text/csv' => { schema => { type => 'string' } } } } } } },
        manifest => {
            limits => { memory => $memory, timeout => '5s', cpu => '1s' },
            permissions => { public => JSON::PP::true, database => JSON::PP::true,
                             backends => ['operator'] },
            interfaces => { uses => [{ plugin => 'other', name => 'other', version => 1 }] },
        });

    my $gw = gateway(db => $db, responses => 0,
        http => $plugin->block('public;', 'database probe;', 'backend operator /_operator;',
                               'interface other.other;', 'cpu 1s;')
              . $other->block('public;', 'concurrency 50;') . <<"CONF",
ihanoi_database probe {
    server unix:$db->{socket} port=$db->{port};
    dbname $db->{name};
    schema plugin_probe;
    user $role;
    read connections=8; write connections=8;
}
CONF
        locations => <<"CONF");
    location / { ihanoi_api on; }
    location = /metrics { ihanoi_status metrics; }
    location /_operator/ { internal; proxy_pass @{[$backend->url]}/; }
CONF
    wait_until(sub { $gw->get('/v1/probe/hello')->{status} == 200 });
    return $gw;
}

# Of four at the same time: whose part is written.
sub parts {
    my ($gw) = @_;
    my @asking = map { my $c = $gw->connection; $c->send($c->format('GET', '/v1/probe/parts')); $c } 1 .. 4;
    return scalar grep { length $_->response->{content} == 900_000 } @asking;
}

my $gw = begin('32m');
is(parts($gw), 4, 'parts: all fit in 32 MB');
is($gw->get("/v1/probe/$_")->{content}, '{"n":8}', "$_: all fit in 32 MB") for @names;
$gw->stop;

$gw = begin('4m');
my %said = (answers => 'too large', bodies => 'too large', values => 'not enough memory',
            rows => 'too-large', arguments => 'too large|not enough memory');
for my $name (@names) {
    my $r = $gw->get("/v1/probe/$name")->{json};
    ok($r->{n} < 8, "$name: not in 4 MB") or diag explain $r;
    like($r->{err}, qr/(?:$said{$name})$/, 'which is said');
    is_deeply($gw->get("/v1/probe/$name")->{json}, $r, 'as much of it the next time');
}

is(parts($gw), 3, 'parts: three fit in 4 MB') for 1, 2;
is($gw->get("/v1/probe/$_")->{content}, '{"n":8}', "$_: what is garbage takes no room from what is sent")
    for qw(statements requests);

done_testing();
