#!/usr/bin/perl
# bin/ihanoi migrate: on a tiny tree of its own, so that it tells about the
# command and not about our tables.

use lib 'tests/lib';
use IHanoi::Test;
use File::Path qw(make_path);
use File::Temp qw(tempdir);

our $db = database(empty => 1);
our $dir = tempdir(CLEANUP => 1);

system('cp', '-r', tree() . '/bin', tree() . '/VERSION', $dir) == 0 or die;
make_path(map { "$dir/sql/$_" } qw(migrations code/x reference demo));
system('cp', (map { tree() . "/sql/$_.sql" } qw(roles role_settings plugin_locks)), "$dir/sql/") == 0 or die;

put('sql/migrations/0001_first.sql',
    "create schema core;\ncreate table core.t (a int);\n"
    . "grant usage on schema core to ihanoi_read;\n"
    . "grant select on core.t to ihanoi_read;\n");

# b_second is called by a_first: the order of files must not matter.
put('sql/code/x/a_first.sql', "create function a_first() returns int\n"
    . "language sql stable as \$\$ select b_second() \$\$;\n");
put('sql/code/x/b_second.sql', "create function b_second() returns int\n"
    . "language sql stable as \$\$ select 1 from core.t \$\$;\n");
put('sql/reference/10_t.sql', "insert into core.t select 7\n"
    . "where not exists (select from core.t);\n");
put('sql/demo/10_more.sql', "insert into core.t values (8);\n");
put('nginx.conf', "ihanoi_database main {\n    release none;\n}\n");

my ($rc, $out, $err) = ihanoi('migrate', '--list');
is($rc, 1, 'what was never migrated has no list');
like($err, qr/\Aihanoi migrate: .*"ihanoi migrate" first$/, 'and what comes first is said');

($rc, $out, $err) = ihanoi('migrate', '--conf', "$dir/nginx.conf");
my ($first) = $out =~ /^(\w+)$/;
is($rc, 0, 'migrates') or diag $err;
like($first, qr/^\d+_\d+_\d+_[0-9a-f]{8}$/, 'and prints the release only');
like(get('nginx.conf'), qr/^    release $first;$/m, 'the configuration names it');
is(value("set search_path = code_$first, public; select a_first()"), 1,
   'the functions work, whatever the order of their files');
is(scalar $db->sql("set search_path = code_$first, public; select a_first()",
                   user => 'ihanoi_read'), 1, 'the gateway may call them');
is(value('select a from core.t'), 7, 'reference data is there');
is(value("select tableowner from pg_tables where tablename = 't'"),
   'ihanoi_owner', 'the owner role owns the tables');

($rc, $out, $err) = ihanoi('migrate');
is_deeply([$rc, $out, $err], [0, "$first\n", ''], 'again does nothing');
is(value('select count(*) from core.t'), 1, 'and doubles nothing');

($rc) = ihanoi('demo');
is($rc, 0, 'demo data is loaded');
ihanoi('demo');
is(value('select count(*) from core.t'), 2, 'once');

# A second release.
put('sql/migrations/0002_second.sql', "alter table core.t add b int;\n");
put('sql/code/x/b_second.sql', "create function b_second() returns int\n"
    . "language sql stable as \$\$ select max(b) from core.t \$\$;\n");
($rc, $out, $err) = ihanoi('migrate', '--conf', "$dir/nginx.conf");
my ($second) = $out =~ /^(\w+)$/;
is($rc, 0, 'the next release migrates');
isnt($second, $first, 'and has another name');
is(value("set search_path = code_$first, public; select a_first() limit 1"), 1,
   'the old release still answers');

($rc, $out) = ihanoi('migrate', '--list', '--conf', "$dir/nginx.conf");
like($out, qr/^\* release   $second .*^  release   $first /ms,
     '--list marks the one in use');
like($out, qr/migration 0002_second/, 'and tells the migrations');

value("drop schema code_$second cascade");
($rc, $out, $err) = ihanoi('migrate');
is_deeply([$rc, $out], [0, "$second\n"], 'functions that somebody has dropped are made again')
    or diag $err;
is(value("set search_path = code_$second, public; select b_second() is null"), 't', 'and work');

