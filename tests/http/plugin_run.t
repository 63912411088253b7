#!/usr/bin/perl
# "ihanoi plugin run": a gateway with one plugin for whoever writes it.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Command;
use IHanoi::Test::Plugin;
use File::Temp qw(tempdir);
use HTTP::Tiny;
use IO::Socket::INET;
use POSIX qw(WNOHANG);

my $temp = $ENV{TMPDIR} = tempdir('ihanoi-test-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $temp;

my @running;
END { kill KILL => $_->{pid} for grep { $_->{pid} } @running }

sub free_port {
    my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
    return $socket->sockport;
}

# Starts the command: { pid, port, said() }.
sub started {
    my ($plugin, @args) = @_;
    my $run = { port => free_port(), file => "$temp/run." . @running };
    my $pid = fork // die;

    if (!$pid) {
        setpgrp;                    # as a terminal's: Ctrl-C is for all that it runs
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', $run->{file};
        open STDERR, '>&', \*STDOUT;
        $ENV{http_proxy} = 'http://127.0.0.1:1';        # for elsewhere
        exec_ihanoi(qw(plugin run), $plugin->path, '--port', $run->{port}, @args);
    }

    $run->{pid} = $pid;
    push @running, $run;
    return $run;
}

sub said { open my $fh, '<:raw', $_[0]{file} or return ''; local $/; return <$fh> // '' }
sub says { my ($run, $what) = @_; return wait_until(sub { said($run) =~ $what }, 120) }
sub get {
    my ($run, $path, %headers) = @_;
    return HTTP::Tiny->new(timeout => 10)->get("http://127.0.0.1:$run->{port}$path", { headers => \%headers });
}
sub ended {
    my ($run, $signal) = @_;
    kill $signal => $run->{pid};
    my $end = wait_until(sub { waitpid($run->{pid}, WNOHANG) == $run->{pid} ? [$?] : 0 }, 20);
    delete $run->{pid} if $end;
    return $end ? $end->[0] : 'runs on';
}

my %lua = (
    hello => 'ihanoi.log.info("asked") return 200, { text = "one", max = ihanoi.plugin.settings().max,
              key = ihanoi.plugin.secret("key") }',
    mine => 'return 200, { sub = ihanoi.request.caller().sub, assurance = ihanoi.request.caller().assurance }',
    desk => 'return 200, {}',
    wrong => 'return 200, {}',
    away => 'local r, err = ihanoi.backend.get("operator", "/x") return 200, { err = err }',
    number => 'local n, err = ihanoi.db.value("select $1::int", { "x" }) return ihanoi.response.problem(err)',
    slow => 'ihanoi.run.sleep(2) return 200, { text = "slow" }',
);
my %spec = (lua => \%lua, manifest => { permissions => { public => JSON::PP::true, database => JSON::PP::true,
        backends => ['operator'], secrets => ['key'] },
        settings => { type => 'object', properties => { max => { type => 'integer', default => 3 } } } },
    operations => { mine => { security => [{ bearer => [] }] },
        desk => { security => [{ bearer => ['probe:write', 'probe:desk'] }] },
        wrong => { responses => { 200 => { description => 'A text', content => { 'application/json' => { schema => {
            type => 'object', required => ['text'] } } } } } } });
my $plugin = plugin_folder(%spec);
my $good = do { local (@ARGV, $/) = $plugin->path . '/handler.lua'; <> };

my $run = started($plugin, '--setting', 'max=7');
ok(says($run, qr/Ctrl-C ends it/), 'it starts') or diag said($run);
like(said($run), qr{^  GET    http://127\.0\.0\.1:$run->{port}/v1/probe/hello$}m, 'operations are listed');
like(said($run), qr/backend operator listens nowhere/, 'a backend that nobody gave is told');

my $r = get($run, '/v1/probe/hello');
is($r->{status}, 200, 'it answers');
like($r->{content}, qr/"max":7/, 'with the setting');
like($r->{content}, qr/"key":"test secret"/, 'and a secret');
ok(says($run, qr{^GET    /v1/probe/hello 200 \d+ ms\n    \[info\] says: asked$}m),
   'a request is shown with its log lines under it') or diag said($run);

my %token = said($run) =~ /^(citizen|officer) \(\w+\) +(\S+)$/mg;
is(get($run, '/v1/probe/mine')->{status}, 401, 'no token');
$r = get($run, '/v1/probe/mine', Authorization => "Bearer $token{citizen}");
like($r->{content}, qr/"assurance":"phone"/, 'the citizen\'s token');
$r = get($run, '/v1/probe/mine', Authorization => "Bearer $token{officer}");
like($r->{content}, qr/"sub":"test-officer"/, 'the officer\'s token');
is(join(' ', map { get($run, '/v1/probe/desk', Authorization => "Bearer $token{$_}")->{status} } qw(citizen officer)),
   '403 200', 'which has the scopes that the contract asks for');
like(get($run, '/v1/probe/away')->{content}, qr/"err":"refused"/, 'the backend refuses');

is(get($run, '/v1/probe/wrong')->{status}, 502, 'an answer that is not as the contract says');
ok(says($run, qr{^GET    /v1/probe/wrong 502 \d+ ms\n    \[error\] .*/text}m), 'is told, with its place')
    or diag said($run);

is(get($run, '/v1/probe/number')->{status}, 500, 'a statement that fails');
ok(says($run, qr{^GET    /v1/probe/number 500 \d+ ms\n    \[error\] .*22P02: invalid input syntax for type integer: "x"}m),
   'is told with what a log withholds') or diag said($run);
unlike(said($run), qr/readyz/, 'nothing else is told');

# Saved, it is served; a request under way ends as it began.
my $pid = open my $slow, '-|' // die;
if (!$pid) { print get($run, '/v1/probe/slow')->{content}; POSIX::_exit(0) }
sleep 1;
$plugin->write('handler.lua', $good =~ s/one/two/r =~ s/"slow"/"new"/r);
ok(says($run, qr/^-- serves 1\.0\.0 [0-9a-f]{12}$/m), 'what is saved is served') or diag said($run);
like(get($run, '/v1/probe/hello')->{content}, qr/two/, 'at once');
like(join('', <$slow>), qr/"slow"/, 'no request is lost');
close $slow;

# What is wrong is told, and the last good one goes on.
for my $case (['syntax', 'handler.lua', 'return (', qr/^handler\.lua:1: /m],
              ['a function that is gone', 'handler.lua', 'return {}', qr/no function "\w+"/],
              ['a manifest that is wrong', 'plugin.json', '{', qr/^plugin\.json/m])
{
    my ($what, $file, $text, $expected) = @$case;
    my $old = do { local (@ARGV, $/) = $plugin->path . "/$file"; <> };
    my $before = length said($run);
    $plugin->write($file, $text);
    ok(wait_until(sub { substr(said($run), $before) =~ /^-- not taken: 1\.0\.0 [0-9a-f]{12} goes on$/m }, 15),
       "$what is not taken") or diag said($run);
    like(substr(said($run), $before), $expected, 'and is told');
    like(get($run, '/v1/probe/hello')->{content}, qr/two/, 'the last good one goes on');
    $plugin->write($file, $old);
}
for my $case (['a link', sub { symlink '/etc/passwd', $_[0] }, 'is a symbolic link'],
              ['a pipe', sub { POSIX::mkfifo($_[0], 0600) }, 'is neither a file nor a folder'])
{
    my ($what, $make, $expected) = @$case;
    my $file = $plugin->path . '/other.lua';
    my $before = length said($run);
    $make->($file) or die "$file: $!\n";
    ok(wait_until(sub { substr(said($run), $before) =~ /^other\.lua: $expected.*^-- not taken/ms }, 15),
       "$what is told of") or diag said($run);
    like(get($run, '/v1/probe/hello')->{content}, qr/two/, 'the last good one goes on');
    unlink $file;
}
# Another branch, and back.
rename $plugin->path, $plugin->path . '.away' or die $!;
ok(says($run, qr/^there is no folder "\N+"\n-- not taken: 1\.0\.0 [0-9a-f]{12} goes on$/m),
   'a folder that is not there is not taken') or diag said($run);
like(get($run, '/v1/probe/hello')->{content}, qr/two/, 'the last good one goes on');
rename $plugin->path . '.away', $plugin->path or die $!;
$plugin->write('handler.lua', $good =~ s/one/three/r);
ok(says($run, qr/goes on\n(?:\N+\n)*-- serves/), 'when it is back, so is what is saved') or diag said($run);

my $served = () = said($run) =~ /^-- serves/mg;
$plugin->write('.hidden', 'x');
sleep 1;
is(scalar(() = said($run) =~ /^-- serves/mg), $served, 'a file that is no part of it changes nothing');

is(ended($run, 'INT'), 0, 'Ctrl-C ends it');
ok(!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $run->{port}), 'nobody listens any more');
is(join(' ', grep { !/ihanoi-plugin|run\.\w+$/ } glob "$temp/*"), '', 'nothing is left');

# What cannot be started.
my ($rc, $out, $err) = ihanoi(qw(plugin run), $plugin->path, '--setting', 'max=many', '--port', free_port());
is($rc, 1, 'a setting of another type');
like($err, qr/max.*integer/, 'is told');
($rc, $out, $err) = ihanoi(qw(plugin run), $plugin->path, '--backend', 'bank=80');
is($rc, 1, 'another backend');
like($err, qr/no backend "bank"/, 'is told');
for my $wrong ('operator=99999', 'operator=x', 'operator=0') {
    ($rc, $out, $err) = ihanoi(qw(plugin run), $plugin->path, '--port', free_port(), '--backend', $wrong);
    like("$rc $err", qr/^1 ihanoi plugin: --backend operator=PORT: "\w+" is no port$/, "--backend $wrong");
}
for my $row (["key=$temp", qr/^1 ihanoi plugin: could not read \Q$temp\E: Is a directory$/, 'a folder'],
             ["key=$temp/none", qr/^1 ihanoi plugin: could not read \Q$temp\E\/none: No such file/, 'nothing'],
             ['key=/dev/null', qr/^1 .*secret file "[^"]*" must have from 1 to 8191 bytes/s, 'an empty file'])
{
    my ($secret, $told, $what) = @$row;
    ($rc, $out, $err) = ihanoi(qw(plugin run), $plugin->path, '--port', free_port(), '--secret', $secret);
    like("$rc $err", $told, "$what is no secret");
}
my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
($rc, $out, $err) = ihanoi(qw(plugin run), $plugin->path, '--port', $taken->sockport);
is($rc, 1, 'a port that is taken');
like($err, qr/is taken: --port \d+/, 'is told');
($rc, $out, $err) = ihanoi(qw(plugin run), $plugin->path, '--port', 99_999);
is("$rc $err", "1 ihanoi plugin: 99999 is no port: 1 to 65535\n", 'a port that is none, too');
$plugin->write('handler.lua', 'return (');
($rc, $out, $err) = ihanoi(qw(plugin run), $plugin->path);
is($rc, 1, 'a plugin that is wrong');
like("$out$err", qr/handler\.lua:1: /, 'is told');
is(join(' ', grep { !/ihanoi-plugin|run\.\w+$/ } glob "$temp/*"), '', 'nothing is left of those');

# Nobody reads any more ("| head").
$plugin->write('handler.lua', $good);
pipe my $reader, my $writer or die;
$run = { port => free_port(), pid => fork // die };
if (!$run->{pid}) {
    open STDOUT, '>&', $writer;
    exec_ihanoi(qw(plugin run), $plugin->path, '--port', $run->{port});
}
push @running, $run;
close $writer;
while (<$reader>) { last if /Ctrl-C ends it/ }
close $reader;
is(get($run, '/v1/probe/hello')->{status}, 200, 'it serves');
my $pipe = wait_until(sub { waitpid($run->{pid}, WNOHANG) == $run->{pid} }, 20);
delete $run->{pid} if $pipe;
ok($pipe, 'without a reader it ends');
ok(!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $run->{port}), 'and its gateway');

# A database, when the manifest asks for one.
my $shop = plugin_folder(name => 'shop', lua => { count => 'return 200, ihanoi.db.one("select count(*)::int4 n from stalls")' },
    manifest => { permissions => { public => JSON::PP::true, database => JSON::PP::true } },
    files => { 'migrations/0001_stalls.sql' => 'create table stalls (id int primary key); insert into stalls values (1)' });

# A psql in whose time something else is saved, once a test has it ready.
mkdir "$temp/run.bin" or die;
open my $psql, '>', "$temp/run.bin/psql" or die;
print $psql "#!/bin/sh\nmv $temp/run.later @{[$shop->path]}/sql/later.sql 2> /dev/null\n",
            "PATH=$ENV{PATH}\nexec psql \"\$@\"\n";
close $psql;
chmod 0755, "$temp/run.bin/psql";
{
    local $ENV{PATH} = "$temp/run.bin:$ENV{PATH}";
    $run = started($shop);
}
ok(says($run, qr/Ctrl-C ends it/), 'with a database it starts') or diag said($run);
like(get($run, '/v1/shop/count')->{content}, qr/"n":1\b/, 'and asks it');
$shop->write('migrations/0002_more.sql', 'insert into stalls values (2)');
ok(says($run, qr/^-- serves/m), 'a new migration is applied') or diag said($run);
like(get($run, '/v1/shop/count')->{content}, qr/"n":2\b/, 'at once');
$shop->write('migrations/0003_bad.sql', 'insert into stalls values (2)');
ok(says($run, qr/^-- not taken/m), 'one that fails is not taken');
like(said($run), qr/0003_bad/, 'and named');
like(get($run, '/v1/shop/count')->{content}, qr/"n":2\b/, 'and changes nothing');
unlink $shop->path . '/migrations/0003_bad.sql';
$shop->write('migrations/0002_more.sql', 'insert into stalls values (3)');
ok(says($run, qr/^ihanoi plugin: 0002_more of shop was edited .*\nthis database is of this run alone: restore the migration, or start again\n-- not taken/m),
   'one that has run and is edited, with what to do') or diag said($run);
$shop->write('migrations/0002_more.sql', 'insert into stalls values (2)');

# Saved while what was saved before is taken: each is whole, or is not taken.
my $count = "create function stall_count() returns table (n int) language sql stable as"
          . " 'select count(*)::int4 from stalls';\n";
open my $later, '>', "$temp/run.later" or die;
print $later 'create function nothing';
close $later;
$shop->write('handler.lua', "return { count = function() return 200, ihanoi.db.one('stall_count') end }\n");
$shop->write('sql/stall_count.sql', $count);
ok(says($run, qr/^-- serves(?:.*^-- serves)/ms), 'functions are made, too') or diag said($run);
ok(says($run, qr/^-- serves.*^-- serves.*^-- not taken/ms), 'what is saved meanwhile is the next') or diag said($run);
like(said($run), qr{sql/later\.sql}, 'which is wrong');
like(get($run, '/v1/shop/count')->{content}, qr/"n":2\b/, 'the last good one goes on');
unlink $shop->path . '/sql/later.sql';
is(ended($run, 'TERM'), 0, 'it ends when it is asked to');
is(join(' ', grep { !/ihanoi-plugin|run\.\w+$/ } glob "$temp/*"), '', 'and the database is gone');

SKIP: {
    skip 'PostgreSQL runs as ourselves', 2 if $> != 0;
    mkdir "$temp/run.closed", 0700 or die;
    local $ENV{TMPDIR} = "$temp/run.closed";
    ($rc, $out, $err) = ihanoi(qw(plugin run), $shop->path, '--port', free_port());
    is($rc, 1, 'a folder for temporary files that PostgreSQL may not enter');
    like($err, qr/cannot be reached by the user "postgres": choose another folder with TMPDIR=$/, 'is told');
}

# Ctrl-C while it starts, in a program that it runs: quiet, and nothing is left.
for my $program (qw(openssl psql), $> == 0 ? 'runuser' : ()) {
    my $bin = "$temp/run.$program";
    mkdir $bin or die;
    open my $fh, '>', "$bin/$program" or die;
    print $fh "#!/bin/sh\ncase \"\$0 \$*\" in *runuser*initdb*|*openssl*|*psql*)\n",
              "mkdir $bin/once 2> /dev/null && kill -INT 0 ;; esac\n",
              "PATH=$ENV{PATH}\nexec $program \"\$@\"\n";
    close $fh;
    chmod 0755, $bin, "$bin/$program";

    {
        local $ENV{PATH} = "$bin:$ENV{PATH}";
        $run = started($shop);
    }
    my $end = wait_until(sub { waitpid($run->{pid}, WNOHANG) == $run->{pid} ? [$?] : 0 }, 60);
    delete $run->{pid} if $end;
    is($end && $end->[0] >> 8, 130, "Ctrl-C in $program ends the start");
    is(said($run), "\nended before it served\n", 'which is all that is said');
    is(join(' ', grep { !/ihanoi-plugin|run\.\w+$/ } glob "$temp/*"), '', 'nothing is left');
}

# It waits for no migration that takes long.
my $long = q{do $$ begin raise warning 'it takes long'; perform pg_sleep(500); end $$};
$shop->write('migrations/0003_long.sql', $long);
$run = started($shop);
ok(says($run, qr/it takes long/), 'a migration takes long') or diag said($run);
is(ended($run, '-INT'), 130 << 8, 'Ctrl-C ends the start at once');
like(said($run), qr/it takes long\n(?:.*\n)?\nended before it served\n\z/, 'and nothing is said of it');
unlink $shop->path . '/migrations/0003_long.sql';
$run = started($shop);
says($run, qr/Ctrl-C ends it/);
$shop->write('migrations/0003_long.sql', $long);
ok(says($run, qr/it takes long/), 'or one that is saved') or diag said($run);
is(ended($run, '-INT'), 0, 'Ctrl-C ends it, too');
unlike(said($run), qr/not taken/, 'quietly');
unlink $shop->path . '/migrations/0003_long.sql';
is(join(' ', grep { !/ihanoi-plugin|run\.\w+$/ } glob "$temp/*"), '', 'nothing is left');

# Killed, it has no time to.
unlink $shop->path . '/migrations/0003_bad.sql';
$run = started($shop);
ok(says($run, qr/Ctrl-C ends it/), 'once more') or diag said($run);
my ($postgres) = map { m{^/proc/(\d+)/} } grep { slurp($_) =~ m{-D\0\Q$temp\E/} }
                 glob '/proc/[0-9]*/cmdline';
ok($postgres, 'with its PostgreSQL');
is(ended($run, 'KILL'), 9, 'killed');
ok(wait_until(sub { !-e "/proc/$postgres"
                    && !IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $run->{port})
                    && !grep { !/ihanoi-plugin|run\.\w+$/ } glob "$temp/*" }, 20),
   'nothing runs on, and nothing is left');

sub slurp { open my $fh, '<', $_[0] or return ''; local $/; return <$fh> // '' }

done_testing();
