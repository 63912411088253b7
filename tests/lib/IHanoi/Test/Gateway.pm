package IHanoi::Test::Gateway;

# nginx with the module, in a temporary folder on a free port.
#
# Options of gateway():
#
#   db           a database(): adds ihanoi_database; with it "location /" is
#                the API unless `locations` has its own
#   contract     files for ihanoi_contract; default conf/api/*.json with db
#   bare         true: no directive of ours but what the options below bring
#   issuer       0: without the default auth_jwt_issuer
#   writers      connections that write, default 2: each worker makes them all, and
#                a backend takes 50 ms of processor time to begin and end
#   database     directives that replace pools and users in ihanoi_database
#   main, events, http, server, locations    more directives in that context;
#                %%DIR%% is the temporary folder, %%TREE%% the checkout,
#                %%KEYS%% the folder of jwks.json, %%PORT%% the port
#   servers      more server blocks
#   files        { name => text }: written to the folder before the start
#   workers      number of workers, default 1; 0: master_process off
#   h2           true: another port speaks HTTP/2 without TLS, for h2()
#   h3           true: a UDP port speaks HTTP/3, for h3() of IHanoi::Test::HTTP3
#   log_level    default info
#   expect_log   a regex, or a list of them: alerts that the test causes
#   start        0: only write nginx.conf; call ->start, or ->check for -t
#   env          { name => value } for nginx
#   responses    true: hold each answer against the contract, and fail the
#                test for one that breaks it; default with the shipped contract
#                (and plugins, where `http` has their path)

use strict;
use warnings;
use File::Temp qw(tempdir);
use IHanoi::NginxProcess;
use IHanoi::Test::HTTP;
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

# Lines that nobody may leave in a log unseen.
my $BAD = qr/\[(?:alert|emerg)\]|Sanitizer:|runtime error:/;


