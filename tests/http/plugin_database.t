#!/usr/bin/perl
# A plugin's database as deployments make it: roles with least rights, data and
# code in schemas of their own, migrations that reach nothing else.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use File::Temp qw(tempdir);
use IHanoi::Plugin::Database;
use IHanoi::Plugin::Folder;

my $true = JSON::PP::true;
my $db = database();

my $name = "shop_$$";
my $other = "other_$$";
$db->own_roles(map { ("plugin_$_", "owner_$_") } $name, $other);

my %operation = (
    find => { 'x-ihanoi-sql' => 'stall_find',
              parameters => [{ name => 'id', in => 'query', required => $true,
                               schema => { type => 'integer', format => 'int32' } }] },
    open => { method => 'put', security => [{ bearer => [] }] },
);

my $migration = <<'SQL';
create table stalls (id int primary key, name text not null);
insert into stalls values (1, 'Hàng Bông; \! id');
SQL

my $find = <<'SQL';
create function stall_find(id int, caller jsonb)
    returns table (status int, etag text, body json) language sql stable as $$
    select 200, 'v1', json_build_object('name', s.name, 'label', stall_label(s.id))
      from stalls s where s.id = stall_find.id
$$;
SQL

# Called by the one before it in the order of files.
my $label = <<'SQL';
create function stall_label(id int) returns text language sql stable as $$
    select 'stall ' || id
$$;
SQL

sub version {
    my ($version, $files, %more) = @_;

    return plugin_folder(
        name       => $name,
        manifest   => { version => $version,
                        permissions => { public => $true, database => $true } },
        lua        => {
            find => '',
            open => q{
                local row, err = ihanoi.db.one(
                    "insert into stalls values (2, 'x') returning id")
                local function state(sql)
                    return select(2, ihanoi.db.execute(sql)).sqlstate
                end
                return 200, { row = row, err = err and err.sqlstate,
                    label = ihanoi.db.one("stall_label", { id = 7 }),
                    ddl = state("create table evil (i int)"),
                    drop = state("drop table stalls"),
                    change = state([[create or replace function
                        stall_label(id int) returns text language sql as
                        $f$ select 'x' $f$]]),
                    forge = state("delete from ihanoi_migrations"),
                    role = state("set role owner_NAME"),
                    people = state("select * from core.people") }
            } =~ s/NAME/$name/r,
        },
        operations => { %operation },
        files      => $files,
        %more,
    );
}

my %first = ('migrations/0001_stalls.sql' => $migration,
             'sql/a_find.sql' => $find, 'sql/b_label.sql' => $label);

# An operation of SQL has no handler.
sub as_sql {
    my ($plugin) = @_;
    my $file = $plugin->path . '/openapi.json';
    my $document = JSON::PP->new->utf8->decode(slurp($file));

    delete $document->{paths}{"/v1/$name/find"}{get}{'x-ihanoi-lua'};
    $plugin->write('openapi.json', JSON::PP->new->utf8->canonical->encode($document));
    return $plugin;
}

my $one = as_sql(version('1.0.0', { %first }));
my $block = plugin_database($db, $one->path, 'read connections=1;', 'write connections=1;');
my ($look) = look($one->path);

