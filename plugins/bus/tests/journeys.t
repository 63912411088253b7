# Journeys against every journey: on a made-up feed, the plan's arrivals are those
# that trying all trips finds.

use lib 'tests/lib', 'plugins/bus/tests/lib';
use utf8;
use File::Temp qw(tempdir);
use IHanoi::Test;
use Bus::Test;

eval { require Text::CSV_XS; 1 } or plan skip_all => 'Text::CSV_XS is not installed';

my $feed = tempdir(CLEANUP => 1);
system("$^X plugins/bus/tests/hanoi-feed $feed 14 16") == 0 or die "no feed\n";

my ($gw) = buses(feed => $feed);

# 2026-11-24 is a Tuesday: the service "work" runs, after midnight the last of Monday's, too.
my (%service, %trips, %stops);
for (rows('trips.txt')) { $service{ $_->[2] } = $_->[1] }
for (rows('stop_times.txt')) {
    my ($trip, $arrival, $departure, $stop) = @$_;
    next if $service{$trip} ne 'work';
    push @{ $trips{"$trip $_"} }, [$stop, seconds($arrival) + $_, seconds($departure) + $_] for 0, -86400;
    $stops{$stop} = 1;
}
my @stops = sort keys %stops;

sub rows {
    my ($file) = @_;
    open my $fh, '<:encoding(UTF-8)', "$feed/$file" or die "$file: $!\n";
    my (undef, @lines) = <$fh>;
    chomp @lines;
    return map { [split /,/] } @lines;
}

sub seconds {
    my ($h, $m, $s) = split /:/, $_[0];
    return $h * 3600 + $m * 60 + $s;
}

# The stop across the road is the only one that is near.
sub across { return $_[0] =~ tr/AB/BA/r }

# Earliest arrivals at each stop by 1, 2, 3 rides.
sub arrivals {
    my ($from, $at, $rides) = @_;
    my %ready = ($from => $at, across($from) => $at + 60);
    my (@all, %best);

    for (1 .. $rides) {
        my %reached;

        for my $calls (values %trips) {
            my $aboard;

            for my $call (@$calls) {
                my ($stop, $arrival, $departure) = @$call;
                $reached{$stop} = $arrival
                    if $aboard && $arrival < ($reached{$stop} // 9e9);
                $aboard ||= $departure >= ($ready{$stop} // 9e9);
            }
        }

        %ready = ();
        for my $stop (keys %reached) {
            for my $next ($stop, across($stop)) {
                my $time = $reached{$stop} + 60;
                $ready{$next} = $time if $time < ($ready{$next} // 9e9);
            }
        }

        push @all, \%reached;
    }

    return @all;
}

my $asked = 0;
my $found = 0;
my $night = 0;
my @wrong;
srand 20261124;

for my $n (1 .. 40) {
    my ($from, $to) = map { $stops[rand @stops] } 1 .. 2;
    my $at = $n % 3 ? 18000 + int rand 60_000 : (84_000 + int rand 4_000) % 86_400;
    next if $from eq $to;

    # each ride more has to arrive earlier, within four hours
    my ($best, @expected) = $at + 4 * 3600;
    my $changes = 0;
    for my $reached (arrivals($from, $at, 3)) {
        my ($arrival) = sort { $a <=> $b } grep { defined }
            $reached->{$to}, map { defined ? $_ + 60 : undef } $reached->{across($to)};
        $best = $arrival, push @expected, "$changes:$arrival"
            if defined $arrival && $arrival < $best;
        $changes++;
    }

    my $r = $gw->get("/v1/bus/journeys?from_stop=$from&to_stop=$to&transfers=2"
                     . sprintf '&depart_at=2026-11-24T%02d:%02d:%02d%%2B07:00',
                       $at / 3600, $at / 60 % 60, $at % 60);
    my @got = map {
        my ($d, $h, $m, $s) = $_->{arrives_at} =~ /-(\d\d)T(\d\d):(\d\d):(\d\d)/;
        "$_->{transfers}:" . (($d - 24) * 86400 + ($h + 7) * 3600 + $m * 60 + $s);
    } @{ $r->{json}{items} };

    $asked++;
    $found += @expected;
    $night += @expected if !($n % 3);
    push @wrong, "$from to $to at $at: @got, not @expected"
        if "@got" ne "@expected";
}

is_deeply(\@wrong, [], "$asked questions: arrivals and changes are the best there are");
cmp_ok($found, '>', $asked / 2, 'most of them have an answer');
cmp_ok($night, '>', 2, 'some of those about midnight, too');

done_testing;
