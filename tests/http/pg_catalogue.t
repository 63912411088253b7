# What a release lacks costs its own operations only, is named, and heals.

use FindBin;
use lib "$FindBin::Bin/../lib";
use IHanoi::Test;
use IHanoi::Test::Pg;

my $db = pg_database();
my $gw = ready(pg_gateway(db => $db));

sub functions {
    my ($check) = grep { $_->{name} eq 'main functions' }
                  @{ $gw->get('/readyz')->{json}{checks} };
    my $detail = ($check // {})->{detail} // '';
    return ref $detail ? join "\n", @$detail : $detail;
}

ok(wait_until(sub { functions() =~ /p_other/ }), 'the catalogue is checked');
my $missing = functions();
like($missing, qr/operation "p_missing": function p_missing\(caller jsonb, a text\) does not exist/,
     'a function that is missing is named');
like($missing, qr/operation "p_other": function p_other has argument "a" of type bigint, the contract has text/,
     'another type is named');
like($missing, qr/needs argument "b", which the contract does not have/,
     'an argument without a default is named');
unlike($missing, qr/p_echo/, 'what is there is not');

for my $name (qw(p_missing p_other)) {
    cmp_ok(said($gw, qr/\[error\].*operation "$name": function/), '>=', 1,
           "$name is in the log");
}

my $r = $gw->get('/p/missing?a=x');
is(outcome($r), '503 operation-unavailable', 'a call is a 503');
like($r->{headers}{'retry-after'}, qr/^\d+$/, 'with Retry-After');
is(outcome($gw->get('/p/echo?a=x')), '200 {"a":"x"}', 'others are served');

# A later migrate brings them.
$db->sql(<<'SQL');
    create function code_pools.p_missing(caller jsonb, a text)
    returns table (status int, etag text, body json) language sql stable as
    $$ select 200, null::text, json_build_object('a', $2) $$;
    drop function code_pools.p_other;
    create function code_pools.p_other(caller jsonb, a text, c int default 0)
    returns table (status int, etag text, body json) language sql stable as
    $$ select 200, null::text, json_build_object('a', $2) $$;
SQL

is(wait_until(sub { my $o = outcome($gw->get('/p/missing?a=x'));
                    $o =~ /^200/ && $o }, 10), '200 {"a":"x"}',
   'it is served without a reload');
ok(wait_until(sub { functions() !~ /operation/ }), 'nothing is missing now');
is(outcome($gw->get('/p/other?a=y')), '200 {"a":"y"}', 'the other too');


# A migration that takes a function away while connections stand.
sub echo { $gw->get('/p/echo?a=x') }

my $function = $db->sql(q{select pg_get_functiondef('code_pools.p_echo'::regproc)});
my $drop = 'drop function code_pools.p_echo(jsonb, text)';
is(outcome(echo()), '200 {"a":"x"}', 'a function is there');
$db->sql($drop);
$r = echo();
is(outcome($r), '503 operation-unavailable', 'and is taken away: a call is a 503');
like($r->{headers}{'retry-after'}, qr/^\d+$/, 'with Retry-After');
$db->sql($function);
is(wait_until(sub { my $o = outcome(echo()); $o =~ /^200/ && $o }, 10),
   '200 {"a":"x"}', 'and comes back');
ok(wait_until(sub { functions() !~ /operation/ }), 'nothing is missing then');

# Only a connection that came meanwhile lacks it; the first, which serves all
# calls, has it still.
$db->sql($drop);
my ($ended) = $db->sql(q{select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'ihanoi read'
    order by query like '%p_echo%', query_start limit 1});
ok(wait_until(sub { functions() =~ /p_echo/ }), 'a new connection lacks it');
$db->sql($function);
is(wait_until(sub { my $o = outcome(echo()); $o =~ /^200/ && $o }, 10),
   '200 {"a":"x"}', 'calls are served again');
ok(wait_until(sub { functions() !~ /operation/ }, 20), 'and nothing is missing');

# One that is there, in a schema that its role may not use, is found by no call either.
$gw->stop;
$db->sql('revoke usage on schema code_pools from public;
          grant usage on schema code_pools to ihanoi_write, ihanoi_control');
$gw = pg_gateway(db => $db);
ok(wait_until(sub { functions() =~ /may not use/ }), 'a schema that a role may not use');
like(functions(), qr/operation "p_echo": function p_echo: the role ihanoi_read may not use the schema code_pools$/m,
     'is told as that');
unlike(functions(), qr/operation "p_row"/, 'for the operations of that role');
is(outcome(echo()), '503 operation-unavailable', 'which are unavailable');
$db->sql('grant usage on schema code_pools to public');
is(wait_until(sub { my $o = outcome(echo()); $o =~ /^200/ && $o }, 20),
   '200 {"a":"x"}', 'until it may again');

done_testing();
