#!/usr/bin/perl
# The deny list (A21): a denied token is refused by every worker within two
# seconds, however it is spelled, over reloads and restarts.

use lib 'tests/lib';
use IHanoi::Test;
use File::Temp;
use Math::BigInt;
use MIME::Base64 qw(decode_base64url encode_base64url);
use POSIX qw(mkfifo);
use Time::HiRes qw(time sleep);

my $db = database();
my $iss = $IHanoi::Test::ISSUER;
my $gw = gateway(
    db => $db,
    contract => [],
    workers => 2,
    http => 'auth_jwt_deny_list main;',
    servers => 'server { listen unix:%%DIR%%/echo.sock; '
             . 'location / { return 200 "$http_x_sub"; } }',
    server => 'ihanoi_problems on; add_header X-Worker $pid always;',
    locations => 'location /metrics { ihanoi_status metrics; } '
               . 'location / { auth_jwt x; proxy_set_header X-Sub '
               . '$jwt_claim_sub; proxy_pass http://unix:%%DIR%%/echo.sock; }',
);

sub status { $gw->get('/', token => $_[0])->{status} }

# Waits for two questions more of the only gateway: the first has been read then.
sub asked {
    my ($in, $name) = @_;
    my $since = $in->sql('select clock_timestamp()');
    my %seen;
    ok(wait_until(sub {
        my $at = $in->sql("select max(query_start) from pg_stat_activity "
                          . "where query ~ 'from denied_tokens' and pid <> pg_backend_pid() "
                          . "and datname = current_database() and query_start > '$since'");
        $seen{$at} = 1 if $at;
        keys %seen > 1;
    }, 10), $name);
}

# Before the list was read once nobody is let in.
ok(wait_until(sub { status(token(sub => 'first')) == 200 }, 10),
   'when the list was read, tokens are let in');

sub deny {
    my ($kind, $value, $before) = @_;
    $before = defined $before ? "to_timestamp($before)" : 'null';
    $db->sql("select code_$db->{release}.token_deny('$iss', '$kind', '$value', "
             . "$before, now() + interval '1 hour', 'test')");
    return time;
}

# Whether each worker gives this status, and no other.
sub everywhere {
    my ($token, $status) = @_;
    my %answers = $gw->by_worker('/', token => $token);
    return keys %answers == 2 && !grep { $_->{status} != $status } map { @$_ } values %answers;
}

# Waits until each worker refuses; returns when the last was let in.
sub refused_everywhere {
    my ($token) = @_;
    my $last = time;
    my $end = time + 10;

    until (everywhere($token, 401)) {
        $last = time;
        return $end if time > $end;
        sleep 0.02;
    }

    return $last;
}

my $now = int time;
my %token = (
    jti => [token(sub => 'a', jti => 'j1'), token(sub => 'a', jti => 'j2')],
    sid => [token(sub => 'b', sid => 's1', jti => 'j3'),
            token(sub => 'b', sid => 's2', jti => 'j4')],
    sub => [token(sub => 'c', jti => 'j5', iat => $now - 100),
            token(sub => 'd', jti => 'j6', iat => $now - 100)],
);
my %value = (jti => 'j1', sid => 's1', sub => 'c');

for my $kind (qw(jti sid sub)) {
    my ($bad, $good) = @{ $token{$kind} };

    is(status($bad), 200, "$kind: good so far") for 1 .. 4;
    my $denied = deny($kind, $value{$kind});
    my $delay = refused_everywhere($bad) - $denied;
    cmp_ok($delay, '<', 2, "$kind: refused everywhere within 2 s");
    is(status($good), 200, "$kind: another one is let in");

    my $r = $gw->get('/', token => $bad);
    like($r->{headers}{'www-authenticate'}, qr/error="invalid_token"/,
         'as any bad token');
    is($r->{json}{type}, 'urn:ihanoi:problem:token-invalid', 'with its problem');
}

# A new spelling, or another token of a denied session, is of no use. Of an ES256
# signature (r, s) there is a second one that is as good: (r, n - s).
sub respelled {
    my ($h, $p, $s) = split /\./, $_[0];
    my $n = Math::BigInt->from_hex('ffffffff00000000ffffffffffffffff'
                                   . 'bce6faada7179e84f3b9cac2fc632551');
    my ($r, $half) = unpack 'H64 H64', decode_base64url($s);
    my $other = $n - Math::BigInt->from_hex($half);

    return join '.', $h, $p, encode_base64url(pack 'H64 H64', $r,
                                              substr('0' x 64 . substr($other->as_hex, 2), -64));
}

