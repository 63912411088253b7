# ihanoi.db: a plugin's statements as its own role in its own schema, their
# values and errors, its transactions, and what ends them.

use lib "tests/lib";
use File::Temp qw(tempdir);
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Time::HiRes qw(sleep time);

my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $db = database();

# A role of each plugin; roles are the cluster's, so their names are this run's.
my ($mine, $theirs) = ("test_${$}_probe", "test_${$}_other");
$db->own_roles($mine, $theirs);

$db->sql(<<"SQL");
    create role $mine login nosuperuser connection limit 20;
    create role $theirs login nosuperuser;
    revoke temporary on database $db->{name} from public;
    create schema plugin_probe authorization $mine;
    create schema plugin_other authorization $theirs;

    set role $theirs;
    create table plugin_other.secret (id int);
    set role $mine;

    create table plugin_probe.bench (
        id int primary key, name text, price numeric, tags jsonb,
        constraint bench_positive check (id > 0));

    create table plugin_probe.turn as select 0 as n;

    create function plugin_probe.bench_find(wanted int, named text default 'x')
        returns table (id int, name text) language sql stable as
        'select wanted, named';
    create function plugin_probe.bench_document(n int) returns json
        language sql stable as
        'select json_build_object(''n'', n, ''list'', ''[1,   2]''::json)';
    create function plugin_probe.bench_refuse() returns void language plpgsql
        as 'begin raise exception using errcode = ''IH001'',
            message = ''bench-occupied'',
            detail = ''{"since": "2026-11-24", "retry_after": 60}'';
            end';
    create function plugin_probe.bench_away(caller jsonb)
        returns table (status int, etag text, body json) language plpgsql
        as 'begin raise exception using errcode = ''IH001'',
            message = ''bench-away''; end';
    create function plugin_probe.bench_absent(caller jsonb)
        returns table (status int, etag text, body json) language sql stable
        as 'select null::int, null::text, ''{"code": "bench-away", "retry_after": 30}''::json';
    create function plugin_probe.bench_vast(caller jsonb)
        returns table (status int, etag text, body json) language sql stable
        as 'select 200, null::text, to_json(repeat(''x'', 4000000))';
    create function plugin_probe.slow_insert() returns int language plpgsql as
        'begin insert into bench values (70, ''slow'');
         perform pg_sleep(20); return 1; end';
SQL

