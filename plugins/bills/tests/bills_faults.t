# Companies that are slow, broken, silent or forged, in each call to them: what was
# paid is delivered once, or goes back.

use lib 'tests/lib', map { "plugins/$_/tests/lib" } qw(payments catalogue bills);
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Bills::Test;

my ($gw, $db, $partners, $companies) = bills(payments => { patience => 1.5 }, settings => { topup_citizen_day => 100_000_000, settle => 3600, patience => 1.5 });
load_data();
my $n = 0;


# What was sent has had time to arrive.
sub long_ago { $db->sql("update plugin_bills.orders set sent_at = sent_at - interval '1 day' where sent_at is not null"); return }

# Orders of either kind, each of something else, ready to be paid.
my %order = (
    'evn.pay' => sub {
        my $number = 'F-' . ++$n;
        my $customer = $companies->customer(sprintf 'PD02%09d', $n);
        $companies->bill($customer, $number, amount => 100_000 + $n);
        return pay_bill(bill_id($customer, $number), 100_000 + $n)->{json};
    },
    'carrier.topup' => sub { return topup(sprintf('096%07d', ++$n), 10_000, -as => 'c-' . $n % 2)->{json} },
);
sub as { my ($order) = @_; return $order->{kind} eq 'topup' ? (-as => 'c-' . $n % 2) : () }


# Looking up: no answer is none.
$companies->bill('PD03000000001', 'L-1');
for my $mode (qw(late 500 done-500 lost drop half forged replayed nonsense)) {
    $companies->misbehave('evn.lookups' => $mode);
    is(lookup(code => 'PD03000000001')->{json}{type}, 'urn:ihanoi:problem:evn-away', "a look-up, $mode: the company is away");
}
my $id = bill_id('PD03000000001', 'L-1');
$companies->misbehave('evn.lookups' => '500');
is(pay_bill($id, 217_836)->{status}, 503, 'nothing is taken for a bill while the company is away');
is($db->sql('select count(*) from plugin_bills.orders'), 0, '... nor ordered');
for my $bad ([kwh => -1], [kwh => 1.5], [amount => 0], [amount => '1; drop'], [period_to => '2026-13-01'], [period_to => '2020-01-01'],
             [state => 'free'], [number => "x'y"], [due_on => undef], [households => 0]) {
    $companies->bill('PD03000000002', 'N-1');
    $companies->bill('PD03000000002', 'N-1', @$bad);
    is(lookup(code => 'PD03000000002')->{status}, 503, "a bill that makes no sense is none: $bad->[0]");
    $companies->change(sub { delete $_[0]{customers}{PD03000000002} });
}
$companies->bill('PD03000000002', $_, number => 'N-1') for 'N-1', 'N-2';
is(lookup(code => 'PD03000000002')->{status}, 503, 'nor are two bills of one number');
$companies->bill('PD03000000004', 'L-1');
is_deeply(lookup(code => 'PD03000000004')->{json}{bills}, [], 'a bill stays its customer\'s');
$companies->change(sub { delete $_[0]{customers}{PD03000000001}{bills}{'L-1'} });
is(pay_bill($id, 217_836)->{json}{type}, 'urn:ihanoi:problem:bill-withdrawn', 'a bill that the company has no more');

# A worker has died before the answer was kept: the same key finds what was ordered by it,
# whatever the company, or the list of carriers, says by then.
$companies->bill('PD03000000005', 'L-2', amount => 30_000);
my @again = (bill_id('PD03000000005', 'L-2'), 30_000, -key => 'again-bill');
my @phone = ('0961234500', 10_000, -key => 'again-topup', -as => 'again');
my ($ordered, $topped) = map { $_->{json}{id} } pay_bill(@again), topup(@phone);
for my $case (['the company is away', sub { $companies->misbehave('evn.lookups' => ('500') x 9) }],
              ['the company has the bill no more', sub {
                  $companies->misbehave('evn.lookups');
                  $companies->change(sub { delete $_[0]{customers}{PD03000000005}{bills}{'L-2'} }) }],
              ['the prefix is of nobody', sub { $db->sql('delete from plugin_bills.prefixes') }])
{
    my ($what, $happens) = @$case;
    $happens->();
    $db->sql('delete from core.idempotency_keys');
    my @r = (pay_bill(@again), topup(@phone));
    is("@{[ map { $_->{status} . ' ' . ($_->{json}{id} // $_->{json}{type}) } @r ]}", "201 $ordered 201 $topped",
       "asked again by the same key when $what: the same orders");
}
load_data();
$db->sql('delete from core.idempotency_keys');
is(pay_bill($again[0], 40_000, -key => 'again-bill')->{json}{type}, 'urn:ihanoi:problem:order-key-used', '... and for another amount none');
is(topup(@phone, carrier => 'mobifone')->{json}{type}, 'urn:ihanoi:problem:order-key-used', '... nor of another carrier');


