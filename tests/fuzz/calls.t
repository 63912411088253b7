#!/usr/bin/perl
# usage: tests/fuzz/calls.t [SECONDS [SEED]]     (make fuzz, make test: one round)
#
# Handlers at random, made of what waits, calls back, fails or keeps something for
# another call, one inside the other, in three plugins that call each other, with jobs,
# events, reloads and clients that go away. Whatever they do: no worker ends, each answer
# is whole and a document, each failure has its line in the log, and when nobody
# asks any more nothing is in use: calls, connections, transactions.
#
# A round is made from its number alone: "tests/fuzz/calls.t 0 NUMBER" does it again
# (in other order, as clients race), and FUZZ_TEXT=1 shows its handlers.

use lib 'tests/lib';
use IHanoi::Test;
use Test::More ();
use IHanoi::Test::Backend;
use IHanoi::Test::HTTP;
use IHanoi::Test::Load;
use IHanoi::Test::Plugin;
use Time::HiRes qw(sleep time);

use constant {
    HANDLERS => 14,
    CLIENTS  => 6,
    CALLS    => 60,      # of each client in a round
};

my $seconds = $ARGV[0] // 0;
my $seed = $ARGV[1] // 1;
my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my @plugins = map { "fuzz${$}$_" } 'a' .. 'c';     # roles are the cluster's

my ($state, $left);     # of the numbers; statements that a handler may still have


sub pick { $state = ($state * 1103515245 + 12345) % 2147483648; return int($state / 65536) % $_[0] }

# One of them; of code, what it makes.
sub one {
    my $one = $_[pick(scalar @_)];
    return ref $one ? $one->() : $one;
}


# What is alike in all handlers: tasks, functions and coroutines that are kept for
# whoever comes later, and a text of what came back that JSON takes.
my $common = <<'LUA';
local run, db, json, cache = ihanoi.run, ihanoi.db, ihanoi.json, ihanoi.cache
local store, lock, backend, response = ihanoi.store, ihanoi.lock, ihanoi.backend, ihanoi.response
local kept = {}
local M = {}

local function keep(v) kept[math.random(5)] = v return v end
local function again() return kept[math.random(5)] end

local function said(...)
    local list = json.array()
    for i = 1, math.min(select("#", ...), 4) do
        list[i] = tostring((select(i, ...))):sub(1, 40):gsub("[^ -~]", "?")
    end
    return list
end

LUA


sub value {
    return one('nil', 'true', 'false', 1, '-0.5', '2^53', '0/0', '1/0', '"a"', '("x"):rep(70000)',
               '"H\195"', '"Hà Nội"', '{}', '{ 1, nil, 3 }', '{ x = { 1 } }', 'next', 'error',
               'json.null', 'json.raw("[1]")', 'json.array()', 'ihanoi', 'again()', 'run',
               sub { 'setmetatable({}, { __index = ' . body(1) . ' })' },
               sub { 'setmetatable({ 1, 2 }, { __len = error, __tostring = ' . body(1) . ' })' },
               '(function() local t = {} t.t = t return t end)()',
               sub { 'coroutine.create(' . body(1) . ')' });
}


# A function of two arguments.
sub body {
    my ($depth) = @_;
    return "function(p, q)\n" . block($depth) . 'do return '
         . one('nil', 1, 'p', 'q', '"x"', '{ 1 }', 'nil, "no"', 'false, {}', 'run.sleep(0)',
               'p == q', 'pcall(again())', 'db.value("select 2")') . ' end end';
}


sub sql {
    return one('"select 1"', '"select 1/0"', '"select pg_sleep(0.01)"', '"selec"', '"commit"',
               '"rollback"', '"savepoint s"', '"rollback to s"', '"select nobody_made_me()"',
               '"select repeat(\'x\', 100000) from generate_series(1, 4)"',
               '"insert into t (n) values (1) returning n"', '"insert into t (n) values (null)"',
               '"select * from t limit 3"', '"update t set n = n + 1 where n < 3"',
               sub { '"select $1::text", { ' . value() . ' }' }, '"select $1::int", { 1, 2 }',
               '"set statement_timeout = 1"', '"select 1; select 2"', '"listen x"',
               '"copy t to stdout"', '"copy t from stdin"', '"declare c cursor for select 1"',
               '"select pg_terminate_backend(pg_backend_pid())"',
               '"do $$ begin raise exception using errcode = \'IH001\','
               . ' message = \'not-found\'; end $$"',
               '"select \'[1,{}]\'::json"', '""', \&value);
}


