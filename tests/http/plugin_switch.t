#!/usr/bin/perl
# "ihanoi plugin disable" and "enable": the file that the gateway looks for, in the
# folder that its configuration names.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Command;
use IHanoi::Test::Plugin;

my $plugin = plugin_folder(lua => { hello => 'return 200, {}' });
my $gw = gateway(responses => 0, locations => 'location / { ihanoi_api on; } location = /metrics { ihanoi_status metrics; }
                                             location = /between { return 200 "# TYPE ihanoi_plugin_circuit gauge\nihanoi_plugin_circuit{plugin=\\"probe\\"} 3\nihanoi_plugin_state{plugin=\\"probe\\"} 0\n"; }',
                 http => $plugin->block('public;') . "ihanoi_plugin_switches off/switches;\n",
                 expect_log => qr/could not look for/);
my $dir = $gw->dir;
my @gateway = ('--conf', "$dir/nginx.conf", '--prefix', $dir);
my ($rc, $out, $err);

sub command {
    my ($word, $name, @more) = @_;
    ($rc, $out, $err) = ihanoi('plugin', $word, $name, @gateway, @more);
    return $rc;
}

sub answers {
    my ($status) = @_;
    return wait_until(sub { $gw->get('/v1/probe/hello')->{status} == $status }, 5);
}

sub state { return $gw->get('/metrics')->{content} =~ /^ihanoi_plugin_state\{\N+\} (\d)$/m ? $1 : '' }

ok(answers(200), 'a plugin serves');
is(command('disable', 'probe'), 0, 'it is disabled') or diag $err;
is($out, "probe is disabled\n", 'it says so');
is($gw->get('/v1/probe/hello')->{status}, 503, 'and it is, by a folder that was not there');
is(state(), 4, 'and the state that "status" tells');
$gw->reload;
my $metrics = $gw->get('/metrics')->{content};
like($metrics, qr/^ihanoi_plugin_$_$/m, "a worker that has just begun tells $_")
    for 'state\{\N+\} 4', 'circuit\{\N+\} 3';
is(command('disable', 'probe'), 0, 'a second time');
like($out, qr/already/, 'and it says so');
is(command('enable', 'probe'), 0, 'enabled');
is(state(), 0, 'and the state is again');
ok(answers(200), 'it serves again');
is(command('enable', 'probe'), 0, 'a second time');
is(command('disable', 'probe', '--metrics', 'http://127.0.0.1:1/metrics'), 0, 'without /metrics');
is($out, "probe is disabled within a second\n", 'it says when');
ok(answers(503), 'and it is');
is(command('enable', 'probe'), 0, 'enabled');

# A worker looks at the state of a plugin up to a second after its switch.
is(command('disable', 'probe', '--metrics', 'http://127.0.0.1:' . $gw->port . '/between'), 1,
   'until the state is told, too, it is not done');
is(command('enable', 'probe'), 0, 'enabled');

for my $name ('prob', '../probe') {
    is(command('disable', $name), 1, "unknown: $name");
    like($err, qr/has no "ihanoi_plugin \Q$name\E"/, 'and it says so');
}
is(join(' ', glob("$dir/off/switches/*")), '', 'and nothing is there');

# A folder that workers may not look into, as they are another user.
SKIP: {
    skip 'needs root, whose workers are another user', 5 if $> != 0;
    chmod 0700, "$dir/off" or die;
    is(command('disable', 'probe'), 1, 'a switch that workers do not see');
    like($err, qr{^ihanoi plugin: probe is not disabled: .*may nginx's workers look into \S+/off/switches\?}, 'is told');
    is($out, '', 'and not said to be done');
    chmod 0755, "$dir/off" or die;
    ok(answers(503), 'until they do');
    command('enable', 'probe');
    ok(answers(200), 'enabled');
}

$gw->stop;
command('disable', 'probe');
is($out, "probe is disabled when nginx runs\n", 'without an nginx it promises no second');

$gw->write('nginx.conf', $gw->configuration =~ s/ihanoi_plugin_switches.*//r);
is(command('disable', 'probe'), 1, 'a gateway that looks nowhere');
like($err, qr/has no "ihanoi_plugin_switches"/, 'and it says so');
is((ihanoi(qw(plugin disable)))[0], 2, 'no name');
is((ihanoi(qw(plugin), $_, '--help'))[0], 0, "$_ --help")
    for qw(disable enable);

done_testing();
