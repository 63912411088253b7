# What other plugins do with payments: each its own, with the caller's identity.

use lib 'tests/lib', 'plugins/payments/tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Payments::Test;

my %lua = (
    buy  => 'return show(ihanoi.interface.call("payments", "payments", "intent_create", {
                 reference = input.reference, gateway = "momo", amount = input.amount,
                 description = "Gửi xe", payer = input.payer }))',
    look => 'return show(ihanoi.interface.call("payments", "payments", "intent_read", { id = input.id }))',
    back => 'return show(ihanoi.interface.call("payments", "payments", "refund", {
                 id = input.id, amount = input.amount, reason = "Trả chỗ", reason_en = input.reason_en, key = input.key }))',
);

sub shop {
    my ($name, $version, %limits) = @_;
    my %body = (method => 'put', security => [{}, { bearer => [] }],
        requestBody => { required => JSON::PP::true, content => { 'application/json' => { schema => {
            type => 'object', properties => {
                (map { $_ => { type => 'string', maxLength => 400 } } qw(reference payer id key reason_en)),
                amount => { type => 'integer' } } } } } });
    my $told = 'local p = event.payload
                ihanoi.log.info(("told %s %s %s %s %s %d %d"):format(event.topic, event.key,
                                p.service, p.reference, p.state, p.amount, p.refunded))';
    my $handler = "local M = {}\nlocal function show(value, err) return 200, { value = value, err = err } end\n"
        . join('', map { "function M.$_(input) $lua{$_} end\n" } sort keys %lua) . "function M.told(event) $told end\nreturn M\n";

    return plugin_folder(name => $name, handler => $handler, lua => { map { $_ => '' } keys %lua },
        operations => { map { $_ => \%body } keys %lua },
        manifest => { limits => { timeout => '19s', %limits }, interfaces => { uses => [
            { plugin => 'payments', name => 'payments', version => $version }] },
            ($name eq 'parking' ? (events => { subscribes => [
                { event => 'payments.changed', handler => 'told' }] }) : ()) });
}

my @shops = (shop('parking', 2), shop('bus_pass', 1), shop('stall', 2), shop('school', 1, timeout => '2s'));
my ($gw, $db, $partners) = payments(plugins => join '', map {
    $_->block('public;', 'interface payments.payments;', 'timeout 20s;',
              $_->{name} eq 'parking' ? 'event payments.changed;' : ()) } @shops);

sub ask {
    my ($shop, $what, %json) = @_;
    my $r = $gw->request('PUT', "/v1/$shop/$what", json => \%json, timeout => 25,
                         token => token_for('none', delete $json{-as} // 'citizen-1'));
    return $r->{json} // { status => $r->{status} };
}

my $p = ask('parking', 'buy', reference => 'hold-1', amount => 20_000)->{value};
is($p->{state}, 'pending', 'a plugin asks for a payment') or diag $gw->error_log;
is($p->{service}, 'parking', 'which is for itself');
is_deeply(ask('parking', 'buy', reference => 'hold-1', amount => 20_000)->{value}, $p,
          'the same reference is the same payment');
is(ask('parking', 'buy', reference => 'hold-1', amount => 1)->{err}, 'payment-reference-used',
   'with another amount it is refused');
isnt(ask('bus_pass', 'buy', reference => 'hold-1', amount => 20_000)->{value}{id}, $p->{id},
     'references of another plugin are its own');
is(ask('stall', 'buy', reference => 'hold-1', amount => 20_000)->{err}, 'payment-service-unknown',
   'a plugin that nobody takes money for');

is($gw->get("/v1/payments/$p->{id}", token => token_for('none', 'citizen-1'))->{status}, 200,
   'who was calling pays');
is($gw->get("/v1/payments/$p->{id}", token => token_for('none', 'citizen-2'))->{status}, 404, 'and nobody else');
my $r = $gw->request('PUT', '/v1/parking/buy', json => { reference => 'x', amount => 5 });
is($r->{json}{err}, 'payment-payer-unknown', 'somebody has to pay');

$partners->pay($p->{checkout});
is(ask('parking', 'look', id => $p->{id})->{value}{state}, 'succeeded', 'the plugin sees that it is paid');
is_deeply(ask('bus_pass', 'look', id => $p->{id}), {}, 'another one does not');
is_deeply(ask('bus_pass', 'back', id => $p->{id}, key => 'k'), {}, 'nor may it give it back');
my $f = ask('parking', 'back', id => $p->{id}, amount => 5_000, key => 'k', reason_en => 'Place given back')->{value};
is("$f->{amount} $f->{state}", '5000 done', 'the plugin itself may');
is("$f->{reason}/$f->{reason_en}", 'Trả chỗ/Place given back', '... and says why in both languages');
is(ask('parking', 'back', id => $p->{id}, amount => 5_000, key => 'k')->{value}{id}, $f->{id}, 'once for each key');
is(ask('parking', 'back', id => $p->{id}, amount => 15_001, key => 'l')->{err}, 'payment-refund-exceeds', 'and not too much');

# Who asked is told of all that became of the payment, in its order.
wait_until(sub { $gw->error_log =~ /told payments.changed $p->{id} parking hold-1 partly_refunded/ });
is_deeply([$gw->error_log =~ /told payments.changed $p->{id} parking hold-1 (\w+ \d+ \d+)/g],
          ['succeeded 20000 0', 'partly_refunded 20000 5000'], 'each change of a payment is told once')
    or diag $gw->error_log;

# Arguments are held against the interface.
is($gw->request('PUT', '/v1/parking/buy', json => { reference => 'y', amount => 0 }, token => token_for('none'))->{status},
   500, 'a plugin that asks for nothing is wrong');

# A plugin with little time: what it leaves half done goes on.
$partners->misbehave('momo.create' => 'late');
is(ask('school', 'buy', reference => 'fee', amount => 30_000)->{err}, 'payment-gateway-away', 'a gateway that is late');
$p = ask('school', 'buy', reference => 'fee', amount => 30_000)->{value};
is($p->{state}, 'pending', 'the next try');
$partners->pay($p->{checkout});
$f = ask('school', 'back', id => $p->{id}, key => 'k')->{value};
is($f->{state}, 'requested', 'a refund is promised');
is(job('sweep'), 'ok', 'and sent by the job');
is(ask('school', 'look', id => $p->{id})->{value}{state}, 'refunded', 'in time');
balanced('what plugins did');
is(balances()->{'payee:parking'}, -15_000, 'each has an account of its own');

done_testing;
