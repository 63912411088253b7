# Two versions of a plugin side by side: which calls the candidate serves, what
# the two share, and what a candidate that fails costs.

use lib "tests/lib";
use IHanoi::Test;
use IHanoi::Test::Command;
use IHanoi::Test::Plugin;

my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $db = database();
my $name = "stall_$$";
$db->own_roles("plugin_$name", "owner_$name");

my %lua = (
    which => 'return 200, { version = ihanoi.plugin.version(),
                            setting = ihanoi.plugin.settings().greeting }',
    count => 'n = (n or 0) + 1 return 200, { n = n }',
    keep  => 'return 200, { n = ihanoi.store.increment("n", 1,
                                                    { first = 0 }) }',
    hold  => 'made = (made or 0) + 1
              return 201, { version = ihanoi.plugin.version() }',
    fail  => 'return 200, {}',
    odd   => 'return 200, { text = "x" }',
    read  => 'return 200, {}',
);
my %post = (hold => { method => 'post', security => [{ bearer => [] }],
                      responses => { 201 => { description => 'made', content => {
                          'application/json' => { schema => {} } } } } });
my %scope = (read => { security => [{ bearer => ['bench.read', 'bench.list'] }] });
my %strict = (odd => { responses => { 200 => { description => 'strict',
    content => { 'application/json' => { schema => {
        type => 'object', properties => { text => { type => 'string',
                                                    maxLength => 9 } },
        required => ['text'], additionalProperties => $false } } } } } });

