# What operators see of a plugin's version is the same set in three places: the
# series of /metrics, GET /v1/admin/plugins, and "ihanoi plugin status".

use lib "tests/lib";
use IHanoi::Test;
use IHanoi::Test::Command;
use IHanoi::Test::Plugin;
use IHanoi::Plugin::Gateway;
use POSIX ();

my $true = JSON::PP::true;
my $db = database();
my $name = "seen_$$";
my ($agency, $reviewer) = ('a' x 64, 'b' x 64);
$db->own_roles("plugin_$name", "owner_$name");

$db->sql("select officer_bootstrap('$IHanoi::Test::ISSUER', 'overseer', 'HN', 'oversee')");

my $plugin = plugin_folder(
    name => $name,
    lua => { hello => 'return 200, {}', fail => 'error("broken")',
             loop => 'while true do end', sql => '', slow => '' },
    functions => { nightly => 'return true', erased => 'return nil, "not now"' },
    operations => { map { $_ => { 'x-ihanoi-lua' => undef, 'x-ihanoi-sql' => "call_$_",
                                  'x-ihanoi-timeout' => 9000 } } qw(sql slow) },
    manifest => {
        version     => '2.3.4',
        limits      => { cpu => '100ms' },
        permissions => { public => $true, database => $true },
        jobs        => [{ name => 'nightly', cron => '0 0 1 1 *', handler => 'nightly' }],
        events      => { subscribes => [{ event => 'person.erased', handler => 'erased' }] },
    },
    files => { map { my ($what, $first) = @$_; ("sql/$what.sql" => <<"SQL") }
create function call_$what(caller jsonb) returns table (status int, etag text, body json)
language plpgsql stable as \$\$ begin $first;
return query select 200, null::text, '{}'::json; end \$\$;
SQL
        ['sql', 'null'], ['slow', 'perform pg_sleep(4)'] },
);

sub conf {
    my (@lines) = @_;
    return $plugin->block('public;', "database $name;", 'cpu 100ms;', 'jobs 60s;',
                          'event person.erased;', @lines);
}

my %conf = (db => $db, workers => 1, responses => 0,
    locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }
                  location = /metrics { ihanoi_status metrics; }');
my $database = plugin_database($db, $plugin->path, 'read connections=1 wait=9s;',
                               'write connections=1;');
my $gw = gateway(%conf, http => conf() . $database);

sub call { $gw->get("/v1/$name/$_[0]", headers => { Connection => 'close' })->{status} }

