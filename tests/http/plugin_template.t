#!/usr/bin/perl
# From "ihanoi plugin new" to an answer: what partners and operators do.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Command;
use File::Temp qw(tempdir);

my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;

for my $who (qw(agency reviewer)) {
    system("openssl genpkey -algorithm ED25519 -out $dir/$who.pem "
           . "&& openssl pkey -in $dir/$who.pem -pubout -out $dir/$who.pub.pem")
        == 0 or die;
}

my $archive = "$dir/tree_care-0.1.0.plugin.tar.gz";
mkdir "$dir/plugins";

for my $step (['new', 'tree_care', '--into', $dir],
              ['check', '--strict', "$dir/tree_care"],
              ['test', "$dir/tree_care"],
              ['pack', "$dir/tree_care"],
              ['sign', '--key', "$dir/agency.pem", $archive],
              ['sign', '--review', '--key', "$dir/reviewer.pem", $archive],
              ['unpack', '--key', "$dir/agency.pub.pem",
               '--reviewer', "$dir/reviewer.pub.pem",
               '--into', "$dir/plugins", $archive])
{
    my ($rc, undef, $err) = ihanoi('plugin', @$step);
    is($rc, 0, "ihanoi plugin $step->[0]") or diag $err;
}

my $gw = gateway(
    http => "ihanoi_plugin tree_care { path $dir/plugins/tree_care-0.1.0; public; }",
    locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }',
    responses => 0,
);

my $r = $gw->get('/v1/tree_care/greeting?name=An');
is($r->{status}, 200, 'the service answers');
is_deeply($r->{json}, { text => 'Xin chào An!' }, 'as it was written');
is($gw->get('/v1/tree_care/greeting')->{json}{text}, 'Xin chào Hà Nội!',
   'to everybody');
is($gw->get('/v1/tree_care/greeting?name=')->{status}, 400,
   'the contract is kept');

done_testing();
