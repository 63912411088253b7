#!/usr/bin/perl
# ihanoi.backend: what a plugin gets from a backend that behaves and from one
# that does not, and that nothing of the client's request goes there.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Backend;
use IHanoi::Test::Plugin;
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

my $backend = IHanoi::Test::Backend->new;

# A port on which nothing listens.
my $closed = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')
    ->sockport;

my $show = 'local function show(r, err)
    if not r then return 200, { err = err } end
    return 200, { status = r.status, size = #r.body, headers = r.headers,
                  body = #r.body < 5000 and r.body or nil }
end
';

# One handler takes what to ask for from its body.
my $handler = $show . <<'LUA';
local M = {}

function M.ask(input)
    local a = ihanoi.request.body()
    return show(ihanoi.backend.request(a.name or "operator", a.options))
end


function M.twice()
    local a = ihanoi.request.body()
    show(ihanoi.backend.request("operator", a.options))
    return show(ihanoi.backend.request("operator", a.options))
end

M.pay = M.twice

function M.all()
    local a = ihanoi.request.body()
    local list = {}
    for i, r in ipairs(ihanoi.backend.all(a.list)) do
        list[i] = r.err and { err = r.err } or { status = r.status, body = r.body }
    end
    return 200, list
end

function M.short()
    local get = ihanoi.backend.get("operator", "/echo", { query = { a = 1 } })
    local post = ihanoi.backend.post("operator", { "echo" }, { json = { b = 2 } })
    local text, err = ihanoi.backend.get("operator", "/ok").json()
    return 200, { get = get.json(), post = post.json(), err = err,
                  list = ihanoi.json.decode(post.json().body).b }
end

function M.many()
    local n, last = 0
    for i = 1, 40 do
        local r, err = ihanoi.backend.get("operator", "/ok")
        if r then n = n + 1 else last = err end
    end
    return 200, { n = n, err = last }
end

function M.eat()
    local body, err = ("x"):rep(2e6)
    for i = 1, 40 do
        err = select(2, ihanoi.backend.post("operator", "/echo", { body = body,
            headers = { ["X-A"] = "\n" } }))
    end
    for i = 1, 40 do
        pcall(ihanoi.backend.all, { { "operator", { method = "PUT", body = body } },
                                    { "nobody" } })
    end
    return 200, { err = err }
end

function M.bytes()
    local body = ""
    for i = 0, 255 do body = body .. string.char(i) end
    body = body:rep(100)
    local r = ihanoi.backend.post("operator", "/echo", { body = body,
        headers = { ["Content-Type"] = "application/x-bytes" } })
    return 200, { size = #body, status = r.status }
end

function M.loop()
    for i = 1, 20 do
        local r = ihanoi.backend.all({
            { "operator", { path = "/ok" } }, { "operator", { path = "/half" } } })
        if i == 1 then ihanoi.backend.request("operator",
            { path = "/slow/0.2", timeout = 0.05 }) end
    end
    return 200, {}
end

function M.vast()
    local text, err, why = ("a%"):rep(1000000)
    local path = "/" .. ("a"):rep(2000000)
    for i = 1, 15 do
        err = select(2, ihanoi.backend.request("operator", { path = path }))
        why = select(2, ihanoi.backend.request("operator", { path = "/x", query = { a = text } }))
    end
    return 200, { err, why }
end

function M.caught()
    local ok, err = pcall(ihanoi.backend.request, "nobody", {})
    local ok2, err2 = pcall(ihanoi.backend.request, "operator",
        { headers = { Host = "x" } })
    return 200, { ok = ok, err = err, err2 = err2 }
end

return M
LUA

my %post = (method => 'put', requestBody => { required => JSON::PP::true,
    content => { 'application/json' => { schema => {
        type => 'object', properties => {
            name => { type => 'string', maxLength => 20 }, options => {}, list => {} } } } } });

my $plugin = plugin_folder(
    handler => $handler,
    lua => { map { $_ => '' } qw(ask pay twice all short many eat bytes loop caught vast) },
    operations => {
        ask => { %post }, twice => { %post }, all => { %post },
        pay => { %post, 'x-ihanoi-abort' => 'finish' },
    },
    manifest => {
        permissions => { public => JSON::PP::true,
                         backends => [qw(operator gone exact)] },
        limits => { timeout => '3s', memory => '16m' },
    },
);

my @grants = ('public;', 'backend operator /_operator;',
              'backend gone /_gone/;', 'backend exact /_exact;');
my $locations = <<"CONF";
    auth_jwt iHaNoi;
    location / { ihanoi_api on; }
    location = /metrics { auth_jwt off; ihanoi_status metrics; }
    location ^~ /_operator { internal; proxy_pass @{[$backend->url]}/base; }
    location ^~ /_gone/ { internal; proxy_pass http://127.0.0.1:$closed; }
    location = /_exact { internal; return 200 "exact"; }
    location ^~ /_secret/ { internal; return 200 "secret"; }
CONF

my $gw = gateway(http => $plugin->block(@grants), locations => $locations,
                 h2 => 1, responses => 0);

sub ask {
    my (%options) = @_;
    my $name = delete $options{name};
    my $to = delete $options{to} // 'ask';
    my $client = delete $options{client} // 'request';

    my $r = $gw->$client('PUT', "/v1/probe/$to",
        json => { ($name ? (name => $name) : ()), options => \%options },
        headers => { Cookie => 'session=1', 'X-Secret' => 'mine',
                     'User-Agent' => 'a-browser', Range => 'bytes=0-1',
                     'If-Modified-Since' => 'Thu, 01 Jan 2026 00:00:00 GMT',
                     'Accept-Encoding' => 'gzip' },
        token => token(sub => 'citizen-1'));
    diag explain $r if $r->{status} != 200 && $r->{status} != 504;
    return $r->{json} // { none => $r->{status}, text => $r->{content} };
}


# What arrives

my $r = ask(path => '/echo', query => { b => [1, 2], a => 'một & hai', c => JSON::PP::true });
is($r->{status}, 200, 'a backend answers');
is($r->{headers}{'content-type'}, 'application/json', 'with its type');
is($r->{headers}{'x-one'}, '1', 'a header in lower case');
is($r->{headers}{'x-two'}, 'a, b', 'one that came twice');

my $echo = JSON::PP->new->utf8->decode($r->{body} // '{}');
is($echo->{method}, 'GET', 'GET when nothing is said');
is($echo->{target}, '/base/echo?a=m%E1%BB%99t%20%26%20hai&b=1&b=2&c=true',
   'the path under the prefix, the query encoded and in order');

# Lua's own text of a number has 14 digits.
ask(path => ['number', 123456789012345, -1.5, 0.1], query =>
        { n => [1795837200000001, -9007199254740991, 105.852511234567, 21.0285, -0.0, 1e21] });
my ($numbers) = map { m{(/number/\S+)} } $backend->seen;
is($numbers, '/number/123456789012345/-1.5/0.1?n=1795837200000001&n=-9007199254740991'
   . '&n=105.852511234567&n=21.0285&n=0&n=1e%2B21', 'numbers arrive as JSON has them');

my %sent = map { lc((split /: /)[0]) => (split /: /, $_, 2)[1] } @{ $echo->{headers} };
delete $sent{connection};                   # proxy_pass's own, before nginx 1.29.7
is_deeply([sort keys %sent], [sort qw(host accept accept-encoding user-agent x-request-id)],
          'nothing of the client\'s headers goes along') or diag explain \%sent;
is($sent{host}, '127.0.0.1:' . $backend->port, 'Host is the location\'s');
like($sent{'user-agent'}, qr{^ihanoi-plugin/probe 1\.0\.0$}, 'the plugin says who it is');
like($sent{'x-request-id'}, qr/^[0-9a-f]{32}$/, 'with the number of the request');
is($sent{'accept-encoding'}, 'identity', 'and no compression');

$r = ask(path => '/echo', method => 'PUT', json => { 'tên' => 'Hồ Gươm', n => [1, 2] },
         headers => { Authorization => 'Bearer of-the-plugin', Cookie => 'own=1' });
$echo = JSON::PP->new->utf8->decode($r->{body} // '{}');
my $got = $echo->{body} // '';
is_deeply(JSON::PP->new->utf8->decode($got), { 'tên' => 'Hồ Gươm', n => [1, 2] },
          'a JSON body arrives');
%sent = map { lc((split /: /)[0]) => (split /: /, $_, 2)[1] } @{ $echo->{headers} };
is($sent{'content-length'}, length $got, 'with its length');
is($sent{'content-type'}, 'application/json', 'and its type');
is("$sent{authorization} $sent{cookie}", 'Bearer of-the-plugin own=1',
   'a plugin sends credentials of its own only');

# Whatever the letters: one of each, and the plugin's.
$r = ask(path => '/echo', method => 'PUT', json => {},
         headers => { ACCEPT => 'text/csv', 'uSER-aGENT' => 'mine', 'content-type' => 'a/b' });
is(join(', ', sort grep { /^(?:accept|user-agent|content-type):/i }
              @{ JSON::PP->new->utf8->decode($r->{body} // '{}')->{headers} }),
   'ACCEPT: text/csv, content-type: a/b, uSER-aGENT: mine', 'and says itself what it takes, and who it is');
$r = ask(path => '/echo', method => 'PUT', json => {}, headers => { Accepts => 'x', 'User-Agen' => 'y' });
%sent = map { lc((split /: /)[0]) => (split /: /, $_, 2)[1] }
        @{ JSON::PP->new->utf8->decode($r->{body} // '{}')->{headers} };
is("$sent{accept} $sent{accepts}", '*/* x', 'a name that is nearly the same is another');
like($sent{'user-agent'}, qr{^ihanoi-plugin/probe 1\.0\.0$}, '... and what it has said is forgotten');

$r = $gw->get('/v1/probe/bytes')->{json};
is($r->{size}, 25600, 'a body of all bytes');
my ($raw) = grep { /x-bytes/ } $backend->seen;
my (undef, $body) = split /\r\n\r\n/, $raw, 2;
is($body, join('', map { chr } 0 .. 255) x 100, 'arrives as it is');

is(ask(path => '/echo', method => 'POST')->{status}, 200, 'POST without a body');
like(($backend->seen_of('/base/echo'))[-1], qr/^Content-Length: 0\r$/m, 'says so');

$r = $gw->get('/v1/probe/short')->{json};
is($r->{get}{target}, '/base/echo?a=1', 'get()');
is($r->{post}{method} . $r->{list}, 'POST2', 'post() and json()');
like($r->{err}, qr/byte 1/, 'json() of what is not JSON');

$r = ask(name => 'exact');
is($r->{body}, 'exact', 'a location of nginx\'s own, without a path');
is(ask(path => '/big/100', method => 'HEAD')->{status}, 200, 'HEAD');
is(ask(path => '/big/100', method => 'HEAD')->{size}, 0, 'has no body');
is(ask(path => '/big/500000')->{size}, 500000, 'a large answer');
is(ask(path => '/chunked/500000')->{size}, 500000, 'in chunks');
is(ask(path => '/until-close/500000')->{size}, 500000, 'without a length');

for my $status (201, 204, 302, 400, 401, 404, 429, 500, 502, 503, 504) {
    is(ask(path => "/status/$status")->{status}, $status, "$status is a response");
}
$r = ask(path => '/redirect');
is($r->{headers}{location}, 'http://other.example/x', 'redirects are not followed');


# What goes wrong

sub fails {
    my ($err, $what, %options) = @_;
    my $begin = time;
    my $answer = ask(%options);
    is($answer->{err}, $err, "$what: $err") or diag explain $answer;
    ok(time - $begin < 2, "$what: at once") if $err ne 'none';
    return;
}

fails('refused', 'nobody listens', name => 'gone', path => '/x');
fails('timeout', 'a slow backend', path => '/slow/20', timeout => 0.3);
fails('timeout', 'one that stops in the middle', path => '/stall', timeout => 0.3);
fails('too large', 'a length', path => '/big/5000', max_size => 4999);
fails('too large', 'in chunks', path => '/chunked/1000000', max_size => 4999);
fails('too large', 'more than the default', path => '/chunked/3000000');
fails('aborted', 'half an answer', path => '/half');
fails('aborted', 'half in chunks', path => '/half-chunked');
fails('aborted', 'a reset in the middle', path => '/reset-half');
fails('bad gateway', 'a reset', path => '/reset');
fails('bad gateway', 'closed', path => '/close');
fails('bad gateway', 'not HTTP', path => '/garbage');
fails('bad gateway', 'one that sends nginx elsewhere', path => '/accel');
fails('bad gateway', 'an interim answer', path => '/early/102');
like($gw->error_log, qr/upstream sent unexpected status 102 while/, 'is told');

# nginx 1.29.0 and later read on behind this one.
$r = ask(path => '/early/103');
is($r->{body} // $r->{err}, $gw->nginx_version < 1029000 ? 'bad gateway' : 'ok', 'early hints');
is(ask(path => '/big/5000', max_size => 5000)->{size}, 5000, 'max_size is allowed');

$r = $gw->request('PUT', '/v1/probe/ask', json => { options => { path => '/slow/20' } });
is($r->{status}, 504, 'the deadline ends it');
ok($r->{time} < 4, 'and the client has its answer');
like($r->{json}{type}, qr/plugin-timeout$/, 'a problem');

my $client = $gw->connection(timeout => 8);
my $begin = time;
$r = $client->request('PUT', '/v1/probe/ask', json => { options => { path => '/slow/20' } });
is($r->{status}, 504, 'the deadline on a kept connection');
$r = $client->request('GET', '/v1/probe/short');
is($r->{status}, 200, 'which serves the next request');
ok(time - $begin < 6, 'without waiting for the backend');


# Where it may not go

for my $path ('/../x', '/..', '/a/../../x', '/%2e%2e/x', '/a/%2E%2e', '/a%2fb',
              '/a%2Fb', '/a%00', "/a\nb", '/a b%0d%0aX: y', '/a\\..\\b',
              '/a%5cb', '//x', '/a//b', '/..;/x', '/a/..;b=1/x', '/./x', '/x?a=b',
              '/x#y', 'x', '', '/%', '/%zz', '/' . 'a' x 3000,
              ['..'], ['a', '..', '..'], ['a/b'], ['a', ''], ['..;x'], ["\n"],
              ['a\\b']) {
    my $answer = ask(path => $path);
    my $name = ref $path ? "[@$path]" : substr $path, 0, 30;
    is($answer->{err}, 'bad path', 'refused: ' . $name =~ s/[^ -~]/?/gr);
}

for my $case (['/a/...', '/base/a/...'], ['/a%20b%25%3f', '/base/a%20b%25%3F'],
              [['a b', 'x?y#z%', 7], '/base/a%20b/x%3Fy%23z%25/7'],
              ['/hồ/', '/base/h%E1%BB%93/'], ['/.well-known/x', '/base/.well-known/x']) {
    my ($path, $target) = @$case;
    is(ask(path => $path)->{status}, 200, "good: $target");
    is(scalar(() = $backend->seen_of($target)), 1, 'arrives as it should');
}

is(ask(path => '/x', headers => { 'X-A' => "a\r\nX-B: c" })->{err}, 'bad header',
   'no header is split');
$r = $gw->get('/v1/probe/caught')->{json};
like($r->{err}, qr/the manifest asks for no backend "nobody"/, 'only what was granted');
like($r->{err2}, qr/the header "Host" is the gateway's/, 'no Host of a plugin\'s');
is($gw->get('/_operator/x')->{status}, 404, 'clients cannot use the location');


# Several at once

sub all {
    my (@list) = @_;
    return $gw->request('PUT', '/v1/probe/all', json => { list => \@list });
}

$begin = time;
$r = all(map { ['operator', { path => '/slow/0.5' }] } 1 .. 8);
is_deeply($r->{json}, [({ status => 200, body => 'late' }) x 8], 'eight at once');
ok(time - $begin < 2, 'at the same time');
$r = all(['operator', { path => '/status/200' }], ['gone', { path => '/x' }],
         ['operator', { path => '/status/404' }], ['operator', { path => '/..' }],
         ['operator', { path => '/slow/9', timeout => 0.2 }]);
is_deeply($r->{json}, [
    { status => 200, body => 'status 200' }, { err => 'refused' },
    { status => 404, body => 'status 404' }, { err => 'bad path' },
    { err => 'timeout' } ], 'each with its own end, in order') or diag $r->{content};
is_deeply(all()->{json}, {}, 'none');
is_deeply(all(map { ['operator', { path => '/..' }] } 1 .. $_)->{json}, [({ err => 'bad path' }) x $_],
          "$_ that nobody is asked for") for 1, 8;
is(all(map { ['operator', { path => '/ok' }] } 1 .. 9)->{status}, 500, 'nine are too many');
is_deeply($gw->get('/v1/probe/many')->{json}, { n => 32, err => 'too many calls' },
          '32 in a run');


# Clients that go away

sub leave {
    my ($to, $path) = @_;
    my $body = JSON::PP->new->encode({ options => { path => $path } });
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $gw->port)
        or die "$!\n";
    print $s "PUT /v1/probe/$to HTTP/1.1\r\nHost: localhost\r\n"
           . "Content-Type: application/json\r\nContent-Length: "
           . length($body) . "\r\n\r\n$body";
    $s->flush;
    wait_until(sub { $backend->seen_of("/base$path") }, 3);
    close $s;
    return;
}

sub metric {
    my ($name) = @_;
    return $gw->get('/metrics')->{content} =~ /^$name\{[^}]*\} (\d+)/m ? $1 : -1;
}

my @workers = $gw->workers;

leave('twice', '/slow/0.41');
sleep 1.2;
is(scalar(() = $backend->seen_of('/base/slow/0.41')), 1,
   'a client that leaves ends the run');
like($gw->access_log(qr{/v1/probe/twice HTTP/1.1" 499}), qr/twice HTTP\/1.1" 499/,
     'logged as such');

my @curl = ('curl', '-s', '-o', '/dev/null', '--http2-prior-knowledge',
            '-H', 'Content-Type: application/json');
system(@curl, '-X', 'PUT', '--max-time', '0.3', '-d', '{"options":{"path":"/slow/0.52"}}',
       "http://127.0.0.1:$gw->{h2_port}/v1/probe/twice");
sleep 1.3;
is(scalar(() = $backend->seen_of('/base/slow/0.52')), 1,
   'so does a stream that is reset');


# x-ihanoi-abort: finish

leave('pay', '/slow/0.33');
ok(wait_until(sub { $backend->seen_of('/base/slow/0.33') == 2 }, 3),
   'a payment goes on without its client');
system(@curl, '-X', 'PUT', '--max-time', '0.3', '-d', '{"options":{"path":"/slow/0.64"}}',
       "http://127.0.0.1:$gw->{h2_port}/v1/probe/pay");
ok(wait_until(sub { $backend->seen_of('/base/slow/0.64') == 2 }, 3),
   'so it does when its stream is reset');

$gw->get('/v1/probe/loop');
ok(wait_until(sub { metric('ihanoi_plugin_active') == 0 }, 3), 'no run is left');
ok(metric('ihanoi_plugin_memory_bytes') < 1_000_000, 'nor memory of one');
is_deeply([$gw->workers], \@workers, 'the worker lives');
is($gw->get('/v1/probe/short')->{status}, 200, 'and serves');


# HTTP/2

is(ask(path => '/status/200', client => 'h2')->{body}, 'status 200', 'HTTP/2: an answer');
is(ask(path => '/half', client => 'h2')->{err}, 'aborted', 'HTTP/2: half of one');
is(ask(path => '/slow/9', timeout => 0.2, client => 'h2')->{err}, 'timeout', 'HTTP/2: none');
is(ask(path => '/chunked/3000000', client => 'h2')->{err}, 'too large', 'HTTP/2: too much');
is(ask(name => 'gone', path => '/x', client => 'h2')->{err}, 'refused', 'HTTP/2: refused');
is($gw->h2('GET', '/v1/probe/short')->{json}{post}{method}, 'POST', 'HTTP/2: one after the other');
is($gw->h2('PUT', '/v1/probe/ask', json => { options => { path => '/slow/20' } })->{status},
   504, 'HTTP/2: the deadline');

my $before = $gw->peak;
is($gw->get('/v1/probe/eat')->{json}{err}, 'too many calls',
   'requests that are refused are calls') for 1 .. 4;
cmp_ok($gw->peak - $before, '<', 24 * 1024, 'whose bodies nobody keeps')
    if ($ENV{BUILD} // '') ne 'sanitize';
is($gw->get('/v1/probe/vast')->{content}, '["bad path","bad query"]', 'what is far too long is not read');

is_deeply([$gw->workers], \@workers, 'the worker is the same in the end');

done_testing;