($rc) = ihanoi('migrate', '--rollback-to', $first, '--conf', "$dir/nginx.conf");
is($rc, 0, 'rolls back');
like(get('nginx.conf'), qr/release $first;/, 'by pointing back');
($rc, undef, $err) = ihanoi('migrate', '--rollback-to', '0_0_0_00000000',
                            '--conf', "$dir/nginx.conf");
is($rc, 3, 'not to a release that is not there');
like(get('nginx.conf'), qr/release $first;/, 'and then changes nothing');

# The version before the second one is installed again: it has the first migration only.
rename "$dir/sql/migrations/0002_second.sql", "$dir/0002_second.sql" or die $!;
($rc, $out, $err) = ihanoi('migrate', '--conf', "$dir/nginx.conf");
is($rc, 3, 'a version does not migrate what a newer one has');
like($err, qr/this version lacks: 0002_second \(.*, or --rollback-to RELEASE\)$/, 'and says how to go back');
($rc) = ihanoi('migrate', '--rollback-to', $second, '--conf', "$dir/nginx.conf");
is($rc, 0, 'where it points the file anywhere');
($rc) = ihanoi('migrate', '--rollback-to', $first, '--conf', "$dir/nginx.conf");
like("$rc " . get('nginx.conf'), qr/^0 .*release $first;/s, 'also back');
rename "$dir/0002_second.sql", "$dir/sql/migrations/0002_second.sql" or die $!;

# Which release a gateway calls is never guessed.
put('no.conf', "include database.conf;\n");
put('two.conf', "release $first;\n" x 2);
for my $conf ([], ['--conf', "$dir/no.conf"], ['--conf', "$dir/two.conf"]) {
    ($rc, $out, $err) = ihanoi('migrate', '--drop-old', '0', @$conf);
    is_deeply([$rc, $out], [1, ''], "--drop-old @$conf drops nothing");
    like($err, qr/--conf/, 'and says what it needs');
}
($rc, $out, $err) = ihanoi('migrate', '--drop-old', '1', '--conf', $dir);
is("$rc $err", "1 ihanoi migrate: could not read $dir: Is a directory\n", 'a folder is no such file');
($rc) = ihanoi('migrate', '--drop-old', '-1', '--conf', "$dir/nginx.conf");
is($rc, 2, 'nor are there fewer than no others to keep');

($rc, $out) = ihanoi('migrate', '--drop-old', '0', '--conf', "$dir/nginx.conf");
like($out, qr/^dropped $second$/m, '--drop-old drops all others');
is(value("select to_regnamespace('code_$first') is not null"), 't',
   'never the one in use');

# As Debian has sites: a link to the file, in a folder of which nginx reads everything.
make_path("$dir/enabled");
rename "$dir/nginx.conf", "$dir/available.conf" or die $!;
symlink "$dir/available.conf", "$dir/enabled/ihanoi" or die $!;
my $owner = $> == 0 ? getpwnam('nobody') : $>;
chown $owner, -1, "$dir/available.conf" or die $!;
($rc) = ihanoi('migrate', '--conf', "$dir/enabled/ihanoi");
is($rc, 0, 'a configuration that is reached by a link');
is((stat "$dir/available.conf")[4], $owner, 'stays its owner\'s');
ok(-l "$dir/enabled/ihanoi", 'is still one');
like(get('available.conf'), qr/release $second;/, 'to the file that names the release');

# A checkout's path may have any signs.
my $odd = "$dir/a [b] {c,d} it's";
make_path($odd);
system('cp', '-r', map({ "$dir/$_" } qw(bin sql VERSION)), $odd) == 0 or die;
{
    local $dir = $odd;
    my $elsewhere = database(empty => 1);
    local $db = $elsewhere;
    ($rc, undef, $err) = ihanoi('migrate');
    is($rc, 0, 'a path with signs') or diag $err;
    is(value('select count(*) from ihanoi.migrations'), 2, 'has its migrations');
    is(value('select a from core.t'), 7, 'and its reference data');
}

# What is refused.
put('sql/migrations/0002_second.sql', "alter table core.t add c int;\n");
($rc, undef, $err) = ihanoi('migrate');
is($rc, 3, 'an edited migration is refused');
like($err, qr/0002_second was edited/, 'by name');
put('sql/migrations/0002_second.sql', "alter table core.t add b int;\n");

