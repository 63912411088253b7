#!/usr/bin/perl
# "ihanoi plugin deploy", "rollback", "list" and "status": a version comes into
# service whole or not at all, and no request is lost.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Command;
use IHanoi::Test::HTTP;
use IHanoi::Test::Load;
use IHanoi::Test::Plugin;
use File::Path qw(make_path);
use IHanoi::Plugin::Archive;
use IHanoi::Plugin::Deployment;
use IHanoi::Plugin::Gateway;
use IHanoi::Plugin::Home;
use IHanoi::Plugin::Signature qw(fingerprint);
use IHanoi::Plugin::Verify;
use Time::HiRes qw(sleep time);

my $true = JSON::PP::true;
my $db = database();
my $name = "shop_$$";
my ($rc, $out, $err);
$db->own_roles("plugin_$name", "owner_$name");

# The gateway runs before there is a plugin.
my $gw = gateway(db => $db, workers => 2, responses => 0,
    locations => 'location = /metrics { ihanoi_status metrics; }
                  location = /plugins { ihanoi_status plugins; }',
    expect_log => qr/injected/);
my $dir = $gw->dir;
my $home = "$dir/plugins";
make_path($ENV{TMPDIR} = "$dir/tmp");
chmod 0755, $ENV{TMPDIR};
make_path($home, "$dir/keys/$name", "$dir/stranger/$name");

for my $who (qw(agency stranger)) {
    system('openssl', 'genpkey', '-algorithm', 'ED25519', '-out', "$dir/$who.pem") == 0
        or die;
    my $public = $who eq 'agency' ? "$dir/keys/$name/agency-a.pem"
                                  : "$dir/stranger/$name/agency-a.pem";
    system("openssl pkey -in $dir/$who.pem -pubout -out $public") == 0 or die;
}

# nginx as an operator has it, and one that fails where a test wants it to.
my $program = $gw->write('nginx', <<"SH");
#!/bin/sh
what=\$(cat $dir/fail 2> /dev/null)
case "\$what:\$*:" in
    stuck:*" -t "*) case \$(readlink $home/$name/current) in
        */$name-9*) mkdir -p $home/$name/current.new/x; exit 1 ;; esac ;;
    test:*" -t "*) case \$(readlink $home/$name/current) in
        */$name-9*) echo 'nginx: [emerg] injected' >&2; exit 1 ;; esac ;;
    reload:*"-s reload:") rm $dir/fail; echo 'nginx: [emerg] injected' >&2; exit 1 ;;
    silent:*"-s reload:") rm $dir/fail; exit 0 ;;
    hang:*scratch*) sleep 60; exit 1 ;;
    other:*" -t "*) case \$(readlink $home/$name/current) in
        */$name-9*) kill -HUP \$(cat $dir/nginx.pid)
            while [ -e $dir/fail ]; do sleep 0.1; done; exit 1 ;; esac ;;
    late:*"-s reload:") $gw->{nginx} "\$@"; while [ -e $dir/fail ]; do sleep 0.1; done; exit 0 ;;
esac
exec $gw->{nginx} "\$@"
SH
chmod 0755, $program;

sub fail_at { $gw->write('fail', $_[0]) }

my @gateway = ('--conf', "$dir/nginx.conf", '--nginx', $program);
my @database = ('--user', 'postgres');
my @keys = ('--keys', "$dir/keys");

sub deploy {
    my ($archive, @more) = @_;
    return ihanoi(qw(plugin deploy), $archive, @keys, @gateway, @database,
                  '--timeout', 20, @more);
}

my %migration = ('migrations/0001_stalls.sql' =>
    "create table stalls (id int primary key);\ninsert into stalls values (1);\n");

# An archive of a version, signed.
my $archives = 0;

