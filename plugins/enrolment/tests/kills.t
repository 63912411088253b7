# Workers and the database's backends killed in the middle of each step that takes an
# application, gives a seat or computes who has one: nothing is lost, nothing double.

use lib 'tests/lib', 'plugins/enrolment/tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Enrolment::Test;

my ($gw, $db) = enrolment(expect_log => [qr/exited on signal 9/, qr/open socket/],
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

# As wait_until(); what dies is tried again.
sub until_good {
    my ($run) = @_;
    return wait_until(sub { eval { $run->() } }, 40);
}

# A job that has died with its worker runs again when its time is over: here at once.
sub free {
    my ($job) = @_;
    $db->sql("update core.plugin_jobs set run = null, holder = null, until = null
               where plugin = 'enrolment' and job = '$job'");
    return;
}

sub rest { plugin_jobs_rest($db, 'enrolment') }

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
    for my $phase (qw(entries matching)) {
        rest();
        $a = post_as(office(), "/rounds/$round/allocations")->{json};

        # A step of no time does one thing.
        $db->sql("set search_path = $code, plugin_enrolment, public; set session authorization plugin_enrolment;
                  do \$\$ begin
                      while (select state from allocations where id = '$a->{id}') not in ('$phase', 'computed') loop
                          perform allocation_step('$a->{id}', 0);
                      end loop;
                  end \$\$");
        my $table = $phase eq 'entries' ? 'allocation_choices' : 'allocation_schools';
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

    # While an offer is confirmed.
    my ($id, $guardian) = @{ ($db->sql("select id, split_part(guardian, ' ', 2) from plugin_enrolment.applications
                                        where round = '$round' and state = 'offered' order by id limit 1"))[0] };
    killed_while("select from applications where id = '$id' for update", $kill,
                 sub { post_as(token_of($guardian), "/applications/$id/confirm") }, sub {
        is($db->sql("select state from plugin_enrolment.applications where id = '$id'"), 'offered', "$kind killed in a confirmation: nothing is half there");
    });
    is(until_good(sub { my $r = post_as(token_of($guardian), "/applications/$id/confirm"); $r->{status} == 200 && $r->{json}{state} }),
       'confirmed', '... it is confirmed again');
    is($db->sql("select count(*) from plugin_enrolment.steps where application = '$id' and state = 'confirmed'"), 1, '... once');

    # While a free place is offered to the next.
    ($id, $guardian) = @{ ($db->sql("select id, split_part(guardian, ' ', 2) from plugin_enrolment.applications
                                     where round = '$round' and state = 'offered' order by id limit 1"))[0] };
    is(post_as(token_of($guardian), "/applications/$id/decline")->{json}{state}, 'declined', 'a place becomes free');
    killed_while('lock table steps in share mode', $kill, begin_job('offers'), sub {
        is($db->sql("select count(*) from plugin_enrolment.applications where round = '$round' and state = 'waitlisted'"), 3,
           "$kind killed while it is offered to the next: nobody has it");
    });
    is(job_again('offers'), 'ok', 'the job goes on');
    is($db->sql("select count(*) from plugin_enrolment.applications where round = '$round' and state = 'waitlisted'"), 2, '... and one has it');
    is($db->sql("select sum(taken) from plugin_enrolment.places where round = '$round'"), 7, '... of seven places');
    sound("$kind killed while it is offered to the next");

    my ($status, $text) = verify_program($gw->url . "/v1/enrolment/rounds/$round/inputs");
    is($status, 0, 'a stranger comes to the same after all that') or diag $text;
}

done_testing;
