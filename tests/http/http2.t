#!/usr/bin/perl
# HTTP/2, slow readers, slow writers and resets: the way bytes come and go does
# not change the answer, and a client that goes away frees what it held.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Engine;
use IHanoi::Test::Frames;
use Socket qw(SOL_SOCKET SO_LINGER SO_RCVBUF);
use Time::HiRes qw(sleep);

my $db = engine_database();
my $gw = engine_gateway(
    db        => $db,
    h2        => 1,
    http      => 'gzip on; gzip_types application/json; gzip_min_length 100;
                  client_body_timeout 2s;',
    locations => <<'CONF',
        location = /metrics { ihanoi_status metrics; }
        location / { auth_jwt iHaNoi; ihanoi_api on; }
CONF
);
my $token = token(sub => 'citizen-1', scope => 'things.read');

sub metric {
    my ($name) = @_;
    my $text = $gw->get('/metrics')->{content};
    my $sum = 0;

    $sum += $1 while $text =~ /^\Q$name\E(?:\{[^}]*\})? (\d+)/mg;
    return $sum;
}

wait_until(sub { ($gw->get('/t/slow?ms=1') // {})->{status} == 200 }, 20);


# HTTP/2 says what HTTP/1.1 says

for my $case (
    ['GET', '/t/maybe', {}],
    ['GET', '/t/scoped', {}],
    ['GET', '/t/scoped', { token => 'rubbish' }],
    ['HEAD', '/t/maybe', {}],
    ['GET', '/t/nowhere', {}],
    ['GET', '/t/slow?ms=x', {}],
    ['PUT', '/t/things', {}],
    ['POST', '/t/things', { token => $token, key => 'h2-1',
                            json => { name => 'two' } }],
    ['POST', '/t/things', { token => $token, key => 'h2-1',
                            json => { name => 'other' } }],
    ['POST', '/t/things', { token => $token, key => 'h2-2',
                            json => { nom => 'x' } }],
) {
    my ($method, $target, $arg) = @$case;
    my $one = $gw->request($method, $target, %$arg);
    my $two = $gw->h2($method, $target, %$arg);

    # What is different in each request, and what HTTP/2 has no place for.
    for my $r ($one, $two) {
        delete @{ $r->{headers} }{qw(date connection transfer-encoding
            idempotency-replayed content-length keep-alive)};
        $r->{content} =~ s/urn:ihanoi:request:\w+|"request_id" ?: ?"\w+"//g;
        delete $r->{headers}{$_} for grep { /request-id|traceparent/ }
                                     keys %{ $r->{headers} };
    }

    is($two->{status}, $one->{status}, "$method $target: status");
    is_deeply($two->{headers}, $one->{headers}, "$method $target: headers");
    is($two->{content}, $one->{content}, "$method $target: body");
}

# Many at once on one connection; none waits for another.
my @urls = map { "http://127.0.0.1:$gw->{h2_port}/t/slow?ms=$_" }
           300, 1 .. 30;
my $said = `nghttp -n -s @{[map { "'$_'" } @urls]} 2>&1`;
my @ok = $said =~ /^ *\d+ +\+\S+ +\S+ +\S+ +(200)/mg;
is(scalar @ok, scalar @urls, 'multiplexed requests are answered')
    or diag $said;


# A large answer to a reader that takes its time

my $size = $gw->get('/t/large?kb=1000')->{headers}{'content-length'};
my $slow = $gw->connection(timeout => 60)->connect;
setsockopt $slow->{socket}, SOL_SOCKET, SO_RCVBUF, pack("i", 32768);
$slow->send($slow->format('GET', '/t/large?kb=1000'));

my ($read, $pieces, $buffer) = (0, 0, '');
while ($pieces++ < 5) {
    sleep 0.1;
    sysread $slow->{socket}, $buffer, 1000, length $buffer;
}
is($gw->get('/t/maybe')->{status}, 200, 'others are served meanwhile');
ok(wait_until(sub { metric('ihanoi_pool_in_use') == 0 }),
   'its connection to PostgreSQL is free');
$slow->{buffer} = $buffer;
my $r = $slow->response;
is(length $r->{content}, $size, 'a slow reader gets everything');
ok($r->{json}, 'intact');

$r = $gw->h2('GET', '/t/large?kb=1000');
is(length $r->{content}, $size, 'HTTP/2 too, through its windows');


# Clients that go away: before, while and after their statement runs

my $alive = join ' ', sort $gw->workers;
for my $when (0, 0.05, 0.3) {
    for my $how ('reset', 'close') {
        my $c = $gw->connection->connect;
        $c->send($c->format('GET', '/t/slow?ms=200'));
        sleep $when;
        setsockopt $c->{socket}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)
            if $how eq 'reset';
        $c->close;
    }
}

# In the middle of a body, on its way in or out.
for (1 .. 3) {
    my $c = $gw->connection->connect;
    $c->send("POST /t/things HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n"
             . "Authorization: Bearer $token\r\nIdempotency-Key: half\r\n"
             . "Content-Type: application/json\r\n\r\n{\"name\": \"half");
    sleep 0.02;
    setsockopt $c->{socket}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    $c->close;

    $c = $gw->connection->connect;
    $c->send($c->format('GET', '/t/large?kb=1000'));
    sysread $c->{socket}, my $some, 100;
    setsockopt $c->{socket}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    $c->close;
}

# A write whose client is gone still happens once, and can be asked for.
my $c = $gw->connection->connect;
$c->send($c->format('POST', '/t/things', token => $token, key => 'gone',
                    json => { name => 'slow' }));
sleep 0.1;
$c->close;
ok(wait_until(sub {
    $db->sql("select count(*) from things where name = 'slow'") == 1
}), 'the write of a client that went away is whole');
$r = $gw->post('/t/things', token => $token, key => 'gone',
               json => { name => 'slow' });
is("$r->{status} $r->{headers}{'idempotency-replayed'}", '201 true',
   'and its key gives the answer');
is($db->sql("select count(*) from things where name = 'half'"), 0,
   'half a body is no write');

# Bytes one by one.
$c = $gw->connection->connect;
for my $byte (split //, $c->format('POST', '/t/things', token => $token,
                                   key => 'drip', json => { name => 'drip' }))
{
    $c->send($byte);
    sleep 0.001;
}
is($c->response->{status}, 201, 'a request that drips in is a request');

# A body that stops coming is given up, and its sender told.
$c = $gw->connection->connect;
$c->send("POST /t/things HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n"
         . "Authorization: Bearer $token\r\nIdempotency-Key: stuck\r\n"
         . "Content-Type: application/json\r\n\r\n{");
my $late = $c->response;
problem_is($late, 408, 'request-timeout', 'a body that does not come is refused');
is($late->{headers}{connection}, 'close', 'with its connection');

# The same over HTTP/2, frame by frame.
# The frames that a request gets, up to what is awaited: its fields and these of its body.
sub frames {
    my ($until, $fields, @body) = @_;
    my $h2 = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$gw->{h2_port}") or die "h2: $!";
    my $head = h2_fields(':scheme', 'http', ':authority', 'a', @$fields);
    my $got = '';

    syswrite $h2, join '', h2_preface(), h2_frame(1, 4, 1, $head), map { h2_frame(0, @$_) } @body;

    while ($got !~ $until && IO::Select->new($h2)->can_read(10)) {
        sysread $h2, $got, 4096, length $got or last;
    }
    return $got;
}

like(frames(qr/request-timeout/,
            [':method', 'POST', ':path', '/t/things', 'authorization', "Bearer $token",
             'idempotency-key', 'stuck-2', 'content-type', 'application/json'], [0, 1, '{']),
     qr/"type":"urn:ihanoi:problem:request-timeout"/, 'over HTTP/2 it is, too');

# Headers that do not end their stream announce no body: a proxy may end it by a frame
# of its own (RFC 9113, 8.1).
like(frames(qr/"caller"|urn:ihanoi/, [':method', 'GET', ':path', '/t/maybe'], [1, 1, '']),
     qr/"caller"/, 'a read that an empty frame ends is a read');
like(frames(qr/"caller"|urn:ihanoi/, [':method', 'GET', ':path', '/t/maybe'], [1, 1, '{}']),
     qr/there is no body in this operation/, 'one with a body is none');

is(join(' ', sort $gw->workers), $alive, 'no worker died of it');
ok(wait_until(sub { ($gw->get('/t/maybe') // {})->{status} == 200 }),
   'the gateway serves on');

ok(wait_until(sub { metric('ihanoi_pool_in_use') == 0 }),
   'no call is left behind');
ok(wait_until(sub { metric('ihanoi_pool_queued') == 0 }),
   'and none waits');

done_testing();
