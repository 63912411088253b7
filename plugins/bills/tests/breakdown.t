# What a bill is made of, against the naive sum: each day's tariff, each kilowatt-hour
# one by one.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use JSON::PP ();
use POSIX qw(strftime);
use Time::Local qw(timegm);

my $db = database();
plugin_database($db, tree() . '/plugins/bills');
my $code = $db->sql("select nspname from pg_namespace where nspname like 'code_bills_%'");

my $seed = $ENV{SEED} // time;
srand $seed;

sub day { my ($n) = @_; return strftime('%Y-%m-%d', gmtime(timegm(0, 0, 0, 1, 0, 2026) + 86400 * $n)) }

sub ask {
    my (@cases) = @_;
    my @values = map { my $n = $_; my $c = $cases[$n];
                       "($n, $c->[0], '" . day($c->[1]) . "'::date, '" . day($c->[2]) . "'::date, $c->[3])" } 0 .. $#cases;
    return @{ JSON::PP->new->decode(scalar $db->sql("set search_path = $code, plugin_bills, public;
        select json_agg(bill_breakdown(a, b, c, d) order by n)
          from (values " . join(', ', @values) . ') v (n, a, b, c, d)')) };
}

# The sum as somebody with much time and no idea would make it.
sub naive {
    my ($tariffs, $kwh, $from, $to, $households) = @_;
    my $month = $to - $from + 1;
    my (%days, %net);

    for my $day ($from .. $to) {
        my ($of) = grep { $_->{from} <= $day } reverse @$tariffs;
        return undef if !$of;
        $days{ $of->{from} }++;
    }

    my @parts = grep { $days{ $_->{from} } } @$tariffs;
    my %kwh = map { $_->{from} => int($kwh * $days{ $_->{from} } / $month) } @parts;
    my %lost = map { $_->{from} => $kwh * $days{ $_->{from} } % $month } @parts;
    my $left = $kwh;
    $left -= $_ for values %kwh;
    my @order = sort { $lost{$b} <=> $lost{$a} || $a <=> $b } keys %kwh;
    $kwh{ $order[$_] }++ for 0 .. $left - 1;

    for my $tariff (@parts) {
        my $of = $tariff->{from};
        my @ends = map { int(($_ * $households * $days{$of} * 2 + $month) / (2 * $month)) } @{ $tariff->{limits} };
        $net{ $tariff->{vat} } += 0;

        for my $n (1 .. $kwh{$of}) {
            my $tier = 0;
            $tier++ while $tier < @ends && $n > $ends[$tier];
            $net{ $tariff->{vat} } += $tariff->{prices}[$tier];
        }
    }

    my $total = 0;
    $total += $net{$_} + int(($net{$_} * $_ + 5000) / 10000) for keys %net;
    return $total;
}

my ($cases, $changes, $none) = (0, 0, 0);

for my $round (1 .. 12) {
    my @starts = sort { $a <=> $b } keys %{ { map { int(rand 120) => 1 } 1 .. 1 + int rand 4 } };
    my @tariffs = map {
        my @limits = sort { $a <=> $b } keys %{ { map { 1 + int(rand 400) => 1 } 1 .. int rand 7 } };
        { from => $_, limits => \@limits, prices => [map { 500 + int rand 4000 } 0 .. @limits],
          vat => (800, 1000, 500, 0)[rand 4] } } @starts;

    $db->sql('truncate plugin_bills.tariffs; ' . join '; ', map {
        sprintf "insert into plugin_bills.tariffs values ('%s', '{%s}', '{%s}', %d, 'test', false, 'test')",
            day($_->{from}), join(',', @{ $_->{limits} }), join(',', @{ $_->{prices} }), $_->{vat} } @tariffs);

    my @cases = map { my $from = int rand 110; [int(rand(rand() < 0.1 ? 3 : 900)), $from, $from + int(rand 62),
                                               1 + (rand() < 0.3 ? int rand 5 : 0)] } 1 .. 40;
    my @wrong;

    my @got = ask(@cases);
    for my $n (0 .. $#cases) {
        my ($case, $got) = ($cases[$n], $got[$n]);
        my $expected = naive(\@tariffs, @$case);
        my $said = $got && $got->{total};
        my $what = join ' ', @$case, $expected // 'none', $said // 'none';

        $cases++;
        $none++ if !defined $expected;
        $changes++ if $got && @{ $got->{parts} } > 1;
        push @wrong, $what if ($expected // -1) != ($said // -1);
        next if !$got;

        my ($kwh, $days, $net, $tax) = (0) x 4;
        for my $part (@{ $got->{parts} }) {
            my $in = 0;
            $in += $_->{kwh}, $net += $_->{amount} for @{ $part->{tiers} };
            push @wrong, "$what: tiers" if $in != $part->{kwh};
            $kwh += $in, $days += $part->{days};
        }
        $tax += $_->{amount} for @{ $got->{taxes} };
        push @wrong, "$what: sums" if $kwh != $case->[0] || $days != $case->[2] - $case->[1] + 1
            || $net != $got->{net} || $net + $tax != $got->{total};
    }

    is_deeply(\@wrong, [], "tariffs $round: as the naive sum (SEED=$seed)")
        or diag explain \@tariffs;
}

ok($cases > 100 && $changes > 20 && $none > 5, "... $cases, of $changes with a change, $none without a tariff");

# Nonsense is no tariff.
for my $bad (["'{100,50}', '{1,2,3}', 800", 'limits_ascend'], ["'{0}', '{1,2}', 800", 'limits_ascend'],
             ["'{50}', '{1}', 800", 'a_price_for_each_tier'], ["'{}', '{0}', 800", 'prices_are_some'],
             ["'{}', '{1}', 10001", 'vat_is_a_share']) {
    like($db->sql_error("insert into plugin_bills.tariffs values ('2030-01-01', $bad->[0], 's', false, 'x')"),
         qr/"tariffs_$bad->[1]"/, "refused: $bad->[0]");
}

# What is there for looking at can be made.
$db->sql('truncate plugin_bills.tariffs');
my $demo = text_of('plugins/bills/demo/bills.sql');
is($db->sql_error("set search_path = $code, plugin_bills, public; $demo"), '', 'the demonstration is made');
is($db->sql("select string_agg(state, ' ' order by id) from plugin_bills.orders"), 'delivered refused created', '... with orders');
is($db->sql("set search_path = $code, plugin_bills, public; select string_agg(
               (amount - (bill_breakdown(kwh, period_from, period_to, households) ->> 'total')::bigint)::text, ' ') from bills"),
   '0 0', '... and bills that their tiers add up to');

done_testing;
