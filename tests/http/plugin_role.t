# A plugin's database is the plugin's: when it is away the gateway stays ready,
# and a role that reaches more than the plugin's schemas costs the plugin only.

use lib "tests/lib";
use IHanoi::Test;
use IHanoi::Test::Command;
use IHanoi::Test::Plugin;
use Time::HiRes qw(sleep);

my $true = JSON::PP::true;
my $db = database();

my ($role, $group) = ("test_${$}_probe", "test_${$}_group");
$db->own_roles($role, $group);

$db->sql(<<"SQL");
    create role $role login connection limit 40;
    create role $group;
    create schema plugin_probe authorization $role;
    create schema other;
    create table other.secret (id int);
    set role $role;
    create function plugin_probe.hello(caller jsonb)
        returns table (status int, etag text, body json) language sql stable as
        'select 200, null::text, ''{"served": "sql"}''::json';
SQL

my $plugin = plugin_folder(
    lua => {
        ask   => 'return 200, ihanoi.db.one("select 1 n")',
        plain => 'return 200, {}',
        sql   => '',
    },
    operations => { sql => { 'x-ihanoi-lua' => undef,
                             'x-ihanoi-sql' => 'hello' } },
    functions => { tick => 'return true' },
    manifest => { permissions => { public => $true, database => $true },
                  jobs => [{ name => 'tick', cron => '0 0 1 1 *', handler => 'tick' }] },
);

my $switches = plugin_folder->path;

sub gateway_with {
    my ($user, %more) = @_;

    return gateway(db => $db, responses => 0, workers => 2, %more,
        locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }
                      location = /readyz { ihanoi_status readyz; }
                      location = /metrics { ihanoi_status metrics; }',
        http => $plugin->block('public;', 'database probe;', 'jobs 60s;') . <<"CONF");
ihanoi_plugin_switches $switches;
ihanoi_database probe {
    server unix:$db->{socket} port=$db->{port};
    dbname $db->{name};
    schema plugin_probe;
    user $user;
    read connections=1; write connections=1; slow connections=1;
}
CONF
}

# The answer of /readyz once a condition holds for it, a hash by check's name.
sub ready {
    my ($gw, $holds) = @_;
    my $r;

    wait_until(sub {
        $r = $gw->get('/readyz');
        $r->{checks} = { map { $_->{name} => $_ } @{ $r->{json}{checks} } };
        return $holds->($r);
    }, 10);
    return $r;
}

# Of each worker: connections are spread over them.
sub statuses {
    my ($gw, $name) = @_;
    my %seen = map { $gw->get("/v1/probe/$name",
                              headers => { Connection => 'close' })->{status}
                     => 1 } 1 .. 12;
    return join ' ', sort keys %seen;
}


# What the command says of the gateway.
sub status {
    my ($gw) = @_;
    my ($rc, $out) = ihanoi(qw(plugin status probe), '--conf', $gw->dir . '/nginx.conf');
    return "$rc " . ($out =~ /workers, (\w+),/ ? $1 : $out);
}

# Nobody of that name: the database refuses the plugin.
my $gw = gateway_with("test_${$}_nobody");
my $r = ready($gw, sub { $_[0]{status} == 200 && $_[0]{json}{status} ne 'ok' });

is($r->{status}, 200, 'ready while a plugin\'s database is away');
is($r->{json}{status}, 'degraded', 'but degraded');
ok(wait_until(sub { status($gw) eq '1 degraded' }, 5), 'which the command says too')
    or diag status($gw);
for my $what (qw(readable writable)) {
    my $check = $r->{checks}{"probe $what"};
    ok(!$check->{ok}, "the check fails: $what");
    is($check->{plugin}, 'probe', 'and names the plugin');
}
ok($r->{checks}{'main readable'}{ok}, 'the core\'s own checks hold');
ok(!exists $r->{checks}{'main readable'}{plugin}, 'which are no plugin\'s');
is($gw->get('/v1/probe/plain')->{status}, 200,
   'what needs no database is served');
is($gw->get('/v1/probe/sql')->{status}, 503, 'what needs it is not');

my $away = qr/\[error\].*plugin "probe": its database "probe" is away/;
like($gw->error_log($away), $away, 'the log says so');
sleep 2.5;
my $count = () = $gw->error_log =~ /$away/g;
is($count, 1, 'once');
$gw->stop;

# A role that reaches nothing else.
$gw = gateway_with($role);
$r = ready($gw, sub { $_[0]{checks}{'probe role'}
                      && $_[0]{json}{status} eq 'ok' });
is($r->{json}{status}, 'ok', 'a plugin with a database that stands');
is_deeply($r->{checks}{'probe role'}{detail}, [],
          'whose role reaches its own schema only');
is(statuses($gw, $_), 200, "$_ is served") for qw(ask sql);

