package Payments::Test;

# The payments plugin through a real gateway, with a database of its own and
# partners that misbehave.
#
#   my ($gw, $db, $partners) = payments(settings => { expires => 1 });
#   my $p = pay_for('hold-1', 'momo', 50_000);       # POST /v1/payments: its answer
#   my $d = read_of($p);                             # GET: the document
#   refund($p, 20_000, 'a key'); sweep(); balances();
#   balanced('what was done');                       # the ledger, as a test

use strict;
use warnings;
use utf8;
use Exporter 'import';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Payments::Partners;
use POSIX ();

our @EXPORT = qw(payments again pay_for paid read_of refund refund_of left sweep job reconcile
                 balances balanced token_for today);

my ($gw, $db, $partners, $block, $code);
my $plugins = '';
my $folder = IHanoi::Test::tree() . '/plugins/payments';
my $path = $folder;


# options: db, path (of the plugin), settings (of it), plugins (more blocks for nginx.conf),
# the rest is the gateway's.
sub payments {
    my (%arg) = @_;

    $partners = Payments::Partners->new;
    $db = delete $arg{db} // database();
    $block = plugin_database($db, $folder, 'read connections=1;', 'write connections=3 wait=1s;');
    $code = $db->sql("select nspname from pg_namespace where nspname like 'code_payments_%'");

    $gw = gateway(db => $db, start => 0, _conf(%arg));
    $gw->write('vnpay_secret', Payments::Partners::VNPAY_SECRET);
    $gw->write('momo_secret', Payments::Partners::MOMO_SECRET);
    chmod 0600, "$gw->{dir}/vnpay_secret", "$gw->{dir}/momo_secret";
    $gw->start;
    $partners->callbacks($gw->url);
    _ready();

    # Jobs run when a test says so.
    plugin_jobs_rest($db, 'payments', 2);

    return ($gw, $db, $partners);
}


# The same gateway with other settings.
sub again {
    my (%arg) = @_;

    $gw->reload(_conf(%arg));
    _ready();
    return;
}


sub _ready {
    wait_until(sub { my $r = $gw->get('/v1/payments/ledger', token => token_for('audit'));
                     $r && $r->{status} == 200 })
        or die "the plugin does not answer:\n", $gw->error_log;
    return;
}


