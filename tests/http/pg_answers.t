# Each request gets exactly its own answer: under errors, aborts and reloads,
# at all sizes, over both kinds of socket.

use FindBin;
use lib "$FindBin::Bin/../lib";
use IHanoi::Test;
use IHanoi::Test::Pg;
use File::Temp;
use POSIX ();
use Time::HiRes qw(sleep time);

my $db = pg_database();


# One client's walk: random requests for some seconds, each answer compared
# with what it must be. Returns "what=count,...".
sub walk {
    my ($gw, $k, $end) = @_;
    my (%seen, $n);
    my $client = $gw->connection;

    srand $k;

    while (time < $end) {
        my $id = "$k-" . ++$n;
        my ($method, $name, $want) = @{ (
            (['GET', 'echo', qq(200 {"a":"$id"})]) x 4,
            ['GET', 'sleep', qq(200 {"a":"$id"})],
            (['GET', 'fail', '500 internal-error']) x 2,
            ['PUT', 'row', qq(201 {"a":"$id"})],
            ['PUT', 'late', '500 internal-error'],
            ['LEAVE'],
        )[rand 10] };

        if ($method eq 'LEAVE') {
            my ($what) = (qw(sleep echo fail))[rand 3];
            $client->send("GET /p/$what?a=left" . ($what eq 'sleep' ? '&s=0.01'
                          : '') . " HTTP/1.1\r\nHost: x\r\n\r\n");
            sleep rand 0.003;
            $client = $gw->connection;
            $seen{left}++;
            next;
        }

        my $query = $name eq 'sleep' ? "a=$id&s=0.01" : "a=$id";
        my $r = $client->request($method, "/p/$name?$query");

        if (!$r) {
            # nginx closed the connection that we had kept: RFC 9112 9.3.1
            $seen{closed}++;
            $client = $gw->connection;
            next;
        }

        my $got = outcome($r);
        $got =~ s/^500 [\w-]+/500 internal-error/;
        $seen{$got eq $want ? $name : "$name: $got, not $want"}++;

        if (($r->{headers}{connection} // '') eq 'close') {
            $client = $gw->connection;
        }
    }

    return join "\n", map { "$_\t$seen{$_}" } sort keys %seen;
}


sub sum_up {
    my %sum;

    for (map { split /\n/ } @_) {
        my ($what, $count) = split /\t/;
        $sum{$what} += $count;
    }

    return \%sum;
}


scene 'errors and aborts beside others' => sub {
    my $gw = ready(pg_gateway(db => $db, workers => 2, log_level => 'error',
                              http => 'keepalive_requests 1000000;'));
    my $end = time + 3;
    my $sum = sum_up(parallel(map { my $k = $_; sub { walk($gw, $k, $end) } }
                              1 .. 8));

    is(join(' ', sort grep { !/^(?:left|closed)$/ } keys %$sum),
       'echo fail late row sleep', 'every answer is the right one')
        or diag(explain($sum));
    cmp_ok($sum->{echo}, '>', 50, 'many of them');

    # What was abandoned is not in the way of anything.
    ok(wait_until(sub { $gw->get('/metrics')->{content}
           =~ /^ihanoi_pool_in_use\{[^}]*pool="read"\} 0$/m }),
       'nothing stays in flight');
};


