# Host code that does not come back: no hook runs in C, so no limit ends it. The
# watchdog names the plugin, opens its circuit and ends the worker.
#
# Nothing that a plugin can say does that, so a library in front of OpenSSL's
# compares some texts for ever. The first of the logs is no file.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use IO::Socket::INET;

my $lua = {
    hello => 'return 200, {}',
    spin  => 'return 200, { ihanoi.crypto.equal("for ever", "for ever") }',
};
my ($probe, $other) = map { plugin_folder(name => $_, lua => $lua) }
                      qw(probe other);

my $syslog = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')
    or die "no socket: $!\n";
my $library = plugin_folder->write('../spin.c', <<'C') =~ s/\.c\z//r;
#include <string.h>

int
CRYPTO_memcmp(const void *a, const void *b, size_t len)
{
    size_t                i;
    unsigned char         differ;
    volatile unsigned     turns;
    const unsigned char  *p = a, *q = b;

    if (len == 8 && memcmp(a, "for ever", 8) == 0) {
        for (turns = 0; ; turns++) { /* void */ }
    }

    differ = 0;

    for (i = 0; i < len; i++) {
        differ |= p[i] ^ q[i];
    }

    return differ;
}
C

system($ENV{CC} // 'gcc', '-shared', '-fPIC', '-O1', '-o', "$library.so",
       "$library.c") == 0 or die "no library\n";

my $gw = gateway(
    http       => $probe->block('public;') . $other->block('public;'),
    locations  => 'location / { auth_jwt iHaNoi; ihanoi_api on; }
                   location = /metrics { ihanoi_status metrics; }',
    log_level  => 'notice',
    main       => 'error_log syslog:server=127.0.0.1:' . $syslog->sockport
                . ' info;',
    workers    => 2,
    responses  => 0,
    expect_log => qr/does not come back/,
    env        => {
        LD_PRELOAD   => "$library.so",
        ASAN_OPTIONS => 'detect_leaks=1:exitcode=99:detect_odr_violation=0'
                      . ':verify_asan_link_order=0',
    },
);

sub answer {
    my ($plugin, $name) = @_;
    return $gw->get("/v1/$plugin/$name");
}

# Seconds of processor time that a worker has used.
sub used {
    my ($pid) = @_;
    open my $fh, '<', "/proc/$pid/schedstat" or return 0;
    return (split ' ', <$fh>)[0] / 1e9;
}


is(answer('probe', 'hello')->{status}, 200, 'a plugin is served');

my %before = map { $_ => used($_) } $gw->workers;
my $client = $gw->connection(timeout => 120);
$client->send($client->format('GET', '/v1/probe/spin'));

# A second is more than any that answers takes.
my $stuck;
ok(wait_until(sub {
    ($stuck) = grep { used($_) > $before{$_} + 1 } keys %before;
}, 60), 'a worker is in host code that does not come back');
is(answer('other', 'hello')->{status}, 200, 'another one answers meanwhile');

is(scalar $client->response, undef, 'the call has no answer');
like($gw->error_log, qr/^\[alert\] $stuck#$stuck: plugin "probe" does not come back: its circuit is open, this worker ends$/m,
     'the log names the plugin');
like($gw->error_log(qr/worker process $stuck exited/), qr/ process $stuck exited with code 1$/m,
     'and not of a fault');
ok(wait_until(sub {
    $gw->get('/metrics')->{content}
        =~ /^ihanoi_plugin_circuit_opened\{plugin="probe",version="1\.0\.0"\} 1$/m;
}), 'the circuit of the plugin was opened');

ok(wait_until(sub {
    my @workers = $gw->workers;
    return @workers == 2 && !grep { $_ == $stuck } @workers;
}), 'there is another worker in its place');
is(answer('other', 'hello')->{status}, 200, "call $_ of another plugin is answered")
    for 1 .. 10;
ok(wait_until(sub { answer('probe', 'hello')->{status} == 200 }),
   'and so is its own, when its circuit tries it');

done_testing;