# A call that waits, or may.
sub call {
    my ($depth) = @_;
    my $f = sub { body($depth) };
    my $other = one(@plugins);
    my $where = one(qw(echo echo ok slow/0.03 half close big/5000 chunked/90000 half-chunked
                       reset reset-half garbage status/204 status/500 redirect stall accel));

    return one(
        sub { 'run.sleep(' . one(0, 0, 0.002, 0.01, 'p', 'nil', '0/0', '-1') . ')' },
        (sub { 'run.sleep(0)' }) x 2,
        (sub { 'run.spawn(' . $f->() . ', 1, ' . value() . ')' }) x 3,
        (sub { 'run.wait(keep(run.spawn(' . $f->() . ', ' . value() . ')))' }) x 3,
        sub { 'run.wait(keep(run.spawn(' . $f->() . ')), ' . one(0, 0.001, 0.05) . ')' },
        sub { 'run.wait(again())' },
        sub { 'run.wait(again(), 0.002)' },
        sub { 'run.spawn(' . one('run.sleep, 0.01', 'db.query, "select 1"', 'again(), 1',
                                 'db.transaction, again()', 'run.wait, again()', 'error, {}',
                                 'run.spawn, run.sleep, 0') . ')' },
        (sub { 'db.' . one(qw(query one value json execute)) . '(' . sql() . ')' }) x 8,
        (sub { 'db.transaction(' . $f->() . ')' }) x 6,
        sub { 'db.call("' . one(qw(f_doc f_refuse f_none)) . '", '
              . one('{ n = 3 }', 'nil', \&value) . ')' },
        (sub { "backend.get('operator', '/$where', { timeout = "
               . one(0.01, 0.05, 0.2) . ' })' }) x 3,
        sub { "backend.post('operator', { 'echo', " . value() . ' }, { timeout = 0.2, '
              . one('json', 'body', 'query', 'max_size') . ' = ' . value() . ' })' },
        sub { "backend.all({ { 'operator', { path = '/$where', timeout = 0.05 } }, "
              . "{ 'operator', { path = '/ok', timeout = 0.05, max_size = 1 } }, "
              . value() . ' })' },
        (sub { "ihanoi.interface.call('$other', 'it', 'f" . pick(3) . "', "
               . value() . ')' }) x 3,
        (sub { 'cache.get("c' . pick(2) . '", ' . one(1, 0.01, 0) . ', ' . $f->()
               . one('', ', { errors = 1 }') . ')' }) x 3,
        sub { 'cache.get(' . one('tostring(math.random(9))', \&value) . ', 1, ' . $f->() . ')' },
        sub { 'cache.delete("c0")' },
        sub { 'store.set("s' . pick(3) . '", ' . value()
              . one('', ', { expires = 0.01 }', sub { ', ' . value() }) . ')' },
        sub { 'store.get("s' . pick(3) . '")' },
        sub { 'lock.acquire("l' . pick(2) . '", 0.01)' },
        sub { 'ihanoi.events.publish("' . one(@plugins) . '.done", ihanoi.uuid.v7(), '
              . value() . ')' },
        sub { 'response.write(' . one('"part"', '("x"):rep(200000)', '""', \&value) . ')' },
        sub { 'response.start(' . one(200, 201, 500, \&value) . ', '
              . one('nil', '{ Link = "a" }', \&value) . ')' },
        sub { 'response.problem(' . one('"not-found"', '"x"', \&value) . ', ' . value() . ')' },
        sub { 'json.' . one(qw(encode decode array raw)) . '(' . value() . ')' },
        sub { 'ihanoi.request.' . one(qw(caller id body language time_left)) . '()' },
        sub { 'ihanoi.' . one('log.info', 'metric.add', 'metric.set', 'metric.observe') . '('
              . one('"n_total"', '"g"', '"h_seconds"', \&value) . ', ' . value() . ')' },
        sub { 'ihanoi.' . one('jwt.sign', 'jwt.verify', 'crypto.sha256', 'text.nfc', 'time.parse',
                              'money.share', 'uuid.valid', 'services.find', 'plugin.secret')
              . '(' . value() . ', ' . value() . ', ' . value() . ')' },
    );
}


