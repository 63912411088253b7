#!/usr/bin/perl
# Public holidays and office hours, through a real gateway.

use lib 'tests/lib';
use utf8;
use Digest::SHA qw(hmac_sha256_hex);
use File::Temp qw(tempdir);
use IHanoi::Test;
use IHanoi::Test::Plugin;

my $tree = tree();
my $folder = "$tree/plugins/office_hours";
my $db = database();
my $database = plugin_database($db, $folder);

# The Ministry: files, each with its signature.
my $ministry = tempdir(CLEANUP => 1);
chmod 0755, $ministry;
my $signature = 'none';

sub conf {
    my (@settings) = @_;

    return (http => <<"CONF", locations => <<'LOCATIONS', servers => <<"SERVER");
ihanoi_plugin_background on interval=100ms;
ihanoi_plugin office_hours {
    path      $folder;
    public;
    database  office_hours;
    backend   announcements /_announcements;
    secret    announcements_key announcements_key;
    jobs      60s;
    store     256k;
    check     always;
    @settings
}
$database
CONF
location / { auth_jwt iHaNoi; ihanoi_api on; }
location ^~ /_announcements/ { internal; proxy_pass http://127.0.0.1:%%PORT%%/;
                               proxy_set_header Host ministry; }
location = /metrics { auth_jwt off; ihanoi_status metrics; }
LOCATIONS
server {
    listen 127.0.0.1:%%PORT%%;
    server_name ministry;
    root $ministry;
    default_type application/json;
    add_header X-Signature "$signature";
}
SERVER
}

my $gw = gateway(db => $db, responses => 0, start => 0, conf());
$gw->write('announcements_key', 'test key of the Ministry');
chmod 0600, "$gw->{dir}/announcements_key";
$gw->start;
wait_until(sub { my $r = $gw->get('/v1/office_hours/closures'); $r && $r->{status} == 200 })
    or die $gw->error_log;

sub open_at {
    my ($at, %more) = @_;
    my $query = join '&', 'at=' . $at =~ s/\+/%2B/r, map { "$_=$more{$_}" } keys %more;
    my $r = $gw->get("/v1/office_hours/open?$query");
    return $r->{status} == 200 ? $r->{json} : $r;
}


# The days are the city's.
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

