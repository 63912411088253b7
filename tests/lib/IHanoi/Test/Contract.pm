package IHanoi::Test::Contract;

# Requests made from the contract: for tests that go through all operations.
#
#   my $contract = IHanoi::Test::Contract->new;      # conf/api/*.json
#   for my $op ($contract->operations) { ... }
#   my $value = $contract->sample($schema);          # a value that is valid

use strict;
use warnings;
use utf8;
use IHanoi::Test ();
use JSON::PP ();

my %FORMAT = (
    'uuid'      => '00000000-0000-4000-8000-000000000000',
    'date'      => '2026-03-04',
    'date-time' => '2026-03-04T05:06:07Z',
    'decimal'   => '12.50',
    'email'     => 'a@example.vn',
    'uri'       => 'https://example.vn/a',
);


sub new {
    my ($class, @files) = @_;
    my %documents;

    @files = glob IHanoi::Test::tree() . '/conf/api/*.json' if !@files;

    for my $file (@files) {
        open my $fh, '<:raw', $file or die "$file: $!\n";
        local $/;
        my ($name) = $file =~ m{([^/]+)$};
        $documents{$name} = JSON::PP->new->utf8->decode(<$fh>);
    }

    return bless { documents => \%documents }, $class;
}


# Follows references; returns (value, document). Of a schema with members of
# its own beside "$ref", the members win.
sub resolve {
    my ($self, $node, $document) = @_;

    while (ref $node eq 'HASH' && defined $node->{'$ref'}) {
        my ($file, $pointer) = $node->{'$ref'} =~ m{^([^#]*)#/?(.*)$};
        my %beside = %$node;

        delete $beside{'$ref'};
        $document = $self->{documents}{ $file =~ s{.*/}{}r } if $file ne '';
        $node = $document;

        for my $step (split m{/}, $pointer) {
            $step =~ s/~1/\//g;
            $step =~ s/~0/~/g;
            $node = $node->{$step} // die "dangling reference: $pointer\n";
        }

        $node = { %$node, %beside } if %beside;
    }

    return ($node, $document);
}


# Each operation:
#
#   id, method, path
#   parameters   [{ name, in, required, schema }]
#   body         the schema of the JSON body, or undef; document
#   public       true: works without a token
sub operations {
    my ($self) = @_;
    my @operations;

    for my $name (sort keys %{ $self->{documents} }) {
        my $document = $self->{documents}{$name};

        for my $path (sort keys %{ $document->{paths} // {} }) {
            my ($item, $from) = $self->resolve($document->{paths}{$path},
                                               $document);

            for my $method (qw(get post put patch delete)) {
                my $op = $item->{$method} // next;
                my @parameters = map {
                    my ($p, $in) = $self->resolve($_, $from);
                    +{ %$p, document => $in };
                } @{ $item->{parameters} // [] }, @{ $op->{parameters} // [] };
                my ($body, $at) = $self->resolve($op->{requestBody}, $from);
                my $content = $body && $body->{content}
                              && $body->{content}{'application/json'};
                my $security = $op->{security} // $document->{security} // [];

                push @operations, {
                    id         => $op->{operationId},
                    method     => uc $method,
                    path       => $path,
                    parameters => \@parameters,
                    body       => $content && $content->{schema},
                    document   => $at // $from,
                    public     => !@$security || 0 < grep({ !%$_ } @$security),
                };
            }
        }
    }

    return @operations;
}


# A value that the schema accepts, as far as a simple reader can tell: what
# has no example and a pattern that is not known here may be refused.
sub sample {
    my ($self, $schema, $document) = @_;

    ($schema, $document) = $self->resolve($schema, $document);
    return 'x' if ref $schema ne 'HASH';

    return $schema->{example} if exists $schema->{example};
    return $schema->{examples}[0] if ref $schema->{examples} eq 'ARRAY';
    return $schema->{const} if exists $schema->{const};
    return $schema->{enum}[0] if $schema->{enum};
    return $schema->{default} if defined $schema->{default};

    for my $of (qw(oneOf anyOf)) {
        return $self->sample($schema->{$of}[0], $document) if $schema->{$of};
    }

    if ($schema->{allOf}) {
        my %all;
        for my $part (@{ $schema->{allOf} }) {
            my $value = $self->sample($part, $document);
            %all = (%all, %$value) if ref $value eq 'HASH';
        }
        return \%all;
    }

    my $type = $schema->{type} // ($schema->{properties} ? 'object' : 'string');
    $type = (grep { $_ ne 'null' } @$type)[0] if ref $type;

    if ($type eq 'object') {
        my %value = map {
            $_ => $self->sample($schema->{properties}{$_} // {}, $document)
        } @{ $schema->{required} // [] };
        return \%value;
    }

    if ($type eq 'array') {
        my $count = $schema->{minItems} // 1;
        return [map { $self->sample($schema->{items} // {}, $document) }
                1 .. $count];
    }

    return JSON::PP::true() if $type eq 'boolean';

    if ($type eq 'integer' || $type eq 'number') {
        my $least = $schema->{minimum} // $schema->{exclusiveMinimum};
        return defined $least ? $least + ($type eq 'integer' ? 1 : 0.5) : 1;
    }

    return $FORMAT{ $schema->{format} } // 'x' if $schema->{format};

    my $pattern = $schema->{pattern} // '';
    for my $guess ('a', 'abc', '1', '0123456789', '+84912345678', 'vi',
                   'https://example.vn/a')
    {
        return $guess if $pattern ne '' && $guess =~ /\A(?:$pattern)\z/;
    }

    return 'Nội dung thử ' . 'x' x ($schema->{minLength} // 0);
}


# A request as { method, target, json }: sample values, but for what is given.
#
#   path, query   { name => encoded text }
#   body          the whole body
sub request {
    my ($self, $op, %arg) = @_;
    my $target = $op->{path};
    my (%query, %headers);

    for my $p (@{ $op->{parameters} }) {
        my $value = $self->sample($p->{schema}, $p->{document});
        $value = join ',', @$value if ref $value eq 'ARRAY';

        if ($p->{in} eq 'path') {
            $target =~ s/\{\Q$p->{name}\E\}/$arg{path}{$p->{name}} \/\/ $value/e;
        } elsif ($p->{in} eq 'query' && $p->{required}) {
            $query{ $p->{name} } = $value;
        } elsif ($p->{in} eq 'header' && lc $p->{name} eq 'if-match') {
            $headers{'If-Match'} = '"1"';
        }
    }

    %query = (%query, %{ $arg{query} // {} });
    $target .= '?' . join '&', map { "$_=$query{$_}" } sort keys %query
        if %query;

    my $body = exists $arg{body} ? $arg{body}
               : $op->{body} ? $self->sample($op->{body}, $op->{document})
               : undef;

    return { method => $op->{method}, target => $target, headers => \%headers,
             json => $body };
}


1;
