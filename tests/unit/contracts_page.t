#!/usr/bin/perl
# docs/contracts.md is what partners write by: its example loads, and its lists of
# keywords, formats, members and problems are those of the code.

use lib 'tests/lib';
use IHanoi::Test;
use File::Temp qw(tempdir);

my $page = text_of('docs/contracts.md');

my ($example) = $page =~ /^## A small document\n```json\n(.*?)^```/ms;

my $dir = tempdir(CLEANUP => 1);
open my $out, '>:encoding(UTF-8)', "$dir/benches.json" or die $!;
print {$out} $example;
close $out;

my @lines = split /\n/,
    qx{@{[ build_dir() ]}/contract operations $dir/benches.json 2>&1};

is($?, 0, 'the example loads') or diag(@lines);
is(scalar @lines, 2, 'with its two operations');
like($lines[1], qr/ id:uuid if_match:jsonb colour:text note:text$/,
     'and the arguments of the call that the page shows');

# Names in the first column or the whole table of a section, without prose.
sub quoted { return sort map { /`([^`]+)`/g } @_ }

my ($keywords) = $page =~ /with these keywords, in full:\n\n(.*?)\n\n/s;
my @documented = quoted($keywords);
my $schema = text_of('ngx_ihanoi_module/ihanoi_schema.c');
my @compiled = sort($schema =~ /^    ihanoi_keyword\("([^"]+)"/mg);

is("@documented", "@compiled", 'keywords are those of the compiler');

my ($formats) = $page =~ /^## Formats\n(.*?)\n\n/ms;
@documented = quoted(map { (split /\|/)[1] } grep { /^\| `/ }
                     split /\n/, $formats);
my $format = text_of('ngx_ihanoi_module/ihanoi_format.c');
@compiled = sort($format =~ /^    \{ "([^"]+)", /mg);

is("@documented", "@compiled", 'formats are those of the compiler');

my ($operation) = $page =~ /^## Operations\n(.*?)\n\n/ms;
@documented = quoted(map { (split /\|/)[1] } grep { /^\| `/ }
                     split /\n/, $operation);
my ($members) = text_of('ngx_ihanoi_module/ihanoi_operation.c')
    =~ /ihanoi_operation_members\[\] = \{(.*?)NULL/s;
@compiled = sort $members =~ /"([^"]+)"/g;

is("@documented", "@compiled", 'so are the members of an operation');

my ($problems) = $page =~ /^## Problems of the gateway\n(.*?)^## /ms;
@documented = quoted(map { (split /\|/)[1] } grep { /^\| `/ } split /\n/, $problems);
my $own = text_of('ngx_ihanoi_module/ngx_http_ihanoi_problem_document.c');
@compiled = sort $own =~ /^    (?:NGX_HTTP_IHANOI_PROBLEM\(|\{ ngx_string\()"([a-z-]+)"/mg;

is("@documented", "@compiled", "and the gateway's own problems");

done_testing();
