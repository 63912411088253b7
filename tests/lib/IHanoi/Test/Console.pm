package IHanoi::Test::Console;

# Commands that a document shows with what they print: fenced blocks of "$ command"
# lines, going on in "> " lines as shells show it, and the lines that follow each. "…"
# in what is shown stands for anything within the line.
#
#   my @steps = console_steps("$tree/README.md", 'console');
#   console_ok(\@steps, in => $tree, change => sub { s/8080/$port/ });
#
# Programs that run beside them, in a terminal of their own, are shown in the same way
# with what they print once they are ready. They end with what this returns.
#
#   my @running = map { console_program($_, in => $tree) } @steps;

use strict;
use warnings;
use utf8;
use Exporter 'import';
use File::Temp qw(tempdir);
use Test::More;

our @EXPORT = qw(console_steps console_ok console_program);


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
        } elsif ($inside && /^> (.*)/ && !@{ $steps[-1]{expected} }) {
            $steps[-1]{command} .= "\n$1";
        } elsif ($inside) {
            push @{ $steps[-1]{expected} }, $_;
        }
    }

    return @steps;
}


# Runs them in one shell, in order, and holds what each printed against what is shown.
# in: the folder; change: changes what is shown, in $_, before it runs; shell: what runs
# the script, by default bash.
sub console_ok {
    my ($steps, %arg) = @_;
    my $dir = tempdir(CLEANUP => 1);
    my $shell = $arg{shell} // 'bash';
    my @steps = map { changed($_, $arg{change}) } @$steps;
    my $script = join '', "cd '$arg{in}'\n",
        map { "$_->{command}\nprintf '\\n\\036\\n'\n" } @steps;

    open my $out, '>:encoding(UTF-8)', "$dir/script" or die "$!\n";
    print $out $script;
    close $out;
    chmod 0755, $dir;

    open my $pipe, '-|:encoding(UTF-8)', "$shell '$dir/script' 2>&1" or die "$shell: $!\n";
    my @outputs = split /\n\x{1e}\n/, do { local $/; <$pipe> };

    printed_ok($steps[$_], $outputs[$_]) for 0 .. $#steps;
    return;
}


# Starts a program and holds what it prints, until that is as many lines as are shown.
sub console_program {
    my ($shown, %arg) = @_;
    my $step = changed($shown, $arg{change});

    my $pid = open my $pipe, '-|:encoding(UTF-8)', "cd '$arg{in}' && exec $step->{command}"
        or die "$step->{command}: $!\n";
    printed_ok($step, join '', map { scalar <$pipe> // '' } @{ $step->{expected} });
    return bless { pid => $pid, pipe => $pipe }, __PACKAGE__;
}


sub DESTROY {
    my ($self) = @_;
    local $?;
    kill TERM => $self->{pid};
    close $self->{pipe};
    return;
}


sub changed {
    my ($step, $change) = @_;
    my ($command, @expected) = map { local $_ = $_; $change->() if $change; $_ }
                               $step->{command}, @{ $step->{expected} };

    return { command => $command, expected => \@expected };
}


# Holds what a command printed against what is shown.
sub printed_ok {
    my ($step, $got) = @_;
    my ($command, $expected) = @$step{qw(command expected)};
    my $pattern = join '\n', map {
        join '[^\n]*', map { quotemeta } split /…/, $_, -1
    } @$expected;

    $got //= '';
    $got =~ s/\r//g;
    $got =~ s/\s+\z//;
    $pattern =~ s/(?:\\ )+\z//;
    like($got, qr/\A$pattern\z/, $command =~ s/[^ -~]+/ /gr);
    return;
}


1;