sub version {
    my ($version, %arg) = @_;
    my %settings = (type => 'object', additionalProperties => $false,
                    properties => { greeting => { type => 'string',
                                                  maxLength => 20,
                                                  default => $version } });
    return plugin_folder(
        lua => { %lua, %{ $arg{lua} // {} } },
        operations => { %post, %scope, %strict, %{ $arg{operations} // {} } },
        manifest => { version => $version, settings => \%settings,
                      limits => { store => '1m', timeout => '2s' },
                      permissions => { public => $true },
                      %{ $arg{manifest} // {} } },
    );
}

my $old = version('1.0.0');
my $new = version('2.0.0', lua => {
    fail  => 'error("broken")',
    odd   => 'return 200, { text = "x", more = 1 }',
    later => 'return 200, {}',
});
my $switches = plugin_folder->path;

my %conf = (db => $db, workers => 2, responses => 0,
    locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }
                  location = /metrics { ihanoi_status metrics; }
                  location = /plugins { ihanoi_status plugins; }
                  location = /readyz { ihanoi_status readyz; }');

# The block with a candidate, and what says when it serves.
sub http {
    my ($new, @lines) = @_;
    return <<"CONF" . $old->block('public;', 'store 1m;', 'check always;',
    log_format which '\$request_uri \$status \$ihanoi_plugin_version';
    access_log %%DIR%%/which.log which;
    map \$http_x_version \$by_header { default \$http_x_version; }
    split_clients "\$request_id" \$by_half { 50% 1; * ""; }
    ihanoi_plugin_switches $switches;
CONF
        "candidate @{[$new->path]} \$by_header;", @lines);
}

my $gw = gateway(%conf, http => http($new));
wait_until(sub { $gw->get('/readyz')->{status} == 200 });

sub call {
    my ($name, $version, %more) = @_;
    return $gw->request($more{method} // 'GET', "/v1/probe/$name", %more,
        headers => { defined $version ? ('X-Version' => $version) : (),
                     Connection => 'close' });
}

sub which { return call('which', $_[0])->{json}{version} // '' }

sub series {
    my ($version, $outcome, $plugin) = (@_, 'probe');
    my ($n) = $gw->get('/metrics')->{content} =~
        /^ihanoi_plugin_calls_total\{plugin="$plugin",version="\Q$version\E",outcome="$outcome"\} (\d+)/m;
    return $n;
}

# Which serves.
is(which(undef), '1.0.0', 'without a value the version that stands serves');
is(which(''), '1.0.0', 'also with an empty one');
is(which('0'), '1.0.0', 'or with 0');
is(which('1.0.0'), '1.0.0', 'or with its own version');
is(which('3.0.0'), '1.0.0', 'or with one that is not there');
is(which('1'), '2.0.0', 'with 1 the candidate does');
is(which('2.0.0'), '2.0.0', 'or with its version');
is(call('which', '1')->{json}{setting}, '2.0.0', 'with its own settings');
is(call('later', '1')->{status}, 404, 'what it adds is not served yet');
like($gw->stderr . $gw->error_log,
     qr/operation "probe_later" of the candidate 2\.0\.0 is not served/,
     'which was said');

# What it has of its own, and what both have.
my ($candidate) = grep { $_->{candidate} } @{ $gw->get('/plugins')->{json}{plugins} };
is($candidate->{version}, '2.0.0', 'operators see both versions');
is(call('keep', '0')->{json}{n}, 1, 'they share the store');
is(call('keep', '1')->{json}{n}, 2, 'whoever writes to it');
my %n = map { $_ => [] } 0, 1;
for (1 .. 8) {
    push @{ $n{$_} }, call('count', $_)->{json}{n} for 0, 1;
}
ok((grep { $_ == 1 } @{ $n{0} }) && (grep { $_ == 1 } @{ $n{1} })
   && !grep({ $_ > 8 } map { @$_ } values %n), 'but no globals')
    or diag explain \%n;

# A key that one has used is the other's too.
my $token = token(sub => 'citizen-1');
my @post = (method => 'POST', token => $token, key => 'a-key-of-mine');
my $r = call('hold', '1', @post);
is($r->{status}, 201, 'a POST by the candidate') or diag $r->{content};
is($r->{json}{version}, '2.0.0', 'which answered');
$r = call('hold', '0', @post);
is($r->{json}{version}, '2.0.0', 'its answer is replayed by the other');
is($r->{headers}{'idempotency-replayed'}, 'true', 'as a replay');

# Series and the log by version.
cmp_ok(series('2.0.0', 'ok'), '>=', 13, 'calls of the candidate are counted')
    or diag series('2.0.0', 'ok');
cmp_ok(series('1.0.0', 'ok'), '>=', 13, 'apart from those of the other');
my $log = '';
wait_until(sub {
    open my $fh, '<', $gw->dir . '/which.log' or return 0;
    $log = join '', <$fh>;
    return $log =~ m{/v1/probe/which 200 2\.0\.0};
});
like($log, qr{^/v1/probe/which 200 1\.0\.0$}m, 'the log has who served');
like($log, qr{^/v1/probe/which 200 2\.0\.0$}m, 'whichever it was');
like($log, qr{^/v1/probe/later 404 -$}m, 'or nobody');

# An answer that clients do not know.
is(call('odd', '0')->{status}, 200, 'answers are held against the contract');
is(call('odd', '1')->{status}, 502, 'of the version that stands, whoever answers');

# A candidate that fails.
$gw->stop;
$gw = gateway(%conf, http => http($new));
wait_until(sub { $gw->get('/readyz')->{status} == 200 });
is(call('fail', '1')->{status}, 500, "a failure of the candidate: $_") for 1 .. 5;
is(call('fail', '1')->{status}, 200, 'then its circuit is open, and the other serves');
is(which('1'), '1.0.0', 'all of its calls') for 1 .. 3;
is(which('0'), '1.0.0', 'whose circuit is closed');
cmp_ok(series('2.0.0', 'closed'), '>=', 4, 'which is counted');
my %state = map { $_->{version} => $_->{state} } @{ $gw->get('/plugins')->{json}{plugins} };
is_deeply(\%state, { '1.0.0' => 'serving', '2.0.0' => 'failing' },
          'operators see it');
ok(wait_until(sub { which('1') eq '2.0.0' }, 5), 'a second later it is tried again');

# Both are one plugin to the kill switch.
open my $fh, '>', "$switches/probe.disabled" or die "$switches: $!\n";
close $fh;
ok(wait_until(sub { call('which', '1')->{status} == 503
                    && call('which', '0')->{status} == 503 }, 5),
   'a disabled plugin has no candidate either');
unlink "$switches/probe.disabled";
ok(wait_until(sub { call('which', '0')->{status} == 200 }, 5), 'enabled again');

# By share.
my $half = http($new) =~ s/\$by_header;/\$by_half;/r;
ok($gw->reload(http => $half), 'a reload that splits by half');
my %seen;
$seen{ which(undef) }++ for 1 .. 200;
ok($seen{'1.0.0'} > 60 && $seen{'2.0.0'} > 60, 'each has about half')
    or diag explain \%seen;

# The candidate takes its place.
call('keep', '0');
ok($gw->reload(http => $new->block('public;', 'store 1m;')
               . "ihanoi_plugin_switches $switches;\n"), 'it becomes the version');
ok(wait_until(sub { which('0') eq '2.0.0' }), 'and serves all');
is(call('later', '0')->{status}, 200, 'with what it added');
is(call('keep', '0')->{json}{n}, 2, 'and what was stored');

# Code of each version in its own schema, data in one: two blocks of one role.
my %stall = (map { my ($version, $word) = @$_; $version => plugin_folder(
    name => $name,
    manifest => { version => $version, permissions => {
        public => $true, database => $true } },
    lua => { sql => '', fail => '', made => '', lua => q{
        ihanoi.db.query("select 1")
        return 200, { word = ihanoi.db.one("stall_word").stall_word,
                      n = ihanoi.db.one("select count(*) n from stalls").n }
    } },
    operations => {
        (map { $_ => { 'x-ihanoi-lua' => undef, 'x-ihanoi-sql' => "stall_$_" } } 'sql', 'fail'),
        made => { 'x-ihanoi-lua' => undef, 'x-ihanoi-sql' => 'stall_made',
                  method => 'post', security => [{ bearer => [] }] },
    },
    files => {
        'migrations/0001_stalls.sql' => "create table stalls (id int);\n"
                                      . "insert into stalls values (1);\n",
        'sql/word.sql' => "create function stall_word() returns text\n"
            . "language sql stable as \$\$ select '$word' \$\$;\n",
        'sql/sql.sql' => "create function stall_sql(caller jsonb)\n"
            . "returns table (status int, etag text, body json)\n"
            . "language sql stable as \$\$\n    select 200, null::text, "
            . "json_build_object('word', stall_word());\n\$\$;\n",
        'sql/made.sql' => "create function stall_made(caller jsonb)\n"
            . "returns table (status int, etag text, location text, body json)\n"
            . "language sql as \$\$\n    select 200, null::text, null::text, "
            . "json_build_object('word', stall_word());\n\$\$;\n",
        'sql/fail.sql' => "create function stall_fail(caller jsonb)\n"
            . "returns table (status int, etag text, body json)\n"
            . "language plpgsql stable as \$\$ begin\n"
            . "    if '$word' = 'new' then raise exception 'broken'; end if;\n"
            . "    return query select 200, null::text, '{}'::json;\nend \$\$;\n",
    },
) } ['1.0.0', 'old'], ['2.0.0', 'new']);
my @blocks = map { plugin_database($db, $stall{$_}->path, 'read connections=1;',
                                   'write connections=1;') } '1.0.0', '2.0.0';
$blocks[1] =~ s/ihanoi_database $name/ihanoi_database ${name}_next/;
my $maps = 'map $http_x_version $by_header { default $http_x_version; }';
my @next = ("candidate @{[$stall{'2.0.0'}->path]} \$by_header;",
            "candidate_database ${name}_next;");

$gw->stop;
$gw = gateway(%conf, http => "$maps @blocks"
    . $stall{'1.0.0'}->block('public;', "database $name;", @next));
sub stall {
    my ($what, $version) = @_;
    my $answer = $gw->get("/v1/$name/$what", headers => {
        'X-Version' => $version, Connection => 'close' })->{json} // {};
    return join ' ', map { $answer->{$_} // () } qw(word n);
}
wait_until(sub { stall('sql', '0') && stall('sql', '1') }) for 1 .. 4;
is(stall('sql', '0'), 'old', 'SQL of the version that stands');
is(stall('sql', '1'), 'new', 'SQL of the candidate');
is(stall('lua', '0'), 'old 1', 'its Lua finds its own functions');
is(stall('lua', '1'), 'new 1', 'and so does the candidate\'s, over the same data');

# A POST by SQL has its key whoever serves it.
sub made {
    my ($version) = @_;
    my $r = $gw->post("/v1/$name/made", token => token(sub => 'a'), key => 'made-1',
                      headers => { 'X-Version' => $version, Connection => 'close' });
    return join ' ', $r->{json}{word} // $r->{status}, $r->{headers}{'idempotency-replayed'} // ();
}
is(join(', ', map { made($_) } 1, 0), 'new, new true', 'a POST by SQL is done once');

# Which are calls of the version that served them.
my @before = map { series($_, 'ok', $name) } '1.0.0', '2.0.0';
stall('sql', $_) for 0, 0, 0, 1, 1;
is_deeply([map { series($_, 'ok', $name) - shift @before } '1.0.0', '2.0.0'], [3, 2],
          'calls of SQL are counted, apart');
sub failing { $gw->get("/v1/$name/fail", headers => { 'X-Version' => 1,
                                                      Connection => 'close' })->{status} }
is(failing(), 500, "SQL of the candidate that fails: $_") for 1 .. 5;
is(failing(), 200, 'then its circuit is open, and the other serves');
is(stall('sql', '1'), 'old', 'all of its calls');
is(series('2.0.0', 'error', $name), 5, 'failures are counted');
cmp_ok(series('2.0.0', 'closed', $name), '>=', 2, 'and what it was spared');
%state = map { $_->{version} => $_->{state} } @{ $gw->get('/plugins')->{json}{plugins} };
is_deeply(\%state, { '1.0.0' => 'serving', '2.0.0' => 'failing' }, 'operators see it');
ok(wait_until(sub {
    failing();
    my ($rc, $out) = ihanoi(qw(plugin status), $name, '--conf', $gw->dir . '/nginx.conf');
    return $rc == 1 && $out =~ /runs      1\.0\.0 .*, serving,.*runs      2\.0\.0 .*, failing,/s;
}), 'so does the command, to which it is not well');

for my $case (
    ['SQL without a database of its own', [$next[0]],
     qr/asks for a database, the operator grants none: "candidate_database" is missing/],
    ['the database of the other', [$next[0], "candidate_database $name;"],
     qr/is granted the database "$name", which another has/],
) {
    my ($what, $lines, $reason) = @$case;
    my ($passed, $said) = gateway(%conf, start => 0, http => "$maps @blocks"
        . $stall{'1.0.0'}->block('public;', "database $name;", @$lines))->check;
    ok(!$passed, "nginx does not start with $what");
    like($said, $reason, "$what: it says why");
}

# What cannot stand side by side.
my %needs = (parameters => [{ name => 'zone', in => 'query', required => $true,
                              schema => { type => 'integer' } }]);
for my $case (
    ['the same version', version('1.0.0', lua => { x => 'return nil' }), [],
     qr/the candidate has the same version, 1\.0\.0/],
    ['an operation that is gone', plugin_folder(
        lua => { which => $lua{which} }, manifest => { version => '2.0.0' }), [],
     qr/the candidate 2\.0\.0 cannot stand beside 1\.0\.0: operation "probe_\w+" is missing/],
    ['a parameter that is needed',
     version('2.0.0', operations => { which => \%needs }), [],
     qr/operation "probe_which" needs "zone" as int8/],
    ['another path',
     version('2.0.0', operations => { which => { path => '/v1/probe/who' } }), [],
     qr/operation "probe_which" has another method or path/],
    ['another security',
     version('2.0.0', operations => { which => { security => [{ bearer => [] }] } }),
     [], qr/operation "probe_which" asks for another token/],
    ['another scope', version('2.0.0', operations => { read => {
        security => [{ bearer => ['bench.read', 'bench.write'] }] } }),
     [], qr/operation "probe_read" asks for another token/],
    ['Lua that does not load', version('2.0.0', lua => { which => 'return (' }), [],
     qr/plugin "probe" could not be loaded/],
    ['a grant it has not',
     version('2.0.0', manifest => { permissions => { public => $true,
                                                     secrets => ['key'] } }), [],
     qr/asks for the secret "key", the operator does not grant it/],
    ['a limit beyond the grant',
     version('2.0.0', manifest => { limits => { timeout => '9s' } }), [],
     qr/asks for timeout of 9000ms, the operator grants 5000ms/],
    ['another plugin', plugin_folder(name => 'other', lua => \%lua), [],
     qr/the manifest in .* is of "other"/],
    ['two candidates', $new, ["candidate @{[$new->path]} \$by_half;"],
     qr/"candidate" in "ihanoi_plugin" is duplicate/],
) {
    my ($name, $candidate, $lines, $reason) = @$case;
    my ($passed, $said) = gateway(%conf, start => 0,
                                  http => http($candidate, @$lines))->check;
    ok(!$passed, "nginx does not start with $name");
    like($said, $reason, "$name: it says why");
}

my ($passed, $said) = gateway(%conf, start => 0, http => $old->block('public;',
    'store 1m;', "candidate @{[$new->path]} by_header;"))->check;
like($said, qr/"candidate" in "ihanoi_plugin" needs a variable/, 'nor without a variable');
($passed, $said) = gateway(%conf, start => 0, http => $old->block('public;',
    'store 1m;', 'candidate_database x;'))->check;
like($said, qr/"candidate_database" without a "candidate"/,
     'nor with a database for nobody');

# It hears no events, so it can be tried before anybody grants it one.
my $listens = version('2.0.0', lua => { heard => '' }, manifest => {
    events => { subscribes => [{ event => 'feedback.closed', handler => 'heard' }] } });
($passed, $said) = gateway(%conf, start => 0, http => http($listens))->check;
ok($passed, 'a candidate with a subscription of its own') or diag $said;

done_testing;
