#!/usr/bin/perl
# What our formats and our JSON reader accept, PostgreSQL accepts too, and it
# reads the same value: after validation an error of class 22 is a bug.

use lib 'tests/lib';
use IHanoi::Test;
use IPC::Open2;

srand 20261124;    # the same candidates each time

my $db = database(empty => 1);


# Those of the lines that a unit test's program accepts.
sub accepted {
    my ($program, $argument, @lines) = @_;

    my %lines = map { $_ => 1 } @lines;
    my $file = "/tmp/ihanoi-formats-$$";

    open my $out, '>', $file or die "$file: $!\n";
    print {$out} map { "$_\n" } sort keys %lines;
    close $out;

    my @accepted = split /\n/,
        qx{@{[ build_dir() ]}/unit/$program $argument < $file};
    unlink $file;
    return @accepted;
}


# The lines that a cast refuses, with PostgreSQL's reason.
sub refused {
    my ($type, @lines) = @_;

    my $list = join ',', map { s/'/''/gr =~ s/^|$/'/gr } @lines;

    return $db->sql(<<"END");
create or replace function pg_temp.try(t text) returns text
language plpgsql as \$\$
begin
    perform t::$type;
    return null;
exception when others then
    return sqlerrm;
end \$\$;
select t || ': ' || pg_temp.try(t) from unnest(array[$list]::text[]) t
where pg_temp.try(t) is not null;
END
}


sub two { return sprintf '%02d', shift }

sub any { return $_[rand @_] }


# Well-formed and nearly well-formed ones, edges more often than chance.

my (@dates, @times, @moments);

for (1 .. 4000) {
    push @dates, sprintf '%04d-%s-%s',
        any(0, 1, 4, 99, 100, 1000, 1582, 1700, 1900, 1970, 2000, 2024,
            2026, 2038, 2100, 9998, 9999, int rand 10000),
        two(any(0 .. 13)), two(any(0, 1, 15, 27 .. 32));
    push @times, two(any(0, 1, 11, 23, 24, 25)) . ':'
        . two(any(0, 30, 59, 60)) . ':' . two(any(0, 30, 59, 60, 61))
        . any('', '', '.0', '.5', '.999999', '.9999994', '.9999995', '.123456789',
              '.1234567890', '.')
        . any('Z', 'z', '+07:00', '-00:00', '+15:59', '-15:59', '+16:00',
              '+14:00', '-12:30', '+07:60', '+0700', '');
    push @moments, $dates[-1] . any('T', 'T', 't', ' ') . $times[-1];
}

push @moments, '1000-01-01T00:00:00+15:59', '9998-12-31T23:59:59-15:59';

my %types = (
    'date-time' => [timestamptz => \@moments],
    'date'      => [date => \@dates],
    'time'      => [timetz => \@times],
    'uuid'      => [uuid => [map {
        join '-', map { join '', map { any(0 .. 9, 'a' .. 'f', 'A' .. 'G') }
                        1 .. $_ } 8, 4, 4, 4, any(11, 12, 12, 12)
    } 1 .. 1000]],
    'duration'  => [interval => [map {
        'P' . join('', map { rand() < .5 ? any(0, 1, 12, 99999, 100000) . $_
                                         : '' } any(qw(W), 'Y'), qw(M D))
            . (rand() < .5 ? 'T' . join('', map {
                rand() < .6 ? any(0, 59, 99999) . $_ : '' } qw(H M S)) : '')
    } 1 .. 2000]],
    'ipv4'      => [inet => [map {
        join '.', map { any(0, 1, 9, 10, 99, 127, 255, 256, '01') } 1 .. 4
    } 1 .. 500]],
    'ipv6'      => [inet => [map {
        join ':', map { any('', 0, 1, 'ff', 'ABCD', '0001', '1.2.3.4') }
            1 .. any(3 .. 9)
    } 1 .. 4000]],
);

for my $format (sort keys %types) {
    my ($type, $candidates) = @{$types{$format}};
    my @accepted = accepted('test_format', $format, @$candidates);

    cmp_ok(scalar @accepted, '>', 5, "some candidates are $format");
    cmp_ok(scalar @accepted, '<', scalar @$candidates, 'and some are not');

    my @refused = refused($type, @accepted);
    is(scalar @refused, 0, "PostgreSQL casts each $format to $type")
        or diag(map { "$_->[0]\n" } @refused);
}


# A day of the calendar stays what it is, and a moment comes back with four
# digits of year in any time zone.

my @days = accepted('test_format', 'date', @dates);
my $list = join ',', map { "'$_'" } @days;

is($db->sql("select count(*) from unnest(array[$list]) t where t::date::text"
            . " <> t"), 0, 'a date reads back as it was written');

my @accepted = accepted('test_format', 'date-time', @moments);
$list = join ',', map { "'$_'" } @accepted;

is($db->sql(<<"END"), 0, 'a moment has a year of four digits in every zone');
select count(*) from unnest(array[$list]) t,
    unnest(array['UTC', 'Asia/Ho_Chi_Minh', '+15:59', '-15:59']) zone
where (t::timestamptz at time zone zone)::text !~ '^\\d{4}-[^B]*\$'
END

my @again = map { $_->[0] } $db->sql(<<"END");
select distinct to_json(t::timestamptz at time zone zone) #>> '{}'
       || case zone when 'UTC' then 'Z' else translate(zone, '+-', '-+') end
  from unnest(array[$list]) t, unnest(array['UTC', '+15:59', '-15:59']) zone
END
is(scalar accepted('test_format', 'date-time', @again), scalar @again,
   'which is accepted in each of them');

is($db->sql(<<"END"), 0, 'and seconds and fraction as written, to a microsecond');
select count(*) from unnest(array[$list]) t
where to_char((t::timestamptz at time zone 'UTC'), 'SS.US')::numeric
    <> round(substring(t from 18 for 2)::numeric
             + coalesce(substring(t from '\\.\\d+')::numeric, 0), 6) % 60
END


# Numbers: the double that the validator sees is the numeric that was written.

my @numbers = map {
    any('', '-') . any(0, 1, 12, 123456789012345, 1234567890123456, '00',
                       9223372036854775807, 9223372036854775808)
        . any('', '', '.5', '.0', '.000001', '.1234567890123', '.' . '1' x 16)
        . any('', '', '', 'e0', 'E+5', 'e-5', 'e64', 'e-64', 'e65', 'e1000')
} 1 .. 2000;

@accepted = accepted('test_json', 'numbers', @numbers,
                     map { sprintf '%.*g', 1 + rand 15, exp(rand(40) - 20) }
                     1 .. 1000);
$list = join ',', map { "'$_'" } @accepted;

cmp_ok(scalar @accepted, '>', 200, 'some candidates are numbers');
is(scalar(my @none = refused('numeric', @accepted)), 0, 'to numeric');
is(scalar(@none = refused('float8', @accepted)), 0, 'to float8');
is(scalar(@none = refused('jsonb', @accepted)), 0, 'to jsonb');

# By its text, which is the shortest: a cast of float8 to numeric has 15 digits.
is($db->sql(<<"END"), 0, 'a real goes through a double unchanged');
select count(*) from unnest(array[$list]) t
where t ~ '[.eE]' and t::float8::text::numeric <> t::numeric
END

is($db->sql(<<"END"), 0, 'and is not blown up by jsonb');
select count(*) from unnest(array[$list]) t
where length(t::jsonb::text) > 150
END

my @integers = grep { !/[.eE]/ } @accepted;
is(scalar(@none = refused('int8', @integers)), 0, 'an integer fits int8');

done_testing();
