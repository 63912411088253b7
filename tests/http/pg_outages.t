# PostgreSQL restarts, crashes, loses its standby, and has TLS or TCP before
# it: a cluster of this test's own.

use FindBin;
use lib "$FindBin::Bin/../lib";
use IHanoi::Test;
use IHanoi::Test::Pg;
use Time::HiRes qw(sleep time);

my $db = own_cluster();

sub load {
    my ($gw, $end) = @_;
    my (%seen, $n);

    # Each acknowledged row is told, to be looked for afterwards.
    while (time < $end) {
        my $id = "$$-" . ++$n;
        my $got = outcome($gw->put("/p/row?a=$id"));
        $got = "201\t$id" if $got eq qq(201 {"a":"$id"});
        $seen{$got}++;
        $got = outcome($gw->get("/p/echo?a=$id"));
        $got = '200' if $got eq qq(200 {"a":"$id"});
        $seen{$got}++;
        sleep 0.005;
    }

    return join "\n", sort keys %seen;
}

sub account {
    my ($name, @got) = @_;
    my %seen = map { $_ => 1 } map { split /\n/ } @got;
    my @told = map { /^201\t(.*)/ ? $1 : () } keys %seen;
    my %there = map { $_->[0] => 1 } $db->sql('select a from rows');

    cmp_ok(scalar @told, '>', 20, "$name: writes were acknowledged");
    is(scalar(grep { !$there{$_} } @told), 0, "$name: none of them is lost");

    my @others = grep { !/^20[01]/ } sort keys %seen;
    is(scalar(grep { !/^503 (?:database-unavailable|outcome-unknown|overloaded)$/ }
              @others), 0, "$name: the rest was told the truth")
        or diag(explain(\@others));
    ok($seen{200}, "$name: reads were served");
    return;
}


scene 'PostgreSQL restarts' => sub {
    my $gw = ready(pg_gateway(db => $db, log_level => 'notice'));
    my $end = time + 3;

    my @got = parallel(
        (map { sub { load($gw, $end) } } 1 .. 3),
        sub { sleep 1; restart($db); '' });
    account('restart', @got);
    is(wait_until(sub { my $o = outcome($gw->put('/p/row?a=after-restart'));
                        $o =~ /^201/ && $o }),
       '201 {"a":"after-restart"}', 'and goes on');
};


scene 'a backend is killed' => sub {
    my $gw = ready(pg_gateway(db => $db, log_level => 'notice'));
    my $end = time + 3;

    # PostgreSQL then ends all its backends and recovers.
    my @got = parallel(
        (map { sub { load($gw, $end) } } 1 .. 3),
        sub {
            sleep 1;
            kill KILL => scalar $db->sql(q{select pid from pg_stat_activity
                where application_name = 'ihanoi write' limit 1});
            '';
        });
    account('kill -9', @got);
    is(wait_until(sub { outcome($gw->get('/p/echo?a=x')) =~ /^200/ }), 1,
       'and goes on');
};


scene 'a backend is told to end' => sub {
    my $gw = ready(pg_gateway(db => $db, log_level => 'notice'));
    my ($got) = parallel(
        sub { outcome($gw->get('/p/slow?s=2')) },
        sub { wait_until(sub { $db->sql(q{select count(pg_terminate_backend(pid))
                  from pg_stat_activity where application_name = 'ihanoi slow'
                  and wait_event = 'PgSleep'}) }); '' });
    is($got, '200 {}', 'its call is sent again');
    like($gw->error_log(qr/ lost:/), qr/ slow connection to \S+ lost: terminating connection due to administrator command$/m,
         'and the log has why, as PostgreSQL said');
};


scene 'a write that may be repeated' => sub {
    my $gw = ready(pg_gateway(db => $db, log_level => 'notice'));
    my $token = token(sub => 'a');
    my $end = time + 3;

    # With a key the engine may send it again when a connection is lost: the
    # client sees nothing of the restart, and nothing happens twice.
    my @got = parallel(
        sub {
            my (%seen, $n);
            while (time < $end) {
                $n++;
                my $r = $gw->post('/p/claim', json => { a => "claim-$n" },
                                  key => "key-$n", token => $token);
                $seen{ $r->{status} }++;
            }
            join ',', map { "$_=$seen{$_}" } sort keys %seen;
        },
        sub {
            # A call is repeated twice at most: not more losses in a row.
            for (1 .. 3) {
                sleep 0.7;
                $db->sql(q{select pg_terminate_backend(pid)
                           from pg_stat_activity
                           where application_name = 'ihanoi write'});
            }
            '';
        });
    like($got[0], qr/^201=\d+$/, 'is not noticed when backends end');
};


