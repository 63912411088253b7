# From a payment to what is settled: entries and exits as the operator tells them,
# cancellations, no-shows, refunds, and an operator that misbehaves.

use lib 'tests/lib', 'plugins/payments/tests/lib', 'plugins/parking/tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Parking::Test;

my ($gw, $db, $partners, $operator) = parking();

sub problem { my ($r) = @_; return "$r->{status} " . (($r->{json}{type} // '') =~ s/.*://r) }
sub right { return ($operator->rights->{ $_[0]{code} } // {})->{state} }
# What the city still has of a booking's payment.
sub balance_of {
    return $db->sql("select r.amount - r.promised from plugin_payments.receipts r where r.intent = '$_[0]{payments}[0]{id}'");
}
sub reason_of { return $db->sql("select reason || ' / ' || reason_en from plugin_payments.refunds where intent = '" . now_read($_[0])->{payments}[0]{id} . "'") }

# A site that is closed between the quote and the hold

my $q = quote();
$db->sql('update plugin_parking.sites set in_service = false');
is(problem(hold_r($q)), '422 parking-closed', 'a site that its operator has closed sells no place');
$db->sql('update plugin_parking.sites set in_service = true; update plugin_parking.openings set minutes = 1');
is(problem(hold_r($q)), '422 parking-closed', '... nor when its hours have changed');
$db->sql('update plugin_parking.openings set minutes = 1440');

# Payment

my $b = hold(quote(in => 8), plate => '29X112345');
is(problem(pay_r($b, gateway => 'barter')), '422 parking-gateway-unknown', 'a gateway that nobody knows');
my $p = pay($b);
is("$p->{payment}{state} $p->{payment}{amount}", 'pending 12000', 'a payment is begun') or diag explain $p;
is(pay($b, key => 'pay-again')->{payment}{id}, $p->{payment}{id}, 'again is the same');
ok($p->{booking}{hold_until} gt $p->{payment}{expires_at}, 'the place is held until the payment is over');
is(right($b), undef, 'the operator knows nothing yet');
$partners->pay($p->{payment}{checkout});
is(job(), 'ok', 'the job') or diag $gw->error_log;
soon($b, 'paid 12000 0', 'it is paid');
is(right($b), 'paid', 'and the operator knows');
is($operator->rights->{ $b->{code} }{plate}, '29X112345', 'with the plate');
is(problem(pay_r($b)), '409 parking-nothing-to-pay', 'it is paid once');

# A worker has died before the answer was kept.
$db->sql('delete from core.idempotency_keys');
my $again = pay_r($b, key => 'pay-again');
is("$again->{status} $again->{json}{booking}{state} $again->{json}{payment}{id} $again->{json}{payment}{state}",
   "201 paid $p->{payment}{id} succeeded", 'asked again by the same key it is what was paid');
$db->sql('delete from core.idempotency_keys');
is(problem(pay_r($b, key => 'pay-again', gateway => 'vnpay')), '409 parking-nothing-to-pay', '... and not by another gateway');
my $r = $gw->get("/v1/parking/bookings/$b->{id}/receipt", token => as());
is("$r->{json}{number} $r->{json}{total}", "$b->{code} 12000", 'there is a receipt') or diag $r->{content};

# Two gateways: one is left for another, and both are paid.
my $two = hold(quote());
my $first = pay($two);
my $second = pay($two, gateway => 'vnpay', key => 'pay-second');
isnt($second->{payment}{id}, $first->{payment}{id}, 'another gateway is another payment');
$partners->pay($first->{payment}{checkout});
$partners->pay($second->{payment}{checkout});
soon($two, 'paid 24000 12000', 'of two that were paid, one goes back');
is(problem(pay_r($two, key => 'pay-third')), '409 parking-nothing-to-pay', '... and another one is not begun');
$db->sql('delete from core.idempotency_keys');
is(problem(pay_r($two, gateway => 'vnpay', key => 'pay-second')), '409 parking-paid-late', '... as whoever asks for it again is told');
my $left = hold(quote(in => 10));
$first = pay($left);
pay($left, gateway => 'vnpay');
$partners->pay($first->{payment}{checkout});
soon($left, 'paid 12000 0', 'of two that were begun, one is paid');

# What is due is not what the payment that was left open is about.
my $short = began($left, 150);
tell('entered', $short, 'arrive+0'), tell('exited', $short, 'leave+20');
is(pay($short, gateway => 'vnpay')->{payment}{amount}, 2_000, 'what is due is asked for, with the gateway of an open payment');
$db->sql("do 'declare n int; begin
              update plugin_parking.charges set state = ''void'' where booking = ''$short->{id}'' and state = ''open'';
              for n in 1..10 loop
                  insert into plugin_parking.charges (id, booking, purpose, amount, gateway)
                  values (gen_random_uuid(), ''$short->{id}'', ''overstay'', 2000, ''momo'');
                  update plugin_parking.charges set state = ''void'' where booking = ''$short->{id}'' and state = ''open'';
              end loop; end'");
is(pay_r($short)->{status}, 201, 'what is owed may be tried again, however often it has failed');

# Entry and exit, in any order and as often as it likes

is(tell('exited', $b, 4), 'early', 'an exit before the entry waits');
is(now_read($b)->{state}, 'paid', '... and changes nothing');
is(tell('entered', $b, 1, id => 'in-1'), 'applied', 'the entry');
my $n = now_read($b);
is("$n->{state} $n->{due}", 'settled 0', '... and then both are known: who leaves earlier pays as booked');
is(tell('entered', $b, 1, id => 'in-1'), 'repeated', 'the same event again');
is(tell('entered', $b, 2), 'repeated', 'another one that says the same');
is(tell('exited', $b, 3), 'repeated', 'nor another exit');
is(verdicts({ type => 'entered', at => at(0), code => $two->{code} }, operator => 'other', key => 'test-other'),
   'unknown', "another operator's bookings are not its business");
is(tell('entered', { code => 'P00000000000' }, 0), 'unknown', 'a booking that nobody knows');

# An event about money may have told it before, or be at it: the sweep passes it over.
wait_until(sub { sweep(); right($b) eq 'settled' });
is(right($b), 'settled', 'what is settled is told, by the job at the latest');

# A stay of two hours that began so many minutes ago.
sub stay { return began(paid(in => 10), $_[0]) }

$b = stay(130);
is(tell('entered', $b, 'arrive-10'), 'applied', 'it enters');
is(tell('exited', $b, 'leave+10'), 'applied', 'and leaves, both within the minutes of grace');
is(now_read($b)->{state}, 'settled', 'which cost nothing');

$b = stay(150);
is(tell('entered', $b, 'arrive+20'), 'applied', 'it comes later');
is(tell('exited', $b, 'leave+11'), 'applied', 'and stays longer');
$n = now_read($b);
is("$n->{state} $n->{due}", 'exited 1100', 'the rest is due');
$db->sql("delete from core.idempotency_keys;
          update plugin_parking.charges set key = 'my-key' where booking = '$b->{id}'");
$p = pay($b, key => 'my-key');
is("$p->{payment}{state} $p->{payment}{amount}", 'pending 1100', 'and is paid, though by the key of the stay, days ago');
$partners->pay($p->{payment}{checkout});
soon($b, 'settled 13100 0', '... so it is settled');
$db->sql('delete from core.idempotency_keys');
is(pay($b, key => 'my-key')->{payment}{id}, $p->{payment}{id}, '... and told of, asked again by that key');
is($gw->get("/v1/parking/bookings/$b->{id}/receipt", token => as())->{json}{total}, 13_100, 'the receipt has both');
is(tell('collected', $b, 'leave+12', amount => 1_100), 'late', 'what is collected after that is nothing that was due');

$b = stay(150);
my @early = (['collected', $b, 'leave+21', amount => 5, id => 'early-1'],
             ['collected', $b, 'leave+22', amount => 2_000, id => 'early-2']);
is(tell(@$_), 'early', 'collected before the exit: it waits') for @early;
is(tell('entered', $b, 'arrive+0'), 'applied', 'the entry');
is(now_read($b)->{state}, 'entered', '... and goes on waiting');
is(tell('exited', $b, 'leave+20'), 'applied', 'the exit');
is(now_read($b)->{state}, 'settled', 'what was collected on the spot settles it');
is(join(' ', map { tell(@$_) } @early), 'amount repeated', '... and told again, each says what became of it');

$b = stay(150);
tell('entered', $b, 'arrive+0'), tell('exited', $b, 'leave+20');
is(tell('collected', $b, 'leave+21', amount => 5), 'amount', 'another amount than is due');
$p = pay($b);
is(tell('collected', $b, 'leave+21', amount => 2_000), 'applied', 'it pays on the spot');
is(tell('collected', $b, 'leave+21', amount => 2_000), 'repeated', '... however often that is told');
$partners->pay($p->{payment}{checkout});
soon($b, 'settled 14000 2000', 'and online too: that goes back');
is(tell('exited', $b, 10), 'future', 'what has not happened yet');

# An early bird has its place, and pays, from when it came.
$b = paid(in => 60);
my $free = quote(in => 1, minutes => 30)->{available};
tell('entered', $b, 0);
is(quote(in => 1, minutes => 30)->{available}, $free - 1, 'who comes much earlier takes a place from then on');
$b = began(paid(in => 60), 0);
tell('entered', $b, 'arrive-45');
tell('exited', $b, 0);
is(now_read($b)->{due}, 4_500, 'who comes much earlier pays for it');

# A barrier whose clock was never set.
$b = stay(150);
is(verdicts({ type => 'entered', code => $b->{code}, at => '1970-01-01T00:00:00Z' }), 'applied', 'it enters in 1970');
$n = now_read($b);
is($n->{entered_at}, $n->{created_at}, '... and not before it was booked');
tell('exited', $b, 'leave+0');
cmp_ok(now_read($b)->{due}, '<', 1_500, 'nor pays for years');

# Giving it back

$b = paid(in => 90);
cancel($b);
soon($b, 'refunded 12000 12000', 'more than an hour before: all of it');
is(reason_of($b), 'Gửi xe: hủy đặt chỗ / Parking: cancelled', 'and the payer reads why');
is(cancel($b)->{state}, 'refunded', 'again is nothing');
is(right($b), 'cancelled', 'the operator knows');
is(tell('entered', $b, 0), 'late', 'and nobody enters with it');
$b = paid(in => 30);
cancel($b);
soon($b, 'refunded 12000 6000', 'half an hour before: half of it');
$b = paid(in => 5);
$n = cancel($b);
is("$n->{state} $n->{refunded}", 'cancelled 0', 'five minutes before: nothing');
$b = paid(in => 5);
tell('entered', $b, 0);
is(problem(cancel_r($b)), '409 parking-not-cancellable', 'who is in does not cancel');
$b = hold(quote());
$p = pay($b);
is(cancel($b)->{state}, 'cancelled', 'a hold is given back');
is(problem($gw->get("/v1/parking/bookings/$b->{id}/receipt", token => as())), '409 parking-not-paid',
   'and has no receipt');
$partners->pay($p->{payment}{checkout});
soon($b, 'refunded 12000 12000', 'what is paid after that goes back');
is(reason_of($b), 'Gửi xe: thanh toán thừa hoặc đến muộn / Parking: paid twice, or too late', '... which is another reason');

# The gateway is away: what goes back is promised, and goes when it can.
$b = paid(in => 90);
$partners->misbehave('momo.refund' => '500');
$n = cancel($b);
is("$n->{state} $n->{payments}[0]{refund}{state}", 'cancelled requested', 'a refund that is unclear is not done');
Payments::Test::sweep();
soon($b, 'refunded 12000 12000', 'until it is');

# Money that comes when the hold is over
$b = hold(quote());
$p = pay($b);
later($b, 60);
sweep();
is(now_read($b)->{state}, 'expired', 'a hold expires');
is(problem(pay_r($b, key => 'pay-over')), '409 parking-hold-over', '... and nothing is to be paid');
$partners->pay($p->{payment}{checkout});
soon($b, 'refunded 12000 12000', 'what comes later goes back');
for (['vi', 'Số tiền 12.000 đồng được hoàn lại. Vui lòng xem tình trạng hoàn tiền trong lượt đặt chỗ.'],
     ['en', '12,000 đồng go back. The booking says how far that is.'])
{
    $r = pay_r($b, key => "pay-$_->[0]", language => $_->[0]);
    is(problem($r), '409 parking-paid-late', 'who paid then, and asks again');
    is($r->{json}{detail}, $_->[1], "... is told so ($_->[0])");
}

$b = hold(quote());
$p = pay($b);
my $other = pay($b, gateway => 'vnpay');
later($b, 60);
$partners->pay($_->{payment}{checkout}) for $p, $other;
soon($b, 'refunded 24000 24000', 'what came twice, and too late, goes back twice');
is(pay_r($b, key => 'pay-late')->{json}{amount}, 24_000, '... and all of it is what one is told');

$b = hold(quote());
$p = pay($b);
later($b, 60);
$partners->pay($p->{payment}{checkout});
soon($b, 'refunded 12000 12000', 'also when nobody has looked since it was over');

# An officer gives back in payments by hand, before and after parking has to.
$b = hold(quote());
$p = pay($b);
later($b, 60);
sweep();
$db->sql("alter table plugin_payments.intents disable trigger intents_tell");
$partners->pay($p->{payment}{checkout});
is(Payments::Test::refund({ id => $p->{payment}{id} })->{json}{state}, 'done', 'by hand, before parking has heard of the money');
soon($b, 'refunded 12000 12000', '... which asks for nothing more');
$b = hold(quote());
$p = pay($b);
$partners->pay($p->{payment}{checkout});
Payments::Test::refund({ id => $p->{payment}{id} });
sweep();
is(now_read($b)->{state}, 'held', 'what has gone back already pays for no place');
$db->sql("alter table plugin_payments.intents enable trigger intents_tell");
$b = paid(in => 90);
Payments::Test::refund({ id => $b->{payments}[0]{id} }, 5_000);
soon($b, 'paid 12000 5000', 'a part by hand: the booking says so');
is($gw->get("/v1/parking/bookings/$b->{id}/receipt", token => as())->{json}{total}, 7_000, '... and its receipt');
cancel($b);
soon($b, 'refunded 12000 12000', 'a part by hand, and all of it is given up: what is left goes back');
is(balance_of($b), 0, '... and nothing is left');
$b = paid(in => 90);
Payments::Test::refund({ id => $b->{payments}[0]{id} });
cancel($b);
soon($b, 'refunded 12000 12000', 'all of it by hand, and then it is given up');
$b = paid(in => 90);
$partners->misbehave('momo.refund' => 'drop');
is(Payments::Test::refund({ id => $b->{payments}[0]{id} }, 5_000)->{json}{state}, 'sent', 'a part by hand, of which nobody knows what became');
$db->sql("set search_path = plugin_payments; update refunds set due_at = now() + interval '1 day' where state = 'sent'");
cancel($b);
soon($b, 'cancelled 12000 7000', '... is not said to be back');
Payments::Test::sweep();
soon($b, 'refunded 12000 12000', '... until it is');
$b = paid(in => 90);
$partners->misbehave('momo.refund' => 'lost');
my $part = Payments::Test::refund({ id => $b->{payments}[0]{id} }, 5_000)->{json};
is($part->{state}, 'sent', 'a part by hand, which the gateway has not got');
$db->sql("set search_path = plugin_payments; update refunds set due_at = 'infinity' where id = '$part->{id}'");
cancel($b);
soon($b, 'cancelled 12000 7000', '... as nobody knows at first');
$r = $gw->post("/v1/payments/refunds/$part->{id}/settle", token => Payments::Test::token_for('operate'),
               json => { outcome => 'refused', why => 'x' });
is($r->{status}, 200, '... until somebody has found out');
soon($b, 'refunded 12000 12000', '... and it is asked for again');
is(balance_of($b), 0, '... and nothing is left');

# A gateway refuses what is to go back, and people give it back in parts.
$b = paid(in => 30);
my $number = Payments::Test::read_of({ id => $b->{payments}[0]{id} })->{number};
my $transaction = $partners->orders->{$number}{transaction};
$partners->know(orders => $number, transaction => 1);
cancel($b);
is(now_read($b)->{payments}[0]{refund}{state}, 'refused', 'a gateway refuses what is to go back');
$partners->know(orders => $number, transaction => $transaction);
Payments::Test::refund({ id => $b->{payments}[0]{id} }, 2_000);
soon($b, 'cancelled 12000 2000', '... of which people have given back a part');
Payments::Test::refund({ id => $b->{payments}[0]{id} }, 4_000);
soon($b, 'refunded 12000 6000', '... and the rest: it is refunded');
is(now_read($b)->{payments}[0]{refund}{state}, 'done', '... and says so');

# They do before parking has heard that it was refused.
$b = paid(in => 30);
$partners->misbehave('momo.refund' => 'drop');
cancel($b);
$db->sql("set search_path = plugin_payments;
          update refunds set state = 'refused', finished_at = now() where state = 'sent' and intent = '$b->{payments}[0]{id}'");
is(now_read($b)->{payments}[0]{refund}{state}, 'requested', 'what is refused later is not known at once');
Payments::Test::refund({ id => $b->{payments}[0]{id} }, 6_000);
wait_until(sub { now_read($b)->{refunded} == 6_000 });
soon($b, 'refunded 12000 6000', '... and people have given it back by then: it is refunded');

# A payment for parking that is of no booking: it is heard of, and left alone.
$p = Payments::Test::pay_for('by-hand', 'momo', 10_000)->{json};
$partners->pay($p->{checkout}, outcome => 'failed');
is(plugin_heard($db, 'parking', "payload ->> 'reference' = 'by-hand'"), 'ok',
   'a payment that somebody else asked for');

# The gateway is switched off while somebody pays, and who pays looks again.
$b = hold(quote());
$p = pay($b);
Payments::Test::again(settings => { gateways => '["vnpay"]' });
is(pay($b)->{payment}{id}, $p->{payment}{id}, 'a payment that was begun goes on') or diag $gw->error_log;
$partners->pay($p->{payment}{checkout});
soon($b, 'paid 12000 0', 'and is of the stay');
Payments::Test::again();

# Nobody comes
$db->sql("update plugin_parking.operators set no_show_percent = 30 where id = 'demo'");
$b = paid();
# A stay begins with its minute, so that is a minute less at most.
later($b, 2 * 60 + 120 + 57);
sweep();
is(now_read($b)->{state}, 'paid', 'less than an hour after the stay is over');
later($b, 4);
soon($b, 'refunded 12000 3600', '... it is a no-show, and goes back as the terms say');
is(reason_of($b), 'Gửi xe: không đến / Parking: not used', '... and why');
wait_until(sub { sweep(); right($b) eq 'no_show' });
is(right($b), 'no_show', 'the operator knows');
is(tell('entered', $b, 0), 'late', 'and who comes now is late');
$b = began(paid(), 150);
is(tell('exited', $b, 'leave-10'), 'early', 'an exit without its entry');
later($b, 31);
sweep();
is(now_read($b)->{state}, 'settled', '... is a stay when the time to enter is over') or diag explain now_read($b);

# A gateway that hangs while much is left open: what else the sweep does has its turn.
$operator->misbehave(('500') x 20);
$b = paid();
$operator->misbehave();
Payments::Test::again(settings => { patience => 2 });
my @held = map { hold(quote()) } 1 .. 12;
$db->sql("insert into plugin_parking.charges (id, booking, purpose, amount, gateway)
          select gen_random_uuid(), unnest('{" . join(',', map { $_->{id} } @held) . "}'::uuid[]), 'stay', 12000, 'momo'");
$partners->misbehave('momo.create' => ('late') x 12);
sweep();
is(right($b), 'paid', 'a gateway hangs, and operators are told');
$partners->misbehave('momo.create');
Payments::Test::again();
cancel($_) for @held;

# One operator that does not answer keeps no word of payments from others.
$operator->misbehave('500');
my ($silent, $heard) = map {
    my $b = hold(quote());
    $partners->pay(pay($b)->{payment}{checkout});
    wait_until(sub { now_read($b)->{state} eq 'paid'
                     && $db->sql("select count(*) from plugin_parking.notices where booking = '$b->{id}' and attempts > 0") });
    $db->sql('update plugin_parking.notices set due_at = now() where delivered_at is null');
    $b;
} 1 .. 2;
wait_until(sub { right($heard) });
is(right($heard), 'paid', 'word of a payment: its operator is told');
is(right($silent), undef, '... and of no other booking');

# Nor time of a run: it is tried once. Of a stay that is to come it is told however long it
# was silent.
sub told {
    my ($what, $where) = @_;
    return $db->sql("select $what from plugin_parking.notices where " . ($where // 'true'));
}
sub unheard {
    my $b = hold(quote(@_));

    # No sweep: it would try another's notice, and this one nobody any more.
    $partners->pay(pay($b)->{payment}{checkout});
    wait_until(sub { (told('sum(attempts)', "booking = '$b->{id}'") || 0) > 0 }) or die "nobody was told of $b->{id}\n";
    return now_read($b);
}
$operator->misbehave(('lost') x 20);
unheard() for 1 .. 3;
my $tries = told('sum(attempts)');
sweep();
is(told('sum(attempts)') - $tries, 1, 'who does not answer is not asked again in the same run');
$operator->misbehave(('500') x 20);
$b = unheard(in => 90);
my $old = "booking = '$b->{id}' and type = 'booking.paid'";
$db->sql("update plugin_parking.notices set attempts = 1000 where $old");
sweep();
is(told('given_up_at', $old), undef, 'a notice is not given up before the stay is over');
began($b, 300);
sweep();
ok(defined told('given_up_at', $old), '... but then');
$operator->misbehave();

# Word of many payments is lost, and operators are to be told much: a run of the sweep
# tells no more than it may, and what it does not come to has not failed.
$db->sql('alter table plugin_payments.intents disable trigger intents_tell');
for my $n (20, 15) {
    $operator->misbehave($n == 20 ? ('500') x 40 : ());
    $partners->pay(pay(hold(quote(in => 300 + 10 * $n)))->{payment}{checkout}) for 1 .. $n;
    sweep();
}
$db->sql('alter table plugin_payments.intents enable trigger intents_tell');
unlike($gw->error_log, qr/too many calls/, 'nothing is asked of operators that may not be asked any more');

# An operator that misbehaves hears each notice, once
for my $mode (qw(slow late 500 done-500 lost drop half)) {
    $operator->misbehave($mode);
    my $b = paid();
    select undef, undef, undef, 3 if $mode eq 'late';
    ok(wait_until(sub {
        sweep();
        return $db->sql("select count(*) from plugin_parking.notices
                         where booking = '$b->{id}' and delivered_at is not null") == 1;
    }), "$mode: we know that it was told");
    is($operator->rights->{ $b->{code} }{told}, 1, "$mode: it knows, and counted once");
}
$operator->misbehave(('500') x 20);
$b = paid(in => 90);
cancel($b);
is(right($b), undef, 'while the first notice is not heard');
is((grep { /^booking.cancelled/ } ($operator->seen)[-1])[0], undef, 'the second is not sent');
$operator->misbehave();
wait_until(sub { sweep(); (right($b) // '') eq 'cancelled' });
is($operator->rights->{ $b->{code} }{told}, 2, 'then both are known') or diag explain $operator->rights->{ $b->{code} };
is(right($b), 'cancelled', 'in their order');

# What was published
is($db->sql(q{select string_agg(o.payload->>'state', ' ' order by o.id) from core.outbox o
              where o.topic = 'parking' and o.event = 'changed' and o.subject = '} . $b->{id} . q{'}),
   'held paid cancelled refunded', 'the city is told of each change');

sound('stays');
done_testing;
