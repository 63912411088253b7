#!/usr/bin/perl
# The README's console blocks do what they show. They run in one shell, in
# order, against a gateway with the demo data.

use FindBin;
use lib "$FindBin::Bin/../lib";
use IHanoi::Test;
use IHanoi::Test::Console;

my $issuer = 'https://dev.ihanoi.example';
my $tree = tree();

my $db = database();
system("'$tree/bin/ihanoi' demo --host '$db->{socket}' --port $db->{port}"
       . " --user postgres --dbname $db->{name} >/dev/null") == 0
    or die 'no demo data', "\n";

my $gw = gateway(db => $db, issuer => $issuer, locations => <<'CONF');
        location = /healthz       { ihanoi_status healthz; }
        location = /readyz        { ihanoi_status readyz; }
        location = /metrics       { ihanoi_status metrics; }
        location = /openapi.json  { ihanoi_status openapi; }
CONF

my @steps = console_steps("$tree/README.md", 'console');
cmp_ok(scalar @steps, '>', 10, 'the README shows requests');


# bin/ihanoi token signs with the checkout's development keys; here the
# gateway has the tests' keys, so the word means a token of those.

my %subjects = map { ($_ => token(sub => $_, iss => $issuer, assurance =>
                                  /citizen/ ? 'phone' : 'verified')) }
               qw(demo-citizen demo-officer demo-oversight);

console_ok(\@steps, in => $tree, change => sub {
    s{127\.0\.0\.1:8080}{'127.0.0.1:' . $gw->port}e;
    s{\$\(bin/ihanoi token --sub (\S+) [^)]*\)}{$subjects{$1} // die "no token for $1\n"}e;
});

done_testing;