# Functions by name: a GET each, and a PUT each for those that write.
my %read = (
    types => 'return 200, ihanoi.db.one([[select 1::int2 a, 2::int4 b,
                  3::int8 c, 9007199254740993::int8 d, 1.5::float8 e,
                  12.34::numeric f, 12345678901234567890.5::numeric g,
                  true h, false i, \'{"x": [1, null]}\'::jsonb j, null::int k,
                  \'2026-11-24\'::date l, \'xin chào\'::text m,
                  \'NaN\'::numeric n, 9007199254740991::int8 o]])',
    values => 'return 200, ihanoi.db.one([[select $1::int a, $2::float8 b,
                  $3::bool c, $4::text d, $5::jsonb e, $6::text f,
                  $7::text g, $8::jsonb h, \'$9\' i]],
                  { 7, 1.25, false, "a\'; drop table bench; --",
                    { list = { 1, 2 }, word = "Hà Nội" }, nil,
                    ihanoi.json.null, ihanoi.json.raw("[1]") })',
    numbers => 'local said = {}
                for i, n in ipairs({ 0.1, 21.032, -2.5, 1e20, 2^53 + 2, -2^60, 1e-7, 0/0, -0 }) do
                    said[i] = ihanoi.db.value("select $1::numeric::text", { n })
                end
                for i, n in ipairs({ 1/0, -1/0, 0/0, 5e-324, 1/3 }) do
                    local back = ihanoi.db.value("select $1::float8", { n })
                    said[#said + 1] = tostring(back == n or back ~= back)
                end
                said[#said + 1] = ihanoi.db.value("select $1::int8::text", { -2^60 })
                return 200, said',
    blank => 'local said = {}
              for i, sql in ipairs({ "", " ; ", "-- nothing" }) do
                  said[i] = { rows = ihanoi.db.query(sql), one = ihanoi.db.one(sql) == nil }
              end
              return 200, { said = said, pid = ihanoi.db.value("select pg_backend_pid()") }',
    empty => 'local rows = ihanoi.db.query("select * from bench where id = $1",
                  { 404 })
              return 200, { rows = rows, count = #rows,
                  one = ihanoi.db.one("select 1 where false") == nil }',
    rows  => 'return 200, ihanoi.db.query(
                  "select n from generate_series(1, 3) n")',
    call  => 'return 200, { both = ihanoi.db.call("bench_find",
                  { named = "y", wanted = 5 }),
                  less = ihanoi.db.one("bench_find", { wanted = 6 }) }',
    json  => 'return 200, ihanoi.db.json("bench_document", { n = 3 })',
    jsonin => 'return 200, { inside = ihanoi.db.json(
                   "select $1::jsonb", { { a = 1 } }),
                   none = ihanoi.db.json("select null::json") == nil }',
    value => 'local db = ihanoi.db
              return 200, { n = db.value("select 1.5::numeric"), no = db.value("select false"),
                  list = db.value("bench_document", { n = 3 }).list,
                  none = db.value("select 1 where false") == nil,
                  null = db.value("select null::int") == nil,
                  wrong = select(2, db.value("select 1/0")).sqlstate,
                  two = select(2, pcall(db.value, "select 1 as a, 2 as b")) }',
    refused => 'return ihanoi.response.problem(select(2, ihanoi.db.value("bench_refuse")))',
    locked => 'return ihanoi.response.problem(select(2, ihanoi.db.query(
                   [[do $$ begin raise sqlstate \'55P03\'; end $$]])))',
    wrong => 'return ihanoi.response.problem(select(2, ihanoi.db.query(
                  "select $1::int", { "somebody\'s name" })))',
    members => 'return ihanoi.response.problem(
                    select(2, ihanoi.db.query("select 1/0")), { more = 1 })',
    made => 'return ihanoi.response.problem({})',
    refuse => 'local rows, err = ihanoi.db.call("bench_refuse")
               return ihanoi.response.problem(err.code, err.members)',
    errors => 'local list = {}
               for i, sql in ipairs({ "select * from nothing", "selec 1",
                   "select 1/0", "select 1; select 2", "select $1::int",
                   "insert into bench values (1)", "begin",
                   "copy bench to stdout" }) do
                   local rows, err = ihanoi.db.query(sql, ({ [5] = { "x" } })[i])
                   list[i] = rows and "rows"
                             or err.code .. " " .. (err.sqlstate or "")
               end
               list[9] = ihanoi.db.one("select 1 as n").n
               return 200, list',
    nul   => 'local row, err = ihanoi.db.one("select $1::text", { "a\0b" })
              return 200, err',
    many  => 'local ok, err = pcall(ihanoi.db.query, "select $1::int", { 1, 2 })
              return 200, { err = err }',
    large => 'local ok, err = ihanoi.db.query(
                  "select repeat(\'x\', 1000000) from generate_series(1, 100)")
              return 200, { rows = ok ~= nil, err = err and err.code }',
    slow  => 'local ok, err = ihanoi.db.query("select pg_sleep(20)")
              return 200, { ok = ok ~= nil, err = err and err.code }',
    texts => 'for i = 1, 300 do
                  local row = ihanoi.db.one("select " .. i .. " as n, $1::int m",
                      { i })
                  if row.n ~= i or row.m ~= i then error("row " .. i) end
              end
              local n = ihanoi.db.one([[select count(*) n
                            from pg_prepared_statements]]).n
              return 200, { ok = true, prepared = n }',
    statements => 'return 200, ihanoi.db.one("select count(*) n from bench")',
    quick => 'return 200, ihanoi.db.one("select 1 n, pg_backend_pid() pid")',
    unknown => 'local codes = {}
                for i = 1, 5 do
                    codes[i] = select(2, ihanoi.db.transaction(function()
                        return ihanoi.db.query("select nobody_made_me()") end)).sqlstate
                end
                return 200, codes',
    hold  => 'return 200, ihanoi.db.one("select 1 n from pg_sleep(0.3)")',
);

