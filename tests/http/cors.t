# CORS: an exact list of origins, on errors too.

use FindBin;
use lib "$FindBin::Bin/../lib";
use IHanoi::Test;
use IHanoi::Test::Engine;

my $origin = 'https://congdan.example';
my $gw = engine_gateway(
    server => "ihanoi_cors_origin $origin http://127.0.0.1:3000;"
        . 'location = /t/things { auth_jwt x; ihanoi_api on; ihanoi_cors_max_age 5m; }');
my $id = '6f1c5f0e-53f5-4b0a-a1f8-2d6f0c1c9b11';
my $r;

$r = $gw->get("/t/echo/$id", headers => { Origin => $origin });
is($r->{headers}{'access-control-allow-origin'}, $origin,
   'a listed origin is allowed');
is($r->{headers}{vary}, 'Origin', 'caches keep origins apart');
like($r->{headers}{'access-control-expose-headers'}, qr/\bETag\b.*, \*$/,
     'pages may read our headers, and those of a contract');
ok(!exists $r->{headers}{'access-control-allow-credentials'},
   'without credentials');

for ('https://congdan.example.evil', 'http://congdan.example', 'null',
     'https://evil.example', 'HTTPS://CONGDAN.EXAMPLE') {
    $r = $gw->get("/t/echo/$id", headers => { Origin => $_ });
    ok(!exists $r->{headers}{'access-control-allow-origin'},
       "not allowed: $_");
    is($r->{headers}{vary}, 'Origin', 'and said to caches');
}

$r = $gw->get('/t/nowhere', headers => { Origin => $origin });
is($r->{status}, 404, 'an error');
is($r->{headers}{'access-control-allow-origin'}, $origin,
   'is readable for the page');

$r = $gw->request('OPTIONS', '/t/things', headers => {
    Origin => $origin, 'Access-Control-Request-Method' => 'POST',
    'Access-Control-Request-Headers' => 'authorization,idempotency-key' });
is($r->{status}, 204, 'a preflight needs no token');
is($r->{headers}{'access-control-allow-methods'}, 'POST, OPTIONS',
   'and tells the methods of the path');
like($r->{headers}{'access-control-allow-headers'}, qr/^Authorization, .*\bIdempotency-Key\b.*, \*$/,
     'and the headers: those of a contract, too');
is($r->{headers}{'access-control-max-age'}, 300, 'and how long it holds');

$r = $gw->request('OPTIONS', "/t/echo/$id", headers => {
    Origin => $origin, 'Access-Control-Request-Method' => 'GET' });
is($r->{headers}{'access-control-max-age'}, 600, 'ten minutes where nothing else is said');

# Those that no browser sends would let nobody in.
for my $wrong ('*', 'null', 'congdan.example', 'https://', 'https://congdan.example/',
               'https://congdan.example/app', 'https://Congdan.example',
               'https://congdan.example:443', 'http://congdan.example:80',
               'https://congdan.example:65536', 'https://congdan.example:')
{
    my ($ok, $said) = gateway(bare => 1, start => 0,
                              server => "ihanoi_cors_origin $wrong;")->check;
    ok(!$ok, "$wrong is not an origin");
    like($said, qr/origin "\Q$wrong\E" must be like.*nginx\.conf:\d+/,
         'the error says where and how');
}

my ($ok, $said) = gateway(bare => 1, start => 0, server => 'ihanoi_cors_origin '
    . 'https://xn--h-ni-2ja.example http://[::1]:8080 https://[2001:db8::1] '
    . 'https://a_b.example:80 http://localhost:443;')->check;
ok($ok, 'these are') or diag $said;

done_testing;