put('sql/migrations/0003_bad.sql', "create table core.u ();\nselect 1/0;\n");
($rc, undef, $err) = ihanoi('migrate');
is($rc, 1, 'a migration that fails');
is(value("select to_regclass('core.u') is null"), 't', 'leaves nothing');
put('sql/migrations/0003_bad.sql', "commit;\n");
($rc, undef, $err) = ihanoi('migrate');
like($err, qr/says begin or commit/, 'a migration may not end its transaction');
unlink "$dir/sql/migrations/0003_bad.sql";

put('sql/code/x/c_third.sql', "create function c_third() returns int\n"
    . "language sql stable as \$\$ select nothing_of_the_kind() \$\$;\n");
($rc, undef, $err) = ihanoi('migrate');
is($rc, 1, 'a function that calls what is not there is refused');
like($err, qr/nothing_of_the_kind/, 'by name');

put('sql/code/x/c_third.sql', "create function b_second(a int) returns int\n"
    . "language sql stable as \$\$ select 1 \$\$;\n");
($rc, undef, $err) = ihanoi('migrate');
like($err, qr/b_second is overloaded/, 'overloads are refused');
unlink "$dir/sql/code/x/c_third.sql";

unlink "$dir/sql/migrations/0002_second.sql";
($rc, undef, $err) = ihanoi('migrate');
is($rc, 3, 'a database that is newer than the checkout is refused');

# Two at once: the second waits, and finds it done.
put('sql/migrations/0002_second.sql', "alter table core.t add b int;\n");
put('sql/migrations/0003_slow.sql',
    "create table core.slow ();\nselect pg_sleep(0.5);\n");
my $other = fork // die;
if (!$other) {
    my ($rc) = ihanoi('migrate');
    require POSIX;
    POSIX::_exit($rc);
}
($rc, undef, $err) = ihanoi('migrate');
waitpid $other, 0;
is_deeply([$rc, $?], [0, 0], 'two at once do not disturb each other')
    or diag $err;

# A connection that breaks at the commit: psql says no more than that.
put('sql/migrations/0004_lost.sql', "create table core.lost ();\n");
make_path("$dir/broken");
put('broken/psql', <<"SH");
#!/bin/sh
PATH='$ENV{PATH}'
case "\$*" in *-o*) ;; *) exec psql "\$@" ;; esac
text=\$(cat)
printf '%s\\n' "\$text" | psql "\$@" || exit
case "\$text" in *'insert into ihanoi.migrations'*) exit 2 ;; esac
SH
chmod 0755, "$dir/broken/psql";
{
    local $ENV{PATH} = "$dir/broken:$ENV{PATH}";
    ($rc, undef, $err) = ihanoi('migrate');
}
is($rc, 1, 'a connection that breaks at a commit');
like($err, qr/the connection broke: what was being committed may be there: migrate again/, 'leaves open what became of it');
unlike($err, qr/undone/, 'and it is not said that it was undone');
($rc, undef, $err) = ihanoi('migrate');
is($rc, 0, 'the next migrate finds it applied') or diag $err;

# Letters would be bytes.
$db->sql("create database $db->{name}_ascii encoding 'SQL_ASCII' locale 'C' template template0");
($rc, undef, $err) = ihanoi('migrate', '--dbname', "$db->{name}_ascii");
is($rc, 3, 'a database that is not in UTF-8 is refused');
like($err, qr/SQL_ASCII .*encoding 'UTF8'/, 'and how to make one is told');
$db->sql("drop database $db->{name}_ascii");

done_testing();


sub value {
    my ($sql) = @_;
    return scalar $db->sql($sql);
}


sub put {
    my ($name, $text) = @_;
    open my $fh, '>', "$dir/$name" or die "$name: $!";
    print $fh $text;
    close $fh;
    return;
}


sub get {
    my ($name) = @_;
    open my $fh, '<', "$dir/$name" or die "$name: $!";
    local $/;
    return scalar <$fh>;
}


# (exit code, stdout, stderr)
sub ihanoi {
    my (@args) = @_;
    local @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} =
        ($db->{socket}, $db->{port}, 'postgres', $db->{name});

    my $tag = "$dir/out.$$";
    system(qq("$dir/bin/ihanoi" @{[map { qq('$_') } @args]} > "$tag" 2> "$tag.err")
           . ' < /dev/null');
    my $rc = $? >> 8;
    my @text = map {
        open my $fh, '<', $_ or die "$_: $!";
        local $/;
        <$fh> // '';
    } $tag, "$tag.err";

    return ($rc, @text);
}
