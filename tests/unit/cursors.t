# Cursors of the services' lists: each is the list's name, a dot and a place in it, and the
# contract says so by a pattern. So the cursor of one list is refused by every other.

use strict;
use warnings;
use JSON::PP;
use Test::More;

my %lists;

for my $file (glob 'plugins/*/openapi.json') {
    open my $fh, '<', $file or die "$file: $!\n";
    my $contract = decode_json(join '', <$fh>);

    for my $path (sort keys %{ $contract->{paths} }) {
        for my $parameter (map { @{ $_->{parameters} // [] } } grep { ref eq 'HASH' } values %{ $contract->{paths}{$path} }) {
            $parameter = $contract->{components}{parameters}{ $1 } if ($parameter->{'$ref'} // '') =~ m{/(\w+)\z};
            next if $parameter->{name} ne 'cursor';

            my ($name) = ($parameter->{schema}{pattern} // '') =~ /\A\^([a-z]+(?:-[a-z]+)*)\[\.\]/;
            ok($name, "$path: a cursor has the list's name") or next;
            push @{ $lists{$name} }, $path;
        }
    }
}

cmp_ok(scalar keys %lists, '>=', 29, 'each list');
is_deeply([map { "$_: @{ $lists{$_} }" } grep { @{ $lists{$_} } > 1 } sort keys %lists], [], '... has a name of its own');

done_testing();
