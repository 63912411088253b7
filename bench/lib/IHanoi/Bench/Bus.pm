package IHanoi::Bench::Bus;

# What departures and journeys cost beside a report by its id.

use strict;
use warnings;
use utf8;
use Exporter 'import';
use File::Temp qw(tempdir);
use IHanoi::Bench qw(interleave);
use IHanoi::Bench::Stand;
use IHanoi::Bench::Table;
use IHanoi::Test ();
use IHanoi::Test::Plugin qw(plugin_database);


sub sections {
    return (
        [bus => \&bench_bus],
    );
}


# Departures and journeys of a feed as large as Hà Nội's, which is imported once.
sub bench_bus {
    my $folder = "$tree/plugins/bus";
    my $database = plugin_database($large, $folder, 'read connections=8;');

    if (!ask_one($large, "select 1 from plugin_bus.feeds where state = 'current'")) {
        progress('importing a feed of 224 routes, once');
        import_feed($folder);
    }

    my $gw = start($large, locations => <<'CONF', http => $database . <<"CONF");
location / { auth_jwt iHaNoi; ihanoi_api on; }
location ^~ /_transit { internal; return 404; }
CONF
ihanoi_plugin bus {
    path     $folder;
    public;
    database bus;
    backend  transit /_transit;
    jobs     30s;
    cpu      200ms;
    memory   32m;
}
CONF

    # The same stops in each run, at eight on a Tuesday.
    my @stops = map { $_->[0] } ask($large, <<'SQL');
        select s.id from plugin_bus.stops s join plugin_bus.feeds f on f.id = s.feed
        where f.state = 'current' and s.location_type = 0
        order by sha256(s.id::bytea) limit 1000
SQL
    my $at = 'T08:00:00%2B07:00';
    my ($day) = map { $_->[0] } ask($large, <<'SQL');
        select d::date from plugin_bus.feeds f,
               generate_series(f.valid_from + 14, f.valid_from + 20, '1 day') d
        where f.state = 'current' and extract(isodow from d) = 2
SQL
    my %paths = (
        get        => paths('bus-get', ids($large, 1000)),
        departures => paths('departures', map {
            "/v1/bus/stops/$_/departures?at=$day$at" } @stops),
        journey    => paths('journeys', map {
            "/v1/bus/journeys?from_stop=$stops[$_]&to_stop=$stops[-1 - $_]&depart_at=$day$at"
        } 0 .. 499),
    );
    my %measure = map { $_ => gets($gw, $paths{$_}) } keys %paths;

    answer_of($gw, "/v1/bus/stops/$stops[0]/departures?at=$day$at");
    $_->() for values %measure;
    my $all = interleave($rounds, %measure);

    at_most('departures at a stop : GET a report',
        per_round($all, rps => qw(get departures)), 3,
        rates($all, qw(departures get)));
    return at_most('a plan of a journey, 7,670 stops : GET a report',
        per_round($all, rps => qw(get journey)), 100,
        rates($all, qw(journey get)));
}


sub import_feed {
    my ($folder) = @_;
    my $feed = tempdir('ihanoi-feed-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
    local %ENV = (%ENV, PGHOST => $large->{socket}, PGPORT => $large->{port},
                  PGUSER => 'postgres', PGDATABASE => $large->{name});

    for my $command (["$folder/tests/hanoi-feed", $feed],
                     ["$folder/tools/import-gtfs", $feed]) {
        my $said = '';
        open my $out, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @$command
            or die "$command->[0]: $!\n";
        $said .= $_ while <$out>;
        close $out or die "$command->[0]: $said\n";
    }

    ask($large, 'vacuum analyze');
    return;
}


1;
