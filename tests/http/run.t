#!/usr/bin/perl
# make run: in a copy of the checkout, so that a developer's own is left alone.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Command;
use IHanoi::Test::Console;
use IHanoi::Test::Plugin;
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use HTTP::Tiny;
use IHanoi::Cluster;
use IO::Socket::INET;

my $tree = tree();
my $build = $ENV{BUILD} // 'debug';
my $dir = tempdir('ihanoi-run-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $dir;
delete @ENV{qw(DATA_DIR PG_PORT PORT)};

# What READMEs have made and programs beside it, which are killed, goes with it.
$ENV{TMPDIR} = "$dir/tmp";
mkdir $ENV{TMPDIR} or die $!;

make_path("$dir/build/$build");
for my $name (qw(bin conf plugins sql config Makefile VERSION)) {
    system('cp', '-r', "$tree/$name", $dir) == 0 or die "cp $name";
}
for my $name (qw(module.built ngx_http_ihanoi_module.so ihanoi-token
                 ihanoi-plugin nginx-binary))
{
    my $file = build_dir() . "/$name";
    !-e $file || system('cp', $file, "$dir/build/$build/") == 0 or die;
}

# A plugin of the tree with a database.
{
    my $shop = plugin_folder(name => 'shop',
        manifest => { permissions => { public => JSON::PP::true,
                                       database => JSON::PP::true } },
        lua => { count => 'return 200, ihanoi.db.one("stall_count")' },
        files => {
            'migrations/0001_stalls.sql' => "create table stalls as select 7 as id;\n",
            'demo/shop.sql' => "insert into stalls values (8);\nselect 1/0;\n",
            'sql/stall_count.sql' => "create function stall_count() returns table"
                . " (n int) language sql stable as 'select count(*)::int from stalls';\n",
        });
    system('cp', '-r', $shop->path, "$dir/plugins/shop") == 0 or die 'cp shop';

    open my $in, '<', "$dir/conf/nginx.conf" or die $!;
    my $conf = do { local $/; <$in> };
    $conf =~ s/^(?=    ihanoi_plugin_switches)/<<'CONF'/me or die 'nginx.conf';
    ihanoi_database shop {
        server unix:@SOCKET@ port=@PGPORT@;
        dbname ihanoi;
        schema plugin_shop;
        user plugin_shop;
    }
    ihanoi_plugin shop {
        path @SHARE@/plugins/shop;
        public;
        database shop;
    }
CONF
    open my $out, '>', "$dir/conf/nginx.conf" or die $!;
    print $out $conf;
    close $out;
}

sanitizer_options();

my $port = free_port();

# Where what stands in files and READMEs is here: the gateway, and the partners.
my %place = (8080 => $port, map { $_ => free_port() } 8090 .. 8092);

for my $file (map { "$dir/conf/$_.conf" } qw(plugins partners)) {
    local ($^I, @ARGV) = ('', $file);
    while (<>) {
        s/(?<=127\.0\.0\.1:)(809\d)/$place{$1}/g;
        print;
    }
}

# Somebody else is on the port.
my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1',
                                  LocalPort => $port) or die $!;
$ENV{DATA_DIR} = "$dir/elsewhere";
my ($rc, $said) = run();
delete $ENV{DATA_DIR};
is($rc, 1, 'a port that is taken is an error');
like($said, qr/port $port of 127\.0\.0\.1 is taken .*PORT=/,
     'that names what to set');
ok(!-e "$dir/elsewhere/pg/data", 'nothing was started');
ok(!-e "$dir/.run/data-dir", 'and nothing is remembered');
close $taken;

for my $none (qw(80a 0 65536)) {
    local $ENV{PORT} = $none;
    is(command('run', '--build', $build), 1, 'a port that is none');
    like(said(), qr/: $none is no port: 1 to 65535$/m, "is told: $none");
}

