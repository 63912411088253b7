#!/usr/bin/perl
# docs/plugin-tutorial.md, followed to the letter: the files it shows are written,
# its commands are run in one shell, and say what it shows. "…" stands for anything
# in a line, and alone for any lines.

use lib 'tests/lib';
use utf8;
use File::Temp qw(tempdir);
use IHanoi::Test;
use IHanoi::Test::Command;
use IHanoi::Test::Cut;

my $tree = tree();
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;

# Steps: a file, or a command with what it says.
open my $in, '<:encoding(UTF-8)', "$tree/docs/plugin-tutorial.md" or die "$!\n";
my ($block, $file, @steps);

while (<$in>) {
    chomp;

    if (defined $block) {
        if (/^```$/) {
            undef $block;
        } elsif ($block eq 'file') {
            $steps[-1]{text} .= "$_\n";
        } elsif (/^\$ (.*)/) {
            push @steps, { command => $1, says => [] };
        } else {
            push @{ $steps[-1]{says} }, $_;
        }
    } elsif (/^`(offices\/\S+)`$/) {
        $file = $1;
    } elsif (/^```(\w+)/) {
        $block = $1 eq 'console' ? 'console' : 'file';
        if ($block eq 'file') {
            $file // die "a block of $1 has no file\n";
            push @steps, { file => $file, text => '' };
            undef $file;
        }
    }
}

cmp_ok(scalar(grep { $_->{command} } @steps), '>', 8, 'the tutorial has commands');

my $script = "cd '$dir' && PWD='$tree'\n";
for my $step (@steps) {
    if ($step->{file}) {
        $script .= "mkdir -p \"\$(dirname $step->{file})\"\n"
                 . "cat > $step->{file} <<'END_OF_FILE'\n$step->{text}END_OF_FILE\n";
    } else {
        $script .= "$step->{command}\n";
    }
    $script .= "printf '\\n\\036%d\\n' \$?\n";
}

open my $out, '>:encoding(UTF-8)', "$dir/script" or die "$!\n";
print $out $script;
close $out;

sanitizer_options();
open my $pipe, '-|:encoding(UTF-8)', "bash '$dir/script' 2>&1" or die "bash: $!\n";
my $all = do { local $/; <$pipe> };
close $pipe;
my @said = split /^\x{1e}(\d+)\n/m, $all;

for my $step (@steps) {
    my ($got, $status) = splice @said, 0, 2;
    my $what = $step->{file} // $step->{command};

    is($status, 0, $what) or diag $got;
    next if !$step->{says} || !@{ $step->{says} };

    my $pattern = join '\n', map {
        $_ eq '…' ? '(?s:.*)' : join '[^\n]*', map { quotemeta } split /…/, $_, -1
    } @{ $step->{says} };
    $got =~ s/\s+\z//;
    like($got, qr/\A$pattern\z/, "$what: says what is shown");
}

# Each file is that of office_hours with parts left out; the tests are of its own.
for my $step (grep { $_->{file} && $_->{file} !~ m{/tests/} } @steps) {
    my $name = $step->{file} =~ s{^offices/}{}r;
    is(own($name, $step->{text}, 'offices'), '', "$name is a cut of office_hours");
}

done_testing;