# Telling the company: whatever becomes of the answer, it is told once.
for my $what (sort keys %order) {
    for my $mode ($what eq 'evn.pay' ? qw(slow late forged) : qw(slow late done-500 drop half forged replayed nonsense)) {
        my $o = $order{$what}->();
        my @as = as($o);
        $companies->misbehave($what => $mode);
        pay($o);
        is(settled($o, $mode eq 'slow' ? 'delivered' : 'sending', @as), $mode eq 'slow' ? 'delivered' : 'sending',
           "$what, $mode: " . ($mode eq 'slow' ? 'in time' : 'nobody knows'));
        next if $mode eq 'slow';

        $companies->misbehave("$what/read" => qw(500 forged));
        sweep_bills() for 1 .. 2;
        is(order_of($o, @as)->{state}, 'sending', "$what, $mode: no answer is none");
        wait_until(sub { $companies->sent->{ $o->{id} } }, 5);
        # a busy machine may be away once more
        ok(wait_until(sub { sweep_bills(); order_of($o, @as)->{state} eq 'delivered' }), "$what, $mode: it is asked, and was done");
        is($companies->sent->{ $o->{id} }{n}, 1, "$what, $mode: once");
    }

    # It does not know: it is told again, when what was sent has had time to arrive.
    for my $mode (qw(500 lost)) {
        my $o = $order{$what}->();
        my @as = as($o);
        $companies->misbehave($what => $mode);
        my $before = $companies->asked($what);
        pay($o);
        settled($o, 'sending', @as);
        wait_until(sub { $companies->asked($what) == $before + 1 });
        sweep_bills() for 1 .. 2;
        is($companies->asked($what), $before + 1, "$what, $mode: unknown there, but nothing is sent again at once");
        long_ago();
        sweep_bills();
        is(order_of($o, @as)->{state}, 'delivered', "$what, $mode: later it is");
        is($companies->sent->{ $o->{id} }{n}, 1, "$what, $mode: and done once");
    }

    # What is under way is unknown for a while.
    my $o = $order{$what}->();
    my @as = as($o);
    $companies->misbehave($what => 'stuck');
    pay($o);
    wait_until(sub { $companies->asked($what) && order_of($o, @as)->{state} eq 'sending' });
    sweep_bills() for 1 .. 2;
    wait_until(sub { $companies->sent->{ $o->{id} } }, 6);
    sweep_bills();
    is(order_of($o, @as)->{state} . ' ' . $companies->sent->{ $o->{id} }{n}, 'delivered 1', "$what, stuck: done once");

    # After a restore (docs/backup.md): what was to be paid then may have been told since.
    for my $was (1, 0) {
        $o = $order{$what}->();
        @as = as($o);
        $db->sql("update plugin_bills.orders set sent_at = now() where id = '$o->{id}'");
        $companies->change(sub { $_[0]{sent}{ $o->{id} } = { n => 1, state => 'done', receipt => 'R-7' } }) if $was;
        my $before = $companies->asked($what);
        is(cancel($o->{id}, @as)->{json}{type}, 'urn:ihanoi:problem:order-not-cancellable', "$what, restored: it is not taken back");
        pay($o);
        is(settled($o, $was ? 'delivered' : 'sending', @as), $was ? 'delivered' : 'sending', "$what, restored: it is asked first");
        sweep_bills();
        is($companies->asked($what), $before, "$what, restored: nothing is sent");
        next if $was;

        long_ago();
        sweep_bills();
        is(order_of($o, @as)->{state} . ' ' . $companies->sent->{ $o->{id} }{n}, 'delivered 1', "$what, restored: until it is known");
    }

    # It is being worked on; told by a notice, in any order and as often as you like.
    $o = $order{$what}->();
    @as = as($o);
    my $company = $what eq 'evn.pay' ? 'evn' : 'viettel';
    $companies->misbehave($what => 'pending');
    pay($o);
    wait_until(sub { $companies->sent->{ $o->{id} } });
    sweep_bills();
    is(order_of($o, @as)->{state}, 'sending', "$what, pending: it is waited for");
    my %done = (state => 'done', receipt => 'R-9');
    is($companies->notice($company, $o->{id}, %done, forged => 1)->{status}, 403, "$what: a forged notice is refused");
    is($companies->notice($company, $o->{id}, %done, reference => 'x')->{status}, 422, "$what: and one of nothing");
    is($companies->notice($company, $o->{id}, state => 'done', receipt => "x\ny")->{status}, 422, "$what: and one that makes no sense");
    is($companies->notice($company, $o->{id}, reference => '00000000-0000-4000-8000-000000000000')->{status}, 404,
       "$what: one of somebody else's");
    is($companies->notice($company eq 'evn' ? 'viettel' : 'evn', $o->{id}, %done)->{status}, 404,
       "$what: one company does not speak for another");
    is($companies->notice('mobifone', $o->{id}, %done)->{status}, 404, "$what: nor does a carrier") ;
    is(order_of($o, @as)->{state}, 'sending', "$what: nothing of it is believed");
    $companies->decide($o->{id}, state => 'done', n => 1);
    is($companies->notice($company, $o->{id})->{status}, 204, "$what: a notice") for 1 .. 2;
    is(order_of($o, @as)->{state}, 'delivered', "$what: is believed");
    is($companies->notice($company, $o->{id}, state => 'pending')->{status}, 204, "$what: a late one of before");
    is(order_of($o, @as)->{state}, 'delivered', "$what: changes nothing");

    # Refused: the money goes back, however the refusal comes.
    for my $mode ('refuse', 'notice') {
        $o = $order{$what}->();
        @as = as($o);
        $companies->misbehave($what => $mode eq 'refuse' ? 'refuse' : 'pending');
        pay($o);
        if ($mode eq 'notice') {
            wait_until(sub { $companies->sent->{ $o->{id} } });
            $companies->decide($o->{id}, state => 'refused', code => 'closed');
            $companies->notice($company, $o->{id});
        }
        is(settled($o, 'refunded', @as), 'refunded', "$what, refused by $mode: the money goes back") or diag explain order_of($o, @as);
        is($partners->orders && scalar(grep { $_->{amount} == $o->{amount} } values %{ $partners->refunds }) > 0, 1, '... really');
        is(ask(GET => "/orders/$o->{id}/receipt", undef, @as)->{status}, 409, '... and there is no receipt');
    }

    # Nobody listens: nothing has left, so it is sent when somebody does.
    $o = $order{$what}->();
    @as = as($o);
    my $closed = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
    my $server = $gw->{server};
    $gw->reload(server => $server =~ s{127\.0\.0\.1:\d+}{127.0.0.1:$closed}gr);
    pay($o);
    wait_until(sub { $db->sql("select why from plugin_bills.orders where id = '$o->{id}'") });
    is(order_of($o, @as)->{state}, 'sending', "$what: nobody listens");
    $gw->reload(server => $server);
    sweep_bills();
    is(order_of($o, @as)->{state}, 'delivered', "$what: it is sent when somebody does");
}

