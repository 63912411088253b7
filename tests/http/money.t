#!/usr/bin/perl
# Money moves once. Citizens pay bills, top phones up, buy passes and places to park, take
# them back and get money back, by HTTP/1.1 and HTTP/2. At a point of the exchange that is
# drawn (the body is half there, a gateway works on it, a commit waits, the answer is about to
# be kept, or has not been read) the client goes away, or the worker is killed, or the database
# ends its connections or has no room, or the plugin has another version; then the client
# repeats, by the same key and by a new one. Gateways tell of payments before they answer, twice
# at once, late, never. Two devices pay one bill, step by step in any order. In the end
# everybody's books are held against what is known here.
#
#   SEED=n       another walk
#   SECONDS=n    how long each part is; with more than 20 all plugins are deployed, not one
#   ONLY=re      of the points those that match, as "topup kill momo.create"; or of the parts
#                that follow "deploy", "full" or "devices"

use lib 'tests/lib', map { "plugins/$_/tests/lib" } qw(payments catalogue bills bus bus_pass parking);
use Bills::Test;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IHanoi::Test;
use IHanoi::Test::Command;
use IHanoi::Test::Exchange;
use IHanoi::Test::Plugin;
use IHanoi::Plugin::Folder;
use IO::Select;
use JSON::PP ();
use List::Util qw(shuffle sum0);
use Parking::Test ();
use Passes::Test ();
use Payments::Test ();
use Time::HiRes qw(sleep time);

