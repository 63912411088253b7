# Workers and the database killed in the middle of each step that moves money:
# it is taken once, given back once, and found again.

use lib 'tests/lib', 'plugins/payments/tests/lib';
use IHanoi::Test;
use IHanoi::Test::Durable;
use Payments::Test;
use Time::HiRes qw(sleep time);

wait_for_day(240);

# fsync is on, and a crash is one.
my $durable = IHanoi::Test::Durable->new;
my ($gw, $db, $partners) = payments(db => $durable,
    expect_log => [qr/exited on signal 9/, qr/open socket/]);

# All connections are made anew, one after the other: those that write, those that
# read, and the core's, which keep the Idempotency-Keys.
sub ready {
    my $n = 0;

    wait_until(sub {
        my $r = eval { $gw->post('/v1/payments/00000000-0000-4000-8000-000000000000/check',
                                 token => token_for('none'),
                                 headers => { 'Idempotency-Key' => 'ready-' . ++$n }) };
        my $read = eval { $gw->get('/v1/payments/ledger', token => token_for('audit')) };
        return $r && $r->{status} == 404 && $read && $read->{status} == 200;
    }, 60);
    return;
}

sub kill_workers {
    $gw->kill_workers;
    ready();
    return;
}

sub crash_database {
    $db->crash;
    ready();
    return;
}

# Runs code beside, and kills when something has happened meanwhile.
sub killed_in {
    my ($code, $when, $kill) = @_;
    my $pid = beside($code);
    ok(wait_until($when, 10), '... under way');
    $kill->();
    waitpid $pid, 0;
    return;
}

sub asked {
    my ($request, $n) = @_;
    return sub { $partners->asked($request) >= $n };
}

# Somebody waits for a lock of this plugin's.
sub waits { $db->sql(q{select count(*) from pg_stat_activity where wait_event_type = 'Lock'}) }

my %kinds = (worker => \&kill_workers, database => \&crash_database);

$SIG{PIPE} = 'IGNORE';

