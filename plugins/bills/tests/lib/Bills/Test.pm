package Bills::Test;

# The bills plugin beside payments and the catalogue, through a real gateway, with a
# database of its own and companies that misbehave.
#
#   my ($gw, $db, $partners, $evn) = bills(settings => { settle => 1 });
#   my $r = lookup(code => 'PD0100000001');          # POST /v1/bills/lookups
#   my $o = pay_bill($bill_id, 217_836);             # POST /v1/bills/{id}/pay
#   $o = topup('0961234567', 50_000);
#   pay($o);                                         # as a payer does
#   cancel($o->{json}{id});                          # POST /v1/bills/orders/{id}/cancel
#   order_of($o); settled($o, 'delivered'); sweep_bills();
#   sound('what was done');                          # all books, as tests
#
# Each takes -as => 'citizen-2' and -key => 'an Idempotency-Key'.

use strict;
use warnings;
use utf8;
use Bills::Companies;
use Catalogue::Test qw(catalogue_conf);
use Exporter 'import';
use File::Temp qw(tempdir);
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Payments::Test ();

our @EXPORT = qw(bills bills_conf bills_in bills_again ask lookup bill_id pay_bill topup cancel pay order_of settled sweep_bills
                 bills_job due load_data sound officer put);

my $tree = IHanoi::Test::tree();
my $folder = "$tree/plugins/bills";
my ($gw, $db, $partners, $companies, $secrets, $block, $code, %payments);


