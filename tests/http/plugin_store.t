# ihanoi.store and ihanoi.lock through plugins: all workers see the same, each
# plugin its own, and it stays over reloads and the death of a worker.

use lib "tests/lib";
use IHanoi::Test;
use IHanoi::Test::Plugin;
use POSIX ();

my %lua = (
    get    => 'local value, version = ihanoi.store.get("a")
               return 200, { value = value, version = version }',
    set    => 'return 200, { version = ihanoi.store.set("a", { 1, "hai" }) }',
    count  => 'here = (here or 0) + 1
               return 200, { here = here,
                   all = ihanoi.store.increment("n", 1, { first = 0 }) }',
    fill   => 'for i = 1, 3000 do ihanoi.store.set("k" .. i, i) end
               return 200, { first = ihanoi.store.get("k1") == nil,
                             last = ihanoi.store.get("k3000") }',
    lock   => 'local token, err = ihanoi.lock.acquire("l", 30)
               return 200, { token = token, err = err }',
    swap   => 'local store = ihanoi.store
               local value, version = store.get("s")
               ihanoi.run.sleep(0.4)
               local done, err
               if version then
                   done, err = store.compare_and_set("s", version, value + 1)
               else
                   done, err = store.add("s", 1)
               end
               return 200, { done = done ~= nil, err = err }',
);

sub folder {
    my ($name, $store, %more) = @_;

    return plugin_folder(name => $name, lua => \%lua, manifest => {
        permissions => { public => JSON::PP::true },
        limits => { cpu => '50ms', $store ? (store => $store) : () }, %more });
}

my ($bench, $lamp, $none) = (folder('bench', '256k'), folder('lamp', '256k'),
                             folder('none'));

sub blocks {
    my ($size) = @_;

    return $bench->block('public;', "store $size;")
         . $lamp->block('public;', 'store 1m;')
         . $none->block('public;');
}

my $gw = gateway(http => blocks('256k'), workers => 2, responses => 0,
    expect_log => [ qr/exited on signal 9/, qr/zone .* was locked by/ ],
    locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }');

# A connection each, so that the kernel shares them out.
sub answer {
    my ($plugin, $name) = @_;
    return $gw->get("/v1/$plugin/$name", headers => { Connection => 'close' });
}


my $r = answer('bench', 'get');
is_deeply($r->{json}, {}, 'nothing is there') or diag $r->{body};

my $version = answer('bench', 'set')->{json}{version};
$r = answer('bench', 'get');
is_deeply($r->{json}{value}, [1, 'hai'], 'a table comes back');
is($r->{json}{version}, $version, 'with its version');
is_deeply(answer('lamp', 'get')->{json}, {}, 'another plugin has its own');

$r = answer('none', 'get');
is($r->{status}, 500, 'a plugin without a store');
like($gw->error_log, qr/handler\.lua:\d+: the plugin's manifest asks for no store/,
     'is told so');


# 80 calls: were they all in one worker, its global would have seen all.
my ($all, $most) = (0, 0);
for (1 .. 80) {
    $r = answer('bench', 'count')->{json};
    $all = $r->{all};
    $most = $r->{here} if $r->{here} > $most;
}
is($all, 80, 'workers count together');
ok($most < 80, "though none had all calls: $most");


$r = answer('lamp', 'lock')->{json};
ok($r->{token}, 'a lock');
is(answer('lamp', 'lock')->{json}{err}, 'held', 'is held, also in the other')
    for 1 .. 4;
ok(answer('bench', 'lock')->{json}{token}, 'another plugin has its own');

is(answer('lamp', 'fill')->{json}{last}, 3000, 'a plugin fills its store');
ok(answer('lamp', 'fill')->{json}{first}, 'and loses what it used first');
is(answer('bench', 'get')->{json}{version}, $version, 'the other loses nothing');
is(answer('lamp', 'lock')->{json}{err}, 'held', 'nor is a lock lost');


# Two calls that read the same version: one of them changes it.
answer('bench', 'swap');
my @fds = map {
    pipe my $out, my $in or die;
    if (fork() == 0) {
        my $json = answer('bench', 'swap')->{json};
        print $in $json->{done} ? 'done' : $json->{err};
        close $in;
        POSIX::_exit(0);
    }
    close $in;
    $out;
} 1, 2;
my @said = map { join '', readline $_ } @fds;
wait for @fds;
is_deeply([sort @said], ['changed', 'done'], 'of two that compare one sets');


ok($gw->reload, 'a reload');
is(answer('bench', 'get')->{json}{version}, $version, 'keeps the store');
is(answer('lamp', 'lock')->{json}{err}, 'held', 'and locks');

my ($worker) = $gw->workers;
kill KILL => $worker;
ok(wait_until(sub { !grep { $_ == $worker } $gw->workers }),
   'a worker is killed');
ok(wait_until(sub { (eval { answer('bench', 'count')->{json}{all} } // 0) > 80 }),
   'others go on with the store');

ok($gw->reload(http => blocks('1m')), 'a store that may be larger');
is(answer('bench', 'get')->{json}{version}, $version,
   'stays as large as the plugin asks for');

$bench = folder('bench', '512k', version => '1.1.0');
ok($gw->reload(http => blocks('1m')), 'one of another size');
is_deeply(answer('bench', 'get')->{json}, {}, 'begins empty');


my $asks = gateway(start => 0, responses => 0, expect_log => qr/\[emerg\]/,
    http => folder('bench', '256k')->block('public;'),
    locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }');
my ($ok, $output) = $asks->check;
ok(!$ok, 'a store that was not granted is refused');
like($output, qr/asks for store of 256kB, the operator grants 0kB/,
     'with what was asked and granted');

my $least = folder('bench', '128k');
for ([127 => 0], [128 => 1]) {
    my ($size, $enough) = @$_;

    ($ok, $output) = gateway(start => 0, responses => 0, expect_log => qr/\[emerg\]/,
        http => $least->block('public;', "store ${size}k;"),
        locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }')->check;
    is(!!$ok, !!$enough, "a store of ${size}k") or diag $output;
}

done_testing;
