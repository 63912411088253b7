#!/usr/bin/perl
# Key sets that are fetched: from the first request through rotation, outage
# and abuse (A25, A26).

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Provider;
use Time::HiRes qw(time sleep);

my $idp = IHanoi::Test::Provider->new;
$idp->add_key('k1');

my $echo = 'server { listen unix:%%DIR%%/echo.sock; '
           . 'location / { return 200 "$http_x_sub"; } }';

sub start {
    my ($idp, %arg) = @_;
    my $cache = $arg{cache} // '10m';

    return gateway(
        issuer => 0,
        map({ $_ => $arg{$_} } grep { $arg{$_} } qw(events expect_log)),
        workers => $arg{workers} // 1,
        servers => $arg{servers} // $echo,
        server => 'ihanoi_problems on; add_header X-Worker $pid always;',
        http => 'auth_jwt_issuer ' . $idp->name . ' { key_request /_jwks; '
              . "key_cache $cache; audience ihanoi; algorithms "
              . ($arg{algorithms} // 'ES256') . '; } ' . ($arg{http} // ''),
        locations => ($arg{jwks} // 'location = /_jwks { internal; proxy_pass '
              . $idp->url . '; proxy_connect_timeout 2s; }')
              . 'auth_jwt x; location = /metrics { auth_jwt off; ihanoi_status metrics; }'
              . 'location /open { auth_jwt off; return 200 open; } '
              . 'location /token { ihanoi_status healthz; } '
              . 'location /in { ' . ($arg{in} // '')
              . ' proxy_pass http://unix:%%DIR%%/echo.sock:/; '
              . 'proxy_set_header X-Sub $jwt_claim_sub; }',
    );
}

sub status { my ($gw, $token) = @_; $gw->get('/in', token => $token)->{status} }

# ihanoi_key_fetches_total by result.
sub fetched {
    my ($gw) = @_;
    return { $gw->get('/metrics')->{content}
             =~ /^ihanoi_key_fetches_total\{result="(\w+)"\} (\d+)$/mg };
}


# The first request brings the keys in; later ones use them.
{
    my $gw = start($idp);
    my $r = $gw->get('/in', token => $idp->token(sub => 'anna'),
                     headers => { Cookie => 'secret=1',
                                  'If-None-Match' => '"x"' });

    is($r->{status}, 200, 'the first token waits for the keys and is let in');
    is($r->{content}, 'anna', 'as the one it names');
    is($idp->fetches, 1, 'with one request to the provider');
    unlike($idp->last_fetch, qr/authorization|bearer|cookie|if-none/i,
           'which is not told the token, cookies or conditions');

    is(status($gw, $idp->token(sub => "n$_")), 200, "token $_") for 1 .. 5;
    is($idp->fetches, 1, 'no further request');

    # Rotation: a token may come before the set was asked for again.
    $idp->add_key('k2');
    is(status($gw, $idp->token(sub => 'b', -kid => 'k2')), 200,
       'a token with a new key makes it ask again, and is let in');
    is($idp->fetches, 2, 'once');
    is(status($gw, $idp->token(sub => 'c', -kid => 'k1')), 200,
       'the old key is still good');
    is_deeply(fetched($gw), { ok => 2, failed => 0 }, 'both requests are counted');

    # Kids that nobody has bring no flood about.
    my $before = $idp->fetches;
    my $client = $gw->connection;
    my $begin = time;
    my %status;
    my $forged = $idp->token(sub => 'x', -kid => 'none',
                             -key => 'k1');
    for my $n (1 .. 300) {
        my $r = $client->request('GET', '/in', token =>
            $idp->token(sub => 'x', -kid => "random-$n",
                        -key => 'k1')) if $n <= 5;
        $r //= $client->request('GET', '/in', token => $forged);
        $status{ $r->{status} }++;
    }
    is_deeply(\%status, { 401 => 300 }, '300 tokens with unknown keys: 401');
    cmp_ok($idp->fetches - $before, '<=', 5 + (time - $begin) / 5,
           'ask the provider 5 times and then once in 5 seconds at most');
    is(status($gw, $idp->token(sub => 'd')), 200, 'and good ones are let in');
    $gw->stop;
}


# A removed key is refused as soon as the set is known, cached tokens too; also
# where a variable reads the token before the access phase, as limit_req does.
for my $in ('', 'limit_req zone=s burst=1000 nodelay;') {
    my $gw = start($idp->publish('k1', 'k2'), cache => '1s', in => $in,
        http => 'limit_req_zone $ihanoi_subject_hash zone=s:1m rate=1000r/s;');
    my $old = $idp->token(sub => 'a', -kid => 'k1');

    is(status($gw, $old), 200, 'a token with the old key ' . ($in && "and $in"));
    $idp->publish('k2');
    ok(wait_until(sub { status($gw, $old) == 401 }, 6),
       'is refused when the key is gone, though it was cached');
    is(status($gw, $idp->token(sub => 'a', -kid => 'k2')), 200,
       'the new key is good');
    $gw->stop;
}


# The same kid with another key, and tokens without one: good at once, however
# long the set was to be used, and within the same bounds as unknown kids.
{
    my $gw = start($idp);
    is(status($gw, $idp->token(sub => 'a', -kid => 'k2')), 200, 'a key');

    my $old = $idp->token(sub => 'old', -kid => 'k2');
    $idp->add_key('k2', publish => 0)->publish('k2');
    is(status($gw, $idp->token(sub => 'b', -kid => 'k2')), 200,
       'another key of the same kid is taken over with its first token');
    is(status($gw, $old), 401, 'and the old one is gone');

    $idp->add_key('k3', publish => 0)->publish('k3');
    is(status($gw, $idp->token(sub => 'c', -key => 'k3',
                               -header => { kid => undef })), 200,
       'and so is one whose tokens name no kid');

    my $before = $idp->fetches;
    my $begin = time;
    my %status;
    $status{ status($gw, $idp->token(sub => "n$_", -kid => 'k3',
                                     -key => 'k2')) }++ for 1 .. 30;
    is_deeply(\%status, { 401 => 30 }, '30 forged signatures: 401');
    cmp_ok($idp->fetches - $before, '<=', 5 + (time - $begin) / 5,
           'ask the provider no more often than unknown kids');
    $idp->publish('k2', 'k3');
    $gw->stop;
}


# Several sets of one issuer: a new key may be in any of them.
{
    my $gw = gateway(issuer => 0, workers => 1, servers => $echo,
        http => 'auth_jwt_issuer ' . $idp->name . ' { key_request /_a /_b; '
              . 'audience ihanoi; algorithms ES256; }',
        locations => join('', map { "location = /_$_ { internal; proxy_pass "
            . "http://127.0.0.1:" . $idp->port . "/jwks-$_; }" } qw(a b)) . q{
            location /in { auth_jwt x;
                proxy_pass http://unix:%%DIR%%/echo.sock:/; }});

    $idp->serve(path => '/jwks-a', body => $idp->publish('k2')->jwks);
    $idp->serve(path => '/jwks-b', body => $idp->publish('k3')->jwks);
    is(status($gw, $idp->token(sub => 'a', -kid => $_)), 200, "keys: $_")
        for qw(k2 k3);

    $idp->add_key('k4', publish => 0);
    $idp->serve(path => '/jwks-b', body => $idp->publish('k3', 'k4')->jwks);
    is(status($gw, $idp->token(sub => 'a', -kid => 'k4')), 200,
       'the first token of a key that is new in the second set');
    $gw->stop;
    $idp->publish('k2', 'k3');
}


# As many RSA keys as a set may have: those that would take too long to check
# at once follow.
{
    my $mint = IHanoi::Test::Mint->new;
    $mint->key("r$_" => 'RSA-2048') for 1 .. 33;
    $idp->serve(body => '{"keys":[' . join(',', map {
        $mint->jwk("r$_" => qq("kid":"r$_","alg":"RS256")) } 1 .. 33) . ']}');

    my $gw = start($idp, algorithms => 'RS256');
    my $token = $mint->sign(r33 => 'RS256', { alg => 'RS256', kid => 'r33' },
        { iss => $idp->name, aud => 'ihanoi', sub => 'a', iat => int time,
          exp => 600 + int time });
    ok(wait_until(sub { status($gw, $token) == 200 }, 6),
       'a token of the last of 33 RSA keys is let in');
    $gw->stop;
    $idp->serve;
}


# Whatever the provider answers, the last good set stays: one issuer for each
# answer, so that they all go bad at once.
{
    my @bad = (
        ['500', status => 500],
        ['404', status => 404],
        ['a redirect', status => 302,
         headers => ['Location: /elsewhere', 'Content-Length: 0'], body => ''],
        ['HTML', body => '<html><body>sign in</body></html>'],
        ['nothing', body => ''],
        ['no keys', body => '{"keys":[]}'],
        ['another document', body => '{"error":"x"}'],
        ['10 MB', body => '{"keys":[]}' . ' ' x 10_000_000],
        ['gzip', headers => ['Content-Encoding: gzip', 'Content-Length: 20'],
         body => '{"keys":[' . 'x' x 11],
        ['half an answer', raw => "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n"
                                  . "\r\n{\"keys\":["],
        ['garbage', raw => "abc\r\ndef\r\n"],
        ['a closed connection', down => 1],
        ['private keys', body => '{"keys":[{"kty":"EC","crv":"P-256","d":"AA",'
                                 . '"x":"AA","y":"AA"}]}'],
        ['a weak RSA key', body => '{"keys":[{"kty":"RSA","kid":"k2",'
                                   . '"n":"AQAB","e":"AQ"}]}'],
        ['nothing for long', delay => 30],
    );

    my ($http, $locations) = ('', '');

    for my $n (0 .. $#bad) {
        $http .= "auth_jwt_issuer https://p$n { key_request /_jwks$n; "
               . 'key_cache 1s; audience ihanoi; algorithms ES256; } ';
        $locations .= "location = /_jwks$n { internal; proxy_pass "
               . 'http://127.0.0.1:' . $idp->port . "/jwks$n; }\n";
    }

    my $gw = start($idp, http => $http, jwks => $locations
                   . 'location = /_jwks { internal; return 404; }');
    my @good = map { $idp->token(iss => "https://p$_", sub => 'a') } 0 .. $#bad;
    my @new = map { $idp->token(iss => "https://p$_", sub => 'b') } 0 .. $#bad;

    my %status;
    $status{ status($gw, $_) }++ for @good;
    is_deeply(\%status, { 200 => scalar @bad }, 'all have their keys');

    my @before = map { $idp->fetches_of("/jwks$_") } 0 .. $#bad;
    $idp->serve(path => "/jwks$_", @{ $bad[$_] }[1 .. $#{ $bad[$_] }])
        for 0 .. $#bad;
    sleep 1.2;

    # asks all of them again; then there are answers to fall over
    status($gw, $_) for @good;
    sleep 0.5;

    for my $n (0 .. $#bad) {
        ok(wait_until(sub { $idp->fetches_of("/jwks$n") > $before[$n] }),
           "asked again, it answers $bad[$n][0]");
        is(status($gw, $good[$n]), 200, 'a cached token is let in');
        is(status($gw, $new[$n]), 200, 'a new token is let in');
    }

    ok(wait_until(sub { fetched($gw)->{failed} >= @bad }), 'all of it is counted');

    # It may be the provider's next key: nobody is told that the token is wrong.
    my $r = $gw->get('/in', token => $idp->token(iss => 'https://p0', sub => 'a',
                                                 -kid => 'next', -key => 'k2'));
    is($r->{status}, 503, 'a key that the set lacks, and nobody to ask: 503');
    is($r->{json}{type}, 'urn:ihanoi:problem:keys-unavailable', 'for want of keys');
    like($r->{headers}{'retry-after'}, qr/^[1-9]\d?$/, 'with Retry-After');

    $gw->stop;
}


# Nor is it asked when no connection is left for that.
{
    $idp->serve;
    my $gw = start($idp, events => 'worker_connections 48;',
                   expect_log => qr/worker_connections are not enough/);
    is(status($gw, $idp->token(sub => 'a', -kid => 'k2')), 200, 'a set is in use');

    # nginx closes those that are idle for others: these have begun
    my $begun = sub { map { my $c = $gw->connection->connect;
                            $c->send("GET /token HTTP/1.1\r\nHost: localhost\r\n"); $c } 1 .. $_[0] };
    my $ends = sub {
        my ($client, $token) = @_;
        $client->send("Authorization: Bearer $token\r\n\r\n");
        return $client->response->{status};
    };
    my ($good, @asks) = $begun->(13);
    my @clients;
    ok(wait_until(sub {
        push @clients, $begun->(1);
        $gw->error_log =~ /worker_connections are not enough/;
    }), 'connections are used up');

    $idp->add_key('k9');
    my $new = $idp->token(sub => 'a', -kid => 'k9');
    my %status;
    $status{ $ends->($_, $new) }++ for @asks;
    is_deeply(\%status, { 503 => 12 }, 'a token with a new key: 503, each time');
    is($ends->($good, $idp->token(sub => 'b', -kid => 'k2')), 200, 'those of the set go on');

    $_->close for @clients;
    ok(wait_until(sub { $gw->get('/token', token => $new)->{status} == 200 }, 6),
       'and so does the new one when there are connections');
    $gw->stop;
    $idp->publish('k2', 'k3');
}


# No set at all: 503 with Retry-After, not 200, not 500; readiness.
{
    $idp->serve(status => 500);
    my $gw = start($idp);
    my $r = $gw->get('/in', token => $idp->token(sub => 'a'));

    is($r->{status}, 503, 'no keys: 503');
    like($r->{headers}{'retry-after'}, qr/^[1-9]\d?$/, 'with Retry-After');
    is($r->{json}{type}, 'urn:ihanoi:problem:keys-unavailable', 'as a problem');
    is($r->{headers}{'www-authenticate'}, undef, 'and no challenge');
    is($gw->get('/in')->{status}, 401, 'no token is 401 all the same');
    is(status($gw, 'a.b.c'), 401, 'and so is a token that can never be good');

    my $before = $idp->fetches;
    my $begin = time;
    is(status($gw, $idp->token(sub => "f$_")), 503, 'still 503') for 1 .. 20;
    cmp_ok($idp->fetches - $before, '<=', 1 + (time - $begin),
           'the provider is left alone meanwhile');

    $idp->serve;
    ok(wait_until(sub { status($gw, $idp->token(sub => 'a')) == 200 }, 15),
       'when it is back, tokens are let in');
    $gw->stop;
}


# A slow provider: waiting ends, others are not held up.
{
    $idp->serve(delay => 1);
    my $gw = start($idp);
    my @clients = map { $gw->connection } 1 .. 20;
    my $token = $idp->token(sub => 'a');
    my $begin = time;

    $_->send($_->format('GET', '/in', token => $token)) for @clients;

    my $open = $gw->get('/open');
    is($open->{status}, 200, 'a place without tokens answers meanwhile');
    cmp_ok(time - $begin, '<', 0.9, 'at once');

    my $before = $idp->fetches;
    my %status;
    $status{ $_->response->{status} }++ for @clients;
    is_deeply(\%status, { 200 => 20 }, '20 wait for one answer and are let in');
    $gw->stop;

    # the client whose token it was asked for goes away
    $idp->serve(delay => 1);
    $gw = start($idp);
    $before = $idp->fetches;
    my ($first, $second) = map { $gw->connection } 1 .. 2;
    $first->send($first->format('GET', '/in', token => $idp->token(sub => 'a')));
    wait_until(sub { $idp->fetches > $before });
    $second->send($second->format('GET', '/in',
                                  token => $idp->token(sub => 'b')));
    sleep 0.1;
    $first->close;
    is($second->response->{status}, 200,
       'when the client that was first goes away, others are served');
    is($idp->fetches - $before, 1, 'by the same answer');
    is(scalar(() = $gw->error_log =~ /\[alert\]/g), 0, 'without an alert');

    # a byte a second
    $idp->serve(trickle => 1);
    $gw->reload(http => 'auth_jwt_issuer ' . $idp->name . ' { key_request '
        . '/_jwks; audience ihanoi; algorithms ES256; }');
    is(status($gw, $idp->token(sub => 'a')), 200,
       'after a reload the set of before is there');
    $gw->stop;

    $gw = start($idp);
    $begin = time;
    is(status($gw, $idp->token(sub => 'a')), 503,
       'a byte a second, and no set: 503');
    cmp_ok(time - $begin, '<', 7, 'in 5 seconds');
    $idp->serve;
    ok(wait_until(sub { status($gw, $idp->token(sub => 'a')) == 200 }, 15),
       'and 200 when it answers again');
    $gw->stop;
}


# A refresh holds nobody up, not even who sends the next request on a connection.
{
    my $gw = start($idp, cache => '1s');
    my $client = $gw->connection;
    my $ask = sub { $client->request('GET', '/in', token => $idp->token(sub => $_[0])) };

    is($ask->('a')->{status}, 200, 'keys are there');
    $idp->serve(delay => 4);
    sleep 1.2;
    my $before = $idp->fetches;
    is($ask->('b')->{status}, 200, 'a request when the set is old');
    my $begin = time;
    is($ask->('c')->{status}, 200, 'another one on its connection');
    cmp_ok(time - $begin, '<', 2, 'does not wait for the new set');
    ok(wait_until(sub { $idp->fetches > $before }, 5), 'which is asked for');
    $idp->serve;
    $gw->stop;
}


# /readyz brings the keys in, from whatever server it is asked.
{
    my $gw = start($idp, servers => $echo . 'server { listen unix:%%DIR%%/ops.sock; '
                                  . 'location / { ihanoi_status readyz; } }',
                   jwks => 'location = /ready { auth_jwt off; proxy_pass http://unix:%%DIR%%/ops.sock:/; } '
                         . 'location = /_jwks { internal; proxy_pass ' . $idp->url . '; } ');
    my $before = $idp->fetches;
    ok(wait_until(sub { $gw->get('/ready')->{status} == 200 }, 10),
       'a server without the location of the keys gets ready');
    is($idp->fetches - $before, 1, 'before anybody sent a token');
    $gw->stop;
}


# What is said for all servers holds in one that only redirects, too.
for my $first ('return 301 https://x/;', 'location / { return 301 https://x/; }') {
    my $gw = start($idp, http => 'auth_jwt x; server { '
                               . "listen unix:%%DIR%%/first.sock; $first }");

    is(status($gw, $idp->token(sub => 'a')), 200,
       "the keys are asked for where their location is, behind a server with $first");
    $gw->stop;
}
{
    my $gw = start($idp, jwks => 'location ~ ^/_jw { internal; rewrite ^ /jwks break; '
                         . 'proxy_pass http://127.0.0.1:' . $idp->port . '; }',
                   http => 'auth_jwt x; server { listen unix:%%DIR%%/first.sock; '
                         . 'location /_ { return 404; } }');

    is(status($gw, $idp->token(sub => 'a')), 200, 'which may be a regular expression');
    $gw->stop;
}


# A provider over TLS that is not who it has to be (A25): its keys are not taken.
{
    my $dir = $idp->{dir};
    for my $name (qw(provider other)) {
        system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 "
               . "-subj /CN=id.example -addext subjectAltName=DNS:id.example "
               . "-keyout $dir/$name.key -out $dir/$name.crt 2> $dir/openssl.log") == 0
            or die "openssl failed, see $dir/openssl.log\n";
    }

    my $tls = 'server { listen unix:%%DIR%%/tls.sock ssl; '
            . "ssl_certificate $dir/provider.crt; ssl_certificate_key $dir/provider.key; "
            . 'location /jwks { proxy_pass ' . $idp->url . '; } }';

    for my $row ([503, 'other', 'id.example', 'signed by nobody that is trusted'],
                 [503, 'provider', 'id2.example', 'of another name'],
                 [200, 'provider', 'id.example', 'of the provider'])
    {
        my ($status, $trusted, $name, $what) = @$row;
        my $before = $idp->fetches;
        my $gw = start($idp, servers => $echo . $tls, jwks => 'location = /_jwks { internal; '
            . 'proxy_pass https://unix:%%DIR%%/tls.sock:/jwks; proxy_ssl_verify on; '
            . 'proxy_ssl_session_reuse off; '    # nginx frees none at its end: sanitizer
            . "proxy_ssl_name $name; proxy_ssl_trusted_certificate $dir/$trusted.crt; } ");

        is(status($gw, $idp->token(sub => 'a')), $status, "a certificate $what: $status");
        is($idp->fetches - $before, $status == 200 ? 1 : 0, 'asked for keys, or not');
        $gw->stop;
    }
}


# Reloads and new workers start from the set that was there.
{
    my $gw = start($idp, workers => 2);
    is(status($gw, $idp->token(sub => 'a')), 200, 'keys are there');
    $idp->serve(down => 1);

    for (1 .. 3) {
        $gw->reload;
        my %status;
        $status{ status($gw, $idp->token(sub => "r$_")) }++ for 1 .. 10;
        is_deeply(\%status, { 200 => 10 },
                  'provider down, reloaded: tokens are let in');
    }

    my ($victim) = $gw->workers;
    kill KILL => $victim;
    wait_until(sub { !grep { $_ == $victim } $gw->workers });
    $gw->{expect_log} = qr/exited on signal 9/;
    my %status;
    $status{ status($gw, $idp->token(sub => "k$_")) }++ for 1 .. 10;
    is_deeply(\%status, { 200 => 10 }, 'also by a worker that is new');
    $idp->serve;
    $gw->stop;
}


# A worker that failed leaves the provider alone for long: for up to 30 seconds it went
# on to refuse who came with a new key, though the other one had the provider's answer.
{
    my $gw = start($idp, workers => 2);
    my %client;

    wait_until(sub {
        my @clients = map { $gw->connection } 1 .. 8;
        $_->send($_->format('GET', '/open')) for @clients;
        $client{ $_->response->{headers}{'x-worker'} } = $_ for @clients;
        keys %client == 2;
    });
    my ($failed, $other) = values %client;
    my $ask = sub {
        my ($client, $kid) = @_;
        return $client->request('GET', '/in', token => $idp->token(sub => 'a', -kid => $kid))->{status};
    };

    is($ask->($failed, 'k2'), 200, 'a worker has its keys');
    $idp->serve(status => 500);
    $idp->add_key('w1');

    for my $pause (1, 2, 4) {
        my $before = $idp->fetches;
        ok(wait_until(sub { $ask->($failed, 'w1') == 503 && $idp->fetches > $before }, 10),
           "it fails to get new ones and pauses for $pause s");
    }

    $idp->serve;
    is($ask->($other, 'w1'), 200, 'another gets them');
    is($ask->($failed, 'w1'), 200, 'for both');
    $idp->add_key('w2');
    is($ask->($failed, 'w2'), 200, 'the pause is over with that');
    $gw->stop;
    $idp->publish('k2', 'k3');
}


# Rotation under load: no false 401.
{
    my $gw = start($idp, workers => 2, cache => '1s');
    my $client = $gw->connection;
    my %status;
    my $n = 0;

    for my $round (1 .. 3) {
        my $kid = "r$round";
        $idp->add_key($kid);
        my @tokens = map { $idp->token(sub => "$_", -kid => $kid) } 1 .. 20;
        my $end = time + 1.2;

        while (time < $end) {
            my $r = $client->request('GET', '/in',
                                     token => $tokens[$n++ % 20]);
            $status{ $r->{status} // 'no answer' }++;
            $client = $gw->connection if $n % 50 == 0;
        }

        if ($round == 2) {
            $gw->reload;
            $client = $gw->connection;
        }
    }

    is_deeply([keys %status], [200],
              "three rotations and a reload: $n of $n let in")
        or diag(join ', ', map { "$_: $status{$_}" } sort keys %status);
    $gw->stop;
}


# nginx's cache as conf/production.conf has it: it answers only for a provider
# that does not, whatever that one says of how long its set is good.
{
    my ($cache) = text_of('conf/production.conf') =~ /^( +proxy_cache\s.*?)^    \}/ms;
    my @as = (headers => ['Cache-Control: max-age=3600', 'Connection: close']);

    $idp->serve(@as);
    my $gw = start($idp, workers => 2,
        jwks => 'location = /_jwks { internal; set $ihanoi_issuer i; proxy_pass '
                . $idp->url . ";\n$cache }",
        http => 'proxy_cache_path %%DIR%%/keys keys_zone=ihanoi_keys:1m use_temp_path=off;');
    is(status($gw, $idp->token(sub => 'a')), 200, 'the cache of production.conf');
    sleep 2.1;
    $idp->add_key('fresh');
    is(status($gw, $idp->token(sub => 'a', -kid => 'fresh')), 200,
       'a new key is found behind it');

    $idp->serve(status => 500);
    sleep 2.1;
    $gw->stop;
    $gw->start;
    is(status($gw, $idp->token(sub => 'b', -kid => 'fresh')), 200,
       'and after a restart it stands in for a provider that is away');
    $gw->stop;

    # A disk that is full or broken: what cannot be kept is used all the same.
    my $keys = $gw->dir . '/keys';
    unlink glob "$keys/*";
    $idp->serve(@as);
    $gw->start;
    chmod 0555, $keys;
    is(status($gw, $idp->token(sub => 'c', -kid => 'fresh')), 200,
       'a cache that cannot be written locks nobody out');
    like($gw->error_log, qr/the answer with key set "[^"]+" broke off, it is asked for past nginx's cache/,
         'the log has it');
    $idp->add_key('fresher');
    is(status($gw, $idp->token(sub => 'c', -kid => 'fresher')), 200, 'nor with a new key');

    chmod 0755, $keys;
    sleep 1.1;
    $idp->add_key('freshest');
    is(status($gw, $idp->token(sub => 'c', -kid => 'freshest')), 200, 'when there is room again');
    is(scalar(() = glob "$keys/*"), 1, 'it is kept');
    $gw->stop;
    $idp->serve;
}


# The set may come from nginx's cache, a file, an error page or plain "return".
my %from;
for my $way (
    ['a file', 'location = /_jwks { internal; alias %%DIR%%/jwks.json; }'],
    ['return', q{location = /_jwks { internal; return 200 'JWKS'; }}],
    ['an error page', 'location = /_jwks { internal; proxy_pass '
     . 'http://127.0.0.1:1; error_page 502 =200 /backup; } '
     . 'location = /backup { internal; alias %%DIR%%/jwks.json; }'],
    ['the proxy cache', 'location = /_jwks { internal; proxy_pass ' . $idp->url
     . '; proxy_cache keys; proxy_cache_valid 200 10m; }',
     'proxy_cache_path %%DIR%%/keys keys_zone=keys:1m;'],
) {
    my ($name, $location, $http) = @$way;
    my $gw = gateway(
        issuer => 0, servers => $echo, workers => 1,
        files => { 'jwks.json' => $idp->jwks },
        http => ($http // '') . 'auth_jwt_issuer ' . $idp->name
              . ' { key_request /_jwks; key_cache 1s; audience ihanoi; '
              . 'algorithms ES256; }',
        locations => $location =~ s/JWKS/$idp->jwks/er . q{
            location /in { auth_jwt x;
                proxy_pass http://unix:%%DIR%%/echo.sock:/;
                proxy_set_header X-Sub $jwt_claim_sub; }},
    );

    is(status($gw, $idp->token(sub => 'a')), 200, "keys from $name");
    $from{$name} = $gw;
}

sleep 1.2;
for my $name (sort keys %from) {
    my $r = $from{$name}->get('/in', token => $idp->token(sub => 'b'));
    is($r->{content}, 'b', "again from $name: the answer is the client's own");
}


# A place asks again for its own set when its own time for that is over.
{
    my $root = 'http://127.0.0.1:' . $idp->port;
    my $gw = gateway(
        issuer => 0,
        locations => join '', map {
            my ($name, $time) = @$_;
            "location = /_$name { internal; proxy_pass $root/$name; }"
            . " location = /$name { auth_jwt x; auth_jwt_key_request /_$name;"
            . " $time ihanoi_status healthz; }\n"
        } ['short', 'auth_jwt_key_cache 1s;'], ['long', ''],
    );

    is($gw->get("/$_", token => $idp->token(sub => 'a'))->{status}, 200, "/$_ has keys")
        for qw(short long);
    sleep 1.2;
    is($gw->get("/$_", token => $idp->token(sub => 'b'))->{status}, 200, "/$_ has them still")
        for qw(long short);
    ok(wait_until(sub { $idp->fetches_of('/short') == 2 }), 'asked for again after a second');
    is($idp->fetches_of('/long'), 1, 'and not where it is ten minutes');
    like($gw->error_log, qr{key set "/_long" has \d+ keys}, 'the log names it as the configuration does');
}

done_testing();
