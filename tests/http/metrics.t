#!/usr/bin/perl
# Metrics: the zone, its text form, and what outlives a worker.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Engine;

my $LOCATIONS = <<'CONF';
        location = /healthz { ihanoi_status healthz; }
        location = /metrics { ihanoi_status metrics; }
CONF


# Checks that a text is a well-formed exposition; returns { series => value }.
sub parse {
    my ($text, $name) = @_;
    my (%type, %help, %value, %buckets, $family, @faults, @families);

    for my $line (split /\n/, $text, -1) {
        if ($line =~ /^# HELP ([a-z_:]+) (.+)$/) {
            push @faults, "family $1 comes twice" if $help{$1}++;
            push @families, $family = $1;

        } elsif ($line =~ /^# TYPE ([a-z_:]+) (counter|gauge|histogram)$/) {
            push @faults, "TYPE of $1 is not below its HELP" if $1 ne $family;
            $type{$1} = $2;

        } elsif ($line =~ m{^([a-z_:]+)
                            (\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,(?=[a-z])
                            |(?=\})))+\})?[ ](\d+(?:\.\d+)?)$}x)
        {
            my ($base, $labels, $value) = ($1, $2 // '', $3);
            my $suffix = $type{$family} eq 'histogram'
                         ? qr/_bucket|_sum|_count/ : qr//;

            push @faults, "$base stands below $family"
                if $base !~ /^\Q$family\E(?:$suffix)$/;
            push @faults, "$base$labels comes twice"
                if exists $value{"$base$labels"};
            $value{"$base$labels"} = $value;

            # Buckets are cumulative and end with the count.
            if ($base =~ /_bucket$/) {
                $labels =~ s/,?le="([^"]+)"\}$/}/;
                my $seen = $buckets{"$family$labels"} //= [];
                push @faults, "$base$labels falls at $1"
                    if @$seen && $value < $seen->[-1];
                push @$seen, $value;

            } elsif ($base =~ /_count$/ && $suffix) {
                my $seen = $buckets{"$family" . ($labels || '{}')};
                push @faults, "$base$labels is not its last bucket"
                    if $value != $seen->[-1] || @$seen != 17;
            }

        } elsif ($line ne '') {
            push @faults, "not understood: $line";
        }
    }

    push @faults, 'families are not sorted'
        if "@families" ne join ' ', sort @families;
    push @faults, 'the last line has no end' if $text !~ /\n\z/;

    is(join("\n", @faults), '', "$name: well-formed");
    return \%value;
}


my $gw = gateway(bare => 1, workers => 2, locations => $LOCATIONS,
                 expect_log => qr/exited on signal 9/);

sub scrape {
    my ($name) = @_;
    return parse($gw->get('/metrics')->{content}, $name);
}

my $r = $gw->get('/metrics');
is($r->{status}, 200, 'metrics are served');
is($r->{headers}{'content-type'},
   'text/plain; version=0.0.4; charset=utf-8', 'as the text format 0.0.4');
is($r->{headers}{'cache-control'}, 'no-store', 'and not kept by caches');
is($r->{headers}{'content-length'}, length $r->{content}, 'with a length');

# The harness waits for one worker only.
wait_until(sub { $gw->get('/metrics')->{content} =~ /^ihanoi_workers 2$/m });

my $m = scrape('start');
is($m->{ihanoi_workers}, 2, 'both workers are counted, whoever answers');
is($m->{ihanoi_worker_starts_total}, 2, 'each started once');

my $head = $gw->head('/metrics');
is($head->{status}, 200, 'HEAD');
is($head->{content}, '', 'without a body');

for my $method (qw(POST PUT DELETE)) {
    $r = $gw->request($method, '/metrics', body => 'x');
    is($r->{status}, 405, "$method is not allowed");
    is($r->{headers}{allow}, 'GET, HEAD, OPTIONS', 'and what is is said');
}

# A killed worker cannot say goodbye: its gauges must not stay, nor count
# twice with its successor's.
kill KILL => ($gw->workers)[0];
wait_until(sub { $gw->error_log =~ /exited on signal 9/ && $gw->workers == 2 });
$m = wait_until(sub {
    my $m = scrape('worker killed');
    $m->{ihanoi_worker_starts_total} == 3 && $m;
});
is($m->{ihanoi_workers}, 2, 'a respawned worker takes its predecessor\'s place');
is($m->{ihanoi_worker_starts_total}, 3, 'counters go on');

ok($gw->reload, 'reload');
$m = wait_until(sub {
    my $m = scrape('reload');
    $m->{ihanoi_workers} == 2 && $m->{ihanoi_worker_starts_total} == 5 && $m;
});
ok($m, 'counters of the zone go on after a reload, gauges are the living\'s');

# The size is part of the zone: another one is another zone.
ok($gw->reload(http => 'ihanoi_zone 1m;'), 'reload with another size');
$m = wait_until(sub {
    my $m = scrape('resized');
    $m->{ihanoi_worker_starts_total} == 2 && $m;
});
ok($m, 'begins anew');

# More generations than one process could ever leave behind.
for (1 .. 20) {
    $gw->reload;
}
$m = wait_until(sub {
    my $m = scrape('many reloads');
    $m->{ihanoi_workers} == 2 && $m;
});
is($m && $m->{ihanoi_worker_starts_total}, 42,
   'rows of processes that ended are used again');
unlike($gw->error_log, qr/gauges of this one are not shown/,
       'and do not run out');

