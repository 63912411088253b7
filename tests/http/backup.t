#!/usr/bin/perl
# docs/backup.md: its commands do what it says, with the gateway running. A dump is
# restored into another server and beside a damaged database, a cluster to a moment; what
# was not there in the backup is gone, told again or asked for, as it says.

use lib 'tests/lib', 'bin/lib';
use IHanoi::Test;
use IHanoi::Test::Console;
use IHanoi::Test::Durable;
use IHanoi::Test::HTTP;
use IHanoi::Test::Plugin;
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use IHanoi::Cluster;
use IHanoi::Plugin::Folder;

my $tree = tree();
my $work = tempdir(CLEANUP => 1);
my @postgres = $> == 0 ? (getpwnam 'postgres')[2, 3] : ($>, (split ' ', $))[0]);
mkdir "$work/$_" or die for qw(bin wal out);
chown @postgres, "$work/wal", "$work/out" or die;
chmod 0755, $work;

my $db = IHanoi::Test::Durable->new(max_connections => 150,
    archive_mode => 'on', archive_command => "cp %p $work/wal/%f");
my $cluster = $db->{cluster};
my $data = $cluster->data;
{
    local ($db->{name}, $db->{release}) = ('postgres');
    $db->sql('alter database durable rename to ihanoi');
    append("$data/pg_hba.conf", "local replication all trust\n");
    $db->sql('select pg_reload_conf()');
}
$db->{name} = 'ihanoi';

# Their tables and functions; in the gateway others of their names are disabled.
my @plugins = qw(payments bills parking);
plugin_database($db, "$tree/plugins/$_") for @plugins;
my %code = map { $_ => (look("$tree/plugins/$_"))[0]{code} } @plugins;

my $deny = 'auth_jwt_deny_list main interval=100ms;';
my $status = 'location = /readyz { ihanoi_status readyz; } location = /metrics { ihanoi_status metrics; }';
my $gw = gateway(db => $db, responses => 0, locations => $status,
    http => "$deny ihanoi_plugin_switches %%DIR%%/switches;\n"
            . join '', map { plugin_folder(name => $_, lua => { hello => 'return 200, {}' })->block('public;') }
                           @plugins);

program('ihanoi', "'$tree/bin/ihanoi' \"\$@\" "
                  . "\$([ \"\$1\" != plugin ] || echo --conf @{[$gw->dir]}/nginx.conf --nginx $gw->{nginx})");
program('pg_ctlcluster', IHanoi::Cluster::bindir() . "/pg_ctl -s -w -D $data -l @{[$cluster->log]} \$3");
local @ENV{qw(PATH PGHOST PGPORT PGUSER)} =
    ("$work/bin:$ENV{PATH}", $db->{socket}, $db->{port}, 'postgres');
delete @ENV{qw(PGDATABASE PGOPTIONS PGSERVICE)};

my $since;
my ($paid, $paying) = map { "00000000-0000-7000-8000-00000000b10$_" } 2, 3;
my %case = (category => 'road_damage', lat => 21.032, long => 105.8504, text => 'Ổ gà');
my %life = (exp => time + 3600);
my ($citizen, $erased, $late) = map { token(sub => $_, %life) } qw(citizen erased late);

sub shown {
    my ($block, %arg) = @_;
    my @steps = console_steps("$tree/docs/backup.md", "console $block");
    ok(@steps > 0, "the page shows how: $block");
    console_ok(\@steps, in => "$work/out", %arg, change => sub {
        s/2026-11-28 17:00:00\+07/$since/g if defined $since;
        s{/var/lib/postgresql/15/main}{$data}g;
        s{/var/backups/ihanoi}{$work/out/base}g;
        s{/var/backups/wal}{$work/wal}g;
    });
    return;
}