like($look->{code}, qr/^code_${name}_1_0_0_[0-9a-f]{8}$/, 'a version has a schema');
is($db->sql("select count(*) from plugin_$name.stalls"), 1, 'data is there');
is($db->sql("select string_agg(name || ' ' || version, ', ')
             from plugin_$name.ihanoi_migrations"), '0001_stalls 1.0.0',
   'and what was applied is written down');
is($db->sql("select string_agg(distinct tableowner, ',') from pg_tables
             where schemaname = 'plugin_$name'"), "owner_$name", 'its owner owns it');
is($db->sql("select count(*) from pg_roles where rolname ~ '^deploy_$name'"), 0,
   'no role to deploy with is left');
is($db->sql("select rolcanlogin from pg_roles where rolname = 'owner_$name'"), 'f',
   'and the owner logs in nowhere');

my $gw = gateway(db => $db, locations => 'location = /metrics { ihanoi_status metrics; }',
                 http => $one->block('public;', "database $name;") . $block);
my $r = wait_until(sub { my $r = $gw->get("/v1/$name/find?id=1");
                         $r->{status} == 200 && $r });
is_deeply($r->{json}, { name => 'Hàng Bông; \! id', label => 'stall 1' },
          'functions of the version serve it, and find each other');
$r = $gw->put("/v1/$name/open", token => token(sub => 'a'));
is_deeply($r->{json}, {
    row => { id => 2 }, label => { stall_label => 'stall 7' }, ddl => '42501',
    drop => '42501', change => '42501', forge => '42501', role => '42501',
    people => '42501',
}, 'rows are the gateway\'s to write, and nothing else') or diag $r->{content};

like($gw->get('/metrics')->{content} // '',
     qr/^ihanoi_plugin_info\{plugin="$name",version="1\.0\.0",digest="$look->{hash}",signed_by="",reviewed_by="",database="$name"\} 1$/m,
     'workers say which version they have');

# Again changes nothing; another version is beside it.
$db->sql("alter role plugin_$name connection limit 150");
plugin_database($db, $one->path);
is($db->sql("select rolconnlimit from pg_roles where rolname = 'plugin_$name'"), 150,
   'connections that the operator allows stay allowed');
is($db->sql("select count(*) from plugin_$name.stalls"), 2, 'again is nothing');

my $two = as_sql(version('1.1.0', { %first,
    'migrations/0002_more.sql' => "alter table stalls add open boolean;\n",
    'sql/b_label.sql' => $label =~ s/stall /shop /r }));
my $next = plugin_database($db, $two->path, 'read connections=1;', 'write connections=1;');
is($gw->get("/v1/$name/find?id=1")->{json}{label}, 'stall 1',
   'a version that runs is not changed by the next one');
my $gw2 = gateway(db => $db, http => $two->block('public;', "database $name;") . $next);
is(wait_until(sub { $gw2->get("/v1/$name/find?id=1")->{json}{label} }), 'shop 1',
   'which serves its own');

# One that fails leaves what came before it.
{
    my ($rc, $said) = deploy(as_sql(version('1.2.0', { %first,
        'migrations/0002_more.sql' => "alter table stalls add open boolean;\n",
        'migrations/0003_sets.sql' => "reset role; set lock_timeout = 0;\n"
                                      . "select set_config('ihanoi.is', 'left', false)",
        'migrations/0004_makes.sql' => 'create table found as select current_user::text as who,'
            . " concat(current_setting('lock_timeout'), current_setting('ihanoi.is', true)) as set",
        'migrations/0005_fails.sql' => 'creat table evil (i int)' }))->path);

    is($rc, 1, 'a migration fails');
    like($said, qr/migration 0005_fails of $name failed and was undone.*\(0003_sets, 0004_makes stay\)/s,
         'and those before it stay');
    is_deeply([$db->sql("select * from plugin_$name.found")], [["owner_$name", '3s']],
              'each has a session of its own');
    $db->sql("drop table plugin_$name.found;
              delete from plugin_$name.ihanoi_migrations where name ~ '^000[34]'");
}

# Hostile: all of it fails, and leaves nothing.
sub refused {
    my ($what, $files, $expected, $code) = @_;
    my $plugin = as_sql(version('1.2.0', { %first,
        'migrations/0002_more.sql' => "alter table stalls add open boolean;\n",
        %$files }));
    my $before = state();
    my ($rc, $said) = deploy($plugin->path);

    is($rc, $code // 1, "$what: refused");
    like($said, $expected, "$what: and it says why");
    is(state(), $before, "$what: nothing is changed");
    return;
}

# In a process of its own, without the look that would refuse most of it.
sub deploy {
    my ($folder, $code) = @_;
    my $pid = open(my $fh, '-|') // die "fork: $!\n";

    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE PGOPTIONS)}
            = (@$db{qw(socket port)}, 'postgres', $db->{name},
               '-c client_min_messages=warning');
        exec $^X, '-I' . tree() . '/bin/lib', '-MIHanoi::Plugin::Database',
            '-MIHanoi::Plugin::Folder', '-e', <<'PERL' . ($code // <<'PERL'), $folder;
                my ($plugin) = look(shift);
                my $database = IHanoi::Plugin::Database->new($plugin);
PERL
                $database->prepare;
                $database->migrate;
                $database->code;
PERL
    }

    my $said = do { local $/; <$fh> } // '';
    close $fh;
    return ($? >> 8, $said);
}

sub state {
    return $db->sql(<<"SQL");
select string_agg(x, E'\\n' order by x) from (
    select 'relation ' || oid::regclass || ' ' || relowner::regrole
           || ' ' || coalesce(relacl::text, '') as x from pg_class
     where relnamespace::regnamespace::text !~ '^(pg_|information)'
    union all select 'function ' || oid::regprocedure || ' ' || proowner::regrole
        || ' ' || md5(prosrc) from pg_proc
     where pronamespace::regnamespace::text !~ '^(pg_|information)'
    union all select 'schema ' || nspname from pg_namespace
     where nspname !~ '^pg_'
    union all select 'role ' || rolname || ' ' || rolsuper || rolcanlogin
        || rolcreaterole from pg_roles where rolname !~ '^(test|plugin_test|deploy|plugin|owner)_'
           or rolname ~ '$name'
    union all select 'row ' || stalls::text from plugin_$name.stalls) q
SQL
}

my $denied = qr/permission denied/;
my $migrates = sub { return { 'migrations/0003_evil.sql' => $_[0] } };

refused('another schema', $migrates->('create table evil (i int); update core.settings set value = null'), $denied);
refused('another schema, written in a text',
        $migrates->(q{do $$ begin execute 'delete from co' || 're.people'; end $$}), $denied);
refused('a role that is reset', $migrates->('reset role; create table core.evil (i int)'), $denied);
refused('a session that is another\'s', $migrates->("set session authorization postgres"), $denied);
refused('a deferred trigger, which runs at the commit', $migrates->(<<'SQL'), $denied);
create table evil (i int);
create function evil() returns trigger language plpgsql as
    'begin delete from core.people; return null; end';
create constraint trigger evil after insert on evil deferrable initially deferred
    for each row execute function evil();
insert into evil values (1);
SQL
refused('a transaction that is ended', $migrates->('create table evil (i int); commit; create table evil2 (i int)'),
        qr/EXECUTE of transaction commands|unsupported|not supported|not implemented/);
refused('a program', $migrates->(q{copy (select 1) to program 'id'}), qr/permission denied|must be superuser/);
refused('a command of psql', $migrates->("select 1;\n\\! touch $ENV{HOME}/evil\n"), qr/syntax error/);
refused('a role', $migrates->('create role evil'), $denied);
refused('syntax', $migrates->('creat table evil (i int)'), qr/migration 0003_evil of $name failed and was undone/);
refused('an edit of what was applied', { 'migrations/0001_stalls.sql' => "$migration--\n" },
        qr/0001_stalls of $name was edited after it was applied/, 3);
refused('a function that is wrong', { 'sql/a_find.sql' => $find =~ s/stalls s/nothing s/r },
        qr/stall_find\(.*nothing.*functions of $name 1\.2\.0 were not made/s);
refused('a function with a slip', { 'sql/a_find.sql' => $find =~ s/create/creat/r },
        qr{ERROR:  sql/a_find\.sql: syntax error.*were not made}s);
refused('an overload', { 'sql/c_label.sql' => $label =~ s/id int/id text/r }, qr/stall_label is overloaded/);
refused('a schema of another', { 'sql/c_evil.sql' => "create function plugin_$other.evil() returns int language sql as 'select 1'" },
        qr/does not exist|permission denied/);

my ($rc, $said) = deploy($one->path);
is($rc, 3, 'an older version does not migrate a newer database');
like($said, qr/that this version lacks: 0002_more: deploy a newer one/, 'and it says what to do');

# Two deployments of one plugin.
{
    my $session = $db->session;
    $session->do("select pg_advisory_lock(hashtext('ihanoi plugin $name')::bigint)");
    ($rc, $said) = deploy($two->path);
    is($rc, 1, 'one deployment of a plugin at a time');
    like($said, qr/somebody else deploys $name to this database/, 'says the other');
}

# Nor does one that is done drop functions beside another that makes some.
{
    my $old = "code_${name}_0_9_0_deadbeef";
    $db->sql("create schema $old authorization owner_$name;
              comment on schema $old is '$name 0.9.0 deadbeef'");
    my $session = $db->session;
    $session->do("select pg_advisory_lock(hashtext('ihanoi plugin $name')::bigint)");
    ($rc, $said) = deploy($two->path, q{$database->drop_versions('0.9.0')});
    is($rc, 1, 'old functions stay while another gateway deploys');
    like($said, qr/somebody else deploys $name to this database/, 'as is said');
    is($db->sql("select to_regnamespace('$old') is not null"), 't', 'with all in them');
    $session->do('select pg_advisory_unlock_all()');
    ($rc, $said) = deploy($two->path, q{$database->drop_versions('0.9.0')});
    is($db->sql("select to_regnamespace('$old') is null"), 't', 'and go the next time') or diag $said;
}

# A connection that breaks at the commit: psql says no more than that.
{
    my $dir = tempdir(CLEANUP => 1);
    open my $fh, '>', "$dir/psql" or die;
    print $fh <<"SH";
#!/bin/sh
PATH='$ENV{PATH}'
case "\$*" in *-o*) ;; *) exec psql "\$@" ;; esac
text=\$(cat; echo x)
text=\${text%x}
printf %s "\$text" | psql "\$@" || exit
case "\$text" in *ihanoi_migrations\\ \\(name*) exit 2 ;; esac
SH
    close $fh;
    chmod 0755, "$dir/psql";
    my $three = as_sql(version('1.3.0', { %first,
        'migrations/0002_more.sql' => "alter table stalls add open boolean;\n",
        'migrations/0003_lost.sql' => 'create table lost (i int)' }));
    {
        local $ENV{PATH} = "$dir:$ENV{PATH}";
        ($rc, $said) = deploy($three->path);
    }
    is($rc, 1, 'a connection that breaks at a commit');
    like($said, qr/whether migration 0003_lost of $name was applied is not known: .*deploy again/s,
         'leaves open what became of it');
    unlike($said, qr/undone/, 'and it is not said that it was undone');
    my $role = $db->sql("select rolname from pg_roles where rolname ~ '^deploy_$name'");
    $db->sql("reassign owned by $role to owner_$name; drop owned by $role; drop role $role");
    ($rc, $said) = deploy($three->path);
    is($rc, 0, 'the next deployment finds it applied') or diag $said;
    $db->sql("drop table plugin_$name.lost;
              delete from plugin_$name.ihanoi_migrations where name = '0003_lost'");
}

# Not even a server that ends sessions which are idle lets a second one in.
{
    $db->sql("alter database $db->{name} set idle_session_timeout = '400ms'");
    refused('a deployment that takes its time', $migrates->(<<'SQL'), qr/it is still the only one/);
do $$ begin
    perform pg_sleep(0.8);
    assert not exists (select from pg_locks where locktype = 'advisory' and granted
        and database = (select oid from pg_database where datname = current_database())),
        'it is still the only one';
end $$
SQL
    $db->sql("alter database $db->{name} reset idle_session_timeout");
}

# A role that somebody has given more is not used.
$db->sql("grant ihanoi_owner to plugin_$name");
($rc, $said) = deploy($two->path);
is($rc, 1, 'a role that is a member of another');
like($said, qr/is a member of ihanoi_owner/, 'is refused');
$db->sql("revoke ihanoi_owner from plugin_$name");

# A role that somebody has dropped: what it may do with the data only the agency knows,
# of functions it is always the same.
{
    my $may = "select has_schema_privilege('plugin_$name', '$look->{code}', 'usage')
                      and has_function_privilege('plugin_$name', '$look->{code}.stall_label(int)', 'execute')";
    my $grants_of_data = 'select string_agg(relname || acl::text, $$,$$ order by relname, acl::text)'
                       . ' from pg_class, unnest(relacl) acl'
                       . " where relnamespace = 'plugin_$name'::regnamespace and relkind = 'r'";
    my $granted = $db->sql($grants_of_data);
    $db->sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'plugin_$name';
              drop owned by plugin_$name; drop role plugin_$name");
    ($rc, $said) = deploy($two->path);
    is($rc, 1, 'a role that was dropped');
    my ($grants) = $said =~ /^HINT:  (create role .*?;) Then revoke/ms;
    like($said, qr/the role plugin_$name was dropped, and with it what it may do in the schema plugin_$name/,
         'is told as that');
    ok($grants, 'with what to run') or diag $said;
    $db->sql($grants);
    ($rc, $said) = deploy($two->path);
    is($rc, 0, 'then it deploys') or diag $said;
    my ($two_code) = (look($two->path))[0]{code};
    is($db->sql($may =~ s/\Q$look->{code}\E/$two_code/gr), 't', 'and its functions are granted again');
    is($db->sql($grants_of_data), $granted, 'the data has the grants of before');
}

# What a killed deployment leaves: functions half made, a role.
$db->sql("drop schema $look->{code} cascade; create schema $look->{code} authorization owner_$name;
          create role deploy_${name}_0badcafe valid until '2020-01-01' in role owner_$name");
($rc, $said) = deploy($two->path);
is($rc, 0, 'after one that was killed') or diag $said;
is($db->sql("select count(*) from pg_roles where rolname ~ '^deploy_$name'"), 0, 'its role is dropped');

# The password that is sent as a hash is one that PostgreSQL takes.
{
    my $hash = IHanoi::Plugin::Database::_scram('abc');
    my $role = "deploy_${name}_00000001";
    $db->sql("create role $role login password '$hash'");
    local $ENV{PGPASSWORD} = 'abc';
    is(scalar `psql -h 127.0.0.1 -p $db->{port} -U $role -d $db->{name} -Atc 'select 1' 2>&1`,
       "1\n", 'a password that only its hash was sent of lets in');
    local $ENV{PGPASSWORD} = 'abd';
    like(scalar `psql -h 127.0.0.1 -p $db->{port} -U $role -d $db->{name} -Atc 'select 1' 2>&1`,
         qr/authentication failed/, 'and another does not');
    $db->sql("drop role $role");
}

done_testing();
