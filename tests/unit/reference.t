#!/usr/bin/perl
# docs/host-functions.md and conf/lua/ihanoi.lua are those that the tables of
# host functions make.

use lib 'tests/lib';
use IHanoi::Test;
use File::Temp qw(tempdir);

my $nouns = build_dir() . '/nouns';
my $dir = tempdir(CLEANUP => 1);

ok(-x $nouns, 'what reads the tables is built') or diag('make all');

my $said = qx{@{[ tree() ]}/tests/tools/reference $nouns $dir 2>&1};
is($?, 0, 'tests/tools/reference runs') or diag($said);

my %text;

for my $file (qw(docs/host-functions.md conf/lua/ihanoi.lua)) {
    my $difference = qx{diff -u @{[ tree() ]}/$file $dir/$file 2>&1};

    is($difference, '', "$file is as the tables make it")
        or diag('make reference');

    open my $in, '<', "$dir/$file" or die "$file: $!\n";
    $text{$file} = do { local $/; <$in> };
}

# Nothing of a table is lost on the way, whatever way it is written in.
my ($page, $stubs) = @text{qw(docs/host-functions.md conf/lua/ihanoi.lua)};

for my $source (glob tree() . '/ngx_ihanoi_module/*ihanoi_host_*.c') {
    open my $in, '<', $source or die "$source: $!\n";

    for my $row (join('', <$in>) =~ /^\s*\{ ("\w+", "\w+"), \w+_host_/mg) {
        my ($noun, $name) = $row =~ /"(\w+)"/g;

        like($page, qr/^### ihanoi\.$noun\.$name\(/m,
             "ihanoi.$noun.$name() has its section");
        like($stubs, qr/^function ihanoi\.$noun\.$name\(.*\) end$/m,
             'and its stub');
    }
}

my %anchors = map { $_ => 1 }
              map { my $anchor = lc; $anchor =~ s/[^\w -]//g; $anchor =~ tr/ /-/;
                    $anchor } $page =~ /^##+ (.+)$/mg;

is(join(' ', grep { !$anchors{$_} } $page =~ /\]\(#([^)]+)\)/g), '',
   'links within the page lead somewhere');

done_testing();