for my $kind (sort keys %kinds) {
    my $kill = $kinds{$kind};

    # While a callback is applied: it waits for a lock, in its transaction.
    for my $gateway ($kind eq 'worker' ? qw(vnpay momo) : 'vnpay') {
        my $p = pay_for("callback-$gateway-$kind", $gateway, 20_000)->{json};
        $partners->pay($p->{checkout}, callback => 0);
        my $session = $db->session;
        $session->do("begin; select 1 from plugin_payments.intents where id = '$p->{id}' for update");
        killed_in(sub { $partners->callback($p->{number}) }, \&waits, $kill);
        eval { $session->do('rollback') };
        undef $session;
        like(read_of($p)->{state}, qr/^(?:pending|succeeded)$/, "$kind killed in a callback of $gateway: all or nothing");
        my $said = until_good(sub {
            my $r = $partners->callback($p->{number});
            my $code = $r->{json} ? $r->{json}{RspCode} : $r->{status};
            return $code =~ /^(?:00|02|204)$/ && $code;
        });
        ok($said, '... told again');
        is(read_of($p)->{state}, 'succeeded', '... it is paid');
        is($db->sql("select count(*) from plugin_payments.receipts where intent = '$p->{id}'"), 1, '... once');
    }

    # While MoMo gives money back: it does, and nobody hears of it.
    my $p = paid("refund-momo-$kind", 'momo', 20_000);
    $partners->misbehave('momo.refund' => 'late');
    my $seen = $partners->asked('momo.refund');
    killed_in(sub { refund($p, 5_000, "k-$kind") }, asked('momo.refund', $seen + 1), $kill);
    is(refund_of($p)->{state}, 'sent', "$kind killed while MoMo gives back: nobody knows");
    until_good(sub { sweep(); refund_of($p)->{state} ne 'sent' });
    is(refund_of($p)->{state}, 'done', '... it is asked');
    # A worker that lives has answered. Of one that died the key is free when the call
    # might have lasted as long: let it be so late.
    $db->sql('update core.key_leases set until = core.now()');
    is(until_good(sub { my $r = refund($p, 5_000, "k-$kind"); $r->{status} == 201 && $r->{json}{state} }),
       'done', '... the client asks again with its key') if $kind eq 'worker';
    is(read_of($p)->{refunded}, 5_000, '... and it was given once');

    # When the gateway has given back, and we are about to write it down.
    for my $gateway ($kind eq 'worker' ? qw(momo vnpay) : 'momo') {
        $p = paid("finish-$gateway-$kind", $gateway, 20_000);
        my $before = keys %{ $partners->refunds };
        my $session = $db->session;
        $partners->misbehave("$gateway.refund" => 'slow');
        my $pid = beside(sub { refund($p, 7_000) });
        wait_until(sub { keys %{ $partners->refunds } == $before + 1 });
        $session->do("begin; select 1 from plugin_payments.intents where id = '$p->{id}' for update");
        ok(wait_until(\&waits, 10), '... under way');
        $kill->();
        eval { $session->do('rollback') };
        undef $session;
        waitpid $pid, 0;
        until_good(sub { sweep(); reconcile($gateway); refund_of($p)->{state} eq 'done' });
        is(refund_of($p)->{state}, 'done', "$kind killed when $gateway has given back: found out");
        is(scalar(keys %{ $partners->refunds }), $before + 1, '... and given once');
    }

    # The rest goes the same way with a crash, which takes long.
    next if $kind ne 'worker';

    # While MoMo makes the order: it does, and nobody hears of it.
    my $reference = "create-$kind";
    $partners->misbehave('momo.create' => 'late');
    $seen = $partners->asked('momo.create');
    killed_in(sub { pay_for($reference, 'momo', 20_000) }, asked('momo.create', $seen + 1), $kill);
    $p = until_good(sub { my $r = pay_for($reference, 'momo', 20_000);
                          $r && $r->{status} == 201 && $r->{json} });
    is($db->sql("select count(*) from plugin_payments.intents where reference = '$reference'"), 1,
       "$kind killed while an order is made: one intent");
    is(scalar(grep { $_->{info} && $_->{amount} == 20_000 && $_->{state} eq 'open' } values %{ $partners->orders }), 1,
       '... one order');
    $partners->pay($p->{checkout});
    is(read_of($p)->{state}, 'succeeded', '... which can be paid');

    # While a payment is asked about.
    $p = pay_for("query-$kind", 'vnpay', 20_000)->{json};
    $partners->pay($p->{checkout}, callback => 0);
    $partners->misbehave('vnpay.querydr' => 'late');
    $seen = $partners->asked('vnpay.querydr');
    killed_in(sub { sweep() }, asked('vnpay.querydr', $seen + 1), $kill);
    until_good(sub { sweep()->{status} == 200 && read_of($p)->{state} ne 'pending' });
    is(read_of($p)->{state}, 'succeeded', "$kind killed while a payment is asked about: it is asked again");

    # The same with VNPAY, which cannot be asked.
    $p = paid("refund-vnpay-$kind", 'vnpay', 20_000);
    $partners->misbehave('vnpay.refund' => 'late');
    $seen = $partners->asked('vnpay.refund');
    killed_in(sub { refund($p, 5_000) }, asked('vnpay.refund', $seen + 1), $kill);
    sweep(), sweep();
    is(refund_of($p)->{state}, 'sent', "$kind killed while VNPAY gives back: nobody knows");
    is($partners->asked('vnpay.refund'), $seen + 1, '... it is not sent again');
    is(reconcile('vnpay')->{json}{agrees}, JSON::PP::true, '... the file of the day knows');
    is(refund_of($p)->{state}, 'done', '... it was done');

    # While a transfer is booked from the bank's statement: its intent is not locked, since
    # the sweep leaves out one that is.
    $p = pay_for("transfer-$kind", 'vietqr', 20_000)->{json};
    $partners->pay($p->{checkout});
    my $session = $db->session;
    $session->do('begin; lock table plugin_payments.receipts in share mode');
    killed_in(sub { sweep() }, \&waits, $kill);
    eval { $session->do('rollback') };
    undef $session;
    until_good(sub { sweep()->{status} == 200 && read_of($p)->{state} ne 'pending' });
    is(read_of($p)->{state}, 'succeeded', "$kind killed while a transfer is booked: the statement still has it");
    is($db->sql("select count(*) from plugin_payments.receipts where intent = '$p->{id}'"), 1, '... once');

    # While a person says that it was given back by hand.
    my $by_hand = refund($p)->{json}{id};
    my $settle = sub {
        return $gw->post("/v1/payments/refunds/$by_hand/settle", token => token_for('operate'),
                         json => { outcome => 'done', transaction => 'FT1', why => 'UNC 12' });
    };
    $session = $db->session;
    $session->do("begin; select 1 from plugin_payments.intents where id = '$p->{id}' for update");
    killed_in($settle, \&waits, $kill);
    eval { $session->do('rollback') };
    undef $session;
    ok(until_good(sub { $settle->()->{status} == 200 }), "$kind killed while a refund is settled: again, and it is done");
    is(read_of($p)->{refunded}, 20_000, '... once');

    # While a day is reconciled.
    $p = pay_for("file-$kind", 'momo', 20_000)->{json};
    $partners->pay($p->{checkout}, callback => 0);
    $session = $db->session;
    $session->do("begin; select 1 from plugin_payments.intents where id = '$p->{id}' for update");
    killed_in(sub { reconcile('momo') }, \&waits, $kill);
    eval { $session->do('rollback') };
    undef $session;
    until_good(sub { reconcile('momo')->{status} == 201 });
    is(read_of($p)->{state}, 'succeeded', "$kind killed while a day is reconciled: again, and it is booked");
}
balanced('all were killed');


