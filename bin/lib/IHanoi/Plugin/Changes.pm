package IHanoi::Plugin::Changes;

# What changed between two versions of a plugin, as its callers see it.
#
#   my @changes = changes($old, $new);     # each { contract, manifest }
#
# contract is read_contract()'s, manifest the object of plugin.json. A change is
#
#   { level, operation, where, value, keyword, at, of, what }
#
# level "breaking", "unclear" (nobody can tell whether it breaks, so it counts
# as if it did) or "compatible"; operation "POST /v1/x", or "" for what is the
# whole service's; where "body", "query limit", "answer 200" and so on; value a
# pointer into the values; at a file and a pointer in the new contract, or in
# the old when of is "old".
#
# Requests are an input: what was accepted has to be. Answers are an output:
# what comes now has to be what came before, but for members that are new:
# callers leave alone what they do not know.

use strict;
use warnings;
use Exporter 'import';
use JSON::PP ();
use IHanoi::Plugin::Contract qw(child follow);
use IHanoi::Plugin::Schema qw(differences);

our @EXPORT_OK = qw(changes);

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

my @ASSURANCE = ('none', 'declared', 'phone', 'verified');


sub changes {
    my ($old, $new) = @_;
    my ($was, $is) = map { $_->{contract}{operations} } $old, $new;
    my @changes;

    for my $key (sort keys %{ { %$was, %$is } }) {
        my ($o, $n) = ($was->{$key}, $is->{$key});

        push @changes,
            map { +{ operation => $n ? "$n->{method} $n->{path}"
                                     : "$o->{method} $o->{path}", %$_ } }
            !$n ? _row('breaking', '', 'the operation is gone', old => $o->{node})
            : !$o ? _row('compatible', '', 'the operation is new', new => $n->{node})
            : _operation($o, $n);
    }

    push @changes, map { +{ operation => '', %$_ } }
        _problems($old->{contract}{problems}, $new->{contract}{problems}),
        _others($old->{manifest}, $new->{manifest}),
        _purposes($old->{manifest}, $new->{manifest});

    my %rank = (breaking => 0, unclear => 1, compatible => 2);
    return sort { $rank{ $a->{level} } <=> $rank{ $b->{level} } } @changes;
}


# A change that is no schema's: level, where, what, then new => or old => node.
sub _row {
    my ($level, $where, $what, $of, $node) = @_;

    return { level => $level, where => $where, value => '', keyword => '',
             what => $what, of => $of // 'new',
             at => $node ? "$node->{file} $node->{at}" : 'plugin.json' };
}


sub _operation {
    my ($old, $new) = @_;

    return (_caller($old, $new), _parameters($old, $new), _body($old, $new),
            _answers($old, $new));
}


# Who may call, and how.
sub _caller {
    my ($old, $new) = @_;
    my @changes;
    my $say = sub {
        my ($level, $what, $member) = @_;
        my $node = $new->{node};
        $node = child($node, $member)
            if $member && defined $node->{value}{$member};
        push @changes, _row($level, 'caller', $what, new => $node);
    };

    my ($was, $is) = map { $_->{public} ? 0 : $_->{optional} ? 1 : 2 } $old, $new;

    $say->('breaking', 'a token is required now', 'security') if $was < 2 && $is == 2;
    $say->('compatible', 'a token is understood now', 'security') if $was == 0 && $is == 1;
    $say->('compatible', 'a token is not required any more', 'security')
        if $was == 2 && $is < 2;
    $say->('unclear', 'a token is not looked at any more', 'security')
        if $was == 1 && $is == 0;

    for my $scope (sort keys %{ { %{ $old->{scopes} }, %{ $new->{scopes} } } }) {
        next if $old->{scopes}{$scope} && $new->{scopes}{$scope};
        $say->($new->{scopes}{$scope}
               ? ('breaking', "the scope \"$scope\" is required now")
               : ('compatible', "the scope \"$scope\" is not required any more"),
               'security');
    }

    my ($level, $now) = map { $_->{assurance} } $old, $new;
    $say->($now > $level ? 'breaking' : 'compatible',
           "assurance $ASSURANCE[$level] is now $ASSURANCE[$now]",
           'x-ihanoi-assurance') if $now != $level;

    $say->($new->{key} eq 'required' ? 'breaking' : 'compatible',
           'an Idempotency-Key is ' . ($new->{key} eq 'required' ? 'required now'
                                       : 'not required any more'),
           'x-ihanoi-idempotency') if $old->{key} ne $new->{key};

    $say->($new->{open} ? ('compatible', 'the query is open') : ('breaking', 'the query is not open any more'),
           'x-ihanoi-query') if $old->{open} != $new->{open};

    if ($old->{id} ne $new->{id}) {
        $say->($old->{key} eq '' ? 'compatible' : 'breaking',
            "operationId \"$old->{id}\" is now \"$new->{id}\": "
            . ($old->{key} eq '' ? 'made clients and metrics have that name'
               : 'a request that is sent again after the switch runs again'),
            'operationId');
    }

    $say->('compatible', 'is deprecated now', 'deprecated')
        if $new->{deprecated} && !$old->{deprecated};

    return @changes;
}


