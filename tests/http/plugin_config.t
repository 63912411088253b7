# What an operator is told when a plugin cannot be served: nothing starts, and
# the line says what to do.

use lib "tests/lib";
use IHanoi::Test;
use IHanoi::Test::Plugin;
use File::Temp ();
use POSIX ();

my %hello = (lua => { hello => 'return 200, {}' });

sub refused {
    my ($what, $expected, $plugin, @lines) = @_;
    my $block = ref $plugin ? $plugin->block(@lines) : $plugin;

    my $gw = gateway(start => 0, responses => 0, http => $block,
        expect_log => qr/\[emerg\]/,
        locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }');
    my ($ok, $output) = $gw->check;

    ok(!$ok, "$what: refused");
    like($output, $expected, "$what: the reason");
    return;
}

my %token = (operations => { hello => { security => [{ bearer => [] }] } });

my $good = gateway(start => 0, responses => 0,
    http => plugin_folder(%hello)->block('public;'),
    locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }');
my ($ok, $output) = $good->check;
ok($ok, 'a plugin that has what it asks for') or diag $output;

refused("background: $_->[0]", $_->[1],
        "ihanoi_plugin_background $_->[0];\n" . plugin_folder(%hello)->block('public;'))
    for ['on interval=1h', qr/between 100ms and 5s/], ['on every=1s', qr/invalid parameter "every=1s"/],
        ['sometimes', qr/invalid value "sometimes"/];
refused('no folder', qr/has no "path"/, "ihanoi_plugin probe { }\n");
refused('a folder that is not there', qr{plugin "probe": "/nonexistent/none": cannot be opened: No such file},
        "ihanoi_plugin probe { path /nonexistent/none; }\n");
refused('a contract that is not there', qr{contract "/nonexistent/none\.json": cannot be opened: No such file},
        "ihanoi_contract /nonexistent/none.json;\n");
refused('a pattern that no contract has', qr{no contract matches "/nonexistent/\*\.json" in /\S+nginx\.conf:\d+$}m,
        $_) for "ihanoi_contract /nonexistent/*.json;\n",
                "ihanoi_contract ${\ tree()}/conf/api/*.json /nonexistent/*.json;\n",
                "ihanoi_contract /nonexistent/*.json ${\ tree()}/conf/api/*.json;\n";
refused('an API without contracts',
        qr{"ihanoi_api" is on, but no "ihanoi_contract" names the operations in /\S+nginx\.conf:\d+$}m, '');
refused('public', qr/plugin "probe" asks for operations without a token.*"public" is missing/,
        plugin_folder(%hello));
refused('public in the contract only',
        qr/"probe_hello" can be called without a token, the operator has not granted "public"/,
        plugin_folder(%hello, manifest => { permissions => {} }));
refused('a database', qr/asks for a database.*"database" is missing/,
        plugin_folder(%hello, %token, manifest =>
            { permissions => { database => JSON::PP::true } }));

# By Lua or by SQL, where the core has to be there: it keeps the keys.
my %csv = (method => 'post', security => [{ bearer => [] }],
           responses => { 200 => { description => 'A table', content => {
               'application/json' => { schema => {} }, 'text/csv' => {} } } });
my %by_sql = ('x-ihanoi-lua' => undef, 'x-ihanoi-sql' => 'hello');
my $own = "ihanoi_database probe { server 127.0.0.1; dbname a; schema plugin_probe; user plugin_probe; }\n";
sub by_sql {
    my (%operation) = @_;
    return $own . plugin_folder(%hello, operations => { hello => { %operation, %by_sql } },
                                manifest => { permissions => { database => JSON::PP::true } })
                  ->block('database probe;');
}

refused('a POST whose answer cannot be kept for its key',
        qr/"probe_hello" takes an Idempotency-Key, so its answer is kept, and must be JSON and not "text\/csv"/,
        $_)
    for plugin_folder(%hello, operations => { hello => \%csv })->block('public;'), by_sql(%csv);
refused('a POST by SQL without the core\'s database', qr/database "main"/,
        by_sql(method => 'post', security => [{ bearer => [] }]));