# All at once: payers, callbacks, refunds and sweeps, while workers and the
# database are killed at any time. Then everybody's books are laid side by side.

my $end = time + 7;
my @pids;

for my $who (1 .. 4) {
    push @pids, beside(sub {
        srand $who;
        for (my $i = 0; time < $end; $i++) {
            my $gateway = qw(momo vnpay)[rand 2];
            my $r = eval { pay_for("storm-$who-$i", $gateway, 10_000 + 1_000 * int rand 9) };
            next if !$r || $r->{status} != 201;
            eval { $partners->pay($r->{json}{checkout}, callback => rand() < 0.7) };
            eval { $partners->callback($r->{json}{number}) } if rand() < 0.3;
            eval { refund($r, 1_000 * (1 + int rand 5), "storm-$who-$i") } if rand() < 0.5;
            eval { refund($r, 1_000, "storm-$who-$i-again") } if rand() < 0.2;
        }
    });
}
push @pids, beside(sub { while (time < $end) { eval { sweep() }; sleep 0.3 } });
push @pids, beside(sub {
    my @modes = qw(late 500 done-500 lost drop half);
    while (time < $end) {
        $partners->misbehave($_ => $modes[rand @modes], $modes[rand @modes])
            for qw(momo.create momo.refund momo.query vnpay.refund vnpay.querydr);
        sleep 1;
    }
});

for my $i (1 .. 3) {
    sleep 1.7;
    $i == 2 ? crash_database() : kill KILL => $gw->workers;
}
waitpid $_, 0 for @pids;
ready();
$partners->misbehave($_) for qw(momo.create momo.refund momo.query vnpay.refund vnpay.querydr);

# A payer may have paid what nobody has told us of; MoMo is asked, and VNPAY's file.
sleep 3.2;
my $orders = $partners->orders;
my $paid = join ',', map { "'$_'" } 'none', grep { $orders->{$_}{state} eq 'paid' } keys %$orders;
wait_until(sub {
    sweep();
    $db->sql("select count(*) from plugin_payments.intents
               where state in ('created', 'pending') and number in ($paid)") == 0
}, 60);
reconcile($_) for qw(momo vnpay);
wait_until(sub { sweep();
    $db->sql(q{select count(*) from plugin_payments.refunds f join plugin_payments.receipts r on r.id = f.receipt
               where r.gateway = 'momo' and f.state = 'sent'}) == 0 }, 60);

my $refunds = $partners->refunds;

# Of VNPAY's refunds some were never done: the file says so, and a person does.
for my $row (grep { defined $_->[0] } $db->sql(q{select id, number from plugin_payments.refunds where state = 'sent'})) {
    ok(!$refunds->{ $row->[1] }, 'a refund that the file does not have was not done');
    $gw->post("/v1/payments/refunds/$row->[0]/settle", token => token_for('operate'),
              json => { outcome => 'refused', why => 'not in the file' });
}

balanced('the storm');
for my $gateway (qw(momo vnpay)) {
    is_deeply(
        { map { @$_ } grep { defined $_->[0] } $db->sql("select i.number, r.amount from plugin_payments.receipts r
            join plugin_payments.intents i on i.id = r.intent where r.gateway = '$gateway'") },
        { map { $_ => $orders->{$_}{amount} } grep { $orders->{$_}{gateway} eq $gateway
                                                     && $orders->{$_}{state} eq 'paid' } keys %$orders },
        "the storm: $gateway has taken what we have booked, once each");
    is_deeply(
        { map { @$_ } grep { defined $_->[0] } $db->sql("select f.number, f.amount from plugin_payments.refunds f
            join plugin_payments.receipts r on r.id = f.receipt where r.gateway = '$gateway' and f.state = 'done'") },
        { map { $_ => $refunds->{$_}{amount} } grep { $refunds->{$_}{gateway} eq $gateway } keys %$refunds },
        "the storm: $gateway has given back what we have booked, once each");
    my $report = reconcile($gateway)->{json};
    is($report->{agrees}, JSON::PP::true, "the storm: the file of $gateway agrees")
        or diag explain $report;
}
diag scalar(keys %$orders), ' orders, ', scalar(keys %$refunds), ' refunds' if $ENV{VERBOSE};

done_testing;
