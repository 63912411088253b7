# Nobody's place is sold to somebody else: 200 people for 50 places at the same
# moment, and stays that overlap in any way.

use lib 'tests/lib', 'plugins/payments/tests/lib', 'plugins/parking/tests/lib';
use IHanoi::Test;
use Parking::Crowd;
use Parking::Test;
use Payments::Test ();

my ($gw, $db, $partners) = parking(bookable => 50, workers => 2, wait => '20s');
my ($port) = $gw->url =~ /:(\d+)$/;

my @tokens = tokens(map { { sub => "buyer-$_", scope => undef } } 1 .. 200);
my ($from, $until) = (at(60), at(180));
my @stay = (site => site(), vehicle => 'car', arrive => $from, leave => $until);

my @quotes = at_once($port, map { { path => '/v1/parking/quotes', token => $_, json => { @stay } } } @tokens);
is(scalar(grep { $_->{status} == 201 } @quotes), 200, '200 people ask for a price')
    or diag explain((grep { $_->{status} != 201 } @quotes)[0]);

sub rush {
    my (@who) = @_;
    return at_once($port, map { { path => '/v1/parking/holds', token => $tokens[$_],
                                  json => { quote => $quotes[$_]{json}{id} } } } @who);
}

my @holds = rush(0 .. 199);
my %status;
$status{ $_->{status} }++ for @holds;
is_deeply(\%status, { 201 => 50, 409 => 150 }, 'and buy at once: exactly 50 hold a place') or diag $gw->error_log;
is(scalar(grep { ($_->{json}{type} // '') =~ /parking-full$/ } @holds), 150, 'the others are told that it is full');
is($db->sql("select count(*) from plugin_parking.bookings where state = 'held'"), 50, 'which the database says, too');

# Again, each with another key: nobody gets a second one.
%status = ();
$status{ $_->{status} }++ for rush(0 .. 199);
is_deeply(\%status, { 201 => 50, 409 => 150 }, 'again: the same 50');
is($db->sql('select count(*) from plugin_parking.bookings'), 50, 'the same bookings');

# Five run out while everybody tries: five are sold.
$db->sql("set session_replication_role = replica; set search_path = plugin_parking;
          update bookings set hold_until = now() where id in (select id from bookings order by id limit 5)");
my @losers = grep { $holds[$_]{status} == 409 } 0 .. 199;
my @fewer = rush(@losers);
%status = ();
$status{ $_->{status} }++ for @fewer;
is_deeply(\%status, { 201 => 5, 409 => 145 }, 'five holds run out: five others get them');
sound('200 for 50');

# All who hold a place pay at once. Five holds are over before they do and more meanwhile,
# and who has no place tries for those: what is paid for a place that is gone goes back.
my %booking = ((map { $_ => $holds[$_]{json}{id} } grep { $holds[$_]{status} == 201 } 0 .. 199),
               (map { $losers[$_] => $fewer[$_]{json}{id} } grep { $fewer[$_]{status} == 201 } 0 .. $#fewer));
my %live = map { $_->[0] => 1 } $db->sql("select id from plugin_parking.bookings where state = 'held' and hold_until > now()");
delete @booking{ grep { !$live{ $booking{$_} } } keys %booking };

# Begins payments at once, of bookings by people; who is told to try again does. What they
# need to pay, without those whose holds are over.
sub checkouts {
    my (%of) = @_;
    my %checkout;

    wait_until(sub {
        my @who = grep { !$checkout{$_} } sort keys %of;
        my @answers = at_once($port, map { { path => "/v1/parking/bookings/$of{$_}/pay", token => $tokens[$_],
                                             json => { gateway => 'momo' } } } @who);
        for my $i (0 .. $#who) {
            my ($status, $json) = @{ $answers[$i] }{qw(status json)};
            $checkout{ $who[$i] } = $status == 201 && $json->{payment}{checkout} if $status =~ /^(?:201|409)$/;
        }
        return keys %checkout == keys %of;
    }, 60) or diag 'not all could pay';
    return grep { $_ } values %checkout;
}

# People who follow these links, ten at a time: their processes.
sub paying {
    my (@checkouts) = @_;
    return map { my $n = $_; beside(sub { $partners->pay($checkouts[$_]) for grep { $_ % 10 == $n } 0 .. $#checkouts }) } 0 .. 9;
}

sub five_run_out {
    $db->sql("set session_replication_role = replica; set search_path = plugin_parking;
              update bookings set hold_until = clock_timestamp()
               where id in (select id from bookings where state = 'held' and hold_until > now() order by code limit 5)");
    return;
}

is(scalar keys %booking, 50, '50 hold a place');
my @checkouts = checkouts(%booking);
five_run_out();
my @paying = paying(@checkouts);
my %more;
for (1 .. 2) {
    my @without = grep { !$booking{$_} && !$more{$_} } 0 .. 199;
    five_run_out();
    my @new = rush(@without);
    $more{ $without[$_] } = $new[$_]{json}{id} for grep { $new[$_]{status} == 201 } 0 .. $#new;
}
push @checkouts, my @late = checkouts(%more);
push @paying, paying(@late);
waitpid $_, 0 for @paying;
ok(wait_until(sub {
    Payments::Test::sweep();
    sweep();
    return $db->sql("select (select count(*) from plugin_parking.charges where state in ('open', 'left'))
                            + (select count(*) from plugin_parking.refunds where state = 'requested')") == 0;
}, 60), '50 pay at once, and some of the others: all of it is known');
is($db->sql("select count(*) from plugin_parking.bookings where state = 'paid'"), 50, '... exactly 50 have a place');
cmp_ok($db->sql("select count(*) from plugin_parking.charges where state = 'late'"), '>=', 5, '... some came too late');
is($db->sql("select count(*) from plugin_parking.charges where state = 'paid'")
   + $db->sql("select count(*) from plugin_parking.refunds where state = 'done'"), scalar(@checkouts),
   '... and everybody has a place or the money back');
sound('50 pay at once');

# A stay that touches others takes no place of theirs; one that overlaps does.
my $q = quote(in => 180, minutes => 60, as => 'later');
is($q->{available}, 50, 'after they have left there is room');

# Stays that overlap in any way, from many at once: never more than there are at any
# moment, which is counted here by the minute.
$db->sql("set search_path = plugin_parking; update supplies set bookable = 7 where vehicle = 'motorcycle'");
srand 32;
my @stays = map { my $in = 300 + int rand 200; [$in, $in + 1 + int rand 120] } 1 .. 200;
@quotes = at_once($port, map { { path => '/v1/parking/quotes', token => $tokens[$_], json => {
    site => site(), vehicle => 'motorcycle', arrive => at($stays[$_][0]), leave => at($stays[$_][1]) } } } 0 .. 199);
@holds = rush(grep { $quotes[$_]{status} == 201 } 0 .. 199);
my @minutes;
my ($sold, $least) = (0, 0);
for my $b (map { $_->{json} } grep { $_->{status} == 201 } @holds) {
    my ($first, $last) = map { /T(\d+):(\d+)/ ? $1 * 60 + $2 : die } @$b{qw(arrive leave)};
    $last += 1440 if $last < $first;
    $minutes[$_ % 1440]++ for $first .. $last - 1;
    $sold++;
}
my ($most) = sort { $b <=> $a } map { $_ // 0 } @minutes;
is($most, 7, "of $sold stays that overlap, seven are there at the busiest minute") or diag explain \@minutes;
is(scalar(grep { $_->{status} !~ /^(?:201|409)$/ } @holds), 0, 'and all had an answer');
sound('stays that overlap');

done_testing;
