# What the engine refuses before PostgreSQL is asked, and how it says so.

use FindBin;
use lib "$FindBin::Bin/../lib";
use IHanoi::Test;
use IHanoi::Test::Engine;

my $gw = engine_gateway();
my $token = token(sub => 'citizen-1');
my $id = '6f1c5f0e-53f5-4b0a-a1f8-2d6f0c1c9b11';
my $r;


# paths and methods

problem_is($gw->get('/t/nowhere'), 404, 'not-found', 'unknown path');
problem_is($gw->get('/t//echo/' . $id), 404, 'not-found',
           'a path is taken as it was sent: double slash');
problem_is($gw->get("/t/x/../echo/$id"), 404, 'not-found',
           'a path is taken as it was sent: dot segments');

$r = $gw->delete('/t/things', token => $token);
problem_is($r, 405, 'method-not-allowed', 'method that the path lacks');
is($r->{headers}{allow}, 'POST, OPTIONS', '405 tells the methods');

$r = $gw->request('OPTIONS', "/t/things/$id");
is($r->{status}, 204, 'OPTIONS needs no token');
is($r->{headers}{allow}, 'GET, HEAD, PATCH, DELETE, OPTIONS',
   'OPTIONS tells the methods');

problem_is($gw->request('BREW', "/t/echo/$id"), 405, 'method-not-allowed',
           'method that nobody knows');


# parameters

$r = $gw->get("/t/echo/$id?limit=7&tags=a,b&at=2026-07-01T08:00:00%2B07:00");
is($r->{status}, 200, 'parameters of all places are taken');
is_deeply([@{ $r->{json} }{qw(id limit tags at)}],
          [$id, 7, ['a', 'b'], 1782867600],
          'and arrive in SQL with their types');

is($gw->get("/t/echo/$id")->{json}{limit}, 10,
   'an absent parameter has the default of the contract');

$r = $gw->get('/t/echo/not-a-uuid?limit=0&nope=1',
              headers => { 'Accept-Language' => 'en' });
problem_is($r, 400, 'invalid-request', 'violations are a 400');
is_deeply(
    [map { join ' ', $_->{in}, $_->{parameter}, $_->{keyword} }
     sort { "$a->{in}$a->{parameter}" cmp "$b->{in}$b->{parameter}" }
     @{ $r->{json}{errors} }],
    ['path id format', 'query limit minimum', 'query nope unknown'],
    'all of them, with place, name and keyword');

problem_is($gw->get("/t/echo/$id?limit=1&limit=2"), 400, 'invalid-request',
           'a repeated parameter is refused');

# The moment as many clients write it: the plus of its offset is a space in a query.
$r = $gw->get("/t/echo/$id?at=2026-07-01T08:00:00+07:00");
like($r->{json}{errors}[0]{message}, qr/offset.*%2B/, 'an offset is told as it has to be sent');


# bodies

sub create { $gw->post('/t/things', token => $token, key => rand(), @_) }

$r = create(json => { name => '', size => 2000, extra => 1 });
problem_is($r, 400, 'invalid-request', 'a wrong body is a 400');
is_deeply(
    [sort map { "$_->{pointer} $_->{keyword}" } @{ $r->{json}{errors} }],
    ['/extra additionalProperties', '/name minLength', '/size maximum'],
    'violations of the body have JSON pointers');

problem_is(create(body => '{"name":"a"', headers =>
                  { 'Content-Type' => 'application/json' }),
           400, 'invalid-request', 'a body that is no JSON');
problem_is(create(body => '{"name":"a","name":"b"}', headers =>
                  { 'Content-Type' => 'application/json' }),
           400, 'invalid-request', 'a member twice');
problem_is($gw->post('/t/things', token => $token, key => 'k'),
           400, 'invalid-request', 'a required body that is missing');

