# A POST that a plugin's SQL serves, with no Lua in the folder: its Idempotency-Key is
# around the function as it is around a handler.

use lib "tests/lib";
use IHanoi::Test;
use IHanoi::Test::Plugin;

my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $db = database();
my $name = "posts_$$";
$db->own_roles("plugin_$name", "owner_$name");

# What the functions do: each marks that it has run. "wait" waits for the test.
my $made = q{return query select 201, '1', '/v1/marks/' || mark, json_build_object('mark', mark,
    'key', caller->>'idempotency_key', 'sub', caller->>'sub', 'n', n)};
my $wait = q{perform ihanoi_host.lock('wait', shared => true)};
my $waits = "'plugin_$name'::regrole::oid::int, hashtext('wait')";     # for the test's own session
my $again = q{nextval('tries') % 2 = 0};
my %functions = (
    book   => $made,
    wait   => "$wait; $made",
    open   => $made,
    called => $made,
    again  => "if $again then return query select null::int, null, null,
                   '{\"code\": \"conflict\"}'::json; else $made; end if",
    late   => "if $again then raise exception using errcode = 'IH001', message = 'conflict',
                   detail = '{\"left\": 2}'; end if; $made",
    dies   => "if $again then raise exception 'broken'; end if; $made",
    odd    => q{return query select 201, null, null, '{"mark": "none"}'::json},
    slow   => 'perform pg_sleep(60)',
    match  => q{if not if_match ? '1' then raise exception using errcode = 'IH001',
                    message = 'precondition-failed'; end if; } . $made,
    fails  => q{raise exception 'broken'},
    large  => q{return query select 201, null, null, json_build_object('mark', repeat('x', 9000000))},
    map { $_ => $made } qw(put patch),
);
my %body = (
    method      => 'post',
    security    => [{ bearer => [] }],
    requestBody => { required => $true, content => { 'application/json' => { schema => {
        type => 'object', additionalProperties => $false,
        properties => { n => { type => 'integer' } } } } } },
    responses => { 201 => { description => 'It was made', content => { 'application/json' => {
        schema => { type => 'object', required => ['mark'],
                    properties => { mark => { type => 'integer' } } } } } } },
);
my %more = (
    open   => { 'x-ihanoi-idempotency' => 'optional' },
    called => { security => [], 'x-ihanoi-idempotency' => 'none' },
    slow   => { 'x-ihanoi-timeout' => 300, 'x-ihanoi-pool' => 'slow' },
    match  => { parameters => [{ name => 'If-Match', in => 'header', required => $true,
                                 schema => { type => 'string' } }] },
    put    => { method => 'put' },
    patch  => { method => 'patch' },
    delete => { method => 'delete', requestBody => undef,
                responses => { 204 => { description => 'It is gone' } } },
);

# "once" does what the author is told to: who had the key has the row.
my $function = sub { <<"SQL" };
create function call_$_[0](caller jsonb, n int8@{[$_[0] eq 'match' ? ', if_match jsonb' : '']})
returns table (status int, etag text, location text, body json)
language plpgsql
as \$\$
declare
    mark  int;
begin
    insert into marks (what) values ('$_[0]') returning id into mark;
    $_[1];
