package IHanoi::Bench::Stand;

# What is measured on: a private cluster with its seeded databases, gateways of
# the release build, and files for wrk. set_up() comes first.

use strict;
use warnings;
use utf8;
use Exporter 'import';
use Digest::SHA qw(sha256_hex);
use File::Temp qw(tempdir);
use IHanoi::Bench qw(wrk);
use IHanoi::Cluster;
use IHanoi::Release qw(release_name);
use IHanoi::Test ();
use IHanoi::Test::Psql qw(run_psql);

our @EXPORT = qw($tree $bench $seconds $rounds $rows $large $small $cluster $token
                 progress set_up clear tear_down sample start api answer_of gets paths ids
                 ask ask_one);

our $tree = IHanoi::Test::tree();
our $bench = "$tree/bench";
our $seconds = $ENV{SECONDS} || 2;
our $rounds = $ENV{ROUNDS} || 9;
our $rows = $ENV{ROWS} || 1_000_000;

# Databases: { name, socket, port, release }.
our ($large, $small);

# Of a caller whom every gateway knows.
our $token;

our $cluster = IHanoi::Cluster->new(
    tree     => $tree,
    name     => 'bench',
    roles    => [qw(bench_waits plugin_bus plugin_parking)],
    settings => {
        # Durable: fsync, full_page_writes and synchronous_commit are on by
        # default and stay so.
        shared_buffers       => '1GB',
        max_connections      => 100,
        max_wal_size         => '4GB',
        checkpoint_timeout   => '30min',
    },
);

