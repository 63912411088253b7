package IHanoi::Plugin::Schema;

# Is every value of one JSON Schema a value of another? In the keywords of
# docs/contracts.md.
#
#   my @findings = differences(old => $node, new => $node, mode => 'input');
#
# closed => [$old, $new] says of each whether members that it does not declare
# are refused, whatever it says itself.
#
# For an input every value of the old schema must be one of the new, for an
# output the other way round. With reverse => 1 the question is turned, and the
# findings are what callers gain.
#
# A finding is { level, keyword, value, where, what }: level is "breaking",
# "unclear" (nobody can tell, so callers may break) or "compatible"; value is a
# pointer into the values, "*" being each item or any member; where is
# { of => 'new' or 'old', file, at }.
#
# How it is decided: "from" is what values come, "to" is where they have to fit,
# which is every keyword of every conjunct of "to". Of "from" a keyword may be
# forgotten, for then there are more values to fit; what does not fit after that
# is "unclear". No pattern is run: they come from strangers.

use strict;
use warnings;
use Exporter 'import';
use JSON::PP ();
use List::Util qw(any all first max min);
use IHanoi::Plugin::Conjuncts;
use IHanoi::Plugin::Contract qw(child);

our @EXPORT_OK = qw(differences);

my $STEPS = 5000;
my $DEPTH = 40;

# Lengths that a format stands for.
my %LENGTH = (uuid => [36, 36], date => [10, 10], 'date-time' => [20, 35],
              ipv4 => [7, 15], email => [3, 254], hostname => [1, 253]);

# Formats whose every value is one of another.
my %WIDER = (int32 => { int64 => 1 }, uri => { 'uri-reference' => 1 });

# Keywords of "to" by what looks at them, and the types of value they are about.
my %CHECK = (
    type              => [\&_type],
    enum              => [\&_enum],
    const             => [\&_enum],
    minimum           => [\&_bound, qw(integer fraction)],
    exclusiveMinimum  => [\&_bound, qw(integer fraction)],
    maximum           => [\&_bound, qw(integer fraction)],
    exclusiveMaximum  => [\&_bound, qw(integer fraction)],
    multipleOf        => [\&_multiple, qw(integer fraction)],
    minLength         => [\&_size, 'string'],
    maxLength         => [\&_size, 'string'],
    pattern           => [\&_pattern, 'string'],
    format            => [\&_format, qw(integer fraction string)],
    minItems          => [\&_size, 'array'],
    maxItems          => [\&_size, 'array'],
    uniqueItems       => [\&_unique, 'array'],
    items             => [\&_items, 'array'],
    prefixItems       => [\&_items, 'array'],
    contains          => [\&_opaque, 'array'],
    minProperties     => [\&_size, 'object'],
    maxProperties     => [\&_size, 'object'],
    required          => [\&_required, 'object'],
    dependentRequired => [\&_dependent, 'object'],
    properties        => [\&_members, 'object'],
    patternProperties    => [\&_members, 'object'],
    additionalProperties => [\&_members, 'object'],
    propertyNames     => [\&_opaque, 'object'],
    anyOf             => [\&_any],
    oneOf             => [\&_one],
    not               => [\&_not],
    if                => [\&_opaque],
);

# Of "from" these are forgotten: they may be why a value that does not fit
# never comes.
my @FORGOTTEN = qw(contains propertyNames dependentRequired patternProperties
                   not if);

my $json = JSON::PP->new->utf8->canonical->allow_nonref->allow_blessed;


