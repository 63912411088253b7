# Events of plugins: told once they are committed, delivered to those who have
# subscribed, at least once and in their order for each key, until they are given
# up.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use File::Temp;
use Time::HiRes qw(sleep time);

my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $db = database();

# The role's name says whose events it publishes; roles are the cluster's, so
# the plugin's name is this run's. It has digits.
my $name = "p$$";
my $role = "plugin_$name";
$db->own_roles($role);

$db->sql(<<"SQL");
    create role $role login nosuperuser;
    create schema plugin_$name authorization $role;
    set role $role;
    create table plugin_$name.got (n text, key uuid, attempt int, topic text,
                                   at timestamptz default clock_timestamp());
    create table plugin_$name.fails (n text);
SQL

my %operation = (
    publish => 'local id, err = ihanoi.events.publish(input.event, input.key,
                              input.payload)
                          return 200, { id = id, err = err }',
    huge    => 'local id, err = ihanoi.events.publish("' . $name . '.booked",
                             ihanoi.uuid.v7(), { x = ("x"):rep(66000) })
                         return 200, { id = id, err = err }',
    nul     => 'local id, err = ihanoi.events.publish("' . $name . '.booked",
                             ihanoi.uuid.v7(), { x = "a\0b" })
                         return 200, { id = id, err = err }',
    inside  => 'local ok, err = ihanoi.db.transaction(function()
                              ihanoi.db.one("select ihanoi_host.publish($1, $2::uuid, $3::jsonb) id",
                                  { input.event, input.key, input.payload })
                              if input.payload.fail then return nil, "no" end
                              return 1
                          end)
                          return 200, { ok = ok, err = type(err) == "table" and err.sqlstate or err }',
    forge   => 'local list = {}
                         for i, event in ipairs({ "feedback.closed", "other.booked", "booked",
                                                  "' . $name . '.a.b", "' . $name . '." }) do
                             local row, err = ihanoi.db.one("select ihanoi_host.publish($1, $2::uuid)",
                                 { event, ihanoi.uuid.v7() })
                             list[i] = row and "published" or err.sqlstate
                         end
                         local row, err = ihanoi.db.one("select ihanoi_host.publish($1, $2::uuid, $3::jsonb)",
                             { "' . $name . '.booked", ihanoi.uuid.v7(), { x = ("x"):rep(66000) } })
                         list[6] = row and "published" or err.sqlstate
                         local row, err = ihanoi.db.one("insert into core.outbox (topic) values (1)")
                         list[7] = row and "published" or err.sqlstate
                         return 200, list',
);
my $body = { required => $true, content => { 'application/json' => { schema => {
    type => 'object', properties => {
        event => { type => 'string', maxLength => 99 }, key => { type => 'string', maxLength => 99 },
        payload => { type => 'object' } } } } } };

# Takes each event down, unless the table of failures has it.
my $got = 'if ihanoi.db.one("select 1 x from fails where n = $1", { input.payload.n }) then
               return nil, "not now" end
           if input.payload.crash then error("crash") end
           local _, err = ihanoi.db.execute("insert into got (n, key, attempt, topic) values ($1, $2::uuid, $3, $4)",
               { input.payload.n, input.key, input.attempt, input.topic })
           if err and input.payload.n == "i4" then error(err) end
           if err then return nil, err end
           if input.payload.slow then ihanoi.run.sleep(3) end';

sub probe {
    my (%arg) = @_;

    return plugin_folder(
        name       => $name,
        lua        => { hello => 'return 200, {}', %operation },
        operations => { map { $_ => { method => 'put', security => [{ bearer => [] }],
                                      $_ eq 'publish' || $_ eq 'inside' ? (requestBody => $body) : () } }
                        keys %operation },
        functions  => { booked => $got },
        manifest   => {
            limits      => { timeout => '5s', cpu => '200ms' },
            permissions => { public => $true, database => $true },
            events      => {
                publishes  => ["$name.booked", "$name.cancelled", "$name.unheard"],
                subscribes => [
                    { event => "$name.booked", handler => 'booked', attempts => 3 },
                    { event => "$name.cancelled", handler => 'booked' },
                    { event => 'feedback.closed', handler => 'booked' }],
            },
        },
        %arg,
    );
}

my $plugin = probe();