# settings: of the plugin; payments: settings of payments; the rest is the gateway's.
sub bills {
    my (%arg) = @_;

    $db = $arg{db} // database();
    %payments = (services => '["bills"]', patience => 5, %{ delete $arg{payments} // {} });
    my ($plugins, $server) = bills_conf($db, %{ delete $arg{settings} // {} });
    bills_in(Payments::Test::payments(settings => { %payments }, db => $db, plugins => $plugins,
                                      server => $server, %arg));
    return ($gw, $db, $partners, $companies);
}


# For a gateway with other plugins, too: directives of http{} and of server{}, and when it
# runs, what payments() gave. settings: of the plugin.
sub bills_conf {
    ($db, my %settings) = @_;

    $companies = Bills::Companies->new;
    $secrets = tempdir('ihanoi-bills-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
    _secret(evn_key => Bills::Companies::EVN_KEY);
    _secret(carrier_keys => JSON::PP->new->canonical->encode(Bills::Companies::CARRIER_KEYS));

    $block = plugin_database($db, $folder, 'read connections=1;', 'write connections=3 wait=1s;')
             . catalogue_conf($db);
    $code = $db->sql("select nspname from pg_namespace where nspname like 'code_bills_%'");

    my $url = $companies->url;
    return (_plugin(%settings) . $block,
            join "\n", map { "location ^~ /_$_ { internal; proxy_pass $url/$_; "
                             . 'proxy_http_version 1.1; proxy_next_upstream off; }' }
                       qw(evn carriers));
}

sub bills_in {
    ($gw, undef, $partners) = @_;

    $companies->callbacks($gw->url);
    wait_until(sub { my $r = $gw->get('/v1/bills/carriers'); $r && $r->{status} == 200 })
        or die "the plugin does not answer:\n", $gw->error_log;

    # Jobs run when a test says so.
    my $jobs = () = _file("$folder/plugin.json") =~ /"cron"/g;
    plugin_jobs_rest($db, 'bills', $jobs);

    return $companies;
}


# The same gateway with other settings.
sub bills_again {
    my (%settings) = @_;

    Payments::Test::again(plugins => _plugin(%settings) . $block, settings => { %payments });
    wait_until(sub { my $r = $gw->get('/v1/bills/carriers'); $r && $r->{status} == 200 });
    return;
}


sub _file {
    my ($name) = @_;
    open my $fh, '<:raw', $name or die "$name: $!\n";
    local $/;
    return scalar <$fh>;
}

sub _secret {
    my ($name, $text) = @_;
    open my $fh, '>', "$secrets/$name" or die "$name: $!\n";
    print $fh $text;
    close $fh;
    chmod 0600, "$secrets/$name";
    return;
}

sub _plugin {
    my (%settings) = (patience => 5, lookups_an_hour => 1000, customers_a_day => 1000,
                      open_orders => 100, @_);
    my $lines = join "\n", map { "    setting $_ '$settings{$_}';" } sort keys %settings;

    return <<"CONF";
ihanoi_plugin bills {
    path $folder;
    public;
    database bills;
    backend evn /_evn;
    backend carriers /_carriers;
    secret evn_key $secrets/evn_key;
    secret carrier_keys $secrets/carrier_keys;
    interface payments.payments;
    event payments.changed;
    interface catalogue.consents;
    event catalogue.consent_withdrawn;
    event person.erased;
    timeout 20s;
    jobs 2m;
    check always;
$lines
}
CONF
}


my $keys = 0;
my %tokens;

# A request of a citizen: ask(POST => '/lookups', { ... }, -as =>, -key =>, -scope =>).
sub ask {
    my ($method, $path, $json, %how) = @_;
    my $sub = $how{-as} // 'citizen-1';
    my $token = exists $how{-token} ? $how{-token}
              : ($tokens{ $sub . ($how{-scope} // '') } //= token(sub => $sub, scope => $how{-scope}));
    return $gw->request($method, "/v1/bills$path", token => $token, timeout => 30,
        (defined $json ? (json => $json) : ()),
        headers => { 'Accept-Language' => $how{-language} // 'vi',
                     $method eq 'POST' ? ('Idempotency-Key' => $how{-key} // "bills-$$-" . ++$keys) : () });
}

sub officer { my ($method, $path, $json) = @_; return ask($method, $path, $json, -as => 'officer', -scope => 'bills:operate') }

sub _split { my (%arg) = @_; my %how = map { $_ => delete $arg{$_} } grep { /^-/ } keys %arg; return (\%arg, %how) }

sub lookup { my ($json, %how) = _split(@_); return ask(POST => '/lookups', $json, %how) }

# The id of a bill as a citizen finds it.
sub bill_id {
    my ($customer, $number, %how) = @_;
    my $r = lookup(code => $customer, %how);
    return (map { $_->{id} } grep { $_->{number} eq $number } @{ $r->{json}{bills} // [] })[0]
        // die "no bill: $r->{content}\n";
}

sub pay_bill {
    my ($id, $amount, %more) = @_;
    my ($json, %how) = _split(gateway => 'momo', amount => $amount, %more);
    return ask(POST => "/$id/pay", $json, %how);
}

sub topup {
    my ($phone, $amount, %more) = @_;
    my ($json, %how) = _split(gateway => 'momo', phone => $phone, amount => $amount, %more);
    return ask(POST => '/topups', $json, %how);
}

# Takes an order back.
sub cancel {
    my ($id, %how) = @_;
    return ask(POST => "/orders/$id/cancel", undef, %how);
}

# As a payer does, of an order's answer.
sub pay {
    my ($order, %how) = @_;
    my $checkout = ($order->{json} // $order)->{checkout} // die "nothing to pay: $order->{content}\n";
    return $partners->pay($checkout, %how);
}

sub order_of {
    my ($order, %how) = @_;
    my $id = ref $order ? $order->{id} // $order->{json}{id} : $order;
    return ask(GET => "/orders/$id", undef, %how)->{json};
}

# Waits until an order is in a state; the state it is in.
sub settled {
    my ($order, $state, %how) = @_;
    wait_until(sub { (order_of($order, %how)->{state} // '') eq $state })
        or diag($partners->answered, "\n", $db->sql('select d::text from core.plugin_deliveries d'));
    return order_of($order, %how)->{state};
}

# All that is left in the middle is due now.
sub due {
    $db->sql("update plugin_bills.orders set due_at = now()
              where state not in ('cancelled', 'delivered', 'refunded')");
    return;
}

sub sweep_bills { due(); return officer(POST => '/sweep') }

# Runs a job now: its outcome, and why.
sub bills_job { plugin_job($db, 'bills', @_) }

sub put { my ($path, $file) = @_; return officer(PUT => $path, JSON::PP->new->utf8->decode(_file($file))) }

# The tariffs and carriers that come with the plugin.
sub load_data {
    for my $file (glob "$folder/data/tariff-*.json") {
        my ($day) = $file =~ /tariff-(.*)\.json/;
        my $r = put("/tariffs/$day", $file);
        $r->{status} == 200 or die "$file: $r->{content}\n";
    }

    my $r = put('/carriers', "$folder/data/carriers.json");
    $r->{status} == 200 or die "carriers: $r->{content}\n";
    return;
}


# Everybody's books laid side by side: payments' ledger balances; what was delivered
# was delivered once and paid, what was not is refunded or open; a bill is paid once.
sub sound {
    my ($what) = @_;
    my $sent = $companies->sent;
    my @rows = grep { defined $_->[0] } $db->sql(
        "select o.id, o.state, i.state, o.contradicted, o.refunded, i.refunded
           from plugin_bills.orders o left join plugin_payments.intents i on i.id = o.payment");
    my %order = map { $_->[0] => $_ } @rows;
    my @wrong;

    for my $id (sort keys %order) {
        my (undef, $state, $paid, $contradicted, @back) = @{ $order{$id} };
        my $n = $sent->{$id} ? $sent->{$id}{n} : 0;

        push @wrong, "$id was done $n times" if $n > 1;
        push @wrong, "$id is $state and was not done" if $state eq 'delivered' && $n != 1;
        push @wrong, "$id is $state and was done" if $state =~ /^(?:refund|refused|cancel)/ && $n;
        push @wrong, "$id is $state and its payment $paid"
            if $state eq 'delivered' && $paid !~ /^(?:succeeded|partly_refunded|refunded)$/
                || $state eq 'refunded' && $paid ne 'refunded';
        push @wrong, "$id says that $back[0] went back, and payments $back[1]"
            if $state =~ /^(?:delivered|refunded)$/ && $back[0] != $back[1];
        push @wrong, "$id is contradicted" if defined $contradicted && length $contradicted;
    }

    push @wrong, map { "$_ is not ours" } grep { !$order{$_} } keys %$sent;
    is_deeply(\@wrong, [], "$what: delivered once or given back");
    Payments::Test::balanced($what);
    return;
}


1;
