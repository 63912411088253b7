# Orders that their citizens take back: the bill is free at once, and what is paid for them
# after all goes back, once.

use lib 'tests/lib', map { "plugins/$_/tests/lib" } qw(payments catalogue bills);
use IHanoi::Test;
use Bills::Test;
use POSIX ();

my %limits = map { $_ => 100_000_000 } qw(topup_citizen_day topup_phone_day);
my ($gw, $db, $partners, $companies) = bills(payments => { expires => 4, patience => 2 },
    settings => { %limits, lookups_an_hour => 1000, customers_a_day => 1000, open_orders => 100 });
load_data();
my $n = 0;

sub bill {
    my $number = 'X-' . ++$n;
    my $customer = $companies->customer(sprintf 'PD06%09d', $n);
    $companies->bill($customer, $number, amount => 100_000);
    return bill_id($customer, $number);
}

sub phone { return sprintf '096%07d', ++$n }

sub newest { my (%how) = @_; return ask(GET => '/orders?limit=1', undef, %how)->{json}{items}[0] }

# An order's state, and why.
sub outcome {
    my ($order) = @_;
    return join ' ', grep { defined } @{ $order->{json} // $order }{ qw(state why) };
}

# Payments asks its gateways, and we ask payments, until an order is over.
sub ended {
    my ($order, %how) = @_;
    wait_until(sub {
        Payments::Test::sweep();
        sweep_bills();
        return order_of($order, %how)->{ended_at};
    }, 15);
    return outcome(order_of($order, %how));
}

sub refunds { return scalar keys %{ $partners->refunds } }


# A bill, before anybody has paid it.
my $bill = bill();
my $first = pay_bill($bill, 100_000)->{json};
is(ask(GET => "/$bill")->{json}{state}, 'being_paid', 'a bill is being paid');
my $r = cancel($first->{id});
is("$r->{status} " . outcome($r), '200 cancelling citizen', 'its order is taken back') or diag $r->{content}, $gw->error_log;
is($r->{json}{checkout}, undef, '... and shows nobody any more where to pay');
is(outcome(cancel($first->{id})), 'cancelling citizen', '... again is nothing');
is(ask(GET => "/$bill")->{json}{state}, 'unpaid', 'the bill is to be paid');
my $second = pay_bill($bill, 100_000);
is($second->{status}, 201, '... and is ordered anew at once') or diag $second->{content};
$second = $second->{json};
isnt($second->{id}, $first->{id}, '... by another order');

# Both are paid.
pay($first);
is(settled($first, 'refunded'), 'refunded', 'what is paid for an order that was taken back goes back') or diag $gw->error_log;
is(outcome(cancel($first->{id})), 'refunded citizen', '... whoever takes it back again');
pay($second);
is(settled($second, 'delivered'), 'delivered', 'the new order is delivered');
is(refunds(), 1, 'one of two payments has gone back');
is($companies->asked('evn.pay'), 1, '... and the company has heard of the other');
$r = cancel($second->{id});
is("$r->{json}{type} $r->{json}{state}", 'urn:ihanoi:problem:order-not-cancellable delivered', 'what is delivered is not taken back');
is(ask(GET => "/orders/$first->{id}/receipt")->{status}, 409, 'of what was taken back there is no receipt');


# Nobody pays: it is over when nobody can any more.
my $topup = topup(phone(), 10_000)->{json};
cancel($topup->{id});
sweep_bills();
is(outcome(order_of($topup)), 'cancelling citizen', 'while somebody may pay, it is looked after');
is(ended($topup), 'cancelled citizen', '... until its time is over');

my $failed = topup(phone(), 10_000)->{json};
cancel($failed->{id});
$partners->pay($failed->{checkout}, outcome => 'failed');
is(settled($failed, 'cancelled'), 'cancelled', '... or its payment has failed');
is(outcome(cancel($failed->{id})), 'cancelled citizen', '... and stays so');

my $late = topup(phone(), 10_000)->{json};
is(ended($late), 'cancelled payment expired', 'what expires by itself says so');
is(outcome(cancel($late->{id})), 'cancelled payment expired', '... whoever takes it back');

# Nobody told us that it was paid.
my $silent = topup(phone(), 10_000)->{json};
cancel($silent->{id});
$partners->pay($silent->{checkout}, callback => 0);
is(ended($silent), 'refunded citizen', 'money of which nobody told us is found, and goes back');


# Before there is a payment: payments is away, or just being asked.
$partners->misbehave('momo.create' => ('500') x 2);
$bill = bill();
is(pay_bill($bill, 100_000, -key => 'early')->{status}, 503, 'payments gives no checkout');
my $early = newest();
is(outcome(cancel($early->{id})), 'cancelling citizen', '... and the order is taken back');
is(outcome(pay_bill($bill, 100_000, -key => 'early')), 'cancelling citizen', '... which its key does not undo');
is(pay_bill($bill, 100_000)->{status}, 503, '... nor does it keep the bill');
is(ended($early), 'cancelled citizen', '... and is over when payments says that nobody can pay');

$partners->misbehave('momo.create' => 'slow');
my ($phone, $made) = (phone(), $partners->asked('momo.create'));
my $pid = beside(sub { POSIX::_exit(outcome(topup($phone, 10_000, -as => 'quick')) eq 'cancelling citizen' ? 0 : 1) });
wait_until(sub { $partners->asked('momo.create') > $made });
my $quick = newest(-as => 'quick');
is(outcome($quick), 'created', 'while payments is asked');
is(outcome(cancel($quick->{id}, -as => 'quick')), 'cancelling citizen', '... an order is taken back');
waitpid $pid, 0;
is($?, 0, '... and who has ordered it hears so');
my $number = $db->sql("select number from plugin_payments.intents where reference = '$quick->{id}'");
$partners->know(orders => $number, state => 'paid');
$partners->callback($number);
is(settled($quick, 'refunded', -as => 'quick'), 'refunded', '... if somebody pays it even so, that goes back');

topup(phone(), 10_000, gateway => 'none', -as => 'nowhere');
is(outcome(cancel(newest(-as => 'nowhere')->{id}, -as => 'nowhere')), 'cancelled payment-gateway-unknown',
   'what no gateway takes is over already');


# What others may: nothing.
my $mine = topup(phone(), 10_000)->{json};
is(cancel($mine->{id}, -as => 'citizen-2')->{status}, 404, 'nobody takes back an order of another');
is(cancel($mine->{id}, -token => undef)->{status}, 401, '... nor without a token');
is(cancel('00000000-0000-4000-8000-000000000000')->{status}, 404, 'nor one that there is not');
is(outcome(order_of($mine)), 'paying', 'it is as it was');
cancel($mine->{id});


# Paid and taken back at the same moment: both wait for a lock, and whoever gets it first
# decides. (Events pass a lock of the table; they would wait for one of a row.)
my @wrong;
for my $round (1 .. 8) {
    my $o = ($round % 2 ? topup(phone(), 10_000) : pay_bill(bill(), 100_000))->{json};
    my $session = $db->session;
    $session->do('begin; lock table plugin_bills.orders in exclusive mode');
    my $waiting = 0;
    my @pids = map {
        my $pid = beside($_);
        $waiting++;
        push @wrong, 'nobody waits' if !wait_until(sub { $db->sql(q{select count(*) from pg_stat_activity
            where wait_event_type = 'Lock' and usename = 'plugin_bills' and datname = current_database()}) >= $waiting }, 10);
        $pid;
    } $round < 5 ? (sub { pay($o) }, sub { cancel($o->{id}) }) : (sub { cancel($o->{id}) }, sub { pay($o) });
    $session->do('rollback');
    waitpid $_, 0 for @pids;
    my $end = ended($o) . ($companies->sent->{ $o->{id} } ? ', told' : '');
    push @wrong, $end if $end ne 'delivered, told' && $end ne 'refunded citizen';
}
is_deeply(\@wrong, [], 'paid and taken back at once: delivered, or given back');


# What may still be paid is counted.
ended($mine);
bills_again(%limits, open_orders => 2);
cancel(topup(phone(), 10_000, -as => 'fickle')->{json}{id}, -as => 'fickle') for 1 .. 2;
is(topup(phone(), 10_000, -as => 'fickle')->{status}, 429, 'who orders and takes back is stopped');

my %back = map { $_->{of} => 1 } values %{ $partners->refunds };
is(scalar(keys %back), refunds(), 'no payment has gone back twice');
sound('taken back');

done_testing;
