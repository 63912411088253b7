#!/usr/bin/perl
# The schema of manifests that people read is the one that is compiled in.

use lib 'tests/lib';
use IHanoi::Test;

my $made = qx{@{[ tree() ]}/tests/tools/manifest-schema};
is($?, 0, 'tests/tools/manifest-schema runs');

open my $in, '<', tree() . '/ngx_ihanoi_module/ihanoi_manifest_schema.c'
    or die "ihanoi_manifest_schema.c: $!\n";
my $kept = do { local $/; <$in> };

ok($made eq $kept, 'ihanoi_manifest_schema.c is conf/plugin.schema.json')
    or diag('tests/tools/manifest-schema > '
            . 'ngx_ihanoi_module/ihanoi_manifest_schema.c');

done_testing();
