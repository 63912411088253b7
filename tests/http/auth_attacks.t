#!/usr/bin/perl
# The attack list at the gateway: whatever comes, the answer is the same 401
# that tells nothing, the worker lives, and the next good token is let in.
# Rows that need signatures of every kind are in tests/unit/test_jwt*.c, key
# sets in auth_keys.t, the deny list in auth_deny.t, configuration and nginx's
# own ways around a check in auth_places.t and auth_config.t.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Mint;
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX ();
use MIME::Base64 qw(encode_base64 encode_base64url);
use Time::HiRes qw(time);

my $mint = IHanoi::Test::Mint->new;
my $secret = join '', map { chr(33 + $_ % 90) } 1 .. 64;

$mint->key(rs => 'RSA-2048')->key(es => 'P-256')->key(e3 => 'P-384')
     ->key(ed => 'ED25519')->key(other => 'P-256')->secret(hs => $secret);

my $set = '{"keys":[' . join(',',
    $mint->jwk(rs => '"kid":"rs","alg":"RS256"'),
    $mint->jwk(es => '"kid":"es","alg":"ES256"'),
    $mint->jwk(e3 => '"kid":"e3","alg":"ES384"'),
    $mint->jwk(ed => '"kid":"ed","alg":"EdDSA"'),
    $mint->jwk(hs => '"kid":"hs","alg":"HS256"')) . ']}';
my $other = '{"keys":[' . $mint->jwk(other => '"kid":"es","alg":"ES256"')
          . ']}';

# A listener that nobody must ever connect to (A7).
my $trap = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1')
    or die "no port: $!\n";
$trap->blocking(0);
my $trap_url = 'http://127.0.0.1:' . $trap->sockport . '/';

# nginx looks at OpenSSL's errors before each step of TLS, and an alert says whose it
# did not expect: what a check of a token left behind would be blamed on a client.
my $tls = tempdir(CLEANUP => 1);
system('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 '
       . "-subj /CN=x -keyout $tls/key -out $tls/crt 2> $tls/log") == 0
    or die "openssl failed, see $tls/log\n";

my $gw = gateway(
    issuer => 0,
    server => 'ihanoi_problems on;',
    files => { 'a.json' => $set, 'b.json' => $other },
    servers => 'server { listen unix:%%DIR%%/echo.sock; location / '
             . '{ return 200 "$http_x_sub"; } }'
             . 'server { listen unix:%%DIR%%/tls.sock ssl; '
             . "ssl_certificate $tls/crt; ssl_certificate_key $tls/key; return 204; }",
    http => <<'CONF',
        auth_jwt_issuer https://a {
            key_file %%DIR%%/a.json; audience ihanoi;
            algorithms RS256 ES256 ES384 EdDSA HS256; leeway 0;
        }
        auth_jwt_issuer https://b {
            key_file %%DIR%%/b.json; audience ihanoi; algorithms ES256;
            max_lifetime 1h; typ at+jwt application/at+jwt;
        }
        log_format jwt '$remote_addr "$request" $status $ihanoi_subject_hash';
        access_log %%DIR%%/jwt.log jwt;
CONF
    locations => 'location = /tls { proxy_pass https://unix:%%DIR%%/tls.sock:/; '
               . 'proxy_ssl_session_reuse off; }' . join '', map { 'location ' . $_->[0] . " { auth_jwt x $_->[1]; proxy_pass "
               . 'http://unix:%%DIR%%/echo.sock:/; '
               . 'proxy_set_header X-Sub "$jwt_claim_sub"; }' }
               ['/', ''], ['/cookie', 'token=$cookie_jwt'],
);

my $client = $gw->connection;
my $now = time;

sub claims {
    my (%more) = @_;
    my %claims = (iss => 'https://a', aud => 'ihanoi', sub => 'mallory',
                  iat => int time, exp => 600 + int time, %more);
    defined $claims{$_} or delete $claims{$_} for keys %claims;
    return \%claims;
}

sub good { $mint->sign(es => 'ES256', { alg => 'ES256', kid => 'es' },
                       claims(sub => 'anna', @_)) }

my ($seen, $handshakes, $body) = (0, 0);