scene 'calls of one turn' => sub {
    my $gw = ready(pg_gateway(db => $db, log_level => 'error',
                              database => 'read connections=1 timeout=5s;'));
    my $retries = sub { $gw->get('/metrics')->{content}
        =~ /^ihanoi_pool_retries_total\{[^}]*pool="read"\} (\d+)$/m; $1 };
    my $whose = sub { join ' ', map { $_->{json}{a} // $_->{status} } @_ };
    my @got = one_turn($gw, map { "/p/turn?a=$_" } 'a' .. 'h');
    my %began = map { $_->{json}{at} => 1 } @got;

    is($whose->(@got), 'a b c d e f g h', 'are answered each');
    is(scalar(keys %began), 1, 'in one transaction');

    # One that is slow holds up few, and many slow ones do not all come too late.
    my %together;
    $together{$_->{json}{at}}++ for one_turn($gw, map { "/p/turn?a=$_" } 1 .. 20);
    is(join(' ', sort values %together), '4 8 8', 'eight at most');

    @got = one_turn($gw, map { $_, '/p/echo?a=e' } map { "/p/turn?a=$_" } 'a' .. 'c');
    %began = map { $_->{json}{at} => 1 } @got[0, 2, 4];
    is($whose->(@got), 'a e b e c e', 'with another statement between');
    is(scalar(keys %began), 3, 'each has its own');

    is($retries->(), 0, 'nothing was sent again so far');
    @got = one_turn($gw, map { "/p/turn?a=$_" } 'a', 'raise', 'c', 'd', 'raise', 'f');
    is($whose->(@got), 'a 500 c d 500 f', 'one that fails, fails alone');
    is($retries->(), 4, 'those behind it were sent again');

    @got = one_turn($gw, map { "/p/turn?a=$_" } 'a' .. 'd');
    is($whose->(@got), 'a b c d', 'and the connection is as good as before');

    # The server process ends in the middle of them.
    my $ender = fork // die "fork: $!";
    if (!$ender) {
        wait_until(sub { $db->sql(q{select count(pg_terminate_backend(pid))
            from pg_stat_activity where datname = current_database()
            and wait_event = 'PgSleep'}) });
        POSIX::_exit(0);
    }
    @got = one_turn($gw, map { "/p/sleep?s=0.2&a=$_" } 'a' .. 'f');
    waitpid $ender, 0;
    is($whose->(@got), 'a b c d e f', 'are read again when their connection is lost');
};


scene 'a reload every second' => sub {
    my $gw = ready(pg_gateway(db => $db, workers => 2, log_level => 'notice',
                              http => 'keepalive_requests 1000000;'));
    my $end = time + 5;
    my $reloads = 0;
    my $master = $gw->master;

    my @got = parallel(
        (map { my $k = 100 + $_; sub { walk($gw, $k, $end) } } 1 .. 6),
        sub {
            while (time < $end - 1) {
                sleep 1;
                kill HUP => $master;
                $reloads++;
            }
            $reloads;
        });
    cmp_ok(pop @got, '>=', 3, 'reloads');

    my $sum = sum_up(@got);
    is(join(' ', sort grep { !/^(?:left|closed)$/ } keys %$sum),
       'echo fail late row sleep', 'no request failed')
        or diag(explain($sum));
    ok(wait_until(sub { (() = $gw->workers) == 2 }, 10), 'old workers are gone');
    is(said($gw, qr/open socket/), 0, 'no socket was left open');
    ok(wait_until(sub { $db->sql(q{select count(*) from pg_stat_activity
        where datname = current_database()
        and application_name like 'ihanoi %'}) <= 2 * 8 }, 10),
       'nor a connection');
};


scene 'a call that a leaving worker gets late' => sub {
    my $gw = ready(pg_gateway(db => $db, log_level => 'notice'));
    my $client = $gw->connection;

    # The body is not complete when the worker is told to leave.
    $client->send("PUT /p/large HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n"
                  . "Content-Type: application/json\r\n\r\n{\"a\"");
    sleep 0.2;
    $gw->reload;
    sleep 0.5;
    $client->send(":\"abc\"}");
    is(outcome($client->response), '200 {"n":3}', 'is answered');

    # The same after idle connections were closed.
    $client = $gw->connection;
    $client->send("PUT /p/large HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n"
                  . "Content-Type: application/json\r\n\r\n{\"a\"");
    sleep 0.2;
    $gw->reload;
    wait_until(sub { $db->sql(q{select count(*) from pg_stat_activity
        where datname = current_database()
        and application_name like 'ihanoi %'}) <= 8 }, 15);
    sleep 1.2;
    $client->send(":\"abc\"}");
    is(outcome($client->response), '200 {"n":3}', 'by a new connection too');
};


scene 'worker_shutdown_timeout' => sub {
    my $gw = ready(pg_gateway(db => $db, log_level => 'notice',
                              main => 'worker_shutdown_timeout 1s;'));
    my ($old) = $gw->workers;
    my $client = $gw->connection;
    $client->send("GET /p/slow?s=25 HTTP/1.1\r\nHost: x\r\n\r\n");
    sleep 0.3;
    $gw->reload;
    ok(wait_until(sub { !grep { $_ == $old } $gw->workers }, 6),
       'ends a worker with a call in flight');
    is(said($gw, qr/open socket/), 0, 'and leaves no socket');
    ok(wait_until(sub { !$db->sql(q{select count(*) from pg_stat_activity
        where datname = current_database() and wait_event = 'PgSleep'}) }, 6),
       'nor a query');
};


scene 'connections that grow old' => sub {
    my $gw = ready(pg_gateway(db => $db, log_level => 'error',
        http => 'keepalive_requests 1000000;',
        database => 'connection_age 1s;'));
    my %before = map { $_->[0] => 1 } $db->sql(q{select pid
        from pg_stat_activity where datname = current_database()
        and application_name like 'ihanoi %'});
    my $end = time + 4;
    my $sum = sum_up(parallel(map { my $k = 200 + $_;
                                    sub { walk($gw, $k, $end) } } 1 .. 3));

    is(join(' ', sort grep { !/^(?:left|closed)$/ } keys %$sum),
       'echo fail late row sleep', 'are replaced without a failure')
        or diag(explain($sum));

    # One of a pool goes at a time.
    ok(wait_until(sub { 4 > grep { $before{ $_->[0] } } $db->sql(q{select pid
           from pg_stat_activity where datname = current_database()
           and application_name like 'ihanoi %'}) }, 10), 'most of them');
};


scene 'sizes around buffers' => sub {
    for my $socket ('unix', 'tcp') {
        my $gw = ready(pg_gateway(db => $db, log_level => 'error',
            database => ($socket eq 'tcp'
                ? "server 127.0.0.1:$db->{port};" : '')
                . 'read connections=1 timeout=5s; write timeout=9s;'));

        for my $size (0, 1, 8150 .. 8153, 16336 .. 16339, 32760, 65500, 65536,
                      300_000, 3_000_000) {
            my $r = $gw->get("/p/size?n=$size");
            is(length($r->{json}{data} // ''), $size, "$socket: $size bytes")
                or last;
        }

        # What we send is larger than any buffer on the way.
        my $r = $gw->put('/p/large', json => { a => 'y' x 900_000 });
        is(outcome($r), '200 {"n":900000}', "$socket: a large argument");
    }
};


scene 'a result is sent from where it is' => sub {
    my $sent = build_dir() . '/sent.so';
    return pass('AddressSanitizer has these calls itself') if build_dir() =~ /sanitize/;

    my $dir = File::Temp->newdir;
    my $gw = ready(pg_gateway(db => $db,
        env => { LD_PRELOAD => $sent, SENT => "$dir/sent" },
        http => 'gzip_types application/json; gzip_min_length 1;',
        server => 'gzip on;'));
    my $seen = sub {
        # The worker has written down all before what comes after it.
        $gw->get('/nowhere');
        open my $fh, '<', "$dir/sent" or die "sent: $!";
        my $sum = 0;
        $sum += $_ for <$fh>;
        return $sum;
    };
    my $before = $seen->();

    for my $size (300, 70_000, 3_000_000) {
        my $length = length $gw->get("/p/size?n=$size")->{content};
        is($seen->() - $before, $length, "$size bytes: nobody copies them");
        $before += $length;
    }

    is($gw->get('/p/size?n=70000', headers => { 'Accept-Encoding' => 'gzip' })
          ->{headers}{'content-encoding'}, 'gzip', 'what gzip makes of them');
    is($seen->(), $before, 'is elsewhere');
};


scene 'results that clients do not read' => sub {
    my $gw = ready(pg_gateway(db => $db, log_level => 'error',
        database => 'read timeout=5s; result_memory 8m;'));
    my @clients;

    for my $n (1 .. 6) {
        my $client = $gw->connection;
        $client->send("GET /p/size?n=5000000 HTTP/1.1\r\nHost: x\r\n\r\n");
        push @clients, $client;
    }

    is(wait_until(sub { my $o = outcome($gw->get('/p/echo?a=x'));
                        $o =~ /^503/ && $o }, 20),
       '503 overloaded', 'are bounded');
    @clients = ();
    is(wait_until(sub { my $o = outcome($gw->get('/p/echo?a=x'));
                        $o =~ /^200/ && $o }, 20),
       '200 {"a":"x"}', 'and given back when they leave');
};


scene 'what a function raises' => sub {
    my $gw = ready(pg_gateway(db => $db));

    is(outcome($gw->get('/p/fail?a=raise')), '500 internal-error', 'fails');
    is(said($gw, qr/0912345678/), 0, 'and may be about somebody: it is not in the log');
    is(said($gw, qr{"p_fail" failed with SQLSTATE P0001: PL/pgSQL function p_fail\(jsonb,text\) line 3 at RAISE,}),
       1, 'which says where it was raised');

    is(outcome($gw->get('/p/fail?a=x')), '500 internal-error',
       'as it does with an error of the server');
    is(said($gw, qr{SQLSTATE 22012: PL/pgSQL function p_fail\(jsonb,text\) line 5 at RETURN QUERY,}),
       1, 'in a function');
};


scene 'a table that changes under a plan' => sub {
    my $gw = ready(pg_gateway(db => $db, database => 'read connections=1;'));

    is(outcome($gw->get('/p/star')), '200 {"a":"s"}', 'before');
    $db->sql('alter table stars add column b int default 7');
    is(outcome($gw->get('/p/star')), '200 {"a":"s","b":7}', 'after');
};


done_testing();
