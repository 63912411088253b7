#!/usr/bin/perl
# From "ihanoi plugin new" to an answer: what partners and operators do, in folders
# that are called as people call theirs.

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

my $work = "$dir/Dự án d'été";
my $archive = "$work/tree_care-0.1.0.plugin.tar.gz";
mkdir $_ or die "$_: $!\n" for "$dir/plugins", $work, "$work/keys", "$work/keys/tree_care";
rename "$dir/$_.pub.pem", "$work/keys/tree_care/$_-1.pem" or die $! for qw(agency reviewer);

for my $step (['new', 'tree_care', '--into', $work],
              ['check', '--strict', "$work/tree_care"],
              ['test', "$work/tree_care"],
              ['pack', "$work/tree_care"],
              ['sign', '--key', "$dir/agency.pem", $archive],
              ['sign', '--review', '--key', "$dir/reviewer.pem", $archive],
              ['unpack', '--keys', "$work/keys", '--into', "$dir/plugins", $archive])
{
    my ($rc, undef, $err) = ihanoi('plugin', @$step);
    is($rc, 0, "ihanoi plugin $step->[0]") or diag $err;
    unlike($err, qr/ at \S+ line \d/, 'without a word of Perl\'s');
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
