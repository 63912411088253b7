package Parking::Test;

# The parking plugin beside the real payments plugin, with simulated gateways and a
# simulated operator, through a real gateway.
#
#   my ($gw, $db, $partners, $operator) = parking();
#   my $q = quote(hours => 2);              # its document; site, vehicle, as, in (minutes)
#   my $b = hold($q);                       # the booking
#   my $p = pay($b);                        # { booking, payment }
#   my $b = paid(hours => 2);               # all of them, and the payer has paid
#   $b = began($b, 30);                     # as if it had begun 30 minutes ago
#   tell('exited', $b, 5);                  # by the operator: 5 minutes after now,
#   tell('exited', $b, 'leave+5');          # or after an end of the stay
#   now_read($b); sweep(); sound('what was done');
#
# Functions with "_r" at the end give the answer instead of its document.

use strict;
use warnings;
use utf8;
use Exporter 'import';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Parking::Operator;
use Payments::Test ();
use POSIX qw(strftime);
use Time::Local qw(timegm);
use Test::More ();

our @EXPORT = qw(parking parking_conf parking_in as post quote quote_r hold hold_r pay pay_r paid cancel cancel_r now_read
                 sweep job sound at tell site later began soon verdicts);

my ($gw, $db, $partners, $operator, $code);
my $folder = IHanoi::Test::tree() . '/plugins/parking';


# options: db; keys, the secret's text; settings; bookable; the rest is payments'.
sub parking {
    my (%arg) = @_;

    $db = delete $arg{db} // database();
    my ($plugins, $server) = parking_conf($db,
        map { exists $arg{$_} ? ($_ => delete $arg{$_}) : () } qw(keys settings bookable wait));

    parking_in(Payments::Test::payments(db => $db, plugins => $plugins, server => $server, %arg));
    return ($gw, $db, $partners, $operator);
}


