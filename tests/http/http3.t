#!/usr/bin/perl
# HTTP/3: it says what HTTP/1.1 says, however a body comes, and a stream that is given up
# frees what it held.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Backend;
use IHanoi::Test::Engine;
use IHanoi::Test::HTTP3;
use IHanoi::Test::Plugin;
use IHanoi::Test::Provider;
use Time::HiRes qw(sleep time);

http3_or_skip();

my $true = JSON::PP::true;
my %lua = (
    parts  => 'for i = 1, 3 do
                   ihanoi.response.write(i .. "\n") ihanoi.run.sleep(0.01)
               end',
    big    => 'written = 0
               local part = ("0123456789abcdef"):rep(4096)
               for i = 1, 8 do
                   if not ihanoi.response.write(part) then return end
                   written = i
               end',
    late   => 'ihanoi.response.write("part") ihanoi.run.sleep(0.05)
               local x = nil return x.y',
    gone   => 'left = "running"
               while ihanoi.response.write("x\n") do ihanoi.run.sleep(0.02) end
               left = "closed"',
    pay    => 'ihanoi.run.sleep(0.4)
               ihanoi.backend.get("b", "/slow/0.5")
               ihanoi.run.sleep(0.1)
               ihanoi.backend.get("b", "/paid") return 200, "paid"',
    told   => 'return 200, tostring(left)',
    sleeps => 'ihanoi.run.sleep(1) return 200, "awake"',
    stays  => 'ihanoi.run.sleep(1) return 200, "stayed"',
    dozes  => 'ihanoi.run.sleep(4) return 200, "awake"',
);
my $plugin = plugin_folder(name => 'probe', lua => \%lua,
    operations => { map { my $name = $_; ($name => {
        $name =~ /^(?:told|sleeps|stays|dozes|pay)$/ ? () : ('x-ihanoi-stream' => $true),
        $name =~ /^(?:gone|pay)$/ ? ('x-ihanoi-abort' => 'finish') : (),
        responses => { 200 => { description => 'Text', content => { 'text/plain' => {
            schema => { type => 'string', maxLength => 100_000_000 } } } } },
    }) } keys %lua },
    manifest => { permissions => { public => $true, backends => ['b'] },
                  limits => { cpu => '100ms', timeout => '30s', stream => '16m' } });

my $backend = IHanoi::Test::Backend->new;
my $db = engine_database();
my $gw = engine_gateway(
    db        => $db,
    h3        => 1,
    responses => 0,
    http      => 'gzip on; gzip_types application/json; gzip_min_length 100;
                  client_body_timeout 1s; '
               . $plugin->block('public;', 'cpu 100ms;', 'timeout 30s;', 'backend b /_b/;'),
    locations => <<"CONF",
        location = /metrics { ihanoi_status metrics; }
        location ^~ /_b/ { internal; proxy_pass @{[$backend->url]}/; }
        location / { auth_jwt iHaNoi; ihanoi_api on; }
CONF
);
my $token = token(sub => 'citizen-1', scope => 'things.read');

sub metric_sum {
    my ($name) = @_;
    my $text = $gw->get('/metrics')->{content};
    my $sum = 0;

    $sum += $1 while $text =~ /^\Q$name\E(?:\{[^}]*\})? (\d+)/mg;
    return $sum;
}

sub ask { return scalar h3($gw, h3_request($gw, @_)) }

