#!/usr/bin/perl
# Units, areas and catalogues as the public reads them: at any date, in pages,
# with ETags; what is asked wrongly is told.

use lib 'tests/lib';
use IHanoi::Test;

my $db = database();
my $gw = gateway(db => $db);
my $r;


# A list in pages.
$r = $gw->get('/v1/units?at=2026-01-01&kind=ward,commune&limit=100');
is($r->{status}, 200, 'units are public');
is(scalar @{ $r->{json}{items} }, 100, 'a page has as many as asked for');
ok(defined $r->{json}{next}, 'and says where the next one starts');

my @codes = map { $_->{code} } @{ $r->{json}{items} };
$r = $gw->get("/v1/units?at=2026-01-01&kind=ward,commune&limit=100&cursor=$r->{json}{next}");
push @codes, map { $_->{code} } @{ $r->{json}{items} };
is($r->{json}{next}, undef, 'the last page says that it is the last');
is(scalar @codes, 126, 'two pages have all 126 wards and communes');
is_deeply(\@codes, [sort @codes], 'in the order of their codes, none twice');

is(scalar @{ $gw->get('/v1/units?at=2024-07-01&kind=urban_district,rural_district,town&limit=200')->{json}{items} },
   30, 'in July 2024 there were 30 districts');
is(scalar @{ $gw->get('/v1/units?at=2024-07-01&kind=ward&limit=200')->{json}{items} },
   0, 'the wards of 2025 did not stand then');
is(scalar @{ $gw->get('/v1/units?kind=urban_district&limit=200')->{json}{items} },
   0, 'now there are no districts');

my ($city) = @{ $gw->get('/v1/units?kind=city')->{json}{items} };
is($city->{name}{vi}, 'Ủy ban nhân dân Thành phố Hà Nội', 'names in Vietnamese');
is($city->{name}{en}, "Hanoi People's Committee", 'and in English');
ok((grep { $_->{code} eq '00070' }
    @{ $gw->get("/v1/units?parent=$city->{id}&limit=200")->{json}{items} }),
   'wards stand directly under the city');


# One unit.
my ($district) = grep { $_->{code} eq '002' }
    @{ $gw->get('/v1/units?at=2024-07-01&kind=urban_district')->{json}{items} };
$r = $gw->get("/v1/units/$district->{id}?at=2024-07-01");
is($r->{json}{valid}, JSON::PP::true, 'a district stands in 2024');
is($r->{json}{above}[0]{code}, 'HN', 'under the city');
$r = $gw->get("/v1/units/$district->{id}");
is($r->{json}{valid}, JSON::PP::false, 'and no longer');
is($r->{json}{valid_to}, '2025-06-30', 'since its last day');

my ($transport) = grep { $_->{code} eq 'SGTVT' }
    @{ $gw->get('/v1/units?at=2024-07-01&kind=department')->{json}{items} };
is($gw->get("/v1/units/$transport->{id}")->{json}{successors}[0]{unit}{code}, 'SXD',
   'a merged department names its successor');

is($gw->get('/v1/units/11111111-1111-4111-8111-111111111111')->{status}, 404,
   'an unknown unit is 404');
is($gw->get('/v1/units/nonsense')->{status}, 400, 'no id at all is 400');

$r = $gw->get("/v1/units/$city->{id}/tree?at=2026-01-01");
is($r->{json}{items}[0]{code}, 'HN', 'a tree begins with its top');
ok(@{ $r->{json}{items} } > 140, 'and has all below');
is((grep { $_->{code} eq '1022' } @{ $r->{json}{items} })[0]{depth}, 2,
   'at their depths');
is($gw->get("/v1/units/$district->{id}/tree?at=2026-01-01")->{status}, 404,
   'a unit that does not stand has no tree');


# ETags.
$r = $gw->get('/v1/categories');
is($r->{status}, 200, 'categories');
my $etag = $r->{headers}{etag};
like($etag, qr/^"[^"]+"$/, 'have an ETag');
is($gw->get('/v1/categories', headers => { 'If-None-Match' => $etag })->{status},
   304, 'and are not sent again');
$db->sql(q{update core.categories set name_en = 'Rubbish', version = version + 1 where code = 'waste'});
$r = $gw->get('/v1/categories', headers => { 'If-None-Match' => $etag });
is($r->{status}, 200, 'until they change');
is((grep { $_->{code} eq 'waste' } @{ $r->{json}{items} })[0]{name}{en},
   'Rubbish', 'at once');

is_deeply([grep { !grep { $_ eq 'transfer' } @{ $_->{uses} } }
           @{ $gw->get('/v1/reasons?use=transfer')->{json}{items} }],
          [], 'reasons are narrowed to an action');
is($gw->get('/v1/privacy-notice')->{json}{hash},
   $db->sql('select hash from core.privacy_notices'), 'the privacy notice');


# Points.
$r = $gw->get('/v1/areas/locate?lat=21.0320&long=105.8504');
is($r->{status}, 200, 'a point in the city is found');
is($r->{json}{code}, '00070', 'in the ward whose centre is nearest');
is($r->{json}{source}, 'centre-points', 'and the answer says so');

$r = $gw->get('/v1/areas/locate?lat=10.77&long=106.70');
is($r->{status}, 400, 'a point outside is refused');
is($r->{json}{type}, 'urn:ihanoi:problem:outside-city', 'with its problem');
like($r->{json}{title}, qr/ngoài địa bàn/, 'in Vietnamese');
$r = $gw->get('/v1/areas/locate?lat=10.77&long=106.70',
              headers => { 'Accept-Language' => 'en' });
like($r->{json}{title}, qr/outside of Hanoi/, 'or English');
like($r->{headers}{'content-type'}, qr{^application/problem\+json}, 'as a problem document');

is($gw->get('/v1/areas/locate?lat=21.03&long=105.85&at=2024-01-01')->{json}{type},
   'urn:ihanoi:problem:areas-unknown', 'no areas are known for 2024');

is($gw->get("/v1/areas/locate?$_")->{status}, 400, "400: $_")
    for 'lat=21', 'lat=91&long=105', 'lat=21&long=181', 'lat=x&long=105',
        'lat=NaN&long=105', 'lat=1e999&long=105', 'lat=21&long=105&x=1';
is($gw->get("/v1/units?$_")->{status}, 400, "400: $_")
    for 'limit=0', 'limit=201', 'limit=x', 'at=2026-02-30', 'kind=A', 'cursor=%27',
        'parent=1', 'at=2026-01-01&at=2026-01-02';

# Days at the ends of what the contract takes are days, not errors.
is($gw->get("/v1/units?at=$_")->{status}, 200, "200: at=$_")
    for '0001-01-01', '9999-12-31';

unlike($gw->error_log, qr/SQLSTATE/, 'nothing of it was an error in SQL');

done_testing();
