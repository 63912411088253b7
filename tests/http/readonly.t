#!/usr/bin/perl
# Reads never write: every GET of the contract, by nobody, by a stranger, by the
# author of a case, by an officer of its unit and by an administrator of the city,
# runs in read-only transactions and leaves no row.
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
my $code = $made->{json}{unit}{code};
my $unit = $db->sql("select id from core.units where code = '$code'");
$db->sql("select officer_bootstrap('$IHanoi::Test::ISSUER', '$_->[0]', '$_->[1]', '$_->[2]')")
    for ['officer', $code, 'receive'], ['admin', 'HN', 'administer'];

# Counters are flushed when a backend is idle for a while, or at its end; this
# session's, at once.
$db->sql('select pg_stat_force_next_flush()');
my %old = map { $_ => 1 } backends();
$gw->reload;
ok(wait_until(sub { !grep { $old{$_} } backends() }), 'what was written is counted');
my $before = written();

my (@bad, %statuses, %status_of);
for my $who ('nobody', 'stranger', 'author', 'officer', 'admin') {
    my @token = $who eq 'nobody' ? () : (token => token(sub => $who));

    for my $op (@gets) {
        my $about = $op->{path} =~ m{^/v1/units/} ? $unit : $id;
        my %path = map { $_->{name} => $_->{schema}{format}
                                       && $_->{schema}{format} eq 'uuid'
                                       || $_->{schema}{'$ref'} ? $about : undef }
                   grep { $_->{in} eq 'path' } @{ $op->{parameters} };
        delete $path{$_} for grep { !defined $path{$_} } keys %path;

        # A point of the city: the sample's is nowhere in it.
        my %query = grep({ $_->{name} eq 'lat' && $_->{required} } @{ $op->{parameters} })
                    ? (lat => 21.03, long => 105.84) : ();

        my $request = $contract->request($op, path => \%path, query => \%query);
        my $r = $gw->get($request->{target}, @token);

        $statuses{ $r ? $r->{status} : 'none' }++;
        $status_of{"$who $op->{id}"} = $r ? $r->{status} : 'none';
        push @bad, "$who: GET $request->{target}: "
                   . ($r ? $r->{status} : 'no answer')
            if !$r || $r->{status} >= 500;
    }
}
is(join("\n", @bad), '', 'every GET is answered: '
   . join(', ', map { "$statuses{$_} x $_" } sort keys %statuses));
cmp_ok($statuses{200}, '>=', scalar @gets, 'most of them with what they have');

# What only some may read was read, so that its whole body has run.
is($status_of{$_}, 200, $_)
    for 'author me_feedback_read', 'officer desk_queue', 'officer desk_feedback_read',
        'officer roster_get', 'admin roster_get', 'admin plugins_get';
is_deeply([grep { my $id = $_; !grep { $status_of{"$_ $id"} == 200 } qw(nobody author officer admin) }
           map { $_->{id} } @gets], [], 'and everything by somebody');

is($db->sql("select count(*) from core.people where subject = 'stranger'"), 0,
   'a stranger who reads is not written down');

$gw->stop;
ok(wait_until(sub { !backends() }), 'and all that was done since');
is(written() - $before, 0, 'no row was written');
unlike($gw->error_log, qr/(?:SQLSTATE |: )25006\b/, 'and none was tried (SQLSTATE 25006)');

done_testing();
