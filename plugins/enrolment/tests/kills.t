# Workers and the database's backends killed in the middle of each step that takes an
# application, gives a seat or computes who has one, and the database's machine right
# after it has answered: nothing is lost, nothing double.

use lib 'tests/lib', 'plugins/enrolment/tests/lib';
use IHanoi::Test;
use IHanoi::Test::Durable;
use IHanoi::Test::Plugin;
use Enrolment::Test;

# The walwriter sleeps: a commit that did not wait for its flush is lost by the crash.
my ($gw, $db) = enrolment(db => IHanoi::Test::Durable->new(wal_writer_delay => '10s'),
                          expect_log => [qr/exited on signal 9/, qr/open socket/],
                          pools => ['read connections=1;', 'write connections=2 wait=1s;']);

# All connections are made anew: those that write, those that read, and the core's.
sub ready {
    wait_until(sub {
        my $r = eval { post_as(token_of('nobody'), '/applications/00000000-0000-4000-8000-000000000000/confirm') };
        my $read = eval { $gw->get('/v1/enrolment/rounds') };
        return $r && $r->{status} == 404 && $read && $read->{status} == 200;
    }, 60) or die "the gateway does not come back\n";
    return;
}

my %kinds = (
    worker => sub {
        $gw->kill_workers;
        ready();
    },
    backend => sub {
        $db->sql("select pg_terminate_backend(pid) from pg_stat_activity
                   where wait_event_type = 'Lock' and usename = 'plugin_enrolment' and datname = current_database()");
        ready();
    },
);

# Somebody waits for a lock.
sub waits {
    return $db->sql(q{select count(*) from pg_stat_activity
                       where wait_event_type = 'Lock' and datname = current_database()});
}

# Runs code beside, which comes to wait for a lock that is held; kills then, and looks
# what is there. A backend whose worker has died learns of it when it answers: what it
# was doing is done when the lock is free.
sub killed_while {
    my ($lock, $kill, $run, $look) = @_;
    my $session = $db->session;

    $session->do("begin; set search_path = plugin_enrolment; $lock");
    my $pid = beside($run);
    ok(wait_until(\&waits, 20), '... under way');
    $kill->();
    $look->();
    eval { $session->do('rollback') };
    undef $session;
    waitpid $pid, 0;
    wait_until(sub { !waits() }, 20);
    rest();
    return;
}

# A job that has died with its worker runs again when its time is over: here at once.
sub free {
    my ($job) = @_;
    $db->sql("update core.plugin_jobs set run = null, holder = null, until = null
               where plugin = 'enrolment' and job = '$job'");
    return;
}

sub rest { plugin_jobs_rest($db, 'enrolment') }

# The first who has an offer and has not waited for it, and whose it is.
sub offered_first {
    my ($round) = @_;
    return @{ ($db->sql("select id, split_part(guardian, ' ', 2) from plugin_enrolment.applications a
                          where round = '$round' and state = 'offered' and not exists (
                                select from plugin_enrolment.steps s where s.application = a.id and s.state = 'waitlisted')
                          order by id limit 1"))[0] };
}

sub state_of { my ($id) = @_; return $db->sql("select state from plugin_enrolment.applications where id = '$id'") }

sub steps_of {
    my ($id, $state) = @_;
    return $db->sql("select count(*) from plugin_enrolment.steps where application = '$id' and state = '$state'");
}

sub waiting {
    my ($round) = @_;
    return $db->sql("select count(*) from plugin_enrolment.applications where round = '$round' and state = 'waitlisted'");
}

sub job_again { my ($job) = @_; free($job); return job($job) }

sub begin_job {
    my ($job) = @_;
    return sub {
        free($job);
        $db->sql("update core.plugin_jobs set next_at = core.now() where plugin = 'enrolment' and job = '$job'");
    };
}

$SIG{PIPE} = 'IGNORE';
my $child = 0;

for my $kind (qw(backend worker)) {
    my $kill = $kinds{$kind};
    my $round = a_round(schools => { 'TH-A' => 4, 'TH-B' => 3 });

    # While an application is written: the row is there, its choices are not yet.
    $child++;
    my $key = "submit-$kind";
    killed_while('lock table choices in share mode', $kill,
                 sub { submit($round, 'guardian-1', $child, ['TH-A', 'TH-B'], key => $key) }, sub {
        is($db->sql("select count(*) from plugin_enrolment.applications where round = '$round'"), 0, "$kind killed in a submission: nothing is half there");
    });
    my $r = until_good(sub { my $r = submit($round, 'guardian-1', $child, ['TH-A', 'TH-B'], key => "$key-again"); $r->{status} == 201 && $r });
    is(scalar @{ $r->{json}{choices} }, 2, '... it is sent again');
    is(submit($round, 'guardian-1', $child, ['TH-A', 'TH-B'])->{json}{id}, $r->{json}{id}, '... and again, and is one');
    is($db->sql("select count(*) from plugin_enrolment.applications where round = '$round'"), 1, '... and no more');

    my %of = ($r->{json}{id} => $r->{json});
    for (1 .. 9) {
        my $n = ++$child;
        my $one = submit($round, "guardian-$n", $n, ['TH-A', 'TH-B'])->{json};
        $of{ $one->{id} } = $one;
    }
    is(verify($_)->{status}, 200, 'verified') for values %of;
    is(shut($round)->{json}{state}, 'closed', 'closed');

    # A whole one, to compare with.
    my $whole = allocate($round);
    is($whole->{state}, 'computed', 'an allocation that nobody disturbs');

    # In a phase of another one, which waits for a lock in the middle of it.
    my $code = enrolment_code($db);
    my $a;
    for my $in ([entries => 'allocation_choices'], [ranks => 'allocation_schools'], [digest => 'allocations'],
                [matching => 'allocation_schools'], [results => 'allocation_schools'])
    {
        my ($phase, $table) = @$in;
        rest();
        $a = post_as(office(), "/rounds/$round/allocations")->{json};

        # A step of no time does one thing.
        $db->sql("set search_path = $code, plugin_enrolment, public; set session authorization plugin_enrolment;
                  do \$\$ begin
                      while (select state from allocations where id = '$a->{id}') not in ('$phase', 'computed') loop
                          perform allocation_step('$a->{id}', 0);
                      end loop;
                  end \$\$");
        killed_while("lock table $table in share mode", $kill, begin_job('allocate'), sub {
            is($db->sql("select state from plugin_enrolment.allocations where id = '$a->{id}'"), $phase, "$kind killed in the phase $phase: where it was");
        });
        is(job_again('allocate'), 'ok', 'the job goes on');
        my $done = get_as(office(), "/allocations/$a->{id}")->{json};
        is($done->{state}, 'computed', '... to the end');
        is("$done->{inputs_digest} $done->{results_digest}", "$whole->{inputs_digest} $whole->{results_digest}", '... and comes to the same');
    }

    # While it is published.
    is(post_as(office(), "/allocations/$a->{id}/publish")->{status}, 202, 'publish it');
    killed_while('lock table waitlist in share mode', $kill, begin_job('allocate'), sub {
        is($db->sql("select count(*) from plugin_enrolment.applications where round = '$round' and state <> 'verified'"), 0,
           "$kind killed while it is published: nobody has half of it");
    });
    is(job_again('allocate'), 'ok', 'the job goes on');
    is($db->sql("select string_agg(n || ' ' || state, ', ' order by state) from (select state, count(*) n
                 from plugin_enrolment.applications where round = '$round' group by 1) x"), '7 offered, 3 waitlisted', '... and all are told');
    sound("$kind killed while it is published");

    # While an offer is answered: the row is changed, its step is not written yet.
    my $steps = 'lock table steps in share mode';
    for (['confirm', 'confirmed'], ['decline', 'declined'], ['withdraw', 'withdrawn']) {
        my ($answer, $goal) = @$_;
        my ($id, $guardian) = offered_first($round);

        killed_while($steps, $kill, sub { post_as(token_of($guardian), "/applications/$id/$answer") }, sub {
            is(state_of($id), 'offered', "$kind killed in an answer, $answer: nothing is half there");
        });
        is(until_good(sub { my $r = post_as(token_of($guardian), "/applications/$id/$answer"); $r->{status} == 200 && $r->{json}{state} }),
           $goal, '... it is said again');
        is(steps_of($id, $goal), 1, '... once');
    }

    # While the two places that are free now are offered to the next.
    killed_while($steps, $kill, begin_job('offers'), sub {
        is(waiting($round), 3, "$kind killed while they are offered to the next: nobody has them");
    });
    is(job_again('offers'), 'ok', 'the job goes on');
    is(waiting($round), 1, '... and two have them');
    is($db->sql("select sum(taken) from plugin_enrolment.places where round = '$round'"), 7, '... of seven places');
    sound("$kind killed while they are offered to the next");

    # While an offer lapses.
    my ($id, $guardian) = offered_first($round);
    $db->sql("set session_replication_role = replica;
              update plugin_enrolment.applications set offer_until = now() - interval '1 second' where id = '$id'");
    killed_while($steps, $kill, begin_job('offers'), sub {
        is(state_of($id), 'offered', "$kind killed while an offer lapses: it stands");
    });
    is(job_again('offers'), 'ok', 'the job goes on');
    is(state_of($id) . ' ' . steps_of($id, 'lapsed'), 'lapsed 1', '... and it lapses, once');
    is(waiting($round), 0, '... for the last who waited');

    # While an appeal is upheld.
    is(post_as(token_of($guardian), "/applications/$id/appeals", { text => 'Không nhận được tin' })->{status}, 201, 'an appeal');
    my $appeal = $db->sql("select id from plugin_enrolment.appeals where application = '$id'");
    my $uphold = sub { post_as(office(), "/desk/appeals/$appeal/decide", { outcome => 'upheld', answer => 'Đúng' }) };
    killed_while($steps, $kill, $uphold, sub {
        is($db->sql("select state from plugin_enrolment.appeals where id = '$appeal'") . ' ' . state_of($id), 'open lapsed',
           "$kind killed while an appeal is upheld: it is open");
    });
    is(until_good(sub { my $r = $uphold->(); $r->{status} == 200 && $r->{json}{state} }), 'waitlisted', '... it is upheld again');
    is(steps_of($id, 'waitlisted'), 1, '... once');

    # While that is settled: the place is given, and the review is not at its end yet.
    killed_while($steps, $kill, begin_job('allocate'), sub {
        is(state_of($id), 'waitlisted', "$kind killed while an appeal is settled: nothing is given");
    });
    is(job_again('allocate'), 'ok', 'the job goes on');
    is(state_of($id) . ' ' . steps_of($id, 'offered'), 'offered 2', '... and the place is given, once more');
    is($db->sql("select sum(extra) from plugin_enrolment.places where round = '$round'"), 1, '... beyond the quota');
    sound("$kind killed while an appeal is settled");

    my ($status, $text) = verify_program($gw->url . "/v1/enrolment/rounds/$round/inputs");
    is($status, 0, 'a stranger comes to the same after all that') or diag $text;
}


# The machine's power goes while three guardians apply for one child after the other.
my $round = a_round(schools => { 'TH-A' => 4 });
my $notes = "$gw->{dir}/acknowledged";
open my $fh, '>', $notes or die "notes: $!\n";
close $fh;

sub acknowledged {
    open my $in, '<', $notes or die "notes: $!\n";
    return map { /^(\d+) (\S+)\n\z/ ? [$1, $2] : () } <$in>;
}

my @clients = map {
    my $first = $_ * 1000;
    beside(sub {
        open my $out, '>>', $notes or die "notes: $!\n";
        $out->autoflush;
        for my $n ($first .. $first + 999) {
            my $r = submit($round, "guardian-$n", $n, ['TH-A']);
            last if !$r || $r->{status} != 201;
            print $out "$n $r->{json}{id}\n";
        }
    });
} 1 .. 3;

ok(wait_until(sub { acknowledged() >= 30 }, 20), 'applications are taken');
$db->crash;
waitpid $_, 0 for @clients;
ready();

my %taken = map { @$_ } $db->sql("select id, child_name from plugin_enrolment.applications where round = '$round'");
is_deeply([grep { ($taken{ $_->[1] } // '') ne "Trẻ $_->[0]" } acknowledged()], [],
          'the database crashed: every application that was acknowledged is there');
is($db->sql("select count(*) - count(distinct child) from plugin_enrolment.applications where round = '$round'"), 0, '... once');
sound('the database crashed');

done_testing;
