# Payments through a real gateway: from an intent to money and back, with each
# gateway; who may do what; and what the books say afterwards.

use lib 'tests/lib', 'plugins/payments/tests/lib';
use HTTP::Tiny;
use IHanoi::Test;
use Payments::Test;

wait_for_day(120);
# No gateway is silent here, and a machine that is busy may be slow: a second is too little.
my ($gw, $db, $partners) = payments(settings => { patience => 8 });


# From an intent to money

for my $gateway (qw(vnpay momo vietqr)) {
    my $r = pay_for("$gateway-1", $gateway, 50_000, key => "$gateway-key");
    is($r->{status}, 201, "$gateway: an intent") or diag $r->{content}, $gw->error_log;
    is($r->{json}{state}, 'pending', "$gateway: is pending");
    is($r->{headers}{location}, "/v1/payments/$r->{json}{id}", "$gateway: and can be read");
    ok(!exists $r->{json}{payer}, "$gateway: it does not say who pays");

    my $again = pay_for("$gateway-1", $gateway, 50_000, key => "$gateway-key");
    is($again->{content}, $r->{content}, "$gateway: the same key is the same answer");
    $again = pay_for("$gateway-1", $gateway, 50_000);
    is_deeply($again->{json}, $r->{json}, "$gateway: the same reference is the same payment");

    is($partners->pay($r->{json}{checkout}), $r->{json}{number}, "$gateway: a payer pays");
    sweep() if $gateway eq 'vietqr';

    my $payment = read_of($r);
    is($payment->{state}, 'succeeded', "$gateway: it has succeeded");
    ok(!exists $payment->{checkout}, "$gateway: there is nothing to pay any more");
    is(pay_for("$gateway-1", $gateway, 50_000)->{json}{state}, 'succeeded',
       "$gateway: the same reference is still the same payment");
}

# People follow the links of the simulator.
my $link = pay_for('link-momo', 'momo', 1_000)->{json};
is(HTTP::Tiny->new->get($link->{checkout}{url})->{content}, "paid $link->{number}\n", 'momo: a link to follow');
is(read_of($link)->{state}, 'succeeded', 'momo: pays');
$link = pay_for('link-vnpay', 'vnpay', 1_000)->{json};
is(HTTP::Tiny->new->get($link->{checkout}{url})->{content}, "paid $link->{number}\n", 'vnpay: a link to follow');
is(read_of($link)->{state}, 'succeeded', 'vnpay: pays');
like(HTTP::Tiny->new->get($link->{checkout}{url} =~ s/=100000&/=1&/r)->{content}, qr/not by the city/,
     'vnpay: not with another amount');

is_deeply(balances(), { 'gateway:vnpay' => 51_000, 'gateway:momo' => 51_000,
                        'gateway:vietqr' => 50_000, 'payee:parking' => -152_000 },
          'the books: gateways owe the city, the city owes the service');
balanced('payments');

my $qr = pay_for('qr', 'vietqr', 123_456)->{json};
my $text = '00020101021238570010A00000072701270006970400011300110012345670208QRIBFTTA'
         . "530370454061234565802VN5916KHO BAC HA NOI  6006HA NOI62220818$qr->{number}6304";
$text =~ s/5916KHO BAC HA NOI  /5914KHO BAC HA NOI/;
is(substr($qr->{checkout}{qr}, 0, -4), $text, 'a VietQR code to the letter');

my $url = pay_for('url', 'vnpay', 10_000, description => 'Vé tháng & xe buýt, tuyến 32 (Đống Đa)')
    ->{json}{checkout}{url};
like($url, qr/vnp_OrderInfo=Ve\+thang\+\+\+xe\+buyt\+\+tuyen\+32\+\+Dong\+Da\+&/,
     'VNPAY gets words without marks and signs');
like($url, qr/vnp_Amount=1000000&/, 'and hundredths');

# Pages to pay at are in the language of whoever asks.
for my $language (qw(en vi)) {
    my %asked = map { $_ => $gw->post('/v1/payments', token => token_for('create'),
        headers => { 'Idempotency-Key' => "page-$language-$_", 'Accept-Language' => $language },
        json => { service => 'parking', reference => "page-$language-$_", gateway => $_, amount => 1_000, description => 'x' })->{json} } qw(vnpay momo);
    my ($locale) = $asked{vnpay}{checkout}{url} =~ /vnp_Locale=(\w+)/;
    is_deeply([$locale, $partners->orders->{ $asked{momo}{number} }{lang}], [$language =~ s/vi/vn/r, $language], "pages to pay at: $language");
}