sub file {
    my ($key, $gateway) = @_;
    my $r = ($gateway // $gw)->post('/v1/feedback', token => $citizen, key => $key, json => \%case);
    return "$r->{status}" . ($r->{headers}{'idempotency-replayed'} ? ' again' : '');
}

sub knows { return defined $gw->get('/v1/me', token => $_[0])->{json}{id} ? 1 : 0 }
sub now { return $db->sql('select clock_timestamp()') }
sub ready { return wait_until(sub { (($_[0] // $gw)->get('/readyz') // {})->{status} == 200 }) }
sub audit { return scalar `'$tree/bin/ihanoi' verify-audit --dbname ihanoi 2>&1` }
sub events { return $db->sql('select count(*) from core.audit_events') }
sub deny { return $db->sql("select token_deny('$gw->{issuer}', 'sub', '$_[0]', null, now() + interval '1 day', 'test')") }

sub plugin_sql {
    my ($name, $text) = @_;
    return $db->sql("set session authorization plugin_$name;"
                    . "set search_path = $code{$name}, plugin_$name, public; $text");
}

# What the backup has.
ready() or die $gw->error_log;
is(file('before'), '201', 'a case is filed');
is($gw->post('/v1/feedback', token => $erased, key => 'e', json => \%case)->{status}, 201, 'by two people');
plugin_sql('payments', <<'SQL');
    select intent_create(gen_random_uuid(), 'HN00000000000000A1', 'x y', 'bills', 'r', 'vnpay', 20000, 'x', 900, 60);
    select payment_apply('vnpay', 'HN00000000000000A1', 'paid', 'callback', 20000, 't1');
    select refund_request(id, 5000, 'x', 'k', 'somebody') from intents;
SQL
plugin_sql('bills', <<"SQL");
    insert into carriers (code, name, amounts) values ('viettel', 'Viettel', '{20000}');
    insert into prefixes values ('096', 'viettel');
    select topup_order(id::uuid, 'x y', id, '84961234567', null, 'momo', 20000, 5, 1000000, 500000, 86400)
      from (values ('$paid'), ('$paying')) x (id);
    select order_payment('$paid', gen_random_uuid(), 'succeeded', 86400);
SQL
shown('backup');
is(join(' ', map { sprintf '%o', (stat)[2] & 07777 } glob "$work/out/*"), '600 600', 'nobody else reads them');

# What came since.
$since = now();
is(file('since'), '201', 'another case');
deny('late');
is($gw->delete('/v1/me', token => $erased)->{status}, 204, 'an account is erased');
ok(wait_until(sub { $gw->get('/v1/me', token => $late)->{status} == 401 }), 'somebody is denied');

# Another server.
{
    my $other = IHanoi::Cluster->new(tree => $tree, name => "restored-$$", tests => 1,
        settings => { fsync => 'off', max_connections => 100 });
    $other->start;
    my $there = bless { %$db, cluster => $other, socket => $other->socket, port => $other->port },
                'IHanoi::Test::Database';
    local @ENV{qw(PGHOST PGPORT)} = @$there{qw(socket port)};
    shown('fresh');

    my $new = gateway(db => $there, responses => 0, locations => $status);
    ok(ready($new), 'a gateway is ready there');
    is(file('before', $new), '201 again', 'what was done before is known');
    is(file('since', $new), '201', 'what came since is not');
    like(audit(), qr/all fit/, 'the audit fits');
    my %here = map { $_ => 1 } rights($db);
    my @other = grep { !delete $here{$_} } rights($there);
    is(join("\n", sort(@other), keys %here), '', 'everybody may do what they may here');
    $new->stop;
    $other->forget;
}

# Beside the damaged one. Without that nothing is done to it.
my $events = events();
my ($restore) = grep { /pg_restore/ } map { $_->{command} }
                console_steps("$tree/docs/backup.md", 'console aside');
isnt(system("cd $work/out && $restore 2> refused"), 0, 'into one that is there nothing is restored');
is(events(), $events, 'not even twice');

shown('off');
shown('aside');
ok(ready(), 'the gateway goes on');
is($gw->get('/v1/payments/hello')->{status}, 503, 'plugins that send are off');
is(file('before'), '201 again', 'what was done before is known');
is(file('since'), '201', 'what came since is not');
ok(knows($erased), 'who was erased is there again');
is($db->sql("select count(*) from core.denied_tokens"), 0, 'who was denied is not');
is($gw->get('/v1/me', token => $late)->{status}, 401, 'but of a gateway that ran on');

my $refund = sub { plugin_sql('payments', 'begin; select attempt from refunds_due(9, 60); rollback') };
my $order = sub { plugin_sql('bills', "begin; select may_send from order_due(60, '" . ($_[0] // $paid) . "'); rollback") };
is($refund->() . $order->(), '1t', 'a refund and an order would be sent');
shown('again');
ok(!knows($erased), 'who was erased is again');
is($db->sql("select value from core.denied_tokens where forget_at > now()"), 'late', 'and denied, who was');

# As if the release were newer than the backup.
$db->sql("drop schema code_$db->{release} cascade");
ok(wait_until(sub { $gw->get('/v1/units')->{status} == 503 }), 'a release that is missing is told');
is(system("$work/bin/ihanoi migrate --dbname ihanoi --conf @{[$gw->dir]}/nginx.conf > $work/migrate.log 2>&1"), 0,
   'it is made again');
ok(ready(), 'and found without a reload');

shown('sent');
is($refund->() . $order->(), '2f', 'they are asked about first');
plugin_sql('bills', "select order_payment('$paying', gen_random_uuid(), 'succeeded', 86400)");
is($order->($paying), 'f', 'and so is an order that was not paid then');
my $notice = sub { plugin_sql('parking', "select nextval('notices_number_seq')") };
my $told = $notice->();
cmp_ok($told, '>', 1_000_000, 'notices are newer than any before');
$db->sql("select setval('plugin_parking.notices_number_seq', 1, false)");
sleep 2;
shown('sent');
cmp_ok($notice->(), '>', $told, 'and than those of a restore before');

# To a moment.
shown('base', shell => as_postgres());
is(file('soon'), '201', 'a case before the moment');
sleep 1;
$since = now();
sleep 1;
is(file('later'), '201', 'one after it');
deny('later');
ok(wait_until(sub { $gw->get('/v1/me', token => token(sub => 'later', %life))->{status} == 401 }), 'and a denial');

shown('moment', shell => as_postgres());
remove_tree("$data.before");
ok(wait_until(sub { ($gw->get('/v1/feedback') // {})->{status} == 200 }), 'it is read while it stands still');
is(file('later'), '503', 'and not written');
shown('resume');
ok(ready(), 'the gateway goes on');
is(file('soon'), '201 again', 'what was done before is known');
is(file('later'), '201', 'what came later is not');
is($gw->get('/v1/me', token => token(sub => 'later', %life))->{status}, 401, 'whom it knew as denied is');
like(audit(), qr/all fit/, 'the audit fits');

$gw->stop;
done_testing();


# Rights on all that is ours, and on the database.
sub rights {
    my ($of) = @_;
    return map { join ' ', map { $_ // '' } @$_ } $of->sql(<<'SQL');
select o.what, o.owner, (select string_agg(a::text, ' ' order by a::text) from unnest(o.acl) a
                       where split_part(a::text, '=', 1) <> o.owner)
  from (select 'database' as what, datdba::regrole::text as owner, datacl as acl
          from pg_database where datname = current_database()
        union all select nspname::text, nspowner::regrole::text, nspacl from pg_namespace where nspname !~ '^pg_'
        union all select oid::regclass::text, relowner::regrole::text, relacl
          from pg_class where relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
        union all select pronamespace::regnamespace::text || '.' || oid::regprocedure::text, proowner::regrole::text, proacl
          from pg_proc where pronamespace::regnamespace::text !~ '^(pg_|information_schema)') o
union all
select rolname::text, concat_ws(' ', rolcanlogin, rolsuper, rolconnlimit), rolconfig::text
  from pg_roles where rolname !~ '^pg_'
union all
select roleid::regrole::text, 'has', member::regrole::text from pg_auth_members
SQL
}


sub as_postgres { return $> == 0 ? 'runuser -u postgres -- bash' : 'bash' }


sub program {
    my ($name, $command) = @_;
    append("$work/bin/$name", "#!/bin/sh\nexec $command\n");
    chmod 0755, "$work/bin/$name";
    return;
}


sub append {
    my ($file, $text) = @_;
    open my $fh, '>>', $file or die "$file: $!\n";
    print $fh $text;
    close $fh or die "$file: $!\n";
    return;
}
