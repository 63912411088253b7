# A payment for passes that somebody asked for beside us is heard of, and left alone. Here
# rather than in passes.t, where all money for passes is some pass's.

use lib 'tests/lib', map { "plugins/$_/tests/lib" } qw(payments bus bus_pass);
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Passes::Test;

my ($gw, $db, $partners) = passes();

for my $reference ('by-hand-1', '00000000-0000-4000-8000-000000000000') {
    my $p = Payments::Test::pay_for($reference, 'momo', 10_000, service => 'bus_pass');
    $partners->pay($p->{json}{checkout});
    is(plugin_heard($db, 'bus_pass', "payload ->> 'reference' = '$reference'"), 'ok',
       "a payment that somebody else asked for: $reference");
}

done_testing;