my $dir = tempdir('ihanoi-bench-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
my (@running, %gateway);

# The body of an answer, which "return 200" gives too.
my $sample = '{}';


sub set_up {
    $large = prepare('bench_large', $rows);
    $small = prepare('bench_small', $rows / 10);
    $token = IHanoi::Test::token(sub => 'bench', exp => time + 86400);
    return;
}


# Ends the gateways of a section: the next one has the connections to itself.
sub clear {
    $_->stop for splice @running;
    %gateway = ();
    return;
}


sub tear_down {
    clear();
    $cluster->stop if $cluster->is_running;
    return;
}


sub sample {
    ($sample) = @_;
    return;
}


sub progress {
    print STDERR -t STDERR ? "\r\e[K$_[0]" : "$_[0]\n" if $_[0] ne '' || -t STDERR;
    return;
}


sub configuration {
    my ($db) = @_;
    my $body = $sample;

    # "return" takes the text as a string with variables.
    die "the sample has a dollar sign\n" if $body =~ /\$/;
    $body =~ s/([\\'])/\\$1/g;

    return (
        db        => $db,
        workers   => 2,
        log_level => 'warn',
        server    => 'access_log off; keepalive_requests 100000000;',
        locations => <<"CONF",
        location = /return { default_type application/json; return 200 '$body'; }
        location = /open { ihanoi_status healthz; }
        location = /checked { auth_jwt iHaNoi; ihanoi_status healthz; }
        location / { auth_jwt iHaNoi; ihanoi_api on; }
CONF
    );
}


# A new gateway.
sub start {
    my ($db, %more) = @_;
    my $gw = IHanoi::Test::gateway(configuration($db), %more);

    push @running, $gw;
    return $gw;
}


# The gateway of a database, running and connected.
sub api {
    my ($db) = @_;

    return $gateway{ $db->{name} } if $gateway{ $db->{name} };

    my $gw = $gateway{ $db->{name} } = start($db);
    my ($path) = ids($db, 1);

    answer_of($gw, $path);
    return $gw;
}


# The answer to a GET, once it is 200.
sub answer_of {
    my ($gw, $path) = @_;
    my $r;

    IHanoi::Test::wait_until(sub {
        $r = $gw->get($path, token => $token);
        $r && $r->{status} == 200;
    }, 30) or die "GET $path: ", $r ? $r->{content} : 'no answer', "\n";

    return $r;
}


# What measures GETs of a file of paths: over 8 connections and with a token, unless
# connections and token say otherwise. held: so many of them at a time, as in get.lua,
# by all threads of wrk (two).
sub gets {
    my ($gw, $file, %arg) = (@_[0, 1], connections => 8, token => $token, @_[2 .. $#_]);

    return sub {
        return wrk(url => $gw->url, connections => $arg{connections}, seconds => $seconds,
                   script => "$bench/get.lua", args => [$file, $arg{token} // (),
                                                  $arg{held} ? $arg{held} / 2 : ()]);
    };
}


sub paths {
    my ($name, @lines) = @_;
    my $file = "$dir/$name";

    open my $fh, '>', $file or die "$file: $!\n";
    print $fh map { "$_\n" } @lines;
    close $fh;
    return $file;
}


sub ids {
    my ($db, $count) = @_;
    return map { "/v1/feedback/$_->[0]" } ask($db, <<"SQL");
        select id from bench.ids order by n limit $count
SQL
}


# A migrated database with so many reports, kept for the next run.
sub prepare {
    my ($name, $count) = @_;
    my $seed = "$bench/seed.sql";
    my $stamp = sha256_hex(join "\0", $count, map {
        open my $fh, '<:raw', $_ or die "$_: $!\n";
        local $/;
        scalar <$fh>;
    } $seed, sort glob("'$tree/sql/migrations/*.sql'"));

    if (!$cluster->is_running) {
        progress('starting the private cluster');
        $cluster->start;
    }

    my $db = { name => $name, socket => $cluster->socket,
               port => $cluster->port, release => release_name($tree) };
    my $there = ask_one({ %$db, name => 'postgres' },
        "select shobj_description(oid, 'pg_database') from pg_database"
        . " where datname = '$name'") // '';

    if ($there ne $stamp) {
        my $admin = { %$db, name => 'postgres' };

        progress("seeding $count reports, once");
        ask($admin, "drop database if exists $name");
        ask($admin, "create database $name");
        migrate($db);
        psql_file($db, $seed, $count);
        ask($db, 'vacuum analyze');
        ask($admin, "comment on database $name is '$stamp'");

    } else {
        migrate($db);
    }

    # What the bench itself needs.
    ask($db, <<'SQL');
        create schema if not exists bench;
        grant usage on schema bench to ihanoi_read, ihanoi_write;
        create sequence if not exists bench.runs;
        create table if not exists bench.callers (
            n int primary key, caller text not null, subject text not null);
        grant select on all tables in schema bench to ihanoi_read, ihanoi_write;
        checkpoint;
SQL

    if (!defined ask_one($db, "select to_regclass('bench.ids')")) {
        ask($db, <<'SQL');
            create table bench.ids as
            select row_number() over () as n, id
            from (select id from feedback.cases tablesample system (20)
                  where listed order by random() limit 10000) c;
            alter table bench.ids add primary key (n);
            analyze bench.ids;
            grant select on bench.ids to ihanoi_read, ihanoi_write;
SQL
    }

    return $db;
}


sub migrate {
    my ($db) = @_;
    my $log = "$dir/migrate.log";

    system("'$tree/bin/ihanoi' migrate --host '$db->{socket}'"
           . " --port $db->{port} --user postgres --dbname $db->{name}"
           . " > '$log' 2>&1") == 0
        or do { open my $fh, '<', $log; die <$fh> };
    return;
}


sub psql_file {
    my ($db, $file, $count) = @_;

    local $ENV{PGOPTIONS} = "-c search_path=code_$db->{release},public"
                            . ' -c client_min_messages=warning';
    system('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-v', "rows=$count",
           '-h', $db->{socket}, '-p', $db->{port}, '-U', 'postgres',
           '-d', $db->{name}, '-o', '/dev/null', '-f', $file) == 0
        or die "$file failed\n";
    return;
}


# Rows of a query by the administrator.
sub ask {
    my ($db, $text) = @_;
    my ($result, $error) = run_psql(
        text => $text,
        args => ['-h', $db->{socket}, '-p', $db->{port}, '-U', 'postgres',
                 '-d', $db->{name}],
        options => '-c client_min_messages=warning',
    );

    die "$error\n" if $error =~ /ERROR|FATAL/;
    return wantarray ? @$result : $result->[0][0];
}


sub ask_one { return scalar ask(@_) }


1;
