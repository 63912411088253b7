#!/usr/bin/perl
# README's table and the pages that it leads to name every directive of the module's
# tables, and no other one.

use lib 'tests/lib';
use IHanoi::Test;

sub slurp {
    my ($file) = @_;
    open my $in, '<:encoding(UTF-8)', $file or die "$file: $!\n";
    local $/;
    return scalar <$in>;
}

my @sources = glob "'${\ tree()}/ngx_ihanoi_module/'*.c";
my @directives = sort map { slurp($_) =~ /\{ ngx_string\("([a-z_]+)"\),\s+NGX_HTTP_/g } @sources;
cmp_ok(scalar @directives, '>', 20, 'the module has directives');

my ($table) = slurp(tree() . '/README.md') =~ /^\| directive \|.*\n((?:\|.*\n)+)/m;
my @named = sort map { (split /\|/)[1] =~ /`(\w+)`/g } split /\n/, $table;
is_deeply(\@named, \@directives, 'README names them');

my @headings = sort map { split /, / } map { slurp($_) =~ /^###? ([a-z_, ]+)$/mg }
               glob "'${\ tree()}/docs/directives-'*.md";
is_deeply(\@headings, \@directives, 'and a page describes each');

done_testing();
