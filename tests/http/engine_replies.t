# What becomes of a row, a refusal and an error of PostgreSQL.

use FindBin;
use lib "$FindBin::Bin/../lib";
use IHanoi::Test;
use IHanoi::Test::Engine;

my $gw = engine_gateway(server => 'add_header X-Request-Id $request_id always;',
                        http => 'gzip on; gzip_types application/json;
                                 gzip_vary on;');
my $db = $gw->{db};
my $token = token(sub => 'citizen-1');
my $r;


# created, read, changed, removed

$r = $gw->post('/t/things', token => $token, key => 'create-1',
               json => { name => 'Cống thoát nước', size => 21.0285,
                         tags => ['a', 'b'] });
is($r->{status}, 201, 'created');
is($r->{headers}{'content-type'}, 'application/json', 'as JSON');
is($r->{headers}{etag}, '"1"', 'with an entity tag');
is($r->{headers}{location}, "/t/things/$r->{json}{id}", 'and a Location');
is($r->{headers}{'cache-control'}, 'no-store', 'not to be stored');

my $id = $r->{json}{id};
my $url = "/t/things/$id";

is($db->sql("select size || ' ' || tags from things where id = '$id'"),
   '21.0285 ["a", "b"]', 'numbers and arrays arrive as they were sent');

$r = $gw->get($url, token => $token);
is("$r->{status} $r->{json}{name}", '200 Cống thoát nước', 'read');
is($r->{headers}{'cache-control'}, 'private, no-cache',
   'what needs a token is private');
like($r->{content}, qr/^\{"id":/, "the body is PostgreSQL's own text");

$r = $gw->head($url, token => $token);
is("$r->{status} $r->{content}", '200 ', 'HEAD has no body');
is($r->{headers}{'content-length'}, length $gw->get($url, token => $token)
   ->{content}, 'and the length of the body it would have');

for ('"1"', 'W/"1"', '"7", W/"1"', '*') {
    $r = $gw->get($url, token => $token, headers => { 'If-None-Match' => $_ });
    is("$r->{status} $r->{content} $r->{headers}{etag}", '304  "1"',
       "If-None-Match: $_");
}
is($gw->get($url, token => $token, headers => { 'If-None-Match' => '"2"' })
   ->{status}, 200, 'If-None-Match: another');

for ('"1"', 'W/"1"', '"7", "1"', '*') {
    is($gw->get($url, token => $token, headers => { 'If-Match' => $_ })->{status}, 200,
       "a read with If-Match: $_");
}
for ('"2"', '"*"', '"7", "2"', '1') {
    $r = $gw->get($url, token => $token, headers => { 'If-Match' => $_ });
    problem_is($r, 412, 'precondition-failed', "a read with If-Match: $_");
    is($r->{headers}{etag}, undef, 'has no entity tag');
    is($r->{headers}{'cache-control'}, 'no-store', 'and is not stored');
}
is($gw->head($url, token => $token, headers => { 'If-Match' => '"2"' })->{status}, 412,
   'nor by HEAD');
is($gw->get($url, token => $token, headers => { 'If-Match' => '"2"', 'If-None-Match' => '"1"' })
   ->{status}, 412, 'If-Match comes before If-None-Match');
is($gw->get("/t/nowhere", headers => { 'If-Match' => '"2"' })->{status}, 404,
   'what is not there is 404 all the same');
is($gw->get('/t/maybe', headers => { 'If-Match' => '*' })->{status}, 200,
   'an answer without an entity tag is one');
is($gw->get('/t/maybe', headers => { 'If-Match' => '"x"' })->{status}, 412, 'but not that one');

sub change {
    my ($match, $json) = @_;
    $gw->patch($url, token => $token, json => $json,
               headers => { 'If-Match' => $match, 'Content-Type' =>
                            'application/merge-patch+json' });
}

$r = change('"1"', { note => 'nước đen' });
is("$r->{status} $r->{headers}{etag}", '200 "2"', 'changed with If-Match');
problem_is(change('"1"', { note => 'x' }), 412, 'precondition-failed',
           'an old entity tag is refused');
is($db->sql("select note from things where id = '$id'"), 'nước đen',
   'and changes nothing');
problem_is(change('"*"', { note => 'x' }), 412, 'precondition-failed',
           'an entity tag that is a quoted * is not the wildcard');
is(change('*', { note => undef })->{json}{note}, undef,
   'null in a patch is not the same as absent');
is(change('"1", "3"', { name => 'mới' })->{status}, 200,
   'one of several entity tags');

# A gzipped answer has a weak tag; a client sends back what it got.
my $large = $gw->get('/t/large?kb=8', headers => { 'Accept-Encoding' => 'gzip' });
is($large->{headers}{etag}, 'W/"large"', 'gzip makes the entity tag weak');
is($large->{headers}{vary}, 'Accept-Encoding', 'and gzip_vary tells caches');
$r = $gw->get('/t/large?kb=8', headers => { 'Accept-Encoding' => 'gzip',
              'If-None-Match' => $large->{headers}{etag} });
is($r->{status}, 304, 'and it is accepted in If-None-Match');
is($r->{headers}{vary}, 'Accept-Encoding', 'a 304 tells caches what its 200 would');
is(change('W/"4"', { name => 'm' })->{status}, 200,
   'and in If-Match: PATCH after a gzipped GET');

$r = $gw->delete($url, token => $token);
is("$r->{status} $r->{content}", '204 ', 'removed');
problem_is($gw->delete($url, token => $token), 404, 'not-found',
           'no row is 404');
problem_is($gw->get($url, token => $token), 404, 'not-found',
           'no row of a read is 404');


# refusals

sub create { $gw->post('/t/things', token => $token, json => { name => $_[0] },
                       key => rand(), headers => { 'Accept-Language' => $_[1] // 'en' }) }

$r = create('refuse');
problem_is($r, 409, 'thing-refused', "a refusal's status is the contract's");
is($r->{json}{detail}, 'The name refuse cannot be used, 3 tries left',
   'members fill its detail');
is($r->{json}{left}, 3, 'and are there for programs');
ok(!exists $r->{json}{code}, 'the code is the type');

# As people write days and numbers; programs have the members.
for (['half', 'half', '2,5', '2.5'],
     ['2026-11-29', '29/11/2026', '-1.234.567', '-1,234,567'],
     ['2026-13-29', '2026-13-29', '-1.234.567', '-1,234,567'],
     ['2026-11-29 08:05:00', '08:05:00 ngày 29/11/2026', '-1.234.567', '-1,234,567'])
{
    my ($name, $named, $left, $left_en) = @$_;
    is(create($name, 'vi')->{json}{detail}, "Tên $named không dùng được, còn $left lần", "$name in Vietnamese");
    $r = create($name);
    is($r->{json}{detail}, "The name $name cannot be used, $left_en tries left", '... and in English');
    is($r->{json}{name}, $name, '... but not for programs');
}

$r = create('late');
problem_is($r, 422, 'thing-late', 'a refusal after a write');
is($db->sql("select count(*) from things where name = 'late'"), 0,
   'is rolled back');
like($r->{json}{id}, qr/^[0-9a-f-]{36}$/, 'and has its members');

problem_is(create('nothing'), 404, 'not-found', 'a row of nulls is 404');


# errors

problem_is($gw->get('/t/broken'), 500, 'internal-error',
           'an error of ours is 500');
like($gw->error_log, qr/operation "broken_get" failed with SQLSTATE 22012/,
     'named in the log');
unlike($gw->error_log, qr/nước đen|Cống/, 'without what people wrote');

problem_is(create('unknown-problem'), 500, 'internal-error',
           'a problem that no contract has');

$r = $gw->get('/t/missing');
problem_is($r, 503, 'operation-unavailable',
           'a function that the release lacks');
ok($r->{headers}{'retry-after'}, 'tells when to try again');
is($gw->get('/t/maybe')->{status}, 200, 'and costs its own operation only');
wait_until(sub { $gw->error_log =~ /function_that_is_not_there/ });
like($gw->error_log, qr/missing_get.*function_that_is_not_there|function_that_is_not_there.*missing_get/,
     'the log names operation and function');


like($gw->error_log, qr/problem "no-such-problem" is in no contract/,
     'a problem that no contract has is named in the log');


# A statement that PostgreSQL ends: the time of the class is over.
my $hurried = engine_gateway(db => $db, database => <<'CONF');
        read_user ihanoi_read;
        write_user ihanoi_write;
        control_user ihanoi_control;
        slow connections=1 timeout=300ms;
CONF
wait_until(sub { $hurried->get('/t/slow?ms=0')->{status} == 200 });
$r = $hurried->get('/t/slow?ms=5000');
problem_is($r, 504, 'database-timeout', 'a statement that takes too long');
is($r->{headers}{'retry-after'}, 1, 'tells when to try again');


# sizes

for my $kb (1, 8, 16, 33, 64, 1000) {
    my $r = $gw->get("/t/large?kb=$kb");
    is(length $r->{json}{text},
       int(int($kb * 1024 / 23) * length 'Hà Nội là thủ đô. '),
       "a body of $kb KB arrives whole");
}


# who calls

$r = $gw->get('/t/maybe');
is_deeply([sort keys %{ $r->{json}{caller} }],
          [qw(lang operation request_id)], 'a caller without a token');
$r = $gw->get('/t/maybe', token => token(sub => 'citizen-2'),
              headers => { 'Accept-Language' => 'en' });
is_deeply([@{ $r->{json}{caller} }{qw(sub assurance operation lang)}],
          [qw(citizen-2 verified maybe_get en)], 'a caller with one');
is($r->{json}{caller}{claims}{sub}, 'citizen-2', 'has the claims');


# by which request

is($r->{json}{caller}{request_id}, $r->{headers}{'x-request-id'}, 'SQL has the id of the request');
$r = $gw->get('/t/nowhere');
is($r->{json}{instance}, "urn:ihanoi:request:$r->{headers}{'x-request-id'}", 'and so has a problem');


done_testing;