end
\$\$;
SQL
my %files = (
    'migrations/0001_marks.sql' => <<'SQL',
create table marks (id int generated always as identity primary key, what text not null,
                    person text, key text, unique (person, key));
create sequence tries minvalue 0;
SQL
    'sql/once.sql' => <<'SQL',
create function call_once(caller jsonb, n int8)
returns table (status int, etag text, location text, body json)
language plpgsql
as $$
begin
    insert into marks (what, person, key)
    values ('once', caller->>'sub', caller->>'idempotency_key')
    on conflict (person, key) do nothing;

    perform ihanoi_host.lock('wait', shared => true);

    return query
    select 201, '1', '/v1/marks/' || m.id, json_build_object('mark', m.id)
    from marks m
    where m.person = caller->>'sub' and m.key = caller->>'idempotency_key';
end
$$;
SQL
    'sql/delete.sql' => <<'SQL',
create function call_delete(caller jsonb)
returns table (status int, etag text, location text, body json)
language plpgsql
as $$
begin
    insert into marks (what) values ('delete');
    return query select 204, null, null, null::json;
end
$$;
SQL
    map { ("sql/$_.sql" => $function->($_, $functions{$_})) } keys %functions,
);
my $plugin = plugin_folder(
    name => $name,
    handler => '',
    lua => { map { $_ => '' } keys %functions, qw(once delete) },
    operations => { map { $_ => { %body, 'x-ihanoi-lua' => undef, 'x-ihanoi-sql' => "call_$_",
                                  %{ $more{$_} // {} } } } keys %functions, qw(once delete) },
    manifest => { permissions => { public => $true, database => $true }, limits => { memory => '8m' } },
    files => \%files,
);
ok(!-e $plugin->path . '/handler.lua', 'a plugin without Lua');

my $gw = gateway(db => $db, responses => 0, expect_log => qr/exited on signal 9/,
    http => plugin_database($db, $plugin->path, 'read connections=1;',
                            'write connections=3 timeout=4s lock_timeout=3600ms;',
                            "slow connections=1 timeout=10s; slow_user plugin_$name;")
          . $plugin->block('public;', "database $name;"),
    locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }
                  location = /plugins { ihanoi_status plugins; }');
my $token = token(sub => 'citizen-1');

sub ask {
    my ($what, $key, %arg) = @_;
    return $gw->post("/v1/$name/$what", token => $token, json => { n => 1 }, close => 1,
                     ($key ? (key => $key) : ()), %arg);
}

# One that is answered later.
sub begin {
    my ($what, $key) = @_;
    my $client = $gw->connection;
    $client->{timeout} = 30;
    $client->send($client->format('POST', "/v1/$name/$what", token => $token,
                                  json => { n => 1 }, key => $key));
    return $client;
}

# "201 replayed", "409 conflict".
sub said {
    my ($r) = @_;
    my ($type) = ($r->{json}{type} // '') =~ /:([\w-]+)\z/;
    return join ' ', $r->{status}, $type // (), $r->{headers}{'idempotency-replayed'} ? 'replayed' : ();
}

sub marks { return $db->sql("select count(*) from plugin_$name.marks where what = '$_[0]'") }

sub counted { return plugin_counted($gw, $name) }

# The process of the database that waits, in a function or at the end of its key.
sub waits {
    my ($user, $query) = @_;
    return wait_until(sub { $db->sql("select pid from pg_stat_activity where usename = '$user'
        and datname = '$db->{name}' and wait_event_type = 'Lock' and query ~ '$query'") });
}

my $first = wait_until(sub { my $r = ask('book', 'key-1'); $r->{status} == 201 && $r });
counted();
is($first->{json}{key}, 'key-1', 'the function is told the key');
is("$first->{json}{sub} $first->{json}{n}", 'citizen-1 1', 'and who calls, with what');

my $r = ask('book', 'key-1');
is(said($r), '201 replayed', 'again with the same key: the same answer');
is($r->{content}, $first->{content}, 'to the letter');
is("$r->{headers}{location} $r->{headers}{etag}",
   "$first->{headers}{location} $first->{headers}{etag}", 'with its Location and ETag');
like($r->{headers}{location}, qr{^/v1/marks/\d+$}, 'which are there');
is(marks('book'), 1, 'it was done once');
is(said(ask('book', 'key-1', json => { n => 2 })), '422 idempotency-key-reused', 'another body');
is(said(ask('book', undef)), '400 idempotency-key-missing', 'no key');
is(counted(), '', 'are no calls of the plugin');
is(said(ask('book', 'key-1', token => token(sub => 'citizen-2'))), '201',
   'another person has keys of their own');
is(said(ask('book', 'key-2')), '201', 'another key is another');
is(marks('book') . ' ' . counted(), '3 ok 2', 'which are');

is(said(ask('open', undef)), '201', 'a key that is optional') for 1, 2;
is(said(ask('open', 'key-open')), '201', 'is one') for 1;
is(said(ask('open', 'key-open')), '201 replayed', 'where it is given');
is(said($gw->post("/v1/$name/called", json => {}, key => 'key-called')), '201', 'without one') for 1, 2;
is(marks('open') . marks('called'), '32', 'it is done each time');

is(said(ask('again', 'key-again')), '409 conflict', 'a refusal');
is(said(ask('again', 'key-again')), '201', 'leaves the key to the next try');
$r = ask('late', 'key-late');
is(said($r) . " $r->{json}{left}", '409 conflict 2', 'so does one that is raised');
is(said(ask('late', 'key-late')), '201', 'of which nothing stays');
is(marks('late'), 1, 'but what was done then');
is(said(ask('match', 'key-match')), '428 precondition-required', 'If-Match is the function\'s');
is(said(ask('match', 'key-match', headers => { 'If-Match' => '"0"' })), '412 precondition-failed',
   'which compares');
is(said(ask('match', 'key-match', headers => { 'If-Match' => '"1"' })), '201', 'and goes on');
counted();

is(said(ask('dies', 'key-dies')), '500 internal-error', 'an error');
is(said(ask('dies', 'key-dies')), '201', 'leaves the key, too');
is(said(ask('odd', 'key-odd')), '502 plugin-reply-invalid',
   'an answer that the contract does not allow is not given') for 1, 2;
like($gw->error_log, qr{plugin "$name" 1\.0\.0: the answer of "${name}_odd" is not what its contract says at "/mark"},
     'the log says where');
is(said(ask('slow', 'key-slow')), '503 outcome-unknown', 'a function that takes too long');
is(said(ask('slow', 'key-slow')), '409 idempotency-key-in-use', 'may still be at work');
is($db->sql("select (select max(until) from core.key_leases) > query_start + interval '19 s'
    from pg_stat_activity where usename = 'plugin_$name' and query ~ 'call_slow' and state = 'active'"),
   't', 'also where it had waited for a connection before: 10 s, of which it may run for 9');
is(counted(), 'error 1, ok 1, reply 2, timeout 1', 'are counted as what they are');

for my $method (qw(put patch delete)) {
    my @body = $method eq 'delete' ? () : (json => { n => 1 });
    is(said($gw->$method("/v1/$name/$method", token => $token, @body)),
       $method eq 'delete' ? '204' : '201', "\U$method\E") for 1, 2;
    is(marks($method), 2, 'has no key: it is done each time');
}

# The second comes while the first runs.
my $lock = $db->session;
$lock->do("select pg_advisory_lock($waits)");
my $client = begin('wait', 'key-beside');
ok(waits("plugin_$name", 'call_wait'), 'a function that runs');
is(said(ask('wait', 'key-beside')), '409 idempotency-key-in-use', 'its key is in use');
$lock->do("select pg_advisory_unlock($waits)");
is(said($client->response('POST')), '201', 'it ends');
is(said(ask('wait', 'key-beside')), '201 replayed', 'and then its answer is given again');
is(marks('wait'), 1, 'it was done once');

# The client has gone: the function goes on, and what it has done is kept.
$lock->do("select pg_advisory_lock($waits)");
$client = begin('wait', 'key-left');
ok(waits("plugin_$name", 'call_wait'), 'one whose client goes away');
$client->close;
is(said(ask('wait', 'key-left')), '409 idempotency-key-in-use', 'is not dropped');
$lock->do("select pg_advisory_unlock($waits)");
ok(wait_until(sub { said(ask('wait', 'key-left')) eq '201 replayed' }), 'its answer is kept');
is(marks('wait'), 2, 'it was done once');

# No key is to be had: nothing is done.
$lock->do('begin');
$lock->do('lock table core.key_leases in exclusive mode');
is(said(ask('book', 'key-away')), '503 overloaded', 'a key that cannot be taken');
$lock->do('rollback');
is(marks('book'), 3, 'nothing was done');
counted();

# What goes away in the middle is told, and the key is kept until nothing can be at work
# any more; then it is tried again.
$lock->do("select pg_advisory_lock($waits)");
$client = begin('wait', 'key-backend');
$db->sql("select pg_terminate_backend($_)") for waits("plugin_$name", 'call_wait');
is(said($client->response('POST')), '503 outcome-unknown', 'the function\'s connection is lost');
is(said(ask('wait', 'key-backend')), '409 idempotency-key-in-use', 'its key is kept');
is(counted(), 'busy 1', 'which is nobody\'s failure');

$client = begin('once', 'key-end');
ok(waits("plugin_$name", 'call_once'), 'a function that will end');
$lock->do('begin');
$lock->do('lock table core.key_leases in exclusive mode');
$lock->do("select pg_advisory_unlock($waits)");
$db->sql("select pg_terminate_backend($_)") for waits('ihanoi_write', 'idempotency_end');
is(said($client->response('POST')), '503 outcome-unknown',
   'it was done, but its answer could not be kept');
$lock->do('rollback');
is(marks('once'), 1, 'it is told that nobody knows');

$lock->do("select pg_advisory_lock($waits)");
$client = begin('wait', 'key-worker');
ok(waits("plugin_$name", 'call_wait'), 'a function whose worker will die');
kill KILL => $gw->workers;
ok(wait_until(sub { !$db->sql("select count(*) from pg_stat_activity
    where usename = 'plugin_$name' and wait_event_type = 'Lock'") }), 'does not outlive it for long');
$lock->do("select pg_advisory_unlock($waits)");

ok(wait_until(sub { my $r = ask('wait', 'key-worker'); $r && said($r) eq '409 idempotency-key-in-use' }),
   'the key is kept as long as it might have been at work');

for (['wait', 'key-backend', 3], ['once', 'key-end', 1], ['wait', 'key-worker', 4]) {
    my ($what, $key, $marks) = @$_;
    ok(wait_until(sub { said(ask($what, $key)) eq '201' }, 40), "$key may then be tried again");
    is(said(ask($what, $key)), '201 replayed', 'and has its answer');
    is(marks($what), $marks, 'it was done once');
}

# The circuit of the plugin: no key is taken where nothing runs.
is(said(ask('large', 'key-large')), '503 outcome-unknown', 'an answer beyond the memory of the plugin');
is(said(ask('large', 'key-large')), '409 idempotency-key-in-use', 'may be that of what was done');
is(said(ask('fails', "key-fails-$_")), '500 internal-error', 'it fails, too') for 1 .. 4;
is(said(ask('book', 'key-closed')), '503 plugin-unavailable', 'five failures open the circuit');
ok(wait_until(sub { said(ask('book', 'key-closed')) eq '201' }), 'a call that succeeds closes it');

done_testing;