sub _conf {
    my (%arg) = @_;
    my $url = $partners->url;
    my %settings = (
        gateways => '["vnpay", "momo", "vietqr"]', patience => 1, step => 60,
        vnpay_url => "$url/vnpay/pay", vnpay_terminal => Payments::Partners::VNPAY_TERMINAL,
        vnpay_return => 'https://app.example/back', momo_return => 'https://app.example/back',
        momo_callback => 'https://city.example/v1/payments/momo/ipn',
        momo_partner => Payments::Partners::MOMO_PARTNER,
        momo_access_key => Payments::Partners::MOMO_ACCESS,
        vietqr_bank => Payments::Partners::BANK, vietqr_account => Payments::Partners::ACCOUNT,
        vietqr_name => 'Kho bạc Hà Nội', %{ delete $arg{settings} // {} },
    );
    my $settings = join "\n", map { "    setting $_ '$settings{$_}';" } sort keys %settings;

    $plugins = delete $arg{plugins} // $plugins;
    $path = delete $arg{path} // $path;
    my $http = $plugins . <<"CONF";
ihanoi_plugin_background on interval=100ms;
ihanoi_plugin payments {
    path $path;
    public;
    database payments;
    backend vnpay /_vnpay;
    backend momo /_momo;
    backend vietqr /_vietqr;
    secret vnpay_secret vnpay_secret;
    secret momo_secret momo_secret;
    timeout 20s;
    jobs 2m;
    check always;
$settings
}
$block
CONF
    my $locations = join "\n", 'location / { auth_jwt iHaNoi; ihanoi_api on; }',
        map { "location ^~ /_$_ { internal; proxy_pass $url/$_; proxy_http_version 1.1;"
              . ' proxy_next_upstream off; }' } qw(vnpay momo vietqr);

    return (http => $http, locations => $locations, %arg);
}


sub token_for {
    my ($what, $sub) = @_;
    my %scopes = (create => 'payments:create', refund => 'payments:refund',
                  operate => 'payments:operate', audit => 'payments:audit', none => undef);
    return token(sub => $sub // 'citizen-1', scope => $scopes{$what});
}

my $keys = 0;

sub _post {
    my ($path, $scope, $json, $key) = @_;
    return $gw->post("/v1/payments$path", token => token_for($scope), timeout => 30,
                     (defined $json ? (json => $json) : ()),
                     headers => { 'Idempotency-Key' => $key // "test-$$-" . ++$keys });
}


sub pay_for {
    my ($reference, $gateway, $amount, %more) = @_;
    my $key = delete $more{key};
    return _post('', 'create', { service => 'parking', reference => $reference, gateway => $gateway,
                                 amount => $amount, description => 'Gửi xe, một giờ', %more }, $key);
}

# A payment of an amount that was paid: its document.
sub paid {
    my ($reference, $gateway, $amount) = @_;
    my $r = pay_for($reference, $gateway, $amount);
    $r->{status} == 201 or die "no intent: $r->{content}\n";
    $partners->pay($r->{json}{checkout});
    sweep() if $gateway eq 'vietqr';
    return read_of($r);
}

sub read_of {
    my ($payment) = @_;
    my $id = $payment->{id} // $payment->{json}{id};
    return $gw->get("/v1/payments/$id", token => token_for('none'))->{json};
}

sub refund {
    my ($payment, $amount, $key, %more) = @_;
    my $id = $payment->{id} // $payment->{json}{id};
    return _post("/$id/refund", 'refund',
                 { reason => 'Trả chỗ', $amount ? (amount => $amount) : (), %more }, $key);
}

# The state of a payment's only refund.
sub refund_of {
    my ($payment) = @_;
    my @refunds = @{ read_of($payment)->{refunds} };
    return @refunds == 1 ? $refunds[0] : die scalar(@refunds) . " refunds\n";
}

# What is left to people, by the refunds' numbers.
sub left {
    my ($query) = @_;
    my $r = $gw->get('/v1/payments/refunds' . ($query // ''), token => token_for('operate'));
    return map { ($_->{number} => $_) } @{ $r->{json}{items} };
}

# What is open is due at once, but for what is left to people.
sub sweep {
    $db->sql("set search_path = plugin_payments;
              update intents set check_at = now() where state in ('created', 'pending');
              update refunds set due_at = now()
               where state in ('requested', 'sent') and due_at < 'infinity'");
    return _post('/sweep', 'operate');
}

# Runs a job now: its outcome, and why.
sub job { plugin_job($db, 'payments', @_) }

sub reconcile {
    my ($gateway, $date) = @_;
    return _post('/reconciliations', 'operate', { gateway => $gateway, date => $date // today() });
}

# The day in Hà Nội.
sub today { return POSIX::strftime('%Y-%m-%d', gmtime time + 7 * 3600) }


sub balances {
    my $r = $gw->get('/v1/payments/ledger', token => token_for('audit'));
    return { map { $_->{account} => $_->{balance} } @{ $r->{json}{accounts} } };
}


# Two tests: the ledger is sound, and is what the partners' own books say.
sub balanced {
    my ($what) = @_;
    my @wrong = $db->sql("set search_path = $code, plugin_payments, public; select * from ledger_check()");
    @wrong = grep { defined $_->[0] } @wrong;

    is_deeply(\@wrong, [], "$what: the ledger is sound");
    is($db->sql('select coalesce(sum(amount), 0) from plugin_payments.ledger_lines'), 0,
       "$what: it balances");
    return;
}


1;
