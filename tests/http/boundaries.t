#!/usr/bin/perl
# ihanoi import-boundaries with the real boundaries of 2025, which are not part
# of this tree: skipped where the file is not beside it.

use lib 'tests/lib';
use IHanoi::Test;

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
is((import_file())[0], 2, 'wrong usage');
is($db->sql('select count(*) from geo.boundaries'), 0, 'and nothing was changed');

if (!defined $file) {
    note 'no boundary file beside the tree: the rest is skipped';
    done_testing();
    exit;
}

my ($code, $out) = import_file($file);
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