for my $pg_port (qw(5432 54a 0 65536)) {
    my $why = $pg_port eq 5432 ? "the system's" : "no port: 1 to 65535";
    local $ENV{PG_PORT} = $pg_port;
    is(command('run', '--port', $port, '--build', $build), 1, 'a port that the cluster cannot have');
    like(said(), qr{PG_PORT=$pg_port is $why$}m, "is refused: $pg_port");
}

{
    local $ENV{DATA_DIR} = "$dir/my data";
    is(command('run', '--build', $build), 1, 'a path that nginx.conf cannot have');
    like(said(), qr/cannot have the path \Q$dir\E\/my data: DATA_DIR=/, 'is told');
    ok(!-e "$dir/my data", 'before anything is made');

    make_path("$dir/a space");
    like(scalar `cp '$dir/Makefile' '$dir/a space/' && make -C '$dir/a space' help 2>&1`,
         qr/no path with a space in it: \Q$dir\E\/a space/, 'as a checkout has none');
}

$ENV{PG_PORT} = '';    # what is empty is not set
($rc, $said) = run();
is($rc, 1, 'demo data that ends halfway is an error');
like($said, qr/of shop was not loaded/, 'that names its plugin');
put('plugins/shop/demo/shop.sql', "insert into stalls values (8);\n");

($rc, $said) = run();
is($rc, 0, 'starts') or diag $said;
my ($release) = $said =~ /^iHaNoi runs, release (\w+)\.$/m;
ok($release, 'and tells the release');

