# A plugin that fails again and again is left alone, on all workers, and tried
# with one call; and an operator can disable one without a reload.

use lib "tests/lib";
use IHanoi::Test;
use IHanoi::Test::Plugin;
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

my %limits = (limits => { timeout => '3s' },
              permissions => { public => JSON::PP::true });
my $lua = {
    hello => 'return 200, {}',
    fail  => 'error("broken")',
    slow  => 'ihanoi.run.sleep(1) return 200, {}',
};
my ($broken, $good) = map {
    plugin_folder(name => $_, lua => $lua, manifest => \%limits)
} qw(broken good);

my $dir = plugin_folder->path;      # any folder that is there
my %conf = (
    http => $broken->block('public;') . $good->block('public;')
          . "ihanoi_plugin_switches $dir;\n",
    locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }
                  location = /metrics { ihanoi_status metrics; }',
    server => 'add_header X-Worker $pid always;',
    workers => 2, responses => 0,
);
my $gw = gateway(%conf);

sub answer {
    my ($plugin, $name) = @_;
    return $gw->get("/v1/$plugin/$name", headers => { Connection => 'close' });
}

# Until the answer has that status, for three seconds.
sub becomes {
    my ($status, @call) = @_;
    my $end = time + 3;

    while (time < $end) {
        return 1 if answer(@call)->{status} == $status;
        sleep 0.05;
    }
    return 0;
}

# The statuses that each worker gives.
sub in_all_workers {
    my ($plugin, $name) = @_;
    my %answers = $gw->by_worker("/v1/$plugin/$name");
    my @statuses = map { my %said = map { $_->{status} => 1 } @$_; sort keys %said } values %answers;
    return "@statuses";
}

sub switch { $dir . "/broken.disabled" }


is(answer('broken', 'fail')->{status}, 500, "failure $_") for 1 .. 5;

my $r = answer('broken', 'hello');
is($r->{status}, 503, 'five failures open the circuit');
like($r->{json}{type}, qr/plugin-unavailable\z/, 'which is a problem');
ok($r->{headers}{'retry-after'} >= 1 && $r->{headers}{'retry-after'} <= 2,
   'with the seconds to wait');
is(answer('broken', 'hello')->{status}, 503, 'in all workers') for 1 .. 6;
is(answer('good', 'hello')->{status}, 200, 'another plugin is served');
like($gw->error_log, qr/\[warn\].*plugin "broken" 1\.0\.0: circuit opened/,
     'the log says so');

# A reload does not close it: one failure would not open it again.
my @old = $gw->workers;
ok($gw->reload, 'a reload');
sleep 1.3;
is(answer('broken', 'fail')->{status}, 500, 'after a second a call is tried');
$r = answer('broken', 'hello');
is($r->{status}, 503, 'which failed');
ok($r->{headers}{'retry-after'} >= 2 && $r->{headers}{'retry-after'} <= 3,
   'for twice as long');

# The look at the switches, once a second, keeps no worker.
ok(wait_until(sub { my %now = map { $_ => 1 } $gw->workers; !grep { $now{$_} } @old }),
   'meanwhile the old workers have left');

sleep 2.6;
my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . $gw->port);
print $client "GET /v1/broken/slow HTTP/1.1\r\nHost: a\r\n\r\n";
sleep 0.2;
is(answer('broken', 'hello')->{status}, 503, 'one call is tried at a time');
close $client;
ok(becomes(200, 'broken', 'hello'),
   'a client that goes away leaves the trial to the next');
is(answer('broken', 'hello')->{status}, 200, 'which closed the circuit');
like($gw->error_log, qr/\[notice\].*plugin "broken" 1\.0\.0: circuit closed/,
     'the log says so');


open my $fh, '>', switch() or die switch() . ": $!\n";
close $fh;
ok(becomes(503, 'broken', 'hello'), 'a file disables a plugin');
$r = answer('broken', 'hello');
like($r->{json}{type}, qr/plugin-unavailable\z/, 'which is a problem');
is($r->{headers}{'retry-after'}, 60, 'to come back to in a minute');
is(in_all_workers('broken', 'hello'), '503 503', 'in all workers');
is(answer('good', 'hello')->{status}, 200, 'another plugin is served');

$gw->stop;
$gw = gateway(%conf);
is(in_all_workers('broken', 'hello'), '503 503', 'also after a restart');
like($gw->error_log, qr/\[warn\].*plugin "broken" is disabled by/,
     'the log says by what');

unlink switch();
ok(becomes(200, 'broken', 'hello'), 'without the file it is enabled');

done_testing;
