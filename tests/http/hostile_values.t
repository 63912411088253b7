#!/usr/bin/perl
# What the contract lets through, PostgreSQL can read: hostile values in every
# place of every operation, and no answer is a 5xx, no SQLSTATE of class 22
# stands in a log.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Contract;
use JSON::PP ();

my $db = database();
my $gw = gateway(db => $db, workers => 2);
my $token = token(sub => 'hostile', exp => time + 3600);
my $contract = IHanoi::Test::Contract->new;
my @operations = $contract->operations;
my $start = -s log_file();
my $number = 0;

# As they stand in a URL, percent-encoded.
my @IN_URL = (
    '', '%00', 'a%00b', '%C0%AF', '%ED%A0%80', '%FF', '%F4%90%80%80', '%EF%BF%BF',
    '+', '%20', '%201', '1%20', '%2B1', '-0', '-1', '0x10', '1_000', '1e3',
    '1e400', '-1e400', '1e-400', '0.1e1', 'NaN', 'Infinity', '-Infinity',
    '2147483648', '9223372036854775807', '9223372036854775808',
    '-9223372036854775809', '99999999999999999999999999', '%D9%A1',
    '0.30000000000000004', '1.7976931348623159e308', '4.9e-324',
    'true', 't', 'yes', 'null', 'NULL', '%27', "%27%3B--", '%5C', '%5Cx41', '%22',
    ',', 'a,,b', ',,', '%2C', '%7B%7D', '%5B%5D', '%5B1', '{a,b}', '%7B',
    '00000000-0000-0000-0000-000000000000',
    '{00000000-0000-4000-8000-000000000000}',
    '00000000000040008000000000000000',
    'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
    '0000-01-01', '0001-01-01', '9999-12-31', '10000-01-01', '2026-02-29',
    '2026-02-30', '-0044-03-15', '294277-01-01', '5874898-01-01', 'infinity',
    '-infinity', 'epoch', 'now', 'today', '20260304', '2026-3-4', '04/03/2026',
    '2026-03-04T00:00:00Z', '2026-03-04T24:00:00Z', '2026-03-04T23:59:60Z',
    '2026-03-04T00:00:00%2B99:99', '2026-03-04T00:00:00-00:00',
    '2026-03-04T00:00:00.1234567890123Z', '9999-12-31T23:59:59.999999-14:00',
    '0001-01-01T00:00:00%2B14:00', '2026-03-04T00:00:00',
    '105.8,21.0,105.9', '105.8,21.0,105.7,21.1', '-180,-90,180,90',
    '181,91,182,92', 'NaN,NaN,NaN,NaN', '1e308,1e308,1e308,1e308',
    '0.0000', '1767225600000000.00000000-0000-4000-8000-000000000000',
    '99999999999999999.00000000-0000-4000-8000-000000000000',
    'MDAwMA', 'eyJhIjoxfQ', '====', '..', '%E2%80%AE', '%F0%9F%98%80',
    'o%CC%82%CC%89', '%E1%BB%95%20g%C3%A0', '%22%C3%A0%22%20-b%20or%20%7C%20%26',
    '%3A%2A', '%21%21%28', '%3C-%3E', '%25%25', '_', 'x' x 300, '9' x 300,
);

# As they stand in JSON text.
my @IN_JSON = (
    'null', 'true', '[]', '{}', '[null]', '""', '" "', '"\\u0000"', '"a\\u0000b"',
    '"\\ud800"', '"\\udfff\\ud800"', '"\\uffff"', '"\\ufeff"', "\"\x{202e}abc\"",
    "\"\x{1f600}\"", "\"o\x{302}\x{309}\"", '"\\b\\f\\n\\r\\t\\u001f\\u007f"',
    '"\'"', '"\'; drop table x; --"', '"\\\\"', '"\\\\x41"', '"%s%n"', '"{}"',
    '"[1,2"', '"NaN"', '"Infinity"', '"-infinity"', '"now"', '"epoch"',
    '0', '-0', '-0.0', '1', '-1', '0.1', '1e3', '1.0', '1E+2', '1e400', '-1e400',
    '1e-400', '4.9e-324', '1.7976931348623157e308', '1.7976931348623159e308',
    '9007199254740993', '2147483648', '9223372036854775807',
    '9223372036854775808', '-9223372036854775809', '1' . '0' x 300,
    '0.1234567890123456789', '3.141592653589793238462643383279',
    '90', '90.0000000001', '-180', '180.5', '1e-320',
    '"00000000-0000-0000-0000-000000000000"',
    '"{00000000-0000-4000-8000-000000000000}"',
    '"00000000000040008000000000000000"',
    '"0000-01-01"', '"9999-12-31"', '"10000-01-01"', '"2026-02-30"',
    '"294277-01-01"', '"2026-03-04T24:00:00Z"', '"2026-03-04T23:59:60Z"',
    '"2026-03-04T00:00:00+99:99"', '"0001-01-01T00:00:00+14:00"',
    '"9999-12-31T23:59:59.9999999-14:00"', '"2026-03-04T00:00:00"',
    '"javascript:alert(1)"', '"https://example.vn/\\u0000"', '"http://[::1"',
    '"' . 'x' x 20000 . '"', '[' x 200 . ']' x 200, '[' . '1,' x 2000 . '1]',
    '{"a":1,"a":2}', '{"a":{"b":{"c":[{"d":null}]}}}', '{"":""}',
    '{"__proto__":1}', "{\"\x{0}\":1}",
);

