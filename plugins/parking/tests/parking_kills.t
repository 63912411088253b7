# Workers and the database killed in the middle of each step that moves a place or
# money: places are sold once, money is had once and given back once, and what was
# told is known.

use lib 'tests/lib', 'plugins/payments/tests/lib', 'plugins/parking/tests/lib';
use IHanoi::Test;
use IHanoi::Test::Durable;
use Parking::Test;
use Payments::Test ();

# fsync is on, and a crash is one.
my ($gw, $db, $partners, $operator) = parking(db => IHanoi::Test::Durable->new, bookable => 30,
    expect_log => [qr/exited on signal 9/, qr/open socket/]);

$SIG{PIPE} = 'IGNORE';

# All connections are made anew: those that write, those that read, the core's, which
# keep the Idempotency-Keys, and those of payments.
sub ready {
    wait_until(sub {
        my @r = eval { (sweep(), $gw->get('/v1/parking/sites/' . site()), Payments::Test::sweep()) };
        return @r == 3 && !grep { !$_ || $_->{status} != 200 } @r;
    }, 60) or diag 'not ready';
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
    ok(wait_until($when, 15), '... under way');
    $kill->();
    waitpid $pid, 0;
    return;
}

# The same while something is locked, for which what runs has to wait.
sub killed_waiting {
    my ($lock, $code, $kill) = @_;
    my $session = $db->session;

    $session->do("begin; $lock");
    killed_in($code, sub { $db->sql(q{select count(*) from pg_stat_activity where wait_event_type = 'Lock'}) }, $kill);
    eval { $session->do('rollback') };
    return;
}

# In a transaction that comes to this row.
sub killed_at {
    my ($row, @how) = @_;
    return killed_waiting("select 1 from plugin_parking.$row for update", @how);
}

# In a sweep that changes a booking's state: what is locked row by row it leaves out.
sub killed_changing {
    my ($kill) = @_;
    return killed_waiting('lock table plugin_parking.booking_transitions', sub { Payments::Test::sweep(); sweep() }, $kill);
}

# Bookings that are there before anything is killed.
my %kinds = (worker => \&kill_workers, database => \&crash_database);
my %leaving = map { $_ => began(paid(in => 5), 150) } keys %kinds;
my %cash = map { $_ => began(paid(in => 5), 150) } keys %kinds;
my %missed = map { $_ => paid() } keys %kinds;
my $back = paid();
tell('entered', $_, 'arrive+0') for values %cash;
tell('exited', $_, 'leave+20') for values %cash;

