#!/usr/bin/perl
# Reload every second, and a release deployed and rolled back, while citizens
# file and read cases: no good request fails. A client has to repeat one only
# when it was sent on a kept connection that the old worker was closing.
#
#   RELOAD_SECONDS=n   of reloading, default 4

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::HTTP;
use IHanoi::Test::Load;
use File::Temp qw(tempdir);
use Time::HiRes qw(sleep time);

use constant { CLIENTS => 4, CITIZENS => 12 };

my $seconds = $ENV{RELOAD_SECONDS} // 4;
my $db = database();
my $gw = gateway(db => $db, workers => 2, writers => 4);
my @tokens = tokens(map { { sub => "reload-$_", exp => time + 3600 } }
                    0 .. CITIZENS - 1);
my %case = (category => 'road_damage', lat => 21.032, long => 105.8504);

my $first = wait_until(sub {
    my $r = $gw->post('/v1/feedback', token => $tokens[0], key => 'first',
                      json => { %case, text => 'first' });
    $r && $r->{status} == 201 && $r;
}) or die 'no write goes through', "\n";
my $id = $first->{json}{id};


# Reads and writes on kept connections until the file "enough" is there. Notes
# a line for each answer: its status; "closed" when a kept connection ended
# without an answer (the request is repeated), "failed" when a new one did.
sub client {
    my ($number, $run, $notes) = @_;
    my $http = IHanoi::Test::HTTP->new(port => $gw->port);
    my ($i, $kept) = (0, 0);

    while (!-e $gw->dir . "/$run-enough") {
        my $turn = ++$i % 6;
        my $token = $tokens[$i % CITIZENS];
        my @request =
            $turn == 1 ? ('GET', "/v1/feedback/$id") :
            $turn == 2 ? ('GET', '/v1/feedback?commune=00070&limit=5') :
            $turn == 3 ? ('GET', '/v1/me/feedback?limit=5', token => $token) :
            $turn == 4 ? ('GET', "/v1/me/feedback/$id", token => $tokens[0]) :
                         ('POST', '/v1/feedback', token => $token,
                          key => "$run-$number-$i",
                          json => { %case, text => "$run-$number-$i" });
        my $r = eval { $http->request(@request) };

        if ($r) {
            print $notes "$request[0] $r->{status}\n";
            $kept = $http->{socket} ? 1 : 0;
            next;
        }

        $http->close;
        print $notes $kept ? "closed\n" : "failed\n";
        last if !$kept;
        $kept = 0;
        $i--;
    }

    return;
}


# Runs code while clients work; holds their notes against what must be.
sub is_clean_while {
    my ($run, $name, $code) = @_;
    my $before = $db->sql('select count(*) from feedback.cases');
    my %lines;

    $lines{$_}++ for under_load(
        dir     => $gw->dir,
        clients => CLIENTS,
        client  => sub { client($_[0], $run, $_[1]) },
        during  => sub {
            my $done = eval { $code->(); 1 };
            my $error = $@;

            $gw->write("$run-enough", '');
            die $error if !$done;
        },
    );

    my @bad = grep { !/^(?:GET 200|POST 201|closed)$/ } keys %lines;

    is("@bad", '', "$name: every request is answered as it should be ("
                   . join(', ', map { "$_: $lines{$_}" } sort keys %lines)
                   . ')');
    cmp_ok($lines{$_} // 0, '>=', CLIENTS, "$name: under load, $_")
        for 'GET 200', 'POST 201';
    is($db->sql('select count(*) from feedback.cases') - $before,
       $lines{'POST 201'}, "$name: as many cases as were acknowledged");
    return;
}


my $reloads = 0;
is_clean_while('reload', 'reload every second', sub {
    my $deadline = time + $seconds;

    while (time < $deadline) {
        $gw->reload or last;
        $reloads++;
        sleep 1;
    }
});
cmp_ok($reloads, '>=', 1, "reloads: $reloads");
ok(wait_until(sub { $gw->workers == 2 }), 'old workers end');


# A checkout of another release, whose public reads have another ETag, and
# which needs one more column of the table that everybody reads and writes.
my $copy = tempdir('ihanoi-release-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $copy;
system('cp', '-r', map({ tree() . "/$_" } qw(bin sql VERSION)), $copy) == 0
    or die 'could not copy the checkout', "\n";
change("$copy/sql/code/feedback/feedback_read.sql",
       sub { s/else b\.version::text end/else b.version || '-next' end/ });
change("$copy/sql/migrations/9999_next.sql",
       sub { $_ = "alter table feedback.cases add column next text;\n" });


sub change {
    my ($file, $code) = @_;
    local ($_, $/) = ('');

    if (open my $in, '<:raw', $file) {
        $_ = <$in>;
    }

    $code->() or die "$file is not as this test knows it\n";
    open my $out, '>:raw', $file or die "$file: $!\n";
    print $out $_;
    close $out or die "$file: $!\n";
    return;
}


# bin/ihanoi migrate of a checkout on the test's database.
sub migrate {
    my ($checkout, @options) = @_;
    my $said = $gw->dir . '/migrate.log';

    open my $out, '-|', "'$checkout/bin/ihanoi' migrate --host '$db->{socket}'"
         . " --port $db->{port} --user postgres --dbname $db->{name} --conf '"
         . $gw->dir . "/nginx.conf' @options 2> '$said'"
        or die "migrate: $!\n";
    chomp(my $release = do { local $/; <$out> } // '');
    close $out or do { open my $fh, '<', $said; die 'migrate failed: ', <$fh> };
    return $release;
}


# The ETag of the first case, as the running gateway makes it.
sub etag { return ($gw->get("/v1/feedback/$id") // {})->{headers}{etag} // '' }


my ($next, $back);
is_clean_while('release', 'deploy and roll back', sub {
    is(etag(), '"1"', 'this release is served');

    $next = migrate($copy);
    is(etag(), '"1"', 'and still is when the next one is in the database');
    kill HUP => $gw->master;
    ok(wait_until(sub { etag() eq '"1-next"' }), 'a reload, and the next is');
    ok(wait_until(sub { $gw->workers == 2 }), 'by all workers');
    is(etag(), '"1-next"', 'on and on');

    $back = migrate(tree(), '--rollback-to', $db->{release});
    is(etag(), '"1-next"', 'rolling back changes the file');
    kill HUP => $gw->master;
    ok(wait_until(sub { etag() eq '"1"' }), 'and with a reload the service');
    ok(wait_until(sub { $gw->workers == 2 }), 'by all workers');
    is(etag(), '"1"', 'as it was');
});
isnt($next, $db->{release}, 'another code is another release');
is($back, $db->{release}, 'the old one is named again');

done_testing();
