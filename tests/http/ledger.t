#!/usr/bin/perl
# Nothing is lost and nothing is done twice: citizens file cases and write down
# every one that was acknowledged, while workers are killed, PostgreSQL crashes
# and nginx reloads. Afterwards the database is held against their notes.
#
#   LEDGER_SECONDS=n   how long, default 8

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Durable;
use IHanoi::Test::HTTP;
use IHanoi::Test::Load;
use IO::Select;
use Time::HiRes qw(sleep time);

use constant { CLIENTS => 6, CITIZENS => 30, EACH => 10 };

my $seconds = $ENV{LEDGER_SECONDS} // 8;

# The walwriter sleeps, so that a commit which did not wait for its flush is
# lost by a crash, and the control below can see it.
my $db = IHanoi::Test::Durable->new(wal_writer_delay => '10s');
my $gw = gateway(
    db         => $db,
    workers    => 2,
    writers    => 4,
    expect_log => qr/exited on signal 9/,
);

# Clients share the citizens, so that one citizen's first writes come at once.
my @tokens = tokens(map { { sub => "ledger-$_", exp => time + 3600 } }
                    0 .. CITIZENS - 1);


# The case NAME is filed by the citizen that its number says.
sub request_of {
    my ($name) = @_;
    my ($number) = $name =~ /(\d+)$/;

    return ('POST', '/v1/feedback', token => $tokens[$number % CITIZENS],
            key => "key-$name",
            json => { category => 'road_damage', lat => 21.032,
                      long => 105.8504, text => "case $name" });
}


wait_until(sub {
    my $r = $gw->request(request_of('first-1'));
    $r && $r->{status} == 201;
}) or die 'no write goes through', "\n";


# Files case after case until the deadline, EACH at least, each until it is
# acknowledged, with one key. Notes: "sent NAME" before the first attempt, "done NAME ID"
# after an acknowledgement, "answer STATUS" for each.
sub client {
    my ($number, $run, $deadline, $notes) = @_;
    my $http = IHanoi::Test::HTTP->new(port => $gw->port, timeout => 8);

    for (my $i = 1; time < $deadline || $i <= EACH; $i++) {
        my $name = "$run-$number-$i";
        my $give_up = time + 60;

        # Some do not believe the acknowledgement and send it once more.
        my $wanted = $i % 4 ? 1 : 2;

        print $notes "sent $name\n";

        while ($wanted && time < $give_up) {
            my $r = eval { $http->request(request_of($name)) };

            print $notes 'answer ', $r ? $r->{status} : 'none', "\n";

            if ($r && $r->{status} == 201) {
                $r->{headers}{location} =~ m{/([0-9a-f-]{36})$} or die;
                print $notes "done $name $1\n";
                $wanted--;
                next;
            }

            $http->close if !$r;
            sleep 0.02;
        }
    }

    return;
}


# Lets citizens file cases while something happens to the house. Returns
# { sent => { name => 1 }, done => { name => { id => 1 } },
#   answers => { status => count } }.
sub filed_while {
    my ($run, $for, @happenings) = @_;
    my $deadline = time + $for;
    my %notes = (sent => {}, done => {}, answers => {});

    my @lines = under_load(
        dir     => $gw->dir,
        clients => CLIENTS,
        client  => sub {
            my ($number, $notes) = @_;
            client($number, $run, $deadline, $notes);
        },
        during  => sub {
            for (my $i = 0; time < $deadline - 0.5; $i++) {
                sleep 0.8;
                $happenings[$i % @happenings]->();
            }
        },
    );

    for (@lines) {
        my ($what, @words) = split / /;

        $notes{sent}{ $words[0] } = 1 if $what eq 'sent';
        $notes{done}{ $words[0] }{ $words[1] } = 1 if $what eq 'done';
        $notes{answers}{ $words[0] }++ if $what eq 'answer';
    }

    return \%notes;
}


# What the database has of a run: { name => [[id, audit events, outbox rows,
# idempotency keys], ...] }, a list for each case of that name.
sub found {
    my ($run) = @_;
    my %found;

    # the last fault may have been the server's
    wait_until(sub { eval { $db->sql('select 1') } }, 60);

    for ($db->sql(<<"SQL")) {
        with filed as (
            select r.case_id, substr(r.text, 6) as name,
                   substring(r.text from '[0-9]+\$')::int % @{[CITIZENS]} as citizen
            from feedback.reports r join feedback.cases c on c.id = r.case_id
            where r.text like 'case $run-%'
        )
        select f.name, f.case_id,
               (select count(*) from core.audit_events e
                where e.chain = f.case_id and e.event = 'create'),
               (select count(*) from core.outbox o
                where o.subject = f.case_id and o.event = 'create'),
               (select count(*) from core.idempotency_keys k
                where k.digest = idempotency_digest(
                          '$IHanoi::Test::ISSUER ledger-' || f.citizen,
                          'feedback_create', 'key-' || f.name)
                  and k.location = '/v1/me/feedback/' || f.case_id)
        from filed f
SQL
        my ($name, @case) = @$_;
        push @{ $found{$name} }, \@case;
    }

    return \%found;
}