# Raised as they are, in any depth of a stack.
my %throw = (
    throw => 'local _, err = ihanoi.db.query("select 1 / 0") error(err)',
    throw_rule => 'error((select(2, ihanoi.db.query("select bench_refuse()"))))',
    throw_task => 'local task = ihanoi.run.spawn(function()
                       local _, err = ihanoi.db.query("select 1 / 0") error(err) end)
                   if input.late then ihanoi.run.sleep(input.late) end
                   return 200, { (select(2, ihanoi.run.wait(task))) }',
    throw_deep => 'local _, err = ihanoi.db.query("select 1 / 0")
                   local function deep(n)
                       if n == 0 then error(err) end
                       return 1 + deep(n - 1)
                   end
                   local function is_told(n)
                       return ihanoi.run.wait(ihanoi.run.spawn(function() deep(n) end))
                   end
                   local low, high = 1, 70000
                   while low + 1 < high do
                       local n = math.floor((low + high) / 2)
                       local _, why = pcall(deep, n)
                       if why == err then low = n else high = n end
                   end
                   local told = 0
                   for n = low - 15, low + 10 do
                       local _, why = is_told(n)
                       if why:find("22012", 1, true) then told = told + 1 end
                   end
                   return 200, { told > 1 and told < 26 }',
);