# For a gateway with other plugins, too: directives of http{} and of server{}, and when it
# runs, what payments() gave.
sub parking_conf {
    ($db, my %arg) = @_;

    $operator = Parking::Operator->new;
    my $block = plugin_database($db, $folder, 'read connections=2;',
                                'write connections=4 wait=' . ($arg{wait} // '5s') . ';');
    $code = $db->sql("select nspname from pg_namespace where nspname like 'code_parking_%'");
    demo($arg{bookable} // 50);

    open my $fh, '>', "$operator->{dir}/keys" or die "keys: $!\n";
    print $fh $arg{keys} // '{"demo": ["' . Parking::Operator::KEY . '"], "other": ["test-other"]}';
    close $fh;
    chmod 0600, "$operator->{dir}/keys";

    my %settings = (patience => 1, %{ $arg{settings} // {} });
    my $settings = join "\n", map { "    setting $_ $settings{$_};" } sort keys %settings;
    my $url = $operator->url;

    return (<<"HTTP", <<"SERVER");
ihanoi_plugin parking {
    path $folder;
    public;
    database parking;
    backend operators /_parking;
    secret operator_keys $operator->{dir}/keys;
    interface payments.payments;
    event payments.changed;
    event person.erased;
    timeout 20s;
    jobs 2m;
    concurrency 256;
    check always;
$settings
}
$block
HTTP
location ^~ /_parking { internal; return 404; }
location ^~ /_parking/demo/ { internal; proxy_pass $url/; proxy_http_version 1.1; proxy_next_upstream off; }
SERVER
}

sub parking_in {
    ($gw, undef, $partners) = @_;

    $operator->gateway($gw->url);
    wait_until(sub { my $r = $gw->get('/v1/parking/sites/' . site()); $r && $r->{status} == 200 })
        or die "the plugin does not answer:\n", $gw->error_log;

    # The job runs when a test says so.
    plugin_jobs_rest($db, 'parking', 1);

    return $operator;
}


# A site in the city, open all day, for cars and motorbikes.
sub site { '00000000-0000-4000-8000-00000000d0d0' }

sub demo {
    my ($bookable) = @_;
    my $site = site();

    $db->sql(<<"SQL");
        set search_path = plugin_parking, public;
        insert into operators (id, name, holds_at_once) values
            ('demo', 'Bãi xe thử', 100), ('other', 'Bãi khác', 3);
        insert into refund_rules values ('demo', 60, 100), ('demo', 10, 50);
        insert into sites (id, operator, name, address, location) values
            ('$site', 'demo', 'Bãi xe số 1', 'Phố thử', st_point(105.85, 21.03, 4326));
        insert into openings values ('$site', '{1,2,3,4,5,6,7}', '00:00', 1440);
        insert into supplies (site, vehicle, capacity, bookable) values
            ('$site', 'car', 100, $bookable), ('$site', 'motorcycle', 300, 100);
        insert into tariffs (id, site, vehicle, valid_from) values
            ('00000000-0000-4000-8000-0000000000ca', '$site', 'car', '2020-01-01'),
            ('00000000-0000-4000-8000-0000000000cb', '$site', 'motorcycle', '2020-01-01');
        insert into rates values
            ('00000000-0000-4000-8000-0000000000ca', 'all', '{1,2,3,4,5,6,7}', '00:00', 1440, 1, 100, null),
            ('00000000-0000-4000-8000-0000000000cb', 'all', '{1,2,3,4,5,6,7}', '00:00', 1440, 1440, 0, null);
SQL
    return;
}


# A car costs 100 đồng a minute.
sub as { return token(sub => $_[0] // 'citizen-1', scope => undef) }

# Minutes from now, as RFC 3339.
sub at { return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime time + 60 * $_[0]) }

my $keys = 0;

sub post {
    my ($path, $json, %arg) = @_;
    return $gw->post("/v1/parking$path", token => $arg{token} // as($arg{as}),
                     timeout => $arg{timeout} // 30,
                     defined $json ? (json => $json) : (),
                     headers => { 'Accept-Language' => $arg{language} // 'vi',
                                  'Idempotency-Key' => $arg{key} // "parking-$$-" . ++$keys });
}


# options: as, site, vehicle, in (minutes, 120), hours (2) or minutes.
sub quote_r {
    my (%arg) = (site => site(), vehicle => 'car', in => 120, hours => 2, @_);
    my $minutes = $arg{minutes} // 60 * $arg{hours};

    return post('/quotes', { site => $arg{site}, vehicle => $arg{vehicle}, arrive => at($arg{in}),
                             leave => at($arg{in} + $minutes) }, as => $arg{as});
}

sub hold_r {
    my ($quote, %arg) = @_;
    my $plate = delete $arg{plate};
    return post('/holds', { quote => $quote->{id}, $plate ? (plate => $plate) : () }, %arg);
}

sub pay_r {
    my ($booking, %arg) = @_;
    return post("/bookings/$booking->{id}/pay", { gateway => $arg{gateway} // 'momo' }, %arg);
}

sub cancel_r { my ($booking, %arg) = @_; return post("/bookings/$booking->{id}/cancel", undef, %arg) }

sub _good {
    my ($r) = @_;
    $r->{status} =~ /^20[01]$/ or die "it was answered $r->{status}: $r->{content}\n", $gw->error_log;
    return $r->{json};
}

sub quote  { return _good(quote_r(@_)) }
sub hold   { return _good(hold_r(@_)) }
sub pay    { return _good(pay_r(@_)) }
sub cancel { return _good(cancel_r(@_)) }

# A booking that was paid, and of which the plugin has heard.
sub paid {
    my (%arg) = @_;
    my $b = hold(quote(%arg), as => $arg{as}, plate => $arg{plate});

    $partners->pay(pay($b, as => $arg{as})->{payment}{checkout});
    wait_until(sub { now_read($b, as => $arg{as})->{state} eq 'paid' || do { sweep(); 0 } }, 15);
    return now_read($b, as => $arg{as});
}

sub now_read {
    my ($booking, %arg) = @_;
    return $gw->get("/v1/parking/bookings/$booking->{id}", token => as($arg{as}))->{json};
}

# A test: soon a booking is in this state, and so much was paid and has gone back.
# Events come when they come, so it is looked after until then.
sub soon {
    my ($booking, $expected, $what) = @_;
    my $is;

    wait_until(sub {
        my $n = now_read($booking);
        $is = "$n->{state} $n->{paid} $n->{refunded}";
        return $is eq $expected || do { sweep(); 0 };
    }, 15);
    return Test::More::is($is, $expected, $what);
}

# Verdicts of what the operator tells, as one text.
sub verdicts {
    my $r = $operator->tell(@_);
    return $r->{json} && $r->{json}{events} ? join ' ', map { $_->{verdict} } @{ $r->{json}{events} }
                                            : $r->{status};
}

# One event of a booking: its verdict.
sub tell {
    my ($type, $booking, $when, %more) = @_;
    my ($end, $minutes) = $when =~ /^([a-z]*)([+-]?\d+)$/;

    if ($end) {
        my ($y, $m, @rest) = $booking->{$end} =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+)/;
        $when = timegm(0, reverse(@rest), $m - 1, $y) + 60 * $minutes;
        $when = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $when);
    }

    return verdicts({ type => $type, code => $booking->{code},
                      at => $end ? $when : at($minutes), %more });
}


# Time goes on for one booking by so many minutes: it has been arranged earlier.
sub later {
    my ($booking, $minutes) = @_;
    my $by = "interval '$minutes minutes'";

    $db->sql(<<"SQL");
        set session_replication_role = replica;
        set search_path = plugin_parking;
        update bookings set arrive = arrive - $by, leave = leave - $by, hold_until = hold_until - $by,
                            entered_at = entered_at - $by, created_at = created_at - $by
         where id = '$booking->{id}';
        update quotes q set arrive = q.arrive - $by, leave = q.leave - $by, expires_at = q.expires_at - $by
          from bookings b where b.id = '$booking->{id}' and q.id = b.quote;
        update operator_events set at = at - $by where booking = '$booking->{id}';
SQL
    return;
}

# A booking that begins so many minutes before now, as it is then read.
sub began {
    my ($booking, $minutes) = @_;
    my $until = $db->sql("select ceil(extract(epoch from arrive - now()) / 60)
                            from plugin_parking.bookings where id = '$booking->{id}'");

    later($booking, $until + $minutes);
    return now_read($booking);
}


# What is open is due at once, and is looked after.
sub sweep {
    due();
    return post('/sweep', undef, token => token(sub => 'operator', scope => 'parking:operate'), @_);
}

sub due {
    $db->sql("set search_path = plugin_parking;
              update charges set check_at = now() where state in ('open', 'left');
              update refunds set due_at = now() where state = 'requested';
              update notices set due_at = now() where delivered_at is null");
    return;
}

# The job that does the same: how it ended.
sub job { due(); return plugin_job($db, 'parking', 'sweep') }


# Three tests: nothing is wrong with the bookings, the ledger is sound, and both
# know of the same money.
sub sound {
    my ($what) = @_;
    my @wrong = $db->sql("set search_path = $code, plugin_parking, public; select * from bookings_check()");

    Test::More::is_deeply([grep { defined $_->[0] } @wrong], [], "$what: bookings are sound");

    @wrong = $db->sql(<<'SQL');
        select i.reference, i.state, c.state
          from (select * from plugin_payments.intents where service = 'parking') i
          full join plugin_parking.charges c on c.id::text = i.reference
         where coalesce(c.state in ('paid', 'late'), false)
               <> coalesce(i.state in ('succeeded', 'partly_refunded', 'refunded'), false)
            or i.refunded <> coalesce(greatest(c.refunded, (select r.amount from plugin_parking.refunds r
                                                             where r.charge = c.id and r.state = 'done')), 0)
SQL
    Test::More::is_deeply([grep { @$_ && grep { defined } @$_ } @wrong], [],
                          "$what: payments knows of the same money");
    Payments::Test::balanced($what);
    return;
}


1;