sub new {
    my ($class, %arg) = @_;
    my $self = bless { workers => 1, %arg, owner => $$ }, $class;

    # Workers run as another user when we are root: the folder is theirs to
    # enter. It stays after a failure, for whoever looks into it.
    $self->{dir} = tempdir('ihanoi-test-XXXXXXXX', TMPDIR => 1,
                           CLEANUP => !$ENV{KEEP});
    chmod 0755, $self->{dir};

    for my $name (keys %{ $self->{files} // {} }) {
        $self->write($name, $self->{files}{$name});
    }

    $self->{nginx} = -x "$self->{build}/nginx-binary"
                     ? "$self->{build}/nginx-binary" : '/usr/sbin/nginx';

    $self->start if $self->{start} // 1;
    return $self;
}


sub dir  { $_[0]{dir} }
sub port { $_[0]{port} }
sub url  { "http://127.0.0.1:$_[0]{port}" }


# As the module's sources have it: 1022001 is 1.22.1.
sub nginx_version {
    my ($self) = @_;
    my @number = qx('$self->{nginx}' -v 2>&1) =~ m{nginx/(\d+)\.(\d+)\.(\d+)};

    return sprintf '%d%03d%03d', @number;
}


# Writes a file in the gateway's folder and returns its path.
sub write {
    my ($self, $name, $text) = @_;

    utf8::encode($text) if utf8::is_utf8($text);
    open my $fh, '>:raw', "$self->{dir}/$name" or die "$name: $!\n";
    print $fh $text;
    close $fh;
    return "$self->{dir}/$name";
}


# Starts nginx and waits until it answers on its port. When another program
# was quicker to take the port, tries another.
sub start {
    my ($self) = @_;

    for (1 .. 5) {
        $self->_choose_ports;
        $self->write('nginx.conf', $self->configuration);
        $self->_spawn;
        return $self if $self->_wait_ready;

        last if $self->error_log !~ /Address already in use/;
        unlink "$self->{dir}/error.log";
    }

    my $said = $self->error_log . $self->stderr;
    $self->{failed_to_start} = 1;
    die "nginx did not start:\n$said\n";
}


# nginx -t: (true if it passed, what it said). user: another one, when we are root.
sub check {
    my ($self, %arg) = @_;
    my $as = defined $arg{user} ? "setpriv --reuid=$arg{user} --clear-groups " : '';

    $self->_choose_ports;
    $self->write('nginx.conf', $self->configuration);

    local %ENV = $self->_environment;

    # After a test of its configuration nginx leaves memory to the system.
    $ENV{ASAN_OPTIONS} =~ s/detect_leaks=1/detect_leaks=0/;

    open my $fh, '-|', $as . $self->_shell('-t') . ' 2>&1' or die "nginx: $!\n";
    local $/;
    my $said = <$fh> // '';
    close $fh;

    $self->{never_started} = 1;
    unlink "$self->{dir}/error.log";
    return ($? == 0, $said);
}


sub _choose_ports {
    my ($self) = @_;

    # All are held at once, so that they differ.
    my @held = map {
        IO::Socket::INET->new(@$_, LocalAddr => '127.0.0.1')
            or die "no free port: $!\n"
    } [Listen => 1], [Listen => 1], [Proto => 'udp'];

    @$self{qw(port h2_port h3_port)} = map { $_->sockport } @held;
    return;
}


# The text of nginx.conf.
sub configuration {
    my ($self) = @_;
    my $dir = $self->{dir};
    my $module = "$self->{build}/ngx_http_ihanoi_module.so";
    my $text = '';

    $text .= "load_module $module;\n" if -f $module;
    $text .= "user www-data;\n" if $> == 0 && getpwnam 'www-data';
    $text .= $self->{workers} == 0
             ? "master_process off;\n"
             : "worker_processes $self->{workers};\n";
    $text .= "daemon off;\n"
           . "pid $dir/nginx.pid;\n"
           . "error_log $dir/error.log " . ($self->{log_level} // 'info') . ";\n"
           . ($self->{main} // '') . "\n"
           . "events {\n"
           . (($self->{events} // '') =~ /worker_connections/
              ? '' : "    worker_connections 1024;\n")
           . ($self->{events} // '') . "\n}\n\n"
           . "http {\n"
           . "    access_log $dir/access.log;\n";

    for my $what (qw(client_body proxy fastcgi uwsgi scgi)) {
        $text .= "    ${what}_temp_path $dir/$what;\n";
    }

    if (!$self->{bare}) {
        $text .= "    ihanoi_zone 16m;\n";
        $text .= $self->_issuer_block if $self->{issuer};
    }

    $text .= $self->_database_block if $self->{db};

    my $contract = $self->{contract};
    $contract //= ["$self->{tree}/conf/api/*.json"]
        if $self->{db} && !$self->{bare};
    for my $file (ref $contract ? @$contract : $contract // ()) {
        $text .= "    ihanoi_contract $file;\n";
    }

    $text .= ($self->{http} // '') . "\n    server {\n"
           . "        listen 127.0.0.1:$self->{port};\n"
           . ($self->{h2} ? "        listen 127.0.0.1:$self->{h2_port} http2;\n"
                          : '')
           . ($self->{h3} ? $self->_quic : '')
           . "        server_name localhost;\n"
           . ($self->{server} // '') . "\n"
           . ($self->{locations} // '') . "\n";

    if ($self->{db} && !$self->{bare}
        && ($self->{locations} // '') !~ m{location\s+/\s*\{})
    {
        $text .= "        location / { auth_jwt iHaNoi; ihanoi_api on; }\n";
    }

    $text .= "    }\n" . ($self->{servers} // '') . "\n}\n";

    $text =~ s/%%DIR%%/$dir/g;
    $text =~ s/%%TREE%%/$self->{tree}/g;
    $text =~ s/%%KEYS%%/$self->{keys}/g;
    $text =~ s/%%PORT%%/$self->{port}/g;
    return $text;
}


# A port for HTTP/3, with a certificate that nobody knows.
sub _quic {
    my ($self) = @_;
    my $file = "$self->{dir}/h3";

    -f "$file.crt" || !system("openssl req -x509 -newkey rsa:2048 -nodes -days 2"
                              . " -subj /CN=localhost -keyout $file.key -out $file.crt"
                              . " 2> /dev/null") or die "openssl: $?\n";

    return "        listen 127.0.0.1:$self->{h3_port} quic reuseport;\n"
         . "        ssl_certificate $file.crt; ssl_certificate_key $file.key;\n";
}


sub _issuer_block {
    my ($self) = @_;

    return <<"CONF";
    auth_jwt_issuer $self->{issuer} {
        key_file %%KEYS%%/jwks.json;
        audience $self->{audience};
        algorithms ES256 ES384 ES512 RS256 PS256 EdDSA HS256;
        assurance_claim assurance;
    }
CONF
}


sub _database_block {
    my ($self) = @_;
    my $db = $self->{db};
    my $release = $db->{release} // 'none';
    my $writers = $self->{writers} // 2;
    my $rest = $self->{database} // <<"CONF";
        read_user ihanoi_read;
        write_user ihanoi_write;
        control_user ihanoi_control;
        read connections=2 depth=32 queue=1000 wait=500ms timeout=2s;
        write connections=$writers depth=1 queue=500 wait=1s timeout=5s;
        slow connections=1 depth=1 queue=50 wait=1s timeout=30s;
CONF

    my $server = $rest =~ /^\s*server\s/m
                 ? '' : "        server unix:$db->{socket} port=$db->{port};\n";

    return "    ihanoi_database main {\n$server"
         . "        dbname $db->{name};\n"
         . "        release $release;\n"
         . "$rest    }\n";
}


sub _command {
    my ($self, @args) = @_;
    return ($self->{nginx}, '-p', "$self->{dir}/", '-c',
            "$self->{dir}/nginx.conf", '-e', "$self->{dir}/error.log", @args);
}


sub _shell { my $self = shift; join ' ', map { "'$_'" } $self->_command(@_) }


sub _environment {
    my ($self) = @_;

    return (
        # nginx and each dynamic module define a table of the same name; a clock of the
        # tests' own may be loaded before the sanitizer, which has no gettimeofday().
        ASAN_OPTIONS  => 'detect_leaks=1:exitcode=99:detect_odr_violation=0'
                         . ':verify_asan_link_order=0',
        UBSAN_OPTIONS => 'print_stacktrace=1',
        LSAN_OPTIONS  => "suppressions=$self->{tree}/tests/lsan-suppressions.txt"
                         . ':print_suppressions=0:exitcode=99',
        %ENV,
        %{ $self->{env} // {} },
    );
}


sub _spawn {
    my ($self) = @_;

    $self->{pid} = fork // die "could not fork: $!\n";
    return if $self->{pid};

    local %ENV = $self->_environment;

    open STDIN, '<', '/dev/null';
    open STDOUT, '>>', "$self->{dir}/stderr.log";
    open STDERR, '>&', \*STDOUT;
    exec { $self->{nginx} } $self->_command or POSIX::_exit(127);
}


# True when something listens and nginx still runs.
sub _wait_ready {
    my ($self) = @_;
    my $end = time + 30;

    while (time < $end) {
        if (waitpid($self->{pid}, WNOHANG) == $self->{pid}) {
            delete $self->{pid};
            return 0;
        }

        # Before the pid file is there, whoever answers is somebody else.
        if (-s "$self->{dir}/nginx.pid") {
            my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                               PeerPort => $self->{port});
            return 1 if $socket;
        }

        sleep 0.02;
    }

    return 0;
}


# A client with its own connection, kept open: ->request, ->send, ->response.
sub connection {
    my ($self, %arg) = @_;

    $arg{check} //= sub { $self->_check_response(@_) }
        if $self->{responses} // ($self->{db} && !$self->{bare}
                                  && !$self->{contract});

    return IHanoi::Test::HTTP->new(port => $self->{port}, %arg);
}


# What a GET is answered by each worker: a list of answers by number. Of clients who come
# at once all workers have some; which one it was says the server's
# "add_header X-Worker $pid always;".
sub by_worker {
    my ($self, $target, %arg) = @_;
    my %answers;

    for (1 .. 100) {
        my @clients = map { $self->connection } 1 .. 8;
        $_->send($_->format('GET', $target, %arg, close => 1)) for @clients;

        for my $r (map { $_->response('GET') } @clients) {
            push @{ $answers{ $r->{headers}{'x-worker'} } }, $r;
        }
        last if keys %answers >= $self->{workers};
    }

    return %answers;
}


# Asks tests/tools/contract.c whether an answer is as its contract says.
sub _check_response {
    my ($self, $method, $target, $r) = @_;
    my $program = "$self->{build}/contract";

    # A 304 has no content of its own, and one pipe has one process.
    return if $$ != $self->{owner} || !-x $program || $method eq 'HEAD'
        || $r->{status} == 304 || $r->{headers}{'content-encoding'};

    if (!$self->{checker}) {
        require IPC::Open2;

        my $contract = $self->{contract} // "$self->{tree}/conf/api/*.json";
        my @files = map { s/%%TREE%%/$self->{tree}/gr }
                    (ref $contract ? @$contract : $contract),
                    map { "$_/openapi.json" }
                    ($self->{http} // '') =~ m{^\s*path\s+(\Q$self->{tree}\E/plugins/\w+);}mg;
        my $pid = IPC::Open2::open2(my $out, my $in, $program,
                                    'responses', map { glob } @files);
        binmode $_ for $in, $out;
        $self->{checker} = { pid => $pid, in => $in, out => $out };
    }

    my ($in, $out) = @{ $self->{checker} }{qw(in out)};
    my ($path) = $target =~ /^([^?\s]*)/;
    my $length = length $r->{content};
    my @headers = grep { defined $r->{headers}{ lc $_ } }
                  qw(ETag Location Content-Disposition Idempotency-Replayed Content-Language
                     Retry-After WWW-Authenticate Accept Accept-Encoding);

    print $in "$method $path $r->{status} $length @headers\n$r->{content}";
    $in->flush;
    chomp(my $said = <$out> // 'the check failed');

    push @{ $self->{breaches} }, "$method $target: $said"
        if $said ne 'ok' && $said ne 'none';
    return;
}


# Takes the list of answers that were not as the contract says.
sub breaches { return @{ delete $_[0]{breaches} // [] } }


# One request on a connection of its own. undef when no answer came.
sub request {
    my ($self, $method, $target, %arg) = @_;

    my $client = $self->connection($arg{timeout}
                                   ? (timeout => delete $arg{timeout}) : ());
    return $client->request($method, $target, close => 1, %arg);
}


sub get    { my $self = shift; $self->request('GET', @_) }
sub head   { my $self = shift; $self->request('HEAD', @_) }
sub post   { my $self = shift; $self->request('POST', @_) }
sub put    { my $self = shift; $self->request('PUT', @_) }
sub patch  { my $self = shift; $self->request('PATCH', @_) }
sub delete { my $self = shift; $self->request('DELETE', @_) }


# The value of a series of /metrics, by its name with its labels as they stand there;
# undef when there is none.
sub metric {
    my ($self, $series) = @_;
    my ($value) = $self->get('/metrics')->{content} =~ /^\Q$series\E (\S+)$/m;
    return $value;
}


# Sends bytes as they are on a fresh connection and reads one answer.
sub raw {
    my ($self, $bytes, %arg) = @_;

    my $client = $self->connection(%arg);
    $client->send($bytes);
    return $client->response;
}


# One request over HTTP/2 by curl (the gateway needs h2 => 1): the same hash.
sub h2 {
    my ($self, $method, $target, %arg) = @_;
    my $client = $self->connection;
    my ($head, $body) = split /\r\n\r\n/,
                        $client->format($method, $target, %arg), 2;
    my (undef, @lines) = split /\r\n/, $head;
    my @args = map { /^(?:Host|Content-Length|Connection):/i ? ()
                                                             : ('-H', $_) }
               @lines;

    push @args, '-I' if $method eq 'HEAD';
    push @args, '-X', $method if $method ne 'HEAD';
    push @args, '--data-binary', '@' . $self->write('h2-body', $body)
        if length $body;

    open my $fh, '-|', 'curl', '-s', '-i', '--http2-prior-knowledge',
         '--max-time', 10, @args, "http://127.0.0.1:$self->{h2_port}$target"
        or die "curl: $!\n";
    binmode $fh;
    local $/;
    my $answer = <$fh> // '';
    close $fh;
    return if $answer !~ s{^HTTP/2 }{HTTP/1.1 };

    # To the parser it is an answer that ends with its connection.
    $answer =~ s/^transfer-encoding:.*\r\n//mi;
    $client->{buffer} = $answer;
    return $client->response($method);
}


# Reads the configuration again, rewritten from the options with those given
# here changed, and waits until only new workers accept.
sub reload {
    my ($self, %arg) = @_;

    @$self{keys %arg} = values %arg;
    my %old = map { $_ => 1 } nginx_workers($self->master);
    my $log = length $self->error_log;

    $self->write('nginx.conf', $self->configuration);
    kill HUP => $self->master;

    my $end = time + 10;
    while (time < $end) {
        my @now = nginx_workers($self->master);

        # An old worker goes on accepting until it has seen the signal.
        if (@now && !grep { $old{$_} } @now) {
            sleep 0.02;
            return 1;
        }

        return 0 if substr($self->error_log, $log) =~ /\[emerg\]/;
        sleep 0.02;
    }

    return 0;
}


sub master { $_[0]{pid} }


# The process ids of workers, also of those that are shutting down.
sub workers {
    my ($self) = @_;
    my $file = "/proc/$self->{pid}/task/$self->{pid}/children";

    return $self->{pid} if $self->{workers} == 0;
    open my $fh, '<', $file or return;
    return split ' ', <$fh> // '';
}


# The most memory that a worker has had so far, in KiB.
sub peak {
    my ($self) = @_;
    my $peak = 0;

    for my $pid ($self->workers) {
        open my $fh, '<', "/proc/$pid/status" or next;
        for (<$fh>) {
            $peak = $1 if /^VmHWM:\s+(\d+)/ && $1 > $peak;
        }
    }

    return $peak;
}


# Kills them with SIGKILL, and waits until others have come.
sub kill_workers {
    my ($self) = @_;
    my %old = map { $_ => 1 } $self->workers;

    kill KILL => keys %old;
    return IHanoi::Test::wait_until(sub {
        my @now = $self->workers;
        return @now && !grep { $old{$_} } @now;
    });
}


# Stops nginx: 'TERM' at once, 'QUIT' after the last request.
sub stop {
    my ($self, $signal) = @_;

    return if $self->{owner} != $$ || !$self->{pid};

    # After TERM the master kills a worker that needs more than a second, and
    # a sanitizer's leak check at exit does: it is asked to quit instead.
    my $patient = ($ENV{BUILD} // '') eq 'sanitize';
    kill $signal // ($patient ? 'QUIT' : 'TERM'), $self->{pid};

    if (my $checker = delete $self->{checker}) {
        close $checker->{in};
        waitpid $checker->{pid}, 0;
    }

    my $end = time + ($patient ? 60 : 10);
    while (waitpid($self->{pid}, WNOHANG) == 0) {
        if (time > $end) {
            kill KILL => $self->workers, $self->{pid};
            waitpid $self->{pid}, 0;
            $self->{killed} = 1;
            last;
        }
        sleep 0.01;
    }

    $self->{exit} = $?;
    delete $self->{pid};
    return;
}


sub _slurp {
    my ($self, $name) = @_;

    open my $fh, '<:encoding(UTF-8)', "$self->{dir}/$name" or return '';
    local $/;
    return <$fh> // '';
}


# The logs. A line is written after the answer it is about was sent: given a
# regex, waits up to 3 seconds until the log matches.
sub error_log  { $_[0]->_log('error.log', $_[1]) }
sub access_log { $_[0]->_log('access.log', $_[1]) }
sub stderr     { $_[0]->_log('stderr.log', $_[1]) }


sub _log {
    my ($self, $name, $regex) = @_;
    my $end = time + 3;

    while (1) {
        my $text = $self->_slurp($name);
        return $text if !defined $regex || $text =~ $regex || time > $end;
        sleep 0.02;
    }
}


sub log_tail {
    my ($self, $count) = @_;
    my @lines = split /\n/, $self->error_log . $self->stderr;

    splice @lines, 0, @lines - $count if @lines > $count;
    return join "\n", @lines;
}


# The lines that fail a test.
sub unexpected_lines {
    my ($self) = @_;
    my $expected = $self->{expect_log} // [];
    my @expected = ref $expected eq 'ARRAY' ? @$expected : $expected;
    my @lines = grep { /$BAD/ } split /\n/, $self->error_log . $self->stderr;

    for my $regex (@expected) {
        @lines = grep { $_ !~ $regex } @lines;
    }

    push @lines, 'nginx did not stop in time' if $self->{killed};
    push @lines, 'nginx ended with a sanitizer\'s exit code'
        if ($self->{exit} // 0) >> 8 == 99;

    return @lines;
}


1;
