# Sites, supplies and prices as documents of APDS: under its names, each reference leads to
# what it names, and what is said is what the city's own documents say.

use lib 'tests/lib', 'plugins/payments/tests/lib', 'plugins/parking/tests/lib';
use IHanoi::Test;
use Parking::Test;

my ($gw, $db, $partners, $operator) = parking();
my $site = site();

# The members of APDS 4's classes, as far as we have them: which class or =value each is,
# "*" a list of them, "!" one that APDS requires.
my %APDS = (
    Place => { 'id!' => '', 'version!' => '', 'type!' => '=place', 'layer!' => '', 'name!' => 'Text*',
               'hierarchyElementRecord!' => 'Record', 'timeZone!' => '', childIds => 'Reference*',
               indicativePointLocation => 'Point', placeStreetAddress => 'Address' },
    IdentifiedArea => { 'id!' => '', 'version!' => '', 'type!' => '=identifiedArea', 'layer!' => '', 'name!' => 'Text*',
                        'hierarchyElementRecord!' => 'Record', parentId => 'Reference',
                        rightSpecifications => 'Reference*', hierarchyElementReference => 'ElementReference' },
    Text => { 'language!' => '', 'string!' => '' },
    Reference => { 'id!' => '', 'version!' => '', className => '' },
    Record => { 'creationTime!' => '', creator => 'Reference' },
    Point => { 'type!' => '=Point', 'coordinates!' => '*' },
    Address => { countryCode => '', city => 'Text*', addressLines => 'AddressLine*' },
    AddressLine => { 'order!' => '', 'type!' => '', 'text!' => 'Text*' },
    ElementReference => { 'elementId!' => 'Reference', supply => 'Supply*', demandTable => 'DemandTable*' },
    Supply => { 'supplyViewType!' => '', 'supplyQuantity!' => '' },
    DemandTable => { timestamp => '', demandType => 'DemandType*' },
    DemandType => { count => '', percentage => '', occupancyCalculation => '', 'recordDateTime!' => '' },
    List => { 'meta!' => 'Meta', 'data!' => '*' },
    Meta => { 'referenceInstant!' => '', 'offset!' => '', 'pageSize!' => '', 'total!' => '' },
    RightSpecification => { 'id!' => '', 'version!' => '', type => '', description => 'Text*', 'issuer!' => 'Reference',
                            'transferable!' => '', 'hierarchyElements!' => 'Reference*', rateEligibility => 'RateEligibility*' },
    RateEligibility => { 'id!' => '', 'version!' => '', rateTable => 'Reference', 'eligibility!' => 'Eligibility' },
    Eligibility => { 'id!' => '', 'version!' => '', qualifications => 'Qualification*' },
    Qualification => { vehicleTypes => 'VehicleType*' },
    VehicleType => { 'vehicleType!' => 'CodeListEntry' },
    CodeListEntry => { 'entryDefinedValue!' => '' },
    RateTable => { 'id!' => '', 'version!' => '', 'rateTableName!' => 'Text*', 'availability!' => '',
                   rateResponsibleParty => 'Reference', validity => 'Validity', 'rateLineCollections!' => 'RateLineCollection*' },
    Validity => { validityStatus => '', 'validityTimeSpecification!' => 'OverallPeriod' },
    OverallPeriod => { 'overallStartTime!' => '', overallEndTime => '', validPeriods => 'Period*' },
    Period => { recurringDayWeekMonthPeriod => 'DayWeekMonth*', recurringTimePeriodOfDay => 'TimePeriodOfDay*' },
    DayWeekMonth => { applicableDay => '*' },
    TimePeriodOfDay => { 'startTimeOfPeriod!' => '', 'endTimeOfPeriod!' => '' },
    RateLineCollection => { id => '', version => '', 'applicableCurrency!' => '', 'collectionSequence!' => '',
                            'relativeTimes!' => '', 'taxIncluded!' => '', 'rateLines!' => 'RateLine*' },
    AssignedRight => { 'id!' => '', 'version!' => '', 'rightHolder!' => 'RightHolder', 'rightSpecification!' => 'Reference',
                       expiry => '', issuanceTime => '', assignedRightIssuer => 'Identity', plannedUses => 'PlannedUse*' },
    RightHolder => { credentials => 'Credential*' },
    Credential => { 'credentialType!' => '', 'type!' => '', 'identifier!' => 'Identity', 'issuer!' => 'Text*' },
    Identity => { 'id!' => '', 'className!' => '' },
    PlannedUse => { 'startTime!' => '', endTime => '', credentialsAssigned => 'Credential*' },
    Session => { 'id!' => '', 'version!' => '', 'actualStart!' => '', actualEnd => '', 'initiator!' => 'Reference',
                 'identifiedCredentials!' => 'Credential*', 'segments!' => 'Segment*', hierarchyElement => 'Reference' },
    Segment => { 'id!' => '', 'version!' => '', 'actualStart!' => '', actualEnd => '', 'assignedRight!' => 'Reference',
                 'validationType!' => '*' },
    RateLine => { id => '', version => '', 'rateLineType!' => '', 'sequence!' => '', 'value!' => '', maxValue => '',
                  incrementPeriod => '', usageCondition => '' },
);

