# Workers and the database killed in the middle of each step that moves money: what was
# paid is delivered once, or given back once, and found again.

use lib 'tests/lib', map { "plugins/$_/tests/lib" } qw(payments catalogue bills);
use IHanoi::Test;
use IHanoi::Test::Durable;
use Bills::Test;
use Time::HiRes qw(sleep time);

# fsync is on, and a crash is one.
my $durable = IHanoi::Test::Durable->new;
my ($gw, $db, $partners, $companies) = bills(db => $durable,
    payments => { patience => 1 }, settings => { patience => 4, settle => 6, topup_citizen_day => 100_000_000, topup_phone_day => 100_000_000 },
    expect_log => [qr/exited on signal 9/, qr/open socket/]);
load_data();

# All connections are made anew: those that write, those that read, of both plugins,
# and the core's, which keep the Idempotency-Keys.
sub ready {
    wait_until(sub {
        my $r = eval { officer(POST => '/sweep') };
        my $p = eval { Payments::Test::sweep() };
        my $read = eval { ask(GET => '/orders') };
        return $r && $r->{status} == 200 && $p && $p->{status} == 200 && $read && $read->{status} == 200;
    }, 60);
    return;
}

sub kill_workers { $gw->kill_workers; return }

sub crash_database { $db->crash; return }

# Kills when something has happened that was begun in a process of its own, and lets go
# of what was held().
sub killed_in {
    my ($code, $when, $kill, $held) = @_;
    my $pid = beside($code);
    ok(wait_until($when, 40), '... under way');
    $kill->();
    eval { $held->() } if $held;
    ready();
    waitpid $pid, 0;
    return;
}


# Keeps orders from being changed, until what is returned is called. Events pass a lock
# of the table, which has no transaction number; they would wait for one of a row.
sub held {
    my $session = $db->session;
    $session->do('begin; lock table plugin_bills.orders in exclusive mode');
    return sub { $session->do('rollback'); undef $session };
}

# Somebody waits for a lock.
sub waits { $db->sql(q{select count(*) from pg_stat_activity where wait_event_type = 'Lock'}) }

# All goes on until an order has ended.
sub ended {
    my ($id) = @_;
    return until_good(sub {
        sweep_bills();
        my $state = $db->sql("select state from plugin_bills.orders where id = '$id'");
        return $state =~ /^(?:delivered|refunded|cancelled)$/ && $state;
    });
}

my $n = 0;
my %order = (
    'evn.pay' => sub {
        my $number = 'K-' . ++$n;
        my $customer = $companies->customer(sprintf 'PD04%09d', $n);
        $companies->bill($customer, $number, amount => 100_000);
        return pay_bill(bill_id($customer, $number), 100_000)->{json};
    },
    'carrier.topup' => sub { return topup(sprintf('096%07d', ++$n), 10_000)->{json} },
);
my %kinds = (worker => \&kill_workers, database => \&crash_database);

$SIG{PIPE} = 'IGNORE';

for my $kind (sort keys %kinds) {
    my $kill = $kinds{$kind};

    # While payments makes the payment: the order is there, and nobody has its checkout.
    my @again = (sprintf('0979%06d', $n), 20_000, -as => "again-$kind", -key => "again-$kind");
    $partners->misbehave('momo.create' => 'late');
    my $made = $partners->asked('momo.create');
    killed_in(sub { topup(@again) }, sub { $partners->asked('momo.create') > $made }, $kill);
    # The key is free when the call might have lasted as long: let it be so late.
    $db->sql('update core.key_leases set until = core.now()');
    my $o = until_good(sub { my $r = topup(@again); $r->{status} == 201 && $r->{json} });
    is($db->sql("select count(*) from plugin_bills.orders where citizen like '% again-$kind'"), 1,
       "$kind killed while an order is made: one order");
    pay($o);
    is(ended($o->{id}), 'delivered', '... which is paid and delivered');

    # Both kinds go the same way: with a crash, which takes long, one is enough.
    for my $what ($kind eq 'worker' ? sort keys %order : 'evn.pay') {
        # While it is written down that the money came: it waits for a lock.
        $o = $order{$what}->();
        killed_in(sub { pay($o) }, \&waits, $kill, held());
        is(ended($o->{id}), 'delivered', "$kind killed when the money came, $what: delivered");

        # While the company is told: it does what it is told, and nobody hears of it.
        $o = $order{$what}->();
        $companies->misbehave($what => 'late');
        my $seen = $companies->asked($what);
        killed_in(sub { pay($o) }, sub { $companies->asked($what) > $seen }, $kill);
        is(ended($o->{id}), 'delivered', "$kind killed while the company is told, $what: found out");
        is($companies->sent->{ $o->{id} }{n}, 1, '... and done once');

        # The company has done it, and we are about to write it down.
        $o = $order{$what}->();
        $companies->misbehave($what => 'late');
        my $release;
        killed_in(sub { pay($o) }, sub {
            $release //= $companies->sent->{ $o->{id} } && held();
            return $release && waits();
        }, $kill, sub { $release->() });
        is(ended($o->{id}), 'delivered', "$kind killed when it is done, $what: found out");
        is($companies->sent->{ $o->{id} }{n}, 1, '... and done once');
    }

    # While what was refused is given back: payments has promised it, or MoMo has done it.
    $o = $order{'carrier.topup'}->();
    $companies->misbehave('carrier.topup' => 'refuse');
    $partners->misbehave('momo.refund' => 'late');
    my $refunds = keys %{ $partners->refunds };
    killed_in(sub { pay($o) }, sub { keys %{ $partners->refunds } > $refunds }, $kill);
    until_good(sub { Payments::Test::sweep(); sweep_bills(); order_of($o)->{state} eq 'refunded' });
    is(order_of($o)->{state}, 'refunded', "$kind killed while money goes back: it has gone");
    is(scalar(keys %{ $partners->refunds }), $refunds + 1, '... once');

    # While it is taken back, which waits for a lock; and while what is paid even so goes back.
    $o = $order{'carrier.topup'}->();
    killed_in(sub { cancel($o->{id}) }, \&waits, $kill, held());
    until_good(sub { cancel($o->{id})->{status} == 200 });
    is(order_of($o)->{state}, 'cancelling', "$kind killed while an order is taken back: it is, or is when asked again");
    $partners->misbehave('momo.refund' => 'late');
    $refunds = keys %{ $partners->refunds };
    killed_in(sub { pay($o) }, sub { keys %{ $partners->refunds } > $refunds }, $kill);
    until_good(sub { Payments::Test::sweep(); sweep_bills(); order_of($o)->{state} eq 'refunded' });
    is(order_of($o)->{state}, 'refunded', "$kind killed while what was paid for it goes back: it has gone");
    is(scalar(keys %{ $partners->refunds }), $refunds + 1, '... once');
    sound("$kind killed");
}


