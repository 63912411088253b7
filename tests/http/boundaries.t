#!/usr/bin/perl
# ihanoi import-boundaries: with a map of the test's own, and with the real boundaries
# of 2025, which are not part of this tree: skipped where the file is not beside it.

use lib 'tests/lib';
use IHanoi::Test;
use JSON::PP ();

my ($file) = grep { -f } map { "$_/data/hanoi-wards-2025.geojson" }
    grep { defined } $ENV{SHARED_DIR}, '../shared', '../../shared';

my $db = database();
my @connection = ('--host', $db->{socket}, '--port', $db->{port},
                  '--user', 'postgres', '--dbname', $db->{name});

sub import_file {
    my @command = ('bin/ihanoi', 'import-boundaries', @connection, @_);
    my $out = `@{[join ' ', map { "'$_'" } @command]} 2>&1`;
    utf8::decode($out);
    return ($? >> 8, $out);
}

# Files that are no boundaries leave everything as it was.
my $dir = File::Temp->newdir;
my $wrong = "$dir/wrong.json";

for my $case (
    ['[]',                                 'no object'],
    ['{"type":"FeatureCollection"}',       'no features'],
    ['{"type":"FeatureCollection","features":[]}', 'nothing in it'],
    ['not json',                           'not JSON'],
    ['{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},"geometry":null}]}',
     'a feature without code'],
    ['{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"code":"00070"},"geometry":null}]}',
     'a feature without geometry'],
) {
    open my $fh, '>', $wrong or die;
    print $fh $case->[0];
    close $fh;
    is((import_file($wrong))[0], 1, "refused: $case->[1]");
}

is((import_file("$dir/none"))[0], 1, 'refused: no file');
is(join(' ', import_file($dir)), "1 ihanoi import-boundaries: $dir: Is a directory\n", 'refused: a folder');
is((import_file())[0], 2, 'wrong usage');
is($db->sql('select count(*) from geo.boundaries'), 0, 'and nothing was changed');

# A map of the test's own: the city's communes as squares of a chessboard with one
# field left out, where one is a bow tie and one lies upon its neighbour.
my @codes = sort map { $_->[0] } $db->sql('select code from geo.areas');
my %west;

sub square {
    my ($code, $west, $south, $width) = @_;
    my ($east, $north) = ($west + ($width // 0.02), $south + 0.02);
    my @ring = ([$west, $south], [$east, $south], [$east, $north], [$west, $north]);

    @ring[1, 2] = @ring[2, 1] if $code eq $codes[20];
    return { type => 'Feature', properties => { code => $code, fullName => "Xã $code" },
             geometry => { type => 'Polygon', coordinates => [[@ring, $ring[0]]] } };
}

my $squares = "$dir/squares.json";
{
    my @fields = map { my $row = $_; map { [105 + $_ / 50, 20 + $row / 50] } 0 .. 12 } 0 .. 9;
    my @features;

    splice @fields, 45, 1;
    @west{@codes} = @fields;
    push @features, square($_, @{ $west{$_} }, $_ eq $codes[60] ? 0.021 : ()) for @codes;

    open my $fh, '>', $squares or die;
    print $fh JSON::PP->new->utf8->encode({ type => 'FeatureCollection', features => \@features });
    close $fh;
}

my ($code, $out) = import_file($squares);
is($code, 0, 'a file is imported') or diag $out;
like($out, qr/^NOTICE: +20 of 126 boundaries/m, 'with progress');
like($out, qr/^126 of 126 boundaries are in/m, 'all of it');
like($out, qr/^repaired Xã $codes[20] \($codes[20]\): .*[Ss]elf-intersection/m,
     'the invalid ring is repaired and named');
like($out, qr/^1 overlaps, \d+ m2 together\n  $codes[60] and $codes[61]: \d+ m2$/m,
     'an overlap is reported, by its communes');
like($out, qr/^[1-9]\d* gaps, \d+\.\d+ % of the city$/m, 'and gaps');
like($out, qr/^  at 20\.07\d*, 105\.13\d*: \d+ m2$/m, 'by their place') or diag $out;

($code, $out) = import_file('--json', $squares);
is(JSON::PP->new->decode($out =~ /^(\{.*)/ms ? $1 : '{}')->{imported}, 126, 'again, and said as JSON')
    or diag $out;
is($db->sql('select count(*) from geo.boundaries'), 126, 'which doubles nothing');

{
    my $gw = gateway(db => $db);
    my ($west, $south) = @{ $west{'00070'} };
    my $r = $gw->get(sprintf '/v1/areas/locate?lat=%s&long=%s', $south + 0.01, $west + 0.01);
    is_deeply([@{ $r->{json} }{qw(code inside source)}], ['00070', JSON::PP::true(), 'boundaries'],
              'the gateway answers by it');
}

if (!defined $file) {
    note 'no boundary file beside the tree: the rest is skipped';
    done_testing();
    exit;
}

($code, $out) = import_file($file);
is($code, 0, 'the file is imported') or diag $out;
like($out, qr/^NOTICE: +20 of 126 boundaries/m, 'with progress');
like($out, qr/126 of 126 boundaries are in/, 'all of it');
like($out, qr/^repaired Xã Bất Bạt \(09676\): .*[Ss]elf-intersection/m,
     'the invalid ring is repaired and named') or diag $out;
like($out, qr/^\d+ overlaps, \d+ m2 together$/m, 'overlaps are reported');
like($out, qr/^\d+ gaps, 0\.\d+ % of the city$/m, 'gaps too');
is($db->sql(q{select count(*) from geo.boundaries b where not st_isvalid(b.geom)}), 0,
   'every boundary is valid now');

# Every ward is found at its own places.
my $release = "code_$db->{release}";
is($db->sql(qq{set search_path = $release, public;
    select string_agg(a.code, ' ')
    from geo.areas a join geo.boundaries b on b.area = a.id
         cross join lateral st_pointonsurface(b.geom) p
         left join lateral area_at(st_y(p), st_x(p), '2026-01-01') f on true
    where f.code is distinct from a.code}), undef, 'every ward and commune is found');
is($db->sql(qq{set search_path = $release, public;
    select count(*)
    from geo.boundaries b
         cross join lateral st_dump(st_generatepoints(b.geom, 20, 1)) p
         left join lateral area_at(st_y(p.geom), st_x(p.geom), '2026-01-01') f on true
    where f.area is null or f.distance_m > 0}), 0, 'and so are 2520 points in them');

($code, $out) = import_file($file, '--json');
is($code, 0, 'importing again is no error');
is($db->sql('select count(*) from geo.boundaries'), 126, 'nor does it double anything');

my $gw = gateway(db => $db);
my $r = $gw->get('/v1/areas/locate?lat=21.0285&long=105.8542&at=2026-01-01');
is($r->{json}{source}, 'boundaries', 'the gateway answers by boundaries');
is($r->{json}{code}, '00070', 'Hồ Gươm is in phường Hoàn Kiếm');
is($gw->get('/v1/areas/locate?lat=21.30&long=105.60&at=2026-01-01')->{status}, 400,
   'Vĩnh Phúc is outside');

done_testing();
