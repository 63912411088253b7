#!/usr/bin/perl
# The source list in `config` is the dependency order: a file includes project
# headers of files listed before it, and its own, only.

use lib 'tests/lib';
use IHanoi::Test;

my $dir = tree() . '/ngx_ihanoi_module';

my ($list) = text_of('config') =~ /^ihanoi_sources="(.*?)"/ms;
my @listed = $list =~ m{(\w+)\.c\b}g;
my %position;

for my $i (0 .. $#listed) {
    ok(!defined $position{$listed[$i]}, "$listed[$i].c is listed once");
    $position{$listed[$i]} = $i;
}

for my $file (sort glob "'$dir/*.[ch]'") {
    my ($name) = $file =~ m{(\w+)\.[ch]$};
    open my $in, '<', $file or die "$file: $!\n";

    for my $included (join('', <$in>) =~ /^#include [<"](\w*ihanoi\w*)\.h/mg) {
        my $line = "$name includes $included.h, which is listed before it";

        if (!defined $position{$included}) {
            # A header without a source of its own is a contract only.
            ok(!-f "$dir/$included.c", $line);
        } elsif (defined $position{$name}) {
            # A part (problem_document) knows the header of its whole (problem).
            ok($position{$included} <= $position{$name}
               || $name =~ /^\Q$included\E_/, $line);
        }
    }
}

# ngx_config.h decides which interfaces system headers show (_GNU_SOURCE), so
# it is seen before any other header; nginx 1.24 does not compile otherwise.
for my $file (sort glob "'$dir/ngx_*.[ch]'") {
    my ($name) = $file =~ m{([^/]+)$};
    open my $in, '<', $file or die "$file: $!\n";
    my ($first) = join('', <$in>) =~ /^#include [<"]([^>"]+)/m;

    like($first, qr/^ngx_(?:config|http_ihanoi_\w+)\.h$/,
         "$name begins with ngx_config.h");
}

for my $file (sort glob "'$dir/*.c'") {
    my ($name) = $file =~ m{(\w+)\.c$};
    ok(defined $position{$name}, "$name.c is listed in config");
}

done_testing();
