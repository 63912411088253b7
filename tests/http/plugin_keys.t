# The Idempotency-Key of a plugin's handler: what it did is done once, however
# often it is asked for.

use lib "tests/lib";
use IHanoi::Test;
use IHanoi::Test::Plugin;

my $writer = "writer_$$";
my $db = database();
$db->own_roles("plugin_$writer", "owner_$writer");

my $true = JSON::PP::true;
my %body = (
    method      => 'post',
    security    => [{ bearer => [] }],
    requestBody => { required => $true, content => { 'application/json' => {
        schema => { type => 'object', additionalProperties => JSON::PP::false,
                    properties => { n => { type => 'integer' } } },
    } } },
    responses => { '2XX' => { description => 'Anything',
        content => { 'application/json' => { schema => {} } } } },
);

my $plugin = plugin_folder(
    lua => {
        book => 'count = (count or 0) + 1
                 return 201, { booking = count, n = input.n,
                               key = ihanoi.request.idempotency_key() },
                        { Location = "/v1/probe/book/" .. count, ETag = "\"1\"" }',
        slow => 'count = (count or 0) + 1 ihanoi.run.sleep(0.5)
                 return 201, { booking = count }',
        full => 'tries = (tries or 0) + 1
                 if tries == 1 then return ihanoi.response.problem("conflict") end
                 return 201, { tries = tries }',
        dies => 'deaths = (deaths or 0) + 1
                 if deaths == 1 then error("the first time") end
                 return 201, { deaths = deaths }',
        busy => 'busies = (busies or 0) + 1
                 ihanoi.log.info("busy " .. busies .. ".")
                 for i = 1, 3e7 do end
                 return 201, { busies = busies }',
        called => 'return 201, { n = input.n,
                       key = ihanoi.request.idempotency_key() or "none",
                       caller = ihanoi.request.caller() or "nobody" }',
        hangs => 'ihanoi.run.sleep(60) return 201, {}',
        late => 'lates = (lates or 0) + 1 ihanoi.run.sleep(0.05)
                 return 201, { lates = lates }',
    },
    operations => {
        (map { $_ => \%body } qw(book slow busy full dies hangs late)),
        called => { %body, security => [], 'x-ihanoi-idempotency' => 'none' },
    },
    manifest   => { limits => { timeout => '1s', cpu => '900ms' } },
);

# Its processor time goes little by little, the last of it in front of a commit.
my $writes = plugin_folder(
    name => $writer,
    lua => { mark => <<'LUA' },

    local function burn(n) for i = 1, n do end end

    for i = 1, input.n do
        burn(10000)
        ihanoi.run.sleep(0)
    end

    local done, err = ihanoi.db.transaction(function()
        ihanoi.db.execute("insert into marks values ($1)", { input.n })
        burn(40000)
    end)

    return 201, { done = done, err = err }
LUA
    operations => { mark => \%body },
    files => { 'migrations/0001_marks.sql' => 'create table marks (n int not null);' },
    manifest => { limits => { cpu => '5ms' },
                  permissions => { public => $true, database => $true } },
);

# Two that never end: the deadline of the first one is soon, the other one waits for it.
my $beside = plugin_folder(
    name => 'beside',
    lua => {
        stays   => 'begun = true while true do end',
        follows => 'while not begun do ihanoi.run.sleep(0.01) end
                    while true do end',
    },
    operations => {
        stays   => { %body, 'x-ihanoi-timeout' => 300 },
        follows => { %body, security => [], 'x-ihanoi-idempotency' => 'none' },
    },
    manifest   => { limits => { timeout => '5s', cpu => '900ms' },
                    permissions => { public => $true } },
);

# Answers of which three at a time fit in its memory.
my $keeps = plugin_folder(
    name => 'keeps',
    lua => {
        ask  => 'begun = (begun or 0) + 1
                 ihanoi.log.info("asked " .. begun .. ".")
                 while not text do ihanoi.run.sleep(0.01) end
                 return 201, { text = text }',
        say  => 'text = ("x"):rep(900000) return 200, {}',
        wait => 'while not free do ihanoi.run.sleep(0.01) end return 201, {}',
        free => 'free = true return 200, {}',
    },
    operations => {
        (map { $_ => \%body } qw(ask wait)),
        (map { $_ => { %body, security => [], 'x-ihanoi-idempotency' => 'none' } } qw(say free)),
    },
    manifest => { limits => { memory => '4m' } },
);

my $http = plugin_database($db, $writes->path) . $plugin->block('public;', 'cpu 900ms;')
         . $beside->block('public;', 'cpu 900ms;', 'timeout 5s;')
         . $keeps->block('public;')
         . $writes->block('public;', "database $writer;");
my $gw = gateway(db => $db, responses => 0, writers => 4, http => $http,
                 expect_log => qr/exited on signal 9/,
                 locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }
                               location = /plugins { ihanoi_status plugins; }');