for my $kind (sort keys %kinds) {
    my $kill = $kinds{$kind};
    my $b;

    # A place is taken.
    my $q = quote();
    my $before = $q->{available};
    killed_at("supplies where vehicle = 'car'", sub { hold_r($q, key => "hold-$kind") }, $kill);
    until_good(sub { $b = hold($q) });
    is($b->{state}, 'held', "$kind killed in a hold: again, and it is there");
    is(quote()->{available}, $before - 1, '... one place is taken');

    # Another one runs out, and is paid after that.
    my $late = hold(quote());
    my $checkout = pay($late)->{payment}{checkout};
    $db->sql("set session_replication_role = replica;
              update plugin_parking.bookings set hold_until = now() where id = '$late->{id}'");
    killed_changing($kill);
    until_good(sub { sweep(); now_read($late)->{state} eq 'expired' });
    is(quote()->{available}, $before - 1, "$kind killed when a hold is over: it takes no place");
    $partners->pay($checkout, callback => 0);
    killed_at("bookings where id = '$late->{id}'", sub { Payments::Test::sweep(); sweep() }, $kill);
    soon($late, 'refunded 12000 12000', "$kind killed while a late payment is applied: it goes back, once");

    # A payment is begun: the gateway has made the order, and nobody hears of it.
    my $p;
    if ($kind eq 'worker') {
        my $seen = $partners->asked('momo.create');
        $partners->misbehave('momo.create' => 'late');
        killed_in(sub { pay_r($b) }, sub { $partners->asked('momo.create') > $seen }, $kill);
    }
    until_good(sub { $p = pay($b) });
    is($db->sql("select count(*) from plugin_parking.charges where booking = '$b->{id}'"), 1,
       "$kind killed while a payment is begun: one charge") if $kind eq 'worker';

    # The payer has paid, and that is applied.
    $partners->pay($p->{payment}{checkout}, callback => 0);
    killed_at("bookings where id = '$b->{id}'", sub { Payments::Test::sweep(); sweep() }, $kill);
    soon($b, 'paid 12000 0', "$kind killed while a payment is applied: it is paid, once");
    until_good(sub { sweep(); $operator->rights->{ $b->{code} } });
    is($operator->rights->{ $b->{code} }{told}, 1, '... and the operator knows');

    # The operator is told, and its yes is lost.
    if ($kind eq 'worker') {
        $operator->misbehave('late');
        $db->sql("update plugin_parking.notices set delivered_at = null where booking = '$b->{id}'");
        my @before = $operator->seen;
        killed_in(sub { sweep() }, sub { scalar(my @s = $operator->seen) > @before }, $kill);
        until_good(sub { sweep();
            $db->sql("select count(*) from plugin_parking.notices where booking = '$b->{id}' and delivered_at is null") == 0 });
        is($operator->rights->{ $b->{code} }{told}, 1, "$kind killed while an operator is told: it counts it once");
    }

    # It is given back: decided, and then sent to the gateway.
    killed_at("bookings where id = '$b->{id}'", sub { cancel_r($b) }, $kill);
    like(now_read($b)->{state}, qr/^(?:paid|cancelled|refunded)$/, "$kind killed in a cancellation: all or nothing");
    until_good(sub { cancel($b) });
    soon($b, 'refunded 12000 12000', '... again, and it is given back');

    if ($kind eq 'database') {
        my $seen = $partners->asked('momo.refund');
        $partners->misbehave('momo.refund' => 'late');
        killed_in(sub { cancel_r($back) }, sub { $partners->asked('momo.refund') > $seen }, $kill);
        until_good(sub { Payments::Test::sweep(); sweep(); now_read($back)->{state} eq 'refunded' });
        soon($back, 'refunded 12000 12000', "$kind killed while money goes back: it is found out");
    }

    # Nobody has come.
    later($missed{$kind}, 2 * 60 + 120 + 62);
    killed_changing($kill);
    soon($missed{$kind}, 'no_show 12000 0', "$kind killed when nobody has come: it is a no-show");

    # The operator tells of an entry, and of an exit with something due, which is paid.
    $b = $leaving{$kind};
    killed_at("bookings where id = '$b->{id}'", sub { tell('entered', $b, 'arrive+0', id => "in-$kind") }, $kill);
    until_good(sub { tell('entered', $b, 'arrive+0', id => "in-$kind") =~ /^(?:applied|repeated)$/ });
    is(now_read($b)->{state}, 'entered', "$kind killed in an entry: told again, and it is there");
    killed_at("bookings where id = '$b->{id}'", sub { tell('exited', $b, 'leave+20', id => "out-$kind") }, $kill);
    until_good(sub { tell('exited', $b, 'leave+20', id => "out-$kind") =~ /^(?:applied|repeated)$/ });
    is(now_read($b)->{due}, 2_000, "$kind killed in an exit: told again, and it is due once");
    $partners->pay(pay($b)->{payment}{checkout}, callback => 0);
    killed_at("bookings where id = '$b->{id}'", sub { Payments::Test::sweep(); sweep() }, $kill);
    soon($b, 'settled 14000 0', "$kind killed while that is paid: it is settled once");

    # ... or is had on the spot.
    $b = $cash{$kind};
    my @cash = ('collected', $b, 'leave+21', amount => 2_000, id => "cash-$kind");
    killed_at("bookings where id = '$b->{id}'", sub { tell(@cash) }, $kill);
    until_good(sub { tell(@cash) =~ /^(?:applied|repeated)$/ });
    soon($b, 'settled 12000 0', "$kind killed when the operator has had it: told again, and it is settled once");

    sound("$kind killed");
}

# Two bookings, two that came late, and what was left of a third: each went back once.
my %back;
$back{ $_->{of} }++ for values %{ $partners->refunds };
is_deeply([values %back], [(1) x 5], 'the gateway has given back five payments, once each');

done_testing;
