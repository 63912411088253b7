# What a ride costs: by its route, and by the zones where it is boarded and left and that
# are on its way.

use lib 'tests/lib', 'plugins/bus/tests/lib';
use utf8;
use File::Temp qw(tempdir);
use IHanoi::Test;
use Bus::Test;

eval { require Text::CSV_XS; 1 } or plan skip_all => 'Text::CSV_XS is not installed';

my $dir = tempdir(CLEANUP => 1);

# demo/feed, whose stops are in zones; depot is in none.
my %zone = (stop_id => 'zone_id', 'hub-1' => 'A', 'hub-2' => 'A', market => 'A', lake => 'B',
            'lake-east' => 'B', park => 'C', school => 'D');

sub feed {
    my ($name, @rules) = @_;

    return feed_with("$dir/$name",
        'stops.txt' => sub { s{^([\w-]+),.*\K}{',' . ($zone{$1} // '')}gme },
        'fare_attributes.txt' => sub {
            $_ .= join '', map { "$_,VND,0,\n" } 'within,5000', 'across,7000', 'into,9000',
                                                 'dear,20000', 'by,6000', 'past,100',
                                                 'elsewhere,500';
        },
        'fare_rules.txt' => sub {
            $_ = join "\n", 'fare_id,route_id,origin_id,destination_id,contains_id', @rules, '';
        });
}

my ($gw, $db) = buses(feed => feed('zones',
    'short,r2,,,', 'long,f1,,,', 'within,,A,A,', 'across,r1,A,B,', 'into,r1,,C,', 'dear,r2,B,D,',
    'by,r1,,,C', 'by,r1,,,A', 'by,r1,,,B', 'past,r1,A,C,A', 'past,r1,A,C,C',
    'elsewhere,r1,D,C,'));

# What the way costs that arrives first.
sub fare {
    my ($from, $to, $at) = @_;
    my $r = $gw->get("/v1/bus/journeys?from_stop=$from&to_stop=$to&depart_at=2026-11-24T"
                     . ($at // '06:50') . ':00%2B07:00');
    my ($journey) = @{ $r->{json}{items} } or return "none: $r->{content}";
    return $journey->{fare} ? $journey->{fare}{amount} : 'unknown';
}

is(fare('hub', 'market'), 5_000, 'within a zone');
is(fare('hub', 'lake'), 7_000, 'from a zone to another');
is(fare('lake', 'park'), 9_000, 'from anywhere to a zone');
is(fare('market', 'park'), 6_000, 'by way of all zones that it has, and of no other');
is(fare('lake-east', 'school', '07:40'), 8_000, 'the cheapest of those that hold');
is(fare('hub', 'school'), 15_000, 'each ride by its own zones');
is(fare('lake', 'depot', '06:00'), 12_000, 'of a route, to a stop without a zone');
is(fare('hub', 'lake', '23:40'), 'unknown', 'a fare between zones is of its route only');

sub of_route { return $gw->get("/v1/bus/routes/$_[0]")->{json}{fares} }
is_deeply(of_route('r1'), [], 'a route shows no fare that holds between zones only');
is_deeply([map { $_->{price} } @{ of_route('r2') }], ['8000'], 'but one that holds everywhere');

my ($status, $text) = import_gtfs($db, feed('nowhere', 'within,,A,Z,', 'by,,,,Y'));
is($status, 1, 'zones that no stop is in: refused');
like($text, qr/in\ fare_rules.txt\ \(2\ times\)
               \n\s+line\ 2:\ destination_id\ "Z"\ is\ not\ in\ stops.txt
               \n\s+line\ 3:\ contains_id\ "Y"\ is\ not\ in\ stops.txt/x,
     'and it says where') or diag $text;

done_testing;
