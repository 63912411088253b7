#!/usr/bin/perl
# Contracts are read by others' tools: what is allowed, and yet makes clients that do not
# compile, or whose types say less or other than what comes.

use lib 'tests/lib';
use IHanoi::Test;
use JSON::PP ();

my $json = JSON::PP->new;
my @files = map { glob tree() . "/$_" } 'conf/api/*.json', 'plugins/*/openapi.json';

# By itself, too, each says what its "security" means.
for my $file (@files, glob tree() . '/bin/templates/*/openapi.json') {
    my $document = $json->decode(text_of($file));
    my %undefined;

    for my $operation ($document, operations($document)) {
        $undefined{$_}++ for grep { !$document->{components}{securitySchemes}{$_} }
                             map { keys %$_ } @{ $operation->{security} // [] };
    }
    is_deeply([keys %undefined], [], substr($file, 1 + length tree()) . ' defines its security');
}

my $text = qx{@{[ build_dir() ]}/contract document @files};
is($?, 0, 'all make one document');
utf8::decode($text);

my $document = $json->decode($text);
my %described = map { length($_->{description} // '') ? ($_->{name} => 1) : () } @{ $document->{tags} };

is_deeply([map { $_->{operationId} }
           grep { !@{ $_->{tags} // [] } || grep { !$described{$_} } @{ $_->{tags} } } operations($document)],
          [], 'each operation has a tag, which is described');

# Of "school.School" and "school.school" a client makes one name.
my (%component, @alike);

for my $kind (qw(schemas parameters)) {
    for my $name (sort keys %{ $document->{components}{$kind} }) {
        my $there = \$component{ lc $name =~ s/\W|_//gr };

        push @alike, "$$there, $kind/$name" if $$there;
        $$there = "$kind/$name";
    }
}
is_deeply(\@alike, [], 'no two components have names that a client writes alike');

my (%used, @empty, @lost);
look($document, '#');

is_deeply([grep { !$used{$_} }
           map { my $kind = $_; map { "#/components/$kind/$_" } sort keys %{ $document->{components}{$kind} } }
           grep { $_ ne 'securitySchemes' } sort keys %{ $document->{components} }],
          [], 'each component is used');
is_deeply(\@empty, [], 'an object says what its members are, an array what its items are');
is_deeply(\@lost, [], 'properties do not stand beside "anyOf", where openapi-typescript forgets them');

done_testing();


sub operations {
    my ($of) = @_;

    return grep { ref eq 'HASH' && $_->{operationId} } map { values %$_ }
           @{ $of->{paths} }{ sort keys %{ $of->{paths} } };
}


sub look {
    my ($node, $at) = @_;

    if (ref $node eq 'ARRAY') {
        look($node->[$_], "$at/$_") for 0 .. $#$node;
        return;
    }
    return if ref $node ne 'HASH';

    $used{ $node->{'$ref'} } = 1 if defined $node->{'$ref'} && !ref $node->{'$ref'};

    # Of a schema, not of properties that are called "type" and "anyOf".
    my %type = map { $_ => 1 } ref $node->{type} eq 'ARRAY' ? @{ $node->{type} }
                             : ref $node->{type} || !defined $node->{type} ? () : $node->{type};

    push @empty, $at if $type{object} && !grep { exists $node->{$_} } qw(properties additionalProperties patternProperties allOf);
    push @empty, $at if $type{array} && !grep { exists $node->{$_} } qw(items prefixItems);
    push @lost, $at if $node->{properties} && ref $node->{anyOf} eq 'ARRAY';

    # Values are none of it; names of properties and statuses may be like theirs.
    for my $key (sort keys %$node) {
        look($node->{$key}, "$at/$key")
            if $key !~ /^(?:x-|(?:default|examples?|enum|const)\z)/ || $at =~ m{/(?:properties|responses)\z};
    }
    return;
}
