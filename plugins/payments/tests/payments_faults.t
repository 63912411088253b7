# Gateways that are slow, broken, silent or forged, in each call to them: money
# is taken once, given back once, and found again.

use lib 'tests/lib', 'plugins/payments/tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin qw(plugin_jobs_rest);
use Payments::Test;

my ($gw, $db, $partners) = payments();

# Time in which a gateway that answers late (after 3 s) has done what it does.
sub later { select undef, undef, undef, 3.2 }



# Making an order at MoMo: whatever becomes of the answer, asking again with the
# same reference goes on with the same order.

for my $mode (qw(late 500 done-500 lost drop half)) {
    my $reference = "create-$mode";
    $partners->misbehave('momo.create' => $mode);
    my $r = pay_for($reference, 'momo', 20_000);
    is($r->{status}, 503, "create, $mode: no checkout") or diag $r->{content};
    like($r->{json}{type}, qr/payment-gateway-away$/, "create, $mode: the gateway is away");
    $r = pay_for($reference, 'momo', 20_000);
    is($r->{status}, 201, "create, $mode: the next try");
    $partners->pay($r->{json}{checkout});
    is(read_of($r)->{state}, 'succeeded', "create, $mode: is paid");
}
is($db->sql('select count(*) from plugin_payments.intents'), 6, 'six intents');
is(scalar(keys %{ $partners->orders }), 6, 'and six orders');

# The answer is lost and nobody asks again, but somebody pays.
$partners->misbehave('momo.create' => 'drop');
pay_for('abandoned', 'momo', 20_000);
my ($id, $number) = @{ ($db->sql("select id, number from plugin_payments.intents where reference = 'abandoned'"))[0] };
$partners->pay({ url => $partners->url . "/momo/pay/$number" }, callback => 0);
sweep();
is(read_of({ id => $id })->{state}, 'succeeded', 'an order that only the gateway knows of is found');
balanced('orders');


# Asking what became of a payment

for my $gateway (qw(momo vnpay)) {
    my $request = $gateway eq 'momo' ? 'momo.query' : 'vnpay.querydr';

    for my $mode (qw(late 500 done-500 lost drop half), $gateway eq 'vnpay' ? 'forged' : ()) {
        my $p = pay_for("query-$gateway-$mode", $gateway, 20_000)->{json};
        $partners->pay($p->{checkout}, callback => 0);
        $partners->misbehave($request => $mode);
        is(sweep()->{status}, 200, "$request, $mode: the sweep goes on");
        is(read_of($p)->{state}, 'pending', "$request, $mode: nothing is believed");
        sweep();
        is(read_of($p)->{state}, 'succeeded', "$request, $mode: the next try");
    }
}

# Expiry needs an answer: silence is none.
again(settings => { expires => 1 });
my $p = pay_for('silence', 'momo', 20_000)->{json};
select undef, undef, undef, 1.2;
$partners->misbehave('momo.query' => 'lost', '500');
sweep(), sweep();
is(read_of($p)->{state}, 'pending', 'nothing expires while the gateway is silent');
sweep();
is(read_of($p)->{state}, 'expired', 'but when it has said that nobody paid');
again();


