# Officers give money back in payments, without asking here: an order says what has gone
# back, nothing goes back twice, and what has gone back is not sent.

use lib 'tests/lib', map { "plugins/$_/tests/lib" } qw(payments catalogue bills);
use IHanoi::Test;
use Bills::Test;

my ($gw, $db, $partners, $companies) = bills(
    settings => { topup_citizen_day => 100_000_000, settle => 3600, patience => 1.5 });
my $code = $db->sql("select nspname from pg_namespace where nspname like 'code_bills_%'");
load_data();
my $n = 0;

sub order { return topup(sprintf('096%07d', ++$n), 50_000)->{json} }

# As an officer does; the payment's state after it.
sub give_back {
    my ($order, $amount) = @_;
    my $payment = { id => order_of($order)->{payment} };
    my $r = Payments::Test::refund($payment, $amount);
    $r->{status} == 201 or die "no refund: $r->{content}\n";
    return Payments::Test::read_of($payment)->{state};
}

# Waits until an order says that so much has gone back; its state.
sub gone {
    my ($order, $amount) = @_;
    wait_until(sub { (order_of($order)->{refunded} // 0) == $amount }) or return 'not gone';
    return order_of($order)->{state};
}

sub refunds { return scalar keys %{ $partners->refunds } }

# What was sent has had time to arrive.
sub long_ago { $db->sql("update plugin_bills.orders set sent_at = sent_at - interval '1 day' where sent_at is not null"); return }


# The company has it: the order stays delivered, and says what has gone back.
my $o = order();
pay($o);
is(settled($o, 'delivered'), 'delivered', 'a phone is topped up');
ok(!exists order_of($o)->{refunded}, 'nothing has gone back');
my $changed = order_of($o)->{changed_at};
is(give_back($o, 20_000), 'partly_refunded', 'an officer gives a part back');
is(gone($o, 20_000), 'delivered', 'the order says so, and is delivered');
isnt(order_of($o)->{changed_at}, $changed, '... and that it has changed');
my $receipt = ask(GET => "/orders/$o->{id}/receipt")->{json};
is("$receipt->{amount} $receipt->{refunded}", '50000 20000', '... and so does the receipt');
is($db->sql("set search_path = $code, plugin_bills, public;
             select order_payment(id, payment, 'partly_refunded', 60, null, null, 10000) ->> 'refunded'
               from orders where id = '$o->{id}'"), 20_000, 'older news changes nothing');
is(give_back($o), 'refunded', 'the officer gives the rest back');
is(gone($o, 50_000), 'delivered', '... which the order says, too');
sweep_bills() for 1 .. 2;
is(refunds(), 2, 'nothing else goes back');
is($companies->sent->{ $o->{id} }{n}, 1, '... and the company was told once');
my ($sum) = grep { $_->{state} eq 'delivered' } @{ ask(GET => '/report', undef, -scope => 'bills:audit')->{json}{states} };
is("$sum->{amount} $sum->{refunded}", '50000 50000', 'the report says what has gone back of what was delivered');

$companies->bill('PD07000000001', 'R-1', amount => 100_000);
my $bill = bill_id('PD07000000001', 'R-1');
$o = pay_bill($bill, 100_000)->{json};
pay($o);
settled($o, 'delivered');
give_back($o);
is(gone($o, 100_000), 'delivered', 'a bill whose money has gone back');
is(ask(GET => "/$bill")->{json}{state}, 'paid', '... is paid: the company has it');
is(pay_bill($bill, 100_000)->{json}{type}, 'urn:ihanoi:problem:bill-paid', '... and is not paid again');


# Nobody knows yet whether the company has it: its word decides.
for my $case (['done-500', 'delivered', 20_000], ['pending', 'refunded', 50_000]) {
    my ($mode, $state, $back) = @$case;
    $o = order();
    $companies->misbehave('carrier.topup' => $mode);
    pay($o);
    wait_until(sub { $companies->sent->{ $o->{id} } });
    is(settled($o, 'sending'), 'sending', "$mode: nobody knows");
    $companies->misbehave('carrier.topup/read' => '500');       # which the news leads to
    give_back($o, 20_000);
    is(gone($o, 20_000), 'sending', '... when a part goes back');
    $companies->decide($o->{id}, state => 'refused', code => 'closed') if $mode eq 'pending';
    my $before = refunds();
    sweep_bills();
    is(settled($o, $state), $state, "... the company says so: $state");
    is(order_of($o)->{refunded}, $back, '... and so much has gone back');
    is(refunds() - $before, $state eq 'refunded' ? 1 : 0, '... the rest of what was refused, and nothing else');
}


# The company surely has not got it: it is not sent any more, and the rest goes back.
$o = order();
$companies->misbehave('carrier.topup' => 'lost');
my $asked = $companies->asked('carrier.topup');
pay($o);
wait_until(sub { $companies->asked('carrier.topup') == $asked + 1 });
is(settled($o, 'sending'), 'sending', 'the company has not heard, but might have');
give_back($o, 20_000);
is(gone($o, 20_000), 'sending', '... when a part goes back');
long_ago();
sweep_bills() for 1 .. 2;
is(settled($o, 'refunded'), 'refunded', '... and when it has surely not, the rest does') or diag explain order_of($o);
is(order_of($o)->{why}, 'payment partly_refunded', '... and the order says why');
is($companies->asked('carrier.topup'), $asked + 1, '... it is not told again');

for my $part (undef, 20_000) {
    my $what = $part ? 'a part' : 'all';
    $o = order();
    my $closed = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
    my $server = $gw->{server};
    $gw->reload(server => $server =~ s{127\.0\.0\.1:\d+}{127.0.0.1:$closed}gr);
    pay($o);
    wait_until(sub { $db->sql("select why from plugin_bills.orders where id = '$o->{id}'") });
    is(order_of($o)->{state}, 'sending', 'nobody listens at the company');
    my $before = refunds();
    give_back($o, $part);
    is(settled($o, 'refunded'), 'refunded', "... $what goes back: nothing is to be sent any more");
    is(refunds() - $before, $part ? 2 : 1, '... and nothing goes back twice');
    $gw->reload(server => $server);
    sweep_bills();
    is($companies->sent->{ $o->{id} }, undef, '... nor is the company told when it listens');
}

# As above, before anybody has even tried: there is no time for that from outside.
$o = order();
is($db->sql("set search_path = $code, plugin_bills, public;
    select order_payment('$o->{id}', '$o->{payment}', 'succeeded', 60) ->> 'state'"), 'paid', 'an order is paid');
$db->sql("set search_path = $code, plugin_bills, public;
    select order_payment('$o->{id}', '$o->{payment}', 'partly_refunded', 60, null, null, 1)");
is($db->sql("set search_path = $code, plugin_bills, public;
    select state || ' ' || may_send || ' ' || sends from order_due(60, '$o->{id}')"), 'refused false 0',
   '... and is not sent when a part of it has gone back');
like($db->sql_error("set search_path = plugin_bills; update orders set refunded = 0 where id = '$o->{id}'"),
     qr/what went back stays so/, '... which stays so');
like($db->sql_error("set search_path = plugin_bills; update orders set refunded = 50001 where id = '$o->{id}'"),
     qr/orders_refunded_within/, '... and is never more than was paid');
pay($o);
give_back($o, 1);
sweep_bills();
is(settled($o, 'refunded'), 'refunded', '... the rest goes back');


# Paid twice, and whether one of them is back nobody knows: the other one does not wait for it.
$o = topup('0961234567', 50_000, gateway => 'vnpay')->{json};
$companies->misbehave('carrier.topup' => 'pending');
pay($o);
settled($o, 'sending');
my $payment = Payments::Test::read_of({ id => order_of($o)->{payment} });
$partners->callback($payment->{number}, vnp_TransactionNo => 4711);
$partners->misbehave('vnpay.refund' => 'lost');
Payments::Test::sweep();
is(Payments::Test::refund_of($payment)->{state}, 'sent', 'what came twice is left to people');
$companies->decide($o->{id}, state => 'refused', code => 'closed');
sweep_bills();
is(settled($o, 'refunded'), 'refunded', '... what the company refuses goes back beside it') or diag explain order_of($o);

# A gateway that refuses is asked again, ever less often: people may give it back by hand.
$o = order();
$companies->misbehave('carrier.topup' => 'pending');
pay($o);
settled($o, 'sending');
$payment = Payments::Test::read_of({ id => order_of($o)->{payment} });
my $known = $partners->orders->{ $payment->{number} };
$partners->know(orders => $payment->{number}, transaction => 1);
$companies->decide($o->{id}, state => 'refused', code => 'closed');
sweep_bills() for 1 .. 12;
is(settled($o, 'refunding'), 'refunding', 'a gateway refuses');
is($db->sql("select due_at > now() + interval '12 hours' from plugin_bills.orders where id = '$o->{id}'"), 't',
   '... after some times it is asked about once a day');
$partners->know(orders => $payment->{number}, transaction => $known->{transaction});
my $r = Payments::Test::refund($payment, undef, undef, by_hand => JSON::PP::true);
sweep_bills();
is(settled($o, 'refunding'), 'refunding', '... until people give it back') or diag explain order_of($o);
$gw->post("/v1/payments/refunds/$r->{json}{id}/settle", token => Payments::Test::token_for('operate'),
          json => { outcome => 'done', why => 'UNC 14' });
is(settled($o, 'refunded'), 'refunded', '... which the order hears at once');

sound('given back by officers');

done_testing;
