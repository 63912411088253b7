# Zones of all wards of Hà Nội as they are: each address belongs to the schools that
# serve it, and an applicant's band is by that.

use lib 'tests/lib', 'plugins/enrolment/tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Enrolment::Test;

my $db = database();
my %wards = map { @$_ } $db->sql("select u.code, n.name_vi from core.units u join core.unit_names n on n.unit = u.id
                                  where u.kind in ('ward', 'commune')");
plugin_database($db, tree() . '/plugins/enrolment');
my $setup = 'set search_path = ' . enrolment_code($db) . ', plugin_enrolment, public; set session authorization plugin_enrolment;';

# A school for each ward, and one more that serves a street of each.
my $schools = join '', map { "select school_put('TH-$_', 'Trường ' || \$\$$wards{$_}\$\$, '$_', '[]');
                              select zones_put('TH-$_', 2030, 'grade_1', '[{\"ward\": \"$_\"}]');" } sort keys %wards;
my $streets = JSON::PP->new->encode([map { { ward => $_, street => 'Phố Chính' } } sort keys %wards]);
$db->sql("$setup select year_put(2030, 'Y', '[]');
    select level_put(2030, 'grade_1', '[{\"title\": {}, \"holds\": \"\$.in_zone == true\"}, {\"title\": {}, \"holds\": \"\$.in_zone == false\"}]', '[]');
    $schools
    select school_put('TH-X', 'Trường liên phường', '00004', '[]'), zones_put('TH-X', 2030, 'grade_1', '$streets');
    select round_create('00000000-0000-4000-8000-000000000001', 2030, 'grade_1', 'R', now() + interval '1 hour', now() + interval '2 hours',
                        '2024-01-01', '2024-12-31', '2030-01-01', 3, 48, repeat('a', 64));
    select places_put('00000000-0000-4000-8000-000000000001', (select jsonb_agg(jsonb_build_object('school', code, 'quota', 90)) from schools));");

is($db->sql('select count(*) from plugin_enrolment.zones'), 2 * keys %wards, 'a zone for each of ' . keys(%wards) . ' wards, twice');

my (%served, %street);
for my $row ($db->sql("$setup select w.ward, coalesce(s.street, ''), x ->> 'school'
        from (select distinct ward from zones) w cross join (values (null), ('phố  chính ')) s (street)
        cross join lateral place_list('{}', '00000000-0000-4000-8000-000000000001', w.ward, s.street, null, 200) p
        cross join lateral jsonb_array_elements(p.body::jsonb -> 'items') x order by 1, 2, 3")) {
    next if !defined $row->[2];
    my $found = $row->[1] ? \%street : \%served;
    push @{ $found->{ $row->[0] } }, $row->[2];
}
is_deeply(\%served, { map { $_ => ["TH-$_"] } keys %wards }, 'a ward is served by its school');
is_deeply(\%street, { map { $_ => ["TH-$_", 'TH-X'] } keys %wards }, 'and its street by another one too');

is($db->sql("$setup select count(*) from schools s cross join (select distinct ward from zones) w
              where band_of(2030, 'grade_1', jsonb_build_object('in_zone',
                        in_zone(2030, 'grade_1', s.code, '2030-01-01', w.ward, 'Phố Chính'))) = 1"), 2 * keys %wards,
   'those of a zone are in the first band at its schools, and nowhere else');

done_testing;