sub archive {
    my ($version, %more) = @_;
    my $lua = { hello => "return 200, { version = '$version' }",
                count => 'return 200, ihanoi.db.one("stall_count")',
                signed => 'return ihanoi.response.problem("not-signed")',
                secret => "ihanoi.run.sleep(0.3) return 200, { version = '$version' }", %{ $more{lua} // {} } };
    delete @$lua{ grep { !defined $lua->{$_} } keys %$lua };

    my $plugin = plugin_folder(
        name       => $name,
        manifest   => { version => $version,
                        permissions => { public => $true, database => $true },
                        metrics => [{ name => 'wait_seconds', type => 'gauge', help => 'x' }],
                        %{ $more{manifest} // {} } },
        lua        => $lua,
        operations => { secret => { security => [{ bearer => [] }] },
                        %{ $more{operations} // {} } },
        document   => { 'x-ihanoi-problems' => { 'not-signed' => { status => 403,
            title => { vi => 'Chưa ký', en => 'Not signed' } } } },
        files      => { %migration,
            $version =~ /^1\.0/ ? () : ('migrations/0002_more.sql' =>
                "alter table stalls add open boolean;\n"),
            'sql/stall_count.sql' => "create function stall_count() returns table (n int)"
                . " language sql stable as 'select count(*)::int + "
                . ($version =~ /^1\.0/ ? 0 : 100) . " from stalls';\n",
            %{ $more{files} // {} } },
    );
    my $into = "$dir/archive-" . ++$archives;
    mkdir $into;

    # Not by "pack", which would refuse what some of these are.
    my %files;
    for my $file (split /\0/, `cd @{[$plugin->path]} && find . -type f -printf '%P\\0'`) {
        open my $fh, '<:raw', $plugin->path . "/$file" or die;
        local $/;
        $files{$file} = <$fh>;
    }
    $files{'FILES.sha256'} = listing(\%files);
    my $archive = "$into/$name-$version.plugin.tar.gz";
    write_archive($archive, "$name-$version", \%files);

    (my $rc, undef, my $err) = ihanoi(qw(plugin sign --key), "$dir/agency.pem", $archive);
    $rc == 0 or die $err;
    return $archive;
}

sub get { return $gw->get("/v1/$name/$_[0]") }
sub serves { return (get('hello')->{json} // {})->{version} // 'none' }
sub current { return readlink("$home/$name/current") // 'none' }

sub leftovers {
    return join ' ', glob("$dir/.ihanoi-scratch*"), glob("$dir/tmp/ihanoi-scratch*"),
        glob("$home/$name/.staging*"),
        (grep { -e } "$home/$name/switching"),
        grep { /scratch-$name/ } map { _line($_) } glob('/proc/[0-9]*/cmdline');
}

sub _line {
    open my $fh, '<', $_[0] or return;
    return <$fh> // ();
}

# All that a deployment which fails must not have changed.
sub state {
    return join "\n", serves(), current(), join(' ', sort glob("$home/$name/versions/*")),
        scalar $db->sql("select string_agg(nspname, ' ' order by 1) from pg_namespace
                         where nspname ~ '^code_$name'"),
        scalar $db->sql("select count(*) from pg_roles where rolname ~ '^deploy_$name'"),
        (get('count')->{json} // {})->{n} // '', leftovers();
}

# Usage, and a gateway that does not know the plugin ------------------------------

is((ihanoi(qw(plugin deploy)))[0], 2, 'no archive: usage');
my %archive = ('1.0.0' => archive('1.0.0'));
($rc, $out, $err) = deploy($archive{'1.0.0'});
is($rc, 1, 'a plugin without a block');
like($err, qr/has no "ihanoi_plugin $name \{ path HOME\/$name\/current/, 'says which is missing');

# The operator writes what is granted.
$gw->{http} = <<"CONF";
ihanoi_database $name {
    server unix:$db->{socket} port=$db->{port};
    dbname $db->{name};
    schema plugin_$name;
    user plugin_$name;
    read connections=1;
    write connections=1;
    slow connections=1;
}
ihanoi_plugin $name {
    path plugins/$name/current;
    public;
    database $name;
    timeout 40s;
}
CONF
$gw->write('nginx.conf', $gw->configuration);

# The first version ---------------------------------------------------------------

($rc, $out, $err) = deploy($archive{'1.0.0'});
is($rc, 0, 'the first version is deployed') or die $err, "\n";
like($out, qr/^$name 1\.0\.0 [0-9a-f]{64}\n\z/, 'and told');
is(serves(), '1.0.0', 'it serves');
is(current(), "versions/$name-1.0.0", 'by the link');
is(get('count')->{json}{n}, 1, 'with its tables and functions');
like($err, qr/^ *1  unpack .*\n *2  migrate its database\n    ran 0001_stalls\n    made code_${name}_1_0_0_.*try it.*\n.*operations: 3 called, 1 want a token.*switch to.*2 workers run $name-1\.0\.0\n\z/ms,
     'step by step') or diag $err;
is(leftovers(), '', 'nothing is left of it');
is_deeply($gw->get('/plugins')->{json}{plugins}[0]{signed_by}, { agency => fingerprint(
              "$dir/keys/$name/agency-a.pem"), reviewer => undef }, 'the gateway knows whose key has signed it');

($rc, $out, $err) = deploy($archive{'1.0.0'});
is($rc, 0, 'again is no harm') or diag $err;

# The next version, while clients call --------------------------------------------

$archive{'1.1.0'} = archive('1.1.0');

# One keeps its connection, one calls the database, and one has a call under way at any
# moment.
my @calls = (['hello'], ['count', close => 1],
             ['secret', close => 1, token => token(sub => 'citizen-1')]);
my %answers;
$answers{$_}++ for under_load(
    dir     => $dir,
    clients => 3,
    client  => sub {
        my ($number, $notes) = @_;
        my $http = IHanoi::Test::HTTP->new(port => $gw->port);
        my ($what, @how) = @{ $calls[$number - 1] };
        my $kept = 0;

        while (!-e "$dir/enough") {
            my $r = eval { $http->request('GET', "/v1/$name/$what", @how) };

            # A kept connection may be closed by the old worker; then the
            # request is sent again.
            if (!$r && $kept) {
                $http->close;
                $kept = 0;
                print $notes "closed\n";
                next;
            }

            print $notes $r ? "$r->{status} " . ($r->{json}{version} // $r->{json}{n} // '')
                            : 'failed', "\n";
            $kept = $r && $http->{socket} ? 1 : 0;
            sleep 0.005;
        }
    },
    during  => sub {
        my $done = eval {
            ($rc, $out, $err) = deploy($archive{'1.1.0'}, '--versions', "$dir/versions");
            is($rc, 0, 'the next version is deployed under load') or diag $err;
            sleep 0.3;
            1;
        };
        my $why = $@;
        $gw->write('enough', '');
        die $why if !$done;
    },
);
is(join(' ', grep { !/^(?:200 (?:1\.[01]\.0|1|101)|closed)$/ } keys %answers), '',
   'no request fails: ' . join ', ', map { "$_: $answers{$_}" } sort keys %answers);
ok($answers{"200 $_"}, "$_ served under load") for '1.0.0', '1.1.0', 1, 101;
is(get('count')->{json}{n}, 101, 'with its own functions');
is(`cat $dir/versions`, $out, '--versions remembers it, for others');
like(`cat $home/$name/known`, qr/^\Q$out\E/m, 'and what rollback asks, too');

# Failures at each step -----------------------------------------------------------

sub refused {
    my ($what, $archive, $code, $said, @more) = @_;
    my $before = state();
    my $failed = -e "$dir/fail";

    ($rc, $out, $err) = deploy($archive, @more);
    unlink "$dir/fail";
    is($rc, $code, "$what: refused") or diag $err;
    like($err, $said, "$what: and it says why") or diag $err;
    is($out, '', "$what: no result");
    is(state(), $before, "$what: all is as it was");
    return;
}

my $good = archive('9.0.0');

refused('the wrong key', $good, 1, qr/signed by nobody whom $name trusts/,
        '--keys', "$dir/stranger");
refused('two contents under one version', archive('1.1.0', files => { 'README.md' => 'x' }), 3,
        qr/is known with other contents \([0-9a-f]{64}\): the agency must raise the version/);
$gw->write('others', "$name 9.0.0 " . '0' x 64 . "\n");
refused('other contents in a list of versions', $good, 3,
        qr/\Asigned \N+\n *1  unpack \N+\nihanoi plugin: \N+ known with other contents \(0{64}\)/,
        '--versions', "$dir/others");
refused('Lua that does not load', archive('9.1.0', files => { 'lib/x.lua' => 'return io' }),
        1, qr{^lib/x\.lua:1: .*"io".*is not good}ms);
refused('an operation less, unsaid', archive('1.2.0', lua => { hello => undef }), 3,
        qr{breaks callers of 1\.1\.0: call it 2\.0\.0});
refused('a port without a database', $good, 1, qr/psql: error: connection to server/,
        '--port', 1);
refused('a migration of another schema', archive('9.2.0', files => {
            'migrations/0003_evil.sql' => q{do $$ begin execute 'delete from co' || 're.people'; end $$} }),
        1, qr/permission denied for .*\n.*migration 0003_evil of $name failed and was undone.*\nundone: the unpacking of $name-9\.2\.0\n$name-1\.1\.0 serves, as before/s);
refused('a function that is none', archive('9.3.0', files => { 'sql/x.sql' =>
            "create function x() returns int language sql as 'select nothing'" }),
        1, qr/were not made/);
refused('a metric of another type', archive('9.11.0', manifest => {
            metrics => [{ name => 'wait_seconds', type => 'histogram', help => 'x' }] }), 1,
        qr/the metric plugin_${name}_wait_seconds is a histogram and was a gauge: \N+\nundone: the unpacking of $name-9\.11\.0\n/, '--timeout', 10);
refused('a right that nobody granted', archive('9.4.0', manifest => { permissions => {
            public => $true, database => $true, backends => ['operator'] } }), 1,
        qr/asks for the backend "operator"[^\n]*;" is missing\nihanoi plugin: [^\n]*does not start with it\nundone: the functions code_${name}_9_4_0_\w+\nundone: the unpacking/s);
refused('an operation that raises an error', archive('9.5.0', lua => { hello => 'error("no")' }),
        1, qr{GET /v1/$name/hello: it answers 500 \(urn:ihanoi:problem:plugin-failed\)\nundone:}s);
refused('an answer that its contract does not allow', archive('9.6.0', operations => { hello => {
            responses => { 200 => { description => 'x', content => { 'application/json' => {
                schema => { type => 'object', required => ['missing'] } } } } } } }),
        1, qr/hello: it answers 502 \(urn:ihanoi:problem:plugin-reply-invalid\)/);

# Whether workers run it could not be known: told before anything is done.
for my $case (
    ['a place that is none', $gw->url . '/nothing', qr{answers 404: allow this machine there}],
    ['a port where nobody is', 'http://127.0.0.1:1/x', qr{at 127\.0\.0\.1:1 does not answer}],
    ['another page', $gw->url . '/plugins', qr{has no series of a gateway: --metrics another URL}],
) {
    my ($what, $where, $said) = @$case;
    refused("metrics at $what", $good, 1, qr/\Asigned \N+\nihanoi plugin: \N*$said\N*\n\z/,
            '--metrics', $where);
}
refused('a program that is none', $good, 1,
        qr{\Asigned \N+\ncould not run /nowhere: No such file or directory\nihanoi plugin: \N+ nothing was done\n\z},
        '--nginx', '/nowhere');
$gw->write('nginx.conf', $gw->configuration =~ s/location = \/metrics \{[^}]*\}//r);
refused('no metrics', $good, 1,
        qr/\Asigned \N+\nihanoi plugin: \N+ no "ihanoi_status metrics"\N+\n\z/);
$gw->write('nginx.conf', $gw->configuration);

# Whom pg_hba.conf does not let in is stopped at the same place.
$db->sql("alter database $db->{name} connection limit 0");
refused('a deployment that the database does not let in', $good, 1,
        qr/FATAL: \N+\nno connection as "deploy_${name}_\w+": what pg_hba\.conf needs is in docs\/plugin-deploy\.md\n/);
$db->sql("alter database $db->{name} connection limit -1");
refused('a migration whose connection breaks', archive('9.13.0', files => { 'migrations/0003_end.sql' =>
            "do \$\$ begin execute 'set ' || 'role none'; execute 'select pg_terminate_' || 'backend(pg_backend_pid())'; end \$\$" }), 1,
        qr/^ 3  migrate \N+\n(?:psql:\N+\n|\N*FATAL: \N+\n|\s\N+\n|server closed \N+\n|connection to server was lost\n)+ihanoi plugin: whether migration 0003_end of $name was applied is not known: \N+\nundone: the role deploy_/m);

fail_at('test');
refused('nginx -t', $good, 1, qr/nginx -t refuses $name-9\.0\.0\nundone: the switch to $name-9\.0\.0\nundone: the functions .*\nundone: the unpacking/);
fail_at('reload');
refused('a reload that is refused', $good, 1, qr/nginx does not reload\nundone: the switch/);
fail_at('silent');
refused('workers that say nothing', $good, 1,
        qr/not all workers said in 5 seconds that they run $name-9\.0\.0.*\nundone: the switch to $name-9\.0\.0, all workers run $name-1\.1\.0/,
        '--timeout', 5);

# An undo that fails: nothing that it stands on goes away, and the next one goes on.
fail_at('stuck');
($rc, $out, $err) = deploy($good);
is($rc, 1, 'an undo that fails');
like($err, qr{^NOT undone: the switch to $name-9\.0\.0: could not point \S+ to $name-1\.1\.0.*
stays: the functions \S+
stays: the unpacking of $name-9\.0\.0
mend that and deploy again}m, 'is told, with what stays') or diag $err;
is(serves(), '1.1.0', 'the old version serves');
system('rm', '-r', "$home/$name/current.new");
unlink "$dir/fail";
($rc, $out, $err) = deploy($archive{'1.1.0'});
is($rc, 0, 'mended, the next deployment works') or diag $err;
like($err, qr/^a deployment of $name-9\.0\.0 was killed: back to $name-1\.1\.0$/m,
     'and says what it found');
is(current(), "versions/$name-1.1.0", 'and goes back');

# What a full disk has cut short is no line, and the next one is whole.
{
    my $place = IHanoi::Plugin::Home->new("$dir/full", $name);
    make_path($place->dir);
    $gw->write("full/$name/known", "$name 1.0.0 " . 'a' x 64 . "\n$name 1.1.0 0caf");
    $gw->write("full/$name/deployments", '{"at":"2026-11-');

    my $found = { name => $name, version => '1.1.0', top => "$name-1.1.0", hash => 'b' x 64 };
    IHanoi::Plugin::Verify::remember($found, $place->known) for 1 .. 2;
    is($place->digest("$name-1.1.0"), 'b' x 64, 'a version is known after a disk was full');
    is($place->digest("$name-1.0.0"), 'a' x 64, 'and so are those before');
    $place->record(what => 'deploy', version => "$name-1.1.0");
    is(join(' ', map { $_->{version} } $place->records), "$name-1.1.0",
       'what was done is written down');
}

# Two at once -----------------------------------------------------------------------

{
    open my $lock, '+>>', "$home/$name/lock" or die;
    flock $lock, 2;
    refused('a second one at once', $good, 1, qr/$name is being deployed by process \d+: wait/);
}

# One of another plugin has the room of a gateway more, and reloads: this one waits.
{
    open my $lock, '<', "$dir/nginx.conf" or die;
    flock $lock, 2;
    my $pid = started($archive{'1.1.0'}, 20);
    ok(wait_until(sub { $gw->_slurp('killed.log') =~ /^waits for another deployment/m }, 60),
       'another plugin is deployed: it waits');
    close $lock;
    waitpid $pid, 0;
    is($?, 0, 'and is next') or diag $gw->_slurp('killed.log');
}

# Limits are for clients --------------------------------------------------------------

$gw->write('nginx.conf', $gw->configuration
    =~ s/(    server \{)/limit_req_zone \$server_name zone=all:1m rate=1r\/m;\n$1/r
    =~ s/(location \/ \{)/$1 limit_req zone=all;/r);
($rc, $out, $err) = deploy($archive{'1.1.0'});
is($rc, 0, 'a strict limit_req is none for the scratch gateway') or diag $err;
$gw->reload;

# Killed ------------------------------------------------------------------------------

# Runs a deployment until it has said something, then kills it.
sub killed_at {
    my ($archive, $said) = @_;
    ended_at($archive, KILL => "killed at $said", sub { $gw->_slurp('killed.log') =~ $said });
    return;
}

sub started {
    my ($archive, $timeout) = @_;
    unlink "$dir/killed.log";
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;

    open STDIN, '<', '/dev/null';
    open STDOUT, '>', "$dir/killed.log";
    open STDERR, '>&', \*STDOUT;
    exec_ihanoi(qw(plugin deploy), $archive, @keys, @gateway, @database, '--timeout', $timeout);
}

sub ended_at {
    my ($archive, $signal, $what, $seen) = @_;
    my $pid = started($archive, 60);

    ok(wait_until($seen, 60), $what) or diag $gw->_slurp('killed.log');
    sleep 0.5;
    kill $signal => $pid;
    waitpid $pid, 0;
    unlink "$dir/fail";
    return;
}

my $before = serves();
fail_at('hang');
killed_at($good, qr/try it/);
is(serves(), $before, 'killed while it is tried: the old version serves');
is(current(), "versions/$name-$before", 'and would after a restart');

fail_at('silent');
killed_at($good, qr/reload nginx/);
is(serves(), $before, 'killed after the switch: the old version serves');
is((ihanoi(qw(plugin status), $name, @gateway))[0], 1, 'status says that something is wrong');

($rc, $out, $err) = deploy(archive('1.2.0'));
is($rc, 0, 'the next deployment works') or diag $err;
like($err, qr/^a deployment of $name-9\.0\.0 was killed: back to $name-1\.1\.0$/m, 'and says what it found');
is(serves(), '1.2.0', 'it serves');
is(leftovers(), '', 'nothing is left');

# Ended while SQL runs: none goes on behind its back ------------------------------------

for my $case (
    ['a migration', '9.7.0', { 'migrations/0003_quick.sql' => 'select 1',
                               'migrations/0004_slow.sql' => 'select pg_sleep(60)' },
     qr/stays: migration 0003_quick\n/],
    ['its functions', '9.8.0', { 'sql/slow.sql' => 'select pg_sleep(60)' }, qr//],
) {
    my ($what, $version, $files, $stays) = @$case;
    my $archive = archive($version, files => $files);
    my $before = state();
    my $sessions = "from pg_stat_activity where datname = '$db->{name}'
                        and application_name = 'ihanoi plugin'";

    ended_at($archive, TERM => "$what: SIGTERM", sub {
        $db->sql("select count(*) $sessions and query ~ 'pg_sleep'") });
    my $said = $gw->_slurp('killed.log');
    like($said, qr/ended by SIGTERM\n.*undone: the unpacking of $name-\Q$version\E
${stays}$name-1\.2\.0 serves, as before\n\z/s, "$what: it says what it undid") or diag $said;
    is(state(), $before, "$what: all is as it was");
    ok(wait_until(sub { !$db->sql("select count(*) $sessions") }, 5), "$what: no SQL runs");
    $db->sql("delete from plugin_$name.ihanoi_migrations where name ~ '^0003'");
}

# Calls of a version that is taken back ---------------------------------------------------

{
    my $before = state();
    my $archive = archive('9.9.0');

    fail_at('other');
    my $pid = started($archive, 20);
    ok(wait_until(sub { serves() eq '9.9.0' }, 60), 'somebody else reloads after the switch');
    unlink "$dir/fail";
    waitpid $pid, 0;
    is($? >> 8, 1, 'and nginx -t refuses it');
    like($gw->_slurp('killed.log'), qr/^undone: the switch to $name-9\.9\.0, all workers run $name-1\.2\.0$/m,
         'it is not left running without its functions') or diag $gw->_slurp('killed.log');
    is(state(), $before, 'all is as it was');

    # A call that goes on until a row is there, and then needs a function.
    $archive = archive('9.10.0', manifest => { limits => { timeout => '30s' } }, lua => { secret => '
        while not ihanoi.db.one("select id from stalls where id = 9") do ihanoi.run.sleep(0.05) end
        return 200, ihanoi.db.one("stall_count")' });
    fail_at('late');
    $pid = started($archive, 5);
    ok(wait_until(sub { serves() eq '9.10.0' }, 60), 'the next one serves before it is ended');
    my $client = $gw->connection(timeout => 40);
    $client->send($client->format('GET', "/v1/$name/secret", token => token(sub => 'citizen-1'), close => 1));
    ok(wait_until(sub { $db->sql("select count(*) from pg_stat_activity where usename = 'plugin_$name'
                                    and query ~ 'id = 9'") }), 'a call is under way');
    kill TERM => $pid;
    unlink "$dir/fail";
    waitpid $pid, 0;
    like($gw->_slurp('killed.log'), qr/^NOT undone: \N+ $name-1\.2\.0 serves, but calls of $name-9\.10\.0 are not over
stays: the functions \S+
stays: the unpacking/m, 'what a call needs stays') or diag $gw->_slurp('killed.log');
    $db->sql("insert into plugin_$name.stalls values (9)");
    is($client->response->{json}{n}, 102, 'and it has it');
    $db->sql("delete from plugin_$name.stalls where id = 9");
    is(serves(), '1.2.0', 'the version before serves');
    ($rc, undef, $err) = deploy(archive('1.2.0'));
    is($rc, 0, 'the next deployment goes on') or diag $err;

    # The version that serves, deployed again: of that no call has to end.
    fail_at('late');
    $pid = started(archive('1.2.0'), 20);
    ok(wait_until(sub { $gw->_slurp('killed.log') =~ /reload nginx/ }, 60), 'once more, and ended');
    kill TERM => $pid;
    unlink "$dir/fail";
    waitpid $pid, 0;
    like($gw->_slurp('killed.log'), qr/^undone: the switch to \N+, all workers run $name-1\.2\.0$/m,
         'it goes on') or diag $gw->_slurp('killed.log');
}

# List, status ------------------------------------------------------------------------

($rc, $out) = ihanoi(qw(plugin list), @gateway);
like($out, qr/^\* $name +1\.2\.0 +deploy +20\d\d-\S+Z +[0-9a-f]{16}$/m, 'the list has the current version');
like($out, qr/^  $name +1\.0\.0 /m, 'and others');
($rc, $out) = ihanoi(qw(plugin status), @gateway);
is($rc, 0, 'status: all is well');
like($out, qr/^  runs      1\.2\.0 on 2 of 2 workers, serving, circuit closed, \d+ calls, 0 failed, 0 killed$/m, 'with what runs') or diag $out;
($rc, $out) = ihanoi(qw(plugin status --json), $name, @gateway);
is(JSON::PP->new->decode($out)->{deployed}{version}, '1.2.0', 'as JSON too');

# Rolling back ------------------------------------------------------------------------

sub rollback { return ihanoi(qw(plugin rollback), $name, @_, @gateway, @database, '--timeout', 20) }

($rc, $out, $err) = rollback();
is($rc, 0, 'back to the one before') or diag $err;
is(serves(), '1.1.0', 'which serves');
like($err, qr/migrations are not undone/, 'and it says what stays');
($rc) = rollback('1.0.0');
is($rc, 0, 'to a version by name');
is(serves(), '1.0.0', 'which serves');
is(get('count')->{json}{n}, 1, 'with its own functions, on the newer tables');

chmod 0644, "$home/$name/versions/$name-1.1.0/handler.lua";
open my $changed, '>>', "$home/$name/versions/$name-1.1.0/handler.lua" or die;
print $changed "-- changed\n";
close $changed;
($rc, $out, $err) = rollback('1.1.0');
ok($rc == 1 || $rc == 3, 'a version that somebody changed is not gone back to') or diag $err;
is(serves(), '1.0.0', 'what serves goes on');
is((rollback('7.7.7'))[0], 1, 'nor one that is not here');

# What serves has lost its files, which nginx reads when it is reloaded.
($rc, $out, $err) = rollback('1.2.0');
is($rc, 0, 'to the newest again') or diag $err;
rename "$home/$name/versions/$name-1.2.0", "$home/lost" or die $!;
($rc, $out, $err) = rollback('1.0.0');
is($rc, 0, 'back from a version whose folder is gone') or diag $err;
rename "$home/lost", "$home/$name/versions/$name-1.2.0" or die $!;

# Several servers, the first of which is away --------------------------------------------

$gw->write('nginx.conf', $gw->configuration
    =~ s/(ihanoi_database $name \{)/$1 server 127.0.0.1:1;/r);
($rc, $out, $err) = rollback('1.2.0');
is($rc, 0, 'a database whose first server is away') or diag $err;

# A standby that is behind does not know the role that a deployment has just made.
require IHanoi::Test::Pg;
my $standby = IHanoi::Test::Pg::own_cluster();
$standby->sql("create database $db->{name}");
$standby->sql("alter database $db->{name} set default_transaction_read_only = on");
$gw->write('nginx.conf', $gw->configuration =~ s{(ihanoi_database $name \{)}
    {$1 server unix:$standby->{socket} port=$standby->{port};}r);
($rc, $out, $err) = deploy(archive('1.2.1'), '--keep', 9);
is($rc, 0, 'or takes no writes') or diag $err;
IHanoi::Test::Pg::stop_own_clusters();
rollback('1.0.0');
$gw->write('nginx.conf', $gw->configuration);

my $example = $gw->write('example.conf', "http { include @{[tree()]}/conf/production.conf; }\n");
is_deeply(IHanoi::Plugin::Gateway->new({ conf => $example })->database('main'),
    { dbname => 'ihanoi', host => 'db1.example,db2.example', hostaddr => '10.0.0.11,10.0.0.12',
      port => '5432,5432', target => 'read-write', sslmode => 'verify-full',
      sslrootcert => '/etc/nginx/ihanoi/database-ca.pem' },
    'servers by address, their certificates by name');

# Old versions ------------------------------------------------------------------------

($rc, $out, $err) = deploy(archive('1.3.0'), '--dry-run');
is($rc, 0, 'a dry run') or diag $err;
like($err, qr/nothing was changed/, 'changes nothing');
is(serves(), '1.0.0', 'at all');

# What the database refuses when the new one serves already.
{
    make_path("$dir/bin");
    my $psql = $gw->write('bin/psql', "#!/bin/sh\ncase \"\$*\" in *like=^code_*) exit 1 ;; esac\n"
        . "PATH=$ENV{PATH}\nexec psql \"\$@\"\n");
    chmod 0755, $psql;
    local $ENV{PATH} = "$dir/bin:$ENV{PATH}";
    $archive{'1.4.0'} = archive('1.4.0');
    ($rc, $out, $err) = deploy($archive{'1.4.0'}, '--keep', 2);
    is($rc, 0, 'old versions that cannot be removed are no failure') or diag $err;
    like($err, qr/^old versions stay until the next time: the database refused/m, 'and it says so');
    is(serves(), '1.4.0', 'it serves');
}

($rc, $out, $err) = deploy($archive{'1.4.0'}, '--keep', 2);
is($rc, 0, 'deployed, with two kept') or diag $err;
is(join(' ', map { m{-([0-9.]+)$} } sort glob("$home/$name/versions/*")), '1.0.0 1.4.0',
   'this one and the one before stay');
is($db->sql("select count(*) from pg_namespace where nspname ~ '^code_${name}_'"), 2,
   'and their functions');

# Which versions workers run is not known.
{
    sub Mute::versions { return }
    my $mute = bless { name => $name, home => IHanoi::Plugin::Home->new($home, $name),
                       gateway => bless({}, 'Mute'), opt => { keep => 1 } }, 'IHanoi::Plugin::Deployment';
    my $stay = join ' ', $mute->{home}->versions;
    eval { $mute->_remove_old("$name-1.4.0", { database => 0 }, undef) };
    is(join(' ', $mute->{home}->versions), $stay, 'then none is removed');
}

# A first version: there is none to go back to, and nginx must go on loading --------------

{
    my $first = "kiosk_$$";
    my $plugin = plugin_folder(name => $first, lua => { hello => 'return 200, {}' });
    $gw->{http} .= $plugin->block('public;') =~ s{path \S+;}{path plugins/$first/current;}r;
    $gw->write('nginx.conf', $gw->configuration);
    ihanoi(qw(plugin pack --into), $dir, $plugin->path);

    my @deploy = (qw(plugin deploy --unsigned), "$dir/$first-1.0.0.plugin.tar.gz", @gateway);
    ($rc, $out) = ihanoi(qw(plugin list), $first, @gateway);
    is("$rc$out", '0', 'no version is here');
    my $http = $gw->{http};
    $gw->{http} .= "ihanoi_plugin booth_$$ { path plugins/booth_$$/current; }\n";
    $gw->write('nginx.conf', $gw->configuration);
    ($rc, $out, $err) = ihanoi(@deploy);
    is($rc, 1, 'two first versions');
    like($err, qr/no version of booth_$$ is there, either; write one block, deploy, then the next\n\z/,
         'come one after the other, and it says so');
    is(join(' ', glob("$home/$first/versions/*")), '', 'before anything is done');
    $gw->{http} = $http;
    $gw->write('nginx.conf', $gw->configuration);
    fail_at('silent');
    ($rc, $out, $err) = ihanoi(@deploy, '--timeout', 5);
    is($rc, 1, 'a first version that workers do not say they run');
    like($err, qr/^NOT undone: the switch to $first-1\.0\.0: .* the first version: .*
stays: the unpacking/m,
         'stays, and it says why') or diag $err;
    ok(-d "$home/$first/current", 'so nginx would load it again');
    ($rc, $out, $err) = ihanoi(@deploy, '--timeout', 20);
    is($rc, 0, 'deployed again, it serves') or diag $err;
}

# Options -----------------------------------------------------------------------------

is((deploy($good, '--timeout', 0))[0], 2, 'no time to wait is wrong usage');
is((deploy($good, '--keep', -1))[0], 2, 'so is keeping less than nothing');

# A version that asks for more -----------------------------------------------------------

{
    my $conf = $gw->configuration;
    my $more = archive('2.0.0', manifest => { permissions => {
        public => $true, database => $true, secrets => ['key'] } });

    $gw->write('nginx.conf', "$conf\nnonsense;\n");
    refused('a configuration that does not pass', $more, 1, qr/nonsense.*nothing was done/s);

    $gw->write('nginx.conf', $conf);
    refused('a secret that nobody grants', $more, 1, qr/asks for the secret "key"/);

    # The old version does not ask for it: nginx -t refuses the two together.
    chmod 0600, $gw->write('key', 'k1');
    $gw->write('nginx.conf', $conf =~ s/(ihanoi_plugin $name \{)/$1 secret key $dir\/key;/r);
    ($rc, $out, $err) = deploy($more);
    is($rc, 0, 'granted before it is deployed, it comes into service') or diag $err;
    is(serves(), '2.0.0', 'and serves');

    $gw->write('nginx.conf', $conf);
    ($rc, $out, $err) = rollback('1.4.0');
    is($rc, 0, 'taken away, the one before does again') or diag $err;
    is(serves(), '1.4.0', 'and serves');
}

# A candidate ---------------------------------------------------------------------------

{
    my $next = archive('2.1.0', manifest => { metrics => [
        { name => 'tried_seconds', type => 'gauge', help => 'x' }] });
    my $place = IHanoi::Plugin::Home->new($home, $name);
    my $serves = serves();
    my $before = join ' ', $serves, current(), $place->before("$name-$serves");

    ($rc, $out, $err) = deploy($next, '--candidate');
    is($rc, 0, 'a candidate is prepared') or diag $err;
    like($err, qr{^candidate $home/$name/versions/$name-2\.1\.0 \$variable;$}m,
         'and it says what to write');
    is(join(' ', serves(), current(), $place->before("$name-$serves")), $before,
       'what serves goes on, and what there is to go back to');

    my $http = $gw->{http};
    my ($block) = $http =~ /(ihanoi_database $name \{.*?\n\}\n)/s;
    my $lines = "candidate plugins/$name/versions/$name-2.1.0 \$http_x_version;\n"
              . "candidate_database ${name}_next;\n";
    $gw->reload(http => ($http =~ s/(ihanoi_plugin $name \{)/$1\n$lines/r)
                        . ($block =~ s/$name/${name}_next/r));
    my @header = (headers => { 'X-Version' => '2.1.0' });
    my $call = sub { ($gw->get("/v1/$name/$_[0]", @header)->{json} // {})->{ $_[1] } // '' };

    ok(wait_until(sub { $call->(qw(hello version)) eq '2.1.0' }, 10), 'nginx gives it calls');
    ok(wait_until(sub { $call->(qw(count n)) eq 101 }, 10), 'and its functions are there');
    is(serves(), $serves, 'other calls are not its');

    refused('a candidate that still is one', $next, 1,
            qr/$name-2\.1\.0 is the candidate: take "candidate" and "candidate_database" out/);
    $gw->{http} = $http;
    $gw->write('nginx.conf', $gw->configuration);
    refused('a metric of another type than a candidate had, which never set it', archive('9.12.0', manifest => { metrics => [
            { name => 'tried_seconds', type => 'histogram', help => 'x' }] }), 1,
            qr/the metric plugin_${name}_tried_seconds is a histogram and was a gauge:/, '--timeout', 10);
    fail_at('silent');
    killed_at($next, qr/reload nginx/);
    ($rc, $out, $err) = deploy($next);
    is($rc, 0, 'after that it comes into service') or diag $err;
    like($err, qr/^a deployment of $name-2\.1\.0 was killed: back to $name-\Q$serves\E$/m,
         'that workers run it as their candidate is not that it serves');
    is(serves(), '2.1.0', 'and serves all');
}

# Another gateway -----------------------------------------------------------------------

# One whose disk was lost, or one more: with a copy of the folder it begins where that was.
{
    my $other = gateway(db => $db, workers => 2, responses => 0, start => 0,
                        http => $gw->{http}, locations => $gw->{locations});
    system('cp', '-a', $home, $other->dir) == 0 or die;
    $other->start;
    my @other = ('--conf', $other->dir . '/nginx.conf', '--nginx', $other->{nginx});

    ok(wait_until(sub { (ihanoi(qw(plugin status), $name, @other))[0] == 0 }), 'a copy serves');
    is(($other->get("/v1/$name/count")->{json} // {})->{n}, 101, 'its functions are there');
    ($rc, $out, $err) = ihanoi(qw(plugin rollback), $name, @other, @database);
    is($rc, 0, 'it goes back alone') or diag $err;
    is($other->get("/v1/$name/hello")->{json}{version} . ' ' . serves(), '1.4.0 2.1.0', 'to what served before');
    $other->stop;
}

# What the page shows -----------------------------------------------------------------

{
    my %stands = ('parking-1.4.0.plugin.tar.gz' => archive('2.2.0'),
                  'parking-1.5.0.plugin.tar.gz' => archive('2.3.0'),
                  '/etc/ihanoi/keys' => "$dir/keys", parking => $name);
    open my $page, '<', tree() . '/docs/plugin-deploy.md' or die $!;
    my @commands = map { /^    ihanoi (plugin (?:deploy|list|status|rollback) .*)$/ } <$page>;

    is(scalar @commands, 5, 'five commands are shown');

    for my $command (@commands) {
        my @words = map { $stands{$_} // $_ } split ' ', $command;
        push @words, @gateway, $words[1] =~ /^(?:deploy|rollback)$/ ? @database : ();
        ($rc, $out, $err) = ihanoi(@words);
        is($rc, 0, "$command works") or diag $err;
    }
}

done_testing();
