# Answers in parts: as fast as the client reads, bounded, and without an end when
# the handler fails behind the first part.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

my $true = JSON::PP::true;

my %lua = (
    csv     => 'local write = ihanoi.response.write
                ihanoi.response.start(200, {
                    ["Content-Disposition"] = "attachment; filename=a.csv" })
                for i = 1, 3 do write(i .. ",phố\n") end',
    plain   => 'ihanoi.response.write("one") ihanoi.response.write("")
                ihanoi.response.write("two")',
    events  => 'for i = 1, 3 do
                    ihanoi.response.write("data: " .. i .. "\n\n")
                    ihanoi.run.sleep(2)
                end',
    none    => 'return nil',
    empty   => 'ihanoi.response.start(201, {
                    ["Content-Disposition"] = "attachment; filename=a.csv" })',
    nothing => 'ihanoi.response.write("")',
    eat     => 'local big = ("x"):rep(4000)
                for i = 1, 1000 do
                    pcall(ihanoi.response.start, 200, { Link = big, Expires = big,
                        Warning = big, Sunset = big, Bad = "x" })
                end
                ihanoi.response.write("eaten")',
    changes => 'ihanoi.response.start(201)
                return ihanoi.response.problem("not-found")',
    far     => 'local done, err = ihanoi.response.write(("x"):rep(2e6))
                return 200, err or "written"',
    problem => 'return ihanoi.response.problem("not-found")',
    whole   => 'return 200, "at once"',
    early   => 'local x = nil return x.y',
    late    => 'ihanoi.response.write("part") ihanoi.run.sleep(0.05)
                local x = nil return x.y',
    returns => 'ihanoi.response.write("part") return 200, "and more"',
    timeout => 'ihanoi.response.write("part") ihanoi.run.sleep(60)',
    loops   => 'ihanoi.response.write("part") while true do end',
    limit   => 'local part, n = ("x"):rep(65536), 0
                while true do
                    local done, err = ihanoi.response.write(part)
                    if not done then
                        ihanoi.log.warn("stopped after " .. n .. ": " .. err)
                        return
                    end
                    n = n + 1
                end',
    big     => 'written = 0
                local part = ("0123456789abcdef"):rep(4096)
                for i = 1, 200 do
                    if not ihanoi.response.write(part) then return end
                    written = i
                end',
    tell    => 'return 200, tostring(written)',
    gone    => 'left = "running"
                while ihanoi.response.write("x\n") do ihanoi.run.sleep(0.02) end
                left = "closed"',
    told    => 'return 200, tostring(left)',
    slow    => 'ihanoi.run.sleep(0.3) return 200, "slow:"',
    kept    => 'ihanoi.response.write("one") ihanoi.run.sleep(0.05)
                ihanoi.response.write("two")',
    started => 'ihanoi.response.start(201)
                local ok, err = pcall(ihanoi.response.start, 200)
                ihanoi.response.write(tostring(err))',
    status  => 'local said = {}
                for _, s in ipairs({ 100, 204, 301, 200.5, 500, 2000, "200" }) do
                    said[#said + 1] = tostring(pcall(ihanoi.response.start, s))
                end
                ihanoi.response.write(table.concat(said, " "))',
    two     => 'local part = ("x"):rep(1e6)
                ihanoi.run.spawn(ihanoi.response.write, part)
                ihanoi.run.spawn(ihanoi.response.write, part)
                ihanoi.run.sleep(0.3)',
    plug    => 'ihanoi.response.write("part")',
);

my %type = (csv => 'text/csv', events => 'text/event-stream',
            plain => 'application/x-ndjson');

my %operations = map { my $name = $_; ($name => {
    'x-ihanoi-stream' => $true,
    responses => { 200 => { description => 'Parts', content => {
        $type{$name} // 'text/plain' => { schema => { type => 'string',
            maxLength => 100_000_000 } } } } },
    $name =~ /^(?:gone|kept)$/ ? ('x-ihanoi-abort' => 'finish') : (),
}) } grep { $_ ne 'plug' } keys %lua;