# What is not as APDS has it, by its path.
sub strange {
    my ($class, $document, $path) = @_;
    my %known = map { s/!\z//r => $APDS{$class}{$_} } keys %{ $APDS{$class} };
    my @strange = map { "$path has no $_" } grep { !exists $document->{$_} } map { /(.*)!\z/ } keys %{ $APDS{$class} };

    for my $name (sort keys %$document) {
        my ($value, $type) = ($document->{$name}, $known{$name});
        my $at = "$path/$name";

        if (!defined $type) {
            push @strange, "$at is not of $class";
        } elsif ($type =~ s/\*\z//) {
            push @strange, "$at is no list" if ref $value ne 'ARRAY' || !@$value;
            push @strange, map { $APDS{$type} ? strange($type, $_, $at) : () } @$value;
        } elsif ($APDS{$type}) {
            push @strange, strange($type, $value, $at);
        } elsif (ref $value && !JSON::PP::is_bool($value) || $type && "=$value" ne $type) {
            push @strange, "$at is another value";
        }
    }
    return @strange;
}

my %path = (Place => 'places', IdentifiedArea => 'places', RightSpecification => 'rights/specs', RateTable => 'rates',
            AssignedRight => 'rights/assigned', Session => 'sessions');

# What a reference leads to, or an id of a class.
sub follow {
    my ($class, $id, $version) = @_;
    my $r = $gw->get("/v1/parking/apds/$path{$class}/$id", $class =~ /^(?:AssignedRight|Session)\z/ ? (token => as()) : ());

    is($r->{status}, 200, "$class $id") or diag $r->{content};
    is_deeply([strange($class, $r->{json}, $class)], [], '... is as APDS has it');
    is($r->{json}{id}, $id, '... itself');
    is($r->{json}{version}, $version, '... in the version of the reference') if $version;
    return $r->{json};
}

sub refer { my ($reference) = @_; return follow(@$reference{qw(className id version)}) }

my $set = 'set search_path = plugin_parking, public;';
$db->sql("$set insert into supplies (site, vehicle, capacity, bookable) values ('$site', 'van', 8, 0);
    insert into tariffs (id, site, vehicle, valid_from, valid_to)
    values ('00000000-0000-4000-8000-0000000000cc', '$site', 'van', '2020-01-01', current_date + 400);
    insert into rates values
    ('00000000-0000-4000-8000-0000000000cc', 'ngày', '{1,2,3,4,5,6,7}', '06:00', 960, 120, 25000, 100000),
    ('00000000-0000-4000-8000-0000000000cc', 'đêm', '{1,2,3,4,5}', '22:00', 480, 480, 40000, null),
    ('00000000-0000-4000-8000-0000000000cc', 'đêm cuối tuần', '{6,7}', '22:00', 480, 480, 50000, null)");


# From the place to the price

my $place = follow(Place => $site);
is_deeply($place->{name}, [{ language => 'vi', string => 'Bãi xe số 1' }], 'a place has its name');
is_deeply($place->{indicativePointLocation}{coordinates}, [105.85, 21.03], '... and is where it is');
is_deeply([map { $_->{id} } @{ $place->{childIds} }], [map { "$site-$_" } qw(car motorcycle van)], '... with an area for each vehicle');
my ($cars, $motorcycles, $vans) = map { refer($_) } @{ $place->{childIds} };
is_deeply($cars->{parentId}, { id => $site, version => $place->{version}, className => 'Place' }, 'an area is of its place');
is_deeply($motorcycles->{name}[1], { language => 'en', string => 'Motorcycles' }, '... called in both languages');
is($cars->{hierarchyElementReference}{supply}[0]{supplyQuantity}, 100, '... has room for so many');
is($cars->{hierarchyElementReference}{demandTable}, undef, '... that nobody has counted');

my $at = at(-1);
verdicts({ type => 'occupancy', at => $at, place => $site, vehicle => 'car', free => 37 });
my ($demand) = @{ follow(IdentifiedArea => "$site-car", $cars->{version})->{hierarchyElementReference}{demandTable}[0]{demandType} };
is_deeply([@$demand{qw(count percentage occupancyCalculation)}], [63, 63, 'counted'], 'those that stand there, when they are counted');
is($demand->{recordDateTime} =~ s/\+00:00/Z/r, $at, '... at that time');

my $right = refer($vans->{rightSpecifications}[0]);
is_deeply($right->{hierarchyElements}, [{ id => "$site-van", version => 1, className => 'IdentifiedArea' }], 'a right is of its area');
is_deeply([map { $_->{eligibility}{qualifications}[0]{vehicleTypes}[0]{vehicleType}{entryDefinedValue} } @{ $right->{rateEligibility} }],
          [('van') x 3], '... for vehicles of a type, as DATEX II calls it');
my @tables = map { refer($_->{rateTable}) } @{ $right->{rateEligibility} };
is_deeply([map { join ' ', $_->{rateTableName}[0]{string}, @{ $_->{rateLineCollections}[0]{rateLines}[0] }{qw(value incrementPeriod)} } @tables],
          ['đêm 40000 PT480M', 'ngày 25000 PT120M', 'đêm cuối tuần 50000 PT480M'], '... leads to the prices');
is($tables[1]{rateLineCollections}[0]{rateLines}[0]{maxValue}, 100_000, '... with their caps');
is($tables[1]{validity}{validityTimeSpecification}{overallStartTime}, '2019-12-31T17:00:00+00:00', '... from the day in Hà Nội on');
sub when {
    return join ' ', map { my $p = $_; (map { substr $_, 0, 2 } @{ $p->{recurringDayWeekMonthPeriod}[0]{applicableDay} }),
        map { "$_->{startTimeOfPeriod}-$_->{endTimeOfPeriod}" } @{ $p->{recurringTimePeriodOfDay} }
    } @{ $_[0]{validity}{validityTimeSpecification}{validPeriods} };
}
is(when($tables[1]), 'mo tu we th fr sa su 06:00-22:00', 'by day');
is(when($tables[0]), 'mo tu we th fr 22:00-24:00 tu we th fr sa 00:00-06:00', 'a night is two parts of two days');
is(when($tables[2]), 'sa su 22:00-24:00 mo su 00:00-06:00', '... over the end of the week, too');
is(when(refer(refer($cars->{rightSpecifications}[0])->{rateEligibility}[0]{rateTable})), 'mo tu we th fr sa su 00:00-24:00', 'a whole day is one');


# From the booking to the stay

my $r;

sub answers { return $gw->get("/v1/parking/apds/$_[0]/$_[1]{id}", token => as($_[2]))->{status} }

my $b = hold(quote(), plate => '30A12345');
is(answers('rights/assigned', $b), 404, 'a place that is held is no right yet');
my $payment = pay($b, language => 'en')->{payment};
is($db->sql("select description from plugin_payments.intents where id = '$payment->{id}'"), "Parking $b->{code}", 'the payment says for what, in the language of who pays');
$partners->pay($payment->{checkout});
soon($b, "paid $b->{price} 0", 'it is paid');
my $given = follow(AssignedRight => $b->{id});
is_deeply([map { "$_->{credentialType} $_->{type} $_->{identifier}{id}" } @{ $given->{rightHolder}{credentials} }],
          ["OtherCredential eticket $b->{code}", 'VehicleCredential licensePlate 30A12345'], 'a right is known by code and plate');
is(refer($given->{rightSpecification})->{id}, "$site-car", '... to what is specified');
is_deeply([map { $_->{startTime}, $_->{endTime} } @{ $given->{plannedUses} }], [@$b{qw(arrive leave)}], '... for the time that was booked');
is(answers('rights/assigned', $b, 'citizen-2'), 404, '... nobody else\'s');
is($gw->get("/v1/parking/apds/rights/assigned/$b->{id}")->{status}, 401, '... nor for who is unknown');
is(answers('sessions', $b), 404, 'who has not come has no session');

$b = began($b, 30);
tell('entered', $b, 0);
my $stay = follow(Session => $b->{id});
is(now_read($b)->{entered_at}, $stay->{actualStart}, 'a session begins with the entry');
is($stay->{actualEnd}, undef, '... and goes on');
is(refer($stay->{segments}[0]{assignedRight})->{version}, $given->{version} + 1, '... by its right, in its next version');
is(refer($stay->{hierarchyElement})->{id}, "$site-car", '... where it was booked');
is_deeply($stay->{segments}[0]{validationType}, [qw(eticket licensePlate)], '... shown one or the other');
tell('exited', $b, 5);
is(follow(Session => $b->{id})->{actualEnd}, now_read($b)->{exited_at}, '... until the exit');
is(answers('sessions', $b, 'citizen-2'), 404, '... nobody else\'s');

my $free = hold(quote(vehicle => 'motorcycle'));
is(follow(AssignedRight => $free->{id})->{issuanceTime}, $free->{created_at}, 'what costs nothing is a right since it was booked');

my $gone = paid();
cancel($gone);
is(answers('rights/assigned', $gone), 404, 'a right that is given back is none');


# Versions


sub versions { return [map { $_->{version} } follow(Place => $site), follow(IdentifiedArea => "$site-van"),
                       follow(RightSpecification => "$site-van"), follow(RateTable => $tables[0]{id})] }
my @v = @{ versions() };
sub stay { return [map { follow($_ => $b->{id})->{version} } qw(AssignedRight Session)] }
sub written { return $db->sql("$set select xmin from bookings where id = '$b->{id}'") }
my @stay = @{ stay() };
my $written = written();
$db->sql("$set update operators set name = 'Bãi xe khác' where id = 'demo'");
is_deeply(versions(), \@v, 'what is not said is no other version');
is_deeply(stay(), [map { $_ + 1 } @stay], '... but the name is, of who has issued what a stay is known by');
is(written(), $written, '... for which not one of years of stays is written');
$db->sql("$set update sites set name = 'Bãi xe số một' where id = '$site'");
is_deeply(versions(), [$v[0] + 1, @v[1 .. 3]], 'a place of another name is');
is(refer($vans->{rightSpecifications}[0])->{id}, "$site-van", '... its areas stay as they were');
$db->sql("$set update supplies set capacity = 9 where site = '$site' and vehicle = 'van'");
is_deeply(versions(), [$v[0] + 1, $v[1] + 1, $v[2] + 1, $v[3]], 'so is an area with more room, and its right');
$db->sql("$set update tariffs set valid_to = valid_to - 1 where vehicle = 'van'");
my @ended = @{ versions() };
is_deeply([@ended[0, 1, 3]], [$v[0] + 1, $v[1] + 1, $v[3] + 1], 'and a price that ends earlier');
cmp_ok($ended[2], '>', $v[2] + 1, '... with the right');
is_deeply(follow(IdentifiedArea => "$site-van")->{rightSpecifications},
          [{ id => "$site-van", version => $ended[2], className => 'RightSpecification' }], '... to which the area refers');
$db->sql("$set update tariffs set valid_to = current_date - 2 where vehicle = 'van'");
$r = $gw->get("/v1/parking/apds/rights/specs/$site-van");
is_deeply($r->{json}{rateEligibility}, [], 'a price that is over is none');
cmp_ok($r->{json}{version}, '>', $ended[2], '... in another version of the right');
$db->sql("$set update tariffs set valid_to = null where vehicle = 'van'");
cmp_ok(versions()->[2], '>', $r->{json}{version}, 'one that is not over after all, in one more');
sub newer { my ($i, $what) = @_; my $was = $v[$i]; @v = @{ versions() }; cmp_ok($v[$i], '>', $was, $what) }
@v = @{ versions() };
$db->sql("$set update rates set price = price + 1000 where segment = 'ngày' and price = 25000");
newer(3, 'a price that is changed where it stands is another version');
$db->sql("$set update rates set price = price - 1000 where segment = 'ngày' and price = 26000");
newer(2, '... with the right');
$db->sql("$set insert into tariffs (id, site, vehicle, valid_from, valid_to)
               values ('00000000-0000-4000-8000-0000000000dd', '$site', 'van', '2019-01-01', '2019-12-31')");
newer(2, 'so is a right with one more tariff');
$db->sql("$set update tariffs set vehicle = 'car' where valid_from = '2019-01-01'");
newer(2, '... with one that is for others');
$db->sql("$set update tariffs set vehicle = 'van' where valid_from = '2019-01-01'");
newer(2, '... with one that is not for others after all');
$db->sql("$set delete from tariffs where valid_from = '2019-01-01'");
newer(2, '... and with one less');
$db->sql("$set insert into supplies (site, vehicle, capacity, bookable) values ('$site', 'bicycle', 5, 0)");
is_deeply(versions(), [$v[0] + 1, @v[1 .. 3]], 'a place that has room for others is another version');
verdicts({ type => 'occupancy', at => at(0), place => $site, vehicle => $_, free => 3 }) for qw(van bicycle car);
is_deeply(versions(), [$v[0] + 1, @v[1 .. 3]], '... but not with a count');
$db->sql("$set delete from supplies where site = '$site' and vehicle = 'bicycle'");
is_deeply(versions(), [$v[0] + 2, @v[1 .. 3]], '... and one that has it no more');
$db->sql("$set insert into supplies (site, vehicle, capacity, bookable) values ('$site', 'bicycle', 5, 0);
          update supplies set bookable = 1 where site = '$site' and vehicle = 'bicycle'");
sub bicycles { return map { $gw->get("/v1/parking/apds/$_/$site-bicycle")->{json}{version} } qw(places rights/specs) }
my @were = bicycles();
$db->sql("$set delete from supplies where site = '$site' and vehicle = 'bicycle'");
$db->sql("$set insert into supplies (site, vehicle, capacity, bookable) values ('$site', 'bicycle', 7, 0)");
my @are = bicycles();
cmp_ok($are[0], '>', $were[0], 'what has gone and comes again is a newer version');
cmp_ok($are[1], '>', $were[1], '... and so is its right');
$db->sql("$set delete from supplies where site = '$site' and vehicle = 'bicycle'");
@stay = @{ stay() };
$db->sql("$set update sites set operator = 'other' where id = '$site'");
my @other = @{ versions() };
is_deeply([grep { $other[$_] <= $v[$_] } 0 .. 3], [], 'so is all of a place that is another operator\'s');
is_deeply(stay(), [map { $_ + 1 } @stay], '... and who stays there');
is(written(), $written, '... which is not written either');
$db->sql("$set update sites set operator = 'demo' where id = '$site'");


# All of them

$db->sql("$set insert into sites (operator, name, address, location)
               select 'other', 'Bãi ' || n, 'Phố thử', st_point(105.85, 21.03, 4326) from generate_series(1, 99) n;
               insert into supplies (site, vehicle, capacity, bookable) select id, 'car', 10, 5 from sites where operator = 'other';
               update sites set in_service = false where name = 'Bãi 5'");
my (@all, $page);
do {
    $r = $gw->get('/v1/parking/apds/places?page=' . ++$page);
    is_deeply([strange(List => $r->{json}, 'List')], $r->{json}{data}[0] ? [] : ['List/data is no list'], "page $page");
    push @all, @{ $r->{json}{data} };
} while @{ $r->{json}{data} };
is(scalar @all, 4 + 98 * 2, 'pages have each element');
is($r->{json}{meta}{total}, 4 + 98 * 2, '... which are counted');
my %seen;
is(scalar(grep { !$seen{ $_->{id} }++ } @all), 4 + 98 * 2, '... once');
is(scalar(grep { $_->{parentId} && !$seen{ $_->{parentId}{id} } } @all), 0, '... a place before its areas');
is_deeply([map { strange($_->{layer} ? 'IdentifiedArea' : 'Place', $_, $_->{id}) } @all], [], '... each as APDS has it');

$db->sql("$set update sites set in_service = false");
is_deeply($gw->get('/v1/parking/apds/places')->{json}{meta}{total}, 0, 'none, when nothing is in service');
$db->sql("$set update sites set in_service = name <> 'Bãi 5'");


# What is not there

my $closed = $db->sql("$set select id from sites where not in_service");
my $nobody = '00000000-0000-4000-8000-000000000000';
is($gw->get("/v1/parking/apds/$_")->{status}, 404, "not there: $_")
    for "places/$nobody", "places/$closed", "places/$closed-car", "places/$site-bus", "rights/specs/$site-bus",
        "rights/specs/$closed-car", "rates/$nobody-1", "rates/00000000-0000-4000-8000-0000000000ca-2";
is($gw->get("/v1/parking/apds/$_")->{status}, 400, "no id: $_")
    for 'places/1', "places/$site-", "rights/specs/$site", "rates/$site", "rates/$site-0", 'places?page=0';

done_testing;