# ... first: whoever goes on with what was left in the middle asks the same.
$partners->misbehave('momo.create' => 'done-500');
my @asked = map { $gw->post('/v1/payments', token => token_for('create'),
    headers => { 'Idempotency-Key' => "page-again-$_", 'Accept-Language' => $_ },
    json => { service => 'parking', reference => 'page-again', gateway => 'momo', amount => 1_000, description => 'x' }) } qw(en vi);
is("@{[ map { $_->{status} } @asked ]} " . ($partners->orders->{ $asked[1]{json}{number} // '' }{lang} // ''), '503 201 en',
   'a gateway that is asked again is asked the same') or diag $asked[1]{content};


# What is refused

for my $case (
    ['no amount', 400, amount => 0], ['less than nothing', 400, amount => -5],
    ['parts of a đồng', 400, amount => 1.5], ['an amount in words', 400, amount => '50000'],
    ['too much', 400, amount => 1_000_000_000_001],
    ['a gateway nobody knows', 400, gateway => 'paypal'],
    ['a service nobody knows', 422, service => 'lottery'],
    ['another amount of a reference', 409, reference => 'vnpay-1', amount => 50_001],
    ['another gateway of a reference', 409, reference => 'vnpay-1', gateway => 'momo'],
    ['another payer of a reference', 409, reference => 'vnpay-1', payer => 'x y'],
    ['no reference', 400, reference => ''],
    ['a description that nobody can read', 400, description => " \x{a0}\x{200b}\n"],
) {
    my ($what, $status, %change) = @$case;
    my %p = (reference => 'refused', gateway => 'vnpay', amount => 50_000, %change);
    my $r = pay_for(delete $p{reference}, delete $p{gateway}, delete $p{amount}, %p);
    is($r->{status}, $status, "$what: $status") or diag $r->{content};
}

my %body = (json => { service => 'parking', reference => 'x', gateway => 'momo', amount => 5,
                      description => 'x' }, headers => { 'Idempotency-Key' => 'k' });
is($gw->post('/v1/payments', %body)->{status}, 401, 'nobody asks without a token');
is($gw->post('/v1/payments', %body, token => token_for('none'))->{status}, 403, 'nor without the scope');

my $payment = paid('mine', 'momo', 80_000);
my $path = "/v1/payments/$payment->{id}";
is($gw->get($path)->{status}, 401, 'nobody reads without a token');
is($gw->get($path, token => token_for('none', 'citizen-2'))->{status}, 404, 'nor what is another\'s');
is($gw->get($path, token => token(sub => 'desk', scope => 'x payments:read'))->{status}, 200,
   'but with the scope');
is($gw->post("$path/check", token => token_for('none', 'citizen-2'))->{status}, 404,
   'nobody checks what is another\'s');

# One's own, by pages.
my ($cursor, @own) = '';
do {
    my $page = $gw->get("/v1/payments?limit=2$cursor", token => token_for('none'))->{json};
    cmp_ok(scalar(@{ $page->{items} }), '<=', 2, 'a page is as long as it is asked for');
    push @own, @{ $page->{items} };
    $cursor = '&cursor=' . ($page->{next} // '');
} while $cursor ne '&cursor=';

is_deeply([map { $_->{id} } @own],
          [map { $_->[0] } $db->sql(q{select id, 1 from plugin_payments.intents where payer like '% citizen-1'
                                      order by created_at desc, id desc})],
          'each payment of the caller is in one page, the newest first');
is_deeply($own[0], $payment, '... as it is read alone');
is_deeply($gw->get('/v1/payments', token => token_for('none', 'citizen-2'))->{json},
          { items => [], next => undef }, 'another has none of them');
is_deeply($gw->get('/v1/payments?state=refunded', token => token_for('none'))->{json}{items}, [], 'by state');
is(scalar(@{ $gw->get('/v1/payments?service=parking&limit=50', token => token_for('none'))->{json}{items} }),
   scalar(@own), 'by service');
is($gw->get("/v1/payments?$_", token => token_for('none'))->{status}, 400, "refused: $_")
    for 'cursor=1', 'cursor=x.y', "cursor=refund.$own[0]{id}", 'limit=0', 'limit=51', 'state=paid';
is($gw->get('/v1/payments')->{status}, 401, 'and nobody without a token');

for my $place (["$path/refund", { reason => 'x' }], ['/v1/payments/sweep'],
               ['/v1/payments/reconciliations', { gateway => 'momo', date => '2026-01-01' }],
               ["/v1/payments/refunds/$payment->{id}/settle", { outcome => 'done', why => 'x' }])
{
    is($gw->post($place->[0], token => token_for('create'), $place->[1] ? (json => $place->[1]) : (),
                 headers => { 'Idempotency-Key' => 'k' })->{status}, 403, "$place->[0] needs its scope");
}
is($gw->post($_->[0], token => token_for($_->[1]), json => $_->[2], headers => { 'Idempotency-Key' => 'k' })->{status},
   400, "$_->[0]: not without words")
    for ["$path/refund", 'refund', { reason => " \x{a0}" }],
        ["/v1/payments/refunds/$payment->{id}/settle", 'operate', { outcome => 'done', why => "\x{200b}" }];
is($gw->get("/v1/payments/$_", token => token_for('none'))->{status}, 403, "$_ needs its scope")
    for qw(ledger reconciliations refunds);


# And back

my $r = refund($payment, 30_000, 'back-1', reason_en => 'Place given back');
is($r->{status}, 201, 'a part goes back') or diag $r->{content};
is($r->{json}{state}, 'done', 'at once');
is(refund($payment, 30_000, 'back-1', reason_en => 'Place given back')->{json}{id}, $r->{json}{id}, 'once for each key');
$payment = read_of($payment);
is("$payment->{state} $payment->{refunded}", 'partly_refunded 30000', 'the payment says so');
is($payment->{refunds}[0]{reason_en}, 'Place given back', '... and why, in English too');
$r = refund($payment, 50_001);
is($r->{status}, 409, 'more than is left does not');
is($r->{json}{left}, 50_000, 'and how much that is');
is(refund($payment)->{json}{amount}, 50_000, 'all that is left does');
is(read_of($payment)->{state}, 'refunded', 'then all has gone back');
is(refund($payment)->{status}, 409, 'and nothing is left');
is(refund($qr, 5)->{status}, 409, 'what was not paid does not go back');
is(refund({ id => '00000000-0000-4000-8000-000000000000' }, 5)->{status}, 404, 'nor what is not there');

# VNPAY knows a payment by the second it was asked for, too: whatever the fraction.
for my $n (1 .. 4) {
    $payment = pay_for("second-$n", 'vnpay', 1_000)->{json};
    $partners->pay($payment->{checkout}, callback => 0);
    $gw->post("/v1/payments/$payment->{id}/check", token => token_for('none'));
    is(read_of($payment)->{state}, 'succeeded', 'VNPAY finds what it is asked about');
    select undef, undef, undef, 0.23;
}

$payment = paid('vnpay-2', 'vnpay', 60_000);
is(refund($payment, 10_000)->{json}{state}, 'done', 'VNPAY: a part');
is(refund($payment)->{json}{state}, 'done', 'VNPAY: the rest');
is(read_of($payment)->{state}, 'refunded', 'VNPAY: all of it');

$payment = paid('vietqr-2', 'vietqr', 60_000);
$r = refund($payment);
is($r->{json}{state}, 'sent', 'VietQR: a person has to send it');
is(read_of($payment)->{state}, 'succeeded', 'VietQR: until then it is promised');
my %left = left('?gateway=vietqr');
is_deeply([map { delete $_->{received}{paid_at}; $_ } values %left], [{ %{ $r->{json} },
    gateway => 'vietqr', payment => $payment->{id}, payment_number => $payment->{number},
    service => 'parking', reference => 'vietqr-2',
    received => { transaction => $partners->orders->{ $payment->{number} }{transaction}, amount => 60_000, left => 0 },
}], 'VietQR: and stands in the list of what people do') or diag explain \%left;
my $settle = "/v1/payments/refunds/$r->{json}{id}/settle";
$r = $gw->post($settle, token => token_for('operate'),
               json => { outcome => 'done', transaction => 'FT26330', why => 'UNC 12, kế toán' });
is($r->{json}{state}, 'done', 'VietQR: and says when it is done') or diag $r->{content};
is(read_of($payment)->{state}, 'refunded', 'VietQR: all of it');
is_deeply([@{ refund_of($payment) }{qw(transaction why settled_by)}], ['FT26330', undef, undef],
          'the payer reads which transfer it is, and not what officers say to each other');
is_deeply([@{ $gw->get("/v1/payments/$payment->{id}", token => token(sub => 'desk', scope => 'payments:read'))
                 ->{json}{refunds}[0] }{qw(transaction why settled_by)}],
          ['FT26330', 'UNC 12, kế toán', "$IHanoi::Test::ISSUER citizen-1"], 'staff reads both, and who it was');
is_deeply({ left() }, {}, 'VietQR: and nothing stands there any more');
is($gw->post($settle, token => token_for('operate'), json => { outcome => 'refused', why => 'x' })->{status},
   409, 'what is done is not undone');

# A gateway that will never give it back: people do, of other money.
$payment = paid('closed', 'momo', 60_000);
my $transaction = $partners->orders->{ $payment->{number} }{transaction};
$partners->know(orders => $payment->{number}, transaction => 1);
is(refund($payment)->{json}{state}, 'refused', 'MoMo: refused for good');
$partners->know(orders => $payment->{number}, transaction => $transaction);
my $held = balances()->{'gateway:momo'};
my $asked = $partners->asked('momo.refund');
$r = refund($payment, 60_000, undef, transaction => "$transaction", by_hand => JSON::PP::true);
is("$r->{json}{state} $r->{json}{by_hand}", 'sent 1', 'MoMo: by hand') or diag $r->{content};
%left = left('?gateway=momo');
is_deeply([keys %left], [$r->{json}{number}], 'MoMo: people see it');
is($partners->asked('momo.refund'), $asked, 'MoMo: the gateway is not asked');
$r = $gw->post("/v1/payments/refunds/$r->{json}{id}/settle", token => token_for('operate'),
               json => { outcome => 'done', transaction => 'FT26331', why => 'UNC 13, kế toán' });
is($r->{json}{state}, 'done', 'MoMo: until they say that it is done') or diag $r->{content};
is(read_of($payment)->{state}, 'refunded', 'MoMo: then all has gone back');
is_deeply([@{ balances() }{qw(gateway:momo hand:momo)}], [$held, -60_000], 'MoMo: but not what it has taken');

is(scalar(keys %{ $partners->refunds }), 4, 'the gateways have paid four refunds');
is(balances()->{'refunding:vietqr'} // 0, 0, 'nothing is on its way any more');
balanced('refunds');


# The role that the plugin has cannot get around the ledger's rules.
for my $change ('update ledger_lines set amount = 1', 'delete from ledger_entries', 'truncate receipts cascade',
                'alter table ledger_lines disable trigger user', 'drop trigger append_only on ledger_lines',
                'create or replace function ledger_balances() returns trigger language plpgsql as $$ begin return null; end $$',
                q{set session_replication_role = 'replica'}, 'drop table ledger_lines',
                'delete from intent_transitions', 'truncate intent_transitions',
                q{insert into intent_transitions values ('failed', 'succeeded')},
                q{update intent_transitions set new = 'created' where new = 'failed'}, 'delete from refunds',
                q{insert into reconciliations (gateway, day, there, here, differences, agrees) values ('x', now(), '{}', '{}', '[]', true)},
                q{insert into ledger_entries (kind, subject) values ('received', gen_random_uuid())})
{
    like($db->sql_error("set search_path = plugin_payments; $change", user => 'plugin_payments'),
         qr/ERROR:  (?:42501|23000|23514|428C9)/, "the plugin's role: $change");
}


# A gateway is switched off for new payments: what was begun may be paid, and asked for.

my $begun = pay_for('begun', 'momo', 15_000)->{json};
again(settings => { gateways => '["vnpay", "vietqr"]' });
$r = pay_for('begin', 'momo', 15_000);
is("$r->{status} $r->{json}{gateway}", '422 momo', 'a gateway that is off takes no new payment');
is_deeply(pay_for('begun', 'momo', 15_000)->{json}, $begun, 'one that was begun is given again');
is(pay_for('begun', 'momo', 15_001)->{status}, 409, 'as it is');
$partners->pay($begun->{checkout});
is(pay_for('begun', 'momo', 15_000)->{json}{state}, 'succeeded', 'and is paid');
again(settings => { services => '["bills"]' });
is(pay_for('begun', 'momo', 15_000)->{status}, 201, 'so it is with a service');
is(pay_for('begin', 'momo', 15_000)->{status}, 422, 'that takes nothing new');


# Time is over

again(settings => { expires => 1 });
my %late = map { $_ => pay_for("late-$_", $_, 70_000)->{json} } qw(vnpay momo vietqr);
my $processing = pay_for('processing', 'momo', 70_000)->{json};
$partners->pay($processing->{checkout}, outcome => 'pending', callback => 0);
my $silent = pay_for('silent', 'vnpay', 70_000)->{json};
$partners->pay($silent->{checkout}, callback => 0);
my %less = map { $_ => pay_for("less-$_", $_, 70_000)->{json} } qw(vnpay momo vietqr);
$partners->pay($less{$_}{checkout}, amount => 69_000) for sort keys %less;
my $right = pay_for('right', 'vietqr', 70_000)->{json};
$partners->pay($right->{checkout}, amount => 69_000);
$partners->know(orders => "$right->{number} lan 2", gateway => 'vietqr', amount => 70_000);
sweep();
select undef, undef, undef, 1.3;
sweep();
is(read_of($late{$_})->{state}, 'expired', "$_: nobody has paid: expired") for sort keys %late;
is(read_of($silent)->{state}, 'succeeded', 'paid, and nobody said so: it was asked for');
is(read_of($processing)->{state}, 'pending', 'what is being worked on waits');
is(read_of($right)->{state}, 'succeeded', 'another amount, and then the right one, pays');
sweep();
is(read_of($less{$_})->{state}, 'expired', "$_: who has paid another amount has not paid") for sort keys %less;
$partners->know(orders => $processing->{number}, state => 'paid');
wait_until(sub { sweep(); read_of($processing)->{state} ne 'pending' }, 10);
is(read_of($processing)->{state}, 'succeeded', 'and is paid in the end');

$partners->pay($late{$_}{checkout}) for sort keys %late;
is(read_of($late{$_})->{state}, 'expired', "$_: paid too late: it stays expired") for sort keys %late;
is(reconcile('vietqr')->{status}, 201, 'of a bank we learn by its statement');
sweep();
is(refund_of($late{$_})->{state}, 'done', "$_: and the money goes back") for qw(vnpay momo);
is(refund_of($late{vietqr})->{state}, 'sent', 'vietqr: by hand');
balanced('late payments');


# A day of a gateway

is(reconcile('momo')->{json}{agrees}, JSON::PP::true, 'a day on which all agrees')
    or diag explain reconcile('momo')->{json};
is(reconcile('vnpay')->{json}{agrees}, JSON::PP::true, 'of VNPAY too');

again();
my $lost = pay_for('lost', 'momo', 11_000)->{json};
$partners->pay($lost->{checkout}, callback => 0);
my $ours = paid('only-ours', 'momo', 12_000);
$partners->forget(orders => $ours->{number});
my $other = paid('other', 'momo', 13_000);
$partners->know(orders => $other->{number}, amount => 13_001);
$partners->know(orders => 'HNFFFFFFFFFFFFFFFF', gateway => 'momo', amount => 9_000);
my $refunds = $partners->refunds;
my ($gone) = grep { $refunds->{$_}{gateway} eq 'momo' } sort keys %$refunds;
$partners->forget(refunds => $gone);

$r = reconcile('momo');
is($r->{json}{agrees}, JSON::PP::false, 'a day on which much differs');
my %found;
push @{ $found{ $_->{kind} } }, $_ for @{ $r->{json}{differences} };
is_deeply({ map { $_ => [sort map { join ' ', $_->{number} // '-', $_->{there} // '-', $_->{here} // '-',
                                              $_->{became} // '-' } @{ $found{$_} }] } keys %found }, {
    'payment-missing-here' => [sort "$lost->{number} 11000 - applied", 'HNFFFFFFFFFFFFFFFF 9000 - unknown'],
    'payment-missing-there' => ["$ours->{number} - 12000 -"],
    'payment-amount' => ["$other->{number} 13001 13000 -"],
    'refund-missing-there' => [map { my $n = $_; "$n - "
        . $db->sql("select amount from plugin_payments.refunds where number = '$n'") . ' done' } $gone],
}, 'each is told') or diag explain \%found;
is(read_of($lost)->{state}, 'succeeded', 'and what only the file knew is paid');
$r = $gw->get('/v1/payments/reconciliations?gateway=momo', token => token_for('audit'));
is(scalar @{ $r->{json}{items} }, 1, 'the last report of a day can be read');
is(scalar @{ $r->{json}{items}[0]{differences} }, 5, 'with its differences');
balanced('reconciliation');


# After midnight a bank is asked for two days: a run asks as often as it may.
my @night = map { pay_for("night-$_", 'vietqr', 7_000)->{json}{id} } 1 .. 18;
$db->sql("set session_replication_role = replica; set search_path = plugin_payments;
          update intents set created_at = created_at - interval '1 day' where reference like 'night-%'");
sweep();
unlike($gw->error_log, qr/too many calls/, 'nothing is asked that may not be asked any more');
$db->sql("set session authorization plugin_payments; set search_path = plugin_payments;
          update intents set state = 'expired' where reference like 'night-%'");


# Jobs do the same by themselves

my @open = map { pay_for("job-$_", qw(momo vnpay)[$_ % 2], 5_000)->{json} } 1 .. 13;
$partners->pay($_->{checkout}, callback => 0) for @open;
my $back = paid('job-back', 'momo', 5_000);
$partners->misbehave('momo.refund' => 'drop');
is(refund($back)->{json}{state}, 'sent', 'a refund that is unclear');

# Twice at most: on a busy machine a gateway's answer may come too late.
for (1 .. 2) {
    $db->sql("set search_path = plugin_payments;
              update intents set check_at = now() where state = 'pending';
              update refunds set due_at = now() where state = 'sent'");
    is(job('sweep'), 'ok', 'the sweep');
    last if read_of($back)->{state} eq 'refunded'
        && !grep { read_of($_)->{state} ne 'succeeded' } @open;
}
is(scalar(grep { read_of($_)->{state} eq 'succeeded' } @open), 13, 'all that is left open is looked at');
is(read_of($back)->{state}, 'refunded', 'refunds too');

# Yesterday: a payment that nobody has told us of.
my $old = pay_for('yesterday', 'momo', 7_000)->{json};
$partners->pay($old->{checkout}, callback => 0);
$partners->know(orders => $old->{number}, at => time - 86_400);
$db->sql("set session_replication_role = replica;
          update plugin_payments.intents set created_at = created_at - interval '1 day' where id = '$old->{id}'");
$partners->misbehave('momo.statement' => 'half');
my $yesterday = POSIX::strftime('%Y-%m-%d', gmtime time - 86_400 + 7 * 3600);
like(job('reconcile'), qr/^\w+: momo $yesterday: payment-file-away$/, 'a day without a file');
is(job('reconcile'), 'ok', 'the next morning');
is(read_of($old)->{state}, 'succeeded', 'the day before is booked');
my $seen = () = grep { /^momo.statement/ } $partners->seen;
is(job('reconcile'), 'ok', 'again');
is(scalar(grep { /^momo.statement/ } $partners->seen), $seen, 'a day that was reconciled is not asked for again');

# Asked for before midnight, paid after it, and the bank gives no statements for a day.
my $between = pay_for('between', 'vietqr', 8_000)->{json};
$partners->pay($between->{checkout});
$partners->know(orders => $between->{number}, at => time - 86_400);
$db->sql("set session_replication_role = replica;
          update plugin_payments.intents set created_at = created_at - interval '2 days',
                                             expires_at = expires_at - interval '2 days'
           where id = '$between->{id}'");
sweep();
is(read_of($between)->{state}, 'succeeded', 'what was paid on the day between is found');
balanced('jobs');

done_testing;