# What fetch() says of a string, and a form.
for my $type ('text/plain;charset=UTF-8', 'application/x-www-form-urlencoded') {
    $r = create(body => '{"name":"a"}', headers => { 'Content-Type' => $type });
    problem_is($r, 415, 'unsupported-media-type', 'another media type');
    is($r->{headers}{accept}, 'application/json', 'which one is taken is said');
}
$r = create(body => '{"name":"a"}', headers => { 'Content-Type' => 'application/json', 'Content-Encoding' => 'gzip' });
problem_is($r, 415, 'unsupported-media-type', 'a compressed body');
is($r->{headers}{'accept-encoding'}, 'identity', 'and that it may not be compressed');

# What http.post(url, {}) sends is of a good type: that there is no body is what is said.
for my $type ('application/json', 'text/plain') {
    $r = $gw->request('GET', "/t/things/$id", token => $token, body => '{}',
                      headers => { 'Content-Type' => $type });
    problem_is($r, 400, 'invalid-request', "a body of $type where there is none");
    is_deeply([map { "$_->{in} $_->{keyword} $_->{message}" } @{ $r->{json}{errors} }],
              ['body unknown there is no body in this operation'], 'is called that');
}

is(create(json => { name => 'Ngõ 12' }, headers =>
          { 'Content-Type' => 'Application/JSON; charset=utf-8' })->{status},
   201, 'the media type is compared without case and parameters');

is($gw->post('/t/things', token => $token, key => 'chunked', headers =>
             { 'Transfer-Encoding' => 'chunked', 'Content-Length' => undef,
               'Content-Type' => 'application/json' },
             body => "6\r\n{\"name\r\n6\r\n\":\"a\"}\r\n0\r\n\r\n")->{status},
   201, 'a chunked body is read');

# Whether there is a body at all is known when its chunks have been read: none came.
my $one = $gw->connection;
for my $case ([200, 'GET', "/t/echo/$id"], [200, 'HEAD', "/t/echo/$id"],
              [404, 'DELETE', "/t/things/$id"], [400, 'POST', '/t/things']) {
    my ($status, $method, $path) = @$case;

    $r = $one->request($method, $path, token => $token, $method eq 'POST' ? (key => 'empty') : (),
                       headers => { 'Transfer-Encoding' => 'chunked', 'Content-Length' => undef },
                       body => "0\r\n\r\n");
    is($r->{status}, $status, "$method whose chunks are none is without a body");
}
is($r->{json}{errors}[0]{keyword}, 'required', 'which is missing where one is asked for');

for my $case ([400, 'invalid-request', 'GET', "/t/echo/$id"],
              [415, 'unsupported-media-type', 'POST', '/t/things']) {
    my ($status, $problem, $method, $path) = @$case;

    $r = $one->request($method, $path, token => $token, key => 'untyped',
                       headers => { 'Transfer-Encoding' => 'chunked', 'Content-Length' => undef },
                       body => "2\r\n{}\r\n0\r\n\r\n");
    problem_is($r, $status, $problem, "$method with chunks of no type");
    is($r->{headers}{connection}, 'keep-alive', 'which have been read');
}

problem_is(create(json => { name => 'a' x 1_100_000 }), 413,
           'content-too-large', 'a body over client_max_body_size');


# media types of the reply

problem_is($gw->get("/t/echo/$id", headers => { Accept => 'text/html' }),
           406, 'not-acceptable', 'a type that cannot be made');

# The most specific range has the say, wherever it stands.
for my $accept ('application/json;q=0, */*', '*/*, application/json; q=0',
                'application/*;q=0, */*', '*/*, application/*;q=0.0',
                'application/json;q=0, application/*', '*/*;q=0', 'text/*',
                'application/json;charset=utf-8;q=0, */*', "*/*, application/json\t; a=b ; q=0",
                'application/json;a="b,c;q=1\", */*";q=0') {
    problem_is($gw->get("/t/echo/$id", headers => { Accept => $accept }),
               406, 'not-acceptable', "Accept: $accept");
}

