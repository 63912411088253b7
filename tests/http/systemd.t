#!/usr/bin/perl
# What conf/production.conf says to set for systemd: systemd knows each line of it, and
# its way to stop nginx lets a call end that Debian's would cut off.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Time::HiRes qw(sleep time);

my ($lines) = text_of('conf/production.conf') =~ /nginx\.service\.d\/ihanoi\.conf\n((?:#     .*\n)+)/;
my $drop_in = ($lines // '') =~ s/^#     //mgr;
my ($quit, $stop) = map { $drop_in =~ $_ ? $1 : 0 } qr/QUIT\/(\d+)/, qr/^TimeoutStopSec=(\d+)$/m;
my ($unit) = grep { -f } '/lib/systemd/system/nginx.service';

like($drop_in, qr/^\[Service\]\n/, 'there are lines for systemd');
cmp_ok($quit, '>', 30, 'nginx has longer to stop than the slowest call of a contract');
cmp_ok($stop, '>', $quit, 'and systemd waits for it');

SKIP: {
    skip 'no systemd here', 2 if !$unit || !grep { -x "$_/systemd-analyze" } split /:/, $ENV{PATH};

    my $dir = tempdir(CLEANUP => 1);
    make_path("$dir/nginx.service.d");
    system('cp', $unit, $dir) == 0 or die;
    open my $fh, '>', "$dir/nginx.service.d/ihanoi.conf" or die;
    print $fh $drop_in;
    close $fh;

    my $said = `SYSTEMD_UNIT_PATH=$dir: systemd-analyze verify $dir/nginx.service 2>&1`;
    is($?, 0, 'systemd takes them');
    unlike($said, qr/ihanoi\.conf/, 'each of them') or diag $said;
}

# As systemd runs it.
my ($command) = $drop_in =~ /^ExecStop=-(\S+start-stop-daemon .*)$/m;
my $gw = gateway(start => 0, responses => 0,
    http => plugin_folder(
        lua      => { slow => 'ihanoi.run.sleep(7) return 200, {}' },
        manifest => { limits => { timeout => '20s' }, permissions => { public => JSON::PP::true } },
    )->block('public;', 'timeout 20s;'),
    locations => 'location / { ihanoi_api on; }');
my $dir = $gw->dir;

$gw->_choose_ports;
$gw->write('nginx.conf', $gw->configuration =~ s/daemon off;/daemon on;/r);
{
    local %ENV = $gw->_environment;
    is(system($gw->_command), 0, 'nginx runs');
}
my $master = wait_until(sub { open my $fh, '<', "$dir/nginx.pid" or return; <$fh> });
chomp $master;
$gw->{pid} = $master;
wait_until(sub { ($gw->get('/') // {})->{status} }) or die $gw->error_log;

my $client = $gw->connection(timeout => 40);
my $began = time;
$client->send($client->format('GET', '/v1/probe/slow'));
sleep 0.5;
is(system($command =~ s{/run/nginx\.pid}{$dir/nginx.pid}r), 0, 'it stops');
cmp_ok(time - $began, '>', 6, 'but not before a call is over');
is(($client->response // {})->{status}, 200, 'which is answered');
ok(!-d "/proc/$master", 'and is gone');
delete $gw->{pid};

done_testing();
