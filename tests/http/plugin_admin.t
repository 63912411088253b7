# What operators see of the plugins: GET /v1/admin/plugins, the location for
# those whom nginx lets in, and the series of /metrics.

use lib "tests/lib";
use IHanoi::Test;
use IHanoi::Test::Backend;
use IHanoi::Test::Plugin;
use Time::HiRes qw(sleep time);

my $db = database();
my $backend = IHanoi::Test::Backend->new;
my $issuer = $IHanoi::Test::ISSUER;

$db->sql("select officer_bootstrap('$issuer', 'overseer', 'HN', 'oversee');
          select officer_bootstrap('$issuer', 'ward', '00070', 'administer')");

my $plugin = plugin_folder(
    lua => {
        hello => 'return 200, {}',
        fail  => 'error("broken")',
        loop  => 'while true do end',
        work  => 'local n = 0 for i = 1, 300000 do n = n + i % 7 end
                  return 200, { n = n }',
        slow  => 'ihanoi.run.sleep(1.5) return 200, {}',
        keep  => 'for i = 1, 100 do ihanoi.store.set("k" .. i, ("x"):rep(100)) end
                  return 200, {}',
        ask   => 'local list = {}
                  for i, path in ipairs({ "/ok", "/ok", "/status/503", "/reset" }) do
                      local r, err = ihanoi.backend.get("operator", path)
                      list[i] = err or r.status
                  end
                  return 200, list',
        grow  => 'local t = {} while true do t[#t + 1] = ("x"):rep(999) .. #t end',
        leave => 'ihanoi.backend.get("operator", "/slow/5") return 200, {}',
        hold  => 'local r, err = ihanoi.backend.get("operator", "/slow/5",
                                                    { timeout = 0.1 })
                  return 200, { err }',
    },
    manifest => {
        version     => '2.3.4',
        limits      => { timeout => '3s', store => '1m', cpu => '100ms' },
        permissions => { public => JSON::PP::true, backends => ['operator'] },
    },
);
my $idle = plugin_folder(name => 'idle', lua => { hello => 'return 200, {}' });
my $switches = plugin_folder->path;

my $gw = gateway(db => $db, workers => 2,
    http => $plugin->block('public;', 'store 1m;', 'cpu 100ms;',
                           'backend operator /_operator;')
          . $idle->block('public;') . "ihanoi_plugin_switches $switches;\n",
    locations => <<"CONF");
    location ^~ /_operator { internal; proxy_pass @{[$backend->url]}; }
    location / { auth_jwt iHaNoi; ihanoi_api on; }
    location = /metrics { ihanoi_status metrics; }
    location = /readyz { ihanoi_status readyz; }
    location = /plugins { ihanoi_status plugins; allow 127.0.0.1; deny all; }
    location = /closed { ihanoi_status plugins; deny all; }
CONF

# A connection each, so that both workers have some.
sub call {
    my ($name) = @_;
    return $gw->get("/v1/probe/$name", headers => { Connection => 'close' });
}

sub admin { $gw->get('/v1/admin/plugins', token => token(sub => $_[0])) }

