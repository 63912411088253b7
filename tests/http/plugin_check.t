#!/usr/bin/perl
# "ihanoi plugin new" and "check": what partners meet first.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Command;
use IHanoi::Test::Plugin;
use File::Temp qw(tempdir);
use JSON::PP ();

my $dir = tempdir(CLEANUP => 1);
my ($rc, $out, $err);

($rc, $out) = ihanoi(qw(plugin --help));
is($rc, 0, 'help is no error');

for my $command ($out =~ /^  (\w+) /mg) {
    ($rc, my $help) = ihanoi('plugin', $command, '--help');
    is($rc, 0, "plugin $command --help");
    like($help, qr/^usage: ihanoi plugin $command/, 'says how to use it');
    unlike($help, qr/^.{81}/m, 'in 80 columns');
    ($rc) = ihanoi('plugin', $command, '--nonsense');
    is($rc, 2, 'and knows a wrong option');
}

is((ihanoi('plugin'))[0], 2, 'no command is wrong usage');
is((ihanoi(qw(plugin ../check)))[0], 2, 'a path is no command');

# The template, as it is and with another name.
($rc, $out, $err) = ihanoi(qw(plugin check), tree() . '/bin/templates/template');
is("$rc$out", '0', 'the template passes its own checks');

($rc, $out) = ihanoi(qw(plugin new tree_care --into), $dir);
is("$rc $out", "0 $dir/tree_care\n", 'a new plugin');
($rc, $out, $err) = ihanoi(qw(plugin check --strict), "$dir/tree_care");
is("$rc$out", '0', 'passes the checks too');
like($err, qr/^tree_care 0\.1\.0 is good, contents [0-9a-f]{12}$/m,
     'which says what it is');
my $luarc = JSON::PP::decode_json(
    scalar `cat $dir/tree_care/.luarc.json`);
ok(-f "$luarc->{'workspace.library'}[0]/ihanoi.lua",
   'editors find what "ihanoi" has');