sub _parameters {
    my ($old, $new) = @_;
    my ($was, $is) = map { $_->{parameters} } $old, $new;
    my @changes;

    for my $key (sort keys %{ { %$was, %$is } }) {
        my ($o, $n) = ($was->{$key}, $is->{$key});

        if (!$n) {
            # An unknown header is left alone, other parameters are refused.
            push @changes, $key =~ /^header/
                ? _row('unclear', $key, 'is gone; who sends it is not heard',
                       old => $o)
                : _row('breaking', $key, 'is gone and refused', old => $o);
            next;
        }

        my $required = !!$n->{value}{required};

        if (!$o) {
            push @changes, _row($required ? 'breaking' : 'compatible', $key,
                                $required ? 'is new and required' : 'is new',
                                new => $n);
            next;
        }

        push @changes, _row($required ? 'breaking' : 'compatible', $key,
            $required ? 'is required now' : 'is not required any more', new => $n)
            if $required != !!$o->{value}{required};

        push @changes, _schemas($key, 'input', child($o, 'schema'), child($n, 'schema')),
                       _default($key, '', child($o, 'schema'), child($n, 'schema'));
    }

    return @changes;
}


# A default decides for those who send nothing.
sub _default {
    my ($where, $value, $old, $new) = @_;
    my ($was, $is) = map {
        my $node = follow($_);
        exists $node->{value}{default} ? $json->encode($node->{value}{default})
                                       : 'none'
    } map { ref $_->{value} eq 'HASH' ? $_ : { %$_, value => {} } } $old, $new;

    return if $was eq $is;
    return { %{ _row('breaking', $where, "the default $was is now $is",
                     new => child($new, 'default')) },
             value => $value, keyword => 'default' };
}


sub _body {
    my ($old, $new) = @_;
    my ($was, $is) = map { $_->{body} } $old, $new;

    return if !$was && !$is;
    return _row('breaking', 'body', 'is gone and refused', old => $was) if !$is;

    my $required = !!$is->{value}{required};

    return _row($required ? 'breaking' : 'compatible', 'body',
                $required ? 'is new and required' : 'is new', new => $is) if !$was;

    my @changes;

    push @changes, _row($required ? 'breaking' : 'compatible', 'body',
        $required ? 'is required now' : 'is not required any more', new => $is)
        if $required != !!$was->{value}{required};

    push @changes, _row('unclear', 'body', 'x-ihanoi-body is another: null and '
        . 'absent members may mean something else', new => $new->{node})
        if $old->{whole} != $new->{whole};

    my @closed = map { !$_->{whole} } $old, $new;

    push @changes, _media('body', 'input', $was, $is, sub {
        my ($where, $o, $n) = @_;
        my @found = _schemas($where, 'input', $o, $n, \@closed);

        # The arguments of the function: only they have defaults.
        my ($from, $to) = map { follow($_)->{value} } $o, $n;
        return @found if ref $from ne 'HASH' || ref $to ne 'HASH';

        return @found, map {
            _default($where, "/$_", map { child(follow($_->[0]), 'properties', $_->[1]) }
                                    [$o, $_], [$n, $_])
        } grep { ref $from->{properties}{$_} && ref $to->{properties}{$_} }
          sort keys %{ ref $from->{properties} eq 'HASH' ? $from->{properties} : {} };
    });

    return @changes;
}


# The media types of a body or an answer.
sub _media {
    my ($where, $mode, $old, $new, $compare) = @_;
    my ($was, $is) = map { my $c = $_->{value}{content};
                           ref $c eq 'HASH' ? $c : {} } $old, $new;
    my @changes;

    for my $type (sort keys %{ { %$was, %$is } }) {
        push @changes,
            !$is->{$type} ? _row('breaking', $where, "$type is gone",
                                 old => child($old, 'content', $type))
            : !$was->{$type}
              # Where there was nothing to read, nobody reads.
              ? _row('compatible', $where, "$type is new",
                     new => child($new, 'content', $type))
            : $compare->("$where $type" =~ s{ application/json$}{}r,
                         map { child($_, 'content', $type, 'schema') } $old, $new);
    }

    return @changes;
}


