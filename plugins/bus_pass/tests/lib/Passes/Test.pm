package Passes::Test;

# Monthly passes beside the real payments and timetable, through a real gateway.
#
#   my ($gw, $db, $partners) = passes();
#   my $r = buy('rider-1', month => month(1));    # POST /v1/bus-passes: its answer
#   my $sale = sale('rider-1');                   # its document: { pass, payment }
#   read_pass('rider-1', $id); cancel('rider-1', $id);
#   sweep_now();                                  # the job, for all that is open
#   money_agrees('what was done');                # as payments knows it: two tests

use strict;
use warnings;
use utf8;
use Exporter 'import';
use Bus::Test;
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Payments::Test ();
use Test::More ();

our @EXPORT = qw(passes passes_conf passes_in sql month buy sale get read_pass cancel state_is due sweep_now
                 money_agrees);

my ($gw, $db, $partners, $code);
my $tree = IHanoi::Test::tree();
my $folder = "$tree/plugins/bus_pass";
my $keys = 0;


# options: db; the rest is payments'.
sub passes {
    my (%arg) = @_;

    $db = delete $arg{db} // database();
    passes_in(Payments::Test::payments(db => $db, settings => { patience => 5 },
                                       plugins => passes_conf($db), %arg));
    return ($gw, $db, $partners);
}


# For a gateway with other plugins, too: directives of http{}, and when it runs, what
# payments() gave.
sub passes_conf {
    ($db) = @_;

    wait_for_day(120);                          # which may be a month's last
    my $conf = join "\n", map { plugin_database($db, "$tree/plugins/$_") } qw(bus bus_pass);
    my ($status, $said) = import_gtfs($db, "$tree/plugins/bus/demo/feed");
    $status == 0 or die "the feed is refused: $said\n";

    $code = $db->sql("select nspname from pg_namespace where nspname like 'code_bus_pass_%'");
    sql(text_of("$folder/demo/bus_pass.sql"));

    return <<"CONF";
ihanoi_plugin bus {
    path $tree/plugins/bus;
    public;
    database bus;
    backend transit /_momo;
    cpu 200ms;
    jobs 30s;
    memory 32m;
}
ihanoi_plugin bus_pass {
    path $folder;
    public;
    database bus_pass;
    interface payments.payments;
    interface bus.timetable;
    event payments.changed;
    event person.erased;
    timeout 20s;
    jobs 50s;
    check always;
}
$conf
CONF
}

sub passes_in {
    ($gw, undef, $partners) = @_;

    wait_until(sub { my $r = $gw->get('/v1/bus-passes/products'); $r && $r->{status} == 200 })
        or die "the plugin does not answer:\n", $gw->error_log;

    # The job runs when a test says so.
    plugin_jobs_rest($db, $_, 1) for qw(bus_pass bus);
    return;
}


sub sql { return scalar $db->sql("set search_path = plugin_bus_pass, $code; " . shift) }

# "2026-11", so many months after the one in Hà Nội.
sub month {
    my ($month, $year) = (gmtime time + 7 * 3600)[4, 5];
    $month += $_[0];
    return sprintf '%d-%02d', 1900 + $year + int($month / 12), 1 + $month % 12;
}


# A pass of all routes for this month, if nothing else is said.
sub buy {
    my ($who, %json) = @_;
    my $key = delete $json{-key} // "pass-$$-" . ++$keys;
    my $language = delete $json{-language} // 'vi';
    return $gw->post('/v1/bus-passes', token => token(sub => $who), timeout => 25, json => {
        product => 'network', month => month(0), gateway => 'momo', %json },
        headers => { 'Idempotency-Key' => $key, 'Accept-Language' => $language });
}

sub sale {
    my $r = buy(@_);
    $r->{status} == 201 or die "no pass: $r->{status} $r->{content}\n";
    return $r->{json};
}

sub get {
    my ($who, $path) = @_;
    return $gw->get("/v1/bus-passes$path", token => token(sub => $who));
}

sub read_pass { my ($who, $id) = @_; return get($who, "/$id")->{json} }

sub cancel {
    my ($who, $id) = @_;
    return $gw->post("/v1/bus-passes/$id/cancel", token => token(sub => $who), timeout => 25,
                     headers => { 'Idempotency-Key' => "cancel-$$-" . ++$keys });
}

# A test: soon a pass is so.
sub state_is {
    my ($who, $id, $state, $what) = @_;
    wait_until(sub { read_pass($who, $id)->{state} eq $state });
    return Test::More::is(read_pass($who, $id)->{state}, $state, $what);
}


# What is open is due at once.
sub due {
    sql('update passes set check_at = now()');
    return;
}

# The job looks after what is open: its outcome.
sub sweep_now { due(); return plugin_job($db, 'bus_pass', 'sweep') }


# Two tests: a pass is good when its payment has come and has not all gone back, and the
# other way round; and the ledger is sound.
sub money_agrees {
    my ($what) = @_;
    my @wrong = $db->sql(<<'SQL');
        select p.id, p.state, p.refund, i.state, i.refunded
          from plugin_bus_pass.passes p
          full join (select * from plugin_payments.intents where service = 'bus_pass') i
            on i.reference = p.id::text
         where coalesce(i.state in ('succeeded', 'partly_refunded', 'refunded'), false)
               <> coalesce(p.state = 'active' or p.refund is not null, false)
            or coalesce(i.state = 'refunded', false) <> coalesce(p.refund = 'done', false)
            or coalesce(p.refund <> 'done', false)
            or p.payment is not null and p.payment is distinct from i.id
            or i.amount <> p.price
SQL
    Test::More::is_deeply([grep { grep { defined } @$_ } @wrong], [],
                          "$what: passes are what was paid");
    Payments::Test::balanced($what);
    return;
}


1;
