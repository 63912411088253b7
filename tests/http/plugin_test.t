#!/usr/bin/perl
# "ihanoi plugin test": the declared tests of a plugin, against a real gateway
# with fake backends.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Command;
use IHanoi::Test::Plugin;
use File::Temp qw(tempdir);
use IHanoi::Plugin::Expect qw(mismatch wrong_expectation);
use IHanoi::Plugin::LocalGateway;
use IHanoi::Plugin::Test;
use JSON::PP ();

# Gateways of the command are below this.
my $temp = $ENV{TMPDIR} = tempdir('ihanoi-test-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $temp;

my $true = JSON::PP::true;
my ($rc, $out, $err);

# An answer is waited for as long as the gateway may take for it, and not less.
is(IHanoi::Plugin::Test::patience({}, { paths => {} }), 35, 'a call of five seconds');
is(IHanoi::Plugin::Test::patience({ limits => { timeout => '2m' } }, { paths => {} }), 150,
   'a longer one');
is(IHanoi::Plugin::Test::patience({ limits => { timeout => '500ms' } }, { paths => {
       '/a' => { parameters => [], get => { 'x-ihanoi-timeout' => 45000 }, post => {} } } }),
   75, 'an operation of more');

# What is expected of a value: [expected, value, undef or what is said].
my @expectations = (
    [1, 1, undef], [1, '1', qr/^the value is "1", not 1$/], ['a', 'b', qr/is "b", not "a"/],
    [undef, undef, undef], [undef, 0, qr/is 0, not null/], [$true, 1, qr/is 1, not true/],
    [{ a => 1 }, { a => 1, b => 2 }, undef], [{ a => 1 }, { b => 2 }, qr{^/a is not there$}],
    [{ a => { b => 1 } }, { a => { b => 2 } }, qr{^/a/b is 2, not 1$}],
    [{ a => 1 }, [1], qr/no object/], [[1, 2], [1, 2], undef], [[1], [1, 2], qr/2 items, not 1/],
    [[{ a => 1 }], [{ a => 1, b => 2 }], undef], [[1], { a => 1 }, qr/no list/],
    [{ '$type' => 'string' }, 'x', undef], [{ '$type' => 'string' }, 1, qr/is of type integer/],
    [{ '$type' => 'number' }, 1, undef], [{ '$type' => 'integer' }, 1.5, qr/of type number/],
    [{ '$pattern' => '^a+$' }, 'aa', undef], [{ '$pattern' => '^a+$' }, 'ab', qr/not like/],
    [{ '$length' => 2 }, [1, 2], undef], [{ '$length' => 2 }, 'ốố', undef],
    [{ '$length' => 2 }, 5, qr/of length none/],
    [{ '$contains' => { a => 1 } }, [{ a => 2 }, { a => 1, b => 3 }], undef],
    [{ '$contains' => 1 }, [2], qr/without 1/],
    [{ '$only' => { a => 1 } }, { a => 1 }, undef], [{ '$only' => { a => 1 } }, { a => 1, b => 1 }, qr/has "b" too/],
    [{ a => { '$absent' => $true } }, {}, undef], [{ a => { '$absent' => $true } }, { a => undef }, qr/should not be there/],
    [{ x => { '$only' => { a => 1 } } }, { x => { a => 2 } }, qr{^/x/a is 2, not 1$}],
);

for my $row (@expectations) {
    my ($expected, $got, $said) = @$row;
    my $json = JSON::PP->new->canonical->allow_nonref;
    my $name = $json->encode($expected) . ' of ' . $json->encode($got);
    my $why = mismatch($expected, $got);
    defined $said ? like($why // '', $said, $name) : is($why, undef, $name);
}
like(wrong_expectation({ a => [{ '$tpye' => 'x' }] }), qr/"\$tpye" is no expectation/, 'a typing error');
like(wrong_expectation({ '$type' => 'a', b => 1 }), qr/stands alone/, 'beside others');
like(wrong_expectation({ '$pattern' => '(' }), qr/pattern that is none/, 'a broken pattern');

# The plugins of the tree pass their own tests, also where a proxy leads elsewhere.
for my $folder ('bin/templates/template', 'plugins/office_hours') {
    local @ENV{qw(http_proxy all_proxy)} = ('http://127.0.0.1:1', 'socks5://127.0.0.1:1');
    ($rc, $out, $err) = ihanoi(qw(plugin test), tree() . "/$folder");
    is($rc, 0, "$folder passes its own tests") or diag "$out$err";
    like($out, qr/\A1\.\.\d+\n(?:ok \d+ - .*\n)+\z/, 'and prints TAP');
}

# A plugin with all that a test can declare.
my $handler = <<'LUA';
local M = {}
function M.spot_read(input)
    local r, err = ihanoi.backend.get("operator", { "spots", input.id },
        { query = { key = ihanoi.plugin.secret("key") }, timeout = 2 })
    if not r then
        ihanoi.log.warn("the operator is away: " .. err)
        return ihanoi.response.problem("operator-away", { why = err })
    end
    if r.status == 404 then return nil end
    return 200, r.json(), { ETag = '"v' .. r.status .. '"' }
end
function M.order(input)
    return 201, { id = ihanoi.uuid.v7(), now = ihanoi.time.format(ihanoi.time.now()),
                  most = ihanoi.plugin.settings().most,
                  sub = ihanoi.request.caller().sub,
                  assurance = ihanoi.request.caller().assurance, note = input.note }
end
function M.wrong() return 200, { free = "three" } end
function M.typo() return ihanoi.response.problem("operator-awya") end
function M.broken() local t = nil; return 200, t.x end
return M
LUA
my $any = { 200 => { description => 'Any', content => { 'application/json' => { schema => {} } } } };
my $spot = { 200 => { description => 'A spot', content => { 'application/json' => { schema => {
    type => 'object', required => ['free'], properties => { free => { type => 'integer' } } } } } } };

# A POST needs the core's database, which takes its time to be made.
our @operations = qw(spot_read order wrong broken typo);

sub plugin {
    my (%tests) = @_;
    return plugin_folder(
        handler => $handler,
        lua => { map { $_ => '' } @operations },
        manifest => {
            permissions => { public => $true, backends => ['operator'], secrets => ['key'] },
            settings => { type => 'object', properties => { most => { type => 'integer', default => 3 } } },
        },
        operations => {
            spot_read => { path => '/v1/probe/spots/{id}', responses => $spot, parameters => [
                { name => 'id', in => 'path', required => $true,
                  schema => { type => 'string', maxLength => 20 } }] },
            order => { method => 'post', security => [{ bearer => [] }], responses => {
                201 => $any->{200} }, requestBody => { content => {
                'application/json' => { schema => { type => 'object', additionalProperties => JSON::PP::false,
                    properties => { note => { type => 'string', maxLength => 100 } } } } } } },
            wrong => { responses => $spot },
            broken => { responses => $any },
            typo => { responses => $any },
        },
        document => { 'x-ihanoi-problems' => { 'operator-away' => { status => 503,
            title => { vi => 'Vắng', en => 'Away' } } } },
        files => { map { ("tests/$_.json" => JSON::PP->new->encode($tests{$_})) } keys %tests },
    );
}

sub spot { return { path => "/v1/probe/spots/$_[0]" } }
my $asked = { request => { path => '/spots/7', query => { key => 'k1' } },
              answer => { body => { free => 3 } } };
my %good = (
    secrets => { key => 'k1' }, settings => { most => 9 }, clock => '2026-11-24T09:00:00+07:00',
    backends => { operator => [$asked, { answer => { status => 404 } }] },
    cases => [
        { name => 'a backend answers', request => spot(7),
          answer => { status => 200, headers => { ETag => '"v200"', 'Content-Type' => 'application/json' },
                      body => { '$only' => { free => 3 } } } },
        { name => 'an answer without a body', request => { %{ spot(7) }, method => 'HEAD' },
          answer => { status => 200, headers => { ETag => '"v200"' } } },
        { name => 'a rule for the rest', request => spot(8), answer => { status => 404 } },
        { name => 'a rule of the case', request => spot(7),
          backends => { operator => [{ %$asked, times => 1, answer => { body => { free => 0 } } }] },
          answer => { status => 200, body => { free => 0 } } },
        { name => 'a backend that refuses', request => spot(7), backends => { operator => 'refuse' },
          answer => { status => 503, body => { why => 'refused' } }, log => ['the operator is away'] },
        { name => 'one that is there again', request => spot(7), answer => { status => 200 } },
        { name => 'one that is late', request => spot(7), backends => { operator => [{ answer => {
              delay_ms => 3000 } }] }, answer => { status => 503, body => { why => { '$pattern' => 'time' } } } },
        (map { { name => "one that answers with $_", request => spot(7),
                 backends => { operator => [{ answer => $_ }] }, answer => { status => 503 } } }
         qw(garbage close half)),
        { name => 'a citizen orders', request => { method => 'POST', path => '/v1/probe/order',
              token => 'citizen', body => { note => 'Phố Huế' } },
          answer => { status => 201, body => { now => '2026-11-24T09:00:00+07:00', most => 9,
              sub => 'test-citizen', assurance => 'phone', note => 'Phố Huế', id => { '$length' => 36 } } },
          save => { order => '/id', type => 'content-type' } },
        { name => 'what was saved is filled in', request => { method => 'POST', path => '/v1/probe/order',
              token => { sub => '{{order}}' }, body => { note => 'of {{order}}' } },
          answer => { status => 201, headers => { 'content-type' => '{{type}}' },
                      body => { sub => '{{order}}', note => 'of {{order}}' } } },
        { name => 'nobody orders', request => { method => 'POST', path => '/v1/probe/order', body => {} },
          answer => { status => 401 } },
        { name => 'an order without a key', request => { method => 'POST', path => '/v1/probe/order',
              token => 'officer', headers => { 'Idempotency-Key' => undef }, body => {} },
          answer => { status => 400 } },
        { name => 'answers are held against the contract', request => { path => '/v1/probe/wrong' },
          answer => { status => 502 }, log => ['/free'] },
        { name => 'and again', request => { path => '/v1/probe/wrong' }, answer => { status => 502 } },
    ],
);

($rc, $out, $err) = ihanoi(qw(plugin test), plugin(good => \%good)->path);
is($rc, 0, 'all of it passes') or diag "$out$err";
is($err, '', 'and nothing else is said');
is(() = $out =~ /^ok /mg, scalar @{ $good{cases} }, 'each case is told');

# Cases that fail: [what, case, what is said].
my @failing = (
    ['a status', { request => spot(7), answer => { status => 201 } }, qr/^# status is 200, not 201$/m],
    ['a body', { request => spot(7), answer => { status => 200, body => { free => 4 } } },
     qr{^# body /free is 3, not 4$}m],
    ['a header', { request => spot(7), answer => { status => 200, headers => { ETag => '"v1"' } } },
     qr/^# header etag is "\\"v200\\"", not/m],
    ['a backend that was asked for something else', { request => spot(9), answer => { status => 404 },
       backends => { operator => [{ request => { path => '/spots/9', method => 'POST' } }] } }, undef],
    ['a backend that was not asked', { request => { path => '/v1/probe/wrong' }, answer => { status => 502 },
       backends => { operator => [{ request => { path => '/x' }, times => 1 }] } },
     qr/^# backend "operator" was asked 0 times, not 1, for/m],
    ['a log line', { request => spot(7), answer => { status => 200 }, log => ['no such'] },
     qr/^# the log has no "no such"$/m],
    ['what nobody saved', { request => spot('{{x}}'), answer => { status => 200 } },
     qr/^# nothing has saved "x"$/m],
    ['an error of the handler', { request => { path => '/v1/probe/broken' }, answer => { status => 200 } },
     qr/^# log: error: probe\/handler\.lua:\d+: .*'t'/m],
    ['a problem of no contract', { request => { path => '/v1/probe/typo' }, answer => { status => 503 } },
     qr/^# log: error: operation "probe_typo" refuses: problem "operator-awya" is in no contract$/m],
);

@operations = qw(spot_read wrong broken typo);
($rc, $out, $err) = ihanoi(qw(plugin test), plugin(bad => { %good,
    cases => [map { { name => $_->[0], %{ $_->[1] } } } @failing] })->path);
is($rc, 1, 'a case that fails is exit code 1');
for my $i (0 .. $#failing) {
    my ($what, undef, $said) = @{ $failing[$i] };
    my $n = $i + 1;
    my ($part) = $out =~ /^((?:not )?ok $n - .*\n(?:#.*\n)*)/m;
    if ($said) {
        like($part, qr/^not ok/, "$what fails");
        like($part, $said, 'and it is said why');
    } else {
        like($part, qr/^ok/, "$what: another rule takes it") or diag $part;
    }
}
like($err, qr/^probe 1\.0\.0: 8 of 9 cases failed$/m, 'the sum');

# No rule at all, and rules of nobody.
($rc, $out) = ihanoi(qw(plugin test), plugin(none => { cases => [{ name => 'x', request => spot(7),
    answer => { status => 200 } }] })->path);
like($out, qr{^# backend "operator" was asked for what no rule has: GET /spots/7}m,
     'a backend without a rule');

# Tests that are none, and plugins that cannot be started.
my %ok = (name => 'x', request => spot(7), answer => { status => 200 });
my @wrong = (
    ['no JSON', '{', qr{tests/a\.json: is no JSON object}],
    ['no cases', {}, qr{/cases has to have some}],
    ['an unknown member', { cases => [\%ok], bakends => {} }, qr{/bakends: there is no such member; known are backends,}],
    ['an unknown member of a case', { cases => [{ %ok, answers => 1 }] }, qr{/cases/0/answers}],
    ['no status', { cases => [{ %ok, answer => {} }] }, qr{/cases/0/answer has no "status"}],
    ['no path', { cases => [{ %ok, request => {} }] }, qr{/cases/0/request/path}],
    ['another token', { cases => [{ %ok, request => { path => '/', token => 'admin' } }] }, qr{/token is neither}],
    ['no time', { clock => 'now', cases => [\%ok] }, qr{/clock is no time}],
    ['no day', { clock => '2026-02-30T09:00:00Z', cases => [\%ok] }, qr{/clock is no time}],
    ['an expectation that is none', { cases => [{ %ok, answer => { status => 200, body => { '$foo' => 1 } } }] },
     qr{"\$foo" is no expectation}],
    ['an answer that is none', { backends => { operator => [{ answer => 'explode' }] }, cases => [\%ok] },
     qr{/backends/operator/0/answer is neither}],
    ['another backend', { backends => { bank => [] }, cases => [\%ok] }, qr/asks for no backend "bank"/],
    ['another secret', { secrets => { pin => '1' }, cases => [\%ok] }, qr/asks for no secret "pin"/],
    ['another event', { cases => [{ name => 'x', event => { topic => 'feedback.closed' } }] },
     qr/subscribes to no "feedback.closed"/],
    ['another job', { cases => [{ name => 'x', job => 'sweeep' }] }, qr/has no job "sweeep"/],
    ['no event', { cases => [{ name => 'x', event => { topic => 'closed' } }] }, qr{/cases/0/event/topic is no event}],
    ['an event and a request', { cases => [{ %ok, event => { topic => 'a.b' } }] }, qr{/cases/0 is for "event"}],
    ['another setting', { settings => { moist => 1 }, cases => [\%ok] }, qr/no setting "moist".*"most"/],
    ['a setting of another type', { settings => { most => 'many' }, cases => [\%ok] }, qr/most.*integer/],
);
for my $row (@wrong) {
    my ($what, $test, $said) = @$row;
    my $plugin = plugin();
    $plugin->write('tests/a.json', ref $test ? JSON::PP->new->encode($test) : $test);
    ($rc, $out, $err) = ihanoi(qw(plugin test), $plugin->path);
    is($rc, 1, "$what is refused") or diag "$out$err";
    like($err, $said, 'and it is said why');
}
($rc, $out, $err) = ihanoi(qw(plugin test), plugin()->path);
is("$rc$out", 1, 'a plugin without tests');
like($err, qr/there is no test/, 'is told so');

($rc, $out) = ihanoi(qw(plugin test --only), 'late', plugin(good => \%good)->path);
is($out, "1..1\nok 1 - tests/good.json: one that is late\n", 'one case alone');

# Operations that SQL alone serves: a POST without any Lua in the folder, and what is wrong.
my %noted = (path => '/v1/probe/notes', method => 'POST', token => 'citizen', body => {},
             headers => { 'Idempotency-Key' => 'note-1' });
($rc, $out, $err) = ihanoi(qw(plugin test), plugin_folder(
    handler => '', lua => { notes => '' },
    operations => { notes => {
        method => 'post', security => [{ bearer => [] }],
        'x-ihanoi-lua' => undef, 'x-ihanoi-sql' => 'note_create',
        requestBody => { content => { 'application/json' => { schema => {
            type => 'object', properties => {}, additionalProperties => JSON::PP::false } } } },
        responses => { 201 => $any->{200} } } },
    manifest => { permissions => { database => $true } },
    files => {
        'migrations/0001_notes.sql' => 'create table notes (id int generated always as identity);',
        'sql/note_create.sql' => <<'SQL',
create function note_create(caller jsonb)
returns table (status int, etag text, location text, body json)
language sql
as $$
    insert into notes default values
    returning 201, null::text, null::text, json_build_object('id', id)
$$;
SQL
        'tests/notes.json' => JSON::PP->new->encode({ cases => [
            map { { name => "note $_", request => \%noted,
                    answer => { status => 201, body => { id => 1 } } } } 1, 2 ] }),
    })->path);
is($rc, 0, 'a POST by SQL, done once') or diag "$out$err";

my $in_sql = plugin_folder(
    lua => { map { $_ => '' } qw(divides misfit) },
    operations => { map { $_ => { 'x-ihanoi-lua' => undef, 'x-ihanoi-sql' => $_, responses => $any } }
                    qw(divides misfit) },
    manifest => { permissions => { public => $true, database => $true } },
    files => { (map { ("sql/$_->[0].sql" => <<"SQL") } [divides => ''], [misfit => ', other int']),
create function $_->[0](caller jsonb$_->[1]) returns table (status int, etag text, body json)
language sql stable as \$\$ select 200, '1', to_json(1 / (0 * length(caller::text))) \$\$;
SQL
        'tests/sql.json' => JSON::PP->new->encode({ cases => [
            { name => 'fails', request => { path => '/v1/probe/divides' }, answer => { status => 200 } },
            { name => 'does not fit', request => { path => '/v1/probe/misfit' }, answer => { status => 503 } },
        ] }) });
($rc, $out, $err) = ihanoi(qw(plugin test), $in_sql->path);
is($rc, 1, 'SQL that fails') or diag "$out$err";
like($out, qr/^# log: error: operation "probe_divides" failed with SQLSTATE 22012: division by zero$/m,
     'is told as Lua is') or diag $out;
like($out, qr/^# log: error: database .*: operation "probe_misfit": function misfit\b/m,
     'and what does not fit its operation') or diag $out;

# Jobs.
my $jobs = plugin_folder(lua => { hello => 'return 200, {}' },
    functions => { sweep => 'local r = ihanoi.backend.get("operator", "/sweep")
                             ihanoi.log.info("swept " .. r.status) return true',
                   asks => 'ihanoi.db.query("select $1::int", { "unheard" }) return ihanoi.db.query("select $1::int", { "x" })',
                   fails => 'return nil, "no luck"' },
    manifest => { permissions => { public => $true, database => $true, backends => ['operator'] },
                  jobs => [map { { name => $_, cron => '0 0 1 1 *', handler => $_ } } qw(sweep fails asks)] },
    files => { 'tests/jobs.json' => JSON::PP->new->encode({
        backends => { operator => [{ request => { path => '/sweep' } }] },
        cases => [{ name => 'a job', job => 'sweep', log => ['swept 200'] },
                  { name => 'again', job => 'sweep', log => ['swept 200'] },
                  { name => 'one that fails', job => 'fails', outcome => 'failed' },
                  { name => 'one that should not', job => 'fails' },
                  { name => 'what a log withholds', job => 'asks', outcome => 'ok' }] }) });
($rc, $out, $err) = ihanoi(qw(plugin test), $jobs->path);
is("$rc $out", <<'TAP', 'jobs run, and how they end is told') or diag $err;
1 1..5
ok 1 - tests/jobs.json: a job
ok 2 - tests/jobs.json: again
ok 3 - tests/jobs.json: one that fails
not ok 4 - tests/jobs.json: one that should not
# it ended with failed, not ok: no luck
# log: error: jobs/fails failed: no luck
not ok 5 - tests/jobs.json: what a log withholds
# it ended with failed, not ok: 22P02: (message withheld)
# log: error: jobs/asks failed: 22P02: invalid input syntax for type integer: "x"
TAP

# One that takes longer than a test waits: a minute goes by between any two looks at it.
{
    my %file = (psql => <<"SH", 'Ahead.pm' => <<'PERL');
#!/bin/sh
PATH='$ENV{PATH}'
text=\$(cat)
case "\$text" in *'from core.plugin_jobs'*) printf %60s >> $temp/ihanoi-plugin-ahead ;; esac
printf '%s\\n' "\$text" | psql "\$@"
SH
package Ahead;
use Time::HiRes ();
my $time = \&Time::HiRes::time;
no warnings 'redefine';
*Time::HiRes::time = sub () { $time->() + -s $ENV{AHEAD} };
1;
PERL
    mkdir "$temp/ihanoi-plugin-bin";
    my $put = sub {
        open my $fh, '>', $_[0] or die;
        print $fh $_[1];
        close $fh;
        chmod 0755, $_[0];
    };
    $put->("$temp/ihanoi-plugin-bin/$_", $file{$_}) for qw(psql Ahead.pm);
    $put->(local $ENV{AHEAD} = "$temp/ihanoi-plugin-ahead", '');
    local $ENV{PATH} = "$temp/ihanoi-plugin-bin:$ENV{PATH}";
    local $ENV{PERL5OPT} = "-I$temp/ihanoi-plugin-bin -MAhead";

    ($rc, $out, $err) = ihanoi(qw(plugin test), plugin_folder(
        lua => { hello => 'return 200, {}' }, functions => { slow => 'ihanoi.run.sleep(20)' },
        manifest => { permissions => { public => $true },
                      jobs => [{ name => 'slow', cron => '0 0 1 1 *', handler => 'slow' }] },
        files => { 'tests/slow.json' => JSON::PP->new->encode({
            cases => [{ name => 'a long job', job => 'slow' }] }) })->path);
    is("$rc $out", <<'TAP', 'a job that takes too long for a test is told so') or diag $err;
1 1..1
not ok 1 - tests/slow.json: a long job
# the job "slow" has not ended in 60 seconds: a test waits no longer
TAP
}

# Events, of others and of its own.
my $hears = plugin_folder(
    lua => { last => 'return 200, { key = ihanoi.store.get("key"), n = ihanoi.store.get("n") }' },
    functions => { closed => 'ihanoi.log.info(event.topic .. " " .. tostring(event.payload.why))
                              if event.payload.why == "bad" then return nil, "no luck" end
                              ihanoi.store.set("key", event.key)
                              ihanoi.store.increment("n", 1, { first = 0 })' =~ s/event/input/gr },
    manifest => { limits => { store => '256k' }, events => { publishes => ['probe.done'], subscribes => [
        map { { event => $_, handler => 'closed' } } qw(feedback.closed payments.changed probe.done)] } },
    files => { 'tests/events.json' => JSON::PP->new->encode({ cases => [
        { name => 'one of the core', event => { topic => 'feedback.closed', payload => { why => 'so' },
          key => '01a21974-292d-706c-a4d6-36b4c5b46def' }, log => ['feedback.closed so'] },
        { name => 'its key', request => { path => '/v1/probe/last' }, save => { key => '/key' },
          answer => { status => 200, body => { key => '01a21974-292d-706c-a4d6-36b4c5b46def' } } },
        { name => 'one that fails', event => { topic => 'payments.changed', key => '{{key}}',
          payload => { why => 'bad' } }, outcome => 'failed' },
        { name => 'the next one', event => { topic => 'payments.changed', key => '{{key}}' },
          log => ['payments.changed nil'] },
        { name => 'its own', event => { topic => 'probe.done', payload => { why => "it's \"so\"" } },
          log => ["probe.done it's \"so\""] },
        { name => 'three have come', request => { path => '/v1/probe/last' },
          answer => { status => 200, body => { n => 3 } } },
        { name => 'one that should not', event => { topic => 'probe.done', payload => { why => 'bad' } } },
    ] }) });
($rc, $out, $err) = ihanoi(qw(plugin test), $hears->path);
is("$rc $out", <<'TAP', 'events are delivered, and how they end is told') or diag $err;
1 1..7
ok 1 - tests/events.json: one of the core
ok 2 - tests/events.json: its key
ok 3 - tests/events.json: one that fails
ok 4 - tests/events.json: the next one
ok 5 - tests/events.json: its own
ok 6 - tests/events.json: three have come
not ok 7 - tests/events.json: one that should not
# it ended with failed, not ok: no luck
# log: info: says: probe.done bad
# log: error: events/probe.done failed: no luck
TAP

# The gateway clears what is done away now and then: here always before anybody looks.
{
    open my $fh, '>', "$temp/psql" or die;
    print $fh <<"SH";
#!/bin/sh
PATH='$ENV{PATH}'
text=\$(cat)
case "\$text" in *core.plugin_deliveries*)
    echo "delete from core.plugin_deliveries where state = 'done'" | psql -X -q ;;
esac
printf '%s\\n' "\$text" | psql "\$@"
SH
    close $fh;
    chmod 0755, "$temp/psql";
    local $ENV{PATH} = "$temp:$ENV{PATH}";
    ($rc, $out, $err) = ihanoi(qw(plugin test --only), 'its own', $hears->path);
    is("$rc $out", "0 1..1\nok 1 - tests/events.json: its own\n", 'also when its delivery is gone') or diag $err;
    unlink "$temp/psql";
}

# Other plugins are what a file says.
my $asks = plugin_folder(
    lua => { look => 'local value, err = ihanoi.interface.call("tariff", "prices", "of", { hours = 2 })
                      local _, closed = ihanoi.interface.call("tariff", "prices", "hold")
                      return 200, { value = value, err = err, closed = closed }',
             other => 'return 200, { pcall(ihanoi.interface.call, "tariff", "prices", "more") }' },
    manifest => { interfaces => { uses => [{ plugin => 'tariff', name => 'prices', version => 3 },
                                           { plugin => 'bank', name => 'accounts', version => 1 }] } },
    files => { 'tests/interfaces.json' => JSON::PP->new->encode({
        interfaces => { 'tariff.prices' => { of => { result => { dong => 5000, text => qq(it's "so" \\ [[x]]\n) } },
                                             hold => { error => 'closed' } } },
        cases => [
            { name => 'answers', request => { path => '/v1/probe/look' }, answer => { status => 200, body => {
                '$only' => { value => { dong => 5000, text => qq(it's "so" \\ [[x]]\n) }, closed => 'closed' } } } },
            { name => 'no such function', request => { path => '/v1/probe/other' }, answer => { status => 200,
                body => [JSON::PP::false, { '$pattern' => 'more' }] } } ] }) });
($rc, $out, $err) = ihanoi(qw(plugin test), $asks->path);
is($rc, 0, 'interfaces of other plugins are what a file says') or diag "$out$err";
$asks->write('tests/interfaces.json', JSON::PP->new->encode({ interfaces => { $_->[0] => $_->[1] }, cases => [\%ok] })),
    ($rc, $out, $err) = ihanoi(qw(plugin test), $asks->path), like($err, $_->[2], "$_->[0]: it is said what is wrong")
    for ['tariff.other', {}, qr/uses no interface "tariff.other"/],
        ['tariff.prices', { of => 1 }, qr{/interfaces/tariff.prices/of is neither}],
        ['tariff.prices', { of => { result => 1, error => 'x' } }, qr{/of is neither}],
        ['tariff.prices', { 'x) os.exit(' => { result => 1 } }, qr{is neither}];

# Ctrl-C in the middle of a case.
my $late = plugin(late => { cases => [{ name => 'late', request => spot(7), answer => { status => 200 },
    backends => { operator => [{ answer => { delay_ms => 30_000 } }] } }] });
my $pid = fork // die;
if (!$pid) {
    open STDOUT, '>', "$temp/ihanoi-plugin-late";
    open STDERR, '>&', \*STDOUT;
    exec_ihanoi(qw(plugin test), $late->path);
}
my $log = wait_until(sub { (glob "$temp/ihanoi-????????/nginx.pid")[0] }, 30);
ok($log, 'a test under way');
sleep 1;
kill INT => $pid;
waitpid $pid, 0;
is($? >> 8, 130, 'ends at Ctrl-C');
{
    open my $fh, '<', "$temp/ihanoi-plugin-late" or die;
    is(join('', <$fh>), "1..1\nBail out! Ended by a signal\n", 'and says so');
}

# One that nginx's loader or a sanitizer ends says nothing in nginx's way.
{
    my $dir = "$temp/ihanoi-plugin-said";
    mkdir $dir;
    my $said = sub {
        open my $fh, '>', "$dir/start.log" or die;
        print $fh @_;
        close $fh;
        return IHanoi::Plugin::LocalGateway::_said({ dir => $dir });
    };
    is($said->("nginx: [emerg] 1#1: no zone\nmore\n"), "no zone\n", 'what nginx says against a plugin');
    is($said->("==1==ERROR: AddressSanitizer: x\n"), "==1==ERROR: AddressSanitizer: x\n",
       'and what has ended it before it could');
}

# Nothing is left.
is(join(' ', grep { !/ihanoi-plugin/ } glob "$temp/*"), '', 'no folder is left');

done_testing();