{
    my $token = token(sub => 'spelled', jti => 'spelled');
    my $other = respelled($token);

    isnt($other, $token, 'a token in another spelling');
    is(status($other), 200, 'is good') for 1 .. 4;
    deny('jti', 'spelled');
    refused_everywhere($token);

    my %status;
    $status{ status($_) }++ for ($token, $other) x 500;
    is_deeply(\%status, { 401 => 1000 }, 'denied, it is refused as the first one is');
}

is(status(token(sub => 'b', sid => 's1', jti => 'new')), 401,
   'a new token of a denied session');
is(status(token(sub => 'c', jti => 'new', iat => $now)), 401,
   'a new token of a denied subject');

# Everything from before a moment: log out everywhere.
{
    my $old = token(sub => 'e', iat => $now - 60);
    my $none = token(sub => 'e', iat => undef);
    my $new = token(sub => 'e', iat => $now + 1);

    is(status($_), 200, 'good so far') for $old, $none, $new;
    deny('sub', 'e', $now - 10);
    refused_everywhere($old);
    is(status($old), 401, 'one from before is refused');
    is(status($none), 401, 'one that does not say when is refused');
    is(status($new), 200, 'one from after is let in');
    is(status(token(sub => 'e2', iat => $now - 60)), 200, "another's is too");
}

# A mistake is taken back.
{
    my $token = token(sub => 'f', jti => 'f1');

    deny('jti', 'f1');
    refused_everywhere($token);
    is(status($token), 401, 'denied by mistake');
    $db->sql("select code_$db->{release}.token_deny_lift('$iss', 'jti', 'f1')");
    ok(wait_until(sub { everywhere($token, 200) }, 10),
       'lifted, it is let in by every worker');
    deny('jti', 'f1');
    refused_everywhere($token);
    is(status($token), 401, 'and can be denied again');
}

# Over a reload and a restart.
{
    my ($bad, $good) = @{ $token{jti} };

    $gw->reload;
    ok(everywhere($bad, 401), 'after a reload it is refused at once');
    is(status($good), 200, 'and a good one is let in');

    $gw->stop;
    $gw->start;
    my $let_in = 0;
    my $end = time + 10;
    my $s;
    do { $let_in++ if status($bad) == 200; $s = status($good) }
        while $s != 200 && time < $end;
    $let_in++ if status($bad) == 200;
    is($s, 200, 'after a restart good ones are let in');
    is($let_in, 0, 'the denied one never is, not before the list is there');
}

# The database goes away: the list stays in force.
{
    my ($bad, $good) = @{ $token{jti} };
    $db->sql("alter database $db->{name} connection limit 0");
    $db->sql("select pg_terminate_backend(pid) from pg_stat_activity "
             . "where datname = '$db->{name}' and usename = 'ihanoi_control'");
    ok(wait_until(sub { $gw->error_log =~ /too many connections for database/ }),
       'the database is away');
    is(status($bad), 401, 'without it: denied');
    is(status($good), 200, 'and good');
    $db->sql("alter database $db->{name} connection limit -1");
}