my $token = token(sub => 'citizen-1');

sub ask {
    my ($name, $key, %more) = @_;
    return $gw->post("/v1/probe/$name", token => $token, json => { n => 1 },
                     ($key ? (headers => { 'Idempotency-Key' => $key }) : ()),
                     %more);
}

my $first = wait_until(sub {
    my $r = ask('book', 'key-1');
    $r->{status} == 201 && $r;
});
is($first->{json}{booking}, 1, 'a key that is new: done');
is($first->{json}{key}, 'key-1', 'the handler knows the key');

my $again = ask('book', 'key-1');
is($again->{status}, 201, 'again with the same key: the same answer');
is($again->{content}, $first->{content}, 'to the letter');
is($again->{headers}{'idempotency-replayed'}, 'true', 'marked as given again');
is($again->{headers}{location}, '/v1/probe/book/1', 'with its Location');
is($again->{headers}{etag}, '"1"', 'and ETag');

is($gw->post('/v1/probe/book', token => $token, body => '{ "n" : 1 }', headers => {
       'Content-Type' => 'application/json', 'Idempotency-Key' => 'key-1' })->{content},
   $first->{content}, 'whichever way its body is written');

is(ask('book', 'key-2')->{json}{booking}, 2, 'another key: done again');
is(ask('book', 'key-1', json => { n => 2 })->{status}, 422,
   'another body under an old key is refused');

