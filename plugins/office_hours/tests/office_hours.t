#!/usr/bin/perl
# Public holidays and office hours, through a real gateway.

use lib 'tests/lib';
use IHanoi::Test;

sub served {
    my (@settings) = @_;

    return gateway(responses => 0,
        http => 'ihanoi_plugin office_hours { path %%TREE%%/plugins/office_hours;'
                . " public; check always; @settings }",
        locations => 'location / { ihanoi_api on; }');
}

my $gw = served();

sub open_at {
    my ($at, $gateway) = @_;
    my $r = ($gateway // $gw)->get('/v1/office_hours/open?at='
                                   . $at =~ s/\+/%2B/r);
    return $r->{status} == 200 ? $r->{json} : $r;
}

# The days are the city's.
my $tree = tree();
open my $fh, '<:encoding(UTF-8)', "$tree/sql/reference/50_calendar.sql" or die $!;
my %city;
while (<$fh>) {
    $city{$1} = [$2 =~ tr/0-9// ? 1 : 0, $3]
        if /\('(\d{4}-\d\d-\d\d)', (null(?:::int)?|\d),\s+'((?:[^']|'')*)'/;
}

my %ours;
for my $year (2024 .. 2027) {
    my $r = $gw->get("/v1/office_hours/holidays?year=$year");
    is($r->{status}, 200, "the days of $year");
    $ours{ $_->{date} } = [$_->{worked} ? 1 : 0, $_->{name}{vi}]
        for @{ $r->{json}{items} };
}
is_deeply(\%ours, \%city, "are those of the city's calendar");

my $r = $gw->get('/v1/office_hours/holidays?year=2026');
is($r->{json}{items}[0]{date}, '2026-01-01', 'in order');
is($r->{json}{items}[0]{name}{en}, "New Year's Day", 'with names');
is($gw->get('/v1/office_hours/holidays?year=2050')->{status}, 404,
   'a year nobody knows');
is($gw->get('/v1/office_hours/holidays?year=abc')->{status}, 400, 'no year');
is($gw->get('/v1/office_hours/holidays')->{status}, 200, 'this year');

# Hours.
my $open = open_at('2026-11-24T09:00:00+07:00');
is($open->{open}, JSON::PP::true, 'a Tuesday morning: open');
is($open->{changes_at}, '2026-11-24T12:00:00+07:00', 'until noon');
$open = open_at('2026-11-24T12:00:00+07:00');
is($open->{open}, JSON::PP::false, 'at noon: closed');
is($open->{changes_at}, '2026-11-24T13:00:00+07:00', 'until one');
is(open_at('2026-11-24T05:59:59Z')->{changes_at}, '2026-11-24T13:00:00+07:00',
   'other offsets are the same time');
is(open_at('2026-11-27T17:00:00+07:00')->{changes_at},
   '2026-11-30T08:00:00+07:00', 'on a Friday evening: until Monday');
$open = open_at('2026-09-02T09:00:00+07:00');
is($open->{open}, JSON::PP::false, 'on National Day: closed');
is($open->{day}{vi}, 'Quốc khánh', 'and why');
is(open_at('2026-08-22T09:00:00+07:00')->{open}, JSON::PP::true,
   'a Saturday that is worked in exchange');
is(open_at('2026-08-15T09:00:00+07:00')->{open}, JSON::PP::false,
   'any other Saturday is not');
is(open_at('2050-08-15T09:00:00+07:00')->{status}, 404, 'a year nobody knows');

my $saturday = served('setting saturday_morning on; setting morning 07:30-11:30;');
is(open_at('2026-08-15T07:30:00+07:00', $saturday)->{open}, JSON::PP::true,
   'unless a setting says so');
is(open_at('2026-08-15T14:00:00+07:00', $saturday)->{open}, JSON::PP::false,
   'in the morning only');

done_testing;