my (@broken, %statuses, $requests);


sub log_file { return IHanoi::Test::Database::cluster()->log }


# Sends it and keeps what must not be.
sub try {
    my ($op, $what, $request) = @_;
    my $key = sprintf '%08d-0000-4000-8000-000000000000', ++$number;
    my @key = $op->{method} eq 'POST' ? (key => $key) : ();
    my $r = $gw->request($request->{method}, $request->{target},
        token => $token, headers => {
            %{ $request->{headers} },
            defined $request->{body} ? ('Content-Type' => 'application/json')
                                     : (),
        }, @key, defined $request->{body} ? (body => $request->{body}) : ());

    $requests++;
    $statuses{ $r ? $r->{status} : 'none' }++;

    # nginx itself closes on a few of them; it must not be our silence.
    push @broken, "$op->{id} $what: " . ($r ? $r->{status} : 'no answer')
        if !$r || $r->{status} >= 500;
    return;
}


# JSON text with one value replaced by raw text.
sub with_raw {
    my ($value, $path, $raw) = @_;
    my $json = JSON::PP->new->canonical->allow_nonref;

    return $raw if !@$path;

    $value = {} if ref $value ne 'HASH';
    my ($step, @rest) = @$path;
    my @members = map {
        my $inner = $_ eq $step ? with_raw($value->{$_}, \@rest, $raw)
                                : $json->encode($value->{$_});
        $json->encode($_) . ":$inner";
    } sort(keys %{ +{ %$value, $step => undef } });

    return '{' . join(',', @members) . '}';
}


# The places of a body: paths to members, two levels deep.
sub places {
    my ($schema, $document, $depth) = @_;
    my @places;

    ($schema, $document) = $contract->resolve($schema, $document);

    for my $name (sort keys %{ $schema->{properties} // {} }) {
        push @places, [$name];
        push @places, map { [$name, @$_] }
                      places($schema->{properties}{$name}, $document,
                             $depth + 1)
            if $depth < 2;
    }

    return @places;
}


# The whole table in every place is many thousand requests; each place gets
# every n-th value, from another beginning, HOSTILE=all does all.
my $turn = 0;
sub some {
    my ($share, @values) = @_;

    return @values if ($ENV{HOSTILE} // '') eq 'all';
    $turn++;
    return @values[grep { $_ % $share == $turn % $share } 0 .. $#values];
}


for my $op (@operations) {
    for my $p (@{ $op->{parameters} }) {
        next if $p->{in} !~ /^(?:path|query)$/;

        for my $value (some(3, @IN_URL)) {
            next if $p->{in} eq 'path' && $value =~ m{^(?:|\.\.)$};
            my $request = $contract->request($op,
                              $p->{in} => { $p->{name} => $value });

            $request->{body} = JSON::PP->new->utf8->encode($request->{json})
                if defined $request->{json};
            try($op, "$p->{in} $p->{name}=$value", $request);
        }
    }

    next if !$op->{body};

    my $sample = $contract->sample($op->{body}, $op->{document});
    my $whole = 0;

    for my $place ([], places($op->{body}, $op->{document}, 1)) {
        for my $raw (some(6, @IN_JSON)) {
            my $request = $contract->request($op);
            my $text = with_raw($sample, $place, $raw);

            utf8::encode($text);
            $request->{body} = $text;
            try($op, 'body /' . join('/', @$place) . ' = '
                     . substr($raw, 0, 40), $request);
        }
    }
}

is(join("\n", @broken[0 .. ($#broken < 20 ? $#broken : 20)]), '',
   "$requests requests, no 5xx");
diag('answers: ', join ', ', map { "$statuses{$_} x $_" } sort keys %statuses);
cmp_ok($statuses{200} // 0, '>', 50, 'the tame ones among them get through');

# What PostgreSQL says of class 22, in the words of its messages, and what the
# gateway says of any SQLSTATE.
open my $fh, '<:encoding(UTF-8)', log_file() or die "$!\n";
seek $fh, $start, 0;
my @lines = grep { /\@$db->{name} / && /ERROR/ } <$fh>;
my @class22 = grep { /invalid input syntax|invalid byte sequence|out of range
                     |value too long|division by zero|cannot be cast
                     |invalid (?:regular|escape|json|name|parameter)|\b22[0-9A-Z]{3}\b
                     |Unicode|malformed|date\/time/x } @lines;
is(join('', @class22[0 .. ($#class22 < 10 ? $#class22 : 10)]), '',
   'no class 22 in PostgreSQL\'s log');

my @said = grep { /\b22[0-9A-Z]{3}\b/ && /SQLSTATE|sqlstate/ }
           split /\n/, $gw->error_log;
is(join("\n", @said[0 .. ($#said < 10 ? $#said : 10)]), '',
   'nor in the gateway\'s');

done_testing();
