# A citizen's account is erased: passes are nobody's as soon as they wait for no payment,
# and as good as they were.

use lib 'tests/lib', map { "plugins/$_/tests/lib" } qw(payments bus bus_pass);
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Passes::Test;

my ($gw, $db, $partners) = passes();

sub of { my ($id) = @_; return scalar sql("select concat_ws(' ', holder, state, price) from passes where id = '$id'") }
sub bought {
    my ($who, %what) = @_;
    my $sale = buy($who, %what)->{json};
    $partners->pay($sale->{payment}{checkout});
    state_is($who, $sale->{pass}{id}, 'active', "$who has a pass");
    return $sale->{pass}{id};
}

my $used = bought('rider-1', product => 'route', route => 'r1');
my $waits = buy('rider-1', product => 'route', route => 'r2')->{json}{pass}{id};
my $asked = buy('rider-1')->{json}{pass}{id};
my $others = bought('rider-2', product => 'route', route => 'r1');
my $code = read_pass('rider-1', $used)->{code};

is(plugin_erase($db, $gw, 'bus_pass', 'rider-1'), 'ok', 'the account is erased') or diag $gw->error_log;
is(of($used), "erased $used active 100000", 'what was paid is kept, as nobody\'s');
is($gw->get("/v1/bus-passes/checks/$code", token => token(sub => 'inspector', scope => 'bus:inspect'))->{json}{valid},
   JSON::PP::true, 'its code is as good as it was');
is(get('rider-1', "/$used")->{status}, 404, 'who comes back does not see it');
like(of($waits), qr/ rider-1 pending /, 'a pass that waits for its payment has its payer');
like(of($others), qr/ rider-2 active /, 'that of others stays');

my $new = bought('rider-1', product => 'route', route => 'r1');
is(plugin_erase_again($db, 'bus_pass', 'rider-1'), 'ok', 'the event comes once more');
like(of($new), qr/ rider-1 active /, '... and takes nothing from who has come back');

my $again = buy('rider-1')->{json};
is($again->{pass}{id}, $asked, 'who has come back asks for a pass that waits');
$partners->pay($again->{payment}{checkout});
state_is('rider-1', $asked, 'active', '... pays it');
is(sweep_now(), 'ok', '... and when what was before is looked after');
like(of($asked), qr/ rider-1 active /, '... has it');

sql("update passes set state = 'lapsed' where id = '$waits'");
is(sweep_now(), 'ok', 'when nobody pays the other one');
is(of($waits), "erased $waits lapsed 100000", '... it is nobody\'s too');
is(scalar sql('select count(*) from erased'), 0, 'and nothing says who that was');

# One whose payment is not known is found at payments by its payer, and then nobody's.
$partners->misbehave('momo.create' => 'lost');
buy('rider-3');
buy('rider-3', gateway => 'vnpay');
my $lost = sql("select id from passes where holder like '% rider-3' and payment is null");
plugin_erase($db, $gw, 'bus_pass', 'rider-3');
like(of($lost), qr/ rider-3 lapsed /, 'a pass that has lapsed and may be paid has its payer');
is(sweep_now(), 'ok', 'the sweep finds its payment');
is(of($lost), "erased $lost lapsed 200000", '... and it is nobody\'s');

like($db->sql_error("update plugin_bus_pass.passes set holder = 'a b' where id = '$others'"), qr/what a pass is about/,
     'nobody takes over a pass');
money_agrees('erased');

done_testing;