sub of {
    my ($r, $name) = @_;
    return (grep { $_->{name} eq $name } @{ $r->{json}{plugins} // [] })[0];
}

# The number of a series.
sub series {
    my ($name, %labels) = @_;
    my $all = join ',', map { qq{$_="$labels{$_}"} }
                        grep { defined $labels{$_} }
                        qw(plugin version backend outcome);
    return $gw->metric("$name\{$all}");
}
my %probe = (plugin => 'probe', version => '2.3.4');

wait_until(sub { $gw->get('/readyz')->{status} == 200 });

$db->sql("insert into core.plugin_jobs (plugin, job, cron, missed, next_at,
              declared_at, outcome, error, failures, started_at, ended_at)
          values ('probe', 'nightly', '0 3 * * *', 'once', now(), now(),
              'error', 'handler.lua:7: broken', 2, now(), now())");

# Who may.
is($gw->get('/v1/admin/plugins')->{status}, 401, 'nobody without a token');
is(admin('stranger')->{status}, 403, 'nor with any');
is(admin('ward')->{status}, 403, 'nor who administers a part of the city');
my $r = admin('overseer');
is($r->{status}, 200, 'who oversees the city') or diag $r->{content};
is_deeply([map { $_->{name} } @{ $r->{json}{plugins} }], [qw(probe idle)],
          'sees all plugins');
my ($job) = @{ $r->{json}{jobs} };
is("$job->{plugin} $job->{job} $job->{outcome} $job->{failures}",
   'probe nightly error 2', 'and their jobs');
like($r->{headers}{'cache-control'}, qr/private/, 'which caches do not keep');

my $before = of($r, 'probe');
is($before->{version}, '2.3.4', 'with their version');
like($before->{digest}, qr/^[0-9a-f]{64}\z/, 'their contents\' name');
is($before->{state}, 'serving', 'and whether they are served');

call('hello') for 1 .. 20;
call('work');
is(call('fail')->{status}, 500, 'a failure');
is(call('loop')->{status}, 503, 'a kill');
call('keep');

is_deeply(call('ask')->{json}, [200, 200, 503, 'bad gateway'],
          'a backend\'s answers');
is_deeply(call('hold')->{json}, ['timeout'], 'one that takes too long');

$r = of(admin('overseer'), 'probe');
is($r->{calls}{ok}, 24, 'calls of all workers') or diag explain $r;
is($r->{calls}{error} + $r->{calls}{cpu}, 2, 'and how the others ended');
is($r->{errors}, 2, 'failures together');
is($r->{kills}, 1, 'and kills');
is($r->{duration}{count}, 26, 'their time');
ok($r->{duration}{p50} > 0 && $r->{duration}{p50} <= $r->{duration}{p99},
   'with its middle and its tail');
ok($r->{cpu_seconds} > 0.1, 'processor time');
ok($r->{memory}{bytes} > 0 && $r->{memory}{peak} > 0, 'memory now and its peak');
is($r->{memory}{limit}, 16777216, 'of how much') or diag explain $r->{memory};
is($r->{circuit}{state}, 'closed', 'the circuit');
ok($r->{store}{entries} >= 100 && $r->{store}{bytes} > 10000, 'the store');
my ($operator) = @{ $r->{backends} };
is($operator->{name}, 'operator', 'the backends');
is($operator->{calls}{ok}, 2, 'what they answered');
is($operator->{calls}{'5xx'}, 1, 'with an error');
is($operator->{calls}{bad_gateway}, 1, 'or did not');
is($operator->{calls}{timeout}, 1, 'or not in time');
ok($operator->{duration}{count} == 5 && $operator->{duration}{p99} >= 0.1,
   'and how long it took');
is(of(admin('overseer'), 'idle')->{calls}{ok}, 0, 'each for itself');

# A client that goes away is nobody's error.
{
    my $client = $gw->connection;
    $client->send($client->format('GET', '/v1/probe/leave'));
    ok(wait_until(sub { 2 <= grep { m{/slow/5} } $backend->seen }),
       'a call under way');
    undef $client;
    ok(wait_until(sub {
        of(admin('overseer'), 'probe')->{backends}[0]{calls}{cancelled} == 1
    }), 'whose client left is cancelled');
}

# The peak is told when it was reached in a state that is no more.
is(call('grow')->{status}, 503, 'a kill for memory');
for (1 .. 8) {
    call('hello');
    my $memory = of(admin('overseer'), 'probe')->{memory};
    cmp_ok($memory->{peak}, '>=', $memory->{limit}, 'the peak is what it had');
    cmp_ok($memory->{bytes}, '<', $memory->{limit}, 'and not what it has');
}

# Under way.
{
    my $client = $gw->connection;
    $client->send($client->format('GET', '/v1/probe/slow'));
    ok(wait_until(sub { of(admin('overseer'), 'probe')->{active} == 1 }),
       'calls under way are seen');
    $client->response;
}

# /metrics says the same.
is(series('ihanoi_plugin_backend_calls_total', %probe, backend => 'operator',
          outcome => '5xx'), 1, 'series of a backend\'s calls');
is(series('ihanoi_plugin_backend_duration_seconds_count', %probe,
          backend => 'operator'), 6, 'and of their time');
ok(wait_until(sub { (series('ihanoi_plugin_store_entries', %probe) // 0) >= 100 }),
   'series of the store');
ok(series('ihanoi_plugin_store_bytes', %probe) > 10000, 'its size');
is(series('ihanoi_plugin_store_evicted', %probe), 0, 'what it gave up');

# For whom nginx lets in, without the database.
$r = $gw->get('/plugins');
is($r->{status}, 200, 'a location tells the same');
is(of($r, 'probe')->{errors}, 3, 'of all workers');
is($r->{headers}{'cache-control'}, 'no-store', 'not kept by caches');
is($gw->get('/closed')->{status}, 403, 'where nginx lets in');
unlike($r->{content}, qr/secret|token/, 'no secret is in it');

# States.
call('fail') for 1 .. 5;
is(of($gw->get('/plugins'), 'probe')->{state}, 'failing',
   'a circuit that is open');
open my $fh, '>', "$switches/idle.disabled" or die "$switches: $!\n";
close $fh;
ok(wait_until(sub { of($gw->get('/plugins'), 'idle')->{state} eq 'disabled' }),
   'a plugin that is disabled');

# A reload keeps what was counted.
my $errors = of($gw->get('/plugins'), 'probe')->{errors};
ok($gw->reload, 'a reload');
ok($errors > 2 && of($gw->get('/plugins'), 'probe')->{errors} == $errors,
   'does not forget');

# Who has signed: what a deployment has left is believed of its own contents only.
my ($digest, $key, $other) = (of($gw->get('/plugins'), 'idle')->{digest}, 'a' x 64, '0' x 64);
is(of($gw->get('/plugins'), 'idle')->{signed_by}, undef, 'nobody is known to have signed it');

for (["$digest $key\n", { agency => $key, reviewer => undef }], ["$digest $key $other\n", { agency => $key, reviewer => $other }],
     ["$other $key\n"], ["$digest\n"], ["$digest $key"], ["$digest  $key\n"], [uc("$digest $key") . "\n"],
     ["$digest $key $other $other\n"], ["$digest $key\n$key\n"], ["\0" x 130], ['']) {
    my ($text, $signed) = @$_;
    $idle->write('.signed', $text);
    $gw->reload;
    is_deeply(of($gw->get('/plugins'), 'idle')->{signed_by}, $signed,
              ($signed ? 'signed: ' : 'no record: ') . length($text) . ' bytes');
}
unlink $idle->path . '/.signed';
symlink '/etc/passwd', $idle->path . '/.signed';
$gw->reload;
is(of($gw->get('/plugins'), 'idle')->{signed_by}, undef, 'nor is a link one');
like($gw->error_log, qr{\[warn\].* plugin "idle": ".*/idle/\.signed" is not about these contents}, 'which is told');

# A plugin may not take the name of what is the host's.
my $forger = plugin_folder(
    lua => { hello => 'return 200, {}' },
    operations => { hello => { 'x-ihanoi-lua' => undef,
        'x-ihanoi-sql' => 'hello', 'x-ihanoi-host' => 'plugins',
        security => [{ bearer => [] }] } },
    manifest => { permissions => { public => JSON::PP::true,
                                   database => JSON::PP::true } });
my ($passed, $said) = gateway(db => $db, start => 0,
    http => $forger->block('public;', 'database probe;') . <<"CONF")->check;
ihanoi_database probe {
    server unix:$db->{socket} port=$db->{port};
    dbname $db->{name}; schema plugin_probe; user nobody;
}
CONF
ok(!$passed, 'a plugin\'s contract has nothing of the host');
like($said, qr/"probe_hello".*"x-ihanoi-host" is not for plugins/, 'which is said');

done_testing;