# Of a release before, rolled back to: it compares all that it is given.
my $code = $db->sql("select pronamespace::regnamespace from pg_proc where proname = 'idempotency_same'");
my $same = $db->sql("select pg_get_functiondef('$code.idempotency_same'::regproc)");
$db->sql("create or replace function $code.idempotency_same(stored core.idempotency_keys, hash text)
          returns boolean language sql as 'select stored.hash = idempotency_same.hash'");
is(ask('book', 'key-1')->{content}, $first->{content}, 'after a rollback the answer is there, too');
is(ask('book', 'key-1', json => { n => 2 })->{status}, 422, 'and not for another body');
$db->sql($same);

is(ask('book', 'key-1', token => token(sub => 'citizen-2'))->{json}{booking}, 3,
   'another person has keys of their own');
is(ask('book', undef)->{status}, 400, 'without a key nothing is done');

# Callbacks of others, who have neither token nor key.
is_deeply($gw->post('/v1/probe/called', json => { n => 5 },
                    headers => { 'Idempotency-Key' => 'key-1' })->{json},
          { caller => 'nobody', key => 'none', n => 5 },
          'a POST that says so needs no token and takes no key');

# The second comes while the first runs.
sub ask_beside { my @args = @_; return beside(sub { ask(@args) }) }

# Who was first is not ours to say: some pair is in the order that is wanted.
my ($pid, $r, $key);
my $pair = 0;
ok(wait_until(sub {
    $key = 'key-slow-' . ++$pair;
    $pid = ask_beside('slow', $key);
    select undef, undef, undef, 0.15;
    my $status = ask('slow', $key)->{status};
    waitpid $pid, 0;
    $status == 409;
}), 'a key whose handler runs now is in use');
$r = ask('slow', $key);
is($r->{status}, 201, 'and then has its answer');
is($r->{headers}{'idempotency-replayed'}, 'true', 'which is given again');

is(ask('full', 'key-full')->{status}, 409, 'a refusal');
is(ask('full', 'key-full')->{json}{tries}, 2, 'leaves the key to the next try');
is(ask('dies', 'key-dies')->{status}, 500, 'so does a failure');
is(ask('dies', 'key-dies')->{json}{deaths}, 2, 'of the handler');
is(ask('hangs', 'key-hangs')->{status}, 504, 'a time-out');
is(ask('hangs', 'key-hangs')->{status}, 504, 'leaves the key, too');

# The client has gone when the handler is done, which has not waited since.
my $client = $gw->connection;
$client->send($client->format('POST', "/v1/probe/busy",
    token => $token, json => {}, headers => { 'Idempotency-Key' => 'key-left' }));
ok(wait_until(sub { $gw->error_log =~ /busy 1\./ }), 'a handler that computes');
undef $client;
$r = wait_until(sub { my $r = ask('busy', 'key-left', json => {}); $r->{status} != 409 && $r });
is("$r->{status} $r->{headers}{'idempotency-replayed'}", '201 true',
   'is done once, though its client has gone');

# Its key is being given back while others of its plugin go on, in the same state.
$client = $gw->connection;
$client->send($client->format('POST', '/v1/beside/follows', json => {}));
is($gw->post('/v1/beside/stays', token => $token, json => {},
             headers => { 'Idempotency-Key' => 'key-stays' })->{status}, 504,
   'a handler is dropped while it computes');
like($client->response->{status}, qr/\A50[34]\z/,
     'and another one, which had waited for that, is ended as ever');

# Whoever is killed for processor time is killed before the commit is sent. Four at
# most, because the fifth one opens the circuit.
my ($done, $killed) = (0, 0);
for my $n (1 .. 200) {
    $r = $gw->post("/v1/$writer/mark", token => $token, json => { n => $n },
                   headers => { 'Idempotency-Key' => "mark-$n" });
    $done += $r->{status} == 201 && $r->{json}{done};
    next if $r->{status} == 201;
    is($r->{json}{type}, 'urn:ihanoi:problem:plugin-limit', "killed with $n")
        or diag explain $r;
    is($db->sql("select count(*) from plugin_$writer.marks where n = $n"), 0,
       'before it has written: the key may be used again');
    last if ++$killed == 4;
}
is($killed, 4, "some are killed, behind $done that are done");
is($db->sql("select count(*) from plugin_$writer.marks"), $done,
   'each of which is there once');

# The time of the call is over when its key is there: it does not begin.
my $lock = $db->session;
$lock->do('begin');
$lock->do('lock table core.key_leases in exclusive mode');
$client = $gw->connection;
$client->send($client->format('POST', '/v1/probe/late', token => $token, json => {},
                              headers => { 'Idempotency-Key' => 'key-late' }));
ok(wait_until(sub { $db->sql("select count(*) from pg_stat_activity
    where datname = '$db->{name}' and usename = 'ihanoi_write' and wait_event_type = 'Lock'
      and query ~ 'idempotency_begin' and query_start < now() - interval '1.1 s'") }),
   'a key that is waited for longer than the call may take');
$lock->do('rollback');
$r = $client->response('POST');
is("$r->{status} $r->{json}{type}", '503 urn:ihanoi:problem:overloaded', 'is refused');
ok($r->{headers}{'retry-after'}, 'for later');
is(ask('late', 'key-late', json => {})->{json}{lates}, 1,
   'nothing was done, and the key is there for the next try');

# An answer that waits for its key is its plugin's memory.
my @asking = map { $gw->connection } 1 .. 4;
for my $n (1 .. 4) {
    $asking[$n - 1]->send($asking[$n - 1]->format('POST', '/v1/keeps/ask', token => $token,
        json => {}, headers => { 'Idempotency-Key' => "key-kept-$n" }));
    ok(wait_until(sub { $gw->error_log =~ /asked $n\./ }), 'a handler has its key') if $n == 4;
}
$lock->do('begin');
$lock->do('lock table core.key_leases in exclusive mode');
is($gw->post('/v1/keeps/say', json => {})->{status}, 200, 'four that end at the same time');
ok(wait_until(sub { $gw->error_log =~ /plugin "keeps" .*not enough memory/ }, 2),
   'the last one has no room beside three that wait for their keys');
$lock->do('rollback');
is(join(' ', sort map { $_->response('POST')->{status} } @asking), '201 201 201 500',
   'which are answered');
is($gw->post('/v1/keeps/ask', token => $token, json => {},
             headers => { 'Idempotency-Key' => "again-$_" })->{status}, 201,
   'and that memory is given back') for 1 .. 4;

# An answer that could not be kept: nobody knows, but that the handler has answered.
plugin_counted($gw, 'keeps');
$client = $gw->connection;
$client->send($client->format('POST', '/v1/keeps/wait', token => $token, json => {},
                              headers => { 'Idempotency-Key' => 'key-lost' }));
ok(wait_until(sub { $db->sql('select count(*) from core.key_leases where until > core.now()') }),
   'a handler that has its key');
$lock->do('begin');
$lock->do('lock table core.key_leases in exclusive mode');
is($gw->post('/v1/keeps/free', json => {})->{status}, 200, 'ends');
ok(wait_until(sub { $db->sql("select count(pg_terminate_backend(pid)) from pg_stat_activity
    where datname = '$db->{name}' and usename = 'ihanoi_write' and wait_event_type = 'Lock'
      and query ~ 'idempotency_end'") }), 'and is not to give it back');
is($client->response('POST')->{json}{type}, 'urn:ihanoi:problem:outcome-unknown', 'which is told');
$lock->do('rollback');
is(plugin_counted($gw, 'keeps'), 'ok 2', 'both are calls that went well');

# A worker dies with the handler: the key is free again when its lease is over.
ok(wait_until(sub {
    $key = 'key-killed-' . ++$pair;
    $pid = ask_beside('hangs', $key);
    select undef, undef, undef, 0.15;
    return 1 if ask('hangs', $key)->{status} == 409;
    waitpid $pid, 0;
    return 0;
}), 'it runs');
kill KILL => $gw->workers;
waitpid $pid, 0;
ok(wait_until(sub { my $r = ask('hangs', $key); $r && $r->{status} == 409 }),
   'the key is kept for as long as the call might have lasted');
ok(wait_until(sub { my $r = ask('hangs', $key); $r && $r->{status} == 504 }),
   'and then it may be tried again');

done_testing;
