# Bounded queues and deadlines: what one caller holds up costs that caller.

use FindBin;
use lib "$FindBin::Bin/../lib";
use IHanoi::Test;
use IHanoi::Test::Pg;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);

my $db = pg_database();

# A psql of its own locks the row, until release().
sub hold {
    my ($row) = @_;

    my $pid = fork // die;
    if ($pid == 0) {
        eval { $db->sql("begin; update counters set n = n where a = '$row';"
                        . ' select pg_sleep(60); commit') };
        POSIX::_exit(0);
    }

    wait_until(sub { $db->sql(q{select count(*) from pg_stat_activity
        where datname = current_database() and application_name = 'psql'
        and wait_event = 'PgSleep'}) }, 20);
    return $pid;
}

sub release {
    my ($pid) = @_;

    $db->sql(q{select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'psql'
        and wait_event = 'PgSleep'});
    waitpid $pid, 0;
    return;
}


scene 'a row lock that is held' => sub {
    my $gw = ready(pg_gateway(db => $db, database => <<'CONF'));
        write connections=2 queue=3 wait=300ms timeout=1500ms lock_timeout=10s;
CONF
    my $pid = hold('1');
    my $begin = time;
    my @got = parallel(
        (map { sub { my $t = time; my $r = $gw->put('/p/count?a=1');
                     join "\t", outcome($r), time - $t,
                     $r->{headers}{'retry-after'} // 'none' } } 1 .. 8),
        map { my $n = $_; sub { sleep 0.1 * $n;
                     my $t = time; my $r = $gw->get("/p/echo?a=$n");
                     join "\t", outcome($r), time - $t } } 1 .. 5);
    my @reads = splice @got, 8;

    for my $n (1 .. 5) {
        my ($outcome, $took) = split /\t/, $reads[$n - 1];
        is($outcome, qq(200 {"a":"$n"}), 'reads answer');
        cmp_ok($took, '<', 1.2, 'at once');
    }

    my %outcomes;
    for my $line (@got) {
        my ($outcome, $took, $retry) = split /\t/, $line;
        $outcomes{$outcome}++;
        cmp_ok($took, '<', 4, 'writes end in bounded time');
        like($retry, qr/^\d+$/, 'with Retry-After') if $outcome =~ /^503/;
    }

    # Two have connections at a time, and are ended by the server.
    cmp_ok($outcomes{'503 overloaded'} // 0, '>=', 3, 'what waits is given up');
    is(join(' ', grep { !/^(?:409|50[34]) / } keys %outcomes), '',
       'what was sent ends with the time limit') or diag(explain(\%outcomes));
    is(counted($gw, 'shed_total', 'write'), $outcomes{'503 overloaded'},
       'what was given up is counted');

    is(outcome($gw->put('/p/row?a=after')), '201 {"a":"after"}',
       'the pool is whole again, while the lock is still held');
    release($pid);
    is(outcome($gw->put('/p/count?a=1')), '200 {"n":1}',
       'and none of them happened');
};


scene 'a queue, as operators see it' => sub {
    my $gw = ready(pg_gateway(db => $db, database => <<'CONF'));
        read connections=1 depth=1 wait=10s timeout=20s;
CONF
    my @clients = map { $gw->connection } 1 .. 3;
    $_->send("GET /p/sleep?s=3&a=x HTTP/1.1\r\nHost: x\r\n\r\n") for @clients;

    # Each second; the first call takes three.
    my $seen;
    ok(wait_until(sub {
        $seen = join ' ', map { counted($gw, $_, 'read') } qw(connections in_use queued);
        $seen eq '1 1 2';
    }), 'one is under way and two wait') or diag $seen;
    ok(wait_until(sub { counted($gw, 'oldest_milliseconds', 'read') > 300 }),
       'for as long as the oldest does');
};


scene 'a statement that runs too long' => sub {
    my $gw = ready(pg_gateway(db => $db, database => <<'CONF'));
        read connections=1 timeout=500ms;
CONF
    my $begin = time;
    like(outcome($gw->get('/p/sleep?s=30&a=x')), qr/^50[34] /, 'is ended');
    cmp_ok(time - $begin, '<', 5, 'in time');
    is(outcome($gw->get('/p/echo?a=y')), '200 {"a":"y"}',
       'the next on its connection has its own answer');
};


scene 'a call that waited has the rest of its time' => sub {
    my $gw = ready(pg_gateway(db => $db, database => <<'CONF'));
        read connections=1 depth=1 wait=1500ms timeout=5s;
CONF
    # The second waits for 1 s and then takes 0.9 s: more than wait,
    # less than timeout.
    my @got = parallel(
        sub { outcome($gw->get('/p/sleep?s=1&a=1')) },
        sub { sleep 0.02; outcome($gw->get('/p/sleep?s=0.9&a=2')) });
    is_deeply(\@got, ['200 {"a":"1"}', '200 {"a":"2"}'], 'both are served');
};


scene 'slow calls that nobody waits for are cancelled' => sub {
    my $gw = ready(pg_gateway(db => $db, database => <<'CONF'));
        slow connections=1 wait=3s timeout=20s;
CONF
    my $client = $gw->connection;
    $client->send("GET /p/slow?s=15 HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_until(sub { $db->sql(q{select count(*) from pg_stat_activity
        where datname = current_database() and wait_event = 'PgSleep'}) });
    undef $client;

    my $begin = time;
    is(outcome($gw->get('/p/slow?s=0')), '200 {}', 'the next slow call runs');
    cmp_ok(time - $begin, '<', 6, 'without waiting for the first');
};


scene 'clients that go away' => sub {
    my $gw = ready(pg_gateway(db => $db, database => <<'CONF'));
        read connections=1 depth=2 wait=3s timeout=4s;
CONF
    # Two in flight, eight queued; all leave, in both states.
    my @clients;
    for my $n (1 .. 10) {
        my $client = $gw->connection;
        $client->send("GET /p/sleep?s=0.6&a=gone$n HTTP/1.1\r\n"
                      . "Host: x\r\n\r\n");
        push @clients, $client;
    }
    sleep 0.2;
    @clients = ();
    sleep 0.1;

    my $begin = time;
    is(outcome($gw->get('/p/echo?a=me')), '200 {"a":"me"}',
       'who stays gets its own answer');
    cmp_ok(time - $begin, '<', 2.5, 'after the two that were sent, not ten');

    ok(wait_until(sub { $gw->get('/metrics')->{content}
           =~ /^ihanoi_pool_queued\{[^}]*pool="read"\} 0$/m }),
       'nothing waits');
};


