#!/usr/bin/perl
# Locks of a plugin are its own and few, by ihanoi_host.lock(); no others are to be had,
# once the versions from before it are gone.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Command;
use IHanoi::Test::Plugin;
use IHanoi::Plugin::Database;
use IHanoi::Plugin::Folder;
use IHanoi::Command qw(psql_args);

my $true = JSON::PP::true;
my $db = database();
my ($name, $other) = ("mine_$$", "other_$$");
my ($role, $others) = map { "plugin_$_" } $name, $other;
$db->own_roles(map { ("plugin_$_", "owner_$_") } $name, $other);

# What a plugin tries: the SQLSTATE or code, or how many rows came.
sub tries {
    my (@sql) = @_;
    return 'local said = {} for i, sql in ipairs({ ' . join(', ', map { "[==[$_]==]" } @sql) . ' }) do
                local rows, err = ihanoi.db.query(sql)
                said[i] = rows and #rows or err.sqlstate or err.code
            end return 200, said';
}

my $every = 'select count(%s) from generate_series(1, 100000) n';
my %put = (method => 'put', security => [{ bearer => [] }]);
my $plugin = plugin_folder(
    name       => $name,
    manifest   => { permissions => { public => $true, database => $true }, limits => { timeout => '20s' } },
    lua        => {
        raw   => tries(map { sprintf $every, $_ } map { ("$_(n)", "$_(1, n::int)", "${_}_shared(n)") }
                       qw(pg_advisory_xact_lock pg_try_advisory_xact_lock)),
        names => tries(sprintf($every, q{ihanoi_host.lock('n' || n)}), q{select ihanoi_host.lock('a')},
                       q{select ihanoi_host.lock(null)}),
        # goes on though it is refused, and keeps what it has for a while
        keeps => tries('do $$ begin for i in 1 .. 5000 loop begin perform ihanoi_host.lock(i::text);
                            exception when others then null; end; end loop; perform pg_sleep(3); end $$'),
        many  => '',
    },
    operations => { (map { $_ => { %put } } qw(raw names keeps)),
                    many => { %put, 'x-ihanoi-lua' => undef, 'x-ihanoi-sql' => 'call_many' } },
    files => { 'sql/many.sql' => <<'SQL' });
create function call_many(caller jsonb)
returns table (status int, etag text, location text, body json)
language plpgsql
as $$
begin
    -- pg_advisory_xact_lock(n) was here
    perform ihanoi_host.lock('n' || n) from generate_series(1, 48) n;
    return query select 200, null, null, '{}'::json;
end
$$;
SQL
my $second = plugin_folder(name => $other, manifest => { permissions => { public => $true, database => $true } },
                           lua => { hello => 'return 200, {}' });

my $gw = gateway(db => $db, responses => 0,
    http => plugin_database($db, $plugin->path, 'write connections=2 timeout=18s;')
          . $plugin->block('public;', "database $name;", 'timeout 20s;')
          . plugin_database($db, $second->path),
    locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }
                  location = /plugins { ihanoi_status plugins; }');
my $token = token(sub => 'citizen');

sub put { return $gw->put("/v1/$name/$_[0]", token => $token, timeout => 30) }

# One that is answered later.
sub begin {
    my $client = $gw->connection(timeout => 30);
    $client->send($client->format('PUT', "/v1/$name/$_[0]", token => $token));
    return $client;
}

my $n = 0;
sub files_a_case {
    $n++;
    return $gw->post('/v1/feedback', token => $token, key => "case-$n", timeout => 30,
                     json => { category => 'road_damage', lat => 21.032, long => 105.8504, text => "case $n" })->{status};
}

# All that this database has of a plugin's, and of other numbers.
sub held {
    return $db->sql("select count(*) from pg_locks l join pg_stat_activity a using (pid)
                      where l.locktype = 'advisory' and a.usename = '$role'");
}

ok(wait_until(sub { files_a_case() == 201 }), 'the core writes');
is_deeply(put('raw')->{json}, [('42501') x 6], 'numbers are not to be had, however many');
is_deeply(put('names')->{json}, ['54000', 1, '22004'], 'nor are names without an end');
is(put('many')->{status}, 500, 'a function of SQL that takes too many has failed');
is(plugin_counted($gw, $name), 'error 1, ok 2', 'by its own fault');
like($gw->error_log, qr/SQLSTATE 54000: a transaction has at most 32 locks of a plugin/, 'as the log says');

my @clients = map { begin('keeps') } 1 .. 2;
ok(wait_until(sub { $db->sql("select count(*) from pg_stat_activity where usename = '$role'
                               and wait_event = 'PgSleep'") }), 'one that goes on after it was refused');
my $held = held();
cmp_ok($held, '<=', 2 * 47, '... has few');
cmp_ok($held, '>=', 32, '... which were had');
is(files_a_case(), 201, '... and the core writes') for 1 .. 3;
is($_->response('PUT')->{status}, 200, '... as does the plugin') for @clients;
is(held(), 0, 'and nothing is left');

# Who waits for whom: sessions as the gateway's.
my ($one, $two, $third) = map { my $s = $db->session(user => $_); $s->do("set lock_timeout = '200ms'"); $s }
                          $role, $role, $others;
$one->do(q{begin; select ihanoi_host.lock('a')});
like($two->do(q{select ihanoi_host.lock('a')}), qr/55P03/, 'a name is waited for');
unlike($two->do(q{select ihanoi_host.lock('b')}), qr/ERROR/, 'another is not');
unlike($third->do(q{select ihanoi_host.lock('a')}), qr/ERROR/, 'nor is another plugin\'s');
$one->do(q{rollback; begin; select ihanoi_host.lock('a', shared => true)});
unlike($two->do(q{select ihanoi_host.lock('a', shared => true)}), qr/ERROR/, 'nor who shares it');
like($two->do(q{select ihanoi_host.lock('a')}), qr/55P03/, '... but with one that does not');
$one->do('rollback');
unlike($two->do(q{select ihanoi_host.lock('a')}), qr/ERROR/, 'until the transaction ends');

# A database as it was before: there are versions that take numbers.
my @all = map { $_->[0] } $db->sql(q{select oid::regprocedure from pg_proc where proname ~ '^pg_(try_)?advisory_xact_lock'});
my $may = "select count(*) from pg_proc p where p.oid::regprocedure::text = any('{"
        . join(',', map { qq("$_") } @all) . "}') and has_function_privilege('$role', p.oid, 'execute')";
is(scalar @all, 8, 'functions that lock numbers');
$db->sql(join ' ', map { "grant execute on function $_ to public; revoke execute on function $_ from ihanoi_owner, ihanoi_write;" } @all);
my %old = map { $_ => "code_${name}_0_${_}_0_deadbeef" } 8, 9;
for my $version (sort keys %old) {
    $db->sql("create schema $old{$version} authorization owner_$name;
              grant usage on schema $old{$version} to $role;
              comment on schema $old{$version} is '$name 0.$version.0 deadbeef'");
}
$db->sql("create function $old{8}.hold() returns void language plpgsql as
              'begin perform pg_advisory_xact_lock(hashtextextended(''a'', 0)); end';
          create function $old{9}.hold() returns void begin atomic
              select pg_advisory_xact_lock_shared(hashtextextended('a', 0)); end;
          grant execute on function $old{8}.hold(), $old{9}.hold() to $role");

my @connection = ('--host', $db->{socket}, '--port', $db->{port}, '--user', 'postgres', '--dbname', $db->{name});
my ($rc, undef, $said) = ihanoi('migrate', @connection);
is($rc, 0, 'migrated with these');
like($said, qr/$name 0\.8\.0, $name 0\.9\.0 call pg_advisory_xact_lock\(\)/, 'it is said who they are');
like($said, qr/HINT: .*ihanoi_host\.lock\(\)/, 'and what to do');
is($db->sql($may), 8, 'they go on');

$one->do("begin; select $old{8}.hold()");
like($two->do(q{select ihanoi_host.lock('a')}), qr/55P03/, 'a version of before is waited for by its name');
like($two->do(q{select ihanoi_host.lock('a', shared => true)}), qr/55P03/, '... by who shares, too');
$one->do(q{rollback; begin; select ihanoi_host.lock('a', shared => true)});
unlike($two->do("select $old{9}.hold()"), qr/ERROR/, 'and waits');
like($two->do("select $old{8}.hold()"), qr/55P03/, '... alike');
$one->do('rollback');

# They are dropped as deployments do it.
sub drops {
    local %ENV = %ENV;
    psql_args({ host => $db->{socket}, port => $db->{port}, user => 'postgres', dbname => $db->{name} });
    my ($look) = look($plugin->path);
    open my $stderr, '>&', \*STDERR or die;
    open STDERR, '>', $gw->dir . '/dropped' or die;
    my $done = IHanoi::Plugin::Database->new($look)->drop_versions(@_);
    open STDERR, '>&', $stderr or die;
    return $done;
}
ok(drops('0.8.0'), 'one is dropped');
is($db->sql($may), 8, '... and the other works');
ok(drops('0.9.0'), 'the last is dropped');
is($db->sql($may), 0, '... and no plugin locks numbers any more, whatever a comment says');
is(files_a_case(), 201, '... but the core does');
$one->do(q{begin; select ihanoi_host.lock('a')});
is($db->sql("select count(*) from pg_locks where locktype = 'advisory' and objsubid = 1
              and pid in (select pid from pg_stat_activity where usename = '$role')"), 0, 'names are no numbers then');
($rc, undef, $said) = ihanoi('migrate', @connection);
is("$rc $said", '0 ', 'and nothing is said of it');

done_testing();
