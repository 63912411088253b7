# Workers and the database killed in the middle of each step of a pass that moves
# money: it is paid once, who has paid has it, and what goes back goes back once.

use lib 'tests/lib', map { "plugins/$_/tests/lib" } qw(payments bus bus_pass);
use IHanoi::Test;
use IHanoi::Test::Durable;
use Passes::Test;
use Payments::Test ();

# fsync is on, and a crash is one.
my ($gw, $db, $partners) = passes(db => IHanoi::Test::Durable->new,
                                  expect_log => [qr/exited on signal 9/, qr/open socket/]);

my $next = month(1);

$SIG{PIPE} = 'IGNORE';

# All connections are made anew: those that read, those that write, the core's, which
# keep the Idempotency-Keys, and those of payments.
sub ready {
    wait_until(sub {
        my @r = eval { (get('nobody', '/products'),
                        cancel('nobody', '00000000-0000-4000-8000-000000000000'),
                        Payments::Test::sweep()) };
        return "@{[ map { $_->{status} } @r ]}" eq '200 404 200';
    }, 60) or diag 'not ready';
    return;
}

sub kill_workers {
    $gw->kill_workers;
    ready();
    return;
}

sub kill_backends {
    $db->sql("select pg_terminate_backend(pid) from pg_stat_activity
               where usename in ('plugin_bus_pass', 'plugin_payments')");
    ready();
    return;
}

sub crash_database {
    $db->crash;
    ready();
    return;
}

# Kills when what runs beside waits for a lock of the session's.
sub killed_waiting {
    my ($session, $pid, $kill) = @_;

    ok(wait_until(sub {
        $session->do('select count(*) from pg_locks where not granted
                         and pg_backend_pid() = any (pg_blocking_pids(pid))') > 0
    }, 15), '... under way');
    $kill->();
    waitpid $pid, 0;
    eval { $session->do('rollback') };
    return;
}

# Runs code beside, and kills in its transaction, which waits for this lock.
sub killed_at {
    my ($lock, $code, $kill) = @_;
    my $session = $db->session;

    $session->do("begin; $lock");
    killed_waiting($session, beside($code), $kill);
    return;
}

# A change of a pass waits for it; what is read, and rows that are locked, do not.
my $changes = 'lock table plugin_bus_pass.passes in share mode';

# Kills when a gateway has done what it was asked, before that is noted.
sub killed_noting {
    my ($request, $code, $kill) = @_;
    my $session = $db->session;
    my $seen = $partners->asked($request);

    $partners->misbehave($request => 'slow');
    my $pid = beside($code);
    wait_until(sub { $partners->asked($request) > $seen });
    $session->do("begin; $changes");
    killed_waiting($session, $pid, $kill);
    return;
}

# Kills when a gateway is about to answer, and has done what it was asked.
sub killed_asking {
    my ($request, $code, $kill) = @_;
    my $seen = $partners->asked($request);

    $partners->misbehave($request => 'late');
    my $pid = beside($code);
    ok(wait_until(sub { $partners->asked($request) > $seen }, 15), '... under way');
    $kill->();
    waitpid $pid, 0;
    return;
}

# As often as it takes. What a dead worker was at is given to another one now, not when
# its lease has ended; so is what a living one is at, which has to do no harm.
sub until_done {
    my ($code) = @_;

    return until_good(sub {
        $db->sql("update core.plugin_jobs set until = now()
                   where plugin = 'bus_pass' and run is not null;
                  update core.plugin_deliveries set until = now()
                   where plugin = 'bus_pass' and run is not null;
                  update core.plugin_deliveries set next_at = now()
                   where plugin = 'bus_pass' and run is null");
        return $code->();
    });
}

# A test: it is one pass with one payment, which has come.
sub asked_again {
    my ($who, $what) = @_;
    my $sale;

    until_done(sub { $sale = sale($who, month => $next) });
    is($db->sql("select count(distinct p.id) || ' ' || count(i.id) from plugin_bus_pass.passes p
                   join plugin_payments.intents i on i.reference = p.id::text
                  where p.holder like '% $who'"), '1 1', $what);
    return $sale;
}

# A test: soon a pass is so.
sub becomes {
    my ($who, $sale, $state, $what) = @_;
    my $is;

    until_done(sub { $is = read_pass($who, $sale->{pass}{id})->{state}; $is eq $state });
    is($is, $state, $what);
    return;
}

# A test: soon a pass has gone back, after what the sweeps of both plugins have to do.
sub goes_back {
    my ($who, $sale, $what) = @_;
    my $refund;

    until_done(sub {
        Payments::Test::sweep();
        begin_sweep();
        $refund = read_pass($who, $sale->{pass}{id})->{refund} // '';
        return $refund eq 'done';
    });
    is($refund, 'done', $what);
    return;
}

# The job looks after what is open, meanwhile: false where it is at it already, and may
# have passed over what has become open since.
sub begin_sweep {
    due();
    return $db->sql("update core.plugin_jobs set next_at = now()
                      where plugin = 'bus_pass' and run is null returning true");
}


# When the event says that a pass is paid for.
sub when_told {
    my ($who, $name, $kill, $sale) = @_;
    $sale //= sale($who, month => $next);

    killed_at($changes, sub { $partners->pay($sale->{payment}{checkout}) }, $kill);
    becomes($who, $sale, 'active', "$name killed when its payment is told: told again, it is good");
    return;
}

# In a transaction of ours: a pass is asked for, is paid for, and is cancelled.
sub in_transactions {
    my ($who, $name, $kill) = @_;

    # Its product is locked: it is written, and not committed.
    killed_at('select from plugin_bus_pass.pass_products for update',
              sub { buy($who, month => $next) }, $kill);
    my $sale = asked_again($who, "$name killed when a pass is asked for: again, and it is one");

    when_told($who, $name, $kill, $sale);

    killed_at($changes, sub { cancel($who, $sale->{pass}{id}) }, $kill);
    like(read_pass($who, $sale->{pass}{id})->{state}, qr/^(?:active|cancelled)$/,
         "$name killed when it is cancelled: all or nothing");
    until_done(sub { cancel($who, $sale->{pass}{id})->{status} == 200 });
    goes_back($who, $sale, '... again, and its price goes back');
    return;
}

# When payments has done its part, and we are about to write that down.
sub before_notes {
    my ($who, $name, $kill) = @_;

    killed_noting('momo.create', sub { buy($who, month => $next) }, $kill);
    my $sale = asked_again($who, "$name killed when its payment is noted: it is the same one");

    # Events that are newer than a transaction wait for it: the sweep comes first.
    killed_at('select pg_current_xact_id(); lock table plugin_bus_pass.pass_transitions',
              sub { $partners->pay($sale->{payment}{checkout}); until_done(\&begin_sweep) }, $kill);
    becomes($who, $sale, 'active', "$name killed when the sweep finds it paid: it is active");

    killed_noting('momo.refund', sub { cancel($who, $sale->{pass}{id}) }, $kill);
    goes_back($who, $sale, "$name killed when its refund is noted: it is noted");
    return;
}

# When a gateway has done its part, and nobody hears of it.
sub before_answers {
    my ($who, $name, $kill) = @_;

    killed_asking('momo.create', sub { buy($who, month => $next) }, $kill);
    my $sale = asked_again($who, "$name killed when its payment is made: it is the same one");

    $partners->pay($sale->{payment}{checkout});
    becomes($who, $sale, 'active', '... which can be paid');

    killed_asking('momo.refund', sub { cancel($who, $sale->{pass}{id}) }, $kill);
    goes_back($who, $sale, "$name killed when its price goes back: it is found out");
    return;
}

# Money comes for a pass that has lapsed, since it was to be paid in another way.
sub for_nothing {
    my ($who, $name, $kill) = @_;
    my $sale = sale($who, month => $next);
    my $other = sale($who, month => $next, gateway => 'vnpay');

    killed_at($changes, sub { $partners->pay($sale->{payment}{checkout}) }, $kill);
    goes_back($who, $sale, "$name killed when money comes for nothing: it goes back");

    $partners->pay($other->{payment}{checkout});
    becomes($who, $other, 'active', '... and the pass can be paid');
    return;
}


for ([worker => \&kill_workers, \&in_transactions, \&before_notes, \&before_answers, \&for_nothing],
     [backend => \&kill_backends, \&in_transactions, \&before_notes, \&for_nothing],
     [database => \&crash_database, \&when_told])
{
    my ($name, $kill, @kills) = @$_;

    $kills[$_]->("$name-$_", $name, $kill) for 0 .. $#kills;
    money_agrees("$name killed");
}

# The gateways' books are ours.
my ($orders, $refunds) = ($partners->orders, $partners->refunds);
is_deeply({ map { @$_ } $db->sql("select number, amount from plugin_payments.intents
                                   where state in ('succeeded', 'refunded')") },
          { map { $_ => $orders->{$_}{amount} }
            grep { $orders->{$_}{state} eq 'paid' } keys %$orders },
          'gateways have taken what passes were paid with');
is_deeply([sort map { "$_->{of} $_->{amount}" } values %$refunds],
          [sort map { "$_->{transaction} $_->{amount}" }
               @$orders{ map { $_->[0] } $db->sql("select number from plugin_payments.intents
                                                    where state = 'refunded'") }],
          'and have given back what passes are not used for, once each');

done_testing;