my $seed = int($ENV{SEED} // 1);
my $seconds = $ENV{SECONDS} // 4;
srand $seed;
diag "SEED=$seed";
$SIG{PIPE} = 'IGNORE';

# What takes money comes from folders in which versions are deployed: that of now, and the next
# one, which has other functions and one more column where money is.
my $home = tempdir('ihanoi-money-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $home;
my %money = (payments => 'intents', bills => 'orders', bus_pass => 'passes', parking => 'charges');
my %versions;
make_path("$home/next", "$home/other");
for my $plugin (keys %money) {
    my ($old) = look("plugins/$plugin");
    my ($top, $next) = ("$home/$plugin", "$home/next/$plugin");
    $versions{$plugin} = [$old->{version}, $old->{version} =~ s/(\d+)$/$1 + 1/er];
    make_path("$top/versions", "$home/keys/$plugin");
    system("cp -r plugins/$plugin $top/versions/$plugin-$old->{version} && cp -r plugins/$plugin $home/next
            ln -s versions/$plugin-$old->{version} $top/current
            echo '$plugin $old->{version} $old->{hash}' > $top/known
            sed -i 's/\"version\": \"$old->{version}\"/\"version\": \"$versions{$plugin}[1]\"/' $next/plugin.json
            for f in $next/sql/*.sql; do echo '-- the next version' >> \$f; done
            echo 'alter table $money{$plugin} add column walk int;' > $next/migrations/0900_walk.sql
            [ -e $home/agency.pem ] || openssl genpkey -algorithm ED25519 -out $home/agency.pem
            openssl pkey -in $home/agency.pem -pubout -out $home/keys/$plugin/agency-a.pem") == 0 or die;
}

# Of payments there is another one to which a gateway is reloaded in the middle.
system("cp -r plugins/payments $home/other
        echo '-- the other version' >> $home/other/payments/sql/payment_apply.sql
        sed -i 's/\"version\": \"/&9/' $home/other/payments/plugin.json") == 0 or die;

my $db = database();
my ($bills, $bills_at) = bills_conf($db, settle => 1, patience => 8,
    topup_citizen_day => 100_000_000, topup_phone_day => 100_000_000);
my ($parking, $parking_at) = Parking::Test::parking_conf($db, settings => { patience => 8 });
my ($gw, undef, $partners) = Payments::Test::payments(
    db => $db, h2 => 1, expect_log => [qr/exited on signal 9/, qr/open socket/],
    settings => { services => '["bills", "parking", "bus_pass", "walk"]', patience => 8 },
    plugins => ($bills . $parking . Passes::Test::passes_conf($db)) =~ s{path \S+/(bills|parking|bus_pass);}{path $home/$1/current;}gr,
    path => "$home/payments/current",
    server => $bills_at . $parking_at . 'location = /metrics { ihanoi_status metrics; }');
plugin_database($db, "$home/other/payments");
my $companies = bills_in($gw, $db, $partners);
my $operator = Parking::Test::parking_in($gw, $db, $partners);
Passes::Test::passes_in($gw, $db, $partners);
load_data();
$db->sql('set search_path = plugin_parking, public; update supplies set capacity = 100000, bookable = 100000');

# What goes on with its client, as the contracts say.
my %finishes;
for my $plugin (qw(payments bills bus_pass parking)) {
    my $paths = JSON::PP->new->decode(text_of("plugins/$plugin/openapi.json"))->{paths};
    for my $path (keys %$paths) {
        $finishes{ $path =~ s/\{\w+\}/*/gr } = ($paths->{$path}{post}{'x-ihanoi-abort'} // '') eq 'finish'
            if $paths->{$path}{post};
    }
}


# What is known: what is sold, and how much of its money stays in the end (kept), of which
# some was given back by hand.
my (%sales, $things, @faults);

sub pick { return $_[rand @_] }
sub who { return 'walker-' . ++$things }
sub fault { my ($what, $why) = @_; push @faults, "$what: $why"; return }

sub sold {
    my ($sale) = @_;
    return $sales{ $sale->{id} } //= { kept => 0, %$sale };
}


# A partner has neither token nor key.
sub with {
    my ($ask, $key) = @_;
    return (token => $ask->{token}, $ask->{partner} ? () : (key => $key), $ask->{json} ? (json => $ask->{json}) : (body => ''));
}

sub begin {
    my ($by, $ask, $key, $half) = @_;
    return IHanoi::Test::Exchange->begin($gw, $by, $ask->{path}, half => $half, with($ask, $key));
}

# Asks, and asks again as long as it is told to: the last answer.
sub asked {
    my ($ask, $key) = @_;
    my $last;

    wait_until(sub {
        my $r = eval { $gw->request('POST', $ask->{path}, timeout => 30, with($ask, $key)) };
        $last = $r if $r;
        return $r && $r->{status} !~ /^50/ && !in_use($r);
    }, 30);
    return $last // { status => 'none', json => {}, content => '' };
}

sub in_use { return $_[0]{status} == 409 && ($_[0]{json}{type} // '') =~ /idempotency-key-in-use/ }
sub code { return $_[0]{status} . ' ' . (($_[0]{json}{type} // '') =~ /:([\w-]+)$/ ? $1 : '') }


# Points at which an exchange stands still: of a point "held evn.lookups, lock bills.orders"
# first that company is asked, then somebody waits for that table. Each says how it goes on.

my ($locker, $looker) = map { $db->session } 1, 2;
my $holds = 0;

sub server_of { return $_[0] =~ /^(?:evn|carrier)\./ ? $companies : $partners }

# Whether a gateway waits for that table, in a request that took its key since: jobs and
# who cares for partitions wait there, too, and a request that has not been read yet is cut
# without a trace. What a partner tells has no key.
sub waits {
    my ($lock, $leases, $partner) = @_;
    return $looker->do(qq{select count(*) from pg_locks l join pg_stat_activity a using (pid)
                           where not l.granted and a.application_name like 'ihanoi %'
                             and a.query like '@{[$lock =~ /idempotency/ ? '%idempotency_end%' : '%']}'}) > 0
        && ($partner || $looker->do(qq{select count(*) from core.key_leases
                                        where until > core.now() and strpos('$leases', encode(digest, 'hex')) = 0}) > 0);
}

sub still {
    my ($point, $begin, $first, $partner) = @_;
    my ($held) = $point =~ /held (\S+?)(?:,|$)/;
    my ($lock) = $point =~ /lock (\S+)/;
    my $server = $held && server_of($held);
    my $name = 'walk' . ++$holds;
    my $seen = $held && $server->asked($held);
    my $take = sub { $locker->do("begin; lock table " . ($lock =~ /^core/ ? '' : 'plugin_') . "$lock in exclusive mode") };

    $server->misbehave($held => ($first ? 'first ' : '') . "held:$name") if $held;
    $partners->misbehave('momo.create' => 'first') if $first && !$held;
    my $leases = $looker->do("select string_agg(encode(digest, 'hex'), ' ') from core.key_leases");
    $take->() if $lock && !$held;
    my $it = $begin->();
    my $there = 1;

    $there &&= wait_until(sub { $server->asked($held) > $seen }) if $held;
    if ($lock && $held) {
        $take->();
        $server->let_go($name);
    }
    $there &&= wait_until(sub { waits($lock, $leases, $partner) }) if $lock;

    return ($it, $there, sub {
        $locker->do('rollback') if $lock;
        $server->let_go($name) if $held;
        $server->misbehave($held) if $held;
    });
}


# What can be asked for: how, at which points it may stand still, and what is known by the
# answer.

my $create = 'held momo.create';
my @paying = ($create, "$create, lock payments.intents");
my @giving = ('held momo.refund', 'held momo.refund, lock payments.refunds');
my $keys = 'lock core.idempotency_keys';
my $month = Passes::Test::month(1);

sub as { my ($who, $scope) = @_; return token(sub => $who, scope => $scope) }

sub paid {
    my ($sale, $checkout, %how) = @_;
    $partners->pay($checkout, %how);
    $sale->{kept} = $sale->{amount} if !$sale->{over};
    return;
}

sub bill_for {
    my ($who, $amount) = @_;
    my $n = ++$things;
    my $customer = $companies->customer(sprintf 'PD07%09d', $n);
    $companies->bill($customer, "W-$n", amount => $amount);
    return bill_id($customer, "W-$n", -as => $who);
}

sub ask_order {
    my ($who, $bill, $amount, $gateway) = @_;
    return $bill ? { kind => 'order', token => as($who), path => "/v1/bills/$bill/pay",
                     json => { gateway => $gateway // 'momo', amount => $amount } }
                 : { kind => 'order', token => as($who), path => '/v1/bills/topups', free => 1,
                     json => { gateway => $gateway // 'momo', amount => $amount, phone => '0961234567' } };
}

sub ask_pass {
    my ($who, $gateway) = @_;
    return { kind => 'pass', token => as($who), path => '/v1/bus-passes',
             json => { gateway => $gateway // 'momo', product => 'network', month => $month } };
}

# The thing that an answer is about, as it is known: what it is, how much it costs, and what
# its payer needs.
sub thing {
    my ($ask, $r) = @_;
    my $j = $r->{json} // {};
    my ($id, $amount, $checkout) =
        $ask->{kind} eq 'order' ? ($j->{id}, $j->{amount}, $j->{checkout})
      : $ask->{kind} eq 'pass'  ? ($j->{pass}{id}, $j->{pass}{price}, $j->{payment}{checkout})
      : $ask->{kind} eq 'stay'  ? ($j->{booking}{id}, $j->{booking}{price}, $j->{payment}{checkout})
      :                           ($j->{id}, $j->{amount}, $j->{checkout});
    return ($id && { id => $id, kind => $ask->{kind}, amount => $amount }, $checkout);
}

my %flows = (
    bill => ['held evn.lookups', 'lock bills.orders', @paying, "$create, lock bills.orders", sub {
        my $who = who();
        return ask_order($who, bill_for($who, 90_000), 90_000) }],
    topup => ['lock bills.orders', @paying, "$create, lock bills.orders", sub { return ask_order(who(), undef, 20_000) }],
    pass => ['lock bus_pass.passes', @paying, "$create, lock bus_pass.passes", sub { return ask_pass(who()) }],
    stay => ['lock parking.charges', @paying, "$create, lock parking.charges", sub {
        my $who = who();
        my $b = Parking::Test::hold(Parking::Test::quote(as => $who), as => $who);
        return { kind => 'stay', token => as($who), path => "/v1/parking/bookings/$b->{id}/pay", json => { gateway => 'momo' } } }],
    payment => ['lock payments.intents', @paying, sub {
        return { kind => 'payment', token => as(who(), 'payments:create'), path => '/v1/payments',
                 json => { service => 'walk', reference => 'walk ' . ++$things, gateway => 'momo', amount => 70_000,
                           description => 'Gửi xe' } } }],
);
my %flows_back = (
    refund => ['lock payments.refunds', @giving, sub {
        my $sale = bought('payment');
        return { token => as(who(), 'payments:refund'), path => "/v1/payments/$sale->{id}/refund", free => 1,
                 json => { reason => 'x', amount => 15_000 },
                 done => sub { $sale->{kept} -= 15_000 } } }],
    unpass => ['lock bus_pass.passes', @giving, 'held momo.refund, lock bus_pass.passes', sub {
        my $sale = bought('pass');
        return { token => $sale->{token}, path => "/v1/bus-passes/$sale->{id}/cancel",
                 done => sub { $sale->{kept} = 0 } } }],
    unstay => ['lock parking.bookings', @giving, 'held momo.refund, lock parking.refunds', sub {
        my $sale = bought('stay');
        return { token => $sale->{token}, path => "/v1/parking/bookings/$sale->{id}/cancel",
                 done => sub { $sale->{kept} = 0 } } }],
    untopup => ['lock bills.orders', sub {
        my $ask = ask_order(who(), undef, 20_000);
        my ($sale, $checkout) = made($ask);
        return { token => $ask->{token}, path => "/v1/bills/orders/$sale->{id}/cancel",
                 done => sub { $sale->{over} = 1; paid($sale, $checkout) if rand() < 0.7 } } }],
    hold => ['lock parking.bookings', sub {
        my $who = who();
        my $quote = Parking::Test::quote(as => $who);
        return { token => as($who), path => '/v1/parking/holds', json => { quote => $quote->{id} },
                 done => sub { } } }],
    settle => ['lock payments.refunds', sub {
        my $sale = bought('payment');
        my $r = asked({ token => as(who(), 'payments:refund'), path => "/v1/payments/$sale->{id}/refund",
                        json => { reason => 'x', amount => 5_000, by_hand => JSON::PP::true } }, 'walk-' . ++$things);
        return { token => as('officer', 'payments:operate'), path => "/v1/payments/refunds/$r->{json}{id}/settle",
                 json => { outcome => 'done', why => 'x' }, done => sub { $sale->{hand} += 5_000 } } }],
    callback => ['lock payments.receipts', sub {
        my $ask = ask_order(who(), undef, 20_000);
        my ($sale, $checkout) = made($ask);
        my $number = $partners->pay($checkout, callback => 0);
        $sale->{kept} = $sale->{amount};
        return told_by($partners->to_call($number), sub { stands($sale) }) }],
    notice => ['lock bills.orders', sub {
        my $ask = ask_order(who(), undef, 20_000);
        my ($sale, $checkout) = made($ask);
        $companies->misbehave('carrier.topup' => 'pending');
        paid($sale, $checkout);
        wait_until(sub { ($companies->sent->{ $sale->{id} } // {})->{state} });
        wait_until(sub { ($looker->do("select why from plugin_bills.orders where id = '$sale->{id}'")) eq '' }, 3);
        $companies->decide($sale->{id}, state => 'done', n => 1);
        return told_by(POST => $companies->to_tell('viettel', $sale->{id}), sub { stands($sale) }) }],
    sweep => ['held evn.pay/read', sub {
        my $who = who();
        my $ask = ask_order($who, bill_for($who, 50_000), 50_000);
        my ($sale, $checkout) = made($ask);
        $companies->misbehave('evn.pay' => 'drop');
        paid($sale, $checkout);
        wait_until(sub { $db->sql("select state from plugin_bills.orders where id = '$sale->{id}'") eq 'sending' });
        Bills::Test::due();
        return { token => as('officer', 'bills:operate'), path => '/v1/bills/sweep', free => 1, done => sub { } } }],
);

# What a partner tells: it is heard, though nobody waits for the answer.
sub told_by {
    my (undef, $url, $body, $heard) = @_;
    return { partner => 1, path => $url =~ s{^http://[^/]+}{}r, json => JSON::PP->new->utf8->decode($body), heard => $heard, done => sub { } };
}

my %points = map { my $flow = $_; ($flow => [grep { !ref } @{ ($flows{$flow} // $flows_back{$flow}) }]) } keys %flows, keys %flows_back;
push @{ $points{$_} }, 'half', 'unread', /callback|notice/ ? () : $keys for keys %points;

# Something that can be paid.
sub made {
    my ($ask) = @_;
    my $r = asked($ask, 'walk-' . ++$things);
    my ($sale, $checkout) = thing($ask, $r);

    $checkout or die "it is answered $r->{status} $r->{content}\n";
    return (sold($sale), $checkout);
}

# Something that was paid and is used.
sub bought {
    my ($flow) = @_;
    my $ask = $flows{$flow}[-1]->();
    my ($sale, $checkout) = made($ask);
    paid($sale, $checkout);
    stands($sale);
    $sale->{token} = $ask->{token};
    return $sale;
}

# What was paid is told of, or found out.
sub stands {
    my ($sale) = @_;
    my %table = (order => ["bills.orders", 'delivered'], pass => ['bus_pass.passes', 'active'],
                 stay => ['parking.bookings', 'paid'], payment => ['payments.intents', 'succeeded']);
    my ($table, $state) = @{ $table{ $sale->{kind} } };
    my $is;
    wait_until(sub { ($is = $looker->do("select state from plugin_$table where id = '$sale->{id}'")) eq $state })
        or fault("$sale->{kind} $sale->{id}", "it is $is, not $state");
    return;
}


sub runs { my ($path) = @_; $gw->{http} =~ s{path \S+payments\S*;}{path $path;}; return }

# Payments has two versions, of which the one or the other runs. A lock is not to be held for
# as long as a reload takes.
sub reload {
    my ($at_once) = @_;
    runs(pick("$home/payments/current", "$home/other/payments"));
    return $gw->reload if !$at_once;
    $gw->write('nginx.conf', $gw->configuration);
    kill HUP => $gw->master;
    return;
}

# Of the gateway, not of who deploys.
my $backends = q{from pg_stat_activity where datname = current_database()
                  and usename ~ '^(ihanoi|plugin)_' and application_name like 'ihanoi %'};

# One exchange that is broken at a point, and what follows.
sub walk_to {
    my ($flow, $how, $point, $stays) = @_;
    my $what = "$flow $how $point";
    my $ask = ($flows{$flow} // $flows_back{$flow})->[-1]->();
    my $key = 'walk-' . ++$things;
    my $by = $how =~ /^(fin|rst|h2)/ ? $1 : pick(qw(fin rst h2));
    my $dies = $how =~ /kill|ends/;         # who was at it
    my $ended = 0;
    my $first = $flows{$flow} && $point =~ /momo.create/ && rand() < 0.3;
    $what .= ' first' if $first;
    my $began = time;

    my ($it, $there, $go_on) = $point eq 'half' || $point eq 'unread'
        ? (begin($by, $ask, $key, $point eq 'half'), 1, sub { })
        : still($point, sub { begin($by, $ask, $key) }, $first, $ask->{partner});

    # What the company was to drop another order may have met, and there is nothing to ask about.
    fault($what, 'it is not there') if !$there && $flow ne 'sweep';
    $it->answered or fault($what, 'no answer') if $point eq 'unread';
    sleep 0.05 if $point eq 'half';

    sleep $stays if $stays && $point =~ /held/ && $point !~ /lock/;

    if ($how eq 'kill') {
        $gw->kill_workers;
    } elsif ($how eq 'ends') {
        $ended = $looker->do("select count(pg_terminate_backend(pid)) $backends");
    } else {
        reload($point =~ /lock/) if $how eq 'reload';
        $it->cut;
        sleep 0.03;
    }

    # By the same key while it is under way.
    if ($there && !$ask->{partner} && $point !~ /half|unread/ && !$dies && rand() < 0.3) {
        my $r = eval { $gw->request('POST', $ask->{path}, timeout => 2, with($ask, $key)) };
        fault($what, 'meanwhile it is answered ' . ($r ? code($r) : 'nothing')) if $r && !in_use($r) && $r->{status} !~ /^50/ && $point !~ /keys/;
    }
    $go_on->();
    my $slow = time - $began > 4;           # what stood still may have been given up

    my $template = $ask->{path} =~ s/[0-9a-f-]{36}/*/r;
    if ($dies || $point ne 'half' && !$finishes{$template}) {
        # What a dead worker was at is given to another one when its time is over. A gateway
        # that is refused a call has no connection yet.
        sleep 0.2;
        wait_until(sub { $looker->do("select count(*) $backends") >= $ended }, 5);
        $db->sql("update core.key_leases set until = core.now();
                  update core.plugin_jobs set until = now() where run is not null;
                  update core.plugin_deliveries set until = now() where run is not null") if $dies || $point ne $keys;
    }

    # What a partner has told is heard; and a client may never come back.
    $ask->{heard}->() if $ask->{heard} && $point ne 'half' && !$dies;
    return if $ask->{kind} && !$first && rand() < 0.1;

    my $r = asked($ask, $key);
    fault($what, 'again, it is answered ' . code($r) . " $r->{content}") if $r->{status} !~ /^20[014]/;
    my $replayed = ($r->{headers}{'idempotency-replayed'} // '') eq 'true';
    fault($what, 'it was ' . ($replayed ? '' : 'not ') . 'done to its end')
        if !$dies && !$slow && !$ask->{partner} && $replayed != ($point ne 'half' && ($finishes{$template} || $point eq $keys || $point eq 'unread'));

    # By a new key: the same, where the thing is named by what is asked.
    if (!$ask->{free} && !$ask->{partner} && rand() < 0.5) {
        my $n = asked($ask, $key . '-new');
        my @ids = map { my ($thing) = $ask->{kind} ? thing($ask, $_) : { id => $_->{json}{id} }; $thing && $thing->{id} } $r, $n;
        my $fair = $first && code($n) =~ /bill-(?:paid|being-paid)|bus-pass-held|nothing-to-pay/;
        fault($what, 'by a new key it is answered ' . code($n) . " $n->{content}, not $r->{content}")
            if !$fair && ($n->{status} !~ /^20[01]/ || $ids[0] ne $ids[1]);
    }

    return $ask->{done}->($r) if $ask->{done};

    my ($sale, $checkout) = thing($ask, $r);
    return fault($what, "it is answered $r->{content}") if !$sale;
    $sale = sold($sale);

    if ($first) {
        $sale->{kept} = $sale->{amount};
    } elsif (rand() < 0.8) {
        my $mode = pick(qw(told twice silent));
        paid($sale, $checkout, callback => $mode eq 'told');
        if ($mode eq 'twice') {
            my ($number) = $checkout->{url} =~ /(HN\w+)/;
            waitpid $_, 0 for map { beside(sub { $partners->callback($number) }) } 1, 2;
        }
        return if $mode eq 'silent';
    } else {
        return;
    }
    stands($sale) if rand() < 0.3;
    return;
}


# Steps of a list until there are no more, or a time.
sub walk {
    my ($until, @steps) = @_;
    my $n = 0;

    for (@steps) {
        eval { walk_to(@$_); 1 } or fault("@$_", $@);
        $n++;
        last if time > $until || @faults > 5;
    }
    return $n;
}

my @all;
for my $flow (keys %points) {
    for my $point (@{ $points{$flow} }) {
        push @all, map { [$flow, $_, $point] } qw(fin rst h2),
            rand() < 0.3 ? qw(kill reload) : (), rand() < (defined $ENV{ONLY} ? 1 : 0.1) ? 'ends' : ();
    }
}
@all = shuffle(grep { !defined $ENV{ONLY} || "@$_" =~ /$ENV{ONLY}/ } @all);
my $n = walk(time + $seconds, @all);
is(join("\n", splice @faults), '', "what is cut is done once, and told: $n steps");


# The same while the next version of one of them is deployed, and while the old one comes back.
# What one has begun the other goes on with, and the jobs are always due. They do not ask for
# payments that are being asked for: what a gateway was to do for one it would do for the other.
my %due = (
    payments => q{update plugin_payments.intents set check_at = now()
                   where state in ('created', 'pending') and created_at < now() - interval '10 s';
                  update plugin_payments.refunds set due_at = now()
                   where state in ('requested', 'sent') and due_at < 'infinity' and requested_at < now() - interval '10 s'},
    bills => q{update plugin_bills.orders set due_at = now()
                where state not in ('cancelled', 'delivered', 'refunded') and created_at < now() - interval '10 s'},
    bus_pass => q{update plugin_bus_pass.passes set check_at = now()
                   where payment is not null or created_at < now() - interval '10 s'},
    parking => q{update plugin_parking.charges set check_at = now()
                  where state in ('open', 'left') and created_at < now() - interval '10 s';
                 update plugin_parking.refunds set due_at = now()
                  where state = 'requested' and created_at < now() - interval '10 s'},
);
my %walked = (payments => [keys %flows, qw(refund unpass unstay settle callback)], bills => [qw(bill topup untopup callback)],
              bus_pass => [qw(pass unpass)], parking => [qw(stay unstay)]);

sub archive {
    my ($plugin) = @_;
    my ($archive) = glob "$home/$plugin-*.tar.gz";
    return $archive if $archive;
    my ($rc, undef, $err) = ihanoi(qw(plugin pack --into), $home, "$home/next/$plugin");
    ($archive) = glob "$home/$plugin-*.tar.gz";
    ($rc, undef, $err) = ihanoi(qw(plugin sign --key), "$home/agency.pem", $archive) if !$rc;
    is($rc, 0, "another version of $plugin") or diag $err;
    return $archive;
}

sub deployed_meanwhile {
    my ($plugin) = @_;
    my @how = ('--conf', $gw->dir . '/nginx.conf', '--nginx', $gw->{nginx}, '--user', 'postgres');

    for my $what ([deploy => archive($plugin), '--keys', "$home/keys"], [rollback => $plugin, $versions{$plugin}[0]]) {
        my $done = "$home/done-" . ++$things;
        my $pid = beside(sub {
            my ($rc, $out, $err) = ihanoi(plugin => @$what, @how, '--timeout', 60);
            open my $fh, '>', "$done.new";
            print $fh "$rc $out$err";
            close $fh;
            rename "$done.new", $done;
        });
        my $job = beside(sub {
            while (!-e $done) {
                $db->sql("update core.plugin_jobs set next_at = core.now() where plugin = '$plugin' and job = 'sweep' and run is null;
                          $due{$plugin}");
                sleep 0.3;
            }
        });
        while (!-e $done && @faults < 6) {
            my $flow = pick(@{ $walked{$plugin} });
            walk(time, [$flow, rand() < 0.1 ? 'kill' : pick(qw(fin rst h2)), pick(@{ $points{$flow} }), rand 2]);
        }
        waitpid $_, 0 for $pid, $job;
        like(text_of($done), qr/^0 $plugin \Q$versions{$plugin}[$what->[0] eq 'deploy']\E /, "$what->[0] of a version of $plugin");
    }
    is(join("\n", splice @faults), '', 'what is cut meanwhile is done once, and told');
    return;
}

if (!defined $ENV{ONLY} || $ENV{ONLY} eq 'deploy') {
    my $end = time + $seconds;
    runs("$home/payments/current");
    $gw->reload;
    my @each = $seconds > 20 ? shuffle(sort keys %versions) : 'payments';
    deployed_meanwhile($_) for @each;
    for (my $i = 0; time < $end; $i++) { deployed_meanwhile($each[$i % @each]) }
}


# The same while there is no room in the database for what goes into one of its tables, or into
# any, from that point on until the answer: that is a problem which says when to come back, and
# with room the key is as good as it was.
my @tables = map { $_->[0] } $db->sql(q{
    select c.oid::regclass from pg_class c
     where c.relkind in ('r', 'p') and not c.relispartition and c.relname !~ 'migrations'
       and (c.relnamespace::regnamespace::text ~ '^plugin_(payments|bills|bus_pass|parking)$'
            or c.oid::regclass::text in ('core.idempotency_keys', 'core.key_leases', 'core.outbox',
                                         'core.plugin_deliveries', 'core.plugin_cursors', 'core.plugin_jobs', 'core.people'))
     order by 1});

my $refused = 0;

sub full {
    my ($table) = @_;
    $locker->do("insert into public.walk_full values ('$table')") if $table;
    $locker->do('delete from public.walk_full') if !$table;
    return;
}

sub without_room {
    my ($flow, $point, $table) = @_;
    my $what = "$flow full $point $table";
    my $ask = ($flows{$flow} // $flows_back{$flow})->[-1]->();
    my $key = 'walk-' . ++$things;
    full($table) if $point eq 'all';
    my ($it, $there, $go_on) = $point eq 'all'
        ? (begin('fin', $ask, $key), 1, sub { })
        : still($point, sub { begin('fin', $ask, $key) }, 0, $ask->{partner});
    fault($what, 'it is not there') if !$there && $flow ne 'sweep';
    full($table) if $point ne 'all';
    $go_on->();
    my $first = '';
    if (rand() < 0.2) {
        $it->cut;
        sleep 0.3;
    } else {
        $it->answered(25);
        sysread $it->{socket}, $first, 65536;
        $first =~ m{^HTTP/1.1\ 20[014] | ^HTTP/1.1\ 503\ .* \nRetry-After:\ \d+\r\n .* "urn:ihanoi:problem:[a-z]}six
            or fault($what, "without room it is answered $first");
        $refused++ if $first =~ /^\S+ 503/;
    }
    full();
    $db->sql('update core.key_leases set until = core.now()');

    my $r = asked($ask, $key);
    fault($what, 'again, it is answered ' . code($r) . " $r->{content}") if $r->{status} !~ /^20[014]/;
    fault($what, 'again, it is answered ' . code($r) . " $r->{content}, not $first")
        if $first =~ /^\S+ 20/ && !$ask->{partner} && $first !~ /\n\Q$r->{content}\E\z/;
    my $replay = asked($ask, $key);
    fault($what, 'then it is answered ' . code($replay) . " $replay->{content}, not $r->{content}")
        if !$ask->{partner} && $replay->{content} ne $r->{content};
    return $ask->{done}->($r) if $ask->{done};
    my ($sale, $checkout) = thing($ask, $r);
    return fault($what, "it is answered $r->{content}") if !$sale;
    $sale = sold($sale);
    paid($sale, $checkout) if rand() < 0.8;
    stands($sale) if $sale->{kept} && rand() < 0.3;
    return;
}

if (!defined $ENV{ONLY} || $ENV{ONLY} eq 'full') {
    $db->sql(q{create table public.walk_full (name text);
               create function public.walk_full() returns trigger language plpgsql security definer
                   set search_path = pg_catalog as $$ begin
                   if exists (select from public.walk_full f where f.name in ('any', tg_argv[0])) then
                       raise exception 'could not extend file: No space left on device' using errcode = '53100';
                   end if;
                   return null; end $$;
               revoke all on function public.walk_full() from public});
    $db->sql(join '', map { "create trigger walk_full before insert or update on $_ for each statement
                             execute function public.walk_full('$_');" } @tables);
    my $end = time + $seconds / 2;
    my $n = 0;
    while (time < $end && @faults < 6) {
        my $flow = pick(grep { $_ ne 'sweep' } keys %points);
        my $point = pick('all', grep { !/half|unread|lock/ } @{ $points{$flow} });
        my $table = rand() < 0.5 ? 'any' : pick(@tables);
        eval { without_room($flow, $point, $table); 1 } or do { fault("$flow $point $table", $@); full() };
        $n++;
    }
    is(join("\n", splice @faults), '', "what finds no room is done once, and told: $n steps, of which $refused were refused");
    $db->sql(join '', map { "drop trigger walk_full on $_;" } @tables);
}


# Two devices want one bill, or one pass: each asks for it, and waits for the company, then for
# its gateway, pays what it is shown, and may take it back. In each order of these steps.

sub device {
    my ($name, $ask, $back) = @_;
    return { name => $name, ask => $ask, key => 'walk-' . ++$things, http => $gw->connection(timeout => 20),
             steps => [$ask->{kind} eq 'order' ? 'asks' : (), qw(waits hears pays), $back ? 'takes back' : ()] };
}

sub there {
    my ($d, $server, $what, $before) = @_;
    wait_until(sub { $server->asked($what) > $before || $d->{http}{socket} && IO::Select->new($d->{http}{socket})->can_read(0) }, 10)
        or die "$d->{name} does not come to $what\n";
    $server->misbehave($what);
    return;
}

my %step = (
    asks => sub {
        my ($d) = @_;
        my $before = $companies->asked('evn.lookups');
        $companies->misbehave('evn.lookups' => 'held:' . ($d->{lookup} = 'walk' . ++$holds));
        $d->{http}->send($d->{http}->format('POST', $d->{ask}{path}, token => $d->{ask}{token}, key => $d->{key}, json => $d->{ask}{json}));
        there($d, $companies, 'evn.lookups', $before);
    },
    waits => sub {
        my ($d) = @_;
        my $before = $partners->asked('momo.create');
        $partners->misbehave('momo.create' => 'held:' . ($d->{create} = 'walk' . ++$holds));
        $d->{lookup} ? $companies->let_go($d->{lookup})
            : $d->{http}->send($d->{http}->format('POST', $d->{ask}{path}, token => $d->{ask}{token}, key => $d->{key}, json => $d->{ask}{json}));
        there($d, $partners, 'momo.create', $before);
    },
    hears => sub {
        my ($d) = @_;
        $partners->let_go($d->{create});
        $d->{answer} = $d->{http}->response('POST') // die "$d->{name} hears nothing\n";
        my ($sale, $checkout) = thing($d->{ask}, $d->{answer});
        return "$d->{name} is told " . code($d->{answer})
            if $d->{answer}{status} != 201 && $d->{answer}{status} !~ /^4/ || $d->{answer}{status} == 201 && !$sale;
        @$d{qw(sale checkout)} = (sold($sale), $checkout) if $d->{answer}{status} == 201;
        return;
    },
    pays => sub { my ($d) = @_; paid($d->{sale}, $d->{checkout}) if $d->{checkout}; return },
    'takes back' => sub {
        my ($d) = @_;
        my $sale = $d->{sale} // return;
        my $r = $gw->post(($sale->{kind} eq 'order' ? '/v1/bills/orders/' : '/v1/bus-passes/') . "$sale->{id}/cancel",
                          token => $d->{ask}{token}, key => "$d->{key}-back");
        @$sale{qw(kept over)} = (0, 1) if $r->{status} == 200;
        return $r->{status} =~ /^(?:200|409)$/ ? undef : "$d->{name} takes back, and is told " . code($r);
    },
);

sub orders_of {
    my ($left, $right, $done) = @_;
    return $done // '' if !$left && !$right;
    return ($left ? orders_of($left - 1, $right, ($done // '') . 'A') : ()), $right ? orders_of($left, $right - 1, ($done // '') . 'B') : ();
}

if (!defined $ENV{ONLY} || $ENV{ONLY} eq 'devices') {
    my @cases = shuffle(map { my $case = $_; map { [$case, $_] } $case =~ /pass/ ? orders_of(3, 4) : orders_of(4, 5) }
                        'a bill, one citizen', 'a bill, two citizens', 'a bill, two gateways', 'a pass, two gateways', 'a pass');
    my ($end, $n) = (time + $seconds / 2, 0);

    for (@cases) {
        my ($case, $order) = @$_;
        my ($who, $other) = (who(), who());
        my $bill = $case =~ /bill/ && bill_for($who, 30_000);
        my $gateway = $case =~ /gateways/ ? 'vnpay' : 'momo';
        $other = $who if $case !~ /citizens/;
        my ($code) = $bill ? $looker->do("select customer from plugin_bills.bills where id = '$bill'") : ();
        Bills::Test::lookup(code => $code, -as => $other) if $bill && $other ne $who;
        my %d = map { $_->{name} => $_ } $bill
            ? (device(A => ask_order($who, $bill, 30_000)), device(B => ask_order($other, $bill, 30_000, $gateway), 1))
            : (device(A => ask_pass($who)), device(B => ask_pass($who, $gateway), 1));
        for my $name (split //, $order) {
            my $step = shift @{ $d{$name}{steps} };
            my $wrong = eval { $step{$step}->($d{$name}) };
            $wrong = $@ if $@;
            fault("$case, $order", $wrong) if $wrong && $wrong =~ /\D/;
        }
        my %both = map { $_->{sale} ? ($_->{sale}{id} => $_->{sale}) : () } values %d;
        $_->{passes} = 1 for grep { !$bill } values %both;
        fault("$case, $order", 'it is paid twice') if $bill && 30_000 < sum0 map { $_->{kept} } values %both;
        $n++;
        last if time > $end || @faults > 5;
    }
    is(join("\n", splice @faults), '', "two devices get one thing: $n orders of their steps");
}


# The end: nobody can pay any more, companies have worked on all that they have, and what is
# open is looked after.

sub rows { return grep { defined $_->[0] } $db->sql(@_) }

my $middle = q{select (select count(*) from plugin_payments.intents where state in ('created', 'pending'))
     + (select count(*) from plugin_payments.refunds where state in ('requested', 'sent'))
     + (select count(*) from plugin_bills.orders where state not in ('cancelled', 'delivered', 'refunded'))
     + (select count(*) from plugin_bus_pass.passes where state = 'pending' or refund <> 'done' or state = 'lapsed' and not closed and refund is null)
     + (select count(*) from plugin_parking.charges where state in ('open', 'left'))
     + (select count(*) from plugin_parking.refunds where state <> 'done')};
my $at = $companies->sent;
$companies->decide($_, state => 'done', n => 1) for grep { $at->{$_}{state} eq 'pending' } keys %$at;
$db->sql(q{set session_replication_role = replica;
           update plugin_payments.intents set expires_at = now() where state in ('created', 'pending');
           update core.plugin_deliveries set until = now() where run is not null});
is(wait_until(sub {
    eval { $_->() } for \&Payments::Test::sweep, \&sweep_bills, \&Parking::Test::sweep, \&Passes::Test::sweep_now;
    return $db->sql($middle) == 0;
}, 60), 1, 'nothing is left in the middle') or diag explain [
    (map { [@$_] } rows(q{select 'intent', id, number, state from plugin_payments.intents where state in ('created', 'pending')})),
    (map { [@$_] } rows(q{select 'refund', id, number, state, why from plugin_payments.refunds where state in ('requested', 'sent')})),
    (map { [@$_] } rows(q{select 'order', id, kind, state, why, sends from plugin_bills.orders where state not in ('cancelled', 'delivered', 'refunded')})),
    (map { [@$_] } rows(q{select 'pass', id, state, refund, closed from plugin_bus_pass.passes where state = 'pending' or refund <> 'done' or state = 'lapsed' and not closed and refund is null})),
    (map { [@$_] } rows(q{select 'charge', id, state from plugin_parking.charges where state in ('open', 'left')}))];

# Gateways and companies tell of all of it once more, and it changes nothing.
my %again;
for my $number (keys %{ $partners->orders }) { $again{ $partners->callback($number)->{status} }++ if $partners->orders->{$number}{state} eq 'paid' }
for my $id (grep { $companies->sent->{$_}{n} } keys %{ $companies->sent }) {
    my ($company) = $companies->sent->{$id}{company} =~ m{(\w+)$};
    $again{ $companies->notice($company, $id)->{status} }++;
}
is(join(' ', grep { !/^20[04]$/ } keys %again), '', 'what is told once more is known');

# What gateways have of each thing is what is known to stay.
my ($taken, $given) = ($partners->orders, $partners->refunds);
my %net = map { $_ => 0 } keys %sales;
for (rows(q{select i.number, coalesce(c.booking::text, case when i.reference like 'walk %' then i.id::text else i.reference end)
              from plugin_payments.intents i left join plugin_parking.charges c on c.id::text = i.reference})) {
    my $order = $taken->{ $_->[0] } // next;
    $net{ $_->[1] } += $order->{state} eq 'paid' ? $order->{amount} : 0;
    $net{ $_->[1] } -= sum0 map { $_->{amount} } grep { $_->{of} eq $order->{transaction} } values %$given;
}
for (grep { $_->{passes} } values %sales) {
    $_->{kept} = $looker->do("select state from plugin_bus_pass.passes where id = '$_->{id}'") eq 'active' ? $_->{amount} : 0;
}
my $sent = $companies->sent;
my @wrong;
for my $id (sort keys %net) {
    my $sale = $sales{$id} // { kind => 'something', kept => 0 };
    push @wrong, "$sale->{kind} $id has $net{$id}, and is to have $sale->{kept}" if $net{$id} != $sale->{kept};
    next if $sale->{kind} ne 'order';
    my $told = join ' ', map { $_->{n} ? "$_->{n} of $_->{amount}" : () } $sent->{$id} // ();
    push @wrong, "of order $id is done: $told" if $told ne ($sale->{kept} ? "1 of $sale->{amount}" : '');
}
is(join("\n", @wrong), '', 'each đồng is where it belongs, once');

my ($kept, $hand) = map { my $what = $_; sum0 map { $_->{$what} // 0 } values %sales } qw(kept hand);
my %books;
for (rows('select split_part(account, $$:$$, 1), sum(amount) from plugin_payments.ledger_lines group by 1')) { $books{ $_->[0] } = $_->[1] }
is_deeply(\%books, { %books, gateway => $kept, payee => $hand - $kept, $hand ? (hand => -$hand) : (),
                      map { exists $books{$_} ? ($_ => 0) : () } qw(unapplied refunding) },
          "the ledger says the same: $kept đồng of " . keys(%sales) . ' things');
sound('bills');
Parking::Test::sound('places');
Passes::Test::money_agrees('passes');

done_testing;
