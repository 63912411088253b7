#!/usr/bin/perl
# sql/schema.sql is what the migrations make: whoever reads it, or the diff of
# a change, reads what the database has.

use lib 'tests/lib';
use IHanoi::Test;
use File::Temp ();

my $made = File::Temp->new;
my $committed = tree() . '/sql/schema.sql';

is(system(tree() . "/tests/tools/schema > $made"), 0, 'a migrated database is dumped');
cmp_ok(-s $made, '>', 50_000, 'whole');

open my $fh, '-|:encoding(UTF-8)', 'diff', '-u', '--label', 'sql/schema.sql',
     '--label', 'a migrated database', $committed, $made or die "diff: $!\n";
my @diff = <$fh>;
close $fh;

ok(!@diff, 'the committed dump is what the migrations make')
    or diag('not so; "make schema" renews it, read the diff before:', "\n",
            @diff[0 .. ($#diff < 99 ? $#diff : 99)]);

open $fh, '<:encoding(UTF-8)', $committed or die "$!\n";
my @lines = <$fh>;
is(join('', grep { /code_\d|\b20\d\d_\d\d\b|Dumped|restrict [A-Za-z0-9]{20}|\btest_\d/ } @lines),
   '', 'it names no release, day, machine or version');

# A schema that a migration makes is not left out, for dump-schema knows them by name.
my @schemas = map { $_->[0] } database()->sql(
    "select nspname from pg_namespace where nspowner = 'ihanoi_owner'::regrole "
    . "and nspname !~ '^code_' order by nspname");
is_deeply([map { /^CREATE SCHEMA (\w+);/ ? $1 : () } @lines], \@schemas,
          'it has every schema of the owner but the releases');

done_testing();
