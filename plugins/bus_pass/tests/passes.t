# Monthly bus passes, with the real payments and timetable beside them: nobody pays
# twice for a month, and what nobody can use goes back.

use lib 'tests/lib', map { "plugins/$_/tests/lib" } qw(payments bus bus_pass);
use IHanoi::Test;
use Passes::Test;
use Payments::Test qw(balances);

my ($gw, $db, $partners) = passes();
my ($now, $next, $far) = map { month($_) } 0, 1, 3;

# What there is.
my $products = $gw->get('/v1/bus-passes/products')->{json}{items};
is_deeply([map { "$_->{id} $_->{price}" } @$products], ['route 100000', 'network 200000'],
          'everybody sees passes and prices');
is_deeply([map { "$_->{month} $_->{price}" } @{ $products->[0]{months} }], [map { month($_) . ' 100000' } 0 .. 2], '... of each month that is sold');

# A price that begins with a month is told, and is that month's, before it begins; one that
# begins within a month is of the next one.
my $later = sub { "to_date('" . month($_[0]) . "', 'YYYY-MM') + $_[1]" };
$db->sql("set search_path = plugin_bus_pass;
          insert into pass_products values ('day', '{\"vi\": \"Ban ngày\", \"en\": \"By day\"}', 'network');
          insert into pass_prices values ('day', @{[$later->(0, 1)]}, 80000), ('day', @{[$later->(2, 0)]}, 90000), ('day', @{[$later->(3, 0)]}, 95000)");
is_deeply([map { $_->{price}, map { "$_->{month} $_->{price}" } @{ $_->{months} } }
           grep { $_->{id} eq 'day' } @{ $gw->get('/v1/bus-passes/products')->{json}{items} }],
          [80_000, month(1) . ' 80000', month(2) . ' 90000'], 'what is sold from the next month on, and costs more from the one after');
is_deeply([map { my $r = buy('rider-early', product => 'day', month => month($_)); $r->{json}{payment}{amount} // $r->{json}{type} } 0 .. 2],
          ['urn:ihanoi:problem:bus-pass-unknown', 80_000, 90_000], '... costs what is told');
sql("update passes set state = 'lapsed', closed = true where holder like '%rider-early'");

# Buying.
my $r = buy('rider-1', product => 'route', route => 'r1', -key => 'first');
is($r->{status}, 201, 'a pass is asked for') or diag $r->{content}, $gw->error_log;
my $sale = $r->{json};
is($sale->{pass}{state}, 'pending', 'it waits for its payment');
is($sale->{pass}{code}, undef, 'and shows no code yet');
is($sale->{payment}{amount}, 100_000, 'of its price');
is(buy('rider-1', product => 'route', route => 'r1', -key => 'again')->{json}{payment}{id}, $sale->{payment}{id},
   'asking again is the same payment');

$partners->pay($sale->{payment}{checkout});
my $id = $sale->{pass}{id};
state_is('rider-1', $id, 'active', 'it is active when it is paid, without anybody asking');
like(read_pass('rider-1', $id)->{code}, qr/^[0-9A-F]{32}$/, 'and has its code');
is(buy('rider-1', product => 'route', route => 'r1')->{json}{type}, 'urn:ihanoi:problem:bus-pass-held',
   'nobody pays twice for a month');
$db->sql('delete from core.idempotency_keys');
is_deeply([map { $_->{pass}{id}, $_->{pass}{state}, $_->{payment}{state} } buy('rider-1', product => 'route', route => 'r1', -key => 'again')->{json}],
          [$id, 'active', 'succeeded'], '... who has heard no answer to what they have asked for gets the pass');
my $other = buy('rider-1', product => 'route', route => 'r2', -language => 'en');
is($other->{status}, 201, 'another route is another pass') or diag $other->{content};
is_deeply([map { scalar $db->sql("select description from plugin_payments.intents where id = '$_->{payment}{id}'") } $sale, $other->{json}],
          ["Vé tháng xe buýt $now", "Monthly bus pass $now"], 'a payment says for what, in the language of who pays');

# What cannot be bought.
for (['bus-pass-unknown', product => 'gold'],
     ['bus-pass-route-unclear', product => 'route'],
     ['bus-pass-route-unclear', route => 'r1'],
     ['bus-pass-route-unknown', product => 'route', route => 'no such'],
     ['bus-pass-month-closed', month => $far],
     ['bus-pass-month-closed', month => '2024-01'],
     ['bus-pass-month-closed', month => '2000-01']) {
    my ($problem, %json) = @$_;
    my $answer = buy('rider-2', %json);
    is($answer->{json}{type}, "urn:ihanoi:problem:$problem", "$problem: $answer->{json}{title}");
}
is(buy('rider-2', month => $_)->{status}, 400, "no month: $_") for '2026-13', '2026-1', "2026-01\n";
is($gw->post('/v1/bus-passes', json => { product => 'network', month => $now, gateway => 'momo' })->{status},
   401, 'nobody buys without a token');

# Whose it is.
is(get('rider-2', "/$id")->{status}, 404, 'a pass is its holder\'s');
is(cancel('rider-2', $id)->{status}, 404, 'and nobody else gives it back');
is(scalar @{ get('rider-2', '')->{json}{items} }, 0, 'lists are of one\'s own');
my $first = get('rider-1', '?page_size=1')->{json};
my $second = get('rider-1', "?page_size=1&cursor=$first->{next}")->{json};
is_deeply([map { $_->{items}[0]{route} } $first, $second], ['r2', 'r1'], 'page by page, the newest first');
is($second->{next}, undef, 'to the end');

# Inspectors.
my $shown = read_pass('rider-1', $id)->{code};
my $check = sub { $gw->get("/v1/bus-passes/checks/$_[0]", token => token(sub => 'inspector', scope => 'bus:inspect')) };
is_deeply($check->($shown)->{json}, { valid => JSON::PP::true, state => 'active', product => 'route',
          route => 'r1', month => $now }, 'an inspector sees that it is good, and not whose it is');
is($check->('0' x 32)->{status}, 404, 'a made-up one is none');

# Who has boarded before midnight is on a bus of the pass's last day.
for (['01-31T23:59:59', 'f'], ['02-01T00:00:00', 't'], ['02-29T23:59:59', 't'], ['03-01T00:30:00', 't'], ['03-01T03:59:59', 't'], ['03-01T04:00:00', 'f']) {
    my ($at, $good) = @$_;
    is(sql("select pass_covers('2028-02-01', '2028-$at+07')"), $good, "a pass of February 2028 on $at: $good");
}
is(get('rider-1', "/checks/$shown")->{status}, 403, 'checking is for inspectors');

# Giving back.
is(cancel('rider-1', $id)->{json}{type}, 'urn:ihanoi:problem:bus-pass-begun', 'not once the month has begun');
$sale = buy('rider-3', month => $next)->{json};
is(cancel('rider-3', $sale->{pass}{id})->{json}{type}, 'urn:ihanoi:problem:bus-pass-not-paid', 'not before it is paid');
$partners->pay($sale->{payment}{checkout});
state_is('rider-3', $sale->{pass}{id}, 'active', 'a pass of the next month');
is($check->(read_pass('rider-3', $sale->{pass}{id})->{code})->{json}{valid}, JSON::PP::false, 'is not good yet');
my $back = cancel('rider-3', $sale->{pass}{id});
is("$back->{json}{state}", 'cancelled', 'it goes back') or diag $back->{content};
wait_until(sub { read_pass('rider-3', $sale->{pass}{id})->{refund} eq 'done' });
is(read_pass('rider-3', $sale->{pass}{id})->{refund}, 'done', 'with its price');
is(cancel('rider-3', $sale->{pass}{id})->{status}, 200, 'giving back again is no more');
is(buy('rider-3', month => $next)->{status}, 201, 'and it can be bought again');

# Money that comes for nothing goes back.
$sale = buy('rider-4')->{json};
$other = buy('rider-4', gateway => 'vnpay')->{json};
isnt($other->{pass}{id}, $sale->{pass}{id}, 'another gateway is another pass, the first one lapses');
$partners->pay($_->{payment}{checkout}) for $other, $sale;
state_is('rider-4', $other->{pass}{id}, 'active', 'who then pays both has one');
wait_until(sub { (read_pass('rider-4', $sale->{pass}{id})->{refund} // '') eq 'done' });
is(read_pass('rider-4', $sale->{pass}{id})->{refund}, 'done', 'and the money of the other back');

# One device waits for its gateway when the other one chooses another: that was said last, and
# is what can be paid.
my $creates = $partners->asked('momo.create');
$partners->misbehave('momo.create' => 'held:device');
my $device = $gw->connection(timeout => 30);
$device->send($device->format(POST => '/v1/bus-passes', token => token(sub => 'rider-30'), key => 'device-1',
                              json => { product => 'network', month => $now, gateway => 'momo' }, close => 1));
wait_until(sub { $partners->asked('momo.create') > $creates });
$other = buy('rider-30', gateway => 'vnpay')->{json};
$partners->let_go('device');
$r = $device->response('POST');
is($r->{json}{type}, 'urn:ihanoi:problem:bus-pass-busy', 'what was asked for before does not come in its place') or diag $r->{content};
$r = buy('rider-30', -key => 'device-1');
is($r->{json}{type}, 'urn:ihanoi:problem:bus-pass-busy', '... nor when it is sent again');
$partners->pay($other->{payment}{checkout});
state_is('rider-30', $other->{pass}{id}, 'active', '... and who pays what was chosen last has a pass');

# Money that an officer of payments gives back by hand.
sub sold {
    my ($who, %what) = @_;
    my $sale = buy($who, %what)->{json};
    $partners->pay($sale->{payment}{checkout});
    state_is($who, $sale->{pass}{id}, 'active', "$who has a pass");
    return $sale;
}
sub refund_is {
    my ($who, $sale, $refund, $what) = @_;
    wait_until(sub { (read_pass($who, $sale->{pass}{id})->{refund} // '') eq $refund });
    is(read_pass($who, $sale->{pass}{id})->{refund}, $refund, $what);
}

$sale = sold('rider-11', month => $next);
is(Payments::Test::refund($sale->{payment}, 5_000)->{json}{state}, 'done', 'an officer gives back a part');
is(read_pass('rider-11', $sale->{pass}{id})->{state}, 'active', '... and the pass is good');
is(cancel('rider-11', $sale->{pass}{id})->{status}, 200, '... until it is given back');
refund_is('rider-11', $sale, 'done', '... with what is left of its price');
is($db->sql("select refunded from plugin_payments.intents where id = '$sale->{payment}{id}'"), 200_000, '... which is all of it');

$sale = sold('rider-12');
$shown = read_pass('rider-12', $sale->{pass}{id})->{code};
is(Payments::Test::refund($sale->{payment}, $_)->{json}{state}, 'done', 'an officer gives back all') for 50_000, undef;
state_is('rider-12', $sale->{pass}{id}, 'cancelled', '... and there is no pass any more');
is(read_pass('rider-12', $sale->{pass}{id})->{refund}, 'done', '... whose money is back');
is($check->($shown)->{json}{valid}, JSON::PP::false, '... as inspectors see');
is(buy('rider-12')->{status}, 201, '... and it can be bought again');

$sale = sold('rider-13', month => $next);
my $number = $db->sql("select number from plugin_payments.intents where id = '$sale->{payment}{id}'");
$partners->know(orders => $number, state => 'frozen');
cancel('rider-13', $sale->{pass}{id});
refund_is('rider-13', $sale, 'refused', 'a gateway gives nothing back');
$partners->know(orders => $number, state => 'paid');
is(Payments::Test::refund($sale->{payment})->{json}{state}, 'done', '... an officer has it done after all');
refund_is('rider-13', $sale, 'done', '... and the pass says so');

# A part by hand, of which it turns out that nobody has it, when all else is back.
$sale = sold('rider-18', month => $next);
$partners->misbehave('momo.refund' => 'lost');
my $part = Payments::Test::refund($sale->{payment}, 5_000)->{json};
is($part->{state}, 'sent', 'an officer gives back a part, and nobody knows what became of it');
$db->sql("set search_path = plugin_payments; update refunds set due_at = 'infinity' where id = '$part->{id}'");
cancel('rider-18', $sale->{pass}{id});
is($gw->post("/v1/payments/refunds/$part->{id}/settle", token => Payments::Test::token_for('operate'),
             json => { outcome => 'refused', why => 'x' }, headers => { 'Idempotency-Key' => "settle-$$" })->{status},
   200, '... until the gateway says that it was not done');
sweep_now();
refund_is('rider-18', $sale, 'done', '... which is asked for again');

# Paid when the month is over: asked for on its last evening, say.
$sale = buy('rider-8')->{json};
$db->sql("set session_replication_role = replica;
          update plugin_bus_pass.passes set month = month - interval '1 month' where id = '$sale->{pass}{id}'");
$partners->pay($sale->{payment}{checkout});
state_is('rider-8', $sale->{pass}{id}, 'lapsed', 'a month that is over cannot be had any more');
wait_until(sub { (read_pass('rider-8', $sale->{pass}{id})->{refund} // '') eq 'done' });
is(read_pass('rider-8', $sale->{pass}{id})->{refund}, 'done', 'and its money goes back');

# Word of a payment is lost: the sweep asks.
$sale = buy('rider-5')->{json};
$db->sql("delete from core.plugin_subscriptions where plugin = 'bus_pass'");
$partners->pay($sale->{payment}{checkout});
is(sweep_now(), 'ok', 'the sweep');
state_is('rider-5', $sale->{pass}{id}, 'active', 'the sweep finds what nobody was told of');

$db->sql('alter table plugin_payments.intents disable trigger intents_tell');

# Who has paid and asks again sees so; whose money an officer has given back has another.
$sale = buy('rider-19')->{json};
$partners->pay($sale->{payment}{checkout});
is_deeply([map { $_->{pass}{id}, $_->{pass}{state}, $_->{payment}{state} } buy('rider-19')->{json}],
          [$sale->{pass}{id}, 'active', 'succeeded'], 'who asks again before word of the payment has the pass');
$sale = buy('rider-20')->{json};
$partners->pay($sale->{payment}{checkout});
Payments::Test::refund($sale->{payment});
my $new = buy('rider-20')->{json};
is($new->{payment}{state}, 'pending', '... and who got all back before it has one that can be paid');
state_is('rider-20', $sale->{pass}{id}, 'lapsed', '... and the first one no more');

# Those that lapsed before anybody looked after such are many.
$sale = buy('rider-17')->{json};
$partners->pay($sale->{payment}{checkout});
$db->sql("set session_replication_role = replica; set search_path = plugin_bus_pass;
          insert into passes (id, code, holder, product, month, price, gateway, state, check_at)
          select gen_random_uuid(), 'old ' || n, 'i old', 'network', '2026-01-01', 200000, 'momo', 'lapsed',
                 now() - interval '1 day' from generate_series(1, 15) n;
          update passes set check_at = now() where id = '$sale->{pass}{id}'");
is(IHanoi::Test::Plugin::plugin_job($db, 'bus_pass', 'sweep'), 'ok', 'a sweep with many that have lapsed');
is(read_pass('rider-17', $sale->{pass}{id})->{state}, 'active', '... does not keep a pass waiting that was paid');
$db->sql("set session_replication_role = replica; update plugin_bus_pass.passes set closed = true where holder = 'i old'");

# And of those that have gathered while payments was away all are asked about without a pause.
my $gathered = "from plugin_bus_pass.passes where holder = 'i many' and check_at <= now()";
$db->sql("set session_replication_role = replica; set search_path = plugin_bus_pass;
          insert into passes (id, code, holder, product, month, price, gateway, state, check_at)
          select gen_random_uuid(), 'many ' || n, 'i many', 'network', '2026-01-01', 200000, 'momo', 'lapsed',
                 now() - interval '1 day' from generate_series(1, 45) n;
          update core.plugin_jobs set next_at = core.now() where plugin = 'bus_pass' and job = 'sweep'");
wait_until(sub { !$db->sql("select count(*) $gathered") });
is($db->sql("select count(*) $gathered"), 0, '... as many as they are');
IHanoi::Test::Plugin::plugin_jobs_rest($db, 'bus_pass');
$db->sql("set session_replication_role = replica; update plugin_bus_pass.passes set closed = true where holder = 'i many'");

# Paid at the gateway that was chosen first: the sweep asks about passes that have lapsed,
# also when a worker died before it knew the payment, until nobody can pay any more.
for my $who ('rider-14', 'rider-15') {
    $sale = buy($who)->{json};
    $db->sql("set session_replication_role = replica;
              update plugin_bus_pass.passes set payment = null where id = '$sale->{pass}{id}'") if $who eq 'rider-15';
    buy($who, gateway => 'vnpay');
    $partners->pay($sale->{payment}{checkout});
    wait_until(sub { sweep_now(); (read_pass($who, $sale->{pass}{id})->{refund} // '') eq 'done' });
    is(read_pass($who, $sale->{pass}{id})->{refund}, 'done', "$who: what is paid for a lapsed pass goes back, told or not");
}

$sale = buy('rider-16')->{json};
buy('rider-16', gateway => 'vnpay');
sweep_now();
is(sql("select closed from passes where id = '$sale->{pass}{id}'"), 'f', 'while it can be paid it is asked about');
$db->sql("set session authorization plugin_payments; set search_path = plugin_payments;
          update intents set state = 'expired' where id = '$sale->{payment}{id}'");
sweep_now();
is(sql("select closed from passes where id = '$sale->{pass}{id}'"), 't', '... and then no more');
$db->sql('alter table plugin_payments.intents enable trigger intents_tell');

# The time to pay is over, and the sweep has not been there yet.
$sale = buy('rider-10')->{json};
$db->sql("set session authorization plugin_payments; set search_path = plugin_payments;
          update intents set state = 'expired' where id = '$sale->{payment}{id}'");
my $again = buy('rider-10')->{json};
isnt($again->{pass}{id}, $sale->{pass}{id}, 'who asks again then has another pass');
is($again->{payment}{state}, 'pending', '... that can be paid');

# A gateway that is away, and a worker that died before it knew the payment.
$partners->misbehave('momo.create' => 'lost');
$r = buy('rider-6');
is($r->{json}{type}, 'urn:ihanoi:problem:bus-pass-payments-away', 'no payment while the gateway is away');
$r = buy('rider-6');
is("$r->{status} $r->{json}{payment}{state}", '201 pending', 'asking again goes on') or diag $r->{content};

# Many at once, of one person.
waitpid $_, 0 for map { my $n = $_; beside(sub { buy('rider-7', -key => "many-$$-$n") }) } 1 .. 8;
is(scalar $db->sql("select count(*) from plugin_payments.intents i join plugin_bus_pass.passes p on p.payment = i.id"
            . " where p.holder like '% rider-7'"), 1, 'eight at once are one pass and one payment');

# What the tables refuse whoever asks.
for (["update passes set price = 1 where id = '$id'", 'its price changes'],
     ["update passes set state = 'cancelled', refund = 'due' where state = 'lapsed'", 'a lapsed one is cancelled'],
     ["update passes set refund = 'due' where id = '$id'", 'money of a pass in use goes back'],
     ["update passes set payment = gen_random_uuid() where id = '$id'", 'another payment']) {
    my ($text, $what) = @$_;
    my $error = eval { sql("set role plugin_bus_pass; $text"); '' } // $@;
    like($error, qr/passes_|ERROR/, "refused: $what");
}

money_agrees('what passes did');
is(balances()->{'payee:bus_pass'}, -(100_000 + 200_000 * 5), 'what is held is what was paid');

# An operator of payments gives the money back before word of it came: no pass for nothing.
$sale = buy('rider-9')->{json};
is(sql("select pass_apply('$sale->{pass}{id}', 'refunded', '$sale->{payment}{id}')"), 'returned',
   'of money that went back already there is no pass');

done_testing;
