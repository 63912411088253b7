#!/usr/bin/perl
# nginx's binary is upgraded (USR2, WINCH, QUIT) and taken back (HUP, QUIT) while clients
# call, an answer is sent in parts, a write waits for a row, jobs and events run: no call
# fails, none of them is lost or done twice, and the new master's zone, which is empty,
# lets nobody in who is denied.

use lib 'tests/lib', 'bin/lib';
use IHanoi::Test;
use IHanoi::Test::Command;
use IHanoi::Test::HTTP;
use IHanoi::Test::Load;
use IHanoi::Test::Plugin;
use IHanoi::NginxProcess;
use File::Path qw(make_path);
use Time::HiRes qw(sleep time);

my $true = JSON::PP::true;
my $db = database();
my $name = "up_$$";
my $role = "plugin_$name";
$db->own_roles($role);
$db->sql(<<"SQL");
    create role $role login nosuperuser;
    create schema $role authorization $role;
    set role $role;
    create table $role.got (n text, attempt int);
    create table $role.ran (run text, began timestamptz default clock_timestamp(), ended timestamptz);
    create table $role.slots (id int, taken int);
    insert into $role.slots values (1, 0);
SQL

my $plugin = plugin_folder(
    name       => $name,
    lua        => {
        hello   => 'return 200, { n = ihanoi.store.increment("n", 1) }',
        parts   => 'for i = 1, 20 do ihanoi.response.write(i .. " ") ihanoi.run.sleep(0.2) end',
        book    => 'return 200, { taken = assert(ihanoi.db.value(
                        "update slots set taken = taken + 1 where id = 1 returning taken")) }',
        publish => 'return 200, { id = assert(ihanoi.events.publish("' . $name . '.booked",
                        ihanoi.uuid.v7(), { n = input.n })) }',
    },
    operations => {
        parts   => { 'x-ihanoi-stream' => $true },
        book    => { method => 'put', security => [{ bearer => [] }] },
        publish => { method => 'put', security => [{ bearer => [] }], parameters => [
            { name => 'n', in => 'query', schema => { type => 'string', maxLength => 50 } }] },
    },
    # done well, and again at once
    functions  => {
        tick   => 'ihanoi.db.execute("insert into ran (run) values ($1)", { input.run })
                   ihanoi.run.sleep(0.6)
                   ihanoi.db.execute("update ran set ended = clock_timestamp() where run = $1", { input.run })
                   return "again"',
        booked => 'assert(ihanoi.db.execute("insert into got values ($1, $2)",
                       { input.payload.n, input.attempt }))',
    },
    manifest   => {
        limits      => { timeout => '20s', cpu => '200ms', store => '128k' },
        permissions => { public => $true, database => $true },
        jobs        => [{ name => 'tick', cron => '0 0 1 1 *', handler => 'tick', timeout => '9s' }],
        events      => { publishes => ["$name.booked"],
                         subscribes => [{ event => "$name.booked", handler => 'booked' }] },
    });

my $gw = gateway(db => $db, workers => 2, writers => 2, start => 0, responses => 0,
    # nginx gives the next binary no other variable of its own
    main => join('', map { "env ${_}SAN_OPTIONS;\n" } qw(A UB L)),
    server => 'add_header X-Worker $pid always;',
    locations => 'location = /metrics { ihanoi_status metrics; }
                  location / { auth_jwt iHaNoi; ihanoi_api on; }',
    http => "auth_jwt_deny_list main; ihanoi_jobs main; ihanoi_plugin_switches %%DIR%%/switches;\n"
          . "limit_req_zone \$ihanoi_subject_hash zone=caller:1m rate=1000r/s; limit_req zone=caller burst=1000;\n"
          . "ihanoi_plugin $name { path %%DIR%%/$name/current; public; database probe;\n"
          . "cpu 200ms; timeout 20s; store 128k; jobs 9s; }\n" . <<"CONF");
ihanoi_database probe {
    server unix:$db->{socket} port=$db->{port};
    dbname $db->{name};
    schema $role;
    user $role;
    read connections=1; write connections=3 timeout=18s lock_timeout=18s;
}
CONF
my $dir = $gw->dir;
make_path("$dir/$name/versions");
system('cp', '-r', $plugin->path, "$dir/$name/versions/$name-1.0.0") == 0 or die;
symlink "versions/$name-1.0.0", "$dir/$name/current" or die;

