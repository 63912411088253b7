#!/usr/bin/perl
# Audit: every change through the gateway is an event in a chain, concurrent
# ones too, and "ihanoi verify-audit" finds what was tampered with.

use lib 'tests/lib';
use IHanoi::Test;

my $db = database();
my $gw = gateway(db => $db, workers => 2);

sub verify {
    my $command = join ' ', map { "'$_'" } 'bin/ihanoi', 'verify-audit',
        '--host', $db->{socket}, '--port', $db->{port}, '--user', 'postgres',
        '--dbname', $db->{name}, @_;
    my $out = `$command 2>&1`;
    return ($? >> 8, $out);
}

# Many changes of one account at once: its chain must not fork.
my @children;
my $token = token(sub => 'busy');

for my $child (1 .. 4) {
    my $pid = fork // die "fork: $!";

    if (!$pid) {
        my $c = $gw->connection;
        for my $n (1 .. 10) {
            $c->request('PATCH', '/v1/me', token => $token,
                        json => { language => $n % 2 ? 'en' : 'vi' });
        }
        require POSIX;
        POSIX::_exit(0);
    }

    push @children, $pid;
}

waitpid $_, 0 for @children;

my $person = $db->sql(q{select id from core.people where subject = 'busy'});
my $events = $db->sql(qq{select count(*) from core.audit_events where chain = '$person'});
ok($events > 1, "$events events of one account");
is($db->sql(qq{select count(distinct seq) = max(seq) from core.audit_events where chain = '$person'}),
   't', 'are numbered without a gap');
is($db->sql(qq{select count(*) from core.outbox where subject = '$person'}), $events,
   'each has its outbox row');
is($db->sql(qq{select count(distinct request_id) = count(*) - 1 from core.audit_events
               where chain = '$person'}), 't', 'and says by which request');

my ($code, $out) = verify();
is($code, 0, 'the chains are whole') or diag $out;
like($out, qr/^$events events in 1 chains: all fit$/m, 'all of them');

# Somebody with the administrator's rights, and the triggers off.
$db->sql(qq{
    set session_replication_role = replica;
    update core.audit_events set details = '{"x": 1}' where chain = '$person' and seq = 2;
});
($code, $out) = verify();
is($code, 1, 'a change is found');
like($out, qr/^chain $person, event 2: changed$/m, 'and where');
is((verify('--chain', $person))[0], 1, 'in its chain');
$gw->connection->request('PATCH', '/v1/me', token => token(sub => 'calm'), json => { language => 'en' });
my $calm = $db->sql(q{select id from core.people where subject = 'calm'});
is((verify('--chain', $calm))[0], 0, 'and in no other');
($code, $out) = verify('--chain', '11111111-1111-4111-8111-111111111111');
is($code, 1, 'a chain that is not there is not whole');
like($out, qr/there is no chain 11111111-/, 'and told');
is((verify('--chain', 'x'))[0], 2, 'wrong usage');

done_testing();
