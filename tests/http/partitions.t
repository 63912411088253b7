#!/usr/bin/perl
# Partitions are made ahead and dropped beside writers: no write fails for it,
# and nobody is picked as the victim of a deadlock.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::HTTP;
use IHanoi::Test::Load;

my $db = database();
my $issuer = $IHanoi::Test::ISSUER;
my $start = -s log_file();
my @tables = qw(audit_events idempotency_keys outbox);

is_deeply([map { $_->[0] } $db->sql(q{select key from core.jobs
           where kind = 'partitions' and state = 'due' and alone order by key})],
          \@tables, 'each table has a job of its own');

$db->sql("select person_ensure(null, '$issuer', 'old', null)");

# As where the tables were made yesterday, or last month.
for my $before (['day', 'YYYY_MM_DD', 'idempotency_keys'],
                ['month', 'YYYY_MM', 'outbox', 'audit_events'])
{
    my ($step, $pattern, @of) = @$before;
    my ($name, $from, $to) = @{ ($db->sql(<<"SQL"))[0] };
        select to_char(x.today - interval '1 $step', '$pattern'),
               (x.today - interval '1 $step') at time zone 'UTC',
               x.today at time zone 'UTC'
        from (select date_trunc('$step', now() at time zone 'UTC')) x (today)
SQL

    $db->sql("create table if not exists core.${_}_$name partition of core.$_"
             . " for values from ('$from') to ('$to')") for @of;
}

my $writer = $db->session(user => 'ihanoi_write');
my $job = $db->session(user => 'ihanoi_control');
my $caller = qq('{"iss": "$issuer", "sub": "old"}');


sub log_file { return IHanoi::Test::Database::cluster()->log }

# One partition more is wanted of each table.
sub want_more { return $db->sql('update core.partitioned set ahead = ahead + 1') }

sub missing {
    return scalar $db->sql(<<'SQL');
        select count(*)
        from core.partitioned p, generate_series(0, p.ahead) n
        where to_regclass(format('core.%I', p.name || '_' || to_char(
                  date_trunc(p.step, now() at time zone 'UTC')
                      + n * ('1 ' || p.step)::interval,
                  case p.step when 'day' then 'YYYY_MM_DD' else 'YYYY_MM' end))) is null
SQL
}


# What a POST does to tables, in steps; the job for one of them begins behind
# each step, and the writer gets to its end at once.
my $n = 0;
my @steps = (
    "select from idempotency_claim('s', 'o', 'k%d', 'h')",
    "select from person_ensure(null, '$issuer', 'new-%d', null)",
    "select from event_record($caller, caller_person($caller), 'person',"
        . " caller_person($caller), 'tested', null, 'self', '{}')",
    "select from person_ensure(null, '$issuer', 'later-%d', null)",
    "select from idempotency_complete('s', 'o', 'k%d', 'h', 200, null, null, '{}')",
);

for my $table (@tables) {
    my @said;

    for my $at (0 .. $#steps) {
        want_more();
        $n++;
        $writer->do('begin');

        for my $step (0 .. $#steps) {
            my $said = $writer->do($steps[$step] =~ s/%d/$n/r);
            push @said, "step $step, job behind $at: $said" if $said ne '';

            if ($step == $at) {
                $job->start("select core.partitions_ensure_of('$table')");
                $job->is_ready(0.1);
            }
        }

        my $said = $writer->do('commit');
        push @said, "commit, job behind $at: $said" if $said ne '';

        $said = $job->finish;
        push @said, "job behind $at: $said"
            if $said !~ /^(?:ERROR:  55P03|\{.*\})$/;
    }

    is(join("\n", @said), '', "$table: the writer never fails; the job waits,"
                              . ' or gives up');
    like($job->do("select core.partitions_ensure_of('$table')"), qr/^\{.*\}$/,
         'and is through when it comes again');
}

$job->do('select core.partitions_ensure()');
$job->do('begin');
$job->do('select core.partitions_ensure()');
is($job->do(q{select count(*) from pg_locks where pid = pg_backend_pid()
              and mode in ('ShareRowExclusiveLock', 'AccessExclusiveLock')
              and relation is not null}), 0, 'with nothing to do it locks nothing');
$job->do('commit');

# Under load, by the gateway's own runner.
use constant { CLIENTS => 4, ROUNDS => 6, CITIZENS => 400 };

my @tokens = tokens(map { { sub => "citizen-$_" } } 1 .. CITIZENS);
my $gw = gateway(db => $db, workers => 2, http => 'ihanoi_jobs main interval=100ms;');
my $enough = $gw->dir . '/enough';
my %answers;


sub due { return $db->sql(q{update core.jobs set run_at = now(), attempts = 0
                            where kind = 'partitions' and state = 'due'}) }


# What is past keeping: by whoever has patience, a table a transaction.
sub leave_old {
    for my $table (qw(outbox idempotency_keys)) {
        my ($name, $to) = $table eq 'outbox' ? ('2001_01', '2001-02-01')
                                             : ('2001_01_01', '2001-01-02');

        wait_until(sub {
            eval { $db->sql("set lock_timeout = '300ms'; create table if not exists"
                . " core.${table}_$name partition of core.$table"
                . " for values from ('2001-01-01 00:00Z') to ('$to 00:00Z')"); 1 };
        }) or die "no old partition of $table\n";
    }
}


$answers{$_}++ for under_load(
    dir     => $gw->dir,
    clients => CLIENTS,
    client  => sub {
        my ($number, $notes) = @_;
        my $http = IHanoi::Test::HTTP->new(port => $gw->port);

        for (my $i = 0; !-e $enough; $i++) {
            my $r;

            # Who meets the job's short locks on a slow machine may be told to
            # come again: the same key, as a client would.
            for my $try (1 .. 20) {
                $r = $http->request('POST', '/v1/feedback', key => "$number-$i",
                    token => $tokens[($number + CLIENTS * $i) % CITIZENS],
                    json => { category => 'road_damage', lat => 21.032,
                              long => 105.8504, text => 'x' });
                last if !$r || $r->{status} != 503
                        || !$r->{headers}{'retry-after'};
                select undef, undef, undef, 0.1;
            }
            print $notes $r ? $r->{status} : 'none', "\n";
        }
    },
    during  => sub {
        for my $round (1 .. ROUNDS) {
            leave_old();
            want_more();
            due();
            my $made = wait_until(sub {
                missing() == 0 && !$db->sql(q{select count(*) from pg_class
                                              where relname like '%_2001_01%'
                                                and relkind = 'r'});
            }, 60);
            ok($made, "round $round: partitions are made and dropped")
                or diag(join "\n", missing(), map { join ' ', map { $_ // '-' } @$_ } $db->sql(
                    q{select key, state, run_at - now(), attempts, last_error
                      from core.jobs where kind = 'partitions'}));
        }
        $gw->write('enough', '');
    },
);

is(join(' ', sort keys %answers), '201',
   "$answers{201} cases are filed, none fails for good");

open my $fh, '<:encoding(UTF-8)', log_file() or die "$!\n";
seek $fh, $start, 0;
is(join('', grep { /\@$db->{name} / && /deadlock detected/ } <$fh>), '',
   'no deadlock in PostgreSQL\'s log');

done_testing();