$gw->_choose_ports;
$gw->write('nginx.conf', $gw->configuration =~ s/daemon off;/daemon on;/r);

# The masters: the one of the file, and the one before it.
sub pid {
    open my $fh, '<', "$dir/nginx.pid" . ($_[0] // '') or return 0;
    chomp(my $pid = <$fh> // '');
    return $pid || 0;
}
END { kill TERM => grep { $_ } pid(), pid('.oldbin') if $gw->{owner} == $$ }

{
    local %ENV = $gw->_environment;
    is(system($gw->_command), 0, 'nginx is started');
}
my $old = $gw->{pid} = wait_until(\&pid) or die $gw->error_log;

sub upgraded {
    kill USR2 => $_[0];
    my ($before) = @_;
    return wait_until(sub { my $pid = pid(); $pid != $before && $pid });
}

my %life = (exp => time + 3600);
my ($good, $denied) = map { token(sub => $_, %life) } qw(good denied);

sub deny {
    $db->sql("select token_deny('$gw->{issuer}', 'sub', '$_[0]', null, now() + interval '1 hour', 'test')");
    return;
}

# The new master is a child of the old one.
sub workers_of { my ($master) = @_; return grep { $_ != pid() } nginx_workers($master) }

# Answers of workers by the master that they are of.
sub by_master {
    my ($path, %arg) = @_;
    my %of = map { my $master = $_; map { $_ => $master } workers_of($master) } grep { $_ } pid(), pid('.oldbin');
    local $gw->{workers} = keys %of;
    my %answers = $gw->by_worker($path, %arg);
    my %by;
    push @{ $by{ $of{$_} // 0 } }, map { $_->{status} } @{ $answers{$_} } for keys %answers;
    return \%by;
}

sub statuses {
    my ($by) = @_;
    my %seen = map { (ref ? $_->{status} : $_) => 1 } map { @$_ } values %$by;
    return join ' ', sort keys %seen;
}

# Of a hundred times eight that come now, whoever answers them.
sub first_answers {
    local $gw->{workers} = 99;
    return statuses({ $gw->by_worker('/v1/me/feedback', token => $good) });
}

# Each call is a connection of its own: those of the new workers, too.
my %case = (category => 'road_damage', lat => 21.032, long => 105.8504);

sub client {
    my ($number, $notes) = @_;

    for (my $i = 0; !-e "$dir/enough"; $i++) {
        my $n = "$number-$i";
        my @request = (['GET', "/v1/$name/hello"], ['GET', '/v1/me/feedback', token => $good],
            ['PUT', "/v1/$name/publish?n=$n", token => $good],
            ['POST', '/v1/feedback', token => token(sub => "c$n", %life), key => "case-$n",
             json => { %case, text => $n }])[$i % 4]->@*;
        my $r = $gw->request(@request);
        print $notes "$request[0] $request[1] " =~ s/\?n=\S*//r, $r ? $r->{status} : 'none', "\n";
        print $notes "published $n\n" if $request[1] =~ /publish/ && $r && $r->{status} == 200;
    }

    return;
}

sub begin {
    my $client = $gw->connection(timeout => 40);
    $client->send($client->format(@_, token => $good));
    return $client;
}

wait_until(sub { ($gw->get("/v1/$name/hello") // {})->{status} == 200
                 && $gw->get('/v1/me/feedback', token => $good)->{status} == 200
                 && $db->sql("select count(*) from core.plugin_jobs where plugin = '$name'") })
    or die $gw->error_log;
$db->sql("update core.plugin_jobs set next_at = core.now() where plugin = '$name'");

my $lock = $db->session(user => 'postgres');
my @command = ('--conf', "$dir/nginx.conf", '--nginx', $gw->{nginx});
my ($new, $alone);

my @notes = under_load(dir => $dir, clients => 3, client => \&client, during => sub {
    my $done = eval {
        $lock->do('begin');
        $lock->do("update $role.slots set taken = taken");
        my @begun = (begin('GET', "/v1/$name/parts"), begin('PUT', "/v1/$name/book"));
        wait_until(sub { $db->sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock'") });

        $new = upgraded($old);
        ok($new, 'USR2: another master');
        is(first_answers(), '200', 'its workers let in who has a token, from the first on');
        ok(wait_until(sub { keys %{ by_master("/v1/$name/hello") } == 2 }), 'workers of both serve');

        my ($rc, $out) = ihanoi(qw(plugin status), $name, @command);
        is($rc, 1, 'that not all is well then');
        like($out, qr/nginx is upgraded: .* process $old say/, 'is told by "status"');
        ($rc, $out, my $err) = ihanoi(qw(plugin rollback), $name, @command);
        is($rc, 1, 'nothing is deployed');
        like($err, qr/nginx is upgraded: end that first, process $old serves, too/, 'nor switched');

        kill WINCH => $old;
        $alone = time;
        ok(wait_until(sub { !workers_of($old) }), 'WINCH: the old workers take nothing new');
        $lock->do('rollback');
        my ($parts, $book) = map { $_->response } @begun;
        like($parts->{content}, qr/^1 .* 20 \z/, 'an answer in parts is sent to its end');
        is($book->{status}, 200, 'a write that waited is made');
        ($rc, $out) = ihanoi(qw(plugin status), $name, @command);
        is($rc, 0, 'all is well') or diag $out;
        1;
    };
    my $error = $@;
    $gw->write('enough', '');
    die $error if !$done;
});

my (%answers, @published);
/^published (.*)/ ? push @published, $1 : $answers{$_}++ for @notes;
my @bad = grep { !/ 20[01]\z/ } keys %answers;
is("@bad", '', 'every call is answered as it should be: '
               . join(', ', map { "$_: $answers{$_}" } sort keys %answers));

# What happens while the old master has no workers it has to find out.
deny('denied');
(my $rc) = ihanoi(qw(plugin disable), $name, @command);
is($rc, 0, 'a plugin is disabled meanwhile, and somebody denied');
ok(wait_until(sub { $gw->get('/v1/me/feedback', token => $denied)->{status} == 401 }), 'by the new workers');

sleep 0.1 while time < $alone + 14;
kill HUP => $old;
wait_until(sub { workers_of($old) == 2 });
my $early = by_master("/v1/$name/hello");
my $who = by_master('/v1/me/feedback', token => $denied);
my $good_early = by_master('/v1/me/feedback', token => $good);
ok($early->{$old} && $who->{$old} && $good_early->{$old}, 'HUP: it has some again');
is(statuses($early), '503', 'none lets the plugin be called');
is(statuses($who), '401', 'nor who was denied');
is(statuses($good_early), '200', 'all others are let in');
kill QUIT => $new;
ok(wait_until(sub { pid() == $old }), 'QUIT: the file names it again');
is((ihanoi(qw(plugin enable), $name, @command))[0], 0, 'it is the one that "enable" asks');

$new = upgraded($old);
kill QUIT => $old;
ok(wait_until(sub { !-d "/proc/$old" && !pid('.oldbin') }), 'USR2 and QUIT: the other is alone');
$gw->{pid} = $new;
is((ihanoi(qw(plugin status), $name, @command))[0], 0, 'and all is well');

ok(wait_until(sub { $db->sql("select count(distinct n) from $role.got") == @published }), 'no event is lost: ' . @published);
is($db->sql("select count(*) from $role.got"), scalar @published, 'none comes twice');
is($db->sql("select count(*) from (select from $role.ran group by run having count(*) > 1) x"), 0, 'no run of a job is made twice');
is($db->sql("select count(*) from (select began < lag(ended) over (order by began) as beside from $role.ran) x where beside"), 0,
   'nor beside another');
cmp_ok($db->sql("select count(*) from $role.ran where ended is not null"), '>=', 4, 'they go on');
is($db->sql("select count(*) from $role.ran where ended is null and began < now() - interval '5 seconds'"), 0, 'to their end');
is($db->sql("select taken from $role.slots"), 1, 'the write that waited was one');

kill QUIT => $new;
ok(wait_until(sub { !-d "/proc/$new" }), 'and ends');
delete $gw->{pid};
done_testing();
