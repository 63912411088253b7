#!/usr/bin/perl
# Reload every second, and a release deployed and rolled back, under load: no
# good request fails. A client has to repeat one only when it was sent on a
# kept connection that the old worker was closing.
#
#   RELOAD_SECONDS=n   of reloading, default 4

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Engine qw(engine_gateway load_fixture);
use IHanoi::Test::HTTP;
use File::Temp qw(tempdir);
use POSIX ();
use Time::HiRes qw(sleep time);

use constant CLIENTS => 4;

my $seconds = $ENV{RELOAD_SECONDS} // 4;
my $db = database();
load_fixture($db);
my $gw = engine_gateway(db => $db, workers => 2);
my $token = token(sub => 'reload', exp => time + 3600);

my $first = wait_until(sub {
    my $r = $gw->post('/t/things', token => $token, key => 'first',
                      json => { name => 'first' });
    $r && $r->{status} == 201 && $r;
}, 20) or BAIL_OUT('no write goes through');
my $thing = $first->{headers}{location};


# Reads and writes on kept connections until the deadline. Prints to the file
# a line for each answer: its status; "closed" when a kept connection ended
# without an answer (the request is repeated), "failed" when a new one did.
sub client {
    my ($number, $run, $deadline, $file) = @_;
    my $http = IHanoi::Test::HTTP->new(port => $gw->port);
    my ($i, $kept) = (0, 0);

    open my $notes, '>', $file or die "$file: $!\n";

    while (time < $deadline) {
        my @request = ++$i % 4
            ? ('GET', $thing, token => $token)
            : ('POST', '/t/things', token => $token,
               key => "$run-$number-$i", json => { name => "$run-$number" });
        my $r = eval { $http->request(@request) };

        if ($r) {
            print $notes "$r->{status}\n";
            $kept = $http->{socket} ? 1 : 0;
            next;
        }

        $http->close;
        print $notes $kept ? "closed\n" : "failed\n";
        last if !$kept;
        $kept = 0;
        $i--;
    }

    close $notes;
    return;
}


# Runs code while clients work; returns { line of the notes => how often }.
sub under_load {
    my ($run, $for, $code) = @_;
    my $deadline = time + $for;
    my (%lines, @clients);

    for my $number (1 .. CLIENTS) {
        my $pid = fork // die "could not fork: $!\n";
        if ($pid == 0) {
            eval { client($number, $run, $deadline,
                          $gw->dir . "/notes-$run-$number") };
            print STDERR $@ if $@;
            POSIX::_exit($@ ? 1 : 0);
        }
        push @clients, $pid;
    }

    $code->($deadline);
    waitpid $_, 0 for @clients;

    for my $number (1 .. CLIENTS) {
        open my $fh, '<', $gw->dir . "/notes-$run-$number" or die "$!\n";
        while (<$fh>) {
            chomp;
            $lines{$_}++;
        }
    }

    return \%lines;
}


sub is_clean {
    my ($lines, $name) = @_;
    my @good = grep { /^(?:200|201)$/ } keys %$lines;
    my @bad = grep { !/^(?:200|201|closed)$/ } keys %$lines;
    my $answers = 0;

    $answers += $lines->{$_} for @good;
    is("@bad", '', "$name: every request is answered as it should be ("
                   . join(', ', map { "$lines->{$_} x $_" } sort keys %$lines)
                   . ')');
    cmp_ok($answers, '>', 50, "$name: under load");
    return;
}


my $reloads = 0;
my $lines = under_load('reload', $seconds, sub {
    my ($deadline) = @_;

    while (time < $deadline - 1) {
        $gw->reload or last;
        $reloads++;
        sleep 1;
    }
});
cmp_ok($reloads, '>=', 1, "reloads: $reloads");
is_clean($lines, 'reload every second');

ok(wait_until(sub { $gw->workers == 2 }, 15), 'old workers end');


# A checkout of another release: a function more, and one that answers anew.
my $copy = tempdir('ihanoi-release-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $copy;
system('cp', '-r', map({ tree() . "/$_" } qw(bin sql VERSION)), $copy) == 0
    or BAIL_OUT('could not copy the checkout');
open my $fh, '>', "$copy/sql/code/release_marker.sql" or die "$!\n";
print $fh <<'SQL';
create function release_marker() returns text language sql immutable as $$
    select 'next'
$$;
SQL
close $fh;


# bin/ihanoi migrate of a checkout on the test's database.
sub migrate {
    my ($checkout, @options) = @_;

    open my $out, '-|', "$checkout/bin/ihanoi", 'migrate',
         '--host', $db->{socket}, '--port', $db->{port}, '--user', 'postgres',
         '--dbname', $db->{name}, '--conf', $gw->dir . '/nginx.conf', @options
        or die "migrate: $!\n";
    chomp(my $release = do { local $/; <$out> } // '');
    close $out or die "migrate failed\n";
    return $release;
}


# What the running gateway serves: the next release's function says so.
sub serves_next {
    my $r = $gw->get('/t/maybe', token => $token);
    return $r && $r->{json} && ($r->{json}{release} // '') eq 'next';
}


my ($next, $back);
$lines = under_load('release', 6, sub {
    $next = migrate($copy);

    # The services of this test come with the release too.
    load_fixture(bless { %$db, release => $next, dropped => 1 }, ref $db);
    $db->sql(<<"SQL");
        create or replace function code_$next.whoami(caller jsonb)
        returns table (status int, etag text, body json)
        language sql stable as
        \$\$ select 200, null::text, json_build_object('caller', \$1,
                                                       'release', 'next') \$\$
SQL
    kill HUP => $gw->master;
    ok(wait_until(\&serves_next, 10), 'the next release is served');

    $back = migrate(tree(), '--rollback-to', $db->{release});
    kill HUP => $gw->master;
    ok(wait_until(sub { !serves_next() }), 'and rolled back');
});
isnt($next, $db->{release}, 'another code is another release');
is($back, $db->{release}, 'the old one is named again');
is_clean($lines, 'deploy and roll back');

done_testing();
