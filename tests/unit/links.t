#!/usr/bin/perl
# Each link of a page leads to a file of the tree, and to a heading that the page has.

use lib 'tests/lib';
use IHanoi::Test;
use File::Basename qw(dirname);

my @pages = map { glob "'${\ tree()}/'$_" }
            qw(*.md */README.md docs/*.md docs/decisions/*.md plugins/*/README.md
               tests/fuzz/README.md bin/templates/template/README.md);
cmp_ok(scalar @pages, '>', 60, 'there are pages');


# Names of a page's headings, as GitHub makes them.
my %headings;
sub headings {
    my ($page) = @_;

    return $headings{$page} //= { map {
        my $name = lc(s/\[([^]]*)\]\([^)]*\)/$1/gr) =~ s/[^\w -]//gr =~ tr/ /-/r;
        $name => 1;
    } text_of($page) =~ s/^```.*?^```//gmsr =~ /^#+ (.+)$/mg };
}


for my $page (@pages) {
    my @nowhere;

    for my $link (text_of($page) =~ s/^```.*?^```//gmsr =~ /\]\(([^)\s]+)\)/g) {
        next if $link =~ /^\w+:/;

        my ($path, $heading) = split /#/, $link, 2;
        my $to = $path eq '' ? $page : dirname($page) . "/$path";

        push @nowhere, $link if !-e $to
                                || defined $heading && !headings($to)->{$heading};
    }

    is("@nowhere", '', $page =~ s{^\Q${\ tree()}\E/}{}r);
}

done_testing();