scene 'ten thousand requests in the queue' => sub {
    plan(skip_all => 'nobody may open that many files here')
        if $> != 0 && `ulimit -Hn` =~ /^(\d+)/ && $1 < 12_000;

    my $gw = ready(pg_gateway(db => $db, main => 'worker_rlimit_nofile 12000;',
                              events => 'worker_connections 12000;', database => <<'CONF'));
        read connections=1 depth=1 queue=10000 wait=60s timeout=80s;
CONF
    my $locker = $db->session;
    $locker->do('begin; lock table stars');
    my $first = $gw->connection(timeout => 80);
    $first->send("GET /p/star HTTP/1.1\r\nHost: x\r\n\r\n");
    ok(wait_until(sub { counted($gw, 'in_use', 'read') == 1 }), 'one waits for a lock');

    # Each on a connection of its own: on one they would be served in turn. A shell mostly
    # gives a program no more than 1024 files.
    my @got = parallel((map { my $k = $_; sub {
        my (%outcomes, $retry);
        my $select = IO::Select->new;

        for my $n (1 .. 350) {
            my $socket = IO::Socket::INET->new(
                PeerAddr => '127.0.0.1', PeerPort => $gw->port) or next;
            print $socket "GET /p/echo?a=$k-$n HTTP/1.0\r\n\r\n";
            $select->add($socket);
            *{$socket}->{id} = "$k-$n";
        }

        my $end = time + 60;
        while ($select->count && time < $end) {
            for my $socket ($select->can_read(1)) {
                my $text = '';
                while (sysread $socket, $text, 65536, length $text) {}
                my $id = *{$socket}->{id};
                my ($status) = $text =~ m{^HTTP/1.1 (\d+)};
                $status //= 'closed';
                $status .= ' other' if $status eq '200'
                                       && $text !~ /"\Q$id\E"/;
                $retry++ if $status eq '503' && $text =~ /^Retry-After: \d/mi;
                $outcomes{$status}++;
                $select->remove($socket);
            }
        }

        $outcomes{none} = $select->count if $select->count;
        $outcomes{retry} = $retry // 0;
        join ',', map { "$_=$outcomes{$_}" } sort keys %outcomes;
    } } 1 .. 30), sub {
        wait_until(sub { counted($gw, 'shed_total', 'read') == 500 }, 40);
        my $queued = wait_until(sub { my $n = counted($gw, 'queued', 'read');
                                      $n == 10_000 && $n }, 10);
        $db->sql("select pg_terminate_backend(pid) from pg_stat_activity
                  where datname = current_database() and query ~ 'lock table stars'
                  and pid <> pg_backend_pid()");
        "queued=$queued";
    });

    my %sum;
    for (map { split /,/ } @got) {
        my ($what, $count) = split /=/;
        $sum{$what} += $count;
    }

    is_deeply(\%sum, { queued => 10_000, 200 => 10_000, 503 => 500, retry => 500 },
              'wait, and all of them are served; who finds it full is told to come back');
    like(outcome($first->response), qr/^200 /, 'as is the first');
    is(outcome($gw->get('/p/echo?a=z')), '200 {"a":"z"}', 'it is well after');
};


done_testing();