for my $bad (
    ['ihanoi_zone 4k;', qr/zone size "4k" is too small, the least is 32k/],
    ['ihanoi_zone big;', qr/invalid zone size "big"/],
    ['ihanoi_zone 1m; ihanoi_zone 2m;', qr/"ihanoi_zone" directive is dup/],
) {
    my ($http, $why) = @$bad;
    my ($ok, $said) = gateway(bare => 1, start => 0, http => $http)->check;
    ok(!$ok, "refused: $http");
    like($said, $why, 'and the reason is given');
}

for my $bad ('ihanoi_status nonsense;', 'ihanoi_status healthz extra;') {
    my ($ok) = gateway(bare => 1, start => 0,
                       locations => "location /x { $bad }")->check;
    ok(!$ok, "refused: $bad");
}

my ($ok, $said) = gateway(bare => 1, start => 0, http => 'ihanoi_zone 32k;',
                          locations => $LOCATIONS)->check;
ok(!$ok, 'a zone that its series do not fit in is refused');
my ($size) = $said =~ /"ihanoi_zone" of 32k is too small .* set it to (\d+k)/;
ok($size, "the size needed is named: " . ($size // $said));

($ok, $said) = gateway(bare => 1, start => 0, http => "ihanoi_zone $size;",
                       locations => $LOCATIONS)->check;
ok($ok, 'and is enough') or diag $said;


# What the other boxes count

my $db = engine_database();
my $api = engine_gateway(db => $db, workers => 2, locations => "$LOCATIONS
        location / { auth_jwt iHaNoi; ihanoi_api on; }");
my $token = token(sub => 'metrics');

# A request is counted when it is logged, just after its answer was sent.
my $sent = 0;
sub send_request {
    my ($method, @arg) = @_;
    $sent++;
    return $api->request($method, @arg);
}
sub all_are_counted {
    return wait_until(sub {
        my $sum = 0;
        $sum += $_ for $api->get('/metrics')->{content}
                       =~ /^ihanoi_requests_total\{.*\} (\d+)$/mg;
        $sum == $sent;
    });
}

wait_until(sub {
    send_request('GET', '/t/maybe', token => $token)->{status} == 200
});
ok(all_are_counted(), 'each request is counted');

sub api_scrape { return parse($api->get('/metrics')->{content}, $_[0]) }
my $before = api_scrape('api');

send_request('GET', '/t/maybe', token => $token) for 1 .. 5;
send_request('GET', '/t/maybe', token => 'rubbish') for 1 .. 3;
send_request('GET', '/t/slow?ms=60') for 1 .. 2;
send_request('GET', '/t/nowhere');
send_request('POST', '/t/things', token => $token, key => 'm-1',
             json => { name => 'm' });
ok(all_are_counted(), 'and once');

my $after = api_scrape('after requests');
my %grown = map { $_ => $after->{$_} - ($before->{$_} // 0) } keys %$after;

sub grown { return $grown{$_[0]} // "no series $_[0]" }

is(grown('ihanoi_requests_total{operation="maybe_get",status="200"}'), 5,
   'requests by operation and status');
is(grown('ihanoi_requests_total{operation="maybe_get",status="401"}'), 3,
   'refusals too');
is(grown('ihanoi_requests_total{operation="things_create",status="201"}'), 1,
   'and writes');
is(grown('ihanoi_requests_total{operation="",status="404"}'), 1,
   'what is no operation has no name');
is(grown('ihanoi_request_duration_seconds_count{operation="slow_get"}'), 2,
   'a histogram counts');
is(grown('ihanoi_request_duration_seconds_bucket{operation="slow_get",le="0.05"}'),
   0, 'the quick buckets are empty');
is(grown('ihanoi_request_duration_seconds_bucket{operation="slow_get",le="+Inf"}'),
   2, 'the last has all');
cmp_ok(grown('ihanoi_request_duration_seconds_sum{operation="slow_get"}'),
       '>=', 0.12, 'the sum is in seconds');
is(grown('ihanoi_pool_calls_total{database="main",pool="slow"}'), 2,
   'calls of the slow pool');
is(grown('ihanoi_pool_calls_total{database="main",pool="write"}'), 1,
   'calls of the write pool');
cmp_ok(grown('ihanoi_pool_calls_total{database="main",pool="read"}'), '>=', 5,
       'calls of the read pool');
# A connection that was made meanwhile is in use while it prepares.
my $idle = qr/^ihanoi_pool_in_use\{database="main",pool="read"\} 0$/m;
ok(wait_until(sub { $api->get('/metrics')->{content} =~ $idle }),
   'none is under way');
cmp_ok($after->{'ihanoi_pool_connections{database="main",pool="read"}'}, '>=',
       2, 'connections of both workers are summed');
cmp_ok(grown('ihanoi_token_cache_hits_total')
       + grown('ihanoi_token_cache_misses_total'), '>=', 9,
       'tokens are looked up in the cache');
is(grown('ihanoi_token_verifications_total{result="malformed"}'), 3,
   'refused tokens by their result')
    or diag join "\n", grep { /verifications/ } sort keys %grown;

# Names that operators choose stand in labels as they are.
my $odd = gateway(bare => 1, locations => $LOCATIONS, http => <<"CONF");
    ihanoi_database 'a "b" \\\\ c' {
        server unix:$db->{socket} port=$db->{port};
        dbname $db->{name};
        release $db->{release};
    }
CONF
$m = parse($odd->get('/metrics')->{content}, 'odd names');
ok(exists $m->{'ihanoi_pool_queued{database="a \"b\" \\\\ c",pool="read"}'},
   'label values are escaped')
    or diag join "\n", grep { /pool_queued/ } sort keys %$m;

done_testing();
