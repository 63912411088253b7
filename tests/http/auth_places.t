#!/usr/bin/perl
# Where a check stands in nginx's order of things, and that there is no way
# around it: satisfy, subrequests, redirects, named locations, limit_except
# (A31), and no location's rules leak into another (A32).

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Mint;

my $mint = IHanoi::Test::Mint->new;
$mint->key(a => 'P-256')->key(b => 'P-256');
my %set = map { $_ => '{"keys":[' . $mint->jwk($_ => qq("kid":"k","alg":"ES256"))
                      . ']}' } qw(a b);

sub tok {
    my ($key, %more) = @_;
    my %claims = (sub => 'anna', exp => 600 + int time, %more);
    return $mint->sign($key => 'ES256', { alg => 'ES256', kid => 'k' },
                       \%claims);
}

my $up = 'proxy_pass http://unix:%%DIR%%/echo.sock; '
       . 'proxy_set_header X-Sub $jwt_claim_sub;';

my $gw = gateway(
    issuer => 0,
    server => 'ihanoi_problems on;',
    files => { 'a.json' => $set{a}, 'b.json' => $set{b}, 'page.html' => 'page',
               'secret.txt' => 'secret', 'ssi.html' =>
               '[<!--# include virtual="/in/x" -->]' },
    http => 'limit_req_zone $ihanoi_subject_hash zone=s:1m rate=1r/m; '
          . 'map $http_x_go $go { default ""; a /a/; b /b/; }',
    servers => 'server { listen unix:%%DIR%%/echo.sock; location / '
             . '{ return 200 "up:$http_x_sub"; } }'
             . 'server { listen unix:%%DIR%%/accel.sock; location / '
             . '{ add_header X-Accel-Redirect /in/x; return 200; } }',
    locations => <<"CONF",
        auth_jwt_key_file %%DIR%%/a.json;

        location = /metrics { ihanoi_status metrics; }
        location /in/ { auth_jwt x; $up }
        location /a/ { auth_jwt x; $up }
        location /b/ { auth_jwt x; auth_jwt_key_file %%DIR%%/b.json; $up }
        location /late/ { auth_jwt x; auth_jwt_leeway 1h; $up }
        location /exact/ { auth_jwt x; $up }

        location /any/ { satisfy any; deny all; auth_jwt x; $up }
        location /any-allowed/ { satisfy any; allow all; auth_jwt x; $up }
        location /all/ { satisfy all; deny all; auth_jwt x; $up }
        location /basic/ { satisfy any; auth_basic b;
                           auth_basic_user_file %%DIR%%/none; auth_jwt x; $up }

        location /nested/ { auth_jwt x; location /nested/open/ { auth_jwt off;
            $up } location /nested/in/ { $up } }
        location /if/ { auth_jwt x; if (\$http_x_if) { set \$y 1; } $up }
        location /except/ { limit_except GET { auth_jwt x; } $up }
        location /try/ { auth_jwt x; root %%DIR%%; try_files /none \@named; }
        location /file/ { auth_jwt x; alias %%DIR%%/; }
        location \@named { $up }
        location /named-in/ { try_files /none \@named-in; }
        location \@named-in { auth_jwt x; $up }
        location /error/ { error_page 404 = /in/x; return 404; }
        location /accel/ { proxy_pass http://unix:%%DIR%%/accel.sock:/; }
        location /rewrite/ { rewrite ^ /in/x last; }
        location /rewrite-var/ { set \$s \$jwt_claim_sub;
                                 rewrite ^ /b/x last; }
        location /ssi/ { ssi on; alias %%DIR%%/; }
        location /request/ { auth_request /check/; $up }
        location /check/ { auth_jwt x; $up }
        location /request-open/ { auth_request /check-off/; $up }
        location /check-off/ { auth_jwt off; $up }
        location /mirror/ { mirror /in/mirror; $up }
        location /limited/ { auth_jwt x; limit_req zone=s; $up }
        location /handled/ { auth_jwt x; error_page 401 = /open-page; $up }
        location /open-page { return 200 open; }
        location /return/ { auth_jwt x; return 200 "returned:\$jwt_claim_sub"; }
CONF
);

sub status { my ($path, @args) = @_; my $r = $gw->get($path, @args);
             return "$r->{status}" . ($r->{status} == 200 ? " $r->{content}"
                                                          : '') }

my ($a, $b) = (tok('a'), tok('b'));

is(status('/in/'), 401, 'no token');
is(status('/in/', token => $a), '200 up:anna', 'a token');
is(status('/in/', token => $b), 401, "somebody else's");

# A32: every location by its own rules, whatever was seen before
for (1 .. 3) {
    is(status('/a/', token => $a), '200 up:anna', "a's token at a");
    is(status('/b/', token => $a), 401, "a's token at b");
    is(status('/b/', token => $b), '200 up:anna', "b's token at b");
    is(status('/a/', token => $b), 401, "b's token at a");
}

my $late = tok('a', exp => time - 60);
for (1 .. 2) {
    is(status('/late/', token => $late), '200 up:anna', 'leeway of an hour');
    is(status('/exact/', token => $late), 401, 'is not for the next location');
}

# satisfy
is(status('/any/'), 401, 'satisfy any, denied, no token: 401');
is(status('/any/', token => $a), '200 up:anna', 'satisfy any, a token: in');
is(status('/any/', token => $b), 401, 'satisfy any, a bad token: 401');
is(status('/any-allowed/'), '200 up:', 'satisfy any, allowed: in');
is(status('/all/', token => $a), 403, 'satisfy all, denied: 403');
{
    my $r = $gw->get('/basic/', token => $a);
    is($r->{status}, 200, 'satisfy any with auth_basic: a token is enough');
    is($r->{headers}{'www-authenticate'}, undef, 'and no challenge is left');
    $r = $gw->get('/basic/');
    is($r->{status}, 401, 'neither: 401');
    like($r->{headers}{'www-authenticate'}, qr/Basic realm="b"/, 'Basic');
    like($r->{headers}{'www-authenticate'}, qr/Bearer realm="x"/, 'and Bearer');
}

# deny comes before any work on a token
{
    my $misses = $gw->metric('ihanoi_token_cache_misses_total');
    $gw->get('/all/', token => tok('a', jti => "$_")) for 1 .. 5;
    is($gw->metric('ihanoi_token_cache_misses_total'), $misses,
       'denied by address: the token is not even read');
}

# ways around
is(status('/nested/'), 401, 'a location');
is(status('/nested/in/'), 401, 'a location in it');
is(status('/nested/open/'), '200 up:', 'auth_jwt off in it');
is(status('/if/', headers => { 'X-If' => 1 }), 401, 'an if block in it');
is(status('/if/', headers => { 'X-If' => 1 }, token => $a), '200 up:anna',
   'an if block, a token');
is(status('/except/'), '200 up:', 'limit_except: the method is let through');
is($gw->post('/except/', headers => { 'Content-Length' => 0 })->{status}, 401,
   'limit_except: another needs a token');
is($gw->post('/except/', token => $a)->{status}, 200, 'and gets in with it');
is(status('/try/x'), 401, 'try_files');
is(status('/try/x', token => $a), '200 up:', 'try_files, a token');
is(status('/file/secret.txt'), 401, 'a file');
is(status('/file/secret.txt', token => $a), '200 secret', 'a file, a token');
is(status('/named-in/x'), 401, 'a named location');
is(status('/named-in/x', token => $a), '200 up:anna', 'and with a token');
is(status('/error/'), 401, 'error_page to a protected place');
is(status('/error/', token => $a), '200 up:anna', 'and with a token');
is(status('/accel/'), 401, 'X-Accel-Redirect to one');
is(status('/accel/', token => $a), '200 up:anna', 'and with a token');
is(status('/rewrite/'), 401, 'rewrite to one');
is(status('/rewrite/', token => $a), '200 up:anna', 'and with a token');
is(status('/rewrite-var/', token => $a), 401,
   'a variable that was read before a rewrite decides nothing after it');
is(status('/rewrite-var/', token => $b), '200 up:anna', 'nor hinders');
like(status('/ssi/ssi.html'), qr/^200 \[.*401 Authorization Required.*\]$/s,
     'a subrequest of SSI is refused');
is(status('/ssi/ssi.html', token => $a), '200 [up:anna]', 'and with a token');
is(status('/request/'), 401, 'auth_request to a protected place');
is(status('/request/', token => $b), 401, 'and with a bad token');
is(status('/request/', token => $a), '200 up:', 'and with a good one');
like($gw->get('/request/')->{headers}{'www-authenticate'}, qr/Bearer realm/,
     'auth_request passes the challenge on');
is(status('/request-open/'), '200 up:', 'auth_request to an open place');
is(status('/mirror/'), '200 up:', 'a mirror does not disturb');
is(status('/handled/'), '200 open', 'error_page 401');
is($gw->head('/in/')->{status}, 401, 'HEAD');
is($gw->request('OPTIONS', '/in/')->{status}, 401, 'OPTIONS');

# nginx answers "return" before any access check: the documentation says so
is(status('/return/'), '200 returned:', '"return" is answered before access');
is(status('/return/', token => $a), '200 returned:anna',
   'a variable is only filled by a good token there');
is(status('/return/', token => $b), '200 returned:', 'not by a bad one');

# limit_req by who somebody is
{
    my @tokens = map { tok('a', sub => 'limited', jti => "j$_") } 1 .. 3;
    is(status('/limited/', token => $tokens[0]), '200 up:limited', 'first');
    is($gw->get('/limited/', token => $tokens[1])->{status}, 503,
       'another token of the same person is held to one budget');
    is(status('/limited/', token => tok('a', sub => 'other')), '200 up:other',
       'another person has their own');
    is($gw->get('/limited/', token => tok('b', sub => 'victim'))->{status},
       401, 'a forged token');
    is(status('/limited/', token => tok('a', sub => 'victim')),
       '200 up:victim', "does not spend the victim's budget");
}

done_testing();
