#!/usr/bin/perl
# What plugins find under "ihanoi", beside what those of this tree use of it.

use lib 'tests/lib';
use IHanoi::Test;
use File::Find;
use JSON::PP ();

# What no plugin here has a use for, and why.
my %UNUSED = (
    events => 'what they publish, their SQL does in the transaction of its rows',
    lock   => 'what must not happen twice, a row of the database keeps from it',
    money  => 'amounts are numbers up to the client, who writes them as people do',
);

# Of the same tables as the functions, but no function.
my %VALUE = ('json.null' => 1);

my $said = qx{${\ build_dir() }/nouns};
is($?, 0, 'the tables of the host are read') or diag('make all');
my %functions = map {
    $_->{noun} => { map { $_->{name} => 1 } @{ $_->{functions} } }
} @{ JSON::PP->new->utf8->decode($said)->{nouns} };

# { plugin => { noun => true } }
my %use;

for my $folder (sort glob tree() . '/plugins/*/') {
    my ($plugin) = $folder =~ m{(\w+)/\z};
    my @wrong;

    find({ no_chdir => 1, wanted => sub {
        return if !/\.lua\z/;
        open my $in, '<:encoding(UTF-8)', $_ or die "$_: $!\n";
        my $text = join '', <$in>;
        $text =~ s/--.*//g;

        while ($text =~ /\bihanoi\.(\w+)(?:\.(\w+))?/g) {
            my ($noun, $name) = ($1, $2);

            $use{$plugin}{$noun} = 1;
            push @wrong, "ihanoi.$noun" . (defined $name ? ".$name" : '')
                if !$functions{$noun}
                || defined $name && !$functions{$noun}{$name} && !$VALUE{"$noun.$name"};
        }
    } }, $folder);

    is("@wrong", '', "$plugin uses what there is");
}

for my $noun (sort keys %functions) {
    my @users = grep { $use{$_}{$noun} } sort keys %use;

    if ($UNUSED{$noun}) {
        is("@users", '', "ihanoi.$noun is used by none: $UNUSED{$noun}");
    } else {
        isnt("@users", '', "ihanoi.$noun is used");
    }
}

is_deeply([grep { !$functions{$_} } sort keys %UNUSED], [], 'nor is there more');

my ($section) = text_of('plugins/office_hours/README.md') =~ /^## What it does not need\n(.*)/ms;

is(join(' ', $section =~ /^\| `ihanoi\.(\w+)` \|/mg),
   join(' ', grep { !$use{office_hours}{$_} } sort keys %functions),
   'the README of office_hours says what it does not need');

done_testing();
