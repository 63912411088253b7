package IHanoi::Bench::Table;

# The table that a run of the bench prints, and the ratios in it.

use strict;
use warnings;
use utf8;
use Exporter 'import';
use IHanoi::Bench qw(median);

our @EXPORT = qw(row at_least at_most per_round rates rate print_table);

my @table;


# A row: what, its measured ratio, the target as words, true when it is met,
# and the two figures behind it.
sub row {
    my (%row) = @_;
    push @table, \%row;
    return;
}


sub at_least {
    my ($what, $ratio, $target, $detail) = @_;
    return row(what => $what, measured => sprintf('%.2f', $ratio),
               target => sprintf('>= %.2f', $target),
               ok => $ratio >= $target, detail => $detail);
}


sub at_most {
    my ($what, $ratio, $target, $detail) = @_;
    return row(what => $what, measured => sprintf('%.2f', $ratio),
               target => sprintf('<= %.2f', $target),
               ok => $ratio <= $target, detail => $detail);
}


# One measurement against another: the median of the rounds' ratios. A machine
# that becomes slower or faster between two rounds changes neither's.
sub per_round {
    my ($all, $figure, $what, $against) = @_;
    my ($ours, $theirs) = map { $all->{$_}{$figure} } $what, $against;

    return median(map { $ours->[$_] / $theirs->[$_] } 0 .. $#$ours);
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
    my $format = "%-58s %9s  %-8s %-5s %s\n";

    return if !@table;
    print "\n";
    printf $format, 'what', 'measured', 'target', '', 'behind it (medians)';
    printf $format, '-' x 58, '-' x 9, '-' x 8, '-' x 5, '-' x 30;

    for my $row (@table) {
        printf $format, $row->{what}, $row->{measured}, $row->{target},
               $row->{ok} ? 'ok' : 'miss', $row->{detail};
    }

    print "\n", map { "$_\n" } $footer->();
    return;
}


1;