# A gateway that hangs is asked once a run, and is sent no refund, which would be unclear.
my @hung = map { pay_for("hung-$_", 'vnpay', 20_000)->{json} } 1 .. 4;
my $beside = pay_for('beside', 'momo', 20_000)->{json};
$partners->pay($_->{checkout}, callback => 0) for @hung, $beside;
my $waits = paid('waits', 'vnpay', 20_000);
$db->sql("set search_path = plugin_payments;
          insert into refunds (receipt, intent, amount, reason, key, requested_by)
          select receipt, id, amount, 'x', 'k', 'i' from intents where id = '$waits->{id}'");
my $questions = $partners->asked('vnpay.querydr');
$partners->misbehave('vnpay.querydr' => ('late') x 4);
is(sweep()->{status}, 200, 'a gateway hangs');
is($partners->asked('vnpay.querydr') - $questions, 1, '... and is asked once');
is(read_of($beside)->{state}, 'succeeded', '... others as ever');
is(refund_of($waits)->{state}, 'requested', '... and a refund waits');
$partners->misbehave('vnpay.querydr');
sweep();
is(refund_of($waits)->{state}, 'done', '... until it is there again');
is(join(' ', map { read_of($_)->{state} } @hung), join(' ', ('succeeded') x 4), '... with all the rest');
my $given = keys %{ $partners->refunds };


# Giving money back

# MoMo can be asked about a refund: what is unclear is cleared up.
for my $mode (qw(late 500 done-500 lost drop half)) {
    my $p = paid("refund-momo-$mode", 'momo', 20_000);
    $partners->misbehave('momo.refund' => $mode);
    my $r = refund($p);
    is("$r->{status} $r->{json}{state}", '201 sent', "momo.refund, $mode: unclear");
    is(read_of($p)->{state}, 'succeeded', "momo.refund, $mode: until it is clear");
    is(refund($p)->{status}, 409, "momo.refund, $mode: and nothing more can be asked for");
    later() if $mode eq 'late';

    $partners->misbehave('momo.refund/query' => 'lost');
    sweep();
    is(read_of($p)->{state}, 'succeeded', "momo.refund, $mode: still unclear");
    sweep();
    is(read_of($p)->{state}, 'refunded', "momo.refund, $mode: done");
}
is(keys(%{ $partners->refunds }) - $given, 6, 'six refunds, once each');

# VNPAY cannot: what is unclear is not sent again, the file of the day decides.
my %unclear;
for my $mode (qw(late 500 done-500 lost drop half forged rejected)) {
    $unclear{$mode} = paid("refund-vnpay-$mode", 'vnpay', 20_000);
    $partners->misbehave('vnpay.refund' => $mode);
    is(refund($unclear{$mode}, 5_000)->{json}{state}, 'sent', "vnpay.refund, $mode: unclear");
}
is_deeply([sort map { $_->{payment_number} } values %{ { left() } }], [sort map { $_->{number} } values %unclear],
          'vnpay.refund: people see what is unclear');
my $asked = $partners->asked('vnpay.refund');
later();
sweep(), sweep();
is($partners->asked('vnpay.refund'), $asked, 'vnpay.refund: nothing is sent again');
is(keys(%{ $partners->refunds }) - $given, 6 + 5, 'vnpay.refund: five of them were done');
my $report = reconcile('vnpay')->{json};
is_deeply([map { $_->{kind} } @{ $report->{differences} }], [('refund-missing-there') x 3],
          'the file names the three that were not');
is_deeply([sort map { $_->{payment_number} } values %{ { left() } }], [sort map { $_->{number} } @unclear{qw(500 lost rejected)}],
          'and so does the list of what people do');
for my $mode (sort keys %unclear) {
    my $done = $mode !~ /^(?:500|lost|rejected)$/;
    is(read_of($unclear{$mode})->{state}, $done ? 'partly_refunded' : 'succeeded',
       "vnpay.refund, $mode: the file knows");
    next if $done;
    my $refund = refund_of($unclear{$mode});
    my $r = $gw->post("/v1/payments/refunds/$refund->{id}/settle", token => token_for('operate'),
                      json => { outcome => 'refused', why => 'not in the file' });
    is($r->{json}{state}, 'refused', "vnpay.refund, $mode: a person decides");
    is(refund($unclear{$mode}, 5_000)->{json}{state}, 'done', "vnpay.refund, $mode: and it can be asked for again");
}
is(keys(%{ $partners->refunds }) - $given, 6 + 8, 'eight refunds of VNPAY, once each');

# A connection that was refused has carried nothing: it is sent again.
my $refused = paid('refused', 'vnpay', 20_000);
my $closed = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
$gw->reload(locations => $gw->{locations} =~ s{(location \^~ /_vnpay \{ internal; proxy_pass )[^;]+}
                                              {$1http://127.0.0.1:$closed}r);
is(refund($refused)->{json}{state}, 'sent', 'nobody listens');
again();
sweep();
is(read_of($refused)->{state}, 'refunded', 'it is sent when somebody does');
balanced('refunds');


# Files

for my $mode (qw(500 lost drop half late)) {
    $partners->misbehave('momo.statement' => $mode);
    my $r = reconcile('momo');
    is("$r->{status} $r->{json}{type}", '503 urn:ihanoi:problem:payment-file-away', "a file, $mode: none");
}
is($db->sql('select count(*) from plugin_payments.reconciliations'), 1, 'nothing was reconciled by those');
my $qr = pay_for('statement', 'vietqr', 20_000)->{json};
$partners->pay($qr->{checkout});
$partners->misbehave('vietqr.statement' => 'half');
sweep();
is(read_of($qr)->{state}, 'pending', 'half a statement is none');
sweep();
is(read_of($qr)->{state}, 'succeeded', 'a whole one is one');
is(reconcile($_)->{json}{agrees}, JSON::PP::true, "in the end $_ and we agree")
    or diag explain reconcile($_)->{json}{differences} for qw(momo vnpay vietqr);
balanced('all of it');


# After an outage: a run of the job asks about 19, and there are more.
my $many = "from plugin_payments.intents where reference like 'many-%'";
pay_for("many-$_", 'momo', 10_000) for 1 .. 60;
$db->sql("set search_path = plugin_payments; update intents set check_at = now() where reference like 'many-%';
          update core.plugin_jobs set next_at = core.now() where plugin = 'payments' and job = 'sweep'");
wait_until(sub { !$db->sql("select count(*) $many and checks = 0") });
is($db->sql("select count(*) $many and checks = 0"), 0, 'what has gathered is asked about without a pause');
plugin_jobs_rest($db, 'payments');

done_testing;