sub gateway_with {
    my ($plugin, $lines, %more) = @_;

    return gateway(db => $db, responses => 0, %more,
        locations => 'location = /metrics { ihanoi_status metrics; }
                      location / { auth_jwt iHaNoi; ihanoi_api on; }',
        http => $plugin->block('public;', 'database probe;', 'cpu 200ms;', $lines) . <<"CONF");
ihanoi_database probe {
    server unix:$db->{socket} port=$db->{port};
    dbname $db->{name};
    schema plugin_$name;
    user $role;
    read connections=1; write connections=3;
}
CONF
}

my $grant = 'event feedback.closed;';
my $gw = gateway_with($plugin, $grant);
my $token = token(sub => 'citizen-1');

sub key { sprintf '7c9e6679-7425-40de-944b-%012d', $_[0] }
sub ask {
    my ($what, $event, $key, %payload) = @_;
    return $gw->request('PUT', "/v1/$name/$what", token => $token,
        json => { event => $event, key => $key, payload => \%payload })->{json};
}
sub publish { return ask('publish', "$name.$_[0]", key($_[1]), n => $_[2], @_[3 .. $#_]) }
# What came for a key, in its order.
sub got {
    my $where = @_ ? "where key = '" . key($_[0]) . "'" : '';
    return $db->sql("select string_agg(n, ' ' order by at) from plugin_$name.got $where") // '';
}
sub row { return scalar $db->sql("select $_[1] from core.plugin_deliveries where payload ->> 'n' = '$_[0]'") }

sub comes { my ($what, $test) = @_; return ok(wait_until($test, 40), $what) || diag $gw->error_log }

ok(wait_until(sub { $db->sql('select count(*) from core.plugin_cursors') == 1 }, 10),
   'a gateway says what its plugins want to hear');
is($db->sql('select string_agg(topic || \'.\' || event, \' \' order by event) from core.plugin_subscriptions'),
   "$name.booked $name.cancelled feedback.closed", 'all of it');
wait_until(sub { $gw->get("/v1/$name/hello")->{status} == 200 });

# Publishing.
my $said = publish('booked', 1, 'one');
like($said->{id} // '', qr/\A[1-9]\d*\z/, 'an event has a number') or diag explain($said), $gw->error_log;
is($db->sql("select topic || ' ' || event || ' ' || subject || ' ' || (payload ->> 'n') from core.outbox
             where id = $said->{id}"), "$name booked " . key(1) . ' one', 'and is in the outbox');
comes('it is delivered', sub { got() eq 'one' });
is($db->sql("select attempt || topic from plugin_$name.got"), "1$name.booked", 'with what it is');
is(ask('publish', "$name.booked", 'citizen-1', n => 'x')->{err}, 'key', 'a key is a UUID');
is($gw->request('PUT', "/v1/$name/huge", token => $token)->{json}{err}, 'too-large', 'a payload has a size');
is($gw->request('PUT', "/v1/$name/nul", token => $token)->{json}{err}, 'value',
   'and only what jsonb can hold');
is($gw->request('PUT', "/v1/$name/publish", token => $token,
                json => { event => 'feedback.closed', key => key(1), payload => {} })->{status},
   500, 'an event of another topic is a mistake');
like($gw->error_log, qr/the manifest does not publish this event/, 'that the log explains');
is($gw->request('PUT', "/v1/$name/publish", token => $token,
                json => { event => "$name.other", key => key(1), payload => {} })->{status},
   500, 'as is one that the manifest does not have');

# In the plugin's own transaction.
is(ask('inside', "$name.booked", key(2), n => 'two')->{ok}, 1, 'SQL publishes too');
is(ask('inside', "$name.booked", key(2), n => 'never', fail => $true)->{err}, 'no', 'in a transaction');
is(ask('inside', "$name.booked", key(2), n => 'three')->{ok}, 1, 'as all it does');
comes('what was committed is delivered', sub { got(2) eq 'two three' });
is($db->sql("select count(*) from core.outbox where payload ->> 'n' = 'never'"), 0,
   'what was rolled back is not there');
is_deeply($gw->request('PUT', "/v1/$name/forge", token => $token)->{json},
          [('42501') x 5, '54000', '42501'], 'nobody publishes for others, or for long')
    or diag explain $gw->request('PUT', "/v1/$name/forge", token => $token)->{json};

# The core's.
$db->sql("select from outbox_append('feedback', 'closed', '@{[key(3)]}', '{\"n\": \"closed\"}')");
$db->sql("select from outbox_append('feedback', 'accepted', '@{[key(3)]}', '{\"n\": \"accepted\"}')");
comes('the core\'s events come', sub { got(3) eq 'closed' });

# Order.
$db->sql("insert into plugin_$name.fails values ('a2')");
publish($_->[0], 4, $_->[1])
    for ['booked', 'a1'], ['booked', 'a2'], ['cancelled', 'a3'], ['booked', 'a4'];
publish('booked', 5, 'b1');
comes('a handler that fails', sub { (row('a2', 'attempts') // 0) > 0 && got(5) eq 'b1' });
is(got(4), 'a1', 'holds back what follows, of its key only');
is(row('a2', 'outcome || \' \' || error'), 'failed not now', 'and is known');
like($gw->error_log, qr{plugin "$name" 1.0.0: events/$name.booked failed: not now}, 'also in the log');
$db->sql("delete from plugin_$name.fails");
comes('when it does not fail any more all come in their order', sub { got(4) eq 'a1 a2 a3 a4' });
ok($db->sql("select attempt from plugin_$name.got where n = 'a2'") > 1, 'and it knows of its attempts');

# Many of one key do not wait for the next question each.
my $begin = time;
publish('booked', 6, "c$_") for 1 .. 25;
comes('many of one key', sub { got(6) eq join ' ', map { "c$_" } 1 .. 25 });
ok(time - $begin < 25, 'come one after the other');

# Dead.
publish('booked', 7, 'd1', crash => $true);
publish('booked', 7, 'd2');
comes('one that fails each time is given up', sub { (row('d1', 'state') // '') eq 'dead' });
is(row('d1', 'attempts'), 3, 'after as many attempts as the manifest says');
comes('then the next one comes', sub { got(7) eq 'd2' });
like($db->sql("select error from plugin_events_dead('$name')"), qr/crash/, 'operators see why');
comes('metrics too', sub { $gw->get('/metrics')->{content}
    =~ /^ihanoi_plugin_events_dead\{plugin="$name",version="1.0.0",event="$name.booked"\} 1$/m });
like($gw->get('/metrics')->{content},
     qr/^ihanoi_plugin_events_total\{plugin="$name",version="1.0.0",event="$name.booked",outcome="error"\} 3$/m,
     'with its attempts');
$db->sql("update core.plugin_deliveries set payload = payload - 'crash' where state = 'dead';
          select plugin_event_requeue('$name', id) from core.plugin_deliveries where state = 'dead'");
comes('and may have it delivered again', sub { got(7) eq 'd2 d1' });
my $log = do { local (@ARGV, $/) = $gw->dir . '/access.log'; <> };
like($log, qr{^unix: - - .*"POST /-/$name/events/$name.booked HTTP/1.0" 500 }m, 'an attempt is a request');

# Two gateways.
my $other = gateway_with($plugin, $grant, workers => 2);
wait_until(sub { $other->get("/v1/$name/hello")->{status} == 200 });
$db->sql("truncate plugin_$name.got");
for my $n (1 .. 20) { publish('booked', 10 + $_, "k$_.$n") for 1 .. 3 }
comes('two gateways deliver each once', sub { $db->sql("select count(*) from plugin_$name.got") == 60 });
sleep 1;
is($db->sql("select count(*) from plugin_$name.got"), 60, 'and no more');
for my $key (1 .. 3) {
    is(got(10 + $key), join(' ', map { "k$key.$_" } 1 .. 20), "in the order of key $key");
}

$other->stop;

# A database that is away is nobody's failure: what comes meanwhile waits, and no attempt
# is lost to it. An event is taken by the transaction that makes it a delivery.
sub standing { return ($gw->metric(qq(ihanoi_plugin_state{plugin="$name",version="1.0.0"})) // '') eq $_[0] }
sub happen {
    $db->sql("select from outbox_append('$name', 'booked', '@{[key($_[0])]}', '{\"n\": \"$_[1]\"}')");
    return;
}
$db->sql("alter role $role nologin;
          select pg_terminate_backend(pid) from pg_stat_activity where usename = '$role'");
comes('a plugin loses its database', sub { standing(1) });
happen(30, 'g1');
comes('an event comes', sub { defined row('g1', 'id') });
is(row('g1', 'attempts') . ' ' . (row('g1', 'run') // 'no run'), '0 no run', 'and waits');
$db->sql("alter role $role login");
comes('until the database is there again', sub { got(30) eq 'g1' });
is($db->sql("select attempt from plugin_$name.got where n = 'g1'"), 1, 'which is the first attempt');

# Nor is one that stands and has no room.
$db->sql(<<"SQL");
    create function plugin_$name.refuses() returns trigger language plpgsql as
        \$\$ begin raise exception using errcode = tg_argv[0], message = tg_argv[1]; end \$\$;
    create trigger full_disk before insert on plugin_$name.got for each row
        when (new.n in ('i1', 'i4')) execute function plugin_$name.refuses('53100', 'no room');
    create trigger mistake before insert on plugin_$name.got for each row
        when (new.n = 'i2') execute function plugin_$name.refuses('23514', 'wrong');
    create trigger refusal before insert on plugin_$name.got for each row
        when (new.n = 'i3') execute function plugin_$name.refuses('IH001', 'down');
SQL
happen(33, 'i1');
happen(34, 'i2');
happen(35, 'i3');
happen(36, 'i4');
comes('a handler returns or raises what its database says',
      sub { !grep { !row($_, 'outcome') } qw(i1 i2 i3 i4) });
like(row('i2', "outcome || ' ' || attempts"), qr/^failed [1-9]/, 'a mistake is an attempt');
like(row('i3', "outcome || ' ' || attempts"), qr/^failed [1-9]/, 'a refusal too, whatever its name');
is(row($_->[0], "concat_ws(' ', outcome, attempts, error)"), 'busy 0 53100: no room', "no room for it is none, $_->[1]")
    for ['i1', 'returned'], ['i4', 'raised'];
$db->sql("drop function plugin_$name.refuses() cascade;
          update core.plugin_deliveries set next_at = core.now() where payload ->> 'n' in ('i1', 'i2', 'i3', 'i4')");
comes('it comes when there is room', sub { got(33) eq 'i1' && got(34) eq 'i2' && got(35) eq 'i3' && got(36) eq 'i4' });
is($db->sql("select string_agg(attempt::text, ' ') from plugin_$name.got where n in ('i1', 'i4')"), '1 1', 'for the first time');

# What was done is not done again because how it ended finds no room for a while.
$db->sql(<<'SQL');
    create function public.no_room() returns trigger language plpgsql as
        $$ begin raise exception using errcode = '53100', message = 'no room'; end $$;
    create trigger no_room before update on core.plugin_deliveries for each row
        when (new.outcome is distinct from old.outcome) execute function public.no_room();
SQL
publish('booked', 37, 'k1');
publish('booked', 37, 'k2');
comes('an event is delivered', sub { got(37) eq 'k1' });
sleep 3;
is(row('k1', "state || ' ' || (run is not null)"), 'due true', 'and there is no room to say so');
$db->sql('drop function public.no_room() cascade');
comes('it is said when there is', sub { got(37) eq 'k1 k2' });
is(row('k1', "state || ' ' || outcome || ' ' || attempts") // 'done ok 1', 'done ok 1',
   'and the event does not come again (its row may be cleared away by now)');

# A worker that dies in the middle: at least once.
$gw->{expect_log} = qr/exited on signal 9/;
publish('booked', 20, 'e1', slow => $true);
publish('booked', 20, 'e2');
comes('an event is being delivered', sub { got(20) eq 'e1' });
kill 'KILL', $gw->workers;
wait_until(sub { $gw->get("/v1/$name/hello")->{status} == 200 }, 10);
$db->sql("update core.plugin_deliveries set until = clock_timestamp() where run is not null");
comes('after its worker has died it comes again, and then the next',
      sub { got(20) eq 'e1 e1 e2' });

# A disabled plugin's wait; events of before a subscription are not told. Where there is no room
# for a plugin's copy of them, that they wait is known all the same.
$gw->stop;
$db->sql(<<'SQL');
    create function public.no_room() returns trigger language plpgsql as
        $$ begin raise exception using errcode = '53100', message = 'no room'; end $$;
    create trigger no_room before insert on core.plugin_deliveries for each row execute function public.no_room();
SQL
publish_while_away();
$gw = gateway_with($plugin, $grant);
comes('an event of which there is no room for a copy', sub {
    my ($waiting, $lag) = map { $gw->metric(qq(ihanoi_plugin_events_$_\{plugin="$name",version="1.0.0",event="$name.booked"})) // 0 }
                          qw(waiting lag_seconds);
    $waiting == 1 && $lag > 0;
});
comes('is seen to wait, and why', sub {
    $gw->error_log =~ /events for plugins were not delivered: no room \(SQLSTATE 53100\)/ });
$db->sql('drop function public.no_room() cascade');
comes('what was published while no gateway was there comes then', sub { got(21) eq 'f1' });
is($db->sql("select attempt from plugin_$name.got where n = 'f1'"), 1, 'for the first time');
$gw->stop;

sub publish_while_away {
    $db->sql("select from outbox_append('$name', 'booked', '@{[key(21)]}', '{\"n\": \"f1\"}')");
    return;
}

# A worker whose connections are all taken cannot begin: no attempt is lost to that.
{
    $gw = gateway_with($plugin, $grant, events => 'worker_connections 40;',
                       expect_log => qr/worker_connections are not enough/);
    wait_until(sub { $gw->get("/v1/$name/hello")->{status} == 200 });
    my $full = sub { () = $gw->error_log =~ /worker_connections are not enough$/mg };
    my @clients;
    ok(wait_until(sub {
        my $client = $gw->connection->connect;
        $client->send('GET / HTTP/1.1');
        push @clients, $client;
        $full->() > 2;
    }), 'connections are used up');
    $_->close for splice @clients, 0, 10;
    happen(40 + $_, "j$_") for 1 .. 16;
    my $they = "from core.plugin_deliveries where payload ->> 'n' ~ '^j'";
    comes('more events than are left come then', sub { $db->sql("select count(*) $they") == 16 });
    sleep 1.1;
    is($db->sql("select count(*) $they and attempts = 0 and run is null"), 16, 'and wait');
    $_->close for @clients;
    comes('until there are enough', sub { $db->sql("select count(*) from plugin_$name.got where n ~ '^j'") == 16 });
    is($db->sql("select max(attempt) from plugin_$name.got where n ~ '^j'"), 1, 'which is the first attempt');
    $gw->stop;
}

# The machine's clock was ahead for a while: operators see what waits all the same.
{
    my $ahead = File::Temp->new;
    chmod 0644, $ahead;
    truncate $ahead, 7200;
    my $waits = sub {
        $db->sql("insert into plugin_$name.fails values ('$_[0]');
                  select from outbox_append('$name', 'cancelled', '@{[key($_[1])]}', '{\"n\": \"$_[0]\"}')");
    };
    $waits->('h1', 31);
    $gw = gateway_with($plugin, $grant,
        env => { LD_PRELOAD => build_dir() . '/clock.so', CLOCK => "$ahead" });
    my $seen = sub {
        return ($gw->metric(qq(ihanoi_plugin_events_waiting{plugin="$name",version="1.0.0",event="$name.cancelled"})) // '') eq $_[0];
    };
    comes('an event waits', sub { $seen->(1) });
    truncate $ahead, 0;
    $waits->('h2', 32);
    comes('another one, when the clock is set back', sub { $seen->(2) });
    $gw->stop;
}

# A release may be gone back to under the module of the next one, and a module beside the
# next release: the first had also rows that count, of no event, in columns that the second
# reads.
{
    $db->sql(<<'SQL');
        alter function plugin_events_take rename to taken;
        create function plugin_events_take(asked jsonb)
        returns table (plugin text, event text, id bigint, run uuid, input text, waiting bigint, dead bigint, lag bigint)
        language sql as $$
            select t.plugin, t.event, t.id, t.run, t.input, t.waiting, t.dead, t.lag from taken(asked) t
            union all
            select g.plugin, g.topic || '.' || g.event, null, null, null, 0, 0, 0
              from jsonb_to_recordset(asked -> 'subscriptions') as g (plugin text, topic text, event text)
             where (asked ->> 'all')::boolean
        $$;
SQL
    $gw = gateway_with($plugin, $grant);
    happen(60, 'b1');
    comes('beside a release of before what happens comes', sub { $db->sql("select count(*) from plugin_$name.got where n = 'b1'") == 1 });
    my @runs = $gw->get('/metrics')->{content} =~ /^ihanoi_plugin_events_total\{.* ([1-9]\d*)$/mg;
    is("@runs", '1', '... and nothing else');
    $gw->stop;
    $db->sql('drop function plugin_events_take(jsonb); alter function taken rename to plugin_events_take');
}

# nginx -t
sub refused {
    my ($plugin, $lines) = @_;
    my ($ok, $text) = gateway_with($plugin, $lines, start => 0)->check;
    return $ok ? 'it starts' : $text;
}

like(refused($plugin, ''), qr/asks for the event "feedback.closed", the operator does not grant it: a line "event feedback.closed;" is missing/,
     'events of others have to be granted');
like(refused($plugin, "$grant event $name.booked;"), qr/is granted the event "$name.booked", its manifest does not ask for it/,
     'its own need not');
like(refused(probe(functions => { other => '' }), $grant),
     qr/handler.lua has no function "booked", which the subscription to "$name.booked" names/,
     'a handler has to be there');

done_testing();
