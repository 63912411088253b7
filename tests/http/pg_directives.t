# ihanoi_database: what nginx -t refuses, and says; and passwords.

use FindBin;
use lib "$FindBin::Bin/../lib";
use IHanoi::Test;
use IHanoi::Test::Pg;

my $good = "server 127.0.0.1:5999; dbname x; release r_1;";

sub check {
    my ($block, %arg) = @_;

    my $gw = gateway(bare => 1, start => 0, %arg,
                     http => "ihanoi_database main { $block }\n"
                             . ($arg{http} // ''));
    return $gw->check;
}

my ($ok, $said) = check($good);
ok($ok, 'the least that is needed') or diag($said);

# A certificate, and what is none.
my $ca = gateway(bare => 1, start => 0, files => { 'none.pem' => "-----BEGIN\n" });
my ($pem, $none) = map { $ca->dir . "/$_" } qw(ca.pem none.pem);
system('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1'
       . " -subj /CN=ca.test -keyout $pem.key -out $pem 2> $pem.log") == 0 or die 'openssl';

($ok, $said) = check(<<"CONF");
    server unix:/run/postgresql port=5433;
    server 127.0.0.1:5999 host=db.test;
    server [::1]:5999;
    dbname x;
    release 0_1_0_3fa9c2d1;
    read_user a; write_user b; slow_user c; control_user d;
    sslmode verify-full;
    sslrootcert $pem;
    connect_timeout 2s;
    connection_age 10m;
    result_memory 16m;
    read connections=3 depth=32 queue=10 wait=100ms timeout=2s lock_timeout=1s target=standby;
    write connections=8 target=primary;
    slow timeout=1h;
    control timeout=20s;
CONF
ok($ok, 'all that is possible') or diag($said);

my @wrong = (
    ['dbname x; release r;', qr/"ihanoi_database" directive has no "server"/],
    ['server 127.0.0.1; release r;', qr/"ihanoi_database" directive has no "dbname"/],
    ['server 127.0.0.1; dbname x;', qr/"ihanoi_database" directive has no "release", nor, for a plugin, "schema"/],
    ['server 127.0.0.1; dbname x; schema plugin_x;',
     qr/"ihanoi_database" directive has a "schema" and no "user"/],
    ['server 127.0.0.1; dbname x; schema plugin_x; read_user a; control_user b;',
     qr/"ihanoi_database" directive has a "schema" and no "user"/],
    ["$good release r_2;", qr/"release" in "ihanoi_database" is duplicate/],
    ['server 127.0.0.1; dbname x; release "r; drop";',
     qr/"ihanoi_database" directive has a "release" that is not of/],
    ["$good nonsense on;", qr/unknown line "nonsense" in "ihanoi_database"/],
    ["$good read depth=0;", qr/"depth=0" in "read" must be between 1 and 1024/],
    ["$good read connections=65;", qr/must be between 1 and 64/],
    ["$good control connections=2;", qr/must be between 1 and 1/],
    ["$good read wait=soon;", qr/"wait=soon" in "read" must be a time from 1ms to 1h/],
    ["$good slow timeout=1M;", qr/"timeout=1M" in "slow" must be a time from 1ms to 1h/],
    ["$good write target=standby;", qr/invalid parameter "target=standby"/],
    ["$good read color=red;", qr/invalid parameter "color=red"/],
    ["$good read; ", qr/invalid number of arguments in "read" of "ihanoi_database"/],
    ["$good sslmode prefer;", qr/must be disable, require/],
    ["$good sslmode verify-full;", qr/has no "sslrootcert"/],
    ["$good sslmode verify-full; sslrootcert nowhere.pem;",
     qr/could not read certificates from ".*nowhere\.pem": .*No such file/],
    ["$good sslmode verify-ca; sslrootcert $none;", qr/could not read certificates from/],
    ["$good sslrootcert $pem;", qr/has an "sslrootcert" and no "sslmode"/],
    ["$good server unix:/x port=99999;", qr/has an invalid port/],
    ["$good server nosuchhost.invalid;", qr/host not found in server/],
    ['server unix:/' . 'x' x 120 . '; dbname x; release r;', qr/name is too long/],
    ["$good connection_age never;", qr/has an invalid time/],
    ["$good password_file nowhere;", qr/nowhere" failed/],
);

for my $row (@wrong) {
    my ($block, $message) = @$row;
    ($ok, $said) = check($block);
    ok(!$ok && $said =~ $message, $block =~ s/\Q$good\E //r)
        or diag("$message: $said");
    like($said, qr/nginx\.conf:\d+/, 'with the line') if $said =~ $message;
}

# A pipe that nobody writes to would hold nginx up for ever.
my $pipe = $ca->dir . '/pipe';
POSIX::mkfifo($pipe, 0600) or die "$pipe: $!\n";
($ok, $said) = check("$good password_file $pipe;");
ok(!$ok && $said =~ /password file "$pipe" is not a file in \S+nginx\.conf:\d+/, 'passwords of a pipe') or diag($said);
($ok, $said) = check("$good sslmode verify-ca; sslrootcert $pipe;");
ok(!$ok && $said =~ /could not read certificates from "$pipe": not a file in \S+nginx\.conf:\d+/, 'certificates of a pipe') or diag($said);

($ok, $said) = check($good, http => "ihanoi_database main { $good }\n");
ok(!$ok && $said =~ /is duplicate/, 'a block twice');

my $contract = gateway(bare => 1, start => 0,
    files => { 'pools.json' => contract() },
    http => "ihanoi_contract %%DIR%%/pools.json;\n",
    locations => 'location / { ihanoi_api on; }');
($ok, $said) = $contract->check;
ok(!$ok && $said =~ /database "main" has no "ihanoi_database" block/,
   'a database that is used and not there') or diag($said);


# Passwords: roles of this test's own, over TCP, where they are asked for.
my $db = pg_database();

$db->sql("drop role if exists $_") for qw(test_pw_read test_pw_write test_pw_control);
$db->sql("create role test_pw_read login password 'a:b\\c d';"
         . " create role test_pw_write login password 'w' in role ihanoi_write;"
         . " create role test_pw_control login password 'c' in role ihanoi_write");

sub with_passwords {
    my ($text, $mode) = @_;

    my $gw = gateway(db => $db, start => 0,
        contract => '%%DIR%%/pools.json',
        files => { 'pools.json' => contract(), passwords => $text },
        locations => "location / { ihanoi_api on; }\n"
                     . "location = /readyz { ihanoi_status readyz; }\n",
        database => "server 127.0.0.1:$db->{port};\n"
                    . "read_user test_pw_read; write_user test_pw_write;\n"
                    . "control_user test_pw_control;\n"
                    . "password_file passwords;\n");
    chmod $mode // 0600, $gw->dir . '/passwords';
    return $gw;
}

my $gw = with_passwords("# roles\n127.0.0.1:$db->{port}:*:test_pw_read:a\\:b\\\\c d\n"
    . "elsewhere:*:*:test_pw_write:wrong\n*:*:$db->{name}:test_pw_write:w\n"
    . "*:*:*:test_pw_control:c\n");
$gw->start;
ready($gw);
is(outcome($gw->get('/p/echo?a=x')), '200 {"a":"x"}', 'a password with all signs');
is(outcome($gw->put('/p/row?a=x')), '201 {"a":"x"}', 'the first line that fits');
unlike($gw->error_log . $gw->stderr, qr/\Qa:b\E/, 'none is in the log');

$gw = with_passwords("*:*:*:test_pw_read:wrong\n*:*:*:test_pw_write:w\nelsewhere:*:*:test_pw_control:c\n");
($ok, $said) = $gw->check;
ok($ok, 'a role whose password is not there may need none');
is_deeply([$said =~ /\[warn\] (?:\d+#\d+: )?(.*) in \S+nginx\.conf:\d+$/mg],
          [qq{database "main": no line of its password file fits the role "test_pw_control" at 127.0.0.1:$db->{port}}],
          'which is told') or diag $said;
$gw->start;
like(outcome($gw->get('/p/echo?a=x')), qr/^503 database-unavailable/,
     'a wrong one');
ok(wait_until(sub { said($gw, qr/password authentication failed/) }),
   'is told in the log');

($ok, $said) = with_passwords("*:*:*:test_pw_read:x\n", 0644)->check;
ok(!$ok && $said =~ /must not be open to all users/, 'a file open to all');

$gw = with_passwords("*:*:*:test_pw_read:x\n");
unlink $gw->dir . '/passwords';
mkdir $gw->dir . '/passwords', 0700;
($ok, $said) = $gw->check;
ok(!$ok && $said =~ m{password file ".*/passwords" could not be read \(21: Is a directory\)}, 'a folder') or diag $said;

($ok, $said) = with_passwords("test_pw_read:x\n")->check;
ok(!$ok && $said =~ /is not "host:port:database:role:password"/,
   'a line of another format');

for my $gateway ($gw) { $gateway->stop }
$db->drop;
$db = pg_database();
$db->sql("drop role $_") for qw(test_pw_read test_pw_write test_pw_control);

done_testing();