# Another database after a reload, which counts what it writes for itself; and
# another release, whose marks are of another form.
{
    my ($other, $older) = map { database() } 1 .. 2;
    my %bad = map { $_ => token(sub => "only-$_", jti => "only-$_") } qw(other older);
    my $deny = sub {
        my ($where, $jti) = @_;
        $where->sql("select code_$where->{release}.token_deny('$iss', 'jti', '$jti', null, "
                    . "now() + interval '1 hour', '')");
    };

    $deny->($other, 'only-other');
    $deny->($older, 'only-older');
    $older->sql("create or replace function code_$older->{release}.denied_tokens(since text)
        returns table (next text, kind text, iss text, value text,
                       denied_before bigint, forget_at bigint)
        language sql stable as \$\$
            select pg_snapshot_xmin(pg_current_snapshot())::text, d.kind, d.iss, d.value,
                   null::bigint, extract(epoch from d.forget_at)::bigint
            from (select) one left join core.denied_tokens d
                on since is null or d.xid >= since::bigint::text::xid8 \$\$");

    # a mark that is younger than those rows
    $deny->($db, 'mark');
    refused_everywhere(token(sub => 'mark', jti => 'mark'));

    for (['other', $other], ['older', $older]) {
        my ($name, $where) = @$_;
        is(status($bad{$name}), 200, "a token that $name database denies");
        $gw->reload(db => $where);
        ok(wait_until(sub { status($bad{$name}) == 401 }, 5),
           'is refused when that one is asked');
    }
    $gw->reload(db => $db);
}

# A start without a database: 503, not 200.
{
    my $db2 = database();
    $db2->sql('drop function code_' . $db2->{release}
              . '.denied_tokens(text)') ;
    my $alone = gateway(
        db => $db2, contract => [],
        http => 'auth_jwt_deny_list main interval=100ms;',
        server => 'ihanoi_problems on;',
        locations => 'location / { auth_jwt x; empty_gif; } '
                   . 'location = /ready { ihanoi_status readyz; }');
    ok(wait_until(sub { $alone->error_log =~ /denied_tokens.* does not exist/ }, 10),
       'the log says why the list cannot be read');
    my $r = $alone->get('/', token => token(sub => 'a'));
    is($r->{status}, 503, 'a list that cannot be read: 503');
    is($r->{headers}{'retry-after'}, 1, 'with Retry-After');
    is($alone->get('/', token => 'a.b.c')->{status}, 401, 'a bad token is 401');
    $r = $alone->get('/ready');
    is($r->{status}, 503, '/readyz is not ready');
    like($r->{content}, qr/deny list/, 'and says why');
}

# A list that there is no room for: 503, also for tokens that are in the cache.
{
    my $db3 = database();
    my $full = gateway(
        db => $db3, contract => [], bare => 1,
        http => "ihanoi_zone 1m; auth_jwt_deny_list main interval=100ms; "
              . "auth_jwt_issuer $iss { key_file %%KEYS%%/jwks.json; "
              . "audience $IHanoi::Test::AUDIENCE; algorithms ES256; }",
        locations => 'location / { auth_jwt x; empty_gif; }');
    my $in = sub { $full->get('/', token => $_[0])->{status} };
    my @token = map { token(sub => "full$_", jti => "full$_") } 0 .. 2;
    my $deny = sub {
        my ($jti, $n) = @_;
        $db3->sql("select code_$db3->{release}.token_deny('$iss', 'jti', '$jti' || n, null, "
                  . "now() + interval '1 hour', '') from generate_series(0, $n) n");
    };

    ok(wait_until(sub { $in->($token[0]) == 200 }, 10), 'a token is let in');
    $deny->('x', 10_000);
    ok(wait_until(sub { $in->($token[1]) == 503 }, 10),
       'when there is no room for the list a new one is not');

    # as much as there is room for: to the last row
    $db3->sql('delete from core.denied_tokens');
    ok(wait_until(sub { $in->($token[0]) == 200 }, 10), 'when there is, it is');
    $deny->('full', 0);
    ok(wait_until(sub { $in->($token[2]) == 503 }, 10), 'one row too many');
    is($in->($token[0]), 503, 'and the token of that row is not let in either');
    like($full->error_log, qr/no room for the deny list/, 'the log says why');
}

# A clock that is an hour ahead for a while: what was over by it is in force again when it
# is set back, what the database told it of in that hour, too.
{
    $gw->stop;
    my $ahead = File::Temp->new;
    chmod 0644, $ahead;
    my $clock = gateway(
        db => $db, contract => [],
        env => { LD_PRELOAD => build_dir() . '/clock.so', CLOCK => "$ahead" },
        http => 'auth_jwt_deny_list main interval=100ms;',
        server => 'ihanoi_problems on;',
        locations => 'location / { auth_jwt x; empty_gif; }');
    my $in = sub { $clock->get('/', token => $_[0])->{status} };
    my $deny = sub {
        my ($jti, $for) = @_;
        $db->sql("select code_$db->{release}.token_deny('$iss', 'jti', '$jti', null, "
                 . "now() + interval '$for', 'test')");
    };
    my ($good, @bad) = map { token(sub => $_, jti => $_) } qw(good before during);
    my $cached = token(sub => 'cached', jti => 'cached');
    my $long = token(sub => 'long', jti => 'long', exp => $now + 7200);

    $deny->('before', '15 minutes');
    ok(wait_until(sub { $in->($bad[0]) == 401 }, 10), 'a token is denied');
    is($in->($long), 200, 'and another one is not');
    truncate $ahead, 3600;
    ok(wait_until(sub { $in->($good) == 401 }), 'an hour later it has expired');
    $deny->('during', '15 minutes');
    $deny->('long', '2 hours');
    ok(wait_until(sub { $in->($long) == 401 }, 10), 'and the list was read once more');

    truncate $ahead, 0;
    isnt($in->($_), 200, 'set back it lets nobody in by mistake') for @bad;
    ok(wait_until(sub { $in->($good) == 200 }), 'but a token that has not expired');
    is($in->($_), 401, 'and what is denied still is') for @bad, $long;

    is($in->($cached), 200, 'a token is in the cache');
    truncate $ahead, 3600;
    ok(wait_until(sub { $in->($good) == 401 }), 'the clock is ahead again');
    $deny->('cached', '15 minutes');
    asked($db, 'the token is denied');
    truncate $ahead, 0;
    isnt($in->($cached), 200, 'and, the clock set back, not let in out of the cache');
}

# The same where there is no room for what was forgotten.
{
    my $ahead = File::Temp->new;
    chmod 0644, $ahead;
    my $db4 = database();
    my $clock = gateway(
        db => $db4, contract => [], bare => 1,
        env => { LD_PRELOAD => build_dir() . '/clock.so', CLOCK => "$ahead" },
        http => "ihanoi_zone 1m; auth_jwt_deny_list main interval=100ms; "
              . "auth_jwt_issuer $iss { key_file %%KEYS%%/jwks.json; "
              . "audience $IHanoi::Test::AUDIENCE; algorithms ES256; }",
        locations => 'location / { auth_jwt x; empty_gif; }');
    my $in = sub { $clock->get('/', token => $_[0])->{status} };
    my $deny = sub {
        my ($jti, $n, $for) = @_;
        $db4->sql("select code_$db4->{release}.token_deny('$iss', 'jti', '$jti' || n, null, "
                  . "now() + interval '$for', '') from generate_series(0, $n) n");
    };
    my $bad = token(sub => 'old', jti => 'old0');
    my $good = token(sub => 'new', jti => 'new', exp => $now + 7200);

    $deny->('old', 0, '15 minutes');
    ok(wait_until(sub { $in->($bad) == 401 }, 10), 'a token is denied');
    truncate $ahead, 3600;
    ok(wait_until(sub { $in->($good) == 200 }), 'an hour later another one is not');
    $deny->('x', 10_000, '2 hours');
    ok(wait_until(sub { $in->(token(sub => 'a', exp => $now + 7200)) == 503 }, 10),
       'a list has no room');
    $db4->sql("delete from core.denied_tokens where value like 'x%' and value > 'x10'");
    ok(wait_until(sub { $in->($good) == 200 }, 10), 'then it has, to the last row');

    truncate $ahead, 0;
    asked($db4, 'set back it asks for what was forgotten') for 1, 2;
    is($in->($_), 503, 'and, without room for that, lets nobody in') for $good, $bad;
}

# A reload brings a shorter interval: how long a list is good was said with the question.
{
    my $ahead = File::Temp->new;
    chmod 0644, $ahead;
    my $db5 = database();
    my ($good, $bad) = map { token(sub => $_, jti => $_) } qw(good bad);
    $db5->sql("select code_$db5->{release}.token_deny('$iss', 'jti', 'bad', null, "
              . "now() + interval '1 hour', 'test')");
    my $rare = gateway(
        db => $db5, contract => [],
        env => { LD_PRELOAD => build_dir() . '/clock.so', CLOCK => "$ahead" },
        http => 'auth_jwt_deny_list main interval=1m;',
        server => 'ihanoi_problems on;',
        locations => 'location / { auth_jwt x; empty_gif; }');
    is($rare->get('/', token => $good)->{status}, 200, 'a list that is read each minute');

    $db5->sql("alter database $db5->{name} connection limit 0");
    $db5->sql("select pg_terminate_backend(pid) from pg_stat_activity "
              . "where datname = '$db5->{name}' and usename = 'ihanoi_control'");
    ok(wait_until(sub { $rare->error_log =~ /too many connections for database/ }),
       'its database is away');
    truncate $ahead, 30;
    $rare->reload(http => 'auth_jwt_deny_list main interval=100ms;');
    is($rare->get('/', token => $good)->{status}, 200,
       'it stays in force when it is to be read each tenth of a second');
    is($rare->get('/', token => $bad)->{status}, 401, 'and has who is denied');
    $db5->sql("alter database $db5->{name} connection limit -1");
}

# A worker's first seconds are its own, not those in which its configuration was read.
{
    my $in = database();
    my $locker = $in->session;
    $locker->do('begin; lock table core.denied_tokens');

    my $late = gateway(
        db => $in, contract => [], start => 0,
        http => 'auth_jwt_deny_list main interval=100ms; include %%DIR%%/late;',
        server => 'ihanoi_problems on;',
        locations => 'location / { auth_jwt x; proxy_pass http://127.0.0.1:1; }',
    );
    mkfifo($late->dir . '/late', 0644) or die "late: $!\n";

    my $writer = fork // die "could not fork: $!\n";
    if (!$writer) {
        sleep 3.5;
        open my $fh, '>', $late->dir . '/late';
        POSIX::_exit(0);
    }

    $late->start;
    waitpid $writer, 0;

    my $client = $late->connection;
    $client->send($client->format('GET', '/', token => token(sub => 'a')));
    sleep 0.3;
    $locker->do('rollback');
    is($client->response('GET')->{status}, 502,
       'after a configuration that took long to read, a request waits for the list');
}

done_testing();
