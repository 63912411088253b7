# Jobs of plugins: each run once in the cluster, at its time or as its manifest
# says of missed ones, under its limits, and how it ended is kept.

use lib 'tests/lib';
use utf8;
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Time::HiRes qw(sleep time);

my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $db = database();

my $role = "test_${$}_probe";
$db->own_roles($role);

$db->sql(<<"SQL");
    create role $role login nosuperuser;
    create schema plugin_probe authorization $role;
    set role $role;
    create table plugin_probe.ran (job text, input jsonb, who text,
                                   at timestamptz default clock_timestamp());
SQL

my $note = 'ihanoi.db.execute("insert into ran (job, input, who) values ($1, $2, $3)",
                { input.job, input, ihanoi.plugin.settings().who })';

# All of them are due at the next new year only, and when a test says so.
my @jobs = (
    [steady  => "$note"],
    [skips   => "$note", missed => 'skip'],
    [slow    => "$note ihanoi.run.sleep(4)", timeout => '10s'],
    [late    => 'ihanoi.run.sleep(60)', timeout => '300ms'],
    [throws  => 'error("no such bench")'],
    [refuses => 'return nil, "the register is closed"'],
    [queries => 'return ihanoi.db.value("select $1::int", { "a name" })'],
    [tables  => 'return nil, {}'],
    [bytes   => 'error("a\\255\\237\\160\\128b ộ")'],
    [loops   => 'while true do end'],
    [works   => "for i = 1, 6e7 do end $note", cpu => '900ms'],
    [fetches => 'local list = ihanoi.backend.all({
                     { "echo", { path = "/a" } }, { "echo", { path = "/b" } } })
                 ihanoi.db.execute("insert into ran (job, who) values ($1, $2)",
                     { input.job, list[1].body .. list[2].body })'],
    [hangs   => 'ihanoi.backend.get("echo", "/slow")', timeout => '500ms'],
    [asks    => 'ihanoi.request.caller()'],
    [clears  => "$note" . ' return ihanoi.db.value("select count(*) from ran where job = $1", { input.job }) < 3
                     and "again" or "done"'],
    [dies    => "$note ihanoi.run.sleep(30)", timeout => '9s'],
    [minutes => "$note", cron => '* * * * *'],
);

sub probe {
    my (%arg) = @_;
    my @list = grep { !$arg{only} || $arg{only}{$_->[0]} } @jobs;

    return plugin_folder(
        lua       => { hello => 'return 200, { ok = true }',
                       id => 'return 200, { id = ihanoi.request.id() }' },
        functions => { map { $_->[0] => $_->[1] } @jobs },
        manifest  => {
            limits      => { timeout => '2s', cpu => '50ms', concurrency => 20 },
            permissions => { public => $true, database => $true,
                             backends => ['echo'] },
            settings    => { type => 'object', properties => {
                who => { type => 'string', default => 'one' } } },
            jobs        => [map { my ($name, undef, %more) = @$_;
                { name => $name, cron => '0 0 1 1 *', handler => $name,
                  timeout => '5s', %more }
            } @list],
        },
        %arg,
    );
}

my $plugin = probe();

