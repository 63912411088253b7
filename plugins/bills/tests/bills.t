# Electricity: look up, see what a bill is made of, pay, get the receipt.

use lib 'tests/lib', map { "plugins/$_/tests/lib" } qw(payments catalogue bills);
use IHanoi::Test;
use IHanoi::Test::Plugin qw(plugin_jobs_rest);
use Bills::Test;
use Catalogue::Test 'agree';

my ($gw, $db, $partners, $evn) = bills();
load_data();

$evn->customer('PD01000000001', name => 'Chủ hộ 1', address => 'Số 1, phố Thử', meter => '1234567');
$evn->bill('PD01000000001', 'B-1', kwh => 350, amount => 979_560, due_on => '2026-11-15');
$evn->bill('PD01000000001', 'B-0', period_from => '2026-09-01', period_to => '2026-09-30', state => 'paid');

# Refused until a time, to a minute.
sub until_then { my ($r, $time) = @_; return $r->{status} == 429 && abs(time + ($r->{headers}{'retry-after'} // 0) - $time) < 60 }

# Looking up
my $r = lookup(code => 'pd 0100.0000.001');
is($r->{status}, 200, 'a customer is looked up, however the code is written') or diag $r->{content}, $gw->error_log;
is_deeply([map { "$_->{number} $_->{state}" } @{ $r->{json}{bills} }], ['B-1 unpaid', 'B-0 paid'], 'bills, the newest first');
is_deeply([sort keys %{ $r->{json} }], ['bills', 'code'], 'nobody is named');
my $id = $r->{json}{bills}[0]{id};
$r = ask(GET => "/$id");
is($r->{status}, 200, 'the bill') or diag $r->{content}, $gw->error_log;
is($r->{json}{breakdown}{difference}, 0, 'its tiers add up to it') or diag explain $r->{json};
is_deeply([map { "$_->{kwh}x$_->{price}" } @{ $r->{json}{breakdown}{parts}[0]{tiers} }],
          [qw(50x1984 50x2050 100x2380 100x2998 50x3350)], '... tier by tier');
like($r->{content}, qr/"rate" ?: ?8[,}]/, 'its tax is of a rate that can be read');
is($r->{json}{breakdown}{parts}[0]{verified}, JSON::PP::false, 'and says that nobody has verified the figures');

# Paying
sub description_of { return $db->sql("select description from plugin_payments.intents where reference = '$_[0]{json}{id}'") }
my $o = pay_bill($id, 979_560, -language => 'en');
is($o->{status}, 201, 'it is ordered to be paid') or diag $o->{content}, $gw->error_log;
is($o->{json}{state}, 'paying', '... and can be paid');
like(description_of($o), qr{^Electricity PD01000000001, until \d\d/\d\d/\d{4}$}, '... and the payment says for what, in the language of who pays');
pay($o);
is(settled($o, 'delivered'), 'delivered', 'the company is told when the money came') or diag $gw->error_log;
is($evn->state_of('PD01000000001', 'B-1'), 'paid', 'and has it');
$r = ask(GET => "/orders/$o->{json}{id}/receipt");
is($r->{status}, 200, 'there is a receipt') or diag $r->{content};
is($r->{json}{receipt}, $evn->sent->{ $o->{json}{id} }{receipt}, 'with the number of the company');
is(ask(GET => "/$id")->{json}{state}, 'paid', 'the bill is paid');
is(pay_bill($id, 979_560)->{status}, 409, 'and is not paid again');

# Topping up
is(description_of(topup('096 123 4567', 20_000, -language => 'en', -as => 'foreigner')), 'Phone top-up +8496***567', 'a top-up is paid for, in English');
$o = topup('096 123 4567', 50_000);
is(description_of($o), 'Nạp tiền điện thoại +8496***567', '... and in Vietnamese');
is($o->{status}, 201, 'a top-up is ordered') or diag $o->{content}, $gw->error_log;
is("$o->{json}{phone} $o->{json}{carrier}", '+84961234567 viettel', '... of the number, at the carrier of its prefix');
pay($o);
is(settled($o, 'delivered'), 'delivered', 'it is delivered when the money came') or diag $gw->error_log;
is_deeply([map { $_->{kind} } @{ ask(GET => '/orders')->{json}{items} }], ['topup', 'bill'], 'the history, the newest first');
$r = ask(GET => '/orders?limit=1');
is(ask(GET => "/orders?limit=1&cursor=$r->{json}{next}")->{json}{items}[0]{kind}, 'bill', '... in pages');
is_deeply([map { $_->{kind} } @{ ask(GET => '/orders?kind=bill')->{json}{items} }], ['bill'], '... of a kind');


# What others see: nothing.
my %other = (-as => 'citizen-2');
is(ask(GET => "/$id", undef, %other)->{status}, 404, 'a bill that one has not looked up is not there');
is(pay_bill($id, 1, %other)->{status}, 404, '... nor can it be paid');
is(ask(GET => "/orders/$o->{json}{id}$_", undef, %other)->{status}, 404, "an order of another: $_") for '', '/receipt';
is_deeply(ask(GET => '/orders', undef, %other)->{json}{items}, [], 'nor is it in the history');
is(ask(GET => '/orders', undef, -token => undef)->{status}, 401, 'without a token there is none');
is(ask(POST => '/sweep', undef, %other)->{status}, 403, 'the sweep is for operators');
is(ask(PUT => '/carriers', { items => [], source => 'x', verified => JSON::PP::true })->{status}, 403, 'nor does a citizen load anything');
is(ask(PUT => '/tariffs/2030-01-01', { limits => [], prices => [1], vat => 0, source => 'x', verified => JSON::PP::true })->{status},
   403, '... of all that there is');
is(officer(PUT => '/tariffs/2030-01-01', { limits => [100, 50], prices => [1, 2, 3], vat => 0, source => 'x',
   verified => JSON::PP::true })->{status}, 422, 'a tariff whose limits do not ascend is none');
$evn->misbehave('evn.lookups' => 'chatty');
is_deeply([sort keys %{ lookup(code => 'PD01000000001', %other)->{json} }], ['bills', 'code'], 'a name that the company tells unasked does not pass');


# Codes and QR codes
is(lookup(code => $_)->{json}{type}, 'urn:ihanoi:problem:customer-code-invalid', "no code: $_")
    for 'PE01000000001', 'PD12', 'PD0100000000X', "PD01000000001\n; drop", 'ＰＤ０１０００';
is(lookup(code => "\x{202a}pd\x{a0}0100\x{2011}0000\x{200b}001\x{feff}")->{status}, 200, 'a code as a message has it');
is(lookup(code => 'PD09999999999')->{status}, 404, 'a code that the company does not know');
is(lookup()->{status}, 400, 'neither code nor QR code');
is(lookup(code => 'PD01000000001', qr => 'x' x 20)->{status}, 400, 'both');

sub tlv { my @f = @_; my $t = ''; while (my ($tag, $v) = splice @f, 0, 2) { $t .= sprintf '%02d%02d%s', $tag, length $v, $v } return $t }

sub crc {
    my ($text) = @_;
    my $crc = 0xffff;
    for my $byte (unpack 'C*', $text) {
        $crc ^= $byte << 8;
        $crc = $crc & 0x8000 ? ($crc << 1 ^ 0x1021) & 0xffff : $crc << 1 & 0xffff for 1 .. 8;
    }
    return sprintf '%04X', $crc;
}
sub code_of { my $text = tlv(@_) . '6304'; return $text . crc($text) }

my @bill = (0, '01', 1, '12', 26, tlv(0, 'A000000775', 1, '123456'), 52, '4900', 53, '704', 54, '979560', 58, 'VN',
            59, 'EVN HA NOI', 60, 'HA NOI');
my $customer = tlv(6, 'PD01000000001', 8, 'TT TIEN DIEN');
my $qr = code_of(@bill, 62, $customer);
is(crc('123456789'), '29B1', 'the checksum of the tests is CRC-16/CCITT-FALSE');
is(lookup(qr => $_)->{json}{code}, 'PD01000000001', "a bill's QR code is read") for $qr, substr($qr, 0, -4) . lc substr $qr, -4;
is(lookup(qr => code_of(@bill, 62, tlv(1, 'PD01000000001')))->{status}, 200, '... with the code elsewhere in it');

my %hostile = (
    checksum => [substr($qr, 0, -4) . '0000', substr($qr, 0, -1), $qr . '0', 'x' x 200, '6304' x 10, '6304' . crc('6304') . 'x' x 8,
                 do { my $t = tlv(@bill, 63, 'ABCD') . '62130809a6304'; $t . crc($t) }],
    form     => [do { my $t = tlv(@bill) . '62996304'; $t . crc($t) }, do { my $t = tlv(@bill) . 'ab04' . '6304'; $t . crc($t) },
                 code_of(@bill, 62, '06' . '99PD01'), code_of(@bill, 62, '0600'), do { my $t = tlv(@bill) . '6200' . '6304'; $t . crc($t) }],
    twice    => [code_of(@bill, 54, '1', 62, $customer), code_of(@bill, 62, $customer . $customer)],
    version  => [code_of(1, '12', 0, '01', 62, $customer), code_of(0, '02', 62, $customer)],
    currency => [code_of(0, '01', 53, '840', 62, $customer), code_of(0, '01', 58, 'US', 62, $customer)],
    customer => [code_of(@bill), code_of(@bill, 62, tlv(6, 'XX01000000001')), code_of(@bill, 62, tlv(6, "PD01'; select"))],
);
for my $reason (sort keys %hostile) {
    for my $text (@{ $hostile{$reason} }) {
        $r = lookup(qr => $text);
        is(($r->{json}{reason} // $r->{content}), $reason, "a QR code is refused: $reason") or diag $text;
    }
}
is(lookup(qr => 'x' x 513)->{status}, 400, 'one that is too long is not even read');


# Numbers
my %numbers = ('0961234567' => 1, '+84961234567' => 1, '84961234567' => 1, '0084961234567' => 1, '096.123-45 67' => 1,
               '(+84) 961 234 567' => 1, '961234567' => 0, '09612345678' => 0, '+840961234567' => 0, '+85961234567' => 0,
               '++84961234567' => 0, '00961234567' => 0, '84 0961234567' => 0, '+0961234567' => 0, 'một hai ba bốn' => 0,
               '0961234567;' => 0,
               "\x{202d}+84\x{a0}961\x{a0}234\x{2011}567\x{202c}" => 1);        # as contacts of a phone copy it
for my $number (sort keys %numbers) {
    $r = ask(POST => '/topups/hint', { phone => $number });
    is($r->{json}{phone} // $r->{status}, $numbers{$number} ? '+84961234567' : 422, "a number: $number");
}
is(ask(POST => '/topups/hint', { phone => '0591234567' })->{json}{carrier}, undef, 'a prefix that nobody knows hints at nobody');
is(topup('0591234567', 50_000)->{json}{type}, 'urn:ihanoi:problem:topup-carrier-unsaid', '... so the carrier has to be said');
is(topup('0591234567', 50_000, carrier => 'nobody')->{status}, 422, '... one that is known');
is(topup('0591234567', 50_000, carrier => 'mobifone')->{json}{carrier}, 'mobifone', 'it is');
is(topup('0961234567', 50_000, carrier => 'mobifone')->{json}{carrier}, 'mobifone', 'numbers move: what is said counts');
is(topup('0961234567', 55_000)->{json}{type}, 'urn:ihanoi:problem:topup-amount-unknown', 'an amount that nobody sells');
is(topup('0961234567', 50_000, gateway => 'none')->{json}{type}, 'urn:ihanoi:problem:order-gateway-unknown', 'a gateway that is not in use');
is($db->sql("select state from plugin_bills.orders where gateway = 'none'"), 'cancelled', '... whose order is over');


# Again with the same key: the same order.
my @keys = (-as => 'citizen-3', -key => 'one key');
my $first = topup('0961234599', 20_000, @keys)->{json};
$db->sql('delete from core.idempotency_keys') if $db->sql("select to_regclass('core.idempotency_keys')");
is(topup('0961234599', 20_000, @keys)->{json}{id}, $first->{id}, 'an order that is asked for again is the same');


# Somebody pays later than he may; nothing is delivered, and what came goes back.
$o = topup('0961234577', 20_000)->{json};
$partners->pay($o->{checkout}, outcome => 'failed');
is(settled($o, 'cancelled'), 'cancelled', 'a payment that failed cancels the order');


# All at once

# Three that have all looked before one of them writes: writing waits for a lock. Three
# are all that get a connection to write with.
sub at_once {
    my ($table, @code) = @_;
    my $session = $db->session;
    $session->do("begin; lock table plugin_bills.$table in exclusive mode");
    my @pids = map { beside($_) } @code;
    ok(wait_until(sub { $db->sql(q{select count(*) from pg_stat_activity
                                    where wait_event_type = 'Lock' and usename = 'plugin_bills'
                                      and datname = current_database()}) == @code }, 10), '... all at once');
    $session->do('rollback');
    waitpid $_, 0 for @pids;
    return;
}

$evn->bill('PD01000000002', 'C-1', amount => 100_000);
my %bill = map { $_ => bill_id('PD01000000002', 'C-1', -as => "payer-$_") } 1 .. 3;
at_once(orders => map { my $who = $_; sub { pay_bill($bill{$who}, 100_000, -as => "payer-$who") } } 1 .. 3);
is($db->sql("select count(*) from plugin_bills.orders where bill = '$bill{1}'"), 1, 'three citizens pay one bill at once: one order');
my $who = $db->sql("select split_part(citizen, ' ', 2) from plugin_bills.orders where bill = '$bill{1}'");
$o = pay_bill($bill{1}, 100_000, -as => $who)->{json};
pay($o);
is(settled($o, 'delivered', -as => $who), 'delivered', '... whoever has it pays');
is(pay_bill($bill{2}, 100_000, -as => 'payer-2')->{json}{type}, 'urn:ihanoi:problem:bill-paid', '... and nobody else');

$evn->bill('PD01000000003', 'D-1', amount => 100_000);
my $two = bill_id('PD01000000003', 'D-1');
$evn->bill('PD01000000003', 'D-1', amount => 120_000);
$r = pay_bill($two, 100_000);
is("$r->{status} " . ($r->{json}{amount} // ''), '409 120000', 'an amount that has changed is not paid unseen');
$evn->bill('PD01000000003', 'D-1', state => 'paid');
is(pay_bill($two, 120_000)->{json}{type}, 'urn:ihanoi:problem:bill-paid', 'what was paid elsewhere is not paid again');

# A citizen's two devices, each with a key of its own: the one finds an order that is
# being made by the other, which has made it when the one asks whose turn it is.
$evn->bill('PD01000000003', 'D-2', amount => 50_000);
my $both = bill_id('PD01000000003', 'D-2');
my $begun = pay_bill($both, 50_000)->{json};
sub becomes { return "set session_replication_role = replica; update plugin_bills.orders set state = '$_[0]' where id = '$begun->{id}';" }
$db->sql(becomes('created') . "
          create function plugin_bills.waits() returns trigger language plpgsql security definer as
              \$\$ begin perform pg_advisory_xact_lock(1); return null; end \$\$;
          create trigger waits before update of sends on plugin_bills.orders
              for each statement execute function plugin_bills.waits()");
my $other = $db->session;
$other->do('begin; select pg_advisory_xact_lock(1)');
my $device = $gw->connection(timeout => 30);
$device->send($device->format(POST => "/v1/bills/$both/pay", token => token(sub => 'citizen-1'), key => 'device-2',
                              json => { gateway => 'momo', amount => 50_000 }, close => 1));
ok(wait_until(sub { $db->sql("select count(*) from pg_stat_activity
                              where wait_event = 'advisory' and datname = current_database()") }, 20), 'a second device');
$db->sql(becomes('paying'));
$other->do('rollback');
$r = $device->response;
is_deeply([$r->{status}, @{ $r->{json} }{qw(id checkout)}], [201, @$begun{qw(id checkout)}], '... has the order of the first') or diag explain $r->{json};
$db->sql('drop trigger waits on plugin_bills.orders');

at_once(prefixes => (\&load_data) x 3);
unlike($gw->error_log, qr/"carriers_put" failed/, 'carriers are loaded at once: one after the other');

wait_for_day(30);
topup("096200000$_", 200_000, -as => 'spender') for 1 .. 4;
at_once(orders => map { my $n = $_; sub { topup("096200000$n", 200_000, -as => 'spender') } } 5 .. 7);
is($db->sql("select sum(amount) from plugin_bills.orders where citizen like '% spender'"), 1_000_000,
   'top-ups of one citizen at once: as many as a day allows');
topup('0963000000', 100_000, -as => "giver-$_") for 1 .. 4;
at_once(orders => map { my $n = $_; sub { topup('0963000000', 100_000, -as => "giver-$n") } } 5 .. 7);
is($db->sql("select sum(amount) from plugin_bills.orders where phone = '84963000000'"), 500_000,
   'citizens for one phone at once: as much as it may get');
$r = topup('0963000000', 100_000, -as => 'giver-9');
is($r->{json}{left}, undef, '... and what others gave is not told');
ok(until_then($r, time - (time + 7 * 3600) % 86400 + 86400), '... but that it may get more tomorrow') or diag explain $r;

# Enumeration
my $asked_at = time;
bills_again(lookups_an_hour => 6, customers_a_day => 3, open_orders => 2);
is_deeply([map { lookup(code => "PD0900000000$_", -as => 'curious')->{status} } 1 .. 5], [404, 404, 404, 429, 429],
          'who tries codes is stopped');
is_deeply([map { lookup(code => 'PD01000000001', -as => 'eager')->{status} } 1 .. 7], [(200) x 6, 429], '... and who asks too often');
ok(until_then(lookup(code => 'PD01000000001', -as => 'eager'), $asked_at + 3600), '... until an hour after the first');
ok(until_then(lookup(code => 'PD09000000004', -as => 'curious'), $asked_at + 86400), '... for codes a day');
agree($gw, token(sub => 'saver'), 'bills', 'reminders', 1);
sub remind { return ask(POST => '/codes', { customer => "PD0900000000$_[0]", label => 'x', remind => JSON::PP::true }, -as => 'saver') }
my @saved = map { remind($_) } 1 .. 3;
is_deeply([map { $_->{status} } @saved, remind(4), remind(1)], [201, 201, 201, 429, 201], '... so is who has codes asked for by reminders');
ask(DELETE => "/codes/$saved[0]{json}{id}", undef, -as => 'saver');
is(remind(4)->{status}, 429, '... and forgets them one by one');
lookup(code => "PD0900000000$_", -as => 'quick') for 1 .. 2;
at_once(lookups => map { my $n = $_; sub { lookup(code => "PD0900000000$n", -as => 'quick') } } 3 .. 5);
is($db->sql("select count(*) from plugin_bills.lookups where citizen like '% quick'"), 3, '... at once, too');
topup('0964000000', 10_000, -as => 'hoarder') for 1 .. 2;
is(topup('0964000000', 10_000, -as => 'hoarder')->{status}, 429, 'who orders and does not pay is stopped');

# What has gathered while a company was away: a run of the job looks after some of it, and there is more.
$db->sql("set search_path = plugin_bills;
          insert into orders (id, kind, citizen, key, phone, carrier, gateway, amount, due_at)
          select gen_random_uuid(), 'topup', '$IHanoi::Test::ISSUER crowd', n, '84965000000', carrier, 'momo', 10000, now()
            from (select carrier from orders where carrier is not null limit 1) one, generate_series(1, 40) n;
          update core.plugin_jobs set next_at = core.now() where plugin = 'bills' and job = 'sweep'");
my $n = "select count(*) from plugin_bills.orders where citizen like '% crowd' and payment is null";
wait_until(sub { !$db->sql($n) });
is($db->sql($n), 0, 'orders that have gathered are looked after without a pause');
plugin_jobs_rest($db, 'bills');

sound('all of it');

done_testing;
