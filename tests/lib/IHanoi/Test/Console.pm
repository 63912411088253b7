package IHanoi::Test::Console;

# Commands that a document shows with what they print: fenced blocks of "$ command"
# lines and the lines that follow each. "…" in what is shown stands for anything
# within the line.
#
#   my @steps = console_steps("$tree/README.md", 'console');
#   console_ok(\@steps, in => $tree, change => sub { s/8080/$port/ });

use strict;
use warnings;
use utf8;
use Exporter 'import';
use File::Temp qw(tempdir);
use Test::More;

our @EXPORT = qw(console_steps console_ok);


# { command, expected => [lines] } of the blocks of a file whose fence has this word.
sub console_steps {
    my ($file, $fence) = @_;
    my ($inside, @steps);

    open my $in, '<:encoding(UTF-8)', $file or die "$file: $!\n";

    while (<$in>) {
        chomp;

        if (/^```/) {
            $inside = $_ eq "```$fence";
        } elsif ($inside && /^\$ (.*)/) {
            push @steps, { command => $1, expected => [] };
        } elsif ($inside) {
            push @{ $steps[-1]{expected} }, $_;
        }
    }

    return @steps;
}


# Runs them in one shell, in order, and holds what each printed against what is shown.
# in: the folder; change: changes a command, in $_, before it runs.
sub console_ok {
    my ($steps, %arg) = @_;
    my $dir = tempdir(CLEANUP => 1);
    my $script = "cd '$arg{in}'\n";

    for my $step (@$steps) {
        local $_ = $step->{command};
        $arg{change}->();
        $script .= "$_\nprintf '\\n\\036\\n'\n";
    }

    open my $out, '>:encoding(UTF-8)', "$dir/script" or die "$!\n";
    print $out $script;
    close $out;

    open my $pipe, '-|:encoding(UTF-8)', "bash '$dir/script' 2>&1" or die "bash: $!\n";
    my @outputs = split /\n\x{1e}\n/, do { local $/; <$pipe> };

    for my $i (0 .. $#$steps) {
        my ($command, $expected) = @{ $steps->[$i] }{qw(command expected)};
        my $got = $outputs[$i] // '';
        my $pattern = join '\n', map {
            join '[^\n]*', map { quotemeta } split /…/, $_, -1
        } @$expected;

        $got =~ s/\r//g;
        $got =~ s/\s+\z//;
        $pattern =~ s/(?:\\ )+\z//;
        like($got, qr/\A$pattern\z/, $command =~ s/[^ -~]/?/gr);
    }

    return;
}


1;
