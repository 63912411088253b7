package IHanoi::Plugin::Expect;

# What a test of a plugin expects of a JSON value.
#
#   my $why = mismatch($expected, $got);       # undef when it is as expected
#   my $wrong = wrong_expectation($expected);  # undef when it says something
#
# Of an object each member that is named has to be there and as expected, others
# may be there too; a list is expected item by item; other values are the same.
# An object with one member that begins with "$" expects something else:
#
#   {"$type": "string"}      string, number, integer, boolean, null, array, object
#   {"$pattern": "^a+$"}     a text that the pattern finds (Perl's)
#   {"$length": 3}           items of a list, characters of a text
#   {"$contains": EXPECTED}  a list with such an item
#   {"$only": {...}}         an object with these members and no others
#   {"$absent": true}        no such member

use strict;
use warnings;
use Exporter 'import';
use JSON::PP ();
use IHanoi::Plugin::Conjuncts qw(type_of);

our @EXPORT_OK = qw(mismatch wrong_expectation);

my $json = JSON::PP->new->canonical->allow_nonref;

my %MATCH = (
    '$type' => sub {
        my ($type, $got) = @_;
        my $is = type_of($got) eq 'fraction' ? 'number' : type_of($got);
        return $is eq $type || $type eq 'number' && $is eq 'integer'
               ? undef : "is of type $is, not $type";
    },
    '$pattern' => sub {
        my ($pattern, $got) = @_;
        return type_of($got) eq 'string' && $got =~ /$pattern/
               ? undef : 'is ' . _shown($got) . ", not like /$pattern/";
    },
    '$length' => sub {
        my ($length, $got) = @_;
        my $is = ref $got eq 'ARRAY' ? scalar @$got
               : type_of($got) eq 'string' ? length $got : 'none';
        return $is eq $length ? undef : "is of length $is, not $length";
    },
    '$contains' => sub {
        my ($expected, $got) = @_;
        return ref $got eq 'ARRAY'
               && (grep { !defined mismatch($expected, $_) } @$got)
               ? undef : 'is ' . _shown($got) . ', without ' . _shown($expected);
    },
    '$only' => sub {
        my ($expected, $got, $at) = @_;
        my $why = mismatch($expected, $got, $at);
        return $why if defined $why;
        my ($more) = grep { !exists $expected->{$_} } sort keys %$got;
        return defined $more ? "has \"$more\" too" : undef;
    },
    '$absent' => sub { return 'is ' . _shown($_[1]) . ', and should not be there' },
);


sub mismatch {
    my ($expected, $got, $at) = @_;

    $at //= '';

    if (ref $expected eq 'HASH') {
        my ($name) = keys %$expected;

        if (keys %$expected == 1 && $MATCH{$name}) {
            my $why = $MATCH{$name}->($expected->{$name}, $got, $at);
            return !defined $why ? undef : $why =~ m{^/|^the } ? $why
                 : _place($at) . " $why";
        }

        ref $got eq 'HASH'
            or return _place($at) . ' is ' . _shown($got) . ', no object';

        for my $member (sort keys %$expected) {
            my $wanted = $expected->{$member};

            if (!exists $got->{$member}) {
                next if ref $wanted eq 'HASH' && $wanted->{'$absent'};
                return _place("$at/$member") . ' is not there';
            }

            my $why = mismatch($wanted, $got->{$member}, "$at/$member");
            return $why if defined $why;
        }

        return undef;
    }

    if (ref $expected eq 'ARRAY') {
        ref $got eq 'ARRAY'
            or return _place($at) . ' is ' . _shown($got) . ', no list';
        @$got == @$expected
            or return _place($at) . ' has ' . @$got . ' items, not ' . @$expected;

        for my $i (0 .. $#$expected) {
            my $why = mismatch($expected->[$i], $got->[$i], "$at/$i");
            return $why if defined $why;
        }

        return undef;
    }

    return $json->encode($expected) eq $json->encode($got) ? undef
         : _place($at) . ' is ' . _shown($got) . ', not ' . _shown($expected);
}


# What is wrong with an expectation itself.
sub wrong_expectation {
    my ($expected) = @_;

    if (ref $expected eq 'HASH') {
        my ($name) = grep { /^\$/ } keys %$expected;

        if (defined $name) {
            return "\"$name\" is no expectation" if !$MATCH{$name};
            return "\"$name\" stands alone" if keys %$expected > 1;
            return "\"$name\" has a pattern that is none"
                if $name eq '$pattern' && !defined eval { qr/$expected->{$name}/ };
            return "\"\$only\" is of an object"
                if $name eq '$only' && ref $expected->{$name} ne 'HASH';
        }

        return (map { wrong_expectation($_) // () } values %$expected)[0];
    }

    return ref $expected eq 'ARRAY'
           ? (map { wrong_expectation($_) // () } @$expected)[0] : undef;
}


sub _place { return length $_[0] ? $_[0] : 'the value' }


sub _shown {
    my $text = $json->encode($_[0]);
    return length $text > 200 ? substr($text, 0, 200) . '...' : $text;
}


1;