my %write = (
    isolation => 'local list = {}
                  for i, sql in ipairs({ "select * from plugin_other.secret",
                      "select * from core.people", "select * from core.settings",
                      "set role ihanoi_owner", "reset role",
                      "set session authorization ihanoi_owner",
                      "select set_config(\'role\', \'ihanoi_owner\', false)",
                      "select pg_read_file(\'/etc/passwd\')",
                      "select * from pg_authid",
                      "copy (select 1) to program \'true\'",
                      "create temporary table t (i int)",
                      "create table public.t (i int)",
                      "select pg_advisory_lock(n) from generate_series(1, 100000) n",
                      "select pg_try_advisory_lock_shared(1, 2)",
                      "select lo_create(0)" }) do
                      local rows, err = ihanoi.db.query(sql)
                      list[i] = rows and "rows" or err.sqlstate or err.code
                  end
                  list[16] = ihanoi.db.one("select current_user as u").u
                  list[17] = ihanoi.db.one("show search_path").search_path
                  return 200, list',
    add => 'local n, err = ihanoi.db.execute(
                "insert into bench (id, name) values ($1, $2)", { 1, "one" })
            return 200, { n = n, err = err }',
    commit => 'local result, err = ihanoi.db.transaction(function()
                   ihanoi.db.execute("insert into bench (id) values (10)")
                   ihanoi.db.execute("insert into bench (id) values (11)")
                   return { inside = ihanoi.db.one(
                       "select count(*) n from bench where id in (10, 11)").n }
               end)
               return 200, { result = result, err = err }',
    nothing => 'return 200, { ihanoi.db.transaction(function() end) }',
    raise => 'local ok, err = pcall(ihanoi.db.transaction, function()
                  ihanoi.db.execute("insert into bench (id) values (20)")
                  error("no more", 0)
              end)
              return 200, { ok = ok, err = err,
                  after = ihanoi.db.one("select count(*) n from bench"
                                        .. " where id = 20").n }',
    giveup => 'local ok, err = ihanoi.db.transaction(function()
                   ihanoi.db.execute("insert into bench (id) values (21)")
                   return nil, "changed my mind"
               end)
               return 200, { ok = ok, err = err }',
    failed => 'local inner
               local ok, err = ihanoi.db.transaction(function()
                   ihanoi.db.execute("insert into bench (id) values (22)")
                   local row, first = ihanoi.db.query("insert into bench (id)"
                                                      .. " values (-1)")
                   local row, second = ihanoi.db.query("select 1")
                   inner = { first.sqlstate, second.sqlstate }
                   return 1
               end)
               return 200, { ok = ok, err = err, inner = inner }',
    savepoint => 'local ok, err = ihanoi.db.transaction(function()
                      ihanoi.db.execute("insert into bench (id) values (23)")
                      ihanoi.db.query("savepoint s")
                      ihanoi.db.query("insert into bench (id) values (-1)")
                      ihanoi.db.query("rollback to savepoint s")
                      return 1
                  end)
                  return 200, { ok = ok, err = err }',
    savepoints => 'local function made(n, also)
                       local last
                       local ok, err = ihanoi.db.transaction(function()
                           for i = 1, n do
                               assert(ihanoi.db.execute("savepoint s"))
                               ihanoi.db.execute("insert into bench (id) values ($1)", { 1000 + i })
                               if also then ihanoi.db.execute(also) end
                           end
                           local rows, why = ihanoi.db.execute("savepoint last")
                           last = { rows or why.code, (select(2, ihanoi.db.query("select 1")) or {}).code }
                           return nil, "no more"
                       end)
                       return last
                   end
                   local most, more = made(99), made(100)
                   return 200, { most, more, made(150, "release s"),
                       ihanoi.db.one("select count(*) n from bench where id > 1000").n }',
    own    => 'local said = {}
               for i, ends in ipairs({ "commit", "commit and chain", "rollback" }) do
                   local after
                   local ok, err = ihanoi.db.transaction(function()
                       local row, one = ihanoi.db.query(ends)
                       local row, two = ihanoi.db.query("select 1")
                       after = { one and one.code, two and two.code }
                       return 1
                   end)
                   said[i] = { ok = ok, err = err and err.code, after = after }
               end
               return 200, said',
    nested => 'local ok, err = pcall(ihanoi.db.transaction, function()
                   ihanoi.db.execute("insert into bench (id) values (24)")
                   ihanoi.db.transaction(function() end)
               end)
               return 200, { ok = ok, err = err }',
    scarce => 'local ok, err = pcall(ihanoi.db.transaction, function() end)
               local n, why = ihanoi.db.value("select 1")
               return 200, { ok = ok, n = n, why = why }',
    begins => 'local row, err = ihanoi.db.query("begin")
               return 200, { row = row, err = err.code }',
    loop  => 'ihanoi.db.transaction(function()
                  ihanoi.db.execute("insert into bench (id) values (30)")
                  while true do end
              end)',
    eat   => 'ihanoi.db.transaction(function()
                  ihanoi.db.execute("insert into bench (id) values (31)")
                  local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(9999) .. i end
              end)',
    wait  => 'ihanoi.db.transaction(function()
                  ihanoi.db.execute("insert into bench (id) values (32)")
                  ihanoi.run.sleep(60)
              end)',
    stuck => 'ihanoi.db.transaction(function()
                  ihanoi.db.execute("insert into bench (id) values (33)")
                  ihanoi.db.query("select pg_sleep(20)")
              end)',
    leave => 'local body = coroutine.wrap(function()
                  ihanoi.db.transaction(function()
                      ihanoi.db.execute("insert into bench (id) values (34)")
                      coroutine.yield()
                  end)
              end)
              body()
              return 200, {}',
    strange => 'local db, run = ihanoi.db, ihanoi.run
                local function begun(fail, more)
                    local co = coroutine.create(function()
                        return db.transaction(function()
                            db.execute("insert into bench (id) values (35)")
                            coroutine.yield()
                            if fail then error("mine", 0) end
                            if more then db.execute("insert into bench (id) values (37)") end
                        end)
                    end)
                    run.wait(run.spawn(function() coroutine.resume(co) end))
                    return co
                end
                local _, err = coroutine.resume(begun(true))
                local _, _, late = coroutine.resume(begun())
                local co = begun()
                local ok, why = db.transaction(function()
                    db.execute("insert into bench (id) values (36)")
                    local _, _, other = coroutine.resume(co)
                    return nil, other.code
                end)
                local _, half = coroutine.resume(begun(false, true))
                return 200, { err, late.code, why, half }',
    hold_long => 'local ok, err = ihanoi.db.transaction(function()
                      ihanoi.db.execute("select 1") ihanoi.run.sleep(0.8)
                  end)
                  return 200, { err = err and err.code }',
    quick_write => 'return 200, { n = ihanoi.db.transaction(function()
                        return ihanoi.db.one("update turn set n = n + 1"
                                             .. " returning n").n
                    end) }',
    setting => 'ihanoi.db.query("set statement_timeout = 12345")
                return 200, {}',
    shown => 'return 200, ihanoi.db.one("show statement_timeout")',
    unread => 'return 200, { ihanoi.db.execute(
                   "insert into bench (id) values ($1)", { 50 }) }',
);