sub gateway_with {
    my ($plugin, $lines, %more) = @_;

    my $http = $plugin->block('public;', 'database probe;',
                              'backend echo /_echo;', split /\n/, $lines);
    return gateway(db => $db, responses => 0, %more,
        locations => 'location = /metrics { ihanoi_status metrics; }
                      location ^~ /_echo { internal;
                          proxy_pass http://127.0.0.1:%%PORT%%/echo; }
                      location = /echo/a { return 200 "one "; }
                      location = /echo/b { return 200 "two"; }
                      location = /echo/slow {
                          limit_rate 1; return 200 "so long"; }
                      location / { auth_jwt iHaNoi; ihanoi_api on; }',
        http => "$http\nihanoi_plugin_switches switches;\n" . <<"CONF");
ihanoi_plugin_background on interval=100ms;
ihanoi_database probe {
    server unix:$db->{socket} port=$db->{port};
    dbname $db->{name};
    schema plugin_probe;
    user $role;
    read connections=1; write connections=2;
}
CONF
}

sub row { return $db->sql("select $_[1] from core.plugin_jobs where job = '$_[0]'") }
sub ran { return $db->sql("select count(*) from plugin_probe.ran where job = '$_[0]'") }

# Makes a job due so long ago.
sub due {
    my ($job, $ago) = @_;
    $db->sql("update core.plugin_jobs set next_at = core.now() - interval '$ago'
              where job = '$job'");
    return;
}

# The outcome of the run that follows.
sub outcome {
    my ($job) = @_;
    $db->sql("update core.plugin_jobs set outcome = null where job = '$job'");
    due($job, $_[1] // '1 second');
    wait_until(sub { defined row($job, 'outcome') }, 15);
    return row($job, 'outcome');
}

sub metric {
    my ($gw, $name, $labels) = @_;
    return $gw->metric(qq($name\{plugin="probe",version="1.0.0",$labels})) // 0;
}

my $gw = gateway_with($plugin, 'jobs 10s;');

ok(wait_until(sub { $db->sql('select count(*) from core.plugin_jobs') == @jobs }),
   'a gateway says what there is');
is(row('steady', 'next_at at time zone \'Asia/Ho_Chi_Minh\' = date_trunc(\'year\',
       core.now() at time zone \'Asia/Ho_Chi_Minh\') + interval \'1 year\''), 't',
   'and when it is due, in Hà Nội\'s time');
is(ran('steady'), 0, 'it does not run before');

is(outcome('steady'), 'ok', 'it runs when it is due') or diag $gw->error_log;
is(ran('steady'), 1, 'once');
is(row('steady', 'next_at > core.now() and run is null and failures = 0
                  and success_at = ended_at and misses = 0 and version = \'1.0.0\''),
   't', 'the row says so');
my $input = $db->sql("select input from plugin_probe.ran where job = 'steady'");
like($input, qr/"due": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/, 'it is told when it was due');
like($input, qr/"late": false/, 'and that it is not late');

is($db->sql("select next_at = date_trunc('minute', core.now()) + interval '1 minute'
             or next_at = date_trunc('minute', core.now())
             from core.plugin_jobs where job = 'minutes'"), 't',
   'a schedule is of full minutes');
is(outcome('minutes', '0'), 'ok', 'and after a run');
is(row('minutes', 'next_at - due_at > \'0\' and next_at - due_at <= \'60 seconds\''), 't',
   'comes the next of them');

is(outcome('fetches'), 'ok', 'a job has the backends of its plugin')
    or diag scalar row('fetches', 'error');
is($db->sql("select who from plugin_probe.ran where job = 'fetches'"), 'one two',
   'several at once');
is(outcome('clears'), 'ok', 'a job that has left something');
ok(wait_until(sub { ran('clears') == 3 && row('clears', 'run is null') eq 't' }), '... is run again until nothing is left');
is(row('clears', "outcome || failures || (error is null)::text || (next_at > core.now())::text"), 'ok0truetrue',
   '... and then at its next time');
is(outcome('works'), 'ok', 'a job has more processor time than a call when it asks')
    or diag scalar row('works', 'error');

# An ordinary request.
is(metric($gw, 'ihanoi_plugin_job_runs_total', 'job="steady",outcome="ok"'), 1,
   'a run is counted');
is(metric($gw, 'ihanoi_plugin_job_duration_seconds_count', 'job="steady"'), 1,
   'and measured');
ok(metric($gw, 'ihanoi_plugin_job_success_timestamp_seconds', 'job="steady"')
   > time - 120, 'and when it last went well');
like($gw->get('/metrics')->{content}, qr/ihanoi_plugin_calls_total\{plugin="probe",version="1.0.0",outcome="ok"\} [1-9]/,
     'among the calls of its plugin too');
unlike($gw->get('/metrics')->{content}, qr/ihanoi_requests_total\{operation="",status="204"\} [1-9]/,
       'not among the requests of clients');
my $log = do { local (@ARGV, $/) = $gw->dir . '/access.log'; <> };
like($log, qr{^unix: - - .*"POST /-/probe/jobs/steady HTTP/1.0" 204 }m,
     'the access log has it');
is($gw->request('POST', '/-/probe/jobs/steady')->{status}, 404,
   'which no client can ask for');

# How it ends.
for my $case (
    [late    => 'timeout', qr/no end in 300ms/, qr/plugin "probe" 1.0.0: no answer in 300ms/],
    [hangs   => 'timeout', qr/no end in 500ms/, qr/no answer in 500ms/],
    [throws  => 'error', qr/no such bench/, qr/handler.lua:\d+: no such bench/],
    [refuses => 'failed', qr/\Athe register is closed\z/,
     qr{jobs/refuses failed: the register is closed}],
    [queries => 'failed', qr/\A22P02: \(message withheld\)\z/, qr{jobs/queries failed: 22P02: }],
    [tables  => 'failed', qr/\Ano reason given\z/, qr{jobs/tables failed: no reason given}],
    [bytes   => 'error', qr/\Aprobe.handler\.lua:\d+: a\?\?\?\?b ộ\z/, qr/handler.lua:\d+: a/],
    [loops   => 'cpu', qr/CPU budget/, qr/CPU budget used up/],
    [asks    => 'error', qr/request\.caller/, qr/request\.caller/],
) {
    my ($job, $outcome, $error, $said) = @$case;

    is(outcome($job), $outcome, "$job: $outcome");
    like(row($job, 'error'), $error, "$job: with its reason");
    is(row($job, 'failures'), 1, "$job: a failure");
    like($gw->error_log, $said, "$job: the log says it");
    is($gw->get('/v1/probe/hello')->{status}, 200, "$job: calls go on");

    # five failures in ten seconds would open the circuit
    if ($job eq 'refuses') {
        $gw->stop;
        $gw = gateway_with($plugin, 'jobs 10s;');
    }
}

is(row('throws', 'success_at'), undef, 'what failed has not succeeded');

# While a job runs, calls of the same state are calls.
$gw->stop;
$gw = gateway_with($plugin, 'jobs 10s;');
due('slow', '1 second');
wait_until(sub { ran('slow') });
like($gw->get('/v1/probe/id')->{json}{id} // '', qr/\A[0-9a-f]{32}\z/,
     'a call beside a running job has its request');
due('slow', '1 second');
sleep 0.6;
is(ran('slow'), 1, 'a job does not run beside itself');
ok(wait_until(sub { ran('slow') == 2 }, 10), 'but after itself');
wait_until(sub { row('slow', 'run is null') eq 't' }, 10);

# Runs that nobody made.
is(outcome('steady', '5 minutes'), 'ok', 'a missed run is made late');
is(row('steady', 'misses'), 1, 'which is counted');
like($db->sql("select input from plugin_probe.ran where job = 'steady' order by at desc limit 1"),
     qr/"late": true/, 'and told');
due('skips', '5 minutes');
ok(wait_until(sub { row('skips', 'next_at > core.now()') eq 't' }), 'or skipped');
is(ran('skips') . row('skips', 'misses'), '01', 'as the manifest says');
is(outcome('skips', '20 seconds'), 'ok', 'a little late is not missed');

# The kill switch.
mkdir $gw->dir . '/switches';
$gw->write('switches/probe.disabled', '');
wait_until(sub { $gw->get('/v1/probe/hello')->{status} == 503 }, 5);
my $before = ran('steady');
due('steady', '1 second');
sleep 0.8;
is(ran('steady'), $before, 'a disabled plugin\'s jobs wait');
unlink $gw->dir . '/switches/probe.disabled';
ok(wait_until(sub { ran('steady') > $before }, 10), 'until it is enabled');

# A database that is away when a job is due: it is not run in vain, and made up for.
sub standing { return ($gw->metric('ihanoi_plugin_state{plugin="probe",version="1.0.0"}') // '') eq $_[0] }
$db->sql("alter role $role nologin;
          select pg_terminate_backend(pid) from pg_stat_activity where usename = '$role'");
ok(wait_until(sub { standing(1) }), 'a plugin loses its database');
$before = ran('steady');
due('steady', '5 minutes');
sleep 0.8;
is(row('steady', 'run is null and next_at < core.now()'), 't', 'its jobs wait');
$db->sql("alter role $role login");
ok(wait_until(sub { ran('steady') > $before }, 20), 'until the database is there again');

# A gateway that is there for something else.
$gw->reload(http => $gw->{http} =~ s/background on/background off/r);
wait_until(sub { row('steady', 'run is null') eq 't' }, 10);
$before = ran('steady');
due('steady', '1 second');
sleep 0.8;
is(ran('steady'), $before, 'background off: jobs wait for another gateway');
$gw->reload(http => $gw->{http} =~ s/background off/background on/r);
ok(wait_until(sub { ran('steady') > $before }, 10), 'and run where it is on');

# Two gateways on one database.
my $other = gateway_with($plugin, "jobs 10s;\nsetting who two;");
wait_until(sub { $other->get('/v1/probe/hello')->{status} == 200 });
$db->sql('truncate plugin_probe.ran');

for my $n (1 .. 5) {
    due('steady', '1 second');
    due('skips', '1 second');
    wait_until(sub { ran('steady') >= $n && ran('skips') >= $n }, 10);
    wait_until(sub { row('steady', 'run is null') eq 't' && row('skips', 'run is null') eq 't' }, 10);
}

sleep 0.6;
is(ran('steady') . ran('skips'), '55', 'two gateways run each job once');
$gw->stop;
is(outcome('steady'), 'ok', 'one of them goes on alone');
is($db->sql("select who from plugin_probe.ran where job = 'steady' order by at desc limit 1"),
   'two', 'the other one');

# A worker that dies in the middle. Its lease is the job's time and 20 seconds.
$other->{expect_log} = qr/exited on signal 9/;
due('dies', '1 second');
ok(wait_until(sub { ran('dies') == 1 }, 10), 'a job runs');
kill 'KILL', $other->workers;
ok(wait_until(sub { $other->get('/v1/probe/hello')->{status} == 200 }, 10),
   'when its worker is killed');
is(row('dies', 'run is not null'), 't', 'it stays under its lease');
$db->sql("update core.plugin_jobs set until = clock_timestamp() where job = 'dies'");
ok(wait_until(sub { ran('dies') == 2 }, 10), 'and runs again after it');
is(row('dies', 'losses'), 1, 'the loss is known');
kill 'KILL', $other->workers;
wait_until(sub { $other->get('/v1/probe/hello')->{status} == 200 }, 10);
$db->sql("update core.plugin_jobs set until = clock_timestamp() where job = 'dies'");
ok(wait_until(sub { row('dies', 'outcome') eq 'lost' && row('dies', 'run is null') eq 't' }, 10),
   'one that is lost twice');
sleep 0.6;
is(ran('dies'), 2, 'waits for its next turn');

# A worker that is asked to end finishes what runs.
$db->sql("truncate plugin_probe.ran");
due('slow', '1 second');
wait_until(sub { ran('slow') }, 10);
$db->sql("update core.plugin_jobs set outcome = null where job = 'slow'");
$other->reload;
ok(wait_until(sub { (row('slow', 'outcome') // '') eq 'ok' }, 10),
   'a reload lets a job end');
is(ran('slow'), 1, 'and does not begin it again');

# What is no job any more.
$other->stop;
$db->sql("update core.plugin_jobs set declared_at = core.now() - interval '2 hours'
          where job <> 'steady'");
my $less = gateway_with(probe(only => { steady => 1 }), 'jobs 10s;');
ok(wait_until(sub { $db->sql('select string_agg(job, \' \') from core.plugin_jobs') eq 'steady' }, 10),
   'a job that no gateway has is forgotten');
isnt(row('steady', 'success_at'), undef, 'one that is there is not');
$less->stop;

# nginx -t
sub refused {
    my ($plugin, $lines) = @_;
    my ($ok, $text) = gateway_with($plugin, $lines, start => 0)->check;
    return $ok ? 'it starts' : $text;
}

like(refused($plugin, ''), qr/asks for jobs, the operator grants none: a line "jobs TIME;" is missing/,
     'jobs have to be granted');
like(refused($plugin, 'jobs 5s;'), qr/asks for 10000ms for its job "slow", the operator grants 5000ms: a line "jobs 10000ms;" grants that/,
     'with their time');
like(refused($plugin, 'jobs 10s; job_cpu 800ms;'),
     qr/asks for 900ms of processor time for its job "works", the operator grants 800ms: a line "job_cpu 900ms;" grants that/,
     'and their processor time');
like(refused(probe(manifest => { permissions => { public => $true, database => $true,
                                                  backends => ['echo'] } }),
             'jobs 5s;'), qr/is granted jobs, its manifest does not ask for any/,
     'and asked for');
like(refused(probe(functions => { map { $_->[0] => $_->[1] } @jobs[1 .. $#jobs] }), 'jobs 10s;'),
     qr/handler.lua has no function "steady", which the job "steady" names/,
     'and to have a function');

done_testing();
