#!/usr/bin/perl
# From "ihanoi plugin new" to an answer: what partners and operators do, in folders
# that are called as people call theirs.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Command;
use IHanoi::Test::Cut;
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

# The template is the first operation of office_hours, and has nothing of its own.
for my $file (qw(plugin.json openapi.json handler.lua lib/calendar.lua lib/days.lua
                 tests/holidays.json))
{
    open my $fh, '<:encoding(UTF-8)', "$work/tree_care/$file" or die "$file: $!\n";
    my $text = do { local $/; <$fh> };
    is(own($file, $text, 'tree_care', $file =~ /^tests/ ? 'tests/hours.json' : undef), '',
       "new: $file is a cut of office_hours");
}
is(own('handler.lua', "local _M = {}\n_M.of = 1\nreturn _M\n", 'x'), '_M.of = 1', 'which another line is not');
is(own('plugin.json', '{"limits":{"cpu":"21ms"}}', 'x'), '/limits/cpu', 'nor another value');

# Two of them in one gateway.
ihanoi(qw(plugin new bench --into), $dir);

my $gw = gateway(
    http => "ihanoi_plugin tree_care { path $dir/plugins/tree_care-0.1.0; public; }
             ihanoi_plugin bench { path $dir/bench; public; }",
    locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }',
    responses => 0,
);

my $r = $gw->get('/v1/tree_care/holidays?year=2026');
is($r->{status}, 200, 'the service answers');
is($r->{json}{items}[0]{name}{en}, "New Year's Day", 'as it was written');
is($gw->get('/v1/tree_care/holidays?year=2050')->{json}{year}, 2050, 'refuses what it does not know');
is($gw->get('/v1/tree_care/holidays?year=soon')->{status}, 400, 'the contract is kept');
is($gw->get('/v1/bench/holidays?year=2050')->{status}, 404, 'so is that of another one beside it');

done_testing();
