#!/usr/bin/perl
# What a client is told: RFC 6750 challenges, problem documents, and the
# variables that an accepted token fills.

use lib 'tests/lib';
use IHanoi::Test;

# "return" is answered in the rewrite phase, before any access check: an
# echoing upstream shows what access let through.
my $echo = <<'CONF';
    server {
        listen unix:%%DIR%%/echo.sock;
        location / { return 200 "$http_x_echo"; }
    }
CONF

sub echo {
    my ($value) = @_;
    return "proxy_pass http://unix:%%DIR%%/echo.sock:/; "
         . "proxy_set_header X-Echo \"$value\";";
}

my $gw = gateway(
    server => 'ihanoi_problems on;',
    servers => $echo,
    http => <<'CONF',
        auth_jwt_claim_set $role realm_access roles;
        auth_jwt_header_set $kid kid;
CONF
    locations =>
        'location /in { auth_jwt "iHaNoi \"gate\""; ' . echo(join '|', qw(
            $jwt_claim_sub $jwt_claim_iss $jwt_header_alg $jwt_claim_n
            $jwt_claim_list $jwt_claim_flag $jwt_claim_none
            $ihanoi_subject_hash)) . "}\n"
        . 'location /payload { auth_jwt x; ' . echo('$jwt_payload') . "}\n"
        . 'location /evil { auth_jwt x; ' . echo('[$jwt_claim_evil]') . "}\n"
        . 'location /out { ' . echo('[$jwt_claim_sub]') . "}\n"
        . 'location /off { auth_jwt off; ' . echo('[$jwt_claim_sub]') . "}\n"
        . 'location /cookie { auth_jwt x token=$cookie_t; '
        . echo('[$jwt_claim_sub]') . "}\n"
        . 'location /deep { auth_jwt x; ' . echo('[$role|$kid]') . "}\n"
        . 'location /need { auth_jwt x; auth_jwt_require $jwt_claim_admin '
        . 'error=403; auth_jwt_require $jwt_claim_mfa; ' . echo('ok') . "}\n",
);

my $r = $gw->get('/in');
is($r->{status}, 401, 'no token is 401');
is($r->{headers}{'www-authenticate'}, 'Bearer realm="iHaNoi \"gate\""',
   'with a challenge that names no error');
is($r->{headers}{'content-type'}, 'application/problem+json', 'as a problem');
is($r->{json}{type}, 'urn:ihanoi:problem:token-missing', 'token-missing');

$r = $gw->get('/in', token => 'a.b.c');
is($r->{status}, 401, 'a bad token is 401');
is($r->{headers}{'www-authenticate'},
   'Bearer realm="iHaNoi \"gate\"", error="invalid_token"',
   'with the error invalid_token');
is($r->{json}{type}, 'urn:ihanoi:problem:token-invalid', 'token-invalid');

$r = $gw->get('/in', token => token(sub => 'anna', n => 7, flag => \1,
                                    list => ['a', 2, 'c']));
is($r->{status}, 200, 'a good token is let in');
my @v = split /\|/, $r->{content};
is($v[0], 'anna', '$jwt_claim_sub');
is($v[1], 'https://id.test.ihanoi.example', '$jwt_claim_iss');
is($v[2], 'ES256', '$jwt_header_alg');
is($v[3], 7, 'a number');
is($v[4], 'a,2,c', 'an array is joined with commas');
is($v[5], 'true', 'a boolean');
is($v[6], '', 'a claim that is not there is empty');
like($v[7], qr/^[0-9a-f]{32}$/, '$ihanoi_subject_hash is 128 bits in hex');

my $again = $gw->get('/in', token => token(sub => 'anna', scope => 'x'));
is((split /\|/, $again->{content})[7], $v[7],
   'another token of the same person has the same hash');
my $other = $gw->get('/in', token => token(sub => 'binh'));
isnt((split /\|/, $other->{content})[7], $v[7], 'another person another one');

$r = $gw->get('/payload', token => token(sub => 'anna'));
like($r->{content}, qr/^\{.*"sub":"anna".*\}$/, '$jwt_payload is the JSON');

$r = $gw->get('/deep', token => token(sub => 'a',
                       realm_access => { roles => ['x', 'y'] }));
is($r->{content}, '[x,y|dev-es256]', 'auth_jwt_claim_set, auth_jwt_header_set');

for my $evil ("a\r\nX-Admin: 1", "a\nb", "a\x7fb") {
    $r = $gw->get('/evil', token => token(sub => 'a', evil => $evil));
    is($r->{content}, '[]', 'a claim with control characters is not there');
}

$r = $gw->get('/evil', token => token(sub => 'a', evil => 'Nguyễn'));
is($r->{content}, "[Nguy\xe1\xbb\x85n]", 'a claim in Vietnamese is');

is($gw->get('/out', token => token(sub => 'a'))->{content}, '[]',
   'where no token is asked for the variables are empty');
is($gw->get('/off', token => token(sub => 'a'))->{content}, '[]',
   'also with auth_jwt off');

my $token = token(sub => 'a');

is($gw->get('/cookie', headers => { Cookie => "t=$token" })->{content}, '[a]',
   'token=$cookie_t: a token in the cookie');
is($gw->get('/cookie', token => $token)->{status}, 401,
   'then not in the header');
is($gw->get('/cookie', headers => { Cookie => "t=x$token" })->{status}, 401,
   'a bad one in the cookie');
is($gw->get("/in?access_token=$token")->{status}, 401,
   'a token in the query is not looked at');

is($gw->get('/need', token => token(sub => 'a'))->{status}, 403,
   'auth_jwt_require with error=403');
is($gw->get('/need', token => token(sub => 'a', admin => 1))->{status}, 401,
   'auth_jwt_require without: 401');
is($gw->get('/need', token => token(sub => 'a', admin => 0, mfa => 1))
   ->{status}, 403, '"0" does not do');
is($gw->get('/need', token => token(sub => 'a', admin => 1, mfa => \1))
   ->{status}, 200, 'both are there: 200');
$r = $gw->get('/need', token => token(sub => 'a'));
like($r->{headers}{'www-authenticate'}, qr/error="insufficient_scope"/,
     'insufficient_scope');

# The Authorization header's form.

my %form = (
    "Bearer $token"        => 200,
    "bearer $token"        => 200,
    "BEARER   $token"      => 200,
    "Bearer"               => 400,
    "Bearer "              => 400,
    "Bearer\t$token"       => 400,
    "Bearer $token x"      => 400,
    "Bearer $token,"       => 400,
    "Bearer $token\x80"    => 400,
    "Bearer $token="       => 401,
    "Bearer $token~"       => 401,
    "Bearer$token"         => 401,
    "Basic YTpi"           => 401,
    "DPoP $token"          => 401,
    $token                 => 401,
    ""                     => 401,
);

for my $value (sort keys %form) {
    my $name = $value =~ s/\Q$token\E/<token>/r;
    $name =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ge;
    my $r = $gw->raw("GET /in HTTP/1.1\r\nHost: x\r\nAuthorization: $value\r\n"
                     . "Connection: close\r\n\r\n");
    is($r->{status}, $form{$value}, "Authorization: $name");

    if ($form{$value} == 400 && $value ne 'Bearer ') {
        is($r->{json}{type}, 'urn:ihanoi:problem:authorization-malformed',
           'is malformed');
        like($r->{headers}{'www-authenticate'}, qr/error="invalid_request"/,
             'invalid_request');
    }
}

is($gw->get('/in', token => $token)->{status}, 200, 'and a good one still is');

done_testing();
