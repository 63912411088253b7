# Prices in SQL are what one gets who walks through a stay minute by minute: random
# tariffs, random stays. When a site is open. And what no tariff may be.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;

my $db = database();
plugin_database($db, tree() . '/plugins/parking');
my $code = $db->sql("select nspname from pg_namespace where nspname like 'code_parking_%'");
my $site = '00000000-0000-4000-8000-00000000d0d0';
my $path = "set search_path = $code, plugin_parking, public;";

$db->sql(<<"SQL");
    $path
    insert into operators (id, name) values ('prices', 'Bãi xe thử');
    insert into sites (id, operator, name, address, location) values
        ('$site', 'prices', 'Bãi xe số 1', 'Phố thử', st_point(105.85, 21.03, 4326));
    insert into supplies (site, vehicle, capacity, bookable) values ('$site', 'car', 9, 9);
SQL

my $seed = $ENV{SEED} // time;
srand $seed;
diag "SEED=$seed" if $ENV{VERBOSE};

# Random segments that cover the week: each { days, starts, minutes, unit, price, cap }.
# Either the same each day, the last one past midnight, or cut anywhere.
sub segments {
    my @segments;

    if (rand() < 0.5) {
        my %cut = map { int(rand 1440) => 1 } 0 .. int rand 4;
        my @cuts = sort { $a <=> $b } keys %cut;
        @segments = map {
            { days => [1 .. 7], starts => $cuts[$_],
              minutes => ($_ == $#cuts ? $cuts[0] + 1440 : $cuts[$_ + 1]) - $cuts[$_] }
        } 0 .. $#cuts;
    } else {
        for (my $at = my $first = int rand 1440; $at < $first + 10080;) {
            my $minutes = 1 + int rand 1440;
            $minutes = $first + 10080 - $at if $at + $minutes > $first + 10080;
            push @segments, { days => [1 + int($at / 1440) % 7], starts => $at % 1440, minutes => $minutes };
            $at += $minutes;
        }
    }

    for (@segments) {
        $_->{unit} = (1, 15, 30, 60, 120, 7, 1440)[rand 7];
        $_->{price} = 500 * int rand 50;
        $_->{cap} = rand() < 0.5 ? 1000 * int rand 100 : undef;
    }
    return @segments;
}

# What a stay from a minute to another costs; minutes are counted from a Monday.
sub walk {
    my ($from, $until, @segments) = @_;
    my ($sum, $piece, $running, $n, $segment) = (0, 0, '', 0);
    my $close = sub { $sum += defined $segment->{cap} && $piece > $segment->{cap} ? $segment->{cap} : $piece };

    for my $minute ($from .. $until - 1) {
        my @here;

        for my $i (0 .. $#segments) {
            for my $day (int($minute / 1440) - 1, int($minute / 1440)) {
                my $begins = $day * 1440 + $segments[$i]{starts};
                push @here, [$i, $begins]
                    if $minute >= $begins && $minute < $begins + $segments[$i]{minutes}
                       && grep { $_ == $day % 7 + 1 } @{ $segments[$i]{days} };
            }
        }
        die "minute $minute has ", scalar(@here), " prices\n" if @here != 1;

        # Another time that a segment lasts begins another piece.
        if ("@{$here[0]}" ne $running) {
            $close->() if $running;
            ($running, $segment, $piece, $n) = ("@{$here[0]}", $segments[$here[0][0]], 0, 0);
        }
        $piece += $segment->{price} if $n++ % $segment->{unit} == 0;
    }

    $close->();
    return $sum;
}

# Monday, 5 January 2026, 00:00 in Hà Nội, some weeks later.
my $monday = 1_767_546_000;
my (@naive, @asked);
my $setup = "$path begin;";

for my $n (1 .. 30) {
    my @segments = segments();
    my $id = sprintf '00000000-0000-4000-8000-%012d', $n;
    $setup .= "insert into tariffs (id, site, vehicle, valid_from, valid_to)
               values ('$id', '$site', 'car', '2026-01-01'::date + $n, '2026-01-01'::date + $n);";

    for my $i (0 .. $#segments) {
        my $s = $segments[$i];
        $setup .= sprintf "insert into rates values ('%s', '%s', '{%s}', '%02d:%02d', %d, %d, %d, %s);",
            $id, $i, join(',', @{ $s->{days} }), int($s->{starts} / 60), $s->{starts} % 60,
            $s->{minutes}, $s->{unit}, $s->{price}, $s->{cap} // 'null';
    }

    for (1 .. 8) {
        my $from = 1440 + int rand 10080;
        my $until = $from + 1 + int rand((60, 1440, 5000)[rand 3]);
        push @naive, walk($from, $until, @segments);
        push @asked, sprintf "('%s', to_timestamp(%d), to_timestamp(%d), %d)", $id,
            $monday + 60 * $from + int rand 60, $monday + 60 * $until + int rand 60, scalar @asked;
    }
}

$db->sql("$setup commit");
my @sql = map { $_->[0] } $db->sql("$path select stay_price(a.tariff::uuid, a.f, a.u)
    from (values " . join(', ', @asked) . ') a (tariff, f, u, n) order by n');
my @wrong = grep { $sql[$_] != $naive[$_] } 0 .. $#naive;
is(scalar(@naive), 240, '240 stays by 30 tariffs');
is_deeply([map { "$asked[$_]: $sql[$_], not $naive[$_]" } @wrong], [], 'each costs what its minutes cost')
    or diag "SEED=$seed";
is($db->sql("$path select count(*) from (values " . join(', ', @asked) . ') a (tariff, f, u, n)
             where (select sum(p.minutes) from stay_pieces(a.tariff::uuid, a.f, a.u) p)
                   <> extract(epoch from date_trunc($$minute$$, a.u) - date_trunc($$minute$$, a.f)) / 60'), 0,
   'pieces have each minute once');
is($db->sql("$path select count(*) from (values " . join(', ', @asked) . ') a (tariff, f, u, n)
             where (select array[min(p.begins), max(p.ends)] from stay_pieces(a.tariff::uuid, a.f, a.u) p)
                   is distinct from array[date_trunc($$minute$$, a.f), date_trunc($$minute$$, a.u)]'), 0,
   'and are when the stay is');

# When a site is open: 06:00 to 23:00 on weekdays, past midnight on Saturdays.
$db->sql("$path insert into openings (site, days, opens, minutes) values
    ('$site', '{1,2,3,4,5}', '06:00', 1020), ('$site', '{6}', '18:00', 480)");
my @stays = (
    ['mon 06:00', 'mon 23:00', 't'], ['mon 05:59', 'mon 07:00', 'f'], ['mon 22:00', 'mon 23:01', 'f'],
    ['mon 14:00', 'mon 15:00', 't'], ['tue 01:00', 'tue 03:00', 'f'], ['mon 22:00', 'tue 07:00', 'f'],
    ['sat 10:00', 'sat 12:00', 'f'], ['sat 23:00', 'sun 02:00', 't'], ['sun 02:00', 'sun 03:00', 'f'],
);
my %day = (mon => 12, tue => 13, sat => 17, sun => 18);
sub at { my ($day, $time) = split / /, $_[0]; return "2026-01-$day{$day} $time+07" }

is($db->sql("$path select stay_open('$site', '" . at($_->[0]) . "', '" . at($_->[1]) . "')"),
   $_->[2], "$_->[0] to $_->[1]: " . ($_->[2] eq 't' ? 'open' : 'closed')) for @stays;

# What is refused, by the constraint that refuses it.
sub refused {
    my ($sql) = @_;
    eval { $db->sql("$path begin; $sql; commit") };
    return $@ =~ /"(\w+)"|do not give each minute one price/ ? $1 // 'rates_cover_the_week' : $@ || 'it is taken';
}
sub rates { return "insert into tariffs (id, site, vehicle, valid_from) values ('00000000-0000-4000-8000-0000000000ff',
    '$site', 'car', '2027-01-01'); insert into rates values "
    . join ', ', map { "('00000000-0000-4000-8000-0000000000ff', '$_->[0]', '{$_->[1]}', '$_->[2]', $_->[3], 60, 1000, null)" } @_ }

is(refused(rates(['day', '1,2,3,4,5,6,7', '06:00', 960])), 'rates_cover_the_week', 'a night without a price');
is(refused(rates(['all', '1,2,3,4,5,6', '00:00', 1440])), 'rates_cover_the_week', 'a Sunday without a price');
is(refused(rates(['a', '1,2,3,4,5,6,7', '00:00', 1440], ['b', '1', '05:00', 60])), 'rates_cover_the_week', 'an hour with two');
is(refused(rates(['day', '1,2,3,4,5,6,7', '06:00', 960], ['night', '1,2,3,4,5,6,7', '22:00', 480])), 'it is taken', 'day and night');
is(refused("delete from rates where segment = 'night'"), 'rates_cover_the_week', 'and none is taken away');
is(refused("insert into tariffs (site, vehicle, valid_from) values ('$site', 'car', '2028-01-01')"),
   'tariffs_one_at_a_time', 'two tariffs for a day');

# What is shown keeps all of it.
$db->sql("$path begin; " . text_of('plugins/parking/demo/parking.sql') . '; commit');
is($db->sql("$path select count(*) from sites s where s.operator = 'demo' and s.vehicles = '{car,motorcycle}'"), 6,
   'demo data goes in');
is($db->sql("$path select body::json #>> '{items,0,name}' from site_search('{}', 21.0285, 105.8542, 2000, 'car', 1, null)"),
   'Điểm đỗ xe phố Trần Quang Khải (trình diễn)', 'and is found');

done_testing;
