#!/usr/bin/perl
# README's tables and the pages that they lead to name every directive and variable of
# the module's tables, and docs every metric, and no other ones.

use lib 'tests/lib';
use IHanoi::Test;

my @sources = glob "'${\ tree()}/ngx_ihanoi_module/'*.c";
my @directives = sort map { text_of($_) =~ /\{ ngx_string\("([a-z_]+)"\),\s+NGX_HTTP_/g } @sources;
cmp_ok(scalar @directives, '>', 20, 'the module has directives');

my ($table) = text_of('README.md') =~ /^\| directive \|.*\n((?:\|.*\n)+)/m;
my @named = sort map { (split /\|/)[1] =~ /`(\w+)`/g } split /\n/, $table;
is_deeply(\@named, \@directives, 'README names them');

my @pages = map { s{^\Q${\ tree()}/\E}{}r } glob "'${\ tree()}/docs/directives-'*.md";
my %page = map { my $page = $_; map { ($_ => $page) } map { split /, / }
                 text_of($page) =~ /^###? ([a-z_, ]+)$/mg } @pages;
is_deeply([sort keys %page], \@directives, 'and a page describes each');

# A row without a link has that of the row above it.
my (%leads, $to);
for my $row (split /\n/, $table) {
    $to = $1 if $row =~ /\]\((\S+)\) \|$/;
    $leads{$_} = $to for (split /\|/, $row)[1] =~ /`(\w+)`/g;
}
is_deeply(\%leads, \%page, 'to which its row leads');

# "jwt_claim_" is a prefix, for which README has a name.
my @variables = sort map { text_of($_) =~ /\{ ngx_string\("([a-z_]+)"\), NULL,/g } @sources;
cmp_ok(scalar @variables, '>', 5, 'it has variables');

($table) = text_of('README.md') =~ /^\| variable \|.*\n((?:\|.*\n)+)/m;
@named = sort map { s/^(jwt_\w+_)name$/$1/r }
         map { (split /\|/)[1] =~ /`\$(\w+)`/g } split /\n/, $table;
is_deeply(\@named, \@variables, 'README names them');

my $pages = join '', map { text_of($_) } @pages;
is_deeply([grep { $pages !~ /^(?:\| `|\*\*)\$$_\b/m } @variables], [], 'and a page describes each');

my %metric = map { $_ => 1 } map { text_of($_) =~ /"(ihanoi_[a-z_]+)",/g } @sources;
cmp_ok(scalar keys %metric, '>', 30, 'it has metrics');

my %told = map { $_ => 1 } map { /`(ihanoi_[a-z_]+)`/g }
           map { text_of("docs/$_") =~ /^(\| `ihanoi_.*?) \|/mg }
           qw(metrics.md directives-plugin.md);
is_deeply([sort keys %told], [sort keys %metric], 'which are documented');

done_testing();
