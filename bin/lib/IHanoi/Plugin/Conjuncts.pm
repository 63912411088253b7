package IHanoi::Plugin::Conjuncts;

# A JSON Schema taken apart into conjuncts: nodes (see IHanoi::Plugin::Contract)
# without "$ref" and "allOf", all of which a value has to keep. What can be said
# about all values of such a list, without running a pattern.

use strict;
use warnings;
use Exporter 'import';
use JSON::PP ();
use List::Util qw(any first);
use IHanoi::Plugin::Contract qw(child follow);

our @EXPORT = qw(conjuncts whole types may_be never listed type_of finite
    tightest item member names declares differs is_false disjoint text_of);

my $DEPTH = 40;

my @TYPES = qw(null boolean integer fraction string array object);

my $json = JSON::PP->new->utf8->canonical->allow_nonref->allow_blessed;


# The schemas all of which a value of this one keeps, without "$ref" and
# "allOf". "false" becomes a schema without a type.
sub conjuncts {
    my ($node, $depth) = @_;

    $depth = ($depth // 0) + 1;
    $depth <= $DEPTH or die "$node->{file} $node->{at}: \"allOf\" is too deep\n";

    my $value = $node->{value};

    return if !defined $value;
    return $value ? () : ({ %$node, value => { type => [] } })
        if JSON::PP::is_bool($value);
    ref $value eq 'HASH'
        or die "$node->{file} $node->{at} is no schema\n";

    my %own = map { $_ => $value->{$_} }
              grep { $_ ne '$ref' && $_ ne 'allOf' } keys %$value;
    my @conjuncts = %own ? ({ %$node, value => \%own }) : ();

    push @conjuncts, conjuncts(follow($node), $depth) if exists $value->{'$ref'};
    push @conjuncts, map { conjuncts(child($node, 'allOf', $_), $depth) }
                     0 .. $#{ $value->{allOf} // [] };

    return @conjuncts;
}


# The conjuncts of a schema; closed: other members than its own are refused.
sub whole {
    my ($node, $closed) = @_;
    my @conjuncts = conjuncts($node);

    push @conjuncts, { %$node, at => "$node->{at}~closed", value => {
        properties           => { map { $_ => JSON::PP::true } names(@conjuncts) },
        additionalProperties => JSON::PP::false,
    } } if $closed;

    return \@conjuncts;
}


# A part of a schema as text, with "$ref" written out; undef when it is too
# large for that or contains itself. Only for comparing.
sub text_of {
    my ($node) = @_;
    my $text = eval { $json->encode(_written_out($node, 0, \my $n)) };
    return $text;
}


sub _written_out {
    my ($node, $depth, $n) = @_;
    my $value = $node->{value};

    ++$$n < 5000 && $depth < $DEPTH or die "too large\n";

    if (ref $value eq 'HASH') {
        return [map { _written_out($_, $depth + 1, $n) } follow($node)]
            if exists $value->{'$ref'} && keys %$value == 1;

        return { map { $_ => _written_out($_ eq '$ref' ? follow($node)
                                          : child($node, $_), $depth + 1, $n) }
                 grep { !/^(?:title|description|examples|\$comment)\z/
                        || ref $value->{$_} =~ /HASH|Bool/ } keys %$value };
    }

    return [map { _written_out(child($node, $_), $depth + 1, $n) } 0 .. $#$value]
        if ref $value eq 'ARRAY';

    return $value;
}


# The types a value may have; "number" is integer and fraction.
sub types {
    my ($conjuncts) = @_;
    my %left = map { $_ => 1 } @TYPES;

    for my $value (map { $_->{value} } @$conjuncts) {
        if (exists $value->{type}) {
            my @of = map { $_ eq 'number' ? qw(integer fraction) : $_ }
                  ref $value->{type} eq 'ARRAY' ? @{ $value->{type} }
                                                : $value->{type};
            my %of = map { $_ => 1 } @of;
            delete @left{grep { !$of{$_} } keys %left};
        }

        if (my $values = listed($value)) {
            my %of = map { type_of($_) => 1 } @$values;
            delete @left{grep { !$of{$_} } keys %left};
        }
    }

    return grep { $left{$_} } @TYPES;
}


sub may_be {
    my ($conjuncts, @wanted) = @_;
    my %is = map { $_ => 1 } types($conjuncts);
    return any { $is{$_} } @wanted;
}


sub never { return !types($_[0]) }


# The values of "enum" or "const", or undef.
sub listed {
    my ($value) = @_;
    return exists $value->{const} ? [$value->{const}]
         : ref $value->{enum} eq 'ARRAY' ? $value->{enum} : undef;
}


sub type_of {
    my ($value) = @_;

    return !defined $value            ? 'null'
         : JSON::PP::is_bool($value)  ? 'boolean'
         : ref $value eq 'ARRAY'      ? 'array'
         : ref $value eq 'HASH'       ? 'object'
         : $json->encode($value) =~ /^"/     ? 'string'
         : $json->encode($value) =~ /[.eE]/  ? 'fraction' : 'integer';
}


# The list of all values, or undef when nobody has listed them.
sub finite {
    my ($conjuncts) = @_;
    my @types = types($conjuncts);
    my @lists = map { listed($_->{value}) // () } @$conjuncts;

    if (!@lists) {
        return undef if any { !/^(?:null|boolean)\z/ } @types;
        return [map { $_ eq 'null' ? undef
                      : (JSON::PP::true, JSON::PP::false) } @types];
    }

    my ($first, @more) = @lists;
    my %type = map { $_ => 1 } @types;
    my @values = grep { $type{ type_of($_) } } @$first;

    for my $list (@more) {
        my %in = map { $json->encode($_) => 1 } @$list;
        @values = grep { $in{ $json->encode($_) } } @values;
    }

    return \@values;
}


# The tightest of a bound over conjuncts: [number, exclusive], or nothing.
sub tightest {
    my ($conjuncts, $low) = @_;
    my ($inclusive, $exclusive) = $low ? qw(minimum exclusiveMinimum)
                                       : qw(maximum exclusiveMaximum);
    my @bounds;

    for my $value (map { $_->{value} } @$conjuncts) {
        push @bounds, [$value->{$inclusive}, 0] if exists $value->{$inclusive};
        push @bounds, [$value->{$exclusive}, 1] if exists $value->{$exclusive};
        push @bounds, [$low ? -2_147_483_648 : 2_147_483_647, 0]
            if ($value->{format} // '') eq 'int32';
    }

    my ($best) = sort { ($low ? $b->[0] <=> $a->[0] : $a->[0] <=> $b->[0])
                        || $b->[1] <=> $a->[1] } @bounds;

    # Of whole numbers the next one is the bound.
    if ($best && $best->[1] && !may_be($conjuncts, 'fraction')
        && $best->[0] == int $best->[0])
    {
        $best = [$best->[0] + ($low ? 1 : -1), 0];
    }

    return $best;
}


# The conjuncts of the item $i; past all prefixes when $i is undef.
sub item {
    my ($conjuncts, $i) = @_;
    my @item;

    for my $node (@$conjuncts) {
        my $prefix = $node->{value}{prefixItems} // [];

        push @item, defined $i && $i < @$prefix
                    ? conjuncts(child($node, 'prefixItems', $i))
                    : exists $node->{value}{items}
                    ? conjuncts(child($node, 'items')) : ();
    }

    return \@item;
}


# The conjuncts of a member. Where patterns of names could decide, what they
# say is left out.
sub member {
    my ($conjuncts, $name) = @_;

    return [map {
        my $value = $_->{value};
        exists $value->{properties} && exists $value->{properties}{$name}
            ? conjuncts(child($_, 'properties', $name))
            : exists $value->{additionalProperties} && !$value->{patternProperties}
            ? conjuncts(child($_, 'additionalProperties')) : ()
    } @$conjuncts];
}


# Names of members, also those in branches: by them callers know a member.
sub names {
    my (@conjuncts) = @_;
    my (%names, %seen);

    while (my $node = shift @conjuncts) {
        next if $seen{"$node->{set} $node->{file} $node->{at}"}++;

        my $value = $node->{value};
        $names{$_} = 1 for keys %{ $value->{properties} // {} };

        for my $keyword (qw(anyOf oneOf)) {
            push @conjuncts, map { conjuncts(child($node, $keyword, $_)) }
                             0 .. $#{ $value->{$keyword} // [] };
        }
    }

    return sort keys %names;
}


sub declares {
    my ($conjuncts, $name) = @_;
    return any { $_ eq $name } names(@$conjuncts);
}


# Whether one side declares a member and the other does not.
sub differs {
    my ($from, $to, $name) = @_;
    return declares($from, $name) != declares($to, $name);
}


sub is_false { return JSON::PP::is_bool($_[0]) && !$_[0] }


# Whether two schemas surely have no value in common.
sub disjoint {
    my ($one, $two, $depth) = @_;

    $depth = ($depth // 0) + 1;
    return 0 if $depth > 8;

    my $both = [@$one, @$two];
    my @types = types($both);
    my $values = finite($both);

    return 1 if !@types || $values && !@$values;
    return 0 if "@types" ne 'object';

    # A member that has to be there and cannot be both.
    my %required = map { $_ => 1 } map { @{ $_->{value}{required} // [] } } @$both;

    for my $name (sort keys %required) {
        return 1 if disjoint(member($one, $name), member($two, $name), $depth);
    }

    return 0;
}


1;
