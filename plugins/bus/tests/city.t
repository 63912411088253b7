# A feed of as many routes and stops as Hà Nội's is imported, and asked. With all its
# buses it would take minutes: here they come every four hours.

use lib 'tests/lib', 'plugins/bus/tests/lib';
use utf8;
use File::Temp qw(tempdir);
use IHanoi::Test;
use Bus::Test;

eval { require Text::CSV_XS; 1 } or plan skip_all => 'Text::CSV_XS is not installed';

my $feed = tempdir(CLEANUP => 1);
system("$^X plugins/bus/tests/hanoi-feed $feed 224 62 14400") == 0 or die "no feed\n";

my ($gw, $db) = buses(feed => undef);
my ($status, $text) = import_gtfs($db, $feed);
is($status, 0, 'it is imported') or diag $text;
like($text, qr/\b224 routes, .*\b7670 stops,/, 'with all its routes and stops');

# The first bus of a line, on a Tuesday.
my @calls;
open my $fh, '<', "$feed/stop_times.txt" or die "stop_times.txt: $!\n";
while (<$fh>) {
    push @calls, [(split /,/)[1 .. 3]] if /^112-0-work-1,/;
}
my ($first, $last) = @calls[0, -1];
my $at = "2026-11-24T$first->[1]%2B07:00";

# In Hà Nội.
sub clock {
    my ($h, $rest) = $_[0] =~ /T(\d\d)(:\d\d:\d\d)\+00:00$/ or return $_[0];
    return sprintf '%02d%s', ($h + 7) % 24, $rest;
}

my $r = $gw->get("/v1/bus/stops/$first->[2]/departures?page_size=50&at=$at");
is_deeply([map { clock($_->{scheduled_at}) } grep { $_->{trip} eq '112-0-work-1' } @{ $r->{json}{items} }],
          [$first->[1]], 'it leaves when its timetable says') or diag $r->{content};

# A board of twenty is read from the rows of its stop, which stand in order as they are
# shown: not the calls and trips of the whole timetable.
my ($read, $shown) = split / /, $db->sql(<<"SQL");
    begin;
    \\i tests/sql/lib/tuples.psql
    select nspname as code from pg_namespace where nspname ~ '^code_bus_[0-9]' order by oid desc limit 1 \\gset
    set local search_path = :code, plugin_bus, public;
    select json_array_length(body::json -> 'items') as shown
      from stop_departures('{}', '$first->[2]', '2026-11-24T08:00:00+07:00', 20) \\gset
    select pg_temp.tuples_read('calls', 'trips') || ' ' || :shown;
    rollback;
SQL
is($read, 0, 'departures look for no calls and no trips');
cmp_ok($shown, '>', 5, '... and are shown');

$r = $gw->get("/v1/bus/journeys?from_stop=$first->[2]&to_stop=$last->[2]&depart_at=$at");
my ($arrival) = sort map { clock($_->{arrives_at}) } @{ $r->{json}{items} };
cmp_ok($arrival // 'never', 'le', $last->[0], 'and one is at its end when it is, or earlier')
    or diag $r->{content};

done_testing;