# A refund whose answer is lost, and one that the gateway refuses at first.
my $o = $order{'carrier.topup'}->();
my @as = as($o);
$companies->misbehave('carrier.topup' => 'refuse');
$partners->misbehave('momo.refund' => 'drop');
pay($o);
is(settled($o, 'refunding', @as), 'refunding', 'a refund that is unclear is waited for');
Payments::Test::sweep();
is(settled($o, 'refunded', @as), 'refunded', '... and told of when it is clear');

# Payments is slow: the order is made, and goes on with the same key.
$partners->misbehave('momo.create' => 'late');
my $r = topup('0969999999', 10_000, -as => 'slow', -key => 'slow');
is($r->{json}{type}, 'urn:ihanoi:problem:order-payment-away', 'a gateway that is late');
$r = topup('0969999999', 10_000, -as => 'slow', -key => 'slow');
is($r->{status}, 201, '... the next try with the same key');
is($db->sql("select count(*) from plugin_bills.orders where citizen like '% slow'"), 1, '... is the same order');

# ... or nobody comes back for it.
$partners->misbehave('momo.create' => 'drop');
topup('0969999998', 10_000, -as => 'gone');
sweep_bills();
is($db->sql("select state from plugin_bills.orders where citizen like '% gone'"), 'paying', 'what nobody comes back for goes on, to expire');