sub admin {
    my $r = $gw->get('/v1/admin/plugins', token => token(sub => 'overseer'));
    my ($mine) = grep { $_->{name} eq $name } @{ $r->{json}{plugins} // [] };
    return { %{ $mine // {} }, jobs => $r->{json}{jobs} };
}

sub status {
    my ($rc, $out) = ihanoi(qw(plugin status --json), $name, '--conf', $gw->dir . '/nginx.conf');
    my $status = JSON::PP->new->decode($out || '{}');
    return { %{ $status->{versions}[0] // {} }, rc => $rc };
}

# The number of a family, all series of the version together that have such labels.
sub metric {
    my ($family, %labels) = (shift, plugin => $name, version => '2.3.4', @_);
    my $sum;

    for my $row (IHanoi::Plugin::Gateway::series_of($gw->get('/metrics')->{content}, $family)) {
        $sum += $row->{value}
            if !grep { defined $labels{$_} && ($row->{$_} // '') !~ /^(?:$labels{$_})\z/ } keys %labels;
    }

    return $sum;
}

sub stamp { POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_[0]) }

# What there is to see, in the three places.
my %set = (
    state   => [sub { $_[0]{state} }, sub { $_[0]{state} },
                sub { (qw(serving degraded failing refused disabled))[metric('ihanoi_plugin_state') // 9] }],
    version => [sub { $_[0]{version} }, sub { $_[0]{version} },
                sub { metric('ihanoi_plugin_info') == 1 ? '2.3.4' : undef }],
    signer  => [(sub { join ' ', @{ $_[0]{signed_by} // {} }{qw(agency reviewer)} }) x 2,
                sub { metric('ihanoi_plugin_info', signed_by => $agency, reviewed_by => $reviewer)
                      ? "$agency $reviewer" : undef }],
    calls   => [sub { my $n = 0; $n += $_ for values %{ $_[0]{calls} }; $n }, sub { $_[0]{calls} },
                sub { metric('ihanoi_plugin_calls_total') }],
    errors  => [sub { $_[0]{errors} }, sub { $_[0]{errors} },
                sub { metric('ihanoi_plugin_calls_total',
                             outcome => 'error|memory|cpu|timeout|reply') }],
    kills   => [sub { $_[0]{kills} }, sub { $_[0]{kills} },
                sub { metric('ihanoi_plugin_calls_total', outcome => 'memory|cpu|timeout') }],
    latency => [(sub { my $d = $_[0]{duration}; sprintf '%d %.6f', $d->{count}, $d->{mean} }) x 2,
                sub { my $n = metric('ihanoi_plugin_duration_seconds_count');
                      sprintf '%d %.6f', $n, metric('ihanoi_plugin_duration_seconds_sum') / $n }],
    memory  => [(sub { "@{ $_[0]{memory} }{qw(bytes peak)}" }) x 2,
                sub { metric('ihanoi_plugin_memory_bytes') . ' '
                      . metric('ihanoi_plugin_memory_peak_bytes') }],
    cpu     => [(sub { sprintf '%.6f', $_[0]{cpu_seconds} }) x 2,
                sub { sprintf '%.6f', metric('ihanoi_plugin_cpu_microseconds_total') / 1e6 }],
    circuit => [sub { $_[0]{circuit}{state} }, sub { $_[0]{circuit} },
                sub { (qw(closed open half-open disabled))[metric('ihanoi_plugin_circuit')] }],
    queue   => [sub { "$_[0]{database}{queued} $_[0]{events}[0]{waiting}" },
                sub { "$_[0]{queued} $_[0]{events}[0]{waiting}" },
                sub { metric('ihanoi_plugin_info', database => $name)
                      ? metric('ihanoi_pool_queued', plugin => undef, version => undef,
                               database => $name)
                        . ' ' . metric('ihanoi_plugin_events_waiting') : undef }],
    jobs    => [sub { join ' ', map { "$_->{job} " . $_->{success_at} =~ s/\..*|\+.*/Z/r } @{ $_[0]{jobs} } },
                sub { join ' ', map { "$_->{job} $_->{success_at}" } @{ $_[0]{jobs} } },
                sub { 'nightly ' . stamp(metric('ihanoi_plugin_job_success_timestamp_seconds',
                                                job => 'nightly')) }],
);

sub same {
    my ($what, $value) = @_;
    my ($of_admin, $of_status, $of_metrics) = @{ $set{$what} };
    my @seen;

    # some are told once a second, or less often
    wait_until(sub {
        @seen = ($of_admin->(admin()), $of_status->(status()), $of_metrics->());
        return !grep { !defined || !defined $seen[0] || $_ ne $seen[0] || !/^(?:$value)\z/ } @seen;
    }, 15);

    like($seen[0] // 'nothing', qr/^(?:$value)\z/, "$what: GET /v1/admin/plugins");
    is($seen[1], $seen[0], "$what: ihanoi plugin status");
    is($seen[2], $seen[0], "$what: /metrics");
    return;
}

# Signed, as a deployment leaves it.
ok(wait_until(sub { call('sql') == 200 }), 'it is served');
$plugin->write('.signed', admin()->{digest} . " $agency $reviewer\n");
$gw->reload;
ok(wait_until(sub { call('sql') == 200 }), 'and signed');

call('hello') for 1 .. 3;
is(call('fail'), 500, 'an error');
is(call('loop'), 503, 'a kill');
is(plugin_job($db, $name, 'nightly'), 'ok', 'a job has run');
is($gw->delete('/v1/me', token => token(sub => 'leaver', assurance => 'phone'))->{status}, 204,
   'an event that cannot be delivered');

same(queue => '0 1');

# Two calls for one connection.
my @clients = map { my $c = $gw->connection; $c->send($c->format('GET', "/v1/$name/slow")); $c } 1, 2;
same(queue => '1 1');
ok($_->response, 'a call is over') for @clients;

same(state   => 'serving');
same(version => '2\.3\.4');
same(signer  => "$agency $reviewer");
same(calls   => '[1-9]\d+');
same(errors  => '[2-9]');
same(kills   => 1);
same(latency => '[1-9]\d* \d+\.\d+');
same(memory  => '[1-9]\d* [1-9]\d*');
same(cpu     => '0\.[1-9]\d*');
same(circuit => 'closed');
same(jobs    => 'nightly 20\S+Z');
is(status()->{rc}, 0, 'and all is well');

# For people.
my ($rc, $out) = ihanoi(qw(plugin status), $name, '--conf', $gw->dir . '/nginx.conf');
like($out, qr/^  runs      2\.3\.4 on 1 of 1 workers, serving, circuit closed, \d+ calls, \d failed, 1 killed$/m,
     'as text');
like($out, qr/^  $_/m, $_) for 'signed    aaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbb',
    'latency   \S+ s on average, half within \S+ s, 99 of 100 within \S+ s',
    'memory    \d+ bytes in all workers, at most \d+ in one; \S+ s of processor time',
    'queue     0 calls for its database, 1 events, 0 given up', 'job       nightly: 1 runs, 0 failed, last success 20\S+Z';

# What is not well.
call('fail') for 1 .. 5;
same(circuit => 'open|half-open');
ok(wait_until(sub { status()->{rc} == 1 }), 'an open circuit is not');

done_testing;