is(`grep -rl template $dir/tree_care`, '', 'nothing of the template\'s name');
($rc, $out, $err) = ihanoi(qw(plugin new tree_care --into), $dir);
is($rc, 3, 'a folder that is there is not written into');
($rc, $out, $err) = ihanoi(qw(plugin new park --into), "$dir/nowhere");
is($rc, 1, 'nor is one made around it');
like($err, qr/there is no folder ".*nowhere"/, 'which is told');
($rc, $out) = ihanoi_full(qw(plugin new park --into), $dir);
is($rc, 1, 'a disk that is full');
like($out, qr{^ihanoi plugin: could not write \S+/park/\S+: File too large$}m, 'is told');
is(join(' ', grep { !m{/\.\.?\z} } glob("$dir/{.*,park*}")), '', 'and nothing is left');
($rc, $out, $err) = ihanoi(qw(plugin new Tree-Care --into), $dir);
is($rc, 1, 'a name that is none');
like($err, qr/lower-case/, 'is explained');
ok(!-e "$dir/Tree-Care", 'and not made');
for my $name (qw(core feedback me)) {
    ($rc, $out, $err) = ihanoi('plugin', 'new', $name, '--into', $dir);
    is("$rc $out", '1 ', "the core's $name is refused");
    like($err, qr{"$name" is the gateway's own: \S+/conf/api/\w+\.json}, 'by its contract');
}
ok(!-e "$dir/feedback", 'and not made');

($rc, $out, $err) = ihanoi(qw(plugin check), "$dir/nowhere");
is($rc, 1, 'no folder');

# What is found. Each plugin has one thing wrong; undef: nothing.
my @cases = (
    ['nothing', {}, undef],
    ['an unknown member of the manifest',
     { manifest => { permisions => {} } },
     qr{^plugin\.json /permisions: there is no such member; is "permissions" meant\?$}],
    ['a contract that is wrong',
     { operations => { hello => { responses => {} } } },
     qr{^openapi\.json /paths/}],
    ['an operation outside the prefix',
     { operations => { hello => { path => '/v1/other/hello' } } },
     qr{^openapi\.json /paths/~1v1~1other~1hello/get: .*"/v1/probe"}],
    ['a prefix that only begins alike',
     { operations => { hello => { path => '/v1/probes/hello' } } },
     qr{must begin with "/v1/probe"}],
    ['a path that is the prefix with a suffix',
     { operations => { hello => { path => '/v1/probe.json' } } }, undef],
    ['a member that the gateway itself adds',
     { database => 1, operations => { hello => { 'x-ihanoi-lua' => undef, 'x-ihanoi-sql' => 'hello',
                                                 'x-ihanoi-host' => 'plugins' } },
       files => { 'sql/a.sql' => 'create function hello(caller jsonb)'
                      . ' returns reply language sql as $$ select null $$' } },
     qr{^openapi\.json /paths/~1v1~1probe~1hello/get: "x-ihanoi-host" is not for plugins$}],
    ['a public operation that was not asked for',
     { manifest => { permissions => {} } }, qr{openapi\.json .*"public": true}],
    ['SQL without a database',
     { operations => { hello => { 'x-ihanoi-lua' => undef,
                                  'x-ihanoi-sql' => 'hello' } } },
     qr{openapi\.json .*"database": true}],
    ['an SQL function that nobody makes',
     { database => 1, operations => { hello => { 'x-ihanoi-lua' => undef,
                                                 'x-ihanoi-sql' => 'hello' } },
       files => { 'sql/a.sql' => "-- create function hello\nselect 1" } },
     qr{^openapi\.json: .*"hello" is not made}],
    ['a POST whose answer cannot be kept for its key',
     { operations => { hello => { method => 'post', security => [{ bearer => [] }],
           responses => { 200 => { description => 'A table',
                                   content => { 'text/csv' => {} } } } } } },
     qr{^openapi\.json /paths/~1v1~1probe~1hello/post: takes an Idempotency-Key, so its answer is kept, and must be JSON and not "text/csv"$}],
    ['a POST by SQL', { database => 1, operations => { hello => {
         method => 'post', security => [{ bearer => [] }],
         'x-ihanoi-lua' => undef, 'x-ihanoi-sql' => 'hello' } },
       files => { 'sql/a.sql' => 'create or replace function hello(caller jsonb)'
                      . ' returns reply language sql as $$ select null $$' } },
     undef],
    ['an SQL function that is made',
     { database => 1, operations => { hello => { 'x-ihanoi-lua' => undef,
                                                 'x-ihanoi-sql' => 'hello' } },
       files => { 'sql/a.sql' => 'create or replace function hello(caller jsonb)'
                      . ' returns reply language sql as $$ select null $$' } },
     undef],
    ['a handler that is not there',
     { operations => { hello => { 'x-ihanoi-lua' => 'helo' } } },
     qr{^handler\.lua: .*no function "helo", which operation "probe_hello"}],
    ['a job\'s function that is not there',
     { manifest => { jobs => [{ name => 'a', cron => '* * * * *',
                                handler => 'tidy' }],
                     permissions => { public => JSON::PP::true } } },
     qr{no function "tidy", which job "a" names}],
    ['an interface\'s function that is not there',
     { manifest => { interfaces => { offers => [{ name => 'r', version => 1,
                                                  functions => ['quote'] }] },
                     permissions => { public => JSON::PP::true } } },
     qr{no function "quote", which interface "r" names}],
    ['syntax', { files => { 'lib/a.lua' => "local x = 1\nlocal = 2\n" } },
     qr{^lib/a\.lua:2: }],
    ['syntax that would move a terminal\'s cursor',
     { files => { 'lib/a.lua' => "return \"\e[2J\n" } },
     qr{^lib/a\.lua:1: unfinished string near '"\?\[2J'$}],
    ['syntax in a test', { files => { 'tests/a.lua' => "return (" } },
     qr{^tests/a\.lua:1: }],
    ['a test with a byte order mark', { files => { 'tests/a.json' => "\xef\xbb\xbf{}" } },
     qr{^tests/a\.json: is no JSON object: it begins with a byte order mark$}],
    ['a test that is none', { files => { 'tests/a.json' => '{"cases": [{"nmae": "x"}]}' } },
     qr{^tests/a\.json: /cases/0/nmae: there is no such member; known are }],
    ['an undefined global',
     { files => { 'lib/a.lua' => "local x = 1\nreturn function() return y end" } },
     qr{^lib/a\.lua:2: undefined global "y"$}],
    ['a global that is set', { files => { 'lib/a.lua' => "count = 1" } },
     qr{^lib/a\.lua:1: "count" is a global}],
    ['files', { lua => { hello => 'return 200, io.open("/etc/passwd"):read()' } },
     qr{^handler\.lua:2: a plugin has no "io"}],
    ['bytecode', { lua => { hello => 'return 200, string.dump(ihanoi.log.info)' } },
     qr{"string\.dump"}],
    ['bytecode by another way',
     { lua => { hello => 'return 200, _G.loadstring("")' } },
     qr{"loadstring"}],
    ['a host function that is not there',
     { lua => { hello => 'return 200, ihanoi.json.encod({})' } },
     qr{no "ihanoi\.json\.encod"}],
    ['one of those that need nginx',
     { lua => { hello => 'ihanoi.run.slep(1) return 200, {}' } },
     qr{no "ihanoi\.run\.slep"}],
    ['those that are there',
     { lua => { hello => 'ihanoi.run.sleep(1)
                          return 200, ihanoi.request.body()' } }, undef],
    ['a noun that is not there',
     { lua => { hello => 'return 200, ihanoi.jsn.encode({})' } },
     qr{no "ihanoi\.jsn"}],
    ['a slow pattern', { lua => { hello => 'return 200, ("x"):find(".-a.-b")' } },
     qr{^handler\.lua:2: warning: the pattern "\.-a\.-b" takes up to n\^3}],
    ['a text that is no pattern',
     { lua => { hello => 'return 200, ("x"):find(".-a.-b", 1, true)' } }, undef],
    ['an error while it is loaded', { handler => "error('no')" },
     qr{^handler\.lua:1: no$}],
    ['a loop while it is loaded', { handler => 'while true do end' },
     qr{^handler\.lua: takes more than a second}],
    ['memory while it is loaded',
     { handler => 'local t = {} while true do t[#t + 1] = ("x"):rep(9999) .. #t end' },
     qr{^handler\.lua: takes more memory}],
    ['no table', { handler => 'return 1' }, qr{must return a table}],
    ['a module that is not there', { handler => 'require("lib.no") return {}' },
     qr{^handler\.lua:1: .*"lib\.no"}],
    ['a wait while it is loaded',
     { handler => "\nihanoi.run.sleep(1) return {}" },
     qr{^handler\.lua:2: ihanoi\.run\.sleep\(\) cannot be called while the plugin is loaded}],
    ['an operationId twice', { lua => { a => '', b => '' },
         operations => { b => { operationId => 'probe_a' } } },
     qr{^openapi\.json \S+: the operationId "probe_a" stands in "\S+/openapi\.json" already}],
    ["a problem of the gateway's own", { document => { 'x-ihanoi-problems' => { 'not-found' => {
         status => 409, title => { vi => 'Không', en => 'No' } } } } },
     qr{^openapi\.json /x-ihanoi-problems/not-found: is a problem of the gateway's own}],
    ['a statement while it is loaded',
     { handler => 'local f = ihanoi.db.value f("select 1") return {}' },
     qr{^handler\.lua:1: ihanoi\.db\.value\(\) cannot be called while the plugin is loaded}],
    ['what may be called while it is loaded',
     { manifest => { settings => { type => 'object', properties => {
           a => { type => 'integer', default => 7 } } },
           permissions => { public => JSON::PP::true } },
       handler => <<'LUA' }, undef],
ihanoi.log.info(ihanoi.plugin.name() .. ihanoi.plugin.version())
assert(ihanoi.plugin.settings().a == 7)
assert(ihanoi.plugin.secret("key"))
local sleep, null = ihanoi.run.sleep, ihanoi.json.null
return { hello = function() sleep(1) return 200, null end }
LUA
    ['a link', { link => ['lib/a.lua', '/etc/passwd'] },
     qr{^lib/a\.lua: is a symbolic link}],
    ['a migration that is called something else',
     { database => 1, files => { 'migrations/1.sql' => 'select 1' } },
     qr{^migrations/1\.sql: must be called like}],
    ['two migrations of a number',
     { database => 1, files => { 'migrations/0001_a.sql' => 'select 1',
                                 'migrations/0001_b.sql' => 'select 1' } },
     qr{^migrations/0001_b\.sql: there are two migrations 0001}],
    ['a migration of another schema',
     { database => 1, files => { 'migrations/0001_a.sql' =>
           "select 1;\nalter table core.people add a int" } },
     qr{^migrations/0001_a\.sql:2: "core" is not the plugin's schema}],
    ['an event that SQL publishes and the manifest does not name',
     { database => 1, manifest => { events => { publishes => ['probe.said'] } },
       files => { 'migrations/0001_a.sql' => "select ihanoi_host.publish('probe.said', 'x', '{}');\n"
           . "-- ihanoi_host.publish('probe.none', 'x', '{}')\n"
           . "create function f() returns void language sql as \$\$\n"
           . "    select ihanoi_host.publish( 'probe.siad', 'x', '{}') \$\$" } },
     qr{^migrations/0001_a\.sql:4: warning: "probe\.siad" is published, and is not in "publishes" of plugin\.json$}],
    ['SQL without a database to run in',
     { files => { 'sql/f.sql' => 'select 1' } }, qr{^sql/f\.sql: .*database}],
);

for my $case (@cases) {
    my ($what, $spec, $expected) = @$case;
    my %spec = (lua => { hello => 'return 200, {}' }, %$spec);

    $spec{manifest}{permissions} = { public => JSON::PP::true,
                                     database => JSON::PP::true }
        if delete $spec{database};

    # a member set to undef is left out
    for my $operation (values %{ $spec{operations} // {} }) {
        delete @$operation{grep { !defined $operation->{$_} } keys %$operation};
    }
    my $sql = grep { $_->{'x-ihanoi-sql'} } values %{ $spec{operations} // {} };

    my $plugin = plugin_folder(%spec);

    if ($sql) {
        my $file = $plugin->path . '/openapi.json';
        my $text = do { local (@ARGV, $/) = $file; <> };
        $text =~ s/"x-ihanoi-lua":"\w+",?//;
        $plugin->write('openapi.json', $text);
    }

    if (my $link = $spec{link}) {
        mkdir $plugin->path . '/lib';
        symlink $link->[1], $plugin->path . "/$link->[0]" or die $!;
    }

    ($rc, $out, $err) = ihanoi(qw(plugin check), $plugin->path);

    if ($expected) {
        like((split /\n/, $out)[0] // '', $expected, $what) or diag "$out$err";
        is($rc, ($expected =~ /warning/) ? 0 : 1, "$what: the exit code");
    } else {
        is("$rc$out", '0', $what);
    }
}

# Every code of the gateway's own, in whichever way its row is written.
my @own = text_of('ngx_ihanoi_module/ngx_http_ihanoi_problem_document.c')
    =~ /^    (?:NGX_HTTP_IHANOI_PROBLEM\(|\{ ngx_string\()"([a-z-]+)"/mg;
my %taken = map { $_ => { status => 409, title => { vi => 'Không', en => 'No' } } } @own;
my $taker = plugin_folder(lua => { hello => 'return 200, {}' },
                          document => { 'x-ihanoi-problems' => \%taken });

($rc, $out) = ihanoi(qw(plugin check), $taker->path);
is_deeply([sort $out =~ m{/x-ihanoi-problems/([\w-]+): is a problem of the gateway's own}g],
          [sort @own], "no code of the gateway's own is a plugin's");

# A copy that is called otherwise: that is told, and what else is wrong.
my $called = plugin_folder(lua => { hello => 'return 200, {}' },
                           operations => { hello => { 'x-ihanoi-lua' => 'helo' } });
rename $called->path, "$dir/pröbe (1)" or die $!;
($rc, $out, $err) = ihanoi(qw(plugin check), "$dir/pröbe (1)");
like($out, qr{^handler\.lua: .*no function "helo", .*
plugin\.json /name: the folder must be called "probe" or "probe-1\.0\.0", not ".* \(1\)"$}m,
     'a folder of another name is not all that is told') or diag "$out$err";
is("$rc " . ($err =~ /(\d+) to mend/)[0], '1 2', 'two things to mend');

# Warnings can be errors, and programs can read.
my $slow = plugin_folder(lua => { hello => 'return 200, ("x"):find(".-a.-b")' });
is((ihanoi(qw(plugin check --strict), $slow->path))[0], 1, '--strict');
($rc, $out) = ihanoi(qw(plugin check --json), $slow->path);
my $row = JSON::PP->new->utf8->decode((split /\n/, $out)[0]);
is("$rc $row->{level} $row->{file} $row->{line}", '0 warning handler.lua 2',
   '--json');

# The real luacheck, which the packages for tests bring.
SKIP: {
    skip 'luacheck is not installed', 6 if !grep { -x "$_/luacheck" } split /:/, $ENV{PATH};

    my $plugin = plugin_folder(lua => { hello => 'local unused = 1 return 200, {}' },
        files => { 'lib/a.lua' => "local function f(x)\n    local x = 1\n    return x\nend\nreturn f" });
    ($rc, $out, $err) = ihanoi(qw(plugin check), $plugin->path);
    is($rc, 0, 'what luacheck finds are warnings') or diag "$out$err";
    like($out, qr/^handler\.lua:2: warning: unused variable 'unused'$/m, 'an unused variable');
    like($out, qr/^lib\/a\.lua:2: warning: variable 'x' .*on line 1$/m, 'one that hides another') or diag $out;
    is((ihanoi(qw(plugin check --strict), $plugin->path))[0], 1, 'and errors with --strict');

    $plugin->write('lib/a.lua', "return (\n");
    $plugin->write('handler.lua', "local unused = 1\nreturn (\n");
    ($rc, $out, $err) = ihanoi(qw(plugin check), $plugin->path);
    is_deeply([sort $out =~ /^(\S+?):\d+: /mg], ['handler.lua', 'lib/a.lua'], 'what is no Lua is told once')
        or diag $out;
    is($rc, 1, 'and is an error');
}

# A luacheck that finds errors, and none.
mkdir "$dir/bin";
open my $fh, '>', "$dir/bin/luacheck" or die $!;
print $fh "#!/bin/sh\nfor a; do f=\$a; done\n",
    "echo \"\$f:1:7-9: (W211) unused variable 'abc'\"\n",
    "echo \"\$f:2:1-9: (E011) expected something\"\nexit 1\n";
close $fh;
chmod 0755, "$dir/bin/luacheck";
{
    local $ENV{PATH} = "$dir/bin:$ENV{PATH}";
    ($rc, $out, $err) = ihanoi(qw(plugin check), "$dir/tree_care");
    is($rc, 1, 'errors of luacheck count');
    is($out, "lib:1: warning: unused variable 'abc'\n"
             . "lib:2: expected something\n", 'and are shown');
    unlike($err, qr/not installed/, 'without a word about its absence');
}
{
    local $ENV{PATH} = "/nonexistent";
    ($rc, $out, $err) = ihanoi(qw(plugin check), "$dir/tree_care");
    like($err, qr/apt install lua-check/, 'how to get luacheck');
}

done_testing();
