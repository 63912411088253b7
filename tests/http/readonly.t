#!/usr/bin/perl
# Reads never write: every GET of the contract, by nobody, by a stranger and by
# an administrator's token, runs in read-only transactions and leaves no row.
# (contract_pg_proc.t holds the functions themselves to it.)

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Contract;

my $db = database();
my $gw = gateway(db => $db);
my $contract = IHanoi::Test::Contract->new;
my @gets = grep { $_->{method} eq 'GET' } $contract->operations;

# Rows written so far, statistics of this session's transaction included.
sub written {
    return $db->sql(<<'SQL');
        select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)
        from pg_stat_user_tables where schemaname <> 'public'
SQL
}

# The gateway's backends. One that is not here any more has counted its rows.
sub backends {
    return map { $_->[0] } $db->sql(<<'SQL');
        select pid from pg_stat_activity
        where datname = current_database() and backend_type = 'client backend'
          and pid <> pg_backend_pid()
SQL
}

wait_until(sub { ($gw->get('/v1/units?limit=1') // {})->{status} == 200 }, 20);

# A report to read, whose author asks too.
my $author = token(sub => 'author');
my $made = $gw->post('/v1/feedback', token => $author, key => 'readonly-1',
                     json => { category => 'road_damage', text => 'Ổ gà lớn',
                               lat => 21.03, long => 105.84 });
is($made->{status}, 201, 'there is something to read');
my $id = $made->{json}{id};

# Counters are flushed when a backend is idle for a while, or at its end.
my %old = map { $_ => 1 } backends();
$gw->reload;
ok(wait_until(sub { !grep { $old{$_} } backends() }), 'what was written is counted');
my $before = written();

my (@bad, %statuses);
for my $who ('nobody', 'stranger', 'author') {
    my @token = $who eq 'nobody' ? () : (token => token(sub => $who));

    for my $op (@gets) {
        my %path = map { $_->{name} => $_->{schema}{format}
                                       && $_->{schema}{format} eq 'uuid'
                                       || $_->{schema}{'$ref'} ? $id : undef }
                   grep { $_->{in} eq 'path' } @{ $op->{parameters} };
        delete $path{$_} for grep { !defined $path{$_} } keys %path;

        my $request = $contract->request($op, path => \%path);
        my $r = $gw->get($request->{target}, @token);

        $statuses{ $r ? $r->{status} : 'none' }++;
        push @bad, "$who: GET $request->{target}: "
                   . ($r ? $r->{status} : 'no answer')
            if !$r || $r->{status} >= 500;
    }
}
is(join("\n", @bad), '', 'every GET is answered: '
   . join(', ', map { "$statuses{$_} x $_" } sort keys %statuses));
cmp_ok($statuses{200}, '>=', scalar @gets, 'most of them with what they have');

is($db->sql("select count(*) from core.people where subject = 'stranger'"), 0,
   'a stranger who reads is not written down');

$gw->stop;
ok(wait_until(sub { !backends() }), 'and all that was done since');
is(written() - $before, 0, 'no row was written');
unlike($gw->error_log, qr/25006/, 'and none was tried (SQLSTATE 25006)');

done_testing();