sub _answers {
    my ($old, $new) = @_;
    my ($was, $is) = map { $_->{responses} // {} } $old, $new;
    my @changes;

    for my $status (sort keys %{ { %$was, %$is } }) {
        my ($o, $n) = ($was->{$status}, $is->{$status});
        my $where = "answer $status";
        my $good = $status =~ /^[23]/;

        if (!$n) {
            push @changes, _row($good ? 'breaking' : 'compatible', $where,
                                'is gone', old => $o);
            next;
        }

        if (!$o) {
            push @changes, _row($good ? 'breaking' : 'compatible', $where,
                $good ? 'is new: callers know no such success' : 'is new',
                new => $n);
            next;
        }

        push @changes, _media($where, 'output', $o, $n, sub {
            my ($place, @schemas) = @_;
            return _schemas($place, 'output', @schemas);
        });
        push @changes, _headers($where, $o, $n);
    }

    return @changes;
}


sub _headers {
    my ($where, $old, $new) = @_;
    my ($was, $is) = map {
        my $node = $_;
        my $headers = $node->{value}{headers};
        +{ map { lc $_ => follow(child($node, 'headers', $_)) }
           keys %{ ref $headers eq 'HASH' ? $headers : {} } };
    } $old, $new;
    my @changes;

    for my $name (sort keys %{ { %$was, %$is } }) {
        push @changes,
            !$is->{$name} ? _row('breaking', "$where header $name", 'is gone',
                                 old => $was->{$name})
            : !$was->{$name} ? _row('compatible', "$where header $name", 'is new',
                                    new => $is->{$name})
            : _schemas("$where header $name", 'output',
                       map { child($_->{$name}, 'schema') } $was, $is);
    }

    return @changes;
}


# What speaks against, and what callers gain where nothing does.
sub _schemas {
    my ($where, $mode, $old, $new, $closed) = @_;
    $_ = defined $_->{value} ? $_ : { %$_, value => JSON::PP::true } for $old, $new;

    my @arg = (old => $old, new => $new, mode => $mode, closed => $closed);
    my @against = differences(@arg);
    my %said = map { ("$_->{value} $_->{keyword}" => 1) } @against;

    return map {
        +{ where => $where, of => $_->{where}{of},
           at => "$_->{where}{file} $_->{where}{at}",
           %$_{qw(level value keyword what)} }
    } @against, grep { !$said{"$_->{value} $_->{keyword}"} }
                differences(@arg, reverse => 1);
}


sub _problems {
    my ($was, $is) = @_;
    my @changes;

    for my $code (sort keys %{ { %$was, %$is } }) {
        my ($o, $n) = ($was->{$code}, $is->{$code});

        push @changes,
            !defined $n ? _row('compatible', "problem $code", 'is gone')
            : !defined $o ? _row('compatible', "problem $code", 'is new')
            : $o ne $n ? _row('breaking', "problem $code", "status $o is now $n")
            : ();
    }

    $_->{at} = 'openapi.json /x-ihanoi-problems' for @changes;
    return @changes;
}


# What other plugins call and hear.
sub _others {
    my ($old, $new) = @_;
    my ($was, $is) = map { _offered($_) } $old, $new;

    return map {
        !$is->{$_} ? _row('breaking', $_, 'is gone')
        : !$was->{$_} ? _row('compatible', $_, 'is new') : ()
    } sort keys %{ { %$was, %$is } };
}


# What people agree to: words that change without their version nobody could agree
# to any more, because others have agreed to other ones under it.
sub _purposes {
    my ($was, $is) = map { my $of = $_; +{ map { $_->{name} => $_ } @{ $of->{purposes} // [] } } } @_;
    my $words = JSON::PP->new->canonical;

    return map {
        my ($o, $n) = ($was->{$_}, $is->{$_});

        !$n ? _row('compatible', "purpose $_", 'is gone')
        : !$o ? _row('compatible', "purpose $_", 'is new')
        : $o->{version} != $n->{version}
          ? _row('compatible', "purpose $_", "version $o->{version} is now $n->{version}: people are asked again")
        : $words->encode([@$o{qw(title data)}]) ne $words->encode([@$n{qw(title data)}])
          ? _row('breaking', "purpose $_", "other words or data in the same version $n->{version}")
        : ();
    } sort keys %{ { %$was, %$is } };
}


sub _offered {
    my ($manifest) = @_;
    my %offered = map { ("event $_" => 1) }
                  @{ ($manifest->{events} // {})->{publishes} // [] };

    for my $offer (@{ ($manifest->{interfaces} // {})->{offers} // [] }) {
        $offered{"interface $offer->{name} $offer->{version}, function $_"} = 1
            for @{ $offer->{functions} // [] };
    }

    return \%offered;
}


1;
