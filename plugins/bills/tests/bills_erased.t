# A citizen's account is erased: what is not bound by money goes, of orders what a receipt
# does not need, and nobody gets around a limit by it.

use lib 'tests/lib', map { "plugins/$_/tests/lib" } qw(payments catalogue bills);
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Bills::Test;

my ($gw, $db, $partners, $evn) = bills();
my $citizen = "$IHanoi::Test::ISSUER citizen-1";
my $yesterday = "now() - interval '25 hours'";

load_data();
$evn->customer('PD01000000001', name => 'Chủ hộ 1', address => 'Số 1, phố Thử', meter => '1234567');
$evn->bill('PD01000000001', 'B-1');

# As the owner, whose triggers know the plugin's tables by their short names.
sub change { return $db->sql("set search_path = plugin_bills; $_[0]") }
sub rows { my ($table, $where) = @_; return $db->sql("select count(*) from plugin_bills.$table where " . ($where // 'true')) }
sub save { my (%how) = @_; return ask(POST => '/codes', { customer => 'PD01000000001', label => 'Nhà' }, %how)->{json}{id} }
# Where in the tables of the plugin the citizen's name stands.
sub traces { return plugin_traces($db, 'bills', 'citizen-1') }

my $bill = bill_id('PD01000000001', 'B-1');
my $code = save();
is(ask(POST => "/codes/$code/prove", { meter => '1234567' })->{status}, 200, 'a citizen has a proved code');
is(ask(POST => "/$bill/disputes", { reason => 'reading', text => 'Chỉ số' })->{status}, 201, '... a dispute');
my $paid = topup('0961234567', 50_000);
pay($paid);
is(settled($paid, 'delivered'), 'delivered', '... a phone topped up');
my ($none, $open) = map { topup('0961234567', $_)->{json} } 20_000, 10_000;
change("update orders set state = 'cancelled', ended_at = now() where id = '$none->{id}'");

my %other = (-as => 'citizen-2');
my $others = save(%other);
lookup(code => 'PD01000000001', %other);
is(traces(), 'codes disputes lookups orders proofs', 'and stands in many tables');

is(plugin_erase($db, $gw, 'bills', 'citizen-1'), 'ok', 'the account is erased') or diag $gw->error_log;
is(rows('codes', "id = '$code'") + rows('disputes'), 0, 'codes and disputes are gone');
is(rows('codes', "id = '$others'"), 1, 'those of others stay');
is(bills_job('forget'), 'ok', 'the job that forgets');
is(traces(), 'erased lookups orders proofs', 'leaves what the limits of a day count');

my $new = save();
is(plugin_erase_again($db, 'bills', 'citizen-1'), 'ok', 'the event comes once more');
is(rows('codes', "id = '$new'"), 1, '... and takes nothing from who has come back');
ask(DELETE => "/codes/$new");

change("update orders set ended_at = $yesterday where ended_at is not null;
        update lookups set at = $yesterday; update proofs set at = $yesterday");
is(bills_job('forget'), 'ok', 'a day later');
is(traces(), 'erased orders', 'only an order that is not over says who it was');
is(rows('orders', "citizen = '$citizen' and id <> '$open->{id}'"), 0, '... no other');
is(rows('lookups', "citizen like '% citizen-2'"), 1, 'the look-ups of others stay');
is($db->sql("select concat_ws(' ', citizen, state, amount, phone, receipt is not null)
               from plugin_bills.orders where id = '$paid->{json}{id}'"),
   'erased delivered 50000 84961234567 t', 'what was paid is kept, for what and with its receipt, as nobody\'s');
is($db->sql("select concat_ws(' ', citizen, state, phone) from plugin_bills.orders where id = '$none->{id}'"),
   'erased cancelled', 'what nobody paid has no phone any more');
is(order_of($paid)->{status}, 404, 'who comes back does not see it');

pay($open);
settled($open, 'delivered');
change("update orders set ended_at = $yesterday where id = '$open->{id}'");
is(bills_job('forget'), 'ok', 'when that order is over too');
is(traces(), '', 'nothing says who it was');
like($db->sql_error("update plugin_bills.orders set citizen = 'a b' where citizen = 'erased'"), qr/orders_change/,
     'and nobody takes it over');

# A bill whose payment was begun before, and that who has come back pays.
my %back = (-as => 'citizen-3');
$bill = bill_id('PD01000000001', 'B-1', %back);
my $begun = pay_bill($bill, 217_836, %back);
is(plugin_erase($db, $gw, 'bills', 'citizen-3'), 'ok', 'somebody erases the account while paying');
my $anew = pay_bill($bill, 217_836, %back);
is($anew->{json}{id}, $begun->{json}{id}, 'comes back and goes on');
pay($anew);
is(settled($anew, 'delivered', %back), 'delivered', '... until it is paid');
change("update orders set ended_at = $yesterday where id = '$begun->{json}{id}'");
is(bills_job('forget'), 'ok', 'a day later');
is(order_of($begun, %back)->{state}, 'delivered', '... still has it');

sound('erased');

done_testing;