scene 'a synchronous standby that does not exist' => sub {

    # A job that waits holds up all that the control connection is asked.
    $db->sql(q{create function code_pools.jobs_run(runner text)
        returns table (held bool, ran int, failed int, dead int) language sql as
        'select true, 0, 0, 0 from pg_advisory_xact_lock(1)'});
    my $job = $db->session;
    $job->do('select pg_advisory_lock(1)');

    my $gw = ready(pg_gateway(db => $db, log_level => 'notice',
                              http => 'ihanoi_jobs main;', database => <<'CONF'));
        read wait=5s timeout=10s;
        write connections=2 queue=10 wait=300ms timeout=1s;
        control timeout=40s lock_timeout=30s;
CONF
    $db->sql(q{alter system set synchronous_standby_names = 'nobody'});
    $db->sql('select pg_reload_conf()');
    wait_until(sub { ($db->sql('show synchronous_standby_names') // '') eq 'nobody' });
    sleep 0.2;

    my $end = time + 7;
    my @got = parallel(
        (map { my $k = $_; sub {
            my (%seen, $n);
            while (time < $end) {
                $n++;
                $seen{ outcome($gw->put("/p/row?a=sync-$k-$n")) }++;
            }
            join "\n", sort keys %seen;
        } } 1 .. 4),
        sub {
            my (%seen, $n);
            while (time < $end) {
                $n++;
                my $t = time;
                my $got = outcome($gw->get("/p/echo?a=$n"));
                $got = '200' if $got eq qq(200 {"a":"$n"});
                $seen{$got}++;
                $seen{slow}++ if time - $t > 2;
                sleep 0.02;
            }
            join "\n", sort keys %seen;
        });

    is(pop @got, '200', 'every read answers, and quickly');

    my %writes = map { $_ => 1 } map { split /\n/ } @got;
    is(join(', ', sort keys %writes), '503 outcome-unknown, 503 overloaded',
       'no write is acknowledged');
    cmp_ok(scalar $db->sql(q{select count(*) from pg_stat_activity
                      where application_name = 'ihanoi write'}), '<=', 2,
           'no backends are left behind');

    $db->sql('alter system reset synchronous_standby_names');
    $db->sql('select pg_reload_conf()');

    # What was to be done about calls without an end comes when they have ended.
    wait_until(sub { !$db->sql(q{select count(*) from pg_stat_activity
        where application_name = 'ihanoi write' and state <> 'idle'}) });
    $job->do('select pg_advisory_unlock(1)');
    is(wait_until(sub { my $o = outcome($gw->put('/p/row?a=sync-back'));
                        $o =~ /^201/ && $o }),
       '201 {"a":"sync-back"}', 'writes go on when it is back');
    ok(wait_until(sub { $gw->metric('ihanoi_jobs_leader{database="main"}') }),
       'and so do jobs');
    is(said($gw, qr/call without an end|write connection to \S+ lost/), 0,
       'no backend is ended for a call that has');

    # Somebody cancels the wait: a success that is not one.
    $db->sql(q{alter system set synchronous_standby_names = 'nobody'});
    $db->sql('select pg_reload_conf()');
    sleep 0.3;
    my ($got) = parallel(
        sub { outcome($gw->put('/p/row?a=sync-cancelled')) },
        sub {
            wait_until(sub { $db->sql(q{select count(pg_cancel_backend(pid))
                from pg_stat_activity where wait_event = 'SyncRep'}) });
            '';
        });
    is($got, '503 outcome-unknown', 'a cancelled wait is an unknown outcome');

    $db->sql('alter system reset synchronous_standby_names');
    $db->sql('select pg_reload_conf()');
};


scene 'a backend that stands still' => sub {
    my $gw = ready(pg_gateway(db => $db, log_level => 'notice',
                              database => <<'CONF'));
        read connections=2 depth=2 timeout=400ms;
CONF
    my $pid = $db->sql(q{select pid from pg_stat_activity
        where application_name = 'ihanoi read' order by pid limit 1});
    kill STOP => $pid;

    my %seen;
    for my $n (1 .. 60) {
        my $got = outcome($gw->get("/p/echo?a=$n"));
        $seen{ $got eq qq(200 {"a":"$n"}) ? '200' : $got }++;
    }

    # Depth two: at most two calls are lost to it.
    cmp_ok($seen{200}, '>=', 58, 'costs what was in flight on it')
        or diag(explain(\%seen));

    kill CONT => $pid;
    is(outcome($gw->get('/p/echo?a=x')), '200 {"a":"x"}', 'and is forgiven');
};


scene 'sessions that are idle are ended' => sub {
    my $gw = ready(pg_gateway(db => $db, log_level => 'notice'));

    my $ended = sub { scalar(() = text_of($db->{cluster}->log) =~ /due to idle-session timeout/g) };
    my $another_is_ended = sub {
        my $before = $ended->();
        open my $psql, '|-', 'psql', '-X', '-q', $db->psql_args or die "psql: $!";
        ok(wait_until(sub { $ended->() > $before }), $_[0]);
        close $psql;
    };

    # Those that have had a call since.
    $db->sql(q{alter system set idle_session_timeout = '100ms'});
    $db->sql('select pg_reload_conf()');
    $another_is_ended->('one that is idle is ended');
    like(outcome($gw->get('/p/echo?a=x')), qr/^200/, 'a read');
    like(outcome($gw->put('/p/row?a=idle')), qr/^201/, 'and a write');
    $another_is_ended->('again');
    is($ended->(), 2, 'a pool is not');
    unlike($gw->error_log, qr/connection to \S+ lost/, 'nor does it lose one');

    $db->sql('alter system reset idle_session_timeout');
    $db->sql('select pg_reload_conf()');
};


scene 'TCP and TLS' => sub {
    my $data = $db->{cluster}->data;
    my $gw = ready(pg_gateway(db => $db,
                              database => "server 127.0.0.1:$db->{port};"));
    is(outcome($gw->get('/p/echo?a=tcp')), '200 {"a":"tcp"}', 'TCP');

    system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256"
           . " -nodes -days 2 -subj /CN=db.test -addext"
           . " subjectAltName=DNS:db.test -keyout $data/server.key"
           . " -out $data/server.crt 2>/dev/null") == 0 or die 'openssl';
    system("chown postgres: $data/server.key $data/server.crt") if $> == 0;
    chmod 0600, "$data/server.key";
    $db->sql('alter system set ssl = on');
    restart($db);
    open my $in, '<', "$data/server.crt" or die "$!\n";
    my $certificate = join '', <$in>;

    $gw = ready(pg_gateway(db => $db,
        files => { 'ca.pem' => $certificate }, database => <<"CONF"));
        server 127.0.0.1:$db->{port} host=db.test;
        sslmode verify-full;
        sslrootcert %%DIR%%/ca.pem;
CONF
    is(outcome($gw->get('/p/echo?a=tls')), '200 {"a":"tls"}', 'TLS, verified');
    is(scalar $db->sql(q{select bool_and(s.ssl) from pg_stat_ssl s
                  join pg_stat_activity a using (pid)
                  where a.application_name like 'ihanoi %'
                  and a.client_addr is not null
                  and s.version is not null}), 't', 'it is');
    is(length($gw->get('/p/size?n=1000000')->{json}{data}), 1_000_000,
       'large answers');
    $gw->stop;

    $gw = pg_gateway(db => $db, files => { 'ca.pem' => $certificate },
                     database => <<"CONF");
        server 127.0.0.1:$db->{port} host=other.test;
        sslmode verify-full;
        sslrootcert %%DIR%%/ca.pem;
CONF
    like(outcome($gw->get('/p/echo?a=x')), qr/^503 database-unavailable/,
         'a certificate of another name is refused');
};


scene 'room for connections' => sub {
    $db->sql('alter system set max_connections = 20');
    restart($db);

    my $gw = ready(pg_gateway(db => $db, workers => 2));
    ok(wait_until(sub { said($gw, qr/\[(?:warn|crit)\].*has room for 17 /) }),
       'too few for a reload is told');
    $gw->stop;

    $db->sql('alter system set max_connections = 30');
    $db->sql('alter role ihanoi_control connection limit 5');
    restart($db);

    $gw = ready(pg_gateway(db => $db, workers => 2, http => <<"CONF"));
        ihanoi_database other {
            server unix:$db->{socket} port=$db->{port};
            dbname $db->{name};
            release pools;
            read connections=1;
            write connections=1;
        }
CONF
    ok(wait_until(sub { said($gw, qr/\[warn\].*database "main" has room for 27 connections, workers need 20 /) }),
       'so are two blocks of which each has room');
    ok(wait_until(sub { said($gw, qr/\[warn\].*the role "ihanoi_control" may have 5 connections, workers need 4 /) }),
       "and a role's own limit");
    ok(wait_until(sub { $gw->get('/metrics')->{content} =~ /^ihanoi_pool_connections\{database="other",pool="control"\} 2$/m }),
       'the other block stands');
    is(said($gw, qr/workers need/), 2, 'and tells nothing again');
};


stop_own_clusters();
done_testing();