# All at once: orders, payers, second thoughts, refusals, notices and sweeps, while workers and the
# database are killed at any time.

my $end = time + 7;
my @pids;
$companies->customer('PD05000000000');
$companies->bill('PD05000000000', "S-$_", amount => 50_000) for 1 .. 60;

for my $who (1 .. 3) {
    push @pids, beside(sub {
        srand $who;
        my $bills;
        for (my $i = 0; time < $end; $i++) {
            my @as = (-as => "storm-$who");
            eval {
                my $r = lookup(code => 'PD05000000000', @as);
                $bills = $r->{json}{bills} if $r->{status} == 200;
            } if !$bills;
            my $o = eval { rand() < 0.5 || !$bills ? topup('0960000000', 10_000, @as)
                                                  : pay_bill($bills->[rand @$bills]{id}, 50_000, @as) };
            next if !$o || ($o->{status} // 0) != 201;
            my $cancels = rand() < 0.3 && beside(sub { cancel($o->{json}{id}, @as) });
            eval { pay($o, callback => rand() < 0.7) };
            eval { $companies->notice($o->{json}{kind} eq 'bill' ? 'evn' : 'viettel', $o->{json}{id}) } if rand() < 0.3;
            waitpid $cancels, 0 if $cancels;
        }
    });
}
push @pids, beside(sub { while (time < $end) { eval { sweep_bills() }; eval { Payments::Test::sweep() }; sleep 0.4 } });
push @pids, beside(sub {
    my @modes = qw(late 500 done-500 lost drop half stuck refuse pending);
    while (time < $end) {
        $companies->misbehave($_ => map { $modes[rand @modes] } 1 .. 3) for qw(evn.pay carrier.topup);
        $partners->misbehave($_ => qw(late drop)[rand 2]) for qw(momo.create momo.refund);
        sleep 1;
    }
});
for my $i (1 .. 3) {
    sleep 1.7;
    $i == 2 ? crash_database() : kill KILL => $gw->workers;
}
waitpid $_, 0 for @pids;
ready();
$companies->misbehave($_) for qw(evn.pay carrier.topup);
$partners->misbehave($_) for qw(momo.create momo.refund);
sleep 3.2;

# What is pending there is decided, and what was paid is heard of.
my $sent = $companies->sent;
$companies->decide($_, state => 'done', n => 1) for grep { $sent->{$_}{state} eq 'pending' } keys %$sent;
my $orders = $partners->orders;
my $paid = join ',', map { "'$_'" } 'none', grep { $orders->{$_}{state} eq 'paid' } keys %$orders;
until_good(sub {
    Payments::Test::sweep();
    sweep_bills();
    return ($db->sql("select count(*) from plugin_bills.orders o left join plugin_payments.intents i
                       on i.reference = o.id::text
                     where o.state not in ('delivered', 'refunded', 'cancelled')
                       and (i.number in ($paid) or o.state not in ('created', 'paying', 'cancelling'))") // 1) == 0;
}, 90);
is($db->sql("select count(*) from plugin_bills.orders where state not in
             ('delivered', 'refunded', 'cancelled', 'created', 'paying', 'cancelling')"), 0, 'the storm: nothing is left in the middle')
    or diag explain [map { [@$_] } $db->sql('select * from plugin_bills.orders')];
is($db->sql("select count(*) from (select bill from plugin_bills.orders where state = 'delivered' and kind = 'bill'
             group by bill having count(*) > 1) x"), 0, 'the storm: no bill was paid twice');
is($db->sql("select count(*) from plugin_payments.intents i join plugin_bills.orders o on o.id::text = i.reference
             where i.state in ('succeeded', 'partly_refunded') and o.state <> 'delivered'"), 0,
   'the storm: whose money was taken has what he paid for');
sound('the storm');
diag scalar $db->sql("select string_agg(state || ' ' || n, ', ') from (select state, count(*) as n
     from plugin_bills.orders group by 1 order by 1) x") if $ENV{VERBOSE};

done_testing;