my $csv = $gw->get('/v1/office_hours/holidays.csv?from=2024&to=2026');
like($csv->{headers}{'content-type'}, qr{^text/csv}, 'as a table');
is(scalar(() = $csv->{content} =~ /^\d{4}-\d\d-\d\d,(?:true|false),"/mg),
   scalar(grep { /^202[456]/ } keys %ours), 'a line for each day of the years');
like($csv->{content}, qr/^2026-01-01,false,"[^"]+","New Year's Day","[^"]+"\r\n/m, 'like this');


# Hours

my $open = open_at('2026-11-24T09:00:00+07:00');
is($open->{open}, JSON::PP::true, 'a Tuesday morning: open');
is($open->{changes_at}, '2026-11-24T12:00:00+07:00', 'until noon');
$open = open_at('2026-11-24T12:00:00+07:00');
is($open->{open}, JSON::PP::false, 'at noon: closed');
is($open->{changes_at}, '2026-11-24T13:00:00+07:00', 'until one');
is($gw->get('/v1/office_hours/open?at=2027-02-08T09:00:00%2B07:00')->{json}{day}{vi}, 'Tết Nguyên đán',
   'a Tết that is not announced yet: closed');
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


# Closures of units, far enough ahead that the day is not over

my $officer = token(sub => 'officer-1', scope => 'office_hours:announce');
my $tuesday = '2099-11-24';
$db->sql("insert into plugin_office_hours.announced_days (day, vi, en)
          values ('2099-01-01', 'Tết Dương lịch', 'New Year''s Day')");

sub announce {
    my ($key, %more) = @_;
    return $gw->post('/v1/office_hours/closures', token => delete $more{token} // $officer,
                     key => $key, json => { unit => 'so-noi-vu', day => $tuesday,
                                            reason => 'Chuyển trụ sở', %more });
}

is(open_at("${tuesday}T09:00:00+07:00", unit => 'so-noi-vu')->{open}, JSON::PP::true,
   'open before anybody says otherwise');
is(announce('k-0', token => token(sub => 'citizen-1'))->{status}, 403,
   'a citizen announces nothing');
$r = announce('k-1');
is($r->{status}, 201, 'an officer announces a closure') or diag $r->{content}, $gw->error_log;
is(announce('k-1')->{headers}{'idempotency-replayed'}, 'true', 'once');
is(announce('k-2')->{status}, 409, 'and not again');
is(announce('k-3', day => '2026-01-01')->{status}, 422, 'not of a day that is over');
is(announce('k-4', unit => 'so-y-te', reason => $_)->{status}, 400, 'not without words')
    for '', " \n", "\x{a0}\x{200b}";
is_deeply([map { "$_->{unit} $_->{day}" }
           @{ $gw->get('/v1/office_hours/closures')->{json}{items} }],
          ["so-noi-vu $tuesday"], 'the public sees it');
ok(!exists $r->{json}{announced_by}, 'and not who announced it');
ok(wait_until(sub {
    my $o = open_at("${tuesday}T09:00:00+07:00", unit => 'so-noi-vu');
    !$o->{open} && ($o->{closure} // '') eq 'Chuyển trụ sở';
}, 30), 'its event drops what was cached: the unit is closed, and it says why');
is(open_at("${tuesday}T09:00:00+07:00", unit => 'so-y-te')->{open}, JSON::PP::true,
   'other units are open');
is(open_at("${tuesday}T09:00:00+07:00", unit => 'so-noi-vu')->{changes_at},
   '2099-11-25T08:00:00+07:00', 'until the next day');
like($gw->get('/metrics')->{content}, qr/closures_total\S* 1\b/, 'and it is counted');

# What a worker that dies behind the commit leaves: the closure stands, no answer is kept.
$db->sql('delete from core.idempotency_keys');
is(announce('k-1', @$_)->{json}{type}, 'urn:ihanoi:problem:idempotency-key-reused', "the key of a closure announces none of another $_->[0]")
    for [day => '2099-11-25'], [reason => 'Mất điện'];
is_deeply(announce('k-1')->{json}, $r->{json}, 'whoever has heard no answer gets it for the same key');
is($db->sql("select count(*) from core.outbox where topic = 'office_hours'"), 1, '... and it was told once');
is(announce('k-1', token => token(sub => 'officer-9', scope => 'office_hours:announce'))->{status}, 409,
   "another's key is another one");

# As many as there are, of one day too.
announce("page-$_", unit => $_)->{status} == 201 or die "no closure of $_\n" for qw(xa-b xa-a);
announce('page-day', unit => 'xa-a', day => '2099-11-23')->{status} == 201 or die "none of the day before\n";
my ($next, @listed) = '';
do {
    $r = $gw->get("/v1/office_hours/closures?page_size=1$next");
    push @listed, map { "$_->{unit} $_->{day}" } @{ $r->{json}{items} };
    $next = $r->{json}{next} && "&cursor=$r->{json}{next}";
} while ($next && @listed < 9);
is_deeply(\@listed, ['xa-a 2099-11-23', map { "$_ $tuesday" } qw(so-noi-vu xa-a xa-b)], 'all are listed, page by page')
    or diag $r->{content};
is(announce('grows', unit => 'xa-c', reason => "\x{fb2c}" x 200)->{status}, 201, 'a reason may be longer when it is composed');


# The Ministry's announcement

my ($year) = ihanoi_year();
sub ihanoi_year { my @t = gmtime(time + 7 * 3600); return $t[5] + 1900 }

sub announces {
    my ($file, $text, $key) = @_;
    open my $out, '>:raw', "$ministry/$file" or die "$file: $!\n";
    print $out $text;
    close $out;
    $signature = hmac_sha256_hex($text, $key);
    $gw->reload(conf());
    return;
}

sub fetch { plugin_job($db, 'office_hours', 'days') =~ s/:.*//sr }

my $text = qq({"days": [{"day": "$year-03-03", "vi": "Nghỉ thử", "en": "Probe"}]});
utf8::encode($text);

announces($year, $text, 'another key');
is(fetch(), 'error', 'an announcement with a wrong signature is refused');
is($db->sql("select count(*) from plugin_office_hours.announced_days
             where day = '$year-03-03'"), 0, 'and changes nothing');

announces($year, $text, 'test key of the Ministry');
is(fetch(), 'ok', 'one with the right signature is taken') or diag $gw->error_log;
ok(wait_until(sub {
    my $items = $gw->get("/v1/office_hours/holidays?year=$year")->{json}{items};
    @$items == 1 && $items->[0]{name}{en} eq 'Probe' && $items->[0]{verified};
}, 20), 'its days take the place of those that were fixed');

for my $good ($year, $year + 1) {
    my $bad = 2 * $year + 1 - $good;
    announces($bad, '{"days": []}', 'another key');
    announces($good, qq({"days": [{"day": "$good-04-04", "vi": "x", "en": "x"}]}),
              'test key of the Ministry');
    is(fetch(), 'error', "that of $bad is not good");
    is($db->sql("select count(*) from plugin_office_hours.announced_days
                 where day = '$good-04-04'"), 1, "... which does not keep that of $good");
}


# Settings

$gw->reload(conf('setting saturday_morning on; setting morning 07:30-11:30;', 'setting closures_a_day 1;'));
ok(wait_until(sub {
    open_at('2027-08-14T07:30:00+07:00')->{open} eq JSON::PP::true
}), 'Saturday mornings, when a setting says so');
is(open_at('2027-08-14T14:00:00+07:00')->{open}, JSON::PP::false,
   'mornings only');

my $hasty = token(sub => 'officer-2', scope => 'office_hours:announce');
my @said = map { announce("hasty-$_", unit => "xa-h$_", token => $hasty) } 1, 2;
is(join(' ', map { $_->{status} } @said), '201 429', 'so many closures in a day');
$db->sql('delete from core.idempotency_keys');
is(join(' ', map { announce("hasty-$_", unit => "xa-h$_", token => $hasty)->{status} } 1, 2), '201 429',
   'the one whose answer was lost is counted once, whoever is refused is so again');
my $midnight = time - (time + 7 * 3600) % 86400 + 86400;
ok(abs(time + ($said[1]{headers}{'retry-after'} // 0) - $midnight) < 60, 'and more tomorrow')
    or diag explain $said[1]{headers};

done_testing;
