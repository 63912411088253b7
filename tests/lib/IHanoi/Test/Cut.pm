package IHanoi::Test::Cut;

# What a file has that plugins/office_hours has not: the template and the tutorial are
# that plugin with parts left out, under another name, which begins the codes of problems.
#
#   is(own('handler.lua', $text, 'benches'), '', 'nothing of its own');
#
# Of Lua and SQL a line of code, of JSON the pointer of a value; '' when there is none.
# What says who a plugin is and comments are its own.

use strict;
use warnings;
use Exporter 'import';
use JSON::PP ();

our @EXPORT = qw(own);

my %WHO = ('plugin.json' => [qw(name version title agency)], 'openapi.json' => ['info']);


sub own {
    my ($file, $text, $name, $of) = @_;

    $of //= $file;
    open my $fh, '<:encoding(UTF-8)', IHanoi::Test::tree() . "/plugins/office_hours/$of"
        or return "$file itself";
    my $whole = do { local $/; <$fh> };

    my $code = $name =~ tr{_}{-}r;
    $text =~ s/\b\Q$code\E-//g;
    $text =~ s/\b\Q$name\E(?=\b|_)/office_hours/g;
    return _line(_code($text), _code($whole)) if $file !~ /\.json\z/;

    my ($cut, $all) = map { JSON::PP->new->allow_nonref->decode($_) } $text, $whole;
    delete @$cut{ @{ $WHO{$file} // [] } };
    return _value($cut, $all, '') // '';
}


sub _code { return [grep { /\S/ && !/^\s*--/ } map { s/,?\s*\z//r } split /\n/, $_[0]] }


sub _line {
    my ($cut, $all) = @_;
    my @all = @$all;

    for my $line (@$cut) {
        while (@all && $all[0] ne $line) { shift @all }
        shift @all // return $line;
    }

    return '';
}


# The pointer of what is not in the other, or undef. A list may have lost items.
sub _value {
    my ($cut, $all, $at) = @_;

    return $at if ref $cut ne ref $all;

    if (ref $cut eq 'HASH') {
        for my $key (sort keys %$cut) {
            my $wrong = exists $all->{$key} ? _value($cut->{$key}, $all->{$key}, "$at/$key")
                                            : "$at/$key";
            return $wrong if defined $wrong;
        }
        return;
    }

    if (ref $cut eq 'ARRAY') {
        my @all = @$all;

        for my $i (0 .. $#$cut) {
            while (@all && defined _value($cut->[$i], $all[0], '')) { shift @all }
            @all or return "$at/$i";
            shift @all;
        }
        return;
    }

    return "$cut" eq "$all" ? undef : $at;
}


1;
