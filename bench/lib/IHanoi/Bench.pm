package IHanoi::Bench;

# What the bench measures with: wrk, pgbench, the kernel's accounting of
# processes; and how it compares: in turn, by medians.

use strict;
use warnings;
use Exporter 'import';
use File::Temp ();
use IO::Socket::INET;
use Socket qw(MSG_DONTWAIT);

our @EXPORT_OK = qw(interleave median wrk pgbench cpu_time requests
                    openssl_verify machine);


sub median {
    my @sorted = sort { $a <=> $b } @_;
    return if !@sorted;

    my $middle = int(@sorted / 2);
    return @sorted % 2 ? $sorted[$middle]
                       : ($sorted[$middle - 1] + $sorted[$middle]) / 2;
}


# Runs measurements in turn (A B C, A B C ...), so that a machine that slows
# down slows all of them down. Each gives a hash of figures.
#
#   interleave(3, a => sub { ... }, b => sub { ... })
#
# Returns { a => { figure => [one value a round] }, ... }.
sub interleave {
    my ($rounds, @named) = @_;
    my %all;

    for my $round (1 .. $rounds) {
        for (my $i = 0; $i < @named; $i += 2) {
            my ($name, $code) = @named[$i, $i + 1];
            my $figures = $code->();

            push @{ $all{$name}{$_} }, $figures->{$_} for keys %$figures;
        }
    }

    return \%all;
}


sub _output {
    my (@command) = @_;

    open my $fh, '-|', @command or die "$command[0]: $!\n";
    local $/;
    my $text = <$fh> // '';
    close $fh;
    die "\"@command[0 .. 1] ...\" failed: $text\n" if $? != 0;
    return $text;
}


# wrk: { rps, p50, p99 (milliseconds), bad (responses that are not 2xx) }.
#
#   url, connections, seconds
#   script, args   a Lua script and what follows "--"
#   token          Authorization, without a script
sub wrk {
    my (%arg) = @_;
    my $threads = $arg{connections} < 2 ? 1 : 2;

    my $text = _output('wrk', '--latency', '-t', $threads,
        '-c', $arg{connections}, '-d', "$arg{seconds}s", '--timeout', '10s',
        $arg{token} ? ('-H', "Authorization: Bearer $arg{token}") : (),
        $arg{script} ? ('-s', $arg{script}) : (),
        $arg{url}, $arg{args} ? ('--', @{ $arg{args} }) : ());

    my %unit = (us => 0.001, ms => 1, s => 1000, m => 60_000);
    my %figures = (bad => 0);

    ($figures{rps}) = $text =~ m{Requests/sec:\s+([\d.]+)}
        or die "wrk said: $text\n";
    ($figures{requests}) = $text =~ /(\d+) requests in/;

    # A unit of one letter is filled up with a space.
    while ($text =~ /^\s+(50|99)%\s+([\d.]+)(us|ms|s|m) ?$/mg) {
        $figures{"p$1"} = $2 * $unit{$3};
    }

    $figures{bad} += $1 if $text =~ /Non-2xx or 3xx responses: (\d+)/;

    if ($text =~ /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/) {
        $figures{bad} += $1 + $2 + $3 + $4;
    }

    return \%figures;
}


# pgbench -M prepared: { rps }. Its backends are new in each run: plans and
# functions are made in the first two seconds, which do not count. Nor is there
# always a line about the last second, so one more is run.
#
#   db           { name, socket, port, release }
#   user, clients, seconds
#   script       the text of a pgbench script
#   define       { variable => value }
sub pgbench {
    my (%arg) = @_;
    my $db = $arg{db};
    my $file = File::Temp->new(SUFFIX => '.pgbench');

    print $file $arg{script};
    close $file;

    local $ENV{PGOPTIONS} = "-c search_path=code_$db->{release},public";

    open my $save, '>&', \*STDERR;
    my $errors = File::Temp->new;
    open STDERR, '>', $errors->filename;

    my $text = eval {
        _output('pgbench', '-n', '-M', 'prepared', '-c', $arg{clients},
            '-j', 2, '-P', 1, '-T', $arg{seconds} + 3, '-h', $db->{socket},
            '-p', $db->{port}, '-U', $arg{user}, '-f', $file->filename,
            (map { ('-D', "$_=$arg{define}{$_}") } keys %{ $arg{define} }),
            $db->{name});
    };

    open STDERR, '>&', $save;

    # Progress goes to stderr, a line a second.
    open my $fh, '<', $errors->filename;
    my @said = <$fh>;
    my @tps = map { /^progress: \S+ s, ([\d.]+) tps/ ? $1 : () } @said;

    die $text // $@, @said if !defined $text || @tps < 3;
    splice @tps, 0, 2;
    splice @tps, $arg{seconds} if @tps > $arg{seconds};

    my $sum = 0;
    $sum += $_ for @tps;
    return { rps => $sum / @tps };
}


