#!/usr/bin/perl
# The harness itself: what every other test leans on.

use lib 'tests/lib';
use IHanoi::Test;

my $gw = gateway(
    bare      => 1,
    h2        => 1,
    workers   => 2,
    server    => 'keepalive_timeout 5s;',
    locations => <<'CONF',
        location /text { return 200 "text $http_x_a"; }
        location /echo { return 200 "$request_method $content_type"; }
        location /json { default_type application/json; return 200 '{"a":[1]}'; }
        location /auth { return 200 "$http_authorization"; }
CONF
);

my $r = $gw->get('/text', headers => { 'X-A' => 'b' });
is($r->{status}, 200, 'status');
is($r->{content}, 'text b', 'content');
is($r->{headers}{'content-length'}, 6, 'headers in lower case');

is_deeply($gw->get('/json')->{json}, { a => [1] }, 'json is decoded');
is($gw->post('/echo', json => { a => 1 })->{content},
   'POST application/json', 'json is sent');
is($gw->head('/text')->{content}, '', 'HEAD has no content');
is($gw->h2('GET', '/text', headers => { 'X-A' => 'c' })->{content}, 'text c',
   'HTTP/2');
is($gw->raw("GET / HTTP/1.1\r\n\r\n")->{status}, 400, 'raw bytes');

my $c = $gw->connection;
is($c->request('GET', '/text')->{status}, 200, 'a connection is kept open');
is($c->request('GET', '/json')->{status}, 200, 'and used again');

like($gw->get('/auth', token => token(sub => 'a'))->{content},
     qr/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/, 'a token is minted');
is(token(sub => 'b'), token(sub => 'b'), 'and cached');
isnt(token(sub => 'a'), token(sub => 'b'), 'by its claims');
is(scalar(tokens(map { { sub => $_ } } 1 .. 50)), 50, 'many at once');

my @before = sort $gw->workers;
is(scalar @before, 2, 'two workers');
ok($gw->reload(locations => 'location /new { return 204; }'), 'reload');
is($gw->get('/new')->{status}, 204, 'with a changed configuration');
like($gw->access_log(qr{GET /new}), qr{GET /new}, 'access log');

my $db = database();
is($db->sql('select 1'), 1, 'a database answers');
is_deeply([$db->sql("select 'a', null union all select E'b\\tc\\n', '' order by 1")],
          [['a', undef], ["b\tc\n", '']], 'rows, tabs, new lines and nulls');
is($db->sql('select current_user', user => 'ihanoi_read'), 'ihanoi_read',
   'as a role of the gateway');
like($db->sql_error('select 1/0'), qr/22012/, 'errors carry the SQLSTATE');
ok(!eval { $db->sql('select 1/0'); 1 }, 'sql dies on an error');

# One psql runs many texts, and none sees another's traces.
$db->sql('create table numbers (n int)');
is_deeply([$db->sql('select n from numbers')], [], 'no rows');
is_deeply([$db->sql('select n from numbers where n = 1; insert into numbers values (1)')], [],
          'nor of several statements');
is($db->sql('select count(*) from numbers'), 1, 'a text is run once');
ok(!eval { $db->sql('begin; insert into numbers values (2); select 1/0; commit'); 1 },
   'an error ends a text');
is($db->sql('select count(*) from numbers'), 1, '... and rolls its transaction back');
$db->sql('begin; insert into numbers values (2); set local work_mem = 100');
is($db->sql('select count(*) from numbers'), 1, 'an open transaction is rolled back');
my $settings = "select concat_ws(' ', current_user, current_setting('search_path'),
                                 current_setting('client_min_messages'))";
my $fresh = $db->sql($settings);
$db->sql('select pg_advisory_lock(1); set role ihanoi_read; set search_path = nowhere; set client_min_messages = debug1;
          create temporary table numbers (n int)');
is($db->sql($settings), $fresh, 'settings are as they were');
is($db->sql('select count(*) from numbers'), 1, 'a temporary table is gone');
is($db->sql("select count(*) from pg_locks l join pg_database d on d.oid = l.database
             where locktype = 'advisory' and datname = current_database()"), 0, 'and a lock');
like($db->sql_error('select 1 as "ả'), qr/42601.*unterminated quoted/, 'a quote is left open');
is($db->sql("select 'ả' -- the end"), 'ả', 'which the next text does not hear of');

my $backend = $db->sql('select pg_backend_pid()');
is($db->sql('select pg_backend_pid()'), $backend, 'a psql stays');
waitpid beside(sub { $db->sql("insert into numbers select 3
                               where pg_backend_pid() <> $backend") }), 0;
is($db->sql('select count(*) from numbers'), 2, 'a child has its own');
is($db->sql('select pg_backend_pid()'), $backend, '... and leaves its parent this one');
$db->session->do("select pg_terminate_backend($backend, 5000)");
is($db->sql('insert into numbers values (4); select count(*) from numbers'), 3,
   'one whose backend was killed is replaced');

my ($ok, $said) = gateway(bare => 1, start => 0, http => 'nonsense on;')->check;
ok(!$ok, 'a bad configuration is refused');
like($said, qr/unknown directive "nonsense"/, 'by name');

done_testing();