refused('a database with a release, and so with the core\'s roles',
        qr/plugin "probe" is granted the database "probe", which has a "release".* in .*nginx\.conf:\d/,
        by_sql() =~ s/schema plugin_probe; user plugin_probe;/release r;/r);
refused('a backend', qr/asks for the backend "operator".*"backend operator \.\.\.;" is missing/,
        plugin_folder(%hello, %token, manifest =>
            { permissions => { backends => ['operator'] } }));
refused('a backend nobody asked for', qr/is granted the backend "operator", its manifest does not ask/,
        plugin_folder(%hello), 'public;', 'backend operator /_operator;');

for my $row (['a line end alone', "\r\n\n"], ['nothing', ''], ['too much', 'x' x 8192]) {
    my ($what, $bytes) = @$row;
    my $file = File::Temp->new;
    print $file $bytes;
    close $file;
    refused("a secret of $what", qr/secret file "$file" must have from 1 to 8191 bytes in \S+nginx\.conf:\d+$/m,
            plugin_folder(%hello, manifest => { permissions => {
                secrets => ['key'], public => JSON::PP::true } }),
            'public;', "secret key $file;");
}

# A pipe that nobody writes to would hold nginx up for ever.
{
    my $folder = File::Temp->newdir;
    POSIX::mkfifo("$folder/key", 0600) or die "$folder/key: $!\n";
    POSIX::mkfifo("$folder/key.json", 0600) or die "$folder/key.json: $!\n";
    refused('a contract of a pipe', qr/contract "$folder\/key[.]json": is not a file/,
            "ihanoi_contract $folder/key.json;\n");
    my $keeper = plugin_folder(%hello, manifest => { permissions => {
        secrets => ['key'], public => JSON::PP::true } });
    refused('a secret of a pipe', qr/secret file "$folder\/key" is not a file in/,
            $keeper, 'public;', "secret key $folder/key;");
    unlink "$folder/key";
    open my $fh, '>', "$folder/key" or die "$folder/key: $!\n";
    print $fh 'open';
    close $fh;
    chmod 0604, "$folder/key";
    refused('a secret that all can read', qr/secret file "$folder\/key" must not be open to all users in/,
            $keeper, 'public;', "secret key $folder/key;");
}

my %operator = (%hello, manifest => { permissions => {
    backends => ['operator'], public => JSON::PP::true } });

