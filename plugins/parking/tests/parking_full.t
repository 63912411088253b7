# Nobody's place is sold to somebody else: 200 people for 50 places at the same
# moment, and stays that overlap in any way.

use lib 'tests/lib', 'plugins/payments/tests/lib', 'plugins/parking/tests/lib';
use IHanoi::Test;
use Parking::Crowd;
use Parking::Test;

my ($gw, $db) = parking(bookable => 50, workers => 2, wait => '20s');
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
%status = ();
$status{ $_->{status} }++ for rush(@losers);
is_deeply(\%status, { 201 => 5, 409 => 145 }, 'five holds run out: five others get them');
sound('200 for 50');

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
