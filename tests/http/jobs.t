#!/usr/bin/perl
# Time-driven work: the gateway runs what is due, one gateway at a time.

use lib 'tests/lib';
use IHanoi::Test;

my $db = database();
my $code = "code_$db->{release}";
my $jobs = 'ihanoi_jobs main interval=100ms;';

$db->sql(qq{
    create function $code.job_test_good(args jsonb) returns void language sql
        as 'insert into core.settings (name, value, note) values (args ->> ''name'', ''1'', ''test'')';
    create function $code.job_test_bad(args jsonb) returns void language plpgsql
        as 'begin perform 1 / 0; end';
    grant insert on core.settings to ihanoi_control;
});

sub put {
    my ($kind, $key, $args, $in) = @_;
    $db->sql(qq{set search_path = $code, public;
                select job_put('$kind', '$key', core.now() + '$in', '$args')});
}

sub state_of { $db->sql("select state from core.jobs where key = '$_[0]' order by created_at desc limit 1") }

sub metric { my ($gw, $name) = @_; return $gw->metric(qq($name\{database="main"})) }


put('test_good', 'first', '{"name": "first"}', '0');
my $gw = gateway(db => $db, http => $jobs, workers => 2,
                 locations => 'location = /metrics { ihanoi_status metrics; } location / { ihanoi_api on; }');

ok(wait_until(sub { state_of('first') eq 'done' }), 'what is due is run');
is($db->sql(q{select count(*) from core.settings where name = 'first'}), 1, 'once');
ok(wait_until(sub { (metric($gw, 'ihanoi_jobs_runs_total') // 0) > 0 }), 'and counted');
is(metric($gw, 'ihanoi_jobs_leader'), 1, 'this gateway has the lease');

put('test_good', 'later', '{"name": "later"}', '1 hour');
put('test_bad', 'bad', '{}', '0');
ok(wait_until(sub { $db->sql(q{select attempts from core.jobs where key = 'bad'}) > 0 }),
   'a job that fails');
is(state_of('bad'), 'due', 'is tried again');
is(state_of('later'), 'due', 'what is not due waits');

$db->sql(q{update core.jobs set attempts = 9, run_at = core.now() where key = 'bad'});
ok(wait_until(sub { state_of('bad') eq 'dead' }), 'and given up in the end');
ok(wait_until(sub { $gw->error_log =~ /\[error\].*1 jobs of database "main" were given up/ }),
   'which is logged');
is(metric($gw, 'ihanoi_jobs_failures_total'), 2, 'both attempts are counted');
is(metric($gw, 'ihanoi_jobs_dead_total'), 1, 'and the job that is dead');

# Another gateway of the cluster.
my $other = gateway(db => $db, http => $jobs,
                    locations => 'location = /metrics { ihanoi_status metrics; } location / { ihanoi_api on; }');
select undef, undef, undef, 0.5;
is(metric($other, 'ihanoi_jobs_leader'), 0, 'a second gateway waits');

# A reload keeps the lease: the new worker is the same gateway.
$gw->reload;
put('test_good', 'reloaded', '{"name": "reloaded"}', '0');
ok(wait_until(sub { state_of('reloaded') eq 'done' }), 'after a reload jobs are run at once');
is($db->sql(q{select count(*) from core.leases where name = 'jobs'}), 1, 'under the same lease');

$gw->stop;
$db->sql(q{update core.leases set until = clock_timestamp()});
put('test_good', 'failover', '{"name": "failover"}', '0');
ok(wait_until(sub { state_of('failover') eq 'done' }), 'when a gateway is gone, the other takes over');
is(metric($other, 'ihanoi_jobs_leader'), 1, 'and says so');

# A server that refuses is told of once a minute, and the gateway leads no more.
$db->sql(q{alter table core.leases add constraint nobody check (holder is null) not valid});
ok(wait_until(sub { metric($other, 'ihanoi_jobs_leader') == 0 }), 'who cannot run them does not lead');
my @said = $other->error_log =~ /(database "main": jobs were not run: .*nobody.* \(SQLSTATE 23514\))/g;
is(@said, 1, 'the log says why, once') or diag $other->error_log;

# What nginx -t says.
for my $case (['ihanoi_jobs main interval=1h;', qr/between 100ms and 5s/],
              ['ihanoi_jobs main every=1s;', qr/invalid parameter "every=1s"/],
              ['ihanoi_jobs nowhere;', qr/"nowhere"/]) {
    my ($ok, $text) = gateway(db => $db, http => $case->[0], start => 0)->check;
    ok(!$ok && $text =~ $case->[1], "refused: $case->[0]") or diag $text;
}

done_testing();