sub probe {
    my (%more) = @_;
    return plugin_folder(
        lua        => { %read, %write, %throw, away => '', absent => '', vast => '' },
        operations => {
            (map { $_ => { method => 'put', security => [{ bearer => [] }] } }
                 keys %write),
            throw_task => { parameters => [{ name => 'late', in => 'query', schema => { type => 'number' } }] },
            (map { $_ => { 'x-ihanoi-lua' => undef, 'x-ihanoi-sql' => "bench_$_" } }
                 qw(away absent vast)),
        },
        document   => { 'x-ihanoi-problems' => {
            'bench-occupied' => {
                status => 409, title => { vi => 'Ghế có người', en => 'Occupied' } },
            'bench-away' => {
                status => 503, title => { vi => 'Ghế đi vắng', en => 'Away' } },
        } },
        manifest => { limits => { timeout => '2s', memory => '8m',
                                  cpu => '200ms' },
                      permissions => { public => $true, database => $true } },
        %more,
    );
}

my $plugin = probe();

sub gateway_with {
    my ($plugin, $lines, %more) = @_;
    my $gw = gateway(db => $db, responses => 0, %more,
        http => $plugin->block('public;', 'database probe;', 'cpu 200ms;') . <<"CONF");
ihanoi_database probe {
    server unix:$db->{socket} port=$db->{port};
    dbname $db->{name};
    schema plugin_probe;
    user $mine;
    $lines
}
CONF
    wait_until(sub { $gw->get('/v1/probe/quick')->{status} == 200 });
    return $gw;
}

my $two = 'read connections=1; write connections=2 wait=300ms;';
my $gw = gateway_with($plugin, $two);
my $token = token(sub => 'citizen-1');

