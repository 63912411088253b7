package IHanoi::Bench::Table;

# The table that a run of the bench prints, and the ratios in it.

use strict;
use warnings;
use utf8;
use Exporter 'import';
use IHanoi::Bench qw(median);

our @EXPORT = qw(row at_least at_most per_round rates rate print_table);

my @table;


# A row: what, its measured ratio, in which span half of the rounds were, the
# target as words, true when it is met, and the two figures behind it.
sub row {
    my (%row) = @_;
    push @table, \%row;
    return;
}


# Their ratios: one of each round, as per_round() gives them, or one alone.
sub at_least {
    my ($what, $ratios, $target, $detail) = @_;
    return row(what => $what, _measured($ratios),
               target => sprintf('>= %.2f', $target),
               ok => median(@$ratios) >= $target, detail => $detail);
}


sub at_most {
    my ($what, $ratios, $target, $detail) = @_;
    return row(what => $what, _measured($ratios),
               target => sprintf('<= %.2f', $target),
               ok => median(@$ratios) <= $target, detail => $detail);
}


# The median, and the quartiles: a target between them is neither met nor missed.
sub _measured {
    my ($ratios) = @_;
    my @sorted = sort { $a <=> $b } @$ratios;
    my @quartiles = @sorted[map { int($#sorted * $_ + 0.5) } 0.25, 0.75];

    return (measured => sprintf('%.2f', median(@sorted)),
            half => @sorted < 3 ? '' : sprintf '%.2f-%.2f', @quartiles);
}


# One measurement against another: each round's ratio. A machine that becomes
# slower or faster between two rounds does not change their median.
sub per_round {
    my ($all, $figure, $what, $against) = @_;
    my ($ours, $theirs) = map { $all->{$_}{$figure} } $what, $against;

    return [map { $ours->[$_] / $theirs->[$_] } 0 .. $#$ours];
}


sub rates {
    my ($all, @names) = @_;
    return sprintf '%.0f : %.0f per s', map { rate($all, $_) } @names;
}


# The median rate of a measurement. Answers that were not 2xx make it worthless.
sub rate {
    my ($all, $name) = @_;
    my $bad = 0;

    $bad += $_ for @{ $all->{$name}{bad} // [] };
    warn "\n$name: $bad answers were not 2xx\n" if $bad;
    return median(@{ $all->{$name}{rps} });
}


# The rows so far, if any. footer gives lines that say where they were measured.
sub print_table {
    my ($footer) = @_;
    my $format = "%-58s %9s  %-12s %-8s %-5s %s\n";

    return if !@table;
    print "\n";
    printf $format, 'what', 'measured', 'half are in', 'target', '',
           'behind it (medians)';
    printf $format, map { '-' x $_ } 58, 9, 12, 8, 5, 30;

    for my $row (@table) {
        printf $format, $row->{what}, $row->{measured}, $row->{half} // '',
               $row->{target}, $row->{ok} ? 'ok' : 'miss', $row->{detail};
    }

    print "\n", map { "$_\n" } $footer->();
    return;
}


1;