# The answer, that it leaves nothing to OpenSSL's next caller, and that the next good
# token is let in by the same worker.
sub refused {
    my ($token, $name) = @_;
    my $r = $client->request('GET', '/', headers =>
                             { Authorization => "Bearer $token" });

    $r //= { status => 'none' };
    $client = $gw->connection if $r->{status} eq 'none';
    $handshakes++ if $client->request('GET', '/tls')->{status} == 204;
    my $expected = $token =~ m{^[A-Za-z0-9._~+/=-]+$} ? 401 : 400;
    my $said = $r->{content} // '';
    $said =~ s/urn:ihanoi:request:[^"]*//;
    $said =~ s/"instance":""//;
    $body //= $said if $expected == 401;

    if ($r->{status} ne $expected
        || ($expected == 401 && $said ne $body)
        || ($r->{headers}{'www-authenticate'} // '')
           !~ /^Bearer realm="x", error="invalid_(?:token|request)"$/)
    {
        is("$r->{status} $said", "$expected $body", $name);
        $client = $gw->connection;
        return;
    }

    $r = $client->request('GET', '/', token => good(jti => 'n' . $seen++));
    is("$r->{status} $r->{content}", '200 anna', $name);
    return;
}

sub signed_hs {
    my ($header, $payload) = @_;
    return $mint->sign(hs => 'HS256', $header, $payload);
}

# Seconds of processor time that the worker has taken so far.
sub cpu {
    my ($pid) = $gw->workers;
    open my $fh, '<', "/proc/$pid/stat" or die "/proc/$pid/stat: $!\n";
    my @field = split ' ', <$fh> =~ s/^.*\) //r;
    return ($field[11] + $field[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

is($client->request('GET', '/', token => good())->{content}, 'anna', 'good');

# A1
for my $alg ('none', 'None', 'NONE', 'nOnE', 'none ', '') {
    my $h = encode_base64url(qq({"alg":"$alg","kid":"es"}));
    my $p = encode_base64url(JSON::PP::encode_json(claims()));
    refused("$h.$p.", "A1: alg \"$alg\", no signature");
    refused("$h.$p", "A1: alg \"$alg\", two parts");
    refused("$h.$p." . (split /\./, good())[2], "A1: alg \"$alg\", a signature");
}

# A2
{
    my ($h, $p, $s) = split /\./, good();
    refused("$h.$p.", 'A2: no signature');
    refused("$h.$p." . substr($s, 0, -4), 'A2: shorter');
    refused("$h.$p.${s}AAAA", 'A2: longer');
    refused("$h.$p." . (split /\./, good(sub => 'b'))[2], "A2: another's");
    refused($mint->sign(es => 'ES256', { alg => 'ES256', kid => 'es' },
                        claims()) =~ s/\.([^.]*)\./'.' . encode_base64url(
                        JSON::PP::encode_json(claims(sub => 'admin'))) . '.'/er,
            'A2: another payload');
}

# A3
for my $name (qw(rs es)) {
    my $pem = $mint->pem($name);
    my %form = (PEM => $pem, 'PEM without newline' => $pem =~ s/\n\z//r,
                DER => $mint->der($name), JWK => $mint->jwk($name => ''),
                'nothing' => '');
    for my $form (sort keys %form) {
        $mint->secret(forged => $form{$form});
        for my $kid ($name, 'hs', undef) {
            refused($mint->sign(forged => 'HS256', { alg => 'HS256',
                                defined $kid ? (kid => $kid) : () }, claims()),
                    "A3: $form of $name as secret, kid " . ($kid // 'none'));
        }
    }
}

# A4, A5
for my $row (['rs', 'RS384', 'rs'], ['rs', 'RS512', 'rs'],
             ['rs', 'PS256', 'rs'], ['hs', 'HS512', 'hs'],
             ['hs', 'HS384', 'hs'], ['e3', 'ES256', 'e3'],
             ['e3', 'ES256', 'es'], ['es', 'ES256', 'e3'])
{
    my ($key, $alg, $kid) = @$row;
    refused($mint->sign($key => $alg, { alg => $alg, kid => $kid }, claims()),
            "A4, A5: $alg by $key under kid $kid");
}

# A7
{
    my $jwk = $mint->jwk(other => '');
    my $cert = encode_base64($mint->cert('other'), '');
    for my $more (qq("jwk":$jwk), qq("jku":"$trap_url"), qq("x5u":"$trap_url"),
                  qq("x5c":["$cert"]), '"x5c":["MIIBCgKCAQEA"]')
    {
        for my $kid ('"kid":"es",', '"kid":"new",', '') {
            refused($mint->sign(other => 'ES256',
                                qq({"alg":"ES256",$kid$more}), claims()),
                    'A7: ' . substr("$more $kid", 0, 60));
        }
    }
    ok(!$trap->accept, 'A7: nobody connected to where the token pointed');
}

# A8
for my $kid ('../../../../dev/null', '/dev/null', "x' UNION SELECT 'k",
             '|sleep 10', 'es ', 'ES', '%00', "k" x 255, "k" x 3000)
{
    my $begin = time;
    refused($mint->sign(other => 'ES256', { alg => 'ES256', kid => $kid },
                        claims()), 'A8: kid ' . substr $kid, 0, 30);
    cmp_ok(time - $begin, '<', 2, 'in no time');
}
refused($mint->sign(es => 'ES256', qq({"alg":"ES256","kid":$_}), claims()),
        "A8: kid $_") for '""', '5', 'null', '["es"]', '{}', 'true',
                          '"es\u0000"';

# A9: both have a key with kid "es"
refused($mint->sign(other => 'ES256', { alg => 'ES256', kid => 'es' },
                    claims()), "A9: b's key with a's name");
refused($mint->sign(es => 'ES256', { alg => 'ES256', kid => 'es',
                    typ => 'at+jwt' }, claims(iss => 'https://b')),
        "A9: a's key with b's name");
for my $iss ('https://c', 'https://a/', 'HTTPS://A', '', undef, 5, ['https://a'],
             'https://a https://b')
{
    refused($mint->sign(es => 'ES256', { alg => 'ES256', kid => 'es' },
                        claims(iss => $iss)),
            'A9: issuer ' . JSON::PP->new->allow_nonref->encode($iss));
}

# A10
for my $aud ('them', 'IHANOI', 'ihanoi2', '', undef, ['them'], [], {}, 5,
             ['ihanoi', 5], { ihanoi => 1 })
{
    refused(signed_hs({ alg => 'HS256', kid => 'hs' }, claims(aud => $aud)),
            'A10: aud ' . JSON::PP->new->allow_nonref->encode($aud));
}
is($client->request('GET', '/', token => good(aud => ['them', 'ihanoi']))
   ->{status}, 200, 'A10: a list with us in it');

# A11
{
    my $t = int time;
    my %wrong = (
        'exp missing' => [exp => undef], 'exp 0' => [exp => 0],
        'exp -1' => [exp => -1], 'exp now' => [exp => $t],
        'exp a text' => [exp => '' . ($t + 600)],
        'exp true' => [exp => \1], 'exp a list' => [exp => [$t + 600]],
        'exp 2^53' => [exp => 2**53], 'exp in two days' => [exp => $t + 172800],
        'nbf ahead' => [nbf => $t + 30], 'nbf a text' => [nbf => '1'],
        'nbf a list' => [nbf => []], 'nbf true' => [nbf => \1],
        'iat ahead' => [iat => $t + 60], 'iat a text' => [iat => "$t"],
        'iat -1' => [iat => -1],
        'too long a life' => [iat => $t - 86400, exp => $t + 600],
    );
    for my $name (sort keys %wrong) {
        refused(signed_hs({ alg => 'HS256', kid => 'hs' },
                          claims(@{ $wrong{$name} })), "A11: $name");
    }
    for my $exp ('9223372036854775807', '9223372036854775808', '1e400', 'NaN',
                 'Infinity', '-', 'null')
    {
        refused(signed_hs('{"alg":"HS256","kid":"hs"}',
                '{"iss":"https://a","aud":"ihanoi","sub":"x","iat":' . $t
                . qq(,"exp":$exp})), "A11: exp $exp");
    }
    my $float = signed_hs('{"alg":"HS256","kid":"hs"}',
                '{"iss":"https://a","aud":"ihanoi","sub":"x","exp":'
                . ($t + 60) . '.5}');
    is($client->request('GET', '/', token => $float)->{status}, 200,
       'A11: a fraction of a second is legal');
}

# A12
for my $typ ('dpop+jwt', 'logout+jwt', 'secevent+jwt', 'id+jwt', '', 5, ['JWT'])
{
    refused(signed_hs({ alg => 'HS256', kid => 'hs', typ => $typ }, claims()),
            'A12: typ ' . JSON::PP->new->allow_nonref->encode($typ));
}
for my $more ([at_hash => 'x'], [c_hash => 'x'], [typ => 'Refresh'],
              [typ => 'ID'], [typ => 'Logout'],
              [events => { 'http://schemas.openid.net/event/backchannel-logout'
                           => {} }])
{
    refused(signed_hs({ alg => 'HS256', kid => 'hs' }, claims(@$more)),
            "A12: claim $more->[0]");
}
for my $typ (undef, 'JWT', 'at+jwt', 'application/at+jwt', 'AT+JWT') {
    my $r = $client->request('GET', '/', token => $mint->sign(other => 'ES256',
        { alg => 'ES256', kid => 'es', defined $typ ? (typ => $typ) : () },
        claims(iss => 'https://b')));
    is($r->{status}, ($typ // '') =~ /at\+jwt/i ? 200 : 401,
       'A12: where "typ at+jwt" is asked for: ' . ($typ // 'none'));
}

# A13, A16, A18 in the header
for my $more ('"crit":["exp"]', '"crit":[]', '"crit":["x","x"]', '"crit":"x"',
              '"crit":["alg"]', '"crit":["b64"],"b64":false', '"b64":false',
              '"zip":"DEF"', '"enc":"A256GCM"', '"cty":"JWT"',
              '"alg":"none"', '"Alg":"none"', '"ALG":"HS256"',
              '"\u0061lg":"none"', '"kid":"hs"', '"x":"\ud800"', '"x":"' . "\xff"
              . '"', '"x":' . '[' x 40 . ']' x 40, '"x":1e400', "\"x\":\"\n\"")
{
    refused(signed_hs(qq({"alg":"HS256","kid":"hs",$more}),
                      JSON::PP::encode_json(claims())),
            "A13, A16: header $more" =~ s/[^ -~]/?/gr);
}
refused(signed_hs($_, JSON::PP::encode_json(claims())),
        "A18: header $_" =~ s/[^ -~]/?/gr)
    for '{}', '[]', '5', 'null', '{"alg":"HS256","kid":"hs"',
        '{"alg":"HS256","kid":"hs"}{}', "\xef\xbb\xbf{\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"kid\":\"hs\"}\0", '{"\u0061lg":"HS256"}';

# A14, A15
refused($_, 'A14: ' . substr $_, 0, 40) for
    'eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.AA.AA.AA.AA',
    'eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AA.AA.AA',
    'eyJhbGciOiJQQkVTMi1IUzUxMitBMjU2S1ciLCJwMmMiOjIxNDc0ODM2NDd9.AA.AA',
    'eyJhbGciOiJQQkVTMi1IUzUxMitBMjU2S1ciLCJwMmMiOjIxNDc0ODM2NDd9.A.A.A.A',
    '{"payload":"e30","protected":"e30","signature":"AA"}',
    '{"payload":"e30","signatures":[]}', good() . '.' . good();
{
    # Refused by what the header says: a key derived so often would take a worker
    # hours, a payload inflated so far its memory.
    my $cpu = cpu();
    my ($alg, $enc) = ('"alg":"PBES2-HS512+A256KW"', '"enc":"A256CBC-HS512"');
    for my $header (qq({$alg,$enc,"p2c":2147483647,"p2s":"AAAAAAAAAAA"}),
                    qq({$alg,$enc,"p2c":9007199254740991,"p2s":"AAAAAAAAAAA"}),
                    qq({"alg":"dir",$enc,"zip":"DEF"}),
                    qq({$alg,$enc,"p2c":2147483647,"p2s":"AAAAAAAAAAA","kid":"hs","zip":"DEF"}))
    {
        my $h = encode_base64url($header);
        refused("$h.AAAA.AAAA.AAAA.AAAA", "A14: $header, five parts");
        refused("$h.AAAA.AAAA", "A14: $header, three parts");
    }
    cmp_ok(cpu() - $cpu, '<', 1, 'A14: without doing what it asks for');
}
refused(signed_hs('{"alg":"HS256","kid":"hs","cty":"JWT"}', good()),
        'A15: a token in a token');
refused(signed_hs('{"alg":"HS256","kid":"hs"}', good()),
        'A15: the same without cty');

# A16, A18 in the payload
{
    my $base = JSON::PP::encode_json(claims()) =~ s/\}\z//r;
    for my $more (',"sub":"admin"', ',"Sub":"admin"', ',"s\u0075b":"admin"',
                  ',"x":NaN', ',"x":1e400', ',"x":99999999999999999999',
                  ',"x":"\u0000"', ',"x":"\ud800"', ",\"x\":\"\xff\"",
                  ",\"x\":\"\xc0\xaf\"", ",\"x\":\"\xed\xa0\x80\"",
                  ',"x":' . '[' x 33 . ']' x 33, ',"x":' . '[' x 2500,
                  ',"x":{"a":1,"a":2}', ',')
    {
        refused(signed_hs('{"alg":"HS256","kid":"hs"}', "$base$more}"),
                'A16, A18: claim ' . substr $more =~ s/[^ -~]/?/gr, 0, 40);
    }
    refused(signed_hs('{"alg":"HS256","kid":"hs"}', $_),
            'A18: payload ' . substr $_ =~ s/[^ -~]/?/gr, 0, 30)
        for '', '[]', 'null', '5', '"x"', "$base}x", "$base}\0",
            "\xef\xbb\xbf$base}", "$base} $base}";
}

# A17
{
    my ($h, $p, $s) = split /\./, good();
    refused($_, 'A17: ' . s/[A-Za-z0-9_-]{5,}/x/gr =~ s/[^ -~]/?/gr) for
        "$h.$p.$s=", "$h=.$p.$s", "$h.$p=.$s", "$h.$p.$s.", ".$h.$p.$s",
        "$h..$p.$s", "$h.$p", $h, '.', '..', '...', "$h..", "..$s",
        "$h.$p.$s x", "$h.$p. $s", "$h.$p.\t$s", "$h.$p.$s!",
        "$h.$p.$s\x80", "$h.$p.$s\xff", "$h.$p.$s%20", "$h.$p.$s~", "A",
        "$h.$p." . $s =~ tr{_-}{/+}r . '+', 'A' x 7000;
}

# A23, A22: a token bound to a key is no bearer token
refused(signed_hs({ alg => 'HS256', kid => 'hs' },
                  claims(cnf => { jkt => 'x' })), 'A22: bound by cnf.jkt');
refused(signed_hs({ alg => 'HS256', kid => 'hs' },
                  claims(cnf => { 'x5t#S256' => 'x' })), 'A23: bound by x5t');

# A24: two tokens; a token elsewhere is not looked at
{
    my $t = good();
    my $r = $gw->raw("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $t\r\n"
                     . "Authorization: Bearer $t\r\nConnection: close\r\n\r\n");
    is($r->{status}, 400, 'A24: two Authorization headers');
    $r = $gw->get('/', headers => { Cookie => "access_token=$t; jwt=$t" });
    is($r->{status}, 401, 'A24: a token in a cookie');
    is($gw->get("/?access_token=$t&jwt=$t")->{status}, 401,
       'A24: a token in the query');
    $r = $gw->get('/', headers => { Authorization => "Bearer $t",
                                    Cookie => 'access_token=a.b.c' });
    is($r->{status}, 200, 'A24: a bad cookie beside a good header');

    # Where a cookie is asked for the first one of that name counts, and it alone.
    for my $row (["jwt=$t", '200 anna'], ["jwt=$t; jwt=a.b.c", '200 anna'],
                 ["jwt=a.b.c; jwt=$t", 401], [["jwt=$t", 'jwt=a.b.c'], '200 anna'],
                 [['jwt=a.b.c', "jwt=$t"], 401])
    {
        my ($cookie, $expected) = @$row;
        $r = $gw->get('/cookie', headers => { Cookie => $cookie });
        is(join(' ', $r->{status}, $r->{status} == 200 ? $r->{content} : ()), $expected,
           'A24: cookie ' . join(' and ', ref $cookie ? @$cookie : $cookie)
                            =~ s/\Q$t\E/good/gr);
    }
    is($gw->get('/cookie', token => $t)->{status}, 401, 'A24: a header where a cookie is asked for');
}

# A27, A28
{
    my $r = $gw->get('/', token => good(), headers => {
        'X-Sub' => 'admin', 'X_Sub' => 'admin', 'jwt_claim_sub' => 'admin' });
    is($r->{content}, 'anna', "A27: the client's own headers do not get through");

    for my $sub ("a\r\nX-Sub: admin", "a\nb", "a\tb", "a\x00b", "\x7f",
                 "a" x 256, '', undef, 5, ['a'], \1)
    {
        refused(signed_hs({ alg => 'HS256', kid => 'hs' },
                          claims(sub => $sub)),
                'A27: sub ' . (JSON::PP->new->ascii->allow_nonref->encode($sub)
                               =~ s/a{50,}/a.../r));
    }

    for my $sub ("x'; drop table reports; --", '<script>alert(1)</script>',
                 '${jndi:ldap://x}', '../../etc/passwd', "a\xc3\xa1",
                 '"; $x', '%0d%0aX-Sub: admin')
    {
        my $r = $client->request('GET', '/', token =>
                                 signed_hs('{"alg":"HS256","kid":"hs"}',
            JSON::PP->new->canonical->encode(claims(sub => $sub))));
        is($r->{content}, $sub, "A28: a sub is only text: $sub"
                                =~ s/[^ -~]/?/gr);
    }
}

# A29: coarse, beside the equal answers above
{
    my $t = $mint->sign(other => 'ES256', { alg => 'ES256', kid => 'es' },
                        claims());
    my $u = $mint->sign(other => 'ES256', { alg => 'ES256', kid => 'none' },
                        claims());
    my %time;
    for my $round (1 .. 60) {
        for my $row ([bad => $t], [unknown => $u]) {
            my $begin = time;
            $client->request('GET', '/', token => $row->[1]);
            push @{ $time{ $row->[0] } }, time - $begin;
        }
    }
    my %median = map { $_ => (sort { $a <=> $b } @{ $time{$_} })[30] }
                 keys %time;
    cmp_ok(abs($median{bad} - $median{unknown}), '<', 0.003,
           'A29: an unknown kid takes as long as a bad signature, within 3 ms');
}

# A30: neither tokens nor who somebody is get into logs
{
    my $canary = good(sub => 'canary-0912345678');
    $gw->get('/', token => $canary);
    $gw->get('/', token => "x$canary");
    is($gw->get('/', headers => { Referer => "https://app.example/?access_token=$canary" })
       ->{status}, 401, 'A30: a token in a Referer is not looked at');
    $gw->get('/', token => "x$canary", headers => { Referer => 'https://app.example/' });
    my $logs = $gw->error_log;
    for my $file (qw(jwt.log)) {
        open my $fh, '<', $gw->dir . "/$file" or die;
        local $/;
        $logs .= <$fh>;
    }
    my ($h, $p, $s) = split /\./, $canary;
    unlike($logs, qr/\Q$s\E|\Q$p\E|canary/, 'A30: no token and no sub in logs');
    like($logs, qr/200 [0-9a-f]{32}$/m, 'A30: the keyed hash is');
    cmp_ok($handshakes, '>', 200, 'TLS goes on behind what was refused');
    unlike($logs, qr/stale global SSL error/, 'with no stale OpenSSL errors');
}

# A32: sequences on one worker
{
    my @kinds = (
        [200, good()],
        [401, $mint->sign(other => 'ES256', { alg => 'ES256', kid => 'es' },
                          claims())],
        [401, join('.', encode_base64url('{"alg":"none"}'),
                   encode_base64url(JSON::PP::encode_json(claims())), '')],
        [401, good() =~ s/.\z/A/r =~ s/A\z/=/r],
        [200, $mint->sign(rs => 'RS256', { alg => 'RS256', kid => 'rs' },
                          claims())],
        [200, $mint->sign(ed => 'EdDSA', { alg => 'EdDSA', kid => 'ed' },
                          claims())],
        [400, 'x y'],
        [401, ''],
    );
    my $wrong = 0;
    srand 7;

    for (1 .. 2000) {
        my $kind = $kinds[rand @kinds];
        my $r = $client->request('GET', '/', $kind->[1] eq '' ? ()
            : (headers => { Authorization => "Bearer $kind->[1]" }));
        $wrong++ if $r->{status} != $kind->[0];
    }

    is($wrong, 0, 'A32: 2000 good, forged, unsigned and missing tokens in any '
                  . 'order');
}

done_testing();