sub get { return $gw->get("/v1/probe/$_[0]") }
sub put { return $gw->request('PUT', "/v1/probe/$_[0]", token => $token, @_[1 .. $#_]) }
sub outcome { return "$_[0]{status} " . (($_[0]{json}{type} // '') =~ s/.*://r) }
sub count { return $db->sql("select count(*) from plugin_probe.bench where id = $_[0]") }

# Failures open the circuit; a gateway of its own for each case of them.
sub again {
    $gw->stop;
    $gw = gateway_with($plugin, $two, @_);
    return;
}

# Nobody has a transaction open as the plugin's role, soon.
sub clean {
    return wait_until(sub { !$db->sql("select count(*) from pg_stat_activity
        where usename = '$mine' and (state like 'idle in%' or state = 'active')")
    }, 5);
}

my $r = get('types');
is_deeply($r->{json}, {
    a => 1, b => 2, c => 3, d => '9007199254740993', e => 1.5, f => 12.34,
    g => '12345678901234567890.5', h => $true, i => $false,
    j => { x => [1, undef] }, l => '2026-11-24', m => 'xin chào', n => 'NaN',
    o => 9007199254740991,
}, 'columns have their types') or diag $r->{content};

$r = get('values');
is_deeply($r->{json}, {
    a => 7, b => 1.25, c => $false, d => q{a'; drop table bench; --},
    e => { list => [1, 2], word => 'Hà Nội' }, h => [1], i => '$9',
}, 'values are values, whatever they look like') or diag $r->{content};

is_deeply(get('numbers')->{json},
          ['0.1', '21.032', '-2.5', '100000000000000000000', '9007199254740994',
           '-1152921504606846976', '0.0000001', 'NaN', '0', ('true') x 5, '-1152921504606846976'],
          'a number has no digits that it was not given');

$r = get('blank');
is_deeply($r->{json}{said}, [({ rows => [], one => $true }) x 3], 'nothing is no row')
    or diag $r->{content};
is(get('blank')->{json}{pid}, $r->{json}{pid}, 'and costs no connection');

$r = get('empty');
is_deeply($r->{json}, { rows => [], count => 0, one => $true }, 'and no row');
is_deeply(get('rows')->{json}, [{ n => 1 }, { n => 2 }, { n => 3 }],
          'a list of rows');
is_deeply(get('call')->{json}, { both => [{ id => 5, name => 'y' }],
          less => { id => 6, name => 'x' } }, 'functions by argument names');

$r = get('json');
is($r->{content}, '{"n" : 3, "list" : [1,   2]}',
   'JSON of the database goes out byte for byte');
is_deeply(get('jsonin')->{json}, { inside => { a => 1 }, none => $true },
          'also inside of an answer');

$r = get('refuse');
is($r->{status}, 409, 'IH001 has the code of a problem');
is($r->{json}{since}, '2026-11-24', 'and its members');
is($r->{headers}{'retry-after'}, 60, 'which says when to come again');

is_deeply(get('value')->{json}, { n => 1.5, no => $false, list => [1, 2], none => $true,
          null => $true, wrong => '22012',
          two => 'ihanoi.db.value() needs one column, there are 2' },
          'the value of one column') or diag get('value')->{content};

$r = get('refused');
is("$r->{status} $r->{json}{since} $r->{headers}{'retry-after'}", '409 2026-11-24 60',
   'an error is the problem that SQL raised');
$r = get('locked');
is("$r->{status} $r->{json}{type} $r->{headers}{'retry-after'}",
   '503 urn:ihanoi:problem:overloaded 1', 'or what it is of an operation by SQL alone');
$r = get('wrong');
is("$r->{status} $r->{json}{type}", '500 urn:ihanoi:problem:plugin-failed',
   'or a failure of the plugin');
like($gw->error_log, qr/"probe_wrong" answers plugin-failed: 22P02: \(message withheld\)/,
     'which the log tells, without the values of its message');
unlike($gw->error_log, qr/somebody.s name/, 'anywhere');
is(get($_)->{status}, 500, "$_: a mistake of the plugin's") for qw(members made);

is(join(' ', @{ get('away') }{'status'}, get('away')->{headers}{'retry-after'}), '503 1',
   'a 503 that is raised by SQL alone is for a second later');
is(get('absent')->{headers}{'retry-after'}, 30, 'unless it says for when it is');

is_deeply(get('errors')->{json}, ['sql 42P01', 'sql 42601', 'sql 22012',
          'sql 42601', 'sql 22P02', 'sql 25006', 'transaction ', 'transaction ', 1],
          'errors are returned, and the next statement works')
    or diag get('errors')->{content};
my $pid = get('quick')->{json}{pid};
is_deeply(get('unknown')->{json}, [('42883') x 5], 'a function that is not there, in transactions');
is(get('quick')->{json}{pid}, $pid, 'costs no connection');
is(outcome(get('throw')), '500 plugin-failed', 'one that is raised as it is is a failure');
like($gw->error_log, qr/plugin "probe" 1\.0\.0: 22012: /, 'which the log tells');
is(outcome(get('throw_rule')), '500 plugin-failed', 'also where SQL has refused');
like($gw->error_log, qr/plugin "probe" 1\.0\.0: bench-occupied: /, 'with its code');
like(get("throw_task$_")->{json}[0], qr/^22012: /, 'and so does whoever waits for a task') for '', '?late=0.1';
is_deeply(get('throw_deep')->{json}, [$true], 'however deep it was') or diag get('throw_deep')->{content};
is(get('nul')->{json}{code}, 'value', 'a NUL byte is refused');
like(get('many')->{json}{err}, qr/has 1 parameters/, 'so is a value too many');

$r = get('large');
is_deeply($r->{json}, { rows => $false, err => 'too-large' },
          'an answer beyond the plugin\'s memory is not kept') or diag $r->{content};
is(get('quick')->{json}{n}, 1, 'and the next one is read');

$r = put('isolation');
s/^(code_probe_1_0_0_)[0-9a-f]{8},/$1HASH,/ for $r->{json}[-1];
is_deeply($r->{json}, ['42501', '42501', '42501', '42501', 'rows', '42501',
          '42501', '42501', '42501', '42501', '42501', '42501',
          '42501', '42501', '42501', $mine,
          'code_probe_1_0_0_HASH,plugin_probe,public'],
          'it reaches its own schema only, whatever it tries') or diag $r->{content};

$r = get('texts');
is($r->{json}{ok}, $true, 'statements without number') or diag $r->{content};
ok($r->{json}{prepared} <= 200, 'but not without number prepared')
    or diag $r->{content};

is(put('add')->{json}{n}, 1, 'a write tells how many rows');
is(put('add')->{json}{err}{sqlstate}, '23505', 'or its error');

is_deeply(put('commit')->{json}, { result => { inside => 2 } },
          'a transaction returns what its function returns');
is(count(10) + count(11), 2, 'and is committed');
is_deeply(put('nothing')->{json}, [$true], 'true when that is nothing');
is_deeply(put('raise')->{json}, { ok => $false, err => 'no more', after => 0 },
          'an error goes on, after a rollback');
is_deeply(put('giveup')->{json}, { err => 'changed my mind' },
          'nil and an error roll back too');
is(count(21), 0, 'so that nothing is there');

$r = put('failed');
is_deeply($r->{json}{inner}, ['23514', '25P02'], 'a failed statement fails the '
          . 'rest');
is($r->{json}{err}{code}, 'transaction', 'and the commit');
is(count(22), 0, 'nothing is committed');
is_deeply(put('savepoint')->{json}, { ok => 1 }, 'a savepoint saves the rest');
is_deeply(put('savepoints')->{json}, [[0], ['transaction', 'transaction'], [0], 0],
          'there are a hundred, and more of those that are released') or diag put('savepoints')->{content};
is(count(23), 1, 'which is committed');

is_deeply(put('own')->{json}, [({ err => 'transaction',
          after => ['transaction', 'transaction'] }) x 3],
          'a transaction is not the plugin\'s to end');
like(put('nested')->{json}{err}, qr/cannot be nested/, 'nor nested');
is(count(24), 0, 'the outer one is rolled back');
is(put('begins')->{json}{err}, 'transaction', 'nor begun by a statement');
ok(clean(), 'no connection is left in one');

put('setting');
isnt(put('shown')->{json}{statement_timeout}, '12345ms',
     'a setting does not reach the next call') for 1 .. 3;

for my $case (
    ['loop', 30, 503, qr/CPU budget used up/],
    ['eat', 31, 503, qr/memory limit reached/],
    ['wait', 32, 504, qr/no answer in 2000ms/],
    ['stuck', 33, 504, qr/no answer in 2000ms/],
) {
    my ($name, $id, $status, $log) = @$case;

    again();
    is(put($name)->{status}, $status, "$name: $status");
    like($gw->error_log, $log, "$name: the log says why");
    ok(clean(), "$name: its transaction has ended");
    is(count($id), 0, "$name: and was rolled back");
    is(put('nothing')->{status}, 200, "$name: the next one is served")
        for 1 .. 3;
}

is(put('leave')->{status}, 200, 'a transaction that is left in a coroutine');
ok(clean(), 'ends with its run');
is(count(34), 0, 'and is rolled back');

my ($half, @strange) = reverse @{ put('strange')->{json} };
is("@strange", 'transaction transaction mine', 'one that goes on in another task has been rolled back');
like($half, qr/^\S*handler\.lua:\d+: the transaction of this coroutine is another task's, or has ended$/,
     'and can do no more');
is(count($_), 0, "$_: and ends no other transaction, nor does anything outside of it") for 35, 36, 37;

# The client leaves while a statement of a transaction runs.
again();
{
    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$gw->{port}")
        or die "connect: $!\n";
    print $s "PUT /v1/probe/stuck HTTP/1.1\r\nHost: x\r\n"
           . "Authorization: Bearer $token\r\nContent-Length: 0\r\n\r\n";
    wait_until(sub { $db->sql("select count(*) from pg_stat_activity
        where usename = '$mine' and query like '%pg_sleep(20)%'
        and state = 'active'") });
    close $s;
    my $start = time;
    ok(clean(), 'a client that leaves ends the transaction');
    ok(time - $start < 1.5, 'at once, not at the deadline');
    is(count(33), 0, 'by a rollback');
}

# More runs than connections: 2 run, others wait for 300 ms, then are told.
{
    my @clients = map { $gw->connection } 1 .. 6;
    $_->send($_->format('PUT', '/v1/probe/hold_long', token => $token))
        for @clients;
    my @answers = map { $_->response('PUT')->{json}{err} // 'done' } @clients;
    is("@{[sort @answers]}", 'busy busy busy busy done done',
       'who waits too long for a connection is told');

    @clients = map { $gw->connection } 1 .. 6;
    $_->send($_->format('PUT', '/v1/probe/quick_write', token => $token))
        for @clients;
    @answers = map { $_->response('PUT')->{json}{n} } @clients;
    is("@{[sort @answers]}", '1 2 3 4 5 6', 'who waits less has its turn');
}

is(put('nothing')->{status}, 200, 'connections come back');

# The server goes and comes.
{
    my $cluster = IHanoi::Test::Database::cluster();
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        my $r = put('wait');
        POSIX::_exit($r->{status} == 504 ? 0 : 1);
    }
    sleep 0.3;
    $db->sql("select pg_terminate_backend(pid) from pg_stat_activity
              where usename = '$mine'");
    waitpid $pid, 0;
    is(count(32), 0, 'a transaction whose connection is lost is rolled back');
    ok(wait_until(sub { (put('nothing')->{json} // [])->[0] }, 10),
       'and the connections stand again');
    is(wait_until(sub { get('quick')->{json}{n} }, 10), 1, 'those of reads too');
}

# There is no memory for a transaction to begin, but then for what follows.
SKIP: {
    skip 'AddressSanitizer has this call itself', 1 if build_dir() =~ /sanitize/;
    my $dir = tempdir(CLEANUP => 1);
    chmod 0755, $dir;
    again(env => { LD_PRELOAD => build_dir() . '/scarce.so', SCARCE => "$dir/now" },
          expect_log => qr/malloc\(6\) failed/);
    put('nothing');    # the token is known then
    open my $now, '>', "$dir/now" or die "now: $!\n";
    is_deeply(put('scarce')->{json}, { ok => JSON::PP::false, n => 1 },
              'a transaction that does not begin leaves nothing to what follows');
}

# What a plugin's clients leave unread is held against the plugin's database.
{
    $gw->stop;
    $gw = gateway_with($plugin, 'read connections=1 timeout=10s;',
        database => 'read_user ihanoi_read; write_user ihanoi_write;
                     control_user ihanoi_control; result_memory 1m;');
    my @clients = map { $gw->connection } 1 .. 3;

    for my $client (@clients) {
        $client->send("GET /v1/probe/vast HTTP/1.1\r\nHost: x\r\n\r\n");
        sysread $client->{socket}, my $begin, 12;
        is($begin, 'HTTP/1.1 200', 'a large answer of a plugin begins');
    }

    is($gw->get('/v1/units')->{status}, 200,
       'and while it is not read the core has room for its own');
}

done_testing;
