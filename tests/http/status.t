#!/usr/bin/perl
# Health and readiness: what a supervisor and a load balancer ask.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Engine;

my $LOCATIONS = <<'CONF';
        location = /healthz { ihanoi_status healthz; }
        location = /readyz  { ihanoi_status readyz; }
        location = /probed {
            if ($arg_x) { add_header X-Probed $arg_x; }
            ihanoi_status healthz;
        }
        location = /metrics { ihanoi_status metrics; }
        location = /page { ssi on; alias %%DIR%%/page; default_type text/html; }
CONF

my $db = database();
my $gw = gateway(db => $db, bare => 1, locations => $LOCATIONS, files => {
    page => '[<!--# include virtual="/healthz" --><!--# include virtual="/metrics" -->]' });


# The checks of an answer by name.
sub checks {
    my ($r) = @_;
    return { map { $_->{name} => $_ } @{ $r->{json}{checks} } };
}


my $r = wait_until(sub {
    my $r = $gw->get('/readyz');
    $r->{status} == 200 && $r;
});
ok($r, 'ready as soon as the database is connected');
is($r->{headers}{'content-type'}, 'application/json', 'as JSON');
is($r->{headers}{'cache-control'}, 'no-store', 'not kept by caches');
is($r->{json}{status}, 'ok', 'status ok');

my $checks = checks($r);
ok($checks->{"main $_"}{ok}, "check: $_") for qw(readable writable release);
is($checks->{'main release'}{detail}, $db->{release}, 'the release is named');

is($gw->head('/readyz')->{status}, 200, 'HEAD');
is($gw->post('/readyz', body => 'x')->{status}, 405, 'POST is not allowed');

# In an "if" the location's handler stays, with a configuration of the "if".
$r = $gw->get('/probed?x=1');
is($r->{status}, 200, 'an "if" beside it');
is($r->{headers}{'x-probed'}, 1, 'that holds');

like($gw->get('/page')->{content}, qr/^\[\{"status": "ok"\}\n# HELP.*\]$/s,
     'a page that includes some of them has all of them, and its end');

# Nobody listens on the port of a database that is away.
my $away = gateway(bare => 1, locations => $LOCATIONS,
                   db => { %$db, socket => '/nonexistent' });
$r = $away->get('/readyz');
is($r->{status}, 503, 'not ready without a database');
is($r->{json}{status}, 'unavailable', 'status unavailable');
$checks = checks($r);
ok(!$checks->{"main $_"}{ok}, "check fails: $_") for qw(readable writable);
is($away->get('/healthz')->{status}, 200,
   'but healthy: a restart would not bring the database back');

# Reads stand on their own: a wrong user for writes is seen by its check.
my $half = gateway(bare => 1, locations => $LOCATIONS, db => $db,
                   database => <<'CONF');
        read_user ihanoi_read;
        write_user nobody_of_this_name;
        control_user ihanoi_control;
        read connections=1 depth=4 queue=10 wait=500ms timeout=2s;
        write connections=1 depth=1 queue=10 wait=1s timeout=5s;
CONF
$r = wait_until(sub {
    my $r = $half->get('/readyz');
    checks($r)->{'main readable'}{ok} && $r;
});
is($r->{status}, 503, 'not ready without writes');
ok(!checks($r)->{'main writable'}{ok}, 'and the check says so');

# A function that the release lacks costs its operation, not the gateway.
my $lacking = engine_gateway(locations => $LOCATIONS
                             . 'location / { auth_jwt iHaNoi; ihanoi_api on; }');
$r = wait_until(sub {
    my $r = $lacking->get('/readyz');
    checks($r)->{'main functions'} && $r;
});
is($r->{status}, 200, 'ready although a function is missing');
is($r->{json}{status}, 'degraded', 'status degraded');
$checks = checks($r);
ok(!$checks->{'main functions'}{ok}, 'the check fails');
is(scalar @{ $checks->{'main functions'}{detail} }, 1, 'for one function');
like($checks->{'main functions'}{detail}[0],
     qr/missing_get.*function_that_is_not_there/, 'which is named');
ok($checks->{'main release'}{ok}, 'the release is there');
ok($checks->{keys}{ok}, 'and so are the keys');
like($checks->{contract}{detail}, qr/^[0-9a-f]{64}$/,
     'the contract is named by its hash');

# A release that was never deployed has none of its functions.
my $undeployed = engine_gateway(locations => $LOCATIONS
                     . 'location / { auth_jwt iHaNoi; ihanoi_api on; }',
                                db => { %$db, release => 'no_such' });
$r = wait_until(sub {
    my $r = $undeployed->get('/readyz');
    checks($r)->{'main functions'} && $r;
});
is($r->{status}, 503, 'not ready for a release that was not deployed');
ok(!checks($r)->{'main release'}{ok}, 'and the check says so');

done_testing();
