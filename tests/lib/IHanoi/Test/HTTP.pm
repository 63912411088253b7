package IHanoi::Test::HTTP;

# A small HTTP/1.1 client that sends exactly what a test says, and shows
# exactly what came back. HTTP::Tiny would repair too much.

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);


#   port     on 127.0.0.1
#   timeout  seconds for a whole answer, default 10
#   check    code that looks at each answer of request(): method, target, answer
sub new {
    my ($class, %self) = @_;
    return bless { timeout => 10, buffer => '', %self }, $class;
}


sub connect {
    my ($self) = @_;

    $self->{socket} = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => 5)
        or die "could not connect to port $self->{port}: $!\n";
    binmode $self->{socket};
    $self->{buffer} = '';
    return $self;
}


sub close {
    my ($self) = @_;

    CORE::close $self->{socket} if $self->{socket};
    delete $self->{socket};
    return;
}


# Sends bytes as they are; false when the peer has closed.
sub send {
    my ($self, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';

    $self->connect if !$self->{socket};

    while (length $bytes) {
        my $n = syswrite $self->{socket}, $bytes;
        return 0 if !defined $n;
        substr $bytes, 0, $n, '';
    }

    return 1;
}


# Sends a request and reads its answer; undef when none came.
#
#   token        goes into Authorization: Bearer
#   headers      hash (a value may be a list: the header is repeated)
#   json, body   the body: a structure, or bytes
#   key          Idempotency-Key
#   close        true: Connection: close
sub request {
    my ($self, $method, $target, %arg) = @_;

    $self->send($self->format($method, $target, %arg)) or return;

    my $r = $self->response($method);
    $self->{check}->($method, $target, $r) if $r && $self->{check};
    return $r;
}


# The bytes of a request.
sub format {
    my ($self, $method, $target, %arg) = @_;
    my %headers = (Host => "127.0.0.1:$self->{port}");
    my $body = $arg{body};

    utf8::encode($body) if defined $body && utf8::is_utf8($body);

    if (exists $arg{json}) {
        require JSON::PP;
        $body = JSON::PP->new->utf8->canonical->allow_nonref
                    ->encode($arg{json});
        $headers{'Content-Type'} = 'application/json';
    }

    $headers{'Content-Length'} = length $body if defined $body;
    $headers{Authorization} = "Bearer $arg{token}" if defined $arg{token};
    $headers{'Idempotency-Key'} = $arg{key} if defined $arg{key};
    $headers{Connection} = 'close' if $arg{close};

    # A header given as undef is left out, in whatever case it is written.
    for my $name (keys %{ $arg{headers} // {} }) {
        delete @headers{ grep { lc eq lc $name } keys %headers };
        $headers{$name} = $arg{headers}{$name};
    }

    my $head = "$method $target HTTP/1.1\r\n";
    for my $name (sort keys %headers) {
        my $value = $headers{$name} // next;
        $head .= "$name: $_\r\n" for ref $value ? @$value : $value;
    }

    # Head and body apart: together, one that is text would have the bytes of
    # the other encoded anew.
    utf8::encode($head) if utf8::is_utf8($head);
    return "$head\r\n" . ($body // '');
}


# Reads one answer:
#
#   status, reason
#   headers   names in lower case; a repeated header's values joined by ", "
#   lines     header lines as they came
#   content   the body, without transfer coding
#   json      the body decoded, when its type is JSON
#   time      seconds from the call to the last byte
#
# undef when the connection ended or timed out before an answer was whole.
sub response {
    my ($self, $method) = @_;
    my $begin = time;
    my $end = $begin + $self->{timeout};

    while ($self->{buffer} !~ /\r?\n\r?\n/) {
        $self->_fill($end) or return;
    }

    $self->{buffer} =~ s/\A(.*?)\r?\n\r?\n//s;
    my ($line, @lines) = split /\r?\n/, $1;
    my ($status, $reason) = $line =~ m{^HTTP/\d\.\d (\d{3}) ?(.*)} or return;

    # An interim answer is not the answer.
    return $self->response($method) if $status =~ /^1/ && $status != 101;

    my %headers;
    for (@lines) {
        my ($name, $value) = /^([^:]+):\s*(.*?)\s*$/ or next;
        $name = lc $name;
        $headers{$name} = exists $headers{$name}
                          ? "$headers{$name}, $value" : $value;
    }

    my %r = (status => $status, reason => $reason, headers => \%headers,
             lines => \@lines, content => '');

    if (($method // '') ne 'HEAD' && $status !~ /^(?:204|304)$/) {
        $self->_body(\%r, $end) or return;
    }

    if (($headers{'content-type'} // '') =~ m{^application/(?:\w[\w.-]*\+)?json}
        && !$headers{'content-encoding'} && length $r{content})
    {
        require JSON::PP;
        $r{json} = eval {
            JSON::PP->new->utf8->allow_nonref->decode($r{content})
        };
    }

    $self->close if ($headers{connection} // '') eq 'close';

    $r{time} = time - $begin;
    return \%r;
}


sub _body {
    my ($self, $r, $end) = @_;
    my $headers = $r->{headers};

    if (($headers->{'transfer-encoding'} // '') eq 'chunked') {
        while (1) {
            while ($self->{buffer} !~ /\r\n/) {
                $self->_fill($end) or return;
            }

            $self->{buffer} =~ s/\A([0-9a-fA-F]+)[^\r\n]*\r\n// or return;
            my $size = hex $1;

            while (length $self->{buffer} < $size + 2) {
                $self->_fill($end) or return;
            }

            $r->{content} .= substr $self->{buffer}, 0, $size;
            substr $self->{buffer}, 0, $size + 2, '';
            return 1 if $size == 0;
        }
    }

    if (defined(my $length = $headers->{'content-length'})) {
        while (length $self->{buffer} < $length) {
            $self->_fill($end) or return;
        }

        $r->{content} = substr $self->{buffer}, 0, $length, '';
        return 1;
    }

    1 while $self->_fill($end);
    $r->{content} = $self->{buffer};
    $self->{buffer} = '';
    $self->close;
    return 1;
}


sub _fill {
    my ($self, $end) = @_;
    my $left = $end - time;

    return 0 if $left <= 0 || !$self->{socket};
    return 0 if !IO::Select->new($self->{socket})->can_read($left);

    my $n = sysread $self->{socket}, $self->{buffer}, 65536,
                    length $self->{buffer};
    return $n ? 1 : 0;
}


1;
