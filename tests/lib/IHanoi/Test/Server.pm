package IHanoi::Test::Server;

# What the HTTP servers of tests have in common: a port of loopback, a process for
# each connection, and what all of them know in one file under a lock.
#
#   package My::Server;
#   use parent 'IHanoi::Test::Server';
#
#   my $self = $class->SUPER::new(%arg);         # a hash: dir, owner, %arg
#   $self->listen_on($port);                     # undef: a free one
#   sub connection { my ($self, $client) = @_ }  # each one's, in its process
#   my ($head, $body) = $self->request($client); # () when it ended before that
#   $self->change(sub { $_[0]{n}++ });           # the state; what the code returns
#   $self->wait_for('name');                     # until a test says let_go('name'), or 15 s
#
# It ends, and those it has begun, with the object.

use strict;
use warnings;
use Fcntl qw(:flock);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX ();
use Storable ();
use Time::HiRes ();


sub new {
    my ($class, %arg) = @_;

    return bless {
        owner => $$,
        dir   => tempdir('ihanoi-server-XXXXXXXX', TMPDIR => 1, CLEANUP => 1),
        %arg,
    }, $class;
}


sub listen_on {
    my ($self, $port) = @_;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port // 0,
                                       Listen => 128, ReuseAddr => 1)
        or die ref $self, ": $!\n";

    $self->{port} = $listen->sockport;
    $self->{pid} = fork // die "fork: $!\n";

    if (!$self->{pid}) {
        $SIG{$_} = 'DEFAULT' for qw(TERM INT);
        $SIG{CHLD} = 'IGNORE';
        setpgrp;

        while (1) {
            my $client = $listen->accept or next;
            my $pid = fork;

            if (defined $pid && $pid == 0) {
                close $listen;
                $SIG{PIPE} = 'IGNORE';
                eval { $self->connection($client); 1 } or warn ref $self, ": $@";
                POSIX::_exit(0);
            }
            close $client;
        }
    }

    close $listen;
    return;
}


sub port { $_[0]{port} }
sub url  { "http://127.0.0.1:$_[0]{port}" }


sub request {
    my ($self, $client) = @_;
    my $request = '';

    while ($request !~ /\r\n\r\n/) {
        $client->sysread($request, 65536, length $request) or return;
    }

    my ($head, $body) = split /\r\n\r\n/, $request, 2;
    my ($length) = $head =~ /^Content-Length: *(\d+)/mi;

    while (length $body < ($length // 0)) {
        $client->sysread($body, 65536, length $body) or last;
    }

    return ($head, $body);
}


sub change {
    my ($self, $code) = @_;

    open my $lock, '>', "$self->{dir}/lock" or die "lock: $!\n";
    flock $lock, LOCK_EX;

    my $state = -e "$self->{dir}/state" ? Storable::retrieve("$self->{dir}/state") : {};
    my @result = $code->($state);

    Storable::store($state, "$self->{dir}/state.new");
    rename "$self->{dir}/state.new", "$self->{dir}/state";

    return wantarray ? @result : $result[-1];
}


sub wait_for {
    my ($self, $name) = @_;
    my $end = Time::HiRes::time() + 15;

    Time::HiRes::sleep(0.01) while !-e "$self->{dir}/go-$name" && Time::HiRes::time() < $end;
    return;
}

sub let_go {
    my ($self, $name) = @_;
    open my $fh, '>', "$self->{dir}/go-$name" or die "go-$name: $!\n";
    return;
}


sub DESTROY {
    my ($self) = @_;

    if ($self->{pid} && $self->{owner} == $$) {
        local $?;

        # Its children are in its group.
        kill TERM => -$self->{pid};
        waitpid $self->{pid}, 0;
    }
}


1;