sub refused_with {
    my ($what, $expected, $location, $locations) = @_;
    my $gw = gateway(start => 0, responses => 0, expect_log => qr/\[emerg\]/,
        http => plugin_folder(%operator)->block('public;',
                                                "backend operator $location;"),
        locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }'
                     . $locations);
    my ($ok, $output) = $gw->check;

    return ok($ok, $what) || diag $output if !$expected;
    ok(!$ok, "$what: refused");
    like($output, $expected, "$what: the reason");
    $output =~ /nginx\.conf:(\d+)$/m;
    like((split /\n/, $gw->configuration)[($1 // 1) - 1], qr/^ihanoi_plugin probe/, 'with the line of the block')
        or diag $output;
    return;
}

refused_with('a backend without a location',
    qr{backend "operator": location "/_operator" not found in server "localhost"},
    '/_operator', '');
refused_with('a backend whose location is another\'s',
    qr{location "/_operator" not found}, '/_operator',
    'location /_oper { internal; return 204; }
     location /_operators { internal; return 204; }');
refused_with('a backend that clients could use',
    qr{location "/_operator" in server "localhost" is not "internal"},
    '/_operator', 'location /_operator { return 204; }');
refused_with('a backend that is no path', qr{"http://x" is not the path of a location},
    'http://x', '');
refused_with('a location', undef, '/_operator',
    'location ^~ /_operator { internal; return 204; } location /_a { internal; return 204; }
     location /_x { internal; return 204; }');
refused_with('a location with a slash', undef, '/_operator',
    'location /_operator/ { internal; return 204; }');
refused_with('and one that is exact', undef, '/_operator',
    'location = /_operator { internal; return 204; }');
refused('memory', qr/asks for memory of 65536kB, the operator grants 32768kB: a line "memory 65536k;" grants that in/,
        plugin_folder(%hello, manifest => { limits => { memory => '64m' },
            permissions => { public => JSON::PP::true } }), 'public;');
refused('a setting of the wrong type', qr{settings are wrong at "/places"},
        plugin_folder(%hello, manifest => {
            permissions => { public => JSON::PP::true },
            settings => { type => 'object', additionalProperties => JSON::PP::false,
                          properties => { places => { type => 'integer' } } } }),
        'public;', 'setting places many;');
refused('a setting that is not there', qr/settings are wrong/,
        plugin_folder(%hello), 'public;', 'setting places 5;');
refused('a line twice', qr/"memory" in "ihanoi_plugin" is duplicate/,
        plugin_folder(%hello), 'public;', 'memory 16m;', 'memory 16m;');
refused('a line that is not there', qr/unknown line "memroy" in "ihanoi_plugin"/,
        plugin_folder(%hello), 'memroy 16m;');
refused('a path outside the prefix', qr{the path "/v1/other" of "probe_hello" is not under its prefix "/v1/probe"},
        plugin_folder(%hello, operations => { hello => { path => '/v1/other' } }),
        'public;');
refused('a path beside the prefix', qr{is not under its prefix},
        plugin_folder(%hello, operations => { hello => { path => '/v1/probes' } }),
        'public;');
refused('Lua that does not parse', qr/could not be loaded: probe\/handler\.lua:2:/,
        plugin_folder(%hello, handler => "local M = {}\nlocal = 3\nreturn M\n"),
        'public;');
refused('a table that is raised', qr/could not be loaded: probe\/handler\.lua:2: no rates/,
        plugin_folder(%hello, handler => "local M = {}\nerror({ code = 7, message = 'no rates' })\n"),
        'public;');
refused('a handler that is missing', qr/has no function "hello", which the operation "probe_hello" names/,
        plugin_folder(%hello, handler => "return { other = function() end }\n"),
        'public;');
refused('a handler that is no table', qr/must return a table of functions/,
        plugin_folder(%hello, handler => "return 7\n"), 'public;');
refused('a plugin that never ends loading', qr/could not be loaded: CPU budget used up/,
        plugin_folder(%hello, handler => "while true do end\n"), 'public;');
refused('a plugin that asks who is calling while it loads', qr/could not be loaded: .*ihanoi\.request/,
        plugin_folder(%hello, handler => "ihanoi.request.caller() return {}\n"),
        'public;');

# Codes of problems are the whole gateway's.
sub with_problem {
    my ($name, $code) = @_;
    my $plugin = plugin_folder(%hello, name => $name);
    my $file = $plugin->path . '/openapi.json';
    my $contract = JSON::PP::decode_json(do { local (@ARGV, $/) = $file; <> });
    $contract->{'x-ihanoi-problems'}{$code} = { status => 409, title => { vi => 'a', en => 'b' } };
    $plugin->write('openapi.json', JSON::PP::encode_json($contract));
    return $plugin->block('public;');
}
refused('a problem of another', qr{/b/openapi\.json" is wrong at "/x-ihanoi-problems/not-today": this problem stands in "\S+/a/openapi\.json" already},
        with_problem(a => 'not-today') . with_problem(b => 'not-today'));
refused('one of the gateway', qr/problem "not-found" is the gateway's own/, with_problem(a => 'not-found'));

my $plugin = plugin_folder(%hello);
rename plugin_folder(%hello)->path, $plugin->path . '-2' or die $!;
refused('one plugin twice', qr/there is a plugin "probe" already/,
        $plugin->block('public;') . $plugin->block('public;'));
refused('a folder of another name', qr/is wrong at "\/name": the folder must be called "probe"/,
        $plugin->block('public;') =~ s{/probe;}{/probe-2;}r);
refused('another name', qr/the manifest in ".*" is (?:of "probe"|wrong)/,
        $plugin->block('public;') =~ s/ihanoi_plugin probe/ihanoi_plugin other/r);

done_testing;