for my $accept ('*/*', 'application/*', 'text/html, application/json;q=0.1',
                'Application/JSON', 'application/*;q=0, application/json',
                '*/*;q=0, application/*', '*/*;q=0, application/json;q=0.1',
                'application/json;a=";q=0"', 'text/html;a="b, c", application/json;a=b;q=0.1') {
    is($gw->get("/t/echo/$id", headers => { Accept => $accept })->{status},
       200, "Accept: $accept");
}


# languages

for (['en', 'en', 'Not found'], ['vi', 'vi', 'Không tìm thấy'],
     ['', 'vi', 'Không tìm thấy'], ['fr, en;q=0.5', 'en', 'Not found'],
     ['en;q=0.5, vi;q=0.6', 'vi', 'Không tìm thấy'],
     ['en-GB,en;q=0.9,vi;q=0.8', 'en', 'Not found']) {
    my ($accept, $language, $title) = @$_;

    $r = $gw->get('/t/nowhere', headers => { 'Accept-Language' => $accept });
    is("$r->{headers}{'content-language'} $r->{json}{title}",
       "$language $title", "Accept-Language: $accept");
}


# a connection stays usable after a refusal

my $connection = $gw->connection;
for (1 .. 3) {
    $r = $connection->request('POST', '/t/things', token => $token,
                              key => 'again', json => { name => 1 });
    is($r->{status}, 400, "refused, request $_ on one connection");
}
is($connection->request('GET', "/t/echo/$id")->{status}, 200,
   'and the next one is answered');


# A body whose framing breaks off leaves no place where the next request begins:
# what follows in it must not be taken for one. Of bodies that nobody reads.
for my $case ([404, 'POST', '/t/nowhere'], [401, 'POST', '/t/things'],
              [405, 'PUT', '/t/things'], [415, 'POST', '/t/things', $token],
              [400, 'POST', '/t/things?nope=1', $token]) {
    my ($status, $method, $path, $bearer) = @$case;
    my $smuggler = $gw->connection;
    my $said = '';

    $smuggler->send("$method $path HTTP/1.1\r\nHost: x\r\n"
        . 'Content-Type: ' . ($status == 415 ? 'text/plain' : 'application/json')
        . "\r\nTransfer-Encoding: chunked\r\n"
        . "Idempotency-Key: smuggled-1\r\n"
        . ($bearer ? "Authorization: Bearer $bearer\r\n" : '')
        . "\r\nGET /t/echo/$id HTTP/1.1\r\nHost: x\r\n"
        . "Connection: close\r\n\r\n");
    1 while sysread $smuggler->{socket}, $said, 65536, length $said;

    is(join(' ', $said =~ m{^HTTP/1\.1 (\d+)}mg), $status,
       "$status is the only answer to a broken body") or diag $said;
}


# Conditions: what an operation does not compare is not passed over.

for (['If-None-Match', '*', 'POST', '/t/things'], ['If-None-Match', '"1"', 'POST', '/t/things'],
     ['If-None-Match', '*', 'PATCH', "/t/things/$id"], ['If-None-Match', '*', 'DELETE', "/t/things/$id"],
     ['If-Match', '"1"', 'POST', '/t/things']) {
    my ($header, $value, $method, $target) = @$_;

    $r = $gw->request($method, $target, token => $token, $method eq 'DELETE' ? () : (json => { name => 'a' }),
                      $method eq 'POST' ? (key => rand()) : (),
                      headers => { $header => $value, 'Accept-Language' => 'en',
                                   $method eq 'PATCH' ? ('If-Match' => '"1"', 'Content-Type' =>
                                                         'application/merge-patch+json') : () });
    problem_is($r, 400, 'invalid-request', "$method with $header: $value");
    is_deeply([map { "$_->{in} $_->{parameter} $_->{keyword}" } @{ $r->{json}{errors} }],
              ["header $header unknown"], 'which says so');
}

$r = $gw->patch("/t/things/$id", token => $token, json => { name => 'b' },
                headers => { 'Content-Type' => 'application/merge-patch+json' });
problem_is($r, 428, 'precondition-required', 'If-Match is missing');

done_testing;