wait_until(sub { ($gw->get('/t/slow?ms=1') // {})->{status} == 200 }, 20);
my $alive = join ' ', sort $gw->workers;


# The same answers

my @cases = (
    ['GET', '/t/maybe'],
    ['GET', '/t/scoped'],
    ['GET', '/t/scoped', token => $token],
    ['GET', '/t/scoped', token => 'rubbish'],
    ['HEAD', '/t/maybe'],
    ['GET', '/t/nowhere'],
    ['GET', '/t/slow?ms=x'],
    ['PUT', '/t/things'],
    ['GET', '/t/maybe', body => '{}'],
    ['POST', '/t/things', token => $token, key => 'h3-1', json => { name => 'three' }],
    ['POST', '/t/things', token => $token, key => 'h3-1', json => { name => 'other' }],
    ['POST', '/t/things', token => $token, key => 'h3-2', json => { nom => 'x' }],
    ['POST', '/t/things', token => $token, key => 'h3-3', body => '',
                          headers => { 'Content-Type' => 'application/json' }],
    ['POST', '/t/things', token => $token, key => 'h3-4', body => 'x' x 1_200_000,
                          headers => { 'Content-Type' => 'application/json' }],
);
my @three = h3($gw, map { h3_request($gw, @$_) } @cases[0 .. 8]);
push @three, ask(@$_) for @cases[9 .. $#cases];

for my $i (0 .. $#cases) {
    my ($method, $target, %arg) = @{ $cases[$i] };
    my ($one, $three) = ($gw->request($method, $target, %arg), $three[$i]);

    # What is different in each request, and what HTTP/3 has no place for.
    for my $r ($one, $three) {
        delete @{ $r->{headers} }{qw(date connection transfer-encoding
            idempotency-replayed content-length keep-alive)};
        $r->{content} =~ s/urn:ihanoi:request:\w+|"request_id" ?: ?"\w+"//g;
        delete $r->{headers}{$_} for grep { /request-id|traceparent/ } keys %{ $r->{headers} };
    }

    is($three->{status}, $one->{status}, "$method $target: status") or diag explain $three;
    is_deeply($three->{headers}, $one->{headers}, "$method $target: headers");
    is($three->{content}, $one->{content}, "$method $target: body");
}


# A body in several frames, with its length and without, and one that ends otherwise

my @new = (token => $token, headers => { 'Content-Type' => 'application/json' });
my @bodies = (
    ['in three frames', 201, ['{"na', 'me": "fra', 'mes"}']],
    ['in three that come one by one', 201, ['{"na', 'me": "slow', 'ly"}'], gap => 0.1],
    ['with an empty one', 201, ['{"name": "empty"}', '']],
    ['of many small ones', 201, [split //, '{"name": "' . 'x' x 50 . '"}']],
    ['that is large', 201, ['{"name":', (' ' x 1000) x 40, '"large"}']],
    ['of nothing', 400, []],
    ['of an empty frame', 400, ['']],
    ['too large', 413, [('x' x 10_000) x 120]],
    ['that stops', 408, ['{"name":'], end => JSON::PP::false],
);
my $n = 0;
my @said = h3($gw, map {
    my (undef, undef, $frames, %more) = @$_;
    h3_request($gw, 'POST', '/t/things', @new, key => 'frames-' . $n++, frames => $frames, %more);
} @bodies);
is($said[$_]{status} // $said[$_]{reset}, $bodies[$_][1], "a body $bodies[$_][0]") for 0 .. $#bodies;
is($said[-1]{json}{type}, 'urn:ihanoi:problem:request-timeout', 'as a problem');


# Many at once

my @answers = h3($gw, map { h3_request($gw, 'GET', "/t/slow?ms=$_") } 300, 1 .. 30);
is((grep { ($_->{status} // 0) == 200 } @answers), 31, 'many streams are answered');


# A large answer

my $size = $gw->get('/t/large?kb=1000')->{headers}{'content-length'};
my $r = ask('GET', '/t/large?kb=1000');
is(length $r->{content}, $size, 'a large answer is whole');
ok($r->{json}, 'and intact');


# Streams that are given up: in the middle of a call, of a body, of an answer

h3($gw, map { (h3_request($gw, 'GET', '/t/slow?ms=500', reset => $_),
               h3_request($gw, 'GET', '/t/large?kb=1000', reset => $_),
               h3_request($gw, 'GET', '/v1/probe/big', reset => $_),
               h3_request($gw, 'GET', '/v1/probe/sleeps', reset => $_),
               h3_request($gw, 'POST', '/t/things', @new, key => "reset$_", frames => ['{"na'],
                          end => JSON::PP::false, reset => $_)) } 0, 0.01, 0.1, 0.3);
h3($gw, { leave => $_ }, map { h3_request($gw, 'GET', $_) }
   '/t/slow?ms=500', '/t/large?kb=1000', '/v1/probe/big', '/v1/probe/sleeps') for 0.03, 0.2;

# Who has sent its request can only stop the answer: what waits for nobody ends, though
# the connection goes on.
h3($gw, (map { h3_request($gw, 'GET', $_, reset => 0.1) } '/t/slow?ms=4001', '/v1/probe/dozes'),
        h3_request($gw, 'GET', '/v1/probe/stays'));
my $log = $gw->access_log(qr/stays HTTP/);
like($log, qr{/\Q$_\E HTTP/3.*/stays HTTP/3.0" 200 }s, "$_: nobody waits")
    for qw(slow?ms=4001 dozes);

# A write whose client is gone happens once.
h3($gw, h3_request($gw, 'POST', '/t/things', token => $token, key => 'gone',
                   json => { name => 'slow' }, reset => 0.1));
ok(wait_until(sub { $db->sql("select count(*) from things where name = 'slow'") == 1 }),
   'the write of a stream that was given up is whole');
$r = ask('POST', '/t/things', token => $token, key => 'gone', json => { name => 'slow' });
is("$r->{status} " . ($r->{headers}{'idempotency-replayed'} // ''), '201 true', 'and its key gives the answer');


# Answers in parts

$r = ask('GET', '/v1/probe/parts');
is("$r->{content}$r->{whole}", "1\n2\n3\n1", 'parts');
$r = ask('GET', '/v1/probe/big');
is(length $r->{content}, 8 * 65536, 'many');
$r = ask('GET', '/v1/probe/late');
is($r->{content}, 'part', 'the first part of what fails');
ok(!$r->{whole}, 'without an end');
isnt($r->{reset}, undef, 'but a reset');

h3($gw, h3_request($gw, 'GET', '/v1/probe/gone', reset => 0.2));
ok(wait_until(sub { ask('GET', '/v1/probe/told')->{content} eq 'closed' }),
   'a handler that goes on is told that its client is gone');

# x-ihanoi-abort: finish, though all of the connection is closed: nginx would end each of
# its requests.
h3($gw, { close => 0.2 }, h3_request($gw, 'GET', '/v1/probe/pay'));
ok(wait_until(sub { $backend->seen_of('/paid') == 1 }, 5), 'a payment goes on without its connection');
ok(wait_until(sub { $gw->access_log =~ m{/pay HTTP/3} }, 5), 'to its end');
unlike($gw->access_log, qr{/pay HTTP/3.0" 000}, 'which is one of its own');

# The keys that a token needs are waited for, too.
my $idp = IHanoi::Test::Provider->new;
$idp->add_key('k1')->serve(delay => 1.5);
my $keys = gateway(
    issuer => 0, h3 => 1,
    http => 'auth_jwt_issuer ' . $idp->name . ' { key_request /_jwks; '
          . 'audience ihanoi; algorithms ES256; }',
    locations => 'location = /_jwks { internal; proxy_pass ' . $idp->url . '; }'
               . 'location / { auth_jwt x; empty_gif; }',
);
my @waits = map { h3_request($keys, 'GET', '/', token => $idp->token(sub => 'a'), @$_) }
            ([reset => 0.2]) x 3, ([]) x 5;
is((grep { ($_->{status} // 0) == 200 } h3($keys, @waits)), 5, 'who waits for keys is let in');
like($keys->access_log(qr/\" 200 /), qr/\A(?:.* 499 .*\n){3}(?!.* 499 )/, 'who has given up waits no more');

is(join(' ', sort $gw->workers), $alive, 'no worker died of it');
ok(wait_until(sub { metric_sum('ihanoi_pool_in_use') == 0 }), 'no call is left behind');
ok(wait_until(sub { metric_sum('ihanoi_pool_queued') == 0 }), 'and none waits');
ok(wait_until(sub { $gw->get('/metrics')->{content} !~ /^ihanoi_plugin_active\{[^}]*\} [^0]/m }),
   'nor a run');

done_testing();
