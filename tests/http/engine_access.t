# Security of an operation against the caller.

use FindBin;
use lib "$FindBin::Bin/../lib";
use IHanoi::Test;
use IHanoi::Test::Engine;
use IHanoi::Test::Plugin;

my $plugin = plugin_folder(
    lua => {
        book => 'return 200, { who = ihanoi.request.caller().sub }',
        core => <<'LUA',
    local r = assert(ihanoi.backend.post("core", ihanoi.request.body().path, {
        json = { name = "n" },
        headers = { ["Idempotency-Key"] = "inner", Authorization = ihanoi.request.body().token } }))
    return 200, { status = r.status }
LUA
    },
    operations => {
        book => { method => 'post', security => [{ bearer => [] }] },
        core => { method => 'put', requestBody => { required => JSON::PP::true,
            content => { 'application/json' => { schema => { type => 'object', properties => {
                path => {}, token => {} } } } } } },
    },
    manifest => { permissions => { public => JSON::PP::true, backends => ['core'] } },
);

my $gw = engine_gateway(
    http => $plugin->block('public;', 'backend core /_core;'),
    servers => 'server { listen unix:%%DIR%%/up.sock; default_type text/html;'
             . ' location / { return 200 \'[<!--# include virtual="/t/scoped" -->]\'; } }',
    files => { 'page.html' => '[<!--# include virtual="/t/scoped" -->]' },
    locations => <<'CONF');
        location / { auth_jwt iHaNoi; ihanoi_api on; }
        location /unasked/ { rewrite ^/unasked(/.*)$ $1 break; ihanoi_api on; }
        location /denied/ {
            rewrite ^/denied(/.*)$ $1 break;
            deny all;
            auth_jwt iHaNoi;
            ihanoi_api on;
        }
        location /t/things/ffffffff {
            limit_except GET { deny all; }
            auth_jwt iHaNoi;
            ihanoi_api on;
        }
        location /t/things/eeeeeeee {
            limit_except GET { auth_jwt off; }
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
        location /staff/ {
            rewrite ^/staff(/.*)$ $1 break;
            satisfy any;
            deny all;
            auth_jwt iHaNoi;
            auth_jwt_require $jwt_claim_staff error=403;
            ihanoi_api on;
        }
        location /all-staff/ {
            rewrite ^/all-staff(/.*)$ $1 break;
            auth_jwt iHaNoi;
            auth_jwt_require $jwt_claim_staff error=403;
            ihanoi_api on;
        }
        location /asked-staff/ { auth_request /all-staff/t/maybe; empty_gif; }
        location /asked/ { auth_request /t/scoped; proxy_pass http://unix:%%DIR%%/up.sock; }
        location /asked-thing/ {
            auth_request /thing;
            proxy_pass http://unix:%%DIR%%/up.sock;
        }
        location = /thing {
            rewrite ^ /t/things/$http_x_thing break;
            auth_jwt iHaNoi;
            ihanoi_api on;
        }
        location ^~ /_core {
            internal;
            rewrite ^/_core(/.*)$ $1 break;
            auth_jwt iHaNoi;
            ihanoi_api on;
        }
        location /included/ { ssi on; alias %%DIR%%/; }
        location /posted/ { ssi on; proxy_pass http://unix:%%DIR%%/up.sock; }
        location /mirrored/ {
            mirror /mirror;
            rewrite ^/mirrored(/.*)$ $1 break;
            auth_jwt iHaNoi;
            ihanoi_api on;
        }
        location = /mirror {
            internal;
            rewrite ^ /t/things break;
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
is($gw->get('/any/t/maybe', token => $token)->{json}{caller}{sub},
   'citizen-1',
   'but who comes with a token is known');
problem_is($gw->get('/any/t/maybe', token => 'rubbish'), 401, 'token-invalid',
           'and a wrong one is refused');
problem_is($gw->post("/any$_->[0]", json => $_->[1],
                     headers => { 'Idempotency-Key' => 'k1' }),
           401, 'token-missing', "an Idempotency-Key is somebody's: $_->[0]")
    for ['/t/things', { name => 'n' }], ['/v1/probe/book', {}];
$r = $gw->post('/any/v1/probe/book', token => $token,
               headers => { 'Idempotency-Key' => 'k1' });
is($r->{json}{who}, 'citizen-1', 'and with a token it is done');


# what the operator requires of a token, where one check that passes is enough

my $staff = token(sub => 'officer-1', staff => 'yes');

for my $place ('/staff', '/all-staff') {
    problem_is($gw->get("$place/t/maybe", token => $token), 403,
               'scope-insufficient', "$place: a token without the claim");
    problem_is($gw->get("$place/t/things/$id", token => $token), 403,
               'scope-insufficient', 'where a token is needed too');
    problem_is($gw->get("$place/t/echo/$id", token => $token), 403,
               'scope-insufficient', 'and where none is');
    is($gw->get("$place/t/maybe", token => $staff)->{json}{caller}{sub},
       'officer-1', 'one with it');
    problem_is($gw->get("$place/t/things/$id", token => $staff), 404, 'not-found',
               'is let in, and told what is not there');
    is($gw->get("$place/t/echo/$id", token => 'rubbish')->{status}, 200,
       'a public operation does not look at what is no token');
    is($gw->get("$place/t/maybe")->{status}, 200, 'nobody is asked for nothing');
}
is($gw->get('/asked-staff/', token => $token)->{status}, 403,
   'auth_request: a token without the claim');
is($gw->get('/asked-staff/', token => $staff)->{status}, 200, 'one with it');


# subrequests, which nginx passes the access phase over for

my $scoped = token(sub => 'a', scope => 'things.read');

is($gw->get('/asked/')->{status}, 401, 'auth_request by an operation: no token');
is($gw->get('/asked/', token => $token)->{status}, 403, 'a scope is missing');
is($gw->get('/asked/', token => $scoped)->{status}, 200, 'a good one');
like($gw->get('/included/page.html')->{content}, qr/^\[.*401 Auth.*\]$/s,
     'SSI: no token');
like($gw->get('/included/page.html', token => $scoped)->{content},
     qr/^\[\{.*"sub".*"a".*\}\]$/, 'SSI: a good one, in the middle of the page');

# the body is the main request's, which an operation without one has no say about
my %body = (json => { name => 'n' });
problem_is($gw->get("/unasked/t/things/$id"), 401, 'token-missing', 'auth_jwt was forgotten');
unlike($gw->error_log, qr/was not looked at/, 'which no token shows');
problem_is($gw->get("/unasked/t/things/$id", token => $token), 401, 'token-missing', 'none is looked at');
like($gw->error_log, qr/\[warn\] .* the token was not looked at: "auth_jwt" is off in this location, client/,
     'as the log says');

for my $place (['ffffffff', 403, 'forbidden', 'deny'], ['eeeeeeee', 401, 'token-missing', 'auth_jwt off']) {
    my ($path, $status, $code, $what) = ("/t/things/$place->[0]-0000-7000-8000-000000000000", @$place[1 .. 3]);
    problem_is($gw->get($path, token => $token), 404, 'not-found', "limit_except with $what: GET is served");
    problem_is($gw->delete($path, token => $token), $status, $code, 'and another method gets what stands in it');
}

is($gw->post('/asked/', %body)->{status}, 401, 'auth_request of a POST: no token');
is($gw->post('/asked/', %body, token => $scoped)->{status}, 200, 'a good one');
like($gw->post('/posted/', %body, token => $scoped)->{content},
     qr/^\[\{.*"sub".*"a".*\}\]$/, 'SSI in the answer to a POST');

# nor are the client's conditions about what the page is made of
my $thing = $gw->post('/t/things', token => $scoped, json => { name => 'n' },
                      headers => { 'Idempotency-Key' => 'asked' })->{json}{id};
is($gw->get('/asked-thing/', token => $scoped,
            headers => { 'X-Thing' => $thing, %$_ })->{status},
   200, join ' ', 'auth_request:', %$_)
    for { 'If-None-Match' => '"1"' }, { 'If-None-Match' => '"9"' };

$gw->post('/mirrored/t/callbacks', json => { name => 'mirrored' },
          headers => { 'Idempotency-Key' => 'mirrored' });
sleep 1;   # the mirror is not waited for
is($gw->{db}->sql("select string_agg(name, ' ') from things where owner = 'nobody'"
                    . " and name = 'mirrored'"), 'mirrored',
   'a mirror runs no operation that asks for a token without one');

# nor does a plugin that asks the API as a backend have a caller

for my $path ('/t/things', '/v1/probe/book') {
    $r = $gw->put('/v1/probe/core', json => { path => $path, token => "Bearer $token" })->{json};
    is($r->{status}, 401, "a backend that serves the API: $path needs somebody whose key it is");
}
$r = $gw->put('/v1/probe/core', json => { path => '/t/callbacks', token => '' })->{json};
like($r->{status}, qr/^2/, 'what nobody need have a key for is done');

done_testing;
