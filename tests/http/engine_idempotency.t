# Idempotency-Key: nothing is done twice.

use FindBin;
use lib "$FindBin::Bin/../lib";
use IHanoi::Test;
use IHanoi::Test::Engine;

my $gw = engine_gateway();
my $db = $gw->{db};
my $token = token(sub => 'citizen-1');
my ($r, $first);

sub create {
    my ($key, $name, %arg) = @_;
    $gw->post('/t/things', token => $token, key => $key,
              json => { name => $name }, %arg);
}

sub count { $db->sql("select count(*) from things where name = '$_[0]'") }


problem_is($gw->post('/t/things', token => $token, json => { name => 'a' }),
           400, 'idempotency-key-missing', 'a POST without a key');
problem_is(create('ch' x 128, 'a'), 400, 'idempotency-key-invalid',
           'a key of 256 characters');
problem_is(create("khoá", 'a'), 400, 'idempotency-key-invalid',
           'a key beyond ASCII');


# replay

$first = create('key-1', 'once');
is($first->{status}, 201, 'the first request runs');
ok(!exists $first->{headers}{'idempotency-replayed'}, 'and is no replay');

$r = create('key-1', 'once');
is("$r->{status} $r->{content} $r->{headers}{etag} $r->{headers}{location}",
   "201 $first->{content} $first->{headers}{etag} $first->{headers}{location}",
   'the second gets the first answer');
is($r->{headers}{'idempotency-replayed'}, 'true', 'and says so');
is(count('once'), 1, 'it ran once');

is(create('"key-1"', 'once')->{headers}{'idempotency-replayed'}, 'true',
   'a quoted key is the same key');

# A client that has kept what it wanted, but not the bytes, writes them anew.
sub again {
    my ($key, $body) = @_;
    $gw->post('/t/things', token => $token, key => $key, body => $body,
              headers => { 'Content-Type' => 'application/json' });
}

is(again('key-json', '{"name":"written","size":21.5,"tags":["a","b"]}')->{status}, 201,
   'a body is written');
for my $body ('{"tags":["a","b"],"size":21.5,"name":"written"}',
              qq( {\n "size" : 2.15e1, "name" : "wr\\u0069tten" , "tags" : [ "a" , "b" ] } )) {
    is(again('key-json', $body)->{headers}{'idempotency-replayed'}, 'true', "the same is $body");
}
for my $body ('{"name":"written","size":21.5,"tags":["b","a"]}', '{"name":"written","size":21.5}',
              '{"name":"written","size":21.6,"tags":["a","b"]}') {
    problem_is(again('key-json', $body), 422, 'idempotency-key-reused', "another is $body");
}
is(count('written'), 1, 'it is one thing');

is(again('key-whole', '{"name":"whole","size":21.0}')->{status}, 201, 'a number without a fraction');
is(again('key-whole', $_)->{headers}{'idempotency-replayed'}, 'true', "is the same in $_")
    for '{"name":"whole","size":21}', '{"size":2.1e1,"name":"whole"}';
problem_is(again('key-whole', '{"name":"whole","size":21.1}'), 422, 'idempotency-key-reused', 'another is another');

# Of an answer that a release before has kept the bytes are known.
$db->sql('update core.idempotency_keys set same = null');
is(again('key-json', '{"name":"written","size":21.5,"tags":["a","b"]}')->{status}, 201,
   'the bytes of before are the same');
is(again('key-json', '{"tags":["a","b"],"size":21.5,"name":"written"}')->{status}, 422,
   'others may be another request');

# The SQL of such a release, rolled back to, compares all that it is given, and what it
# finds is of this one.
my $code = $db->sql("select pronamespace::regnamespace from pg_proc where proname = 'idempotency_same'");
my $same = $db->sql("select pg_get_functiondef('$code.idempotency_same'::regproc)");
$db->sql("create or replace function $code.idempotency_same(stored core.idempotency_keys, hash text)
          returns boolean language sql as 'select stored.hash = idempotency_same.hash'");
is(again('key-json', '{"name":"written","size":21.5,"tags":["a","b"]}')->{headers}{'idempotency-replayed'},
   'true', 'after a rollback the bytes are the same, too');
problem_is(again('key-json', '{"name":"written"}'), 422, 'idempotency-key-reused', 'and others are not');
is(count('written'), 1, 'it is one thing still');
$db->sql($same);

problem_is(create('key-1', 'other'), 422, 'idempotency-key-reused',
           'another body with the key');
is(count('other'), 0, 'is not run');

is($gw->post('/t/things', token => token(sub => 'citizen-2'), key => 'key-1',
             json => { name => 'other' })->{status}, 201,
   "somebody else's key of that name is another key");


# refusals do not use a key up

problem_is(create('key-2', 'refuse'), 409, 'thing-refused', 'a refusal');
is(create('key-2', 'allowed')->{status}, 201, 'leaves the key free');
problem_is(create('key-3', 'late'), 422, 'thing-late', 'one after a write');
is(create('key-3', 'allowed')->{status}, 201, 'too');


# concurrent duplicates

my @connections = map { $gw->connection } 1 .. 8;
$_->connect->send($_->format('POST', '/t/things', token => $token,
                             key => 'key-4', json => { name => 'slow' }))
    for @connections;
my @answers = map { $_->response } @connections;
is(count('slow'), 1, 'of eight at once one runs');
is_deeply([map { $_->{status} } grep { $_->{status} != 409 } @answers], [201], 'one is answered');
for my $refused (grep { $_->{status} == 409 } @answers) {
    problem_is($refused, 409, 'idempotency-key-in-use', 'the others are told that it is in use');
    is($refused->{headers}{'retry-after'}, 1, 'and when to come back');
}

$r = create('key-4', 'slow');
is("$r->{status} $r->{headers}{'idempotency-replayed'}", '201 true',
   'afterwards all get its answer');


# "x-ihanoi-idempotency": "none": a callback of others

sub callback { $gw->post('/t/callbacks', json => { name => 'called' }, @_) }

is(callback()->{status}, 201, 'a callback needs neither token nor key');
is(callback(headers => { 'Idempotency-Key' => 'key-1' })->{status}, 201,
   'a key that comes all the same');
is(callback(headers => { 'Idempotency-Key' => 'key-1' })->{status}, 201,
   'keeps nobody out');
is(count('called'), 3, 'each of them runs: doing it once is the function\'s');
is(callback(token => 'x.y.z')->{status}, 201, 'a token is not looked at');

done_testing;
