# Security of an operation against the caller.

use FindBin;
use lib "$FindBin::Bin/../lib";
use IHanoi::Test;
use IHanoi::Test::Engine;

my $gw = engine_gateway(locations => <<'CONF');
        location / { auth_jwt iHaNoi; ihanoi_api on; }
        location /denied/ {
            rewrite ^/denied(/.*)$ $1 break;
            deny all;
            auth_jwt iHaNoi;
            ihanoi_api on;
        }
        location /any/ {
            rewrite ^/any(/.*)$ $1 break;
            satisfy any;
            allow 127.0.0.1;
            deny all;
            auth_jwt iHaNoi;
            ihanoi_api on;
        }
CONF
my $token = token(sub => 'citizen-1');
my $id = '6f1c5f0e-53f5-4b0a-a1f8-2d6f0c1c9b11';
my $r;


is($gw->get("/t/echo/$id", token => 'rubbish')->{status}, 200,
   'a public operation does not look at a token');
is($gw->get('/t/maybe')->{status}, 200, 'an optional token may be absent');
problem_is($gw->get('/t/maybe', token => 'rubbish'), 401, 'token-invalid',
           'but not wrong');

$r = $gw->get("/t/things/$id");
problem_is($r, 401, 'token-missing', 'a token is needed');
like($r->{headers}{'www-authenticate'}, qr/^Bearer realm="iHaNoi"$/,
     'the challenge has no error when no token was sent (RFC 6750 3.1)');

$r = $gw->get("/t/things/$id", token => 'rubbish');
problem_is($r, 401, 'token-invalid', 'a wrong token');
like($r->{headers}{'www-authenticate'}, qr/error="invalid_token"/,
     'the challenge says so');

problem_is($gw->get("/t/things/$id", token => $token), 404, 'not-found',
           'a good token passes');
problem_is($gw->get('/t/nowhere'), 404, 'not-found',
           'what is not there is 404, without a token too');


# scopes and assurance

$r = $gw->get('/t/scoped', token => $token);
problem_is($r, 403, 'scope-insufficient', 'a scope is missing');
like($r->{headers}{'www-authenticate'},
     qr/error="insufficient_scope".*scope="things.read"/,
     'the challenge names it');
is($gw->get('/t/scoped', token => token(sub => 'a', scope =>
                                        'x things.read y'))->{status},
   200, 'a scope among others');
is($gw->get('/t/scoped', token => token(sub => 'a', scope =>
                                        'things.readx'))->{status},
   403, 'a scope is not a prefix');

problem_is($gw->delete("/t/things/$id", token =>
                       token(sub => 'a', assurance => 'phone')),
           403, 'assurance-insufficient', 'a weaker account');
problem_is($gw->delete("/t/things/$id", token => token(sub => 'a')),
           404, 'not-found', 'a verified one');


# nginx's own access control comes first

problem_is($gw->get("/denied/t/things/$id", token => $token), 403,
           'forbidden', 'deny wins over a good token');
problem_is($gw->get("/denied/t/things/$id", token => 'rubbish'), 403,
           'forbidden', 'and a bad one is not looked at');
unlike($gw->error_log, qr/client sent .*token.*denied/,
       'no signature was checked for it');
problem_is($gw->get("/any/t/things/$id"), 404, 'not-found',
           'satisfy any: an address is enough');

done_testing;