# What nobody told us of: the sweep asks.
$o = topup('0969999997', 10_000, -as => 'silent')->{json};
$partners->pay($o->{checkout}, callback => 0);
sweep_bills();
is(order_of($o, -as => 'silent')->{state}, 'paying', 'payments itself does not know yet');
Payments::Test::sweep();
is(settled($o, 'delivered', -as => 'silent'), 'delivered', 'it is delivered when payments knows');
is(bills_job('sweep'), 'ok', 'the job');

# An officer's sweep goes on without its client: a refund whose answer VNPAY had nobody to tell
# would be left to people.
my $swept = topup('0969999996', 10_000, -as => 'silent', gateway => 'vnpay')->{json};
$companies->misbehave('carrier.topup' => 'drop');
pay($swept);
wait_until(sub { $companies->sent->{ $swept->{id} } });
wait_until(sub { order_of($swept, -as => 'silent')->{state} eq 'sending' });
$companies->decide($swept->{id}, state => 'refused', code => 'closed', n => 0);
$partners->misbehave('vnpay.refund' => 'slow');
Bills::Test::due();
my $client = $gw->connection;
$client->send($client->format(POST => '/v1/bills/sweep', token => token(sub => 'officer', scope => 'bills:operate'), body => ''));
wait_until(sub { $partners->asked('vnpay.refund') });
$client->close;
is(settled($swept, 'refunded', -as => 'silent'), 'refunded', 'a sweep goes on without its client');

# A payment for bills that is of no order here: it is heard of, and left alone.
for my $reference ('by-hand-1', '00000000-0000-4000-8000-000000000000') {
    my $p = Payments::Test::pay_for($reference, 'momo', 10_000, service => 'bills');
    $partners->pay($p->{json}{checkout});
    is(plugin_heard($db, 'bills', "payload ->> 'reference' = '$reference'"), 'ok',
       "a payment that somebody else asked for: $reference");
}

# The company takes back its word: written down for people, and nothing is done.
$companies->notice('viettel', $o->{id}, state => 'refused', code => 'oops');
is($db->sql("select state || ': ' || contradicted from plugin_bills.orders where id = '$o->{id}'"),
   'delivered: refused oops', 'a company that takes back its word is written down');
$r = ask(GET => '/report', undef, -as => 'auditor', -scope => 'bills:audit');
is_deeply([map { "$_->{order} $_->{said}" } @{ $r->{json}{contradicted} }], ["$o->{id} refused oops"], '... for the report') or diag $r->{content};
is(scalar(grep { $_->{state} eq 'refunded' && $_->{orders} } @{ $r->{json}{states} }), 2, '... which counts what went back');
is(ask(GET => '/report')->{status}, 403, '... and is not for everybody');
my $code = $db->sql("select nspname from pg_namespace where nspname like 'code_bills_%'");
cmp_ok($db->sql(<<"SQL"), '<', 1000, '... and does not read all orders');
    set search_path = $code, plugin_bills;
    begin;
    \\i tests/sql/lib/tuples.psql
    set local session_replication_role = replica;
    insert into orders (id, kind, citizen, key, phone, carrier, gateway, amount, state, payment, receipt,
                        sends, sent_at, paid_at, ended_at, due_at, created_at, changed_at)
    select gen_random_uuid(), o.kind, 'i old', n, o.phone, o.carrier, o.gateway, o.amount, o.state,
           gen_random_uuid(), o.receipt, o.sends, o.sent_at, o.paid_at, o.ended_at, o.due_at,
           now() - interval '9 days', now() - interval '9 days'
      from orders o, generate_series(1, 5000) n where o.id = '$o->{id}';
    analyze orders;
    select pg_temp.tuples_read('orders') as before \\gset
    do 'begin perform * from bills_report(''{}'', current_date - 2); end';
    select pg_temp.tuples_read('orders') - :before;
    rollback;
SQL
$db->sql("update plugin_bills.orders set contradicted = null where id = '$o->{id}'");
sound('faults');

done_testing;
