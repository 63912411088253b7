package IHanoi::FakePg;

# A PostgreSQL server that misbehaves to order: protocol 3, no SQL.
#
#   my $fake = IHanoi::FakePg->new(
#       answer => sub {
#           my ($c, $sql, @parameters) = @_;
#           $c->row('200', undef, '{"ok":true}');
#       },
#       sync     => sub { my ($c, $sql) = @_; $c->ready },
#       prepare  => sub { my ($c, $sql) = @_; $c->say('1') },
#       startup  => sub { my ($c, %parameters) = @_; $c->welcome },
#       accepted => sub { my ($c) = @_ },     # before a byte is read
#       chunk    => 1,         # bytes a write
#       pause    => 0.0005,    # seconds between writes
#   );
#   $fake->port; $fake->events; $fake->stop;
#
# Each connection is a process of its own, so the functions given see the
# variables of the test as they were when new() was called; what they note()
# comes back through events(). `sql` is what the statement was prepared with.

use strict;
use warnings;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP SOL_SOCKET SO_LINGER TCP_NODELAY);
use Time::HiRes qw(sleep);


sub new {
    my ($class, %arg) = @_;
    my $self = bless { pause => 0, chunk => 0, %arg, owner => $$ }, $class;

    $self->{listen} = IO::Socket::INET->new(
        Listen => 128, LocalAddr => '127.0.0.1', ReuseAddr => 1,
        LocalPort => $arg{port} // 0) or die "no port: $!\n";
    $self->{port} = $self->{listen}->sockport;

    open my $log, '>', undef or die "no temporary file: $!\n";
    $log->autoflush(1);
    $self->{log} = $log;
    $self->{notes} = "/dev/fd/" . fileno $log;

    $self->{server} = fork // die "could not fork: $!\n";
    if ($self->{server} == 0) {
        setpgrp 0, 0;
        $self->_serve;
        POSIX::_exit(0);
    }

    close $self->{listen};
    return $self;
}


sub port { $_[0]{port} }


# What was noted, in order of arrival.
sub events {
    my ($self) = @_;

    open my $fh, '<', "/proc/$$/fd/" . fileno $self->{log} or return;
    my @lines = <$fh>;
    chomp @lines;
    return @lines;
}


# Ends the server and all its connections, as a power failure does.
sub stop {
    my ($self) = @_;

    return if !$self->{server} || $self->{owner} != $$;
    kill KILL => -$self->{server};
    kill KILL => $self->{server};
    waitpid $self->{server}, 0;
    delete $self->{server};
    return;
}


sub DESTROY { local ($?, $!); $_[0]->stop }


sub _serve {
    my ($self) = @_;

    require POSIX;
    local $SIG{CHLD} = 'IGNORE';
    local $SIG{PIPE} = 'IGNORE';

    while (1) {
        my $socket = $self->{listen}->accept or next;
        my $pid = fork // next;

        if ($pid == 0) {
            close $self->{listen};
            $self->{socket} = $socket;
            setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
            eval { $self->_converse; 1 } or $self->note("died: $@");
            POSIX::_exit(0);
        }

        close $socket;
    }
}


sub _converse {
    my ($self) = @_;

    $self->{accepted}->($self) if $self->{accepted};
    $self->_startup or return;

    my (%prepared, $sql, @parameters);

    while (1) {
        my ($type, $body) = $self->_message or return;

        # as PostgreSQL does behind an error
        next if $self->{aborted} && $type =~ /[PBDE]/;

        if ($type eq 'P') {
            my ($name, $text) = unpack 'Z*Z*', $body;
            $prepared{$name} = $text;
            $sql = "prepare: $text";
            $self->{prepare} ? $self->{prepare}->($self, $text)
                             : $self->say('1');

        } elsif ($type eq 'B') {
            (my $name, @parameters) = _bound($body);
            $sql = $prepared{$name};

        } elsif ($type eq 'E') {
            $self->{answer} ? $self->{answer}->($self, $sql, @parameters)
                            : $self->row('200', undef, '{}');

        } elsif ($type eq 'S') {
            $self->{sync} ? $self->{sync}->($self, $sql) : $self->ready;
            $self->{aborted} = 0;

        } elsif ($type eq 'X') {
            return;
        }
    }
}


sub _startup {
    my ($self) = @_;

    while (1) {
        my $head = $self->_read(8) // return;
        my ($length, $code) = unpack 'NN', $head;
        my $rest = $self->_read($length - 8) // return;

        if ($code == 80877103) {            # SSLRequest
            $self->write('N');
            next;
        }

        if ($code == 80877102) {            # CancelRequest
            $self->note('cancel');
            return;
        }

        my %parameters = split /\0/, $rest;
        $self->{parameters} = \%parameters;
        $self->{startup} ? $self->{startup}->($self, %parameters)
                         : $self->welcome;
        return 1;
    }
}


sub _bound {
    my ($body) = @_;
    my (undef, $name, $rest) = unpack 'Z*Z*a*', $body;
    my $formats = unpack 'n', $rest;

    $rest = substr $rest, 2 + 2 * $formats;

    my $count = unpack 'n', $rest;
    $rest = substr $rest, 2;
    my @parameters;

    for (1 .. $count) {
        my $length = unpack 'N', $rest;
        if ($length == 0xFFFFFFFF) {
            push @parameters, undef;
            $rest = substr $rest, 4;
        } else {
            push @parameters, substr $rest, 4, $length;
            $rest = substr $rest, 4 + $length;
        }
    }

    return ($name, @parameters);
}


sub _message {
    my ($self) = @_;

    my $head = $self->_read(5) // return;
    my ($type, $length) = unpack 'aN', $head;
    my $body = $length > 4 ? $self->_read($length - 4) // return : '';
    return ($type, $body);
}


sub _read {
    my ($self, $length) = @_;
    my $bytes = '';

    while (length $bytes < $length) {
        my $n = sysread $self->{socket}, $bytes, $length - length $bytes,
                        length $bytes;
        return if !$n;
    }

    return $bytes;
}


# Below is what the functions given may call.

sub note {
    my ($self, $text) = @_;
    syswrite $self->{log}, "$text\n";
    return;
}


sub write {
    my ($self, $bytes) = @_;
    my $chunk = $self->{chunk} || length $bytes || 1;

    for (my $i = 0; $i < length $bytes; $i += $chunk) {
        syswrite $self->{socket}, substr $bytes, $i, $chunk;
        sleep $self->{pause} if $self->{pause};
    }

    return;
}


# One message.
sub say {
    my ($self, $type, $body) = @_;
    $body //= '';
    return $self->write($type . pack('N', 4 + length $body) . $body);
}


# The end of a successful start; parameters may be given.
sub welcome {
    my ($self, %parameters) = @_;
    my $bytes = 'R' . pack 'NN', 8, 0;
    my %all = (server_version => '15.0', client_encoding => 'UTF8',
               server_encoding => 'UTF8', integer_datetimes => 'on',
               standard_conforming_strings => 'on', in_hot_standby => 'off',
               default_transaction_read_only => 'off', %parameters);

    $self->say('R', pack 'N', 0);
    $self->parameter($_, $all{$_}) for sort keys %all;
    $self->say('K', pack 'NN', $$, 1);
    return $self->ready;
}


sub ready     { $_[0]->say('Z', 'I') }
sub parameter { $_[0]->say('S', "$_[1]\0$_[2]\0") }

sub notify {
    my ($self) = @_;
    return $self->say('A', pack('N', 1) . "channel\0payload\0");
}

sub row {
    my ($self, @values) = @_;
    my $fields = '';
    my $data = '';

    for my $i (0 .. $#values) {
        $fields .= "c$i\0" . pack 'NnNnNn', 0, 0, 25, 0xFFFF, 0xFFFFFFFF, 0;
        $data .= defined $values[$i]
                 ? pack('N', length $values[$i]) . $values[$i]
                 : pack 'N', 0xFFFFFFFF;
    }

    $self->say('2');
    $self->say('T', pack('n', scalar @values) . $fields);
    $self->say('D', pack('n', scalar @values) . $data);
    return $self->say('C', "SELECT 1\0");
}


sub _complaint {
    my ($type, $self, $state, $message, %more) = @_;
    my $severity = $more{S} // ($type eq 'E' ? 'ERROR' : 'WARNING');

    return $self->say($type, "S$severity\0V$severity\0C$state\0M$message\0"
                             . join('', map { "$_$more{$_}\0" }
                                        grep { $_ ne 'S' } keys %more)
                             . "\0");
}

sub error  { $_[0]{aborted} = 1; _complaint('E', @_) }
sub notice { _complaint('N', @_) }


sub hang { sleep 3600 }


# Ends the connection with a reset.
sub reset {
    my ($self) = @_;

    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0;
    close $self->{socket};
    require POSIX;
    POSIX::_exit(0);
}


1;