# The harmless: told, and served. A new connection asks again.
sub again {
    $db->sql("select pg_terminate_backend(pid) from pg_stat_activity
              where usename = '$role'");
    return;
}

sub told {
    my ($finding) = @_;
    return ready($gw, sub {
        my $check = $_[0]{checks}{'probe role'} or return;
        return grep { $_ eq qq{role "$role" $finding} } @{ $check->{detail} };
    });
}

$db->sql("grant create on database $db->{name} to $role");
again();
$r = told('may create schemas');
is($r->{json}{status}, 'degraded', 'a right too many is told');
is($r->{checks}{'probe role'}{plugin}, 'probe', 'with the plugin\'s name');
my $line = qr/\[warn\].*plugin "probe", database "probe": role "$role" may create schemas/;
like($gw->error_log($line), $line, 'by the log too');
ok(wait_until(sub { statuses($gw, 'ask') eq '200' }, 5),
   'one that reaches no data is no more than a warning');

# What reaches the core's data.
my @grave = (
    ['a table', "grant usage on schema core to $role;"
              . " grant select (id) on core.units to $role",
     'may select a table of schema "core": units',
     "revoke usage on schema core from $role;"
     . " revoke select (id) on core.units from $role"],
    ['a member of a group', "grant $group to $role",
     qq{is a member of "$group"}, "revoke $group from $role"],
    ['who makes roles', "alter role $role createrole",
     'may create roles, and so be any', "alter role $role nocreaterole"],
    ['who makes what others find', "grant create on schema public to $role",
     'may create objects in schema "public"',
     "revoke create on schema public from $role"],
    ['a function with its owner\'s rights',
     'create function public.lift() returns int language sql'
     . ' security definer as \'select 1\'',
     'may run a function of schema "public" with other rights than its own:'
     . ' lift', 'drop function public.lift()'],
    ['whom row security does not hold', "alter role $role bypassrls",
     'is not held by row security', "alter role $role nobypassrls"],
);

for my $case (@grave) {
    my ($name, $grant, $finding, $revoke) = @$case;

    $db->sql($grant);
    again();
    told($finding);
    ok(wait_until(sub { statuses($gw, 'ask') eq '503' }, 5),
       "$name: its handlers are not served, by any worker");
    ok(wait_until(sub { statuses($gw, 'sql') eq '503' }, 5),
       "$name: nor its functions");
    $line = qr/\[error\].*plugin "probe".*role "$role" \Q$finding\E.*not served/;
    like($gw->error_log($line), $line, "$name: the log says why");

    if ($name eq 'a table') {
        ok(wait_until(sub { status($gw) eq '1 refused' }, 5), "$name: the command says so")
            or diag status($gw);
        $db->sql("update core.plugin_jobs set next_at = core.now() - interval '1 second'");
        sleep 2.5;
        is($db->sql('select count(run) + count(ended_at) from core.plugin_jobs'), 0,
           "$name: its jobs do not run");
    }

    $db->sql($revoke);
    again();
    ok(wait_until(sub { statuses($gw, 'ask') eq '200' }, 10),
       "$name: once it is revoked they are");
}

ok(wait_until(sub { ($db->sql('select outcome from core.plugin_jobs') // '') eq 'ok' }, 10),
   'and its jobs run');

$r = $gw->get('/v1/units');
is($r->{status}, 200, 'the core has served all the time');

# What reaches nothing is not told: no usage of the schema.
$db->sql("grant select on other.secret to $role;
          revoke create on database $db->{name} from $role");
again();
$r = ready($gw, sub { $_[0]{json}{status} eq 'ok' });
ok(wait_until(sub { status($gw) eq '0 serving' }, 5), 'the command says that all is well')
    or diag status($gw);
is_deeply($r->{checks}{'probe role'}{detail}, [],
          'a table of a schema that the role cannot enter is no finding');
ok(wait_until(sub {
    $gw->error_log =~ /\[notice\].*its role reaches the plugin's own schemas only/
}, 10), 'the log says that all is well again');

# The command asks the same, before there is a gateway.
my $server = "host=$db->{socket} port=$db->{port} dbname=$db->{name}";
my $plain = plugin_folder(lua => { plain => 'return 200, {}' });

sub check {
    my (@more) = @_;
    my ($rc, $out) = ihanoi(qw(plugin check), $plain->path, @more,
                            '--database', "$server user=$role");
    return "$rc $out";
}

is(check(), '0 ', 'the command finds nothing either');
$db->sql("grant create on database $db->{name} to $role");
is(check(), qq{0 database: warning: role "$role" may create schemas\n},
   'or warns');
is((split ' ', check('--strict'))[0], 1, 'which --strict takes for an error');
$db->sql("grant usage on schema core to $role;
          grant select (id) on core.units to $role");
like(check(), qr/^1 database: role "$role" may select a table of schema "core": units\n/,
     'or fails');
$db->sql("revoke usage on schema core from $role;
          revoke create on database $db->{name} from $role");
my ($rc, undef, $err) = ihanoi(qw(plugin check), $plain->path,
                               '--database', "$server user=test_${$}_nobody");
is($rc, 1, 'who cannot log in');
like($err, qr/role "test_${$}_nobody" does not exist/, 'is told why');

# The kill switch holds for SQL too.
open my $fh, '>', "$switches/probe.disabled" or die "$switches: $!\n";
close $fh;
ok(wait_until(sub { statuses($gw, 'sql') eq '503' }, 5),
   'a disabled plugin\'s SQL is not served either');
$r = $gw->get('/v1/probe/sql');
like($r->{json}{type}, qr/plugin-unavailable\z/, 'which is a problem');
unlink "$switches/probe.disabled";

# The role of the core is none for a plugin.
my $mixed = gateway(db => $db, start => 0, responses => 0,
    http => $plugin->block('public;', 'database main;', 'jobs 60s;'));
my ($passed, $said) = $mixed->check;
ok(!$passed, 'a plugin is not granted the core\'s database');
like($said, qr/plugin "probe" is granted the database "main", which has a "release", as the core's/,
     'which is said');

done_testing;