for my $path (qw(/healthz /readyz /metrics /openapi.json)) {
    like($said, qr{http://127\.0\.0\.1:$port$path\b}, "$path is printed");
    is(get($path)->{status}, 200, 'and answers');
}

is(wait_until(sub { get('/v1/shop/count')->{content} =~ /"n":(\d+)/ && $1 }), 2,
   'a plugin of the tree has its database, and its demo data once');

my %token = $said =~ /^(citizen|officer|oversight) +(\S+)$/mg;
my %role = (citizen => undef, officer => 'receive', oversight => 'oversee');
for my $who (sort keys %role) {
    my $me = get('/v1/me', $token{$who} // '');
    is($me->{status}, 200, "the token of a demo $who works");
    like($me->{content}, qr/"$role{$who}"/, 'and has its role')
        if defined $role{$who};
}

my @curl = $said =~ /^(curl .*)$/mg;
is(scalar @curl, 3, 'three requests to paste');
my @answers = map { scalar `$_ 2>/dev/null` } @curl;
like($answers[0], qr{^HTTP/1\.1 201 }, 'the first files a case');
is(get('/a%00b')->{headers}{'content-type'}, 'application/problem+json',
   'what nginx itself refuses is a problem too');
my ($case) = $answers[0] =~ m{^Location: .*/([0-9a-f-]{36})\r?$}m;
like($answers[1], qr{^HTTP/1\.1 200 .*\Q$case\E}s, 'the second lists it');
like($answers[2], qr{^HTTP/1\.1 200 .*"id"}s, 'the third tells who I am');
like(scalar `$curl[0] 2>/dev/null`, qr{^HTTP/1\.1 201 .*Idempotency-Replayed: true}s,
     'pasted twice it files one case');

# What the README shows of the services.
my @here = (in => $dir, change => sub { s/\b(8080|809[0-2])\b/$place{$1}/g });
my @steps = console_steps("$tree/README.md", 'console services');
cmp_ok(scalar @steps, '>', 3, 'the README shows services');
console_ok(\@steps, @here);

# What each service's own README shows, beside the programs that simulate its partners.
{
    my $jobs = jobs_without_waiting('enrolment');
    my %beside;

    for my $readme (glob "$tree/plugins/*/README.md") {
        $beside{ $_->{command} } //= console_program($_, @here)
            for console_steps($readme, 'console beside');

        subtest $readme =~ s{.*(?=plugins/)}{}r => sub {
            my @walk = console_steps($readme, 'console');
            cmp_ok(scalar @walk, '>', 3, 'shows requests');
            console_ok(\@walk, @here);
        };
    }

    kill TERM => $jobs;
    waitpid $jobs, 0;
}

my $pid = slurp('nginx/nginx.pid');
($rc, $said) = run();
is($rc, 0, 'again') or diag $said;
is(slurp('nginx/nginx.pid'), $pid, 'is a reload');
like(get('/v1/feedback')->{content}, qr/$case/, 'and loses nothing');

# A module that was built since nginx started, which goes on with its own.
utime 1, 1, "$dir/.run/nginx/nginx.pid" or die $!;
($rc, $said) = run();
is($rc, 0, 'with another module') or diag $said;
isnt(slurp('nginx/nginx.pid'), $pid, 'is another nginx');
$pid = slurp('nginx/nginx.pid');

unlike(slurp('nginx/access.log'), qr{127\.0\.0\.1|/v1/|Bearer},
       'no address, path or token in the access log');

# The doors of the cluster: nobody else gets in. (Debian's psql is a program in
# Perl, and the checkout may be closed to others.)
my $cluster = IHanoi::Cluster->of_tree($dir);
if ($> == 0) {
    my $other = `runuser -u nobody -- env -u PERL5LIB psql -h @{[$cluster->socket]} -p @{[$cluster->port]} -U postgres ihanoi -c 'select 1' 2>&1`;
    like($other, qr/Peer authentication failed/, 'another user is not let in');
    $other = `runuser -u www-data -- env -u PERL5LIB psql -h @{[$cluster->socket]} -p @{[$cluster->port]} -U postgres ihanoi -c 'select 1' 2>&1`;
    like($other, qr/Peer authentication failed/, 'nginx is not its superuser');
}
is(`psql -h @{[$cluster->socket]} -p @{[$cluster->port]} -U postgres -Atc 'show fsync' ihanoi`,
   "on\n", 'what it acknowledges is durable');

# Another port, while a request to the one before is under way: that has to have ended,
# because it takes the file of its number with it.
{
    my $open = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die $!;
    print $open join "\r\n", 'POST /v1/feedback HTTP/1.1', 'Host: localhost',
        "Authorization: Bearer $token{citizen}", 'Content-Type: application/json',
        'Idempotency-Key: 4f1b1f0e-6f2c-4c53-9a0e-6c1b1f0e6f2c', 'Content-Length: 9', '', '{';
    $open->flush;
    $port = free_port();
    ($rc, $said) = run();
    is($rc, 0, 'another port') or diag $said;
    is(get('/healthz')->{status}, 200, 'which answers');
    ok(!-d '/proc/' . $pid =~ s/\n//r, 'in the place of the one before');
}

is(command('stop'), 0, 'stops');
ok(!$cluster->is_running, 'PostgreSQL too');
is(get('/healthz')->{status}, 599, 'and nobody answers');
is(command('stop'), 0, 'stopping what is stopped is no error');

# After a crash and a reboot our number may be that of somebody else's nginx.
my $other = gateway(bare => 1);
sub stale { put('.run/nginx/nginx.pid', $other->master . "\n") }
stale();
is(command('stop'), 0, 'stops with a number that is of another nginx now');
is($other->get('/')->{status}, 404, 'and that one goes on');
my @others_workers = $other->workers;
stale();

($rc, $said) = run();
is($rc, 0, 'starts again') or diag $said;
is_deeply([$other->workers], \@others_workers, 'and has not reloaded the other one');
like(get('/v1/feedback')->{content}, qr/$case/, 'with its data');

{
    local $ENV{PGCTLTIMEOUT} = 1;
    my ($postmaster) = slurp('pg/data/postmaster.pid') =~ /^(\d+)/;
    kill STOP => $postmaster;
    is(command('stop'), 1, 'a PostgreSQL that does not stop is an error');
    like(said(), qr/PostgreSQL did not stop/, 'and told');
    kill CONT => $postmaster;
}
is(command('stop', '--forget'), 0, 'forgets');
ok(!-e "$dir/.run", 'everything');

# Places.
{
    local $ENV{DATA_DIR} = "$dir/home";
    make_path("$dir/home/keys");
    put('home/keys/id', "somebody's key\n");
    ($rc, $said) = run();
    is($rc, 1, 'DATA_DIR with a folder that is not ours is refused');
    like($said, qr{home/keys was here before}, 'by its name');
    ok(!-e "$dir/home/pg" && !-e "$dir/.run/data-dir", 'before anything is made');
    is(command('stop', '--forget'), 0, 'what was never there can be forgotten');
    ok(-s "$dir/home/keys/id", 'and nothing of others is removed');
}
{
    local $ENV{DATA_DIR} = "$dir/else/where";

    # The services were seen: without them it is quick.
    remove_tree(grep { !m{/shop\z} } glob "$dir/plugins/*");
    put("conf/$_", '') for qw(plugins.conf partners.conf);
    ($rc, $said) = run();
    is($rc, 0, 'DATA_DIR') or diag $said;
}
ok(-e "$dir/else/where/pg/data", 'is where data goes');
is(IHanoi::Cluster->of_tree($dir)->place, "$dir/else/where/pg",
   'and is remembered');
is(command('stop', '--forget'), 0, 'stop finds it');
ok(!-e "$dir/else", 'and forgets it, with what was made for it');

if ($> == 0) {
    chmod 0700, $dir;
    my $moved = IHanoi::Cluster->of_tree($dir);
    like($moved->place, qr{^/var/lib/ihanoi-[0-9a-f]{8}/pg$},
         'a path closed to postgres: data goes elsewhere');
    ok($moved->moved, 'and it is said');
    chmod 0755, $dir;
}

my $long = IHanoi::Cluster->new(tree => $dir, place => '/' . 'a' x 100);
like($long->socket, qr{^/tmp/ihanoi-[0-9a-f]{8}$},
     'a long path: the socket goes elsewhere');

done_testing();


END {
    my $status = $?;
    command('stop') if defined $dir && (-d "$dir/.run/pg" || -d "$dir/else");
    $? = $status;
}


sub free_port {
    return IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')
                           ->sockport;
}


# (exit code, all that was said), on a machine with proxies for elsewhere
sub run {
    local @ENV{qw(http_proxy all_proxy)} = ('http://127.0.0.1:1', 'socks5://127.0.0.1:1');
    my $said = `'$dir/bin/ihanoi' run --port $port --build $build 2>&1 < /dev/null`;
    utf8::decode($said);
    return ($? >> 8, $said);
}


# A plugin's jobs begin when a minute is full: not here. The process that sees to it.
sub jobs_without_waiting {
    my ($plugin) = @_;
    my $place = IHanoi::Cluster->of_tree($dir);
    open my $sql, '>', "$dir/jobs.sql" or die $!;
    print $sql "update core.plugin_jobs set next_at = core.now()",
               " where plugin = '$plugin' and run is null \\watch 0.5\n";
    close $sql;

    my $pid = fork // die "fork: $!";
    return $pid if $pid;

    exec 'psql', '-qX', '-h', $place->socket, '-p', $place->port, '-U', 'postgres', 'ihanoi',
         '-o', '/dev/null', '-f', "$dir/jobs.sql";
}


sub command {
    return system("'$dir/bin/ihanoi' @_ < /dev/null > $dir/said 2>&1") >> 8;
}


sub get {
    my ($path, $token) = @_;
    return HTTP::Tiny->new(timeout => 10)->get("http://127.0.0.1:$port$path",
        { headers => $token ? { Authorization => "Bearer $token" } : {} });
}


sub said { open my $fh, '<', "$dir/said" or return ''; local $/; return <$fh> // '' }


sub slurp {
    my ($name) = @_;
    open my $fh, '<', "$dir/.run/$name" or return '';
    local $/;
    return scalar <$fh>;
}


sub put {
    my ($name, $text) = @_;
    open my $fh, '>', "$dir/$name" or die "$name: $!";
    print $fh $text;
    close $fh or die "$name: $!";
    return;
}