sub differences {
    my (%arg) = @_;
    my $old_first = ($arg{mode} eq 'input') != !!$arg{reverse};
    my ($from, $to) = $old_first ? @arg{qw(old new)} : @arg{qw(new old)};
    my $s = { mode => $arg{mode}, old_first => $old_first, steps => 0,
              known => {}, reverse => $arg{reverse} };
    my ($old_closed, $new_closed) = @{ $arg{closed} // [0, 0] };
    my ($from_closed, $to_closed) = $old_first ? ($old_closed, $new_closed)
                                               : ($new_closed, $old_closed);

    my %said;
    my @findings = grep { !$said{"$_->{value} $_->{keyword} $_->{what}"}++ }
                   _within($s, whole($from, $from_closed),
                           whole($to, $to_closed), '', 0, []);

    return map { +{ %$_, level => $arg{reverse} ? 'compatible' : $_->{level} } }
           @findings;
}


# The findings of values of @$from at @$to. Of the conjuncts of @$beside, which
# values keep too, only the members they declare count. A schema that contains
# itself is met again while it is being looked at: then nothing speaks against
# it yet.
sub _within {
    my ($s, $from, $to, $path, $depth, $beside) = @_;

    my $key = join '|', map { $_ ? "$_->{file}$_->{at}" : '>' }
                        @$from, undef, @$to, undef, @$beside;

    return @{ $s->{known}{$key} } if $s->{known}{$key};

    return _too_large($s, $from, $to, $path)
        if ++$s->{steps} > $STEPS || $depth > $DEPTH;
    return if never($from);

    $s->{known}{$key} = [];

    my $all = [@$to, @$beside];
    my @findings = (_declared($s, $from, $all, $path),
                    map { _fits($s, $from, $_, $all, $path, $depth) } @$to);

    $s->{known}{$key} = \@findings;
    return @findings;
}


sub _too_large {
    my ($s, $from, $to, $path) = @_;

    return _finding($s, $from, $to, $path, 'schema', 'unclear',
                    'is too large to compare');
}


# Whether there is something among findings that speaks against.
sub _failed { return any { $_->{level} ne 'compatible' } @_ }


# The findings of values of @$from at one conjunct of @$to. Of what may be one
# of several, each by itself may fit.
sub _fits {
    my ($s, $from, $rule, $to, $path, $depth) = @_;
    my @findings = _keeps($s, $from, $rule, $to, $path, $depth);

    return @findings
        if !_failed(@findings) || $depth > $DEPTH || $s->{steps} > $STEPS;

    my @cases = _cases($from, $rule) or return @findings;
    return map { _fits($s, $_, $rule, $to, $path, $depth + 1) } @cases;
}


sub _keeps {
    my ($s, $from, $rule, $to, $path, $depth) = @_;
    my @findings;

    return if never($from);
    return _too_large($s, $from, [$rule], $path) if ++$s->{steps} > $STEPS;

    my $finite = finite($from);

    for my $keyword (sort grep { $CHECK{$_} } keys %{ $rule->{value} }) {
        my ($check, @about) = @{ $CHECK{$keyword} };

        next if @about && !may_be($from, @about);
        next if _kept($from, $rule, $keyword);

        if (!$finite || $keyword =~ /^(?:anyOf|oneOf|not)\z/) {
            push @findings, $check->($s, $from, $rule, $to, $path, $depth, $keyword);
            next;
        }

        my @outside = _outside($finite, $rule, $keyword, \@about) or next;
        my $sure = all { defined $_->[1] } @outside;

        push @findings, _finding($s, $from, [$rule], $path, $keyword,
            $sure ? 'breaking' : 'unclear', _values($s, map { $_->[0] } @outside));
    }

    if (any { my $v = $_->{value}; any { exists $v->{$_} } @FORGOTTEN } @$from) {
        _unsure(@findings);
    }

    return @findings;
}


# Findings may be told of twice, so they are copied.
sub _unsure {
    $_ = { %$_, level => 'unclear' } for grep { $_->{level} eq 'breaking' } @_;
    return;
}


# Whether "from" has the keyword itself, alike. Members are looked at one by
# one, so that what is inside of them is found.
sub _kept {
    my ($from, $rule, $keyword) = @_;

    return 0 if $keyword =~ /^(?:properties|additionalProperties|items|prefixItems)\z/;

    my @with = $keyword eq 'if' ? qw(if then else)
             : $keyword eq 'patternProperties'
               ? qw(properties patternProperties additionalProperties)
             : $keyword;
    my $text = sub {
        my ($node) = @_;
        my @texts = map { exists $node->{value}{$_}
                          ? text_of(child($node, $_)) : '' } @with;
        return (any { !defined } @texts) ? undef : join "\n", @texts;
    };
    my $wanted = $text->($rule) // return 0;

    return any { exists $_->{value}{$keyword}
                 && ($text->($_) // '') eq $wanted } @$from;
}


# The cases of "from", each a list of conjuncts: the branches of an anyOf or
# oneOf; when "to" has branches the values that are listed, or the types.
sub _cases {
    my ($from, $rule) = @_;

    for my $i (0 .. $#$from) {
        my $node = $from->[$i];
        my $keyword = first { exists $node->{value}{$_} } qw(anyOf oneOf) or next;
        my %rest = %{ $node->{value} };
        my $branches = delete $rest{$keyword};
        my @others = (@$from[grep { $_ != $i } 0 .. $#$from],
                      %rest ? { %$node, at => "$node->{at}~$keyword",
                                value => \%rest } : ());

        return map { [conjuncts(child($node, $keyword, $_)), @others] }
               0 .. $#$branches;
    }

    return if !any { exists $rule->{value}{$_} } qw(anyOf oneOf);

    my ($n, $finite, @types) = (0, finite($from), types($from));
    my @narrow = $finite ? map({ +{ const => $_ } } @$finite)
                         : map({ +{ type => [$_] } } @types);

    return if @narrow < 2;
    return map { [@$from, { %{ $from->[0] // $rule }, at => '~case' . $n++,
                            value => $_ }] } @narrow;
}


# Of listed values those that break a keyword: [value, 1], or [value, undef]
# when that takes more than a look.
sub _outside {
    my ($values, $rule, $keyword, $about) = @_;
    my $limit = $rule->{value}{$keyword};
    my @outside;

    for my $value (@$values) {
        my $type = type_of($value);
        next if @$about && !any { $_ eq $type } @$about;

        my $keeps = $keyword eq 'type' ? scalar(any { $_ eq $type } types([$rule]))
            : $keyword =~ /^(?:enum|const)\z/
              ? scalar(any { $json->encode($_) eq $json->encode($value) }
                       @{ listed($rule->{value}) })
            : $keyword eq 'minimum'          ? $value >= $limit
            : $keyword eq 'maximum'          ? $value <= $limit
            : $keyword eq 'exclusiveMinimum' ? $value > $limit
            : $keyword eq 'exclusiveMaximum' ? $value < $limit
            : $keyword eq 'minLength'        ? length $value >= $limit
            : $keyword eq 'maxLength'        ? length $value <= $limit
            : undef;

        push @outside, [$value, defined $keeps ? 1 : undef] if !$keeps;
    }

    return @outside;
}


# What is checked, keyword by keyword: each gets the state, the conjuncts of
# "from", one conjunct of "to", all of them, the path, the depth, the keyword.


sub _type {
    my ($s, $from, $rule, $to, $path) = @_;
    my %in = map { $_ => 1 } types([{ value => { type => $rule->{value}{type} } }]);
    my @more = grep { !$in{$_} } types($from);

    return if !@more;
    return _finding($s, $from, [$rule], $path, 'type', 'breaking',
        ($s->{old_first} ? 'no longer ' : 'now also ')
        . join ' or ', _type_names(@more));
}


sub _type_names {
    my %is = map { $_ => 1 } @_;
    return map { $_ eq 'integer' && $is{fraction} ? ()
                 : $_ eq 'fraction' ? 'number' : $_ } @_;
}


sub _values {
    my ($s, @values) = @_;
    my @texts = map { $json->encode($_) } @values;
    splice @texts, 5, @texts, '...' if @texts > 6;
    return ($s->{old_first} ? 'no longer ' : 'now also ') . join ', ', @texts;
}


sub _enum {
    my ($s, $from, $rule, $to, $path, undef, $keyword) = @_;
    my $list = join ', ', map { $json->encode($_) } @{ listed($rule->{value}) };

    return _finding($s, $from, [$rule], $path, $keyword, 'breaking',
        $s->{old_first} ? "now only $list" : "no longer only $list");
}


sub _bound {
    my ($s, $from, $rule, $to, $path, undef, $keyword) = @_;
    my $low = $keyword =~ /Minimum|minimum/;
    my $has = tightest($from, $low);
    my $needs = $keyword =~ /^exclusive/ ? [$rule->{value}{$keyword}, 1]
                                         : [$rule->{value}{$keyword}, 0];

    if ($has) {
        my $order = $low ? $has->[0] <=> $needs->[0] : $needs->[0] <=> $has->[0];
        return if $order > 0 || $order == 0 && ($has->[1] || !$needs->[1]);
    }

    return _finding($s, $from, [$rule], $path, $keyword, 'breaking',
                    _change($s, _bound_text($has), _bound_text($needs)));
}


sub _bound_text {
    my ($bound) = @_;
    return !$bound ? 'none' : ($bound->[1] ? 'exclusive ' : '') . $bound->[0];
}


sub _multiple {
    my ($s, $from, $rule, $to, $path, undef, $keyword) = @_;
    my $needs = $rule->{value}{multipleOf};
    my @has = map { $_->{value}{multipleOf} // () } @$from;

    push @has, 1 if !may_be($from, 'fraction');

    # Whole factors only: those of fractions depend on rounding.
    return if $needs == int $needs
              && any { $_ == int $_ && $_ % $needs == 0 } @has;

    return _finding($s, $from, [$rule], $path, $keyword,
        $needs == int $needs ? 'breaking' : 'unclear',
        _change($s, $has[0] // 'none', $needs));
}


# minLength, maxItems and so on.
sub _size {
    my ($s, $from, $rule, $to, $path, undef, $keyword) = @_;
    my $needs = $rule->{value}{$keyword};
    my $low = $keyword =~ /^min/;
    my @has = map { $_->{value}{$keyword} // () } @$from;

    if ($keyword =~ /Length/) {
        push @has, map { ($LENGTH{ $_->{value}{format} // '' } // [])
                         ->[$low ? 0 : 1] // () } @$from;

    } elsif ($keyword eq 'minProperties') {
        my %required = map { $_ => 1 } map { @{ $_->{value}{required} // [] } } @$from;
        push @has, scalar keys %required;

    } elsif ($keyword eq 'maxProperties') {
        push @has, map { keys %{ $_->{value}{properties} // {} } }
                   grep { is_false($_->{value}{additionalProperties})
                          && !$_->{value}{patternProperties} } @$from;
    }

    push @has, 0 if $low;
    my $has = $low ? max(@has) : min(@has);

    return if defined $has && ($low ? $has >= $needs : $has <= $needs);
    return _finding($s, $from, [$rule], $path, $keyword, 'breaking',
                    _change($s, $has // 'none', $needs));
}


sub _pattern {
    my ($s, $from, $rule, $to, $path, undef, $keyword) = @_;
    my $has = first { defined } map { $_->{value}{pattern} } @$from;

    # What other texts a pattern has is not decided by looking at it.
    return _finding($s, $from, [$rule], $path, $keyword,
        defined $has ? 'unclear' : 'breaking',
        _change($s, defined $has ? $json->encode($has) : 'none',
                $json->encode($rule->{value}{pattern})));
}


sub _format {
    my ($s, $from, $rule, $to, $path, undef, $keyword) = @_;
    my $needs = $rule->{value}{format};
    my @has = map { $_->{value}{format} // () } @$from;

    return if any { $_ eq $needs || $WIDER{$_}{$needs} } @has;

    if ($needs eq 'int32') {
        my ($low, $high) = map { tightest($from, $_) } 1, 0;
        return if $low && $high && $low->[0] >= -2_147_483_648
                  && $high->[0] <= 2_147_483_647;
    }

    # Each integer is of 64 bits; float, double and decimal say how a number
    # is kept.
    return if $needs eq 'int64';
    return _finding($s, $from, [$rule], $path, $keyword,
        $needs =~ /^(?:float|double|decimal)\z/ ? 'unclear' : 'breaking',
        _change($s, $has[0] // 'none', $needs));
}


sub _unique {
    my ($s, $from, $rule, $to, $path, undef, $keyword) = @_;

    return if !$rule->{value}{uniqueItems};
    return if any { $_->{value}{uniqueItems}
                    || ($_->{value}{maxItems} // 2) < 2 } @$from;
    return _finding($s, $from, [$rule], $path, $keyword, 'breaking',
        $s->{old_first} ? 'items must differ now' : 'items may repeat now');
}


sub _items {
    my ($s, $from, $rule, $to, $path, $depth, $keyword) = @_;

    # Both at once, with the first of them.
    return if $keyword eq 'prefixItems' && exists $rule->{value}{items};

    my $prefix = max(map { scalar @{ $_->{value}{prefixItems} // [] } } @$from, $rule);
    my $most = min(map { $_->{value}{maxItems} // () } @$from) // $prefix + 1;

    return map {
        $_ < $most
        ? _within($s, item($from, $_ < $prefix ? $_ : undef),
                  item([$rule], $_ < $prefix ? $_ : undef),
                  "$path/" . ($_ < $prefix ? $_ : '*'), $depth + 1, [])
        : ()
    } 0 .. $prefix;
}


sub _required {
    my ($s, $from, $rule, $to, $path) = @_;
    my %always = map { $_ => 1 } map { @{ $_->{value}{required} // [] } } @$from;
    my $what = $s->{mode} eq 'input'
        ? ($s->{reverse} ? 'is not required any more' : 'is required now')
        : ($s->{reverse} ? 'is always there now' : 'is not always there any more');

    # That a member is gone or new is told of already, but not that it must be.
    return map { _finding($s, $from, [$rule], "$path/" . _escape($_), 'required',
                          'breaking', $what) }
           grep { !$always{$_}
                  && (!differs($from, $to, $_)
                      || $s->{mode} eq 'input' && !$s->{reverse}) }
           @{ $rule->{value}{required} };
}


sub _dependent {
    my ($s, $from, $rule, $to, $path, undef, $keyword) = @_;
    my $needs = $rule->{value}{dependentRequired};
    my %always = map { $_ => 1 } map { @{ $_->{value}{required} // [] } } @$from;
    my @findings;

    for my $name (sort keys %$needs) {
        next if never(member($from, $name));

        my %has = (%always, map { $_ => 1 }
                   map { @{ ($_->{value}{dependentRequired} // {})->{$name} // [] } }
                   @$from);
        my @more = grep { !$has{$_} } @{ $needs->{$name} } or next;

        push @findings, _finding($s, $from, [$rule], "$path/" . _escape($name),
            $keyword, 'breaking', ($s->{old_first} ? 'now needs ' : 'comes without ')
                                  . join ', ', map { "\"$_\"" } @more);
    }

    return @findings;
}


# Members by their names: what a schema alone does not say is that a caller
# reads one that is gone, or sends one that nobody looks at.
sub _declared {
    my ($s, $from, $to, $path) = @_;
    my ($old, $new) = $s->{old_first} ? ($from, $to) : ($to, $from);
    my @findings;

    return if $s->{reverse} || !may_be($new, 'object');

    for my $name (grep { differs($old, $new, $_) } names(@$old, @$new)) {
        my $was = declares($old, $name);
        my ($level, $what) =
            !$was ? ('compatible', 'is new')
            : $s->{mode} eq 'output' ? ('breaking', 'is gone')
            : never(member($new, $name)) ? ('breaking', 'is gone and refused')
            : ('unclear', 'is gone; it is taken still, and who knows what for');
        my $side = $was ? $old : $new;
        my $node = first { exists(($_->{value}{properties} // {})->{$name}) } @$side;

        push @findings, _finding($s, $from, $to, "$path/" . _escape($name),
            'properties', $level, $what,
            $node && { of => $was ? 'old' : 'new', file => $node->{file},
                       at => "$node->{at}/properties/" . _escape($name) });
    }

    return @findings;
}


# properties, patternProperties and additionalProperties, once for the first
# of them that is there.
sub _members {
    my ($s, $from, $rule, $to, $path, $depth, $keyword) = @_;
    my $value = $rule->{value};
    my ($first) = grep { exists $value->{$_} }
                  qw(additionalProperties patternProperties properties);

    return if $keyword ne $first;

    my @patterns = map { [conjuncts(child($rule, 'patternProperties', $_))] }
                   sort keys %{ $value->{patternProperties} // {} };
    return if @patterns && _kept($from, $rule, 'patternProperties');

    my $open = [exists $value->{additionalProperties}
                ? conjuncts(child($rule, 'additionalProperties')) : ()];
    my $own = $value->{properties} // {};
    my %names = map { $_ => 1 } keys %$own,
                map { keys %{ $_->{value}{properties} // {} } } @$from;
    my @findings;

    for my $name (sort keys %names) {
        my $member = member($from, $name);

        next if never($member) || _is_told($s, $from, $to, $name);

        my @fits = !@patterns ? member([$rule], $name)
                 : (exists $own->{$name} ? [conjuncts(child($rule, 'properties', $name))]
                                         : $open, @patterns);

        push @findings, map { _within($s, $member, $_, "$path/" . _escape($name),
                                      $depth + 1, []) } @fits;
    }

    push @findings, _other_members($s, $from, $rule, $path, $depth, $open, @patterns);

    _unsure(@findings) if @patterns;
    return @findings;
}


# Whether _declared() has said what there is to say about a member.
sub _is_told {
    my ($s, $from, $to, $name) = @_;

    return differs($from, $to, $name)
           && ($s->{reverse} || $s->{mode} eq 'output'
               || never(member($to, $name)));
}


# Members that "from" does not name.
sub _other_members {
    my ($s, $from, $rule, $path, $depth, $open, @patterns) = @_;
    my $patterned = any { $_->{value}{patternProperties} } @$from;
    my $others = $patterned ? []
        : [map { exists $_->{value}{additionalProperties}
                 ? conjuncts(child($_, 'additionalProperties')) : () } @$from];

    return if never($others);

    if (!@patterns && never($open)) {
        # What callers have not known in an answer they leave alone.
        return if $s->{mode} eq 'output' && !$s->{reverse};
        return _finding($s, $from, [$rule], "$path/*", 'additionalProperties',
            $patterned ? 'unclear' : 'breaking',
            $s->{old_first} ? 'other members are refused now'
                            : 'other members are taken now');
    }

    return map { _within($s, $others, $_, "$path/*", $depth + 1, []) }
           grep { @$_ } $open, @patterns;
}


# anyOf: one of the branches has to take all that comes.
sub _any {
    my ($s, $from, $rule, $to, $path, $depth, $keyword) = @_;
    my @branches = _branches($rule, $keyword);
    my $beside = _beside($rule, $keyword, $to);

    for my $branch (@branches) {
        local $s->{known} = { %{ $s->{known} } };
        my @found = _within($s, $from, $branch, $path, $depth + 1, $beside);
        return @found if !_failed(@found);
    }

    return _nearest($s, $from, $rule, $to, $path, $depth, $keyword, @branches);
}


# oneOf: that, and surely none of the others.
sub _one {
    my ($s, $from, $rule, $to, $path, $depth, $keyword) = @_;

    return _nearest($s, $from, $rule, $to, $path, $depth, $keyword,
                    _branches($rule, $keyword));
}


sub _branches {
    my ($rule, $keyword) = @_;
    return map { [conjuncts(child($rule, $keyword, $_))] }
           0 .. $#{ $rule->{value}{$keyword} };
}


# What values keep beside a branch.
sub _beside {
    my ($rule, $keyword, $to) = @_;
    my %rest = %{ $rule->{value} };

    delete $rest{$keyword};
    return [grep({ $_ != $rule } @$to),
            { %$rule, at => "$rule->{at}~$keyword", value => \%rest }];
}


# With one branch that values may be of, what is wrong with that one.
sub _nearest {
    my ($s, $from, $rule, $to, $path, $depth, $keyword, @branches) = @_;
    my @near = grep { !disjoint($from, $_) } @branches;

    return _within($s, $from, $near[0], $path, $depth + 1,
                   _beside($rule, $keyword, $to)) if @near == 1;

    return _finding($s, $from, [$rule], $path, $keyword,
        @near ? 'unclear' : 'breaking',
        $s->{old_first} ? 'some values may not fit any more'
                        : 'there may be values of another kind now');
}


sub _not {
    my ($s, $from, $rule, $to, $path, $depth, $keyword) = @_;
    my $excluded = [conjuncts(child($rule, 'not'))];

    return if disjoint($from, $excluded);
    return _opaque(@_);
}


sub _opaque {
    my ($s, $from, $rule, $to, $path, undef, $keyword) = @_;

    return _finding($s, $from, [$rule], $path, $keyword, 'unclear',
                    'is not what it was');
}


sub _change {
    my ($s, $has, $needs) = @_;
    return $s->{old_first} ? "$has is now $needs" : "$needs is now $has";
}


sub _escape { return $_[0] =~ s/~/~0/gr =~ s{/}{~1}gr }


# At the place in the new document, or the old when the new has none.
sub _finding {
    my ($s, $from, $to, $path, $keyword, $level, $what, $where) = @_;
    my ($new, $old) = $s->{old_first} ? ($to, $from) : ($from, $to);
    my @where;

    for my $side (['new', $new], ['old', $old]) {
        my ($name, $nodes) = @$side;
        my $node = (first { exists $_->{value}{$keyword} } @$nodes) // $nodes->[0]
            // next;
        my $at = $node->{at} =~ s/~(?![01]).*//sr;
        $at .= "/$keyword" if exists $node->{value}{$keyword};
        push @where, { of => $name, file => $node->{file}, at => $at };
    }

    return { level => $level, keyword => $keyword, value => $path,
             what => $what, where => $where // $where[0] // { of => 'new', file => '', at => '' } };
}


1;