# Microseconds of CPU that processes have used so far (sched(7), schedstat:
# its first number is nanoseconds). Other programs do not disturb it as they
# disturb a clock.
sub cpu_time {
    my $sum = 0;

    for my $pid (@_) {
        open my $fh, '<', "/proc/$pid/schedstat" or die "schedstat: $!\n";
        my ($ns) = split ' ', <$fh>;
        $sum += $ns / 1000;
    }

    return $sum;
}


# GETs over one connection, 32 under way at a time, a token each.
# Dies when an answer is not 200.
#
# We never sleep for an answer: to wake a client costs the worker microseconds, and
# the more answers cost, the more of them find it asleep.
sub requests {
    my ($port, $path, @tokens) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port)
        or die "could not connect to port $port: $!\n";
    my $buffer = '';
    my $more = sub {
        my $part;

        while (!defined recv $socket, $part, 65536, MSG_DONTWAIT) {
            die "no answer: $!\n" if !$!{EAGAIN};
        }
        die "the gateway closed the connection\n" if $part eq '';
        $buffer .= $part;
    };

    while (my @batch = splice @tokens, 0, 32) {
        print $socket join '', map {
            "GET $path HTTP/1.1\r\nHost: localhost\r\n"
            . "Authorization: Bearer $_\r\n\r\n"
        } @batch;
        $socket->flush;

        for (@batch) {
            $more->() while $buffer !~ /\r\n\r\n/;

            $buffer =~ s{\AHTTP/1.1 (\d+).*?\r\n\r\n}{}s;
            my ($status, $head) = ($1, $&);
            die "$path was answered $status\n" if $status != 200;

            my ($length) = $head =~ /^content-length: (\d+)/mi;
            $more->() while length $buffer < $length;
            substr $buffer, 0, $length, '';
        }
    }

    return;
}


# Microseconds that OpenSSL takes for one verification of RSA 2048.
sub openssl_verify {
    my ($seconds) = @_;

    open my $save, '>&', \*STDERR;
    open STDERR, '>', '/dev/null';
    my $text = _output('openssl', 'speed', '-seconds', $seconds, 'rsa2048');
    open STDERR, '>&', $save;

    my ($per_second) = $text =~ /^rsa 2048 bits\s+\S+\s+\S+\s+\S+\s+([\d.]+)/m
        or die "openssl speed said: $text\n";
    return 1_000_000 / $per_second;
}


# One line about where this was measured.
sub machine {
    my ($cpu, $cores, $memory) = ('unknown processor', 0, 0);

    open my $fh, '<', '/proc/cpuinfo' or die "cpuinfo: $!\n";
    while (<$fh>) {
        $cpu = $1 if /^model name\s*:\s*(.*)/;
        $cores++ if /^processor\s*:/;
    }

    open $fh, '<', '/proc/meminfo' or die "meminfo: $!\n";
    ($memory) = map { /^MemTotal:\s+(\d+)/ ? $1 : () } <$fh>;

    open $fh, '<', '/proc/loadavg' or die "loadavg: $!\n";
    my ($load) = split ' ', <$fh>;

    chomp(my $kernel = `uname -r`);

    return sprintf '%d x %s, %.0f GB, Linux %s, load %s before the start',
        $cores, $cpu, $memory / 1024 / 1024, $kernel, $load;
}


1;