# Names of a run that were acknowledged and are not there, as acknowledged.
sub lost {
    my ($notes, $found) = @_;

    return grep {
        my %there = map { $_->[0] => 1 } @{ $found->{$_} // [] };
        grep { !$there{$_} } keys %{ $notes->{done}{$_} };
    } keys %{ $notes->{done} };
}


sub kill_worker {
    my @workers = $gw->workers;
    kill KILL => $workers[rand @workers] if @workers;
    return;
}


# One backend with SIGKILL: PostgreSQL ends all others and recovers.
sub kill_backend {
    my ($pid) = eval { $db->sql(<<'SQL') };
        select pid from pg_stat_activity where usename = 'ihanoi_write' limit 1
SQL
    kill KILL => $pid->[0] if $pid;
    return;
}


sub crash { return $db->crash }


sub terminate {
    eval { $db->sql(<<'SQL') };
        select pg_terminate_backend(pid) from pg_stat_activity
        where usename = 'ihanoi_write'
SQL
    return;
}


my $notes = filed_while('hard', $seconds, \&kill_worker, \&crash,
                        sub { $gw->reload }, \&kill_backend, \&terminate);
my $found = found('hard');
my @sent = keys %{ $notes->{sent} };
my @done = keys %{ $notes->{done} };

cmp_ok(scalar @done, '>=', CLIENTS * EACH,
       'many cases were acknowledged: ' . @done);
is(join(' ', lost($notes, $found)), '', 'acknowledged and lost: 0');
is(scalar(grep { @$_ > 1 } values %$found), 0, 'done twice: 0');
is(scalar(grep { keys %$_ > 1 } values %{ $notes->{done} }), 0,
   'sent again, the same case is told of');
is(scalar(grep { !$notes->{done}{$_} } @sent), 0,
   'each case goes through in the end');
is(scalar(grep { !$notes->{sent}{$_} } keys %$found), 0,
   'nothing is there that nobody sent');

my @traces = map { my $name = $_; map { [$name, @$_] } @{ $found->{$name} } }
             keys %$found;
is(scalar(grep { $_->[2] != 1 } @traces), 0, 'one audit event a case');
is(scalar(grep { $_->[3] != 1 } @traces), 0, 'one outbox row');
is(scalar(grep { $_->[4] != 1 } @traces), 0, 'one answer kept for its key');

# From the other side: no trace of what did not happen.
is($db->sql(q{select (select count(*) from feedback.cases) || ' '
                  || (select count(*) from core.outbox where topic = 'feedback') || ' '
                  || (select count(*) from core.audit_events where kind = 'feedback')
                  || ' ' || (select count(*) from core.idempotency_keys)}),
   join(' ', (@traces + 1) x 4), 'and none without a case');
is($db->sql(q{select count(*) - count(distinct subject) from core.people}), 0,
   'one account a citizen');
is($db->sql('select count(*) from audit_verify_all()'), 0,
   'all audit chains are whole');

# A client is told what to do: again, later, or it is in use just now.
my %answers = %{ $notes->{answers} };
my @odd = grep { !/^(?:201|409|503|504|none)$/ } keys %answers;
is("@odd", '', 'answers: ' . join(', ', map { "$answers{$_} x $_" }
                                        sort keys %answers));
cmp_ok(($answers{503} // 0) + ($answers{504} // 0) + ($answers{none} // 0),
       '>', 0, 'and the blows were felt');

# Whose wait for a standby is broken off is on this server only. It is told to nobody
# before it is on both, when it is asked for again neither: by the gateway, or its client.
$db->sql("alter system set synchronous_standby_names = 'nobody'");
$db->sql('select pg_reload_conf()');
my $other = $db->session;
my $write = q{select pg_logical_emit_message(true, 'test', '')};
$other->start($write);
wait_until(sub {
    return 1 if $db->sql(q{select count(*) from pg_stat_activity where wait_event = 'SyncRep'});
    $other->start($write) if $other->is_ready(0.1);
    return 0;
});

my $http = $gw->connection;
my $answers = IO::Select->new;
$http->send($http->format(request_of('alone-1')));
$answers->add($http->{socket});
$db->sql(q{select pg_terminate_backend(pid) from pg_stat_activity
           where usename = 'ihanoi_write' and wait_event = 'SyncRep'})
    until $answers->can_read(0.02);
my $told = $http->response('POST');
is("$told->{status} " . ($told->{json}{type} // ''),
   '503 urn:ihanoi:problem:outcome-unknown', 'a commit that waits in vain is no promise');
$db->sql('alter system reset synchronous_standby_names');
$db->sql('select pg_reload_conf()');
is(wait_until(sub { my $r = $gw->request(request_of('alone-1'));
                    $r->{status} == 201 && $r->{headers}{'idempotency-replayed'} }),
   'true', 'and its key finds it when the standby is there');

# The control: with commits that do not wait for the disk the same accounting
# must find a loss, or it could not find any. A crash may come when all is on the disk,
# by the walwriter or for others' sake: then once more.
$db->sql('alter database durable set synchronous_commit = off');
$gw->reload;
wait_until(sub { $gw->workers == 2 });
sleep 0.3;

my $lost = 0;
for my $try (1 .. 10) {
    my $crashed = 0;
    my $notes = filed_while("control$try", 2,
                            sub { sleep 0.8; crash() if !$crashed++ });

    $lost = lost($notes, found("control$try"));
    last if $lost;
}
cmp_ok($lost, '>', 0, "the control without durability loses cases: $lost");

done_testing();
