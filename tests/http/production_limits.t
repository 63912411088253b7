#!/usr/bin/perl
# The limits of conf/production.conf: a person has one budget wherever the requests come
# from, and those who share an address do not share theirs.

use lib 'tests/lib';
use IHanoi::Test;

my $text = text_of('conf/production.conf');
my ($zones) = $text =~ /^# --- limits -+\n(.*?)^# ---/ms;
my ($limits) = $text =~ m{^    location / \{(.*?)^    \}}ms;

# As they were before citizens had a budget. nginx reloads no zone that has its name and
# another key, and nginx -t does not say so.
my $gw = gateway(
    db        => database(),
    http      => <<'CONF',
        limit_req_zone   $binary_remote_addr  zone=ihanoi_address:20m rate=50r/s;
        limit_req_zone   $ihanoi_subject_hash zone=ihanoi_caller:20m  rate=10r/s;
        limit_conn_zone  $binary_remote_addr  zone=ihanoi_connections:10m;
CONF
    server    => 'set_real_ip_from 127.0.0.1; real_ip_header X-Address;',
    locations => 'location / { ihanoi_api on; }');

ok($gw->reload(http => $zones, locations => "location / { $limits }"),
   'a gateway with the limits of before reloads');

# How many of so many requests, at most, are answered before one that is refused.
sub budget {
    my ($most, $request) = @_;

    for my $n (0 .. $most - 1) {
        my ($path, %arg) = $request->($n);
        my $status = $gw->get($path, %arg)->{status};

        return $n if $status == 429;
        return "$n, then $status" if $status != 200;
    }

    return $most;
}

sub from { return headers => { 'X-Address' => shift } }

my ($one, $two, @others) = tokens(map { { sub => "citizen-$_" } } 1 .. 302);

is(budget(300, sub { ('/v1/me', token => $others[shift], from('100.64.0.1')) }), 300,
   'three hundred citizens behind one address of a carrier, at once');

my $of_one = budget(1000, sub { ('/v1/me', token => $one, from('203.0.113.' . $_[0] % 50)) });
cmp_ok($of_one, '>=', 40, 'a citizen has a budget');
cmp_ok($of_one, '<', 1000, 'which is one from fifty addresses, too');

my $public = '/v1/categories';
my $of_network = budget(3000, sub { ($public, from('2001:db8:1:2::' . $_[0])) });
cmp_ok($of_network, '>=', 200, 'who has no token has a budget');
cmp_ok($of_network, '<', 3000, 'which is one for a network of IPv6');
is($gw->get($public, from('2001:db8:1:3::1'))->{status}, 200, 'the next network has its own');

# Zeros of the network, too, are left out of an address as it is written.
for my $form ('2001:db8:5::%x:1:1', '2001::5:%x:1:1:1') {
    cmp_ok(budget(3000, sub { ($public, from(sprintf $form, $_[0] + 1)) }), '<', 3000,
           "and that of $form one");
}
is($gw->get($public, from('2001::6:1:1:1:1'))->{status}, 200, 'the one beside it has its own');
is($gw->get('/v1/me', token => $two, from('2001:db8:1:2::1'))->{status}, 200,
   'as has a citizen in the first one');

# What is forged is nobody's, and counts as a stranger's.
my $forged = $two =~ s{\.([^.])([^.]*)$}{'.' . ($1 eq 'A' ? 'B' : 'A') . $2}er;
my @said = map { $gw->get('/v1/me', token => $forged, from('198.51.100.1'))->{status} } 1 .. 100;
is(join(' ', grep { $_ != 401 } @said), '', 'a hundred forged tokens of a citizen');
is($gw->get('/v1/me', token => $two, from('198.51.100.2'))->{status}, 200,
   'leave the budget of the citizen as it was');

done_testing();