sub folder {
    my ($name, %arg) = @_;
    return plugin_folder(name => $name, lua => \%lua,
        operations => { %operations, %{ $arg{operations} // {} } },
        manifest => { permissions => { public => $true },
            limits => { cpu => '100ms', timeout => '2s', stream => '16m',
                        %{ $arg{limits} // {} } } });
}

my @bad = qw(late returns timeout loops early);
my $gw = gateway(responses => 0, h2 => 1,
    http => join('', folder('probe')->block('public;', 'cpu 100ms;'),
        folder('small', limits => { stream => '1m' })
            ->block('public;', 'cpu 100ms;'),
        map { folder($_)->block('public;', 'cpu 100ms;') } @bad),
    server => 'send_timeout 1s; gzip on; gzip_types text/csv text/plain;
               gzip_min_length 1;',
    files => { map { ("$_.html" =>
                   qq{[<!--# include virtual="/v1/probe/slow" --><!--#
                      include virtual="/v1/probe/$_" -->]}) } qw(csv big) },
    locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }
                  location /pages/ { ssi on; alias %%DIR%%/; }
                  location = /metrics { ihanoi_status metrics; }');

# All bytes until the server closes, or so many.
sub raw {
    my ($path, %arg) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $arg{port} // $gw->port, Timeout => 10) or die "connect: $!";
    printf $s "%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
        $arg{method} // 'GET', $path, $arg{headers} // "Connection: close\r\n";
    return $s if $arg{open};
    my ($all, $part) = ('');
    while (sysread $s, $part, 65536) {
        $all .= $part;
        last if $arg{until} && $all =~ $arg{until};
    }
    return $all;
}

my $r = $gw->get('/v1/probe/csv');
is($r->{status}, 200, 'parts');
is($r->{content}, "1,ph\xe1\xbb\x91\n2,ph\xe1\xbb\x91\n3,ph\xe1\xbb\x91\n", 'in order');
like($r->{headers}{'content-type'} // '', qr{^text/csv}, 'of the contract\'s type');
is($r->{headers}{'content-disposition'}, 'attachment; filename=a.csv', 'with headers');
is($gw->get('/v1/probe/plain')->{content}, 'onetwo', 'an empty part is none');

my $first = raw('/v1/probe/events', until => qr/data: 1/);
unlike($first, qr/data: 2/, 'the first part does not wait for the next');
like($first, qr{Content-Type: text/event-stream}, 'of events');
like($first, qr{Transfer-Encoding: chunked}, 'in chunks');
like(raw('/v1/probe/plain'), qr/\r\n0\r\n\r\n\z/, 'a whole answer has an end');
my $zip = raw('/v1/probe/csv', headers => "Accept-Encoding: gzip\r\nConnection: close\r\n");
like($zip, qr/Content-Encoding: gzip.*\r\n0\r\n\r\n\z/s, 'gzip has one too');
unlike(raw('/v1/probe/csv', method => 'HEAD'), qr/1,ph/, 'HEAD has no parts');

# nginx's own conditions: it once answered 412 when the handler had worked, and a
# run that goes on without its client met a request that was cleared.
for my $name (qw(plain kept)) {
    for my $condition (['If-Match', '"1"'], ['If-None-Match', '*'],
                       ['If-Unmodified-Since', 'Thu, 01 Jan 1970 00:00:00 GMT'])
    {
        $r = $gw->get("/v1/probe/$name", headers => { @$condition });
        is("$r->{status} $r->{content}", '200 onetwo', "$name: $condition->[0]");
    }
}

is($gw->get('/v1/probe/none')->{status}, 404, 'nothing written, nothing returned');
$r = $gw->get('/v1/probe/empty');
is($r->{status}, 201, 'an answer that was started is one');
is($r->{content}, '', 'of no parts');
is($r->{headers}{'content-disposition'}, 'attachment; filename=a.csv', 'with its headers');
is($gw->request('HEAD', '/v1/probe/empty')->{status}, 201, 'for HEAD as well');
is($gw->get('/v1/probe/nothing')->{status}, 200, 'as is an empty part');
is($gw->get('/v1/probe/changes')->{status}, 404, 'until it has begun it may be refused');
is($gw->get('/v1/small/far')->{content}, 'too large', 'or answered otherwise, when no part was sent');
is($gw->get('/v1/probe/problem')->{status}, 404, 'a problem instead');
is($gw->get('/v1/probe/whole')->{content}, 'at once', 'or a whole answer');
is($gw->get('/v1/early/early')->{status}, 500, 'an error before the first part');
$r = $gw->get('/v1/probe/started');
is($r->{status}, 201, 'a status');
like($r->{content}, qr/the answer has begun already/, 'is said once');
is($gw->get('/v1/probe/status')->{content}, join(' ', ('false') x 7),
   'and is a 2xx with a body');

for my $name (qw(late returns timeout loops)) {
    my $all = raw("/v1/$name/$name");
    like($all, qr/^HTTP\/1\.1 200.*\r\npart/s, "$name: the first part");
    unlike($all, qr/\r\n0\r\n\r\n\z/, 'and no end');
}
like($gw->error_log, qr/it was written in parts, a handler then returns nothing/,
     'a body behind parts is told');
like($gw->error_log, qr/plugin "late" [^:]*: late\/handler\.lua:\d+: attempt/,
     'an error has its line');

my $before = $gw->peak;
is($gw->get('/v1/probe/eat')->{content}, 'eaten', 'headers that are refused');
cmp_ok($gw->peak - $before, '<', 8 * 1024, 'are not kept')
    if ($ENV{BUILD} // '') ne 'sanitize';

# Limits, slow readers, clients that go.
my $all = raw('/v1/small/limit');
cmp_ok(length $all, '<', 1.1 * 1024 * 1024, 'all parts together have a limit');
like($all, qr/\r\n0\r\n\r\n\z/, 'which the handler may end at');
like($gw->error_log, qr/stopped after 16: too large/, 'and is told');

my $slow = raw('/v1/probe/big', open => 1);
sleep 0.5;
my $written = $gw->get('/v1/probe/tell')->{content};
cmp_ok($written, '<', 150, "a handler waits for its reader, after $written parts");
is($gw->get('/v1/probe/plain')->{status}, 200, 'nobody else does');
my ($bytes, $part) = (0);
while (my $n = sysread $slow, $part, 65536) { $bytes += $n }
cmp_ok($bytes, '>', 200 * 65536, 'who then has all of it');
is($gw->get('/v1/probe/tell')->{content}, 200, 'as has the handler');

$slow = raw('/v1/probe/big', open => 1);
ok(wait_until(sub { $gw->error_log =~ /client does not read its answer|no answer in/ }),
   'who does not read is dropped');
close $slow;

my $patient = gateway(responses => 0,
    http => folder('probe', limits => { timeout => '1s' })->block('public;', 'cpu 100ms;'),
    server => 'send_timeout 30s;',
    locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }
                  location = /metrics { ihanoi_status metrics; }');
my @slow = map { raw('/v1/probe/big', open => 1, port => $patient->port) } 1 .. 6;
ok(wait_until(sub { $patient->get('/metrics')->{content}
       =~ /^ihanoi_plugin_calls_total\{[^}]*outcome="timeout"\} 6$/m }),
   'the time of who does not read is over');
is($patient->get('/v1/probe/plain')->{status}, 200, 'which is not the plugin\'s failure');
close $_ for @slow;
$patient->stop;

my $client = raw('/v1/probe/big', open => 1);
sysread $client, $part, 100;
close $client;
ok(wait_until(sub { $gw->get('/metrics')->{content}
       !~ /^ihanoi_plugin_active\{[^}]*\} [^0]/m }), 'a client that goes ends the run');

$client = raw('/v1/probe/gone', open => 1);
sysread $client, $part, 100;
close $client;
ok(wait_until(sub { $gw->get('/v1/probe/told')->{content} eq 'closed' }),
   'unless the operation goes on: then write() says so');

my $two = raw('/v1/probe/two');
like($gw->error_log, qr/another task is writing/, 'one task writes at a time');

# In a page, behind an include that is slower: each part waits for its turn.
is($gw->get('/pages/csv.html')->{content},
   "[slow:1,ph\xe1\xbb\x91\n2,ph\xe1\xbb\x91\n3,ph\xe1\xbb\x91\n]",
   'a page that includes an answer in parts has all of them');
is(length $gw->get('/pages/big.html')->{content}, length('[slow:]') + 200 * 65536,
   'of a large one too');

# HTTP/2.
is($gw->h2('GET', '/v1/probe/plain')->{content}, 'onetwo', 'HTTP/2: parts');
is(length $gw->h2('GET', '/v1/probe/big')->{content}, 200 * 65536,
   'HTTP/2: many');
my $url = "http://127.0.0.1:$gw->{h2_port}/v1/late/late";
is(qx{curl -s --http2-prior-knowledge --max-time 10 $url}, 'part',
   'HTTP/2: the first part');
isnt($?, 0, 'HTTP/2: and a reset');

sub refused {
    my ($what, $expected, %more) = @_;
    my $gw = gateway(start => 0, responses => 0, expect_log => qr/\[emerg\]/,
        http => plugin_folder(lua => { plug => $lua{plug} }, operations => {
            plug => \%more }, manifest => { permissions => { public => $true } })
            ->block('public;'),
        locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }');
    my ($ok, $output) = $gw->check;

    ok(!$ok, "$what: refused");
    like($output, $expected, "$what: the reason");
    return;
}

refused('a POST', qr/"x-ihanoi-stream" cannot be used where an Idempotency-Key keeps the answer/,
        'x-ihanoi-stream' => $true, method => 'post');
refused('no boolean', qr/"x-ihanoi-stream" must be true or false/,
        'x-ihanoi-stream' => 'yes');

is($gw->get('/v1/probe/plug')->{status}, 500, 'an operation that does not say it');
like($gw->error_log, qr/the operation has no "x-ihanoi-stream"/, 'cannot');

done_testing;