sub statement {
    my ($depth) = @_;
    my $f = sub { body($depth) };

    return one(
        (sub { 'keep(select(2, pcall(function(p, q) return ' . call($depth) . ' end)))' }) x 9,
        (sub { 'pcall(function(p, q) local x = ' . call($depth) . ' end)' }) x 4,
        sub { 'keep(' . call($depth) . ')' },
        sub { 'local x = ' . call($depth) },
        sub { 'said(pcall(' . $f->() . ', ' . value() . '))' },
        sub { 'said(pcall(' . $f->() . '))' },
        sub { 'xpcall(' . $f->() . ', ' . one($f, 'error', 'tostring', 'run.sleep') . ')' },
        sub { 'error(' . value() . ')' },
        sub { 'local w = coroutine.wrap(' . $f->() . ') pcall(w, 1) pcall(w) keep(w)' },
        sub { 'local c = coroutine.create(' . $f->() . ') keep(c)
               for i = 1, 3 do coroutine.resume(c, i) end' },
        sub { 'keep(coroutine.wrap(' . $f->() . '))' },
        sub { 'local c = again() if type(c) == "thread" then coroutine.resume(c) end' },
        sub { 'pcall(coroutine.yield, ' . value() . ')' },
        sub { 'pcall(again(), again())' },
        sub { 'keep(' . $f->() . ')' },
        sub { 'pcall(table.sort, { 3, 1, 2 }, ' . $f->() . ')' },
        sub { '("abc"):gsub(".", ' . $f->() . ')' },
        sub { 'local m = { __index = ' . $f->() . ', __gc = ' . $f->() . ', __tostring = ' . $f->()
              . ', __lt = ' . $f->() . ', __call = ' . $f->() . ' }
               local a = setmetatable({}, m)
               keep(a) pcall(function() return a.x, tostring(a) end)
               pcall(function() return a < setmetatable({}, m) end) pcall(a)' },
        sub { 'for p in ' . one(sub { 'coroutine.wrap(' . $f->() . ')' }, 'again()', $f)
              . ' do ' . block($depth) . ' break end' },
        sub { 'for i = 1, ' . (1 + pick(3)) . " do\n" . block($depth) . "end" },
        sub { 'local t = {} for i = 1, ' . (1 << pick(14)) . ' do t[i] = { i } end keep(t)' },
        sub { pick(300) ? 'local x = 1' : 'while true do ' . block($depth) . ' end' },
        sub { pick(300) ? 'kept[1] = nil'
                        : 'local t = {} while true do t[#t + 1] = ("x"):rep(9999) .. #t end' },
    ) . "\n";
}


sub block {
    my ($depth) = @_;
    return '' if $depth <= 0 || $left <= 0;
    return join '', map { $left--; 'do ' . statement($depth - 1) . "end\n" }
                    1 .. pick(3) + ($depth > 2 ? 2 : $depth > 1);
}


# A handler keeps what goes wrong to itself, often: five failures in ten seconds
# open a plugin's circuit.
sub handler {
    my ($name, $kind) = @_;
    my $last = $kind eq 'call' ? one(('return 200, list') x 12, 'return nil', 'return 204',
                                     'return 201, list, { Location = "/a", ETag = "\\"a\\"" }',
                                     'return ihanoi.response.problem("not-found", { a = list })',
                                     'if math.random(30) == 1 then return 200, again(), again() end
                                      return 200, list')
                               : one('return list', 'return nil, "no"', 'return again()');

    $left = one(20, 50, 120);
    $last = one('', '', 'return 200, "text"') if $kind eq 'stream';
    return "function M.$name(input)\n    local list = said(pcall(function(p, q)\n" . block(5)
         . "end))\n    $last\nend\n\n";
}


sub make {
    my ($n) = @_;
    my $name = $plugins[$n];
    my (%operations, $text);

    $text = $common;

    for my $i (1 .. HANDLERS) {
        my $kind = $i % 5 == 0 ? 'stream' : 'call';
        my $method = $kind eq 'stream' ? 'get' : one(qw(get put put post));

        $text .= handler("h$i", $kind);
        $operations{"h$i"} = {
            method   => $method,
            security => [{ bearer => [] }],
            responses => $kind eq 'stream'
                ? { 200 => { description => 'Text', content => {
                        'text/csv' => { schema => { type => 'string' } } } } }
                : { 204 => { description => 'Nothing' },
                    map { $_ => { description => 'Anything', content => {
                        'application/json' => { schema => {} } } } } 200, 201 },
            $kind eq 'stream' ? ('x-ihanoi-stream' => $true) : (),
            pick(3) ? () : ('x-ihanoi-abort' => 'finish'),
        };
    }

    $text .= handler("f$_", 'interface') for 0 .. 2;
    $text .= handler($_, 'job') for qw(nightly heard);
    $text .= "function M.calm() return 200, { db.value('select 1') } end\n"
           . "function M.calm_write() return 200, { db.transaction(function()"
           . " return db.value('select count(*) from pg_sleep(0.02)') end) } end\nreturn M\n";
    $operations{calm} = { method => 'get' };
    $operations{calm_write} = { method => 'put', security => [{ bearer => [] }] };

    return plugin_folder(
        name       => $name,
        handler    => $text,
        lua        => { map { $_ => '' } keys %operations },
        operations => \%operations,
        files      => {
            'migrations/0001_t.sql' => "create table t (n int not null);\n",
            'sql/f_doc.sql' => "create function f_doc(n int) returns json language sql stable"
                . " as 'select json_build_object(''n'', n)';\n",
            'sql/f_refuse.sql' => "create function f_refuse() returns void language plpgsql"
                . " as 'begin raise exception using errcode = ''IH001'',"
                . " message = ''not-found''; end';\n",
        },
        manifest   => {
            permissions => { public => $true, database => $true, backends => ['operator'] },
            limits      => { memory => '6m', cpu => '60ms', timeout => '1500ms', store => '128k',
                             stream => '1m', concurrency => 8 },
            interfaces  => { offers => [ { name => 'it', version => 1,
                                           functions => [qw(f0 f1 f2)] } ],
                             uses => [ map { { plugin => $_, name => 'it', version => 1 } }
                                       grep { $_ ne $name } @plugins ] },
            events      => { publishes => ["$name.done"],
                             subscribes => [ { event => "$name.done", handler => 'heard',
                                               attempts => 2 } ] },
            jobs        => [ { name => 'nightly', cron => '* * * * *', handler => 'nightly',
                               timeout => '1s' } ],
            metrics     => [ { name => 'n_total', type => 'counter', help => 'N.' },
                             { name => 'g', type => 'gauge', help => 'G.' },
                             { name => 'h_seconds', type => 'histogram', help => 'H.' } ],
        },
    ), \%operations;
}


my $backend = IHanoi::Test::Backend->new;
my $token;
my ($done, $answers, %statuses) = (0, 0);
my $end = time + $seconds;

do { a_round($seed + $done++) } while time < $end && Test::More->builder->is_passing;

note("$done rounds, $answers answers: ", join ', ', map { "$_ $statuses{$_}" } sort keys %statuses);
done_testing();


sub a_round {
    my ($number) = @_;

    $state = $number * 7919 + 17;
    pick(2) for 1 .. 10;

    $token = token(sub => 'citizen');       # of ten minutes

    my $db = database();
    my @made = map { [make($_)] } 0 .. $#plugins;

    $db->own_roles(map { ("plugin_$_", "owner_$_") } @plugins);
    print { *STDERR } map { IHanoi::Test::text_of($_->[0]->path . '/handler.lua') } @made
        if $ENV{FUZZ_TEXT};

    my $gw = gateway(
        db        => $db,
        workers   => 2,
        responses => 0,
        http      => join('', map {
                         my $name = $_->[0]->name;
                         $_->[0]->block('public;', "database $name;", 'store 128k;', 'cpu 60ms;',
                             'backend operator /_operator;', 'jobs 5s;', 'stream 1m;',
                             'check always;',
                             map { "interface $_.it;" } grep { $_ ne $name } @plugins)
                         . plugin_database($db, $_->[0]->path, 'write connections=2 wait=300ms;',
                                           'read connections=2 wait=300ms;')
                     } @made),
        locations => <<"CONF",
location = /metrics { ihanoi_status metrics; }
location ^~ /_operator { internal; proxy_pass http://127.0.0.1:@{[ $backend->port ]}/; }
CONF
    );

    wait_until(sub { !grep { $gw->get("/v1/$_/calm")->{status} != 200 } @plugins }, 30)
        or die 'it does not serve', "\n";

    my @lines = under_load(
        dir     => $gw->dir,
        clients => CLIENTS,
        client  => sub { client($gw, $number, \@made, @_) },
        during  => sub {
            for (1 .. 3) {
                sleep 0.5;
                $gw->reload if $_ == 2 && $number % 3 == 0;
                $db->sql('update core.plugin_jobs set next_at = core.now() where run is null');
            }
        },
    );

    $answers += @lines;
    $statuses{ s{ \S*problem:(\S+).*}{ $1}r }++ for @lines;

    my @wrong = grep { /wrong/ } @lines;
    is("@wrong[0 .. ($#wrong > 4 ? 4 : $#wrong)]", '', "round $number: each answer is a document");

    my $idle = sub {
        return grep { / [1-9]/ } $gw->get('/metrics')->{content}
            =~ /^((?:ihanoi_pool_(?:in_use|queued)|ihanoi_plugin_active)\S* \S+)/mg;
    };
    wait_until(sub { !$idle->() }, 15);
    is(join(', ', $idle->()), '', "round $number: nothing is in use");
    is($db->sql("select count(*) from pg_stat_activity where datname = current_database()
                  and usename like 'plugin_fuzz${$}%'
                  and (state <> 'idle' or xact_start is not null)"), 0,
       "round $number: nor in the database");

    # All connections of a pool are there for whoever comes next.
    for my $name (@plugins) {
        ok(wait_until(sub {
            my @clients = map { $gw->connection } 1 .. 8;
            $_->send($_->format('PUT', "/v1/$name/calm_write", token => $token, close => 1))
                for @clients;
            return !grep { my $r = $_->response; !$r || $r->{status} != 200 } @clients;
        }, 90), "round $number: $name serves again");
    }

    $gw->stop;
    is($gw->{exit}, 0, "round $number: it ends well");

    my $log = $gw->error_log;
    my @silent = grep {
        /problem:plugin-(?:failed|reply-invalid|limit|timeout) \S*:(\w+)/
            && $log !~ /plugin "[^\n]*request id: "$1"/
    } @lines;

    is("@silent", '', "round $number: each failure has its line in the log");

    # 99: the sanitizer's own search for leaks may fail; what it finds is in the log.
    is(join("\n", grep { /exited (?:on signal|with code (?!0|99))/ } split /\n/, $log), '',
       "round $number: no worker has ended by itself");
    is(join("\n", $gw->unexpected_lines), '', "round $number: nothing unexpected is in the log");
    $db->drop;
    return;
}


sub client {
    my ($gw, $number, $made, $who, $notes) = @_;

    srand($number * 10 + $who);
    my $http = IHanoi::Test::HTTP->new(port => $gw->port, timeout => 20);

    for my $i (1 .. CALLS) {
        my ($plugin, $operations) = @{ $made->[rand @$made] };
        my $h = 'h' . (1 + int rand HANDLERS);
        my $o = $operations->{$h};
        my $method = uc $o->{method};

        # What a worker that quits has heard last may be lost on a connection that is kept.
        my %arg = (token => $token, close => $number % 3 == 0);

        $arg{key} = rand() < 0.3 ? 'k' . int rand 4 : "k-$who-$i-$number" if $method eq 'POST';
        $method = 'HEAD' if $method eq 'GET' && rand() < 0.1;
        $arg{headers} = { 'If-None-Match' => '"a"' } if $method eq 'GET' && rand() < 0.1;
        my $bytes = $http->format($method, '/v1/' . $plugin->name . "/$h", %arg);

        $http->send($bytes);

        if (rand() < 0.15) {
            sleep rand 0.1;
            $http->close;
            print $notes "left\n";
            next;
        }

        my $r = $http->response($method);

        # An answer in parts that fails breaks its connection off, also where HEAD has none.
        $http->close if $o->{'x-ihanoi-stream'};

        if (!$r) {
            print $notes $o->{'x-ihanoi-stream'} ? "broken\n"
                                                 : 'wrong:none:' . $plugin->name . ".$h\n";
            $http->close;
            next;
        }

        my $type = $r->{headers}{'content-type'} // '';
        my $good = $method eq 'HEAD' || $r->{status} =~ /^[23]04/ ? !length $r->{content}
                 : $r->{status} >= 300 ? ($r->{json} // {})->{status} == $r->{status}
                 : $type =~ /json/ ? defined $r->{json} || $r->{content} eq 'null' : $type =~ /csv/;

        print $notes $r->{status},
              $r->{status} >= 500 && $r->{json} ? " $r->{json}{type} $r->{json}{instance}" : '',
              $good ? '' : ' wrong:' . $plugin->name . ".$h:" . ($r->{content} =~ s/\s+/ /gr), "\n";
    }

    return;
}
