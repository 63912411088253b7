#!/usr/bin/perl
# Nothing is lost and nothing is done twice: clients write down every write
# that was acknowledged, while workers are killed, PostgreSQL crashes and nginx
# reloads. Afterwards the table is held against their notes.
#
#   LEDGER_SECONDS=n   how long, default 6

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Durable;
use IHanoi::Test::Engine qw(engine_gateway load_fixture);
use IHanoi::Test::HTTP;
use POSIX ();
use Time::HiRes qw(sleep time);

use constant CLIENTS => 6;

my $seconds = $ENV{LEDGER_SECONDS} // 6;

# The walwriter sleeps, so that a commit which did not wait for its flush is
# lost by a crash, and the control below can see it.
my $db = IHanoi::Test::Durable->new(wal_writer_delay => '10s');
load_fixture($db);

my $gw = engine_gateway(
    db         => $db,
    workers    => 2,
    expect_log => qr/exited on signal 9/,
);
my $token = token(sub => 'ledger', exp => time + 3600);

wait_until(sub {
    my $r = $gw->post('/t/things', token => $token, key => 'first',
                      json => { name => 'first' });
    $r && $r->{status} == 201;
}, 20) or BAIL_OUT('no write goes through');


# Writes entry after entry until the deadline, each until it is acknowledged,
# with one key. Notes: "sent NAME" before the first attempt, "done NAME" after
# the acknowledgement, "answer STATUS" for each.
sub client {
    my ($number, $run, $deadline, $file) = @_;
    my $http = IHanoi::Test::HTTP->new(port => $gw->port, timeout => 8);
    my $i = 0;

    open my $notes, '>', $file or die "$file: $!\n";
    $notes->autoflush;

    while (time < $deadline) {
        my $name = sprintf '%s-%d-%d', $run, $number, ++$i;
        my $give_up = time + 40;

        print $notes "sent $name\n";

        while (time < $give_up) {
            my $r = eval {
                $http->request('POST', '/t/things', token => $token,
                               key => "key-$name", json => { name => $name });
            };

            if (!$r) {
                print $notes "answer none\n";
                $http->close;
                sleep 0.02;
                next;
            }

            print $notes "answer $r->{status}\n";

            if ($r->{status} == 201) {
                print $notes "done $name\n";
                last;
            }

            sleep 0.05;
        }
    }

    return;
}


# Lets clients write while something happens to the house; returns the notes:
# { sent => {}, done => {}, answers => { status => count } }.
sub under_load {
    my ($run, $for, @happenings) = @_;
    my $deadline = time + $for;
    my (%notes, @clients);

    for my $number (1 .. CLIENTS) {
        my $pid = fork // die "could not fork: $!\n";
        if ($pid == 0) {
            eval { client($number, $run, $deadline,
                          $gw->dir . "/notes-$run-$number") };
            print STDERR $@ if $@;
            POSIX::_exit($@ ? 1 : 0);
        }
        push @clients, $pid;
    }

    for (my $i = 0; @happenings && time < $deadline - 0.5; $i++) {
        sleep 0.4;
        $happenings[$i % @happenings]->();
    }

    my $failed = 0;
    for my $pid (@clients) {
        waitpid $pid, 0;
        $failed++ if $?;
    }
    is($failed, 0, "$run: clients end well");

    for my $number (1 .. CLIENTS) {
        open my $fh, '<', $gw->dir . "/notes-$run-$number" or die "$!\n";
        while (<$fh>) {
            $notes{$1}{$2}++ if /^(sent|done|answer) (\S+)$/;
        }
    }

    return \%notes;
}


# { name => how often it is in the table }.
sub found {
    my ($run) = @_;
    return { map { $_->[0] => $_->[1] } $db->sql(<<"SQL") };
        select name, count(*) from things where name like '$run-%' group by 1
SQL
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


my $notes = under_load('hard', $seconds, \&kill_worker, \&crash,
                       sub { $gw->reload }, \&kill_backend, \&terminate);
my $found = found('hard');
my @sent = keys %{ $notes->{sent} };
my @done = keys %{ $notes->{done} };

cmp_ok(scalar @done, '>', 50, 'many writes were acknowledged: ' . @done);
is(scalar(grep { !$found->{$_} } @done), 0, 'acknowledged and lost: 0');
is(scalar(grep { $_ > 1 } values %$found), 0, 'done twice: 0');
is(scalar(grep { !$notes->{done}{$_} } @sent), 0,
   'each write goes through in the end');
is(scalar(grep { !$notes->{sent}{$_} } keys %$found), 0,
   'nothing is there that nobody sent');

# A client is told what to do: again, later, or it is in use just now.
my %answers = %{ $notes->{answer} };
my @odd = grep { !/^(?:201|409|503|504|none)$/ } keys %answers;
is("@odd", '', 'answers: ' . join(', ', map { "$answers{$_} x $_" }
                                        sort keys %answers));
cmp_ok(($answers{503} // 0) + ($answers{504} // 0) + ($answers{none} // 0),
       '>', 0, 'and the blows were felt');

# The control: with commits that do not wait for the disk the same accounting
# must find a loss, or it could not find any.
$db->sql('alter database durable set synchronous_commit = off');
$gw->reload;
wait_until(sub { $gw->workers == 2 });
sleep 0.3;

my $lost = 0;
for my $try (1 .. 3) {
    my $crashed = 0;
    my $notes = under_load("control$try", 2,
                           sub { sleep 0.8; crash() if !$crashed++ });
    my $found = found("control$try");

    $lost = grep { !$found->{$_} } keys %{ $notes->{done} };
    last if $lost;
}
cmp_ok($lost, '>', 0, "the control without durability loses writes: $lost");

done_testing();
