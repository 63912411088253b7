# Callbacks of gateways: believed only with their signature, applied once
# however often and in which order they come, answered as each scheme wants it.

use lib 'tests/lib', 'plugins/payments/tests/lib';
use HTTP::Tiny;
use IHanoi::Test;
use Payments::Test;

my ($gw, $db, $partners) = payments();

sub pending {
    my ($reference, $gateway, %how) = @_;
    my $payment = pay_for($reference, $gateway, 50_000)->{json};
    $partners->pay($payment->{checkout}, callback => 0, %how);
    return $payment;
}

sub state_of { return read_of($_[0])->{state} }

# RspCode of VNPAY, the status of MoMo.
sub said {
    my ($payment, %how) = @_;
    my $r = $partners->callback($payment->{number}, %how);
    return $r->{json} && defined $r->{json}{RspCode} ? $r->{json}{RspCode} : $r->{status};
}


# VNPAY

my $p = pending('v1', 'vnpay');
is(said($p, forged => 1), '97', 'vnpay: another key');
is(said($p, vnp_TmnCode => 'OTHER'), '01', 'vnpay: of another terminal');
is(said($p, vnp_TxnRef => 'HN0000000000000000'), '01', 'vnpay: a number nobody knows');
is(said($p, vnp_TxnRef => q{' or 1=1 --}), '01', 'vnpay: what is no number');
is(said($p, vnp_TxnRef => ''), '99', 'vnpay: no number');
is(said($p, vnp_TxnRef => 'HN' . '0' x 300), '01', 'vnpay: one that is too long');
is(said($p, vnp_TxnRef => "HN\0"), '99', 'vnpay: one that is no text');
is(said($p, vnp_Amount => $_), '99', "vnpay: an amount of \"$_\"")
    for '', '0', '-5000000', '5000001', '5e6', '50000.00', '00500000', '9' x 14 . '00';
is(said($p, vnp_TransactionNo => $_), '99', "vnpay: a transaction \"$_\"") for '', '0', 'x';
is(said($p, vnp_ResponseCode => $_), '99', "vnpay: a code \"$_\"") for '', '0', 'x1';
is(state_of($p), 'pending', 'vnpay: nothing of it pays');

my ($method, $url) = $partners->to_call($p->{number});
for my $case (
    ['without a signature', sub { s/&vnp_SecureHash=\w+// }],
    ['with an empty one', sub { s/(vnp_SecureHash=)\w+/$1/ }],
    ['with half of one', sub { s/(vnp_SecureHash=\w{64})\w+/$1/ }],
    ['with one digit changed', sub { s/(vnp_SecureHash=.*)(\w)/$1 . ($2 eq '0' ? '1' : '0')/e }],
    ['with another amount', sub { s/vnp_Amount=5000000/vnp_Amount=100/ }],
    ['with another number', sub { s/(vnp_TxnRef=HN)(.)/$1 . ($2 eq '0' ? '1' : '0')/e }],
    ['with a code put in', sub { s/vnp_ResponseCode=00/vnp_ResponseCode=24/ }],
    ['with one left out', sub { s/vnp_BankCode=\w+&// }],
    ['with a new one put in', sub { s/$/&vnp_New=1/ }],
    ['with one twice', sub { s/$/&vnp_New=1&vnp_New=1/ }],
    ['with an amount twice', sub { s/$/&vnp_Amount=5000000/ }],
    ['with one that is too long', sub { s/(vnp_BankCode=)\w+/$1 . 'x' x 300/e }],
    ['with a name that is none', sub { s/$/&vnp_%zz=1&%FF=1&%/ }],
    ['with one that is no text', sub { s/(vnp_BankCode=)\w+/$1%FF%00%zz/ }],
    ['with one put in', sub { s/$/&vnp_SecureHashType=x&vnp_BankTranNo=1/; s/vnp_BankTranNo=VNP\d+&// }],
) {
    my ($what, $change) = @$case;
    local $_ = $url;
    $change->();
    isnt($_, $url, "vnpay: $what: is another URL");
    my $r = HTTP::Tiny->new->get($_);
    is($r->{status} == 200 ? JSON::PP::decode_json($r->{content})->{RspCode} : $r->{status}, '97',
       "vnpay: $what");
}
is(state_of($p), 'pending', 'vnpay: nothing of it pays either');

is(HTTP::Tiny->new->get($url =~ s/(vnp_SecureHash=)(\w+)/$1 . uc $2/er)->{content}
   =~ /"RspCode":"(\d+)"/ ? $1 : '', '00', 'vnpay: as VNPAY signs it, in capitals too');
is(state_of($p), 'succeeded', 'vnpay: pays');
is(said($p), '02', 'vnpay: again');
is(said($p, vnp_ResponseCode => '24', vnp_TransactionStatus => '02'), '02', 'vnpay: a failure after it');
is(said($p, vnp_TransactionNo => '4999999999'), '02', 'vnpay: paid by another transaction, too');
is(state_of($p), 'succeeded', 'vnpay: it stays paid');
is(refund_of($p)->{amount}, 50_000, 'vnpay: and the second payment goes back');

$p = pending('v2', 'vnpay');
is(said($p, vnp_Amount => 4_900_000), '04', 'vnpay: another amount');
is(state_of($p), 'pending', 'vnpay: does not pay');
is(refund_of($p)->{amount}, 49_000, 'vnpay: and goes back');
$p = pending('v3', 'vnpay', outcome => 'failed');
is(said($p), '00', 'vnpay: a failure');
is(state_of($p), 'failed', 'vnpay: has failed');
is(said($p, vnp_ResponseCode => '00', vnp_TransactionStatus => '00'), '02', 'vnpay: a success after it');
is(state_of($p), 'failed', 'vnpay: what was told stays');
is(refund_of($p)->{amount}, 50_000, 'vnpay: and the money goes back');
$p = pending('v4', 'vnpay');
is(said($p, vnp_ResponseCode => '07', vnp_New => 'a b&c'), '00', 'vnpay: taken under suspicion');
is(state_of($p), 'pending', 'vnpay: decides nothing');
is(said($p, vnp_ResponseCode => '99', vnp_TransactionStatus => $_), '00', "vnpay: a code nobody knows, and $_")
    for '00', '02', '05';
is(state_of($p), 'pending', 'vnpay: decides nothing either');
is(said($p, vnp_BankCode => 'Ngân hàng *~ & = %26+', vnp_OrderInfo => ''), '00',
   'vnpay: whatever letters it has');
is(said($p, vnp_OrderInfo => 'x' x 1000), '02', 'vnpay: however long it is');

# The way back shows, and changes nothing.
$p = pending('v5', 'vnpay');
($method, $url) = $partners->to_call($p->{number});
my $r = HTTP::Tiny->new->get($url =~ s{/ipn}{/return}r);
is(JSON::PP::decode_json($r->{content})->{state}, 'pending', 'vnpay: the payer is back before the IPN');
is(HTTP::Tiny->new->get($url =~ s{/ipn}{/return}r =~ s/vnp_Amount=5/vnp_Amount=4/r)->{status}, 403,
   'vnpay: or has changed something');
for my $number ("HN\0", "HN\n", "HN\xff") {
    my (undef, $back) = $partners->to_call($p->{number}, vnp_TxnRef => $number);
    is(HTTP::Tiny->new->get($back =~ s{/ipn}{/return}r)->{status}, 403,
       sprintf 'vnpay: or with a number that is no text: %vd', $number);
}
is(state_of($p), 'pending', 'vnpay: nothing has changed');


# MoMo

$p = pending('m1', 'momo');
is(said($p, forged => 1), 403, 'momo: another key');
is(said($p, partnerCode => 'OTHER'), 403, 'momo: of another partner');
is(said($p, orderId => 'HN0000000000000000'), 404, 'momo: a number nobody knows');
is(said($p, amount => $_), 403, "momo: an amount of $_") for 0, -50_000, '"50000"', 'x';
is(said($p, transId => 0), 403, 'momo: no transaction');
is(said($p, message => 'ok&orderId=HN0000000000000001'), 403, 'momo: a value that could be two');

($method, $url, my $body) = $partners->to_call($p->{number});
sub post { return HTTP::Tiny->new->post($url, { content => $_[0], headers => { 'Content-Type' => 'application/json' } })->{status} }

for my $name (sort keys %{ JSON::PP::decode_json($body) }) {
    next if $name eq 'signature';
    my $changed = JSON::PP::decode_json($body);
    $changed->{$name} = $changed->{$name} =~ /^\d+$/ ? $changed->{$name} + 1 : "$changed->{$name}x";
    is(post(JSON::PP::encode_json($changed)), 403, "momo: another $name");
    delete $changed->{$name};
    is(post(JSON::PP::encode_json($changed)), 403, "momo: no $name");
    is(post(JSON::PP::encode_json({ %$changed, $name => $_ })), 403, "momo: $name of another type")
        for { a => 1 }, [{ a => 1 }, 2];
}
is(post($body =~ s/"signature":"\w+"/"signature":$_/r), 403, "momo: a signature $_") for '""', 'null', '5', '{}';
is(post($body =~ s/("$_":\d+)/$1.5/r), 403, "momo: a fraction of $_, which is signed as the whole")
    for qw(amount resultCode transId);
is(post($_), 400, 'momo: what is no object: ' . substr $_, 0, 20)
    for '', '[]', '5', '{', '{"a":1,"a":2}', '{"orderId":"\u0000"}', '[' x 100;
is(post($body =~ s/("$_":)\d+/${1}9007199254740993/r), 400, "momo: $_ that no double holds, as often as one likes")
    for (qw(amount resultCode transId responseTime)) x 3;
is(post('{"x":[' . join(',', ('[' x 29 . ']' x 29) x 4000) . ']}'), 400, 'momo: more lists than there is memory for');
isnt(post('{"x":"' . 'x' x 3_000_000 . '"}'), 204, 'momo: much too much');
is(state_of($p), 'pending', 'momo: nothing of it pays');

is(said($p), 204, 'momo: as MoMo signs it');
is(state_of($p), 'succeeded', 'momo: pays');
my $plain = pay_for('m0', 'momo', 50_000, description => 'Parking')->{json};
$partners->pay($plain->{checkout});
is(state_of($plain), 'succeeded', 'momo: whatever letters its text has');
is(said($p), 204, 'momo: again');
is(said($p, resultCode => 1006), 204, 'momo: a failure after it');
is(said($p, transId => 4999999998), 204, 'momo: paid by another transaction, too');
is(state_of($p), 'succeeded', 'momo: it stays paid');
is(refund_of($p)->{amount}, 50_000, 'momo: and the second payment goes back');
$p = pending('m2', 'momo');
is(said($p, resultCode => $_), 204, "momo: code $_") for 1000, 7000, 7002, 9000, 99;
is(state_of($p), 'pending', 'momo: decides nothing');
is(said($p, resultCode => 1006), 204, 'momo: the payer has said no');
is(state_of($p), 'failed', 'momo: has failed');

$p = pending('m3', 'momo');
($method, $url, $body) = $partners->to_call($p->{number});
is(post($body =~ s/^\{/{"newMember":{"list":[1]},/r), 204, 'momo: members that MoMo adds one day');
is(state_of($p), 'succeeded', 'momo: are no hindrance');

# Before our own question was answered.
$partners->misbehave('momo.create' => 'first');
$p = pay_for('m4', 'momo', 50_000)->{json};
is($p->{state}, 'succeeded', 'momo: a callback that comes before the answer');
balanced('one after the other');


# At the same time: each is one payment, whoever is first.

my $before = balances();
my @payments = map { pending("storm-$_", $_ % 2 ? 'momo' : 'vnpay') } 1 .. 6;
my @pids = map {
    my $n = $_;
    beside(sub { $partners->callback($payments[($_ + $n) % 6]{number}) for 0 .. 11 });
} 1 .. 8;
push @pids, beside(sub {
    $gw->post("/v1/payments/$payments[$_ % 6]{id}/check", token => token_for('none')) for 0 .. 11;
});
waitpid $_, 0 for @pids;
is_deeply([map { state_of($_) } @payments], [('succeeded') x 6], 'a storm of callbacks: all are paid');
my $after = balances();
is($after->{'payee:parking'}, $before->{'payee:parking'} - 300_000, 'once each');
is($db->sql(q{select count(*) from plugin_payments.receipts r join plugin_payments.intents i on i.id = r.intent
              where i.reference like 'storm-%'}), 6, 'by one receipt each');
balanced('a storm');

# Refunds of one payment at the same time cannot promise the same money.
$p = $payments[0];
waitpid $_, 0 for map { my $n = $_; beside(sub { refund($p, 20_000, "race-$n") }) } 1 .. 6;
is(read_of($p)->{refunded}, 40_000, 'six refunds of 20,000 from 50,000: two');
waitpid $_, 0 for map { beside(sub { refund($payments[1], 20_000, 'same') }) } 1 .. 6;
is(read_of($payments[1])->{refunded}, 20_000, 'six with one key: one');
balanced('a race of refunds');

done_testing;
