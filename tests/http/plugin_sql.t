# What a plugin's SQL serves is the plugin's: it is counted, held against the
# contract, and what fails opens the plugin's circuit.

use lib "tests/lib";
use IHanoi::Test;
use IHanoi::Test::Plugin;

my $true = JSON::PP::true;
my $db = database();
my $name = "sql_$$";
$db->own_roles("plugin_$name", "owner_$name");

# What the functions do, and what a client sees of it.
my %body = (
    good    => q{return query select 200, null::text, '{"text": "x"}'::json},
    none    => q{null},
    refuse  => q{return query select null::int, null::text, '{"code": "not-permitted"}'::json},
    late    => q{raise exception using errcode = 'IH001', message = 'not-permitted'},
    fail    => q{raise exception 'broken'},
    odd     => q{return query select 200, null::text, '{"text": 1}'::json},
    status  => q{return query select 600, null::text, '{"text": "x"}'::json},
    typo    => q{return query select null::int, null::text, '{"code": "not-permited"}'::json},
    raised  => q{raise exception using errcode = 'IH001', message = 'not-permited'},
    nocode  => q{return query select null::int, null::text, '{"text": "x"}'::json},
    locked  => q{raise exception using errcode = '55P03'},
    slow    => q{perform pg_sleep(2)},
    large   => q{return query select 200, null::text, json_build_object('text', repeat('x', 9000000))},
    gone    => q{null},
    writes  => q{perform nextval('tries'); return query select 200, null::text, '{"text": "x"}'::json},
);
my $strict = { 200 => { description => 'strict', content => { 'application/json' => {
    schema => { type => 'object', required => ['text'],
                properties => { text => { type => 'string', maxLength => 9 } } } } } } };

my $plugin = plugin_folder(
    name => $name,
    lua => { lua => 'return 200, {}', map { $_ => '' } keys %body },
    operations => { map { $_ => {
        'x-ihanoi-lua' => undef, 'x-ihanoi-sql' => "call_$_", responses => $strict,
        $_ eq 'slow' ? ('x-ihanoi-timeout' => 100) :
        $_ eq 'large' ? ('x-ihanoi-timeout' => 20_000) : () } } keys %body },
    manifest => { permissions => { public => $true, database => $true }, limits => { memory => '8m' } },
    files => { 'migrations/0001_tries.sql' => "create sequence tries;\n",
               map { ("sql/$_.sql" => <<"SQL") } keys %body },
create function call_$_(caller jsonb) returns table (status int, etag text, body json)
language plpgsql stable as \$\$ begin $body{$_}; end \$\$;
SQL
);

my $gw = gateway(db => $db, workers => 2, responses => 0,
    http => $plugin->block('public;', "database $name;")
          . plugin_database($db, $plugin->path, 'read connections=1;', 'write connections=1;'),
    locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }
                  location = /metrics { ihanoi_status metrics; }
                  location = /plugins { ihanoi_status plugins; }');

sub call {
    my $r = $gw->get("/v1/$name/$_[0]", headers => { Connection => 'close' });
    my ($type) = ($r->{json}{type} // '') =~ /:([\w-]+)\z/;
    return join ' ', $r->{status}, $type // ();
}

sub counted { return plugin_counted($gw, $name) }

my $timed = qq(ihanoi_plugin_duration_seconds_count{plugin="$name",version="1.0.0"});

ok(wait_until(sub { call('good') eq '200' }), 'it is served');
counted();
my $before = $gw->metric($timed);

is(call('good'), '200', 'an answer') for 1 .. 3;
is(call('none'), '404 not-found', 'no row');
is(call('refuse'), '403 not-permitted', 'a refusal');
is(call('late'), '403 not-permitted', 'one that is raised');
is(counted(), 'ok 6', 'are calls of the plugin that ended well');
is($gw->metric($timed) - $before, 6, 'and took their time');

is(call('locked'), '503 overloaded', 'a lock that is not had') for 1 .. 6;
is(counted(), 'busy 6', 'is not the plugin\'s failure');
is(call('good'), '200', 'nor opens its circuit');
is(counted(), 'ok 1', 'it was called');

is(call('odd'), '502 plugin-reply-invalid', 'a body that the contract does not allow');
like($gw->error_log, qr{plugin "$name" 1\.0\.0: the answer of "${name}_odd" is not what its contract says at "/text"},
     'the log says where');
is(call('status'), '502 plugin-reply-invalid', 'a status that is none');
is(call('nocode'), '502 plugin-reply-invalid', 'a refusal without a code');
is(counted(), 'reply 3', 'are wrong answers');
is(call('slow'), '504 database-timeout', 'a function that takes too long');
is(counted(), 'timeout 1', 'is killed');
is(call('fail'), '500 internal-error', 'an error that is raised');
is(counted(), 'error 1', 'is one');
like($gw->error_log, qr{plugin "$name" 1\.0\.0: operation "${name}_fail" failed with SQLSTATE P0001},
     'the log says that it is the plugin\'s');

is(call('good'), '503 plugin-unavailable', 'five failures open the circuit') for 1 .. 4;
is(call('lua'), '503 plugin-unavailable', 'for its Lua too');
is(counted(), 'closed 5', 'which is counted');
ok(wait_until(sub { call('good') eq '200' }), 'a call that succeeds closes it');
is(call('lua'), '200', 'for all') for 1 .. 4;

my ($schema) = $db->sql("select nspname from pg_namespace where nspname ~ '^code_${name}_'");
$schema = $schema->[0] if ref $schema;
$db->sql("drop function $schema.call_gone(jsonb)");
$db->sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'plugin_$name'");
counted();
ok(wait_until(sub { call('gone') eq '503 operation-unavailable' }), 'a function that is missing');
like(counted(), qr/error 1\b/, 'is an error');
like($gw->error_log, qr{plugin "$name", database "[^"]+", release "[^"]+": operation "${name}_gone": },
     'the log says of which plugin');

ok(wait_until(sub { call('good') eq '200' }), 'it is well');
counted();
is(call('large'), '503 plugin-limit', 'an answer beyond the memory of the plugin');
is(counted(), 'memory 1', 'is not kept');
like($gw->error_log, qr{plugin "$name" 1\.0\.0: operation "${name}_large" has an answer that is too large},
     'the log says of what');
ok(wait_until(sub { call('good') eq '200' }), 'and the next one is read');

counted();
is(call('writes'), '500 internal-error', 'a read that writes');
is(counted(), 'error 1', 'is the function\'s mistake');
like($gw->error_log, qr{operation "${name}_writes" failed with SQLSTATE 25006: cannot execute nextval},
     'which the log tells');

for my $typo (qw(typo raised)) {
    ok(wait_until(sub { call('good') eq '200' }), 'it is well');
    counted();
    is(call($typo), '502 plugin-reply-invalid', "$typo: a problem of no contract");
    is(counted(), 'reply 1', 'is a wrong answer');
}
like($gw->error_log, qr{operation "${name}_typo" refuses: problem "not-permited" is in no contract},
     'the log says which');

done_testing;
