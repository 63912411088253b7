package IHanoi::Plugin::FakeBackends;

# Backends for tests of a plugin: each on a loopback port, answering by rules.
# They are served by whoever waits for the gateway's answer, in one process:
#
#   my $backends = IHanoi::Plugin::FakeBackends->new(@names);
#   $backends->ports;                             # by name
#   $backends->expect({ operator => [@rules] });  # or 'refuse': nobody listens
#   my $bytes = $backends->serve_until_end($fh);  # what comes from $fh
#   my @wrong = $backends->complaints;            # asked for what no rule has,
#                                                 # not asked for what one has
#
# The first rule whose "request" is as it came answers; see
# docs/plugin-tests.md.

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Time::HiRes qw(time);
use IHanoi::Plugin::Expect qw(mismatch);

# A plugin's request, and a wait that is longer than whoever asks the gateway has.
my $REQUEST = 1_048_576;
my $SECONDS = 90;

my $json = JSON::PP->new->utf8->canonical->allow_nonref;


sub new {
    my ($class, @names) = @_;
    my $self = bless { listen => {}, port => {}, rules => {}, asked => [] }, $class;

    for my $name (@names) {
        $self->{listen}{$name} = _listen(0);
        $self->{port}{$name} = $self->{listen}{$name}->sockport;
    }

    return $self;
}


sub ports { return { %{ $_[0]{port} } } }


sub _listen {
    my ($port) = @_;
    return IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
                                 Listen => 64, ReuseAddr => 1)
           // die "a fake backend has no port: $!\n";
}


# The rules for the next request. A rule with "times" is good for so many
# requests, and has to be asked so often.
sub expect {
    my ($self, $rules) = @_;

    $self->{asked} = [];
    $self->{rules} = {};

    for my $name (keys %{ $self->{port} }) {
        my $given = $rules->{$name} // [];

        if (!ref $given) {
            delete $self->{listen}{$name};
            next;
        }

        $self->{listen}{$name} //= _listen($self->{port}{$name});
        $self->{rules}{$name} = [map { { rule => $_, n => 0 } } @$given];
    }

    return;
}


sub serve_until_end {
    my ($self, $end) = @_;
    my $select = IO::Select->new($end, values %{ $self->{listen} });
    my %name = map { $self->{listen}{$_} => $_ } keys %{ $self->{listen} };
    my $until = time + $SECONDS;
    my (%client, @later, $bytes);

    while (time < $until) {
        my ($next) = sort { $a <=> $b } map { $_->{at} } @later;
        my $wait = defined $next && $next < $until ? $next - time : $until - time;

        for my $fh ($select->can_read($wait < 0 ? 0 : $wait)) {
            if ($fh == $end) {
                return $bytes // '' if !sysread $end, $bytes, 65_536, length($bytes // '');

            } elsif (defined $name{$fh}) {
                my $socket = $fh->accept or next;
                $client{$socket} = { name => $name{$fh}, got => '' };
                $select->add($socket);

            } elsif (!$self->_read($fh, $client{$fh}, \@later)) {
                delete $client{$fh};
                $select->remove($fh);
            }
        }

        for my $answer (grep { $_->{at} <= time } @later) {
            _send($answer->{socket}, $answer->{bytes});
        }
        @later = grep { $_->{at} > time } @later;
    }

    die "the gateway does not answer\n";
}


# Reads more of a request; false when there is no more to read.
sub _read {
    my ($self, $socket, $client, $later) = @_;
    my $got = \$client->{got};

    return 0 if !sysread($socket, $$got, 65_536, length $$got)
                || length $$got > $REQUEST;

    my ($head, $body) = split /\r\n\r\n/, $$got, 2;
    return 1 if !defined $body;

    my ($length) = $head =~ /^Content-Length: *(\d+)/mi;
    return 1 if length $body < ($length // 0);

    my ($answer, $delay) = $self->_answer($client->{name}, $head, $body);

    push @$later, { socket => $socket, bytes => $answer, at => time + $delay };
    return 0;
}


sub _send {
    my ($socket, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';

    $socket->blocking(1);
    for (my $sent = 0; $sent < length $bytes; ) {
        $sent += syswrite($socket, $bytes, 65_536, $sent) // last;
    }
    close $socket;
    return;
}


# (bytes, seconds to wait before) for a request.
sub _answer {
    my ($self, $name, $head, $body) = @_;
    my ($line, @lines) = split /\r\n/, $head;
    my ($method, $target) = $line =~ /^(\S+) (\S+)/;
    my ($path, $query) = split /\?/, $target // '', 2;
    my $value = eval { $json->decode($body) };
    my %request = (
        method  => $method,
        path    => _decoded($path // ''),
        query   => { map { map { _decoded(s/\+/ /gr) } (split(/=/, $_, 2), '')[0, 1] }
                     split /&/, $query // '' },
        headers => { map { /^([^:]+): *(.*)/ ? (lc $1 => $2) : () } @lines },
        body    => defined $value || $body eq 'null' ? $value : $body,
    );
    my @why;

    for my $row (@{ $self->{rules}{$name} }) {
        my $rule = $row->{rule};
        next if defined $rule->{times} && $row->{n} >= $rule->{times};

        my $why = mismatch(_lower($rule->{request} // {}), \%request);
        if (defined $why) {
            push @why, $why;
            next;
        }

        $row->{n}++;
        return _made($rule->{answer} // {});
    }

    push @{ $self->{asked} }, "backend \"$name\" was asked for what no rule has: "
        . "$method $target" . (@why == 1 ? " ($why[0])" : '');
    return _made({ status => 501, body => 'no rule for this request' });
}


sub _decoded {
    my ($text) = @_;
    $text =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
    utf8::decode($text);
    return $text;
}


# Names of headers have no case.
sub _lower {
    my ($request) = @_;
    my $headers = $request->{headers} // return $request;
    return { %$request, headers => { map { lc $_ => $headers->{$_} } keys %$headers } };
}


sub _made {
    my ($answer) = @_;

    return ('', 0) if $answer eq 'close';
    return ("SSH-2.0-x\r\n" x 20, 0) if $answer eq 'garbage';
    return ("HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nhalf", 0) if $answer eq 'half';

    my $status = $answer->{status} // 200;
    my $body = !exists $answer->{body} ? '' : ref $answer->{body} || !defined $answer->{body}
        ? $json->encode($answer->{body}) : do { my $t = $answer->{body}; utf8::encode($t); $t };
    my %headers = ('content-type' => ref $answer->{body} ? 'application/json' : 'text/plain',
                   map { lc $_ => $answer->{headers}{$_} } keys %{ $answer->{headers} // {} });
    my $head = join "\r\n", "HTTP/1.1 $status X",
        ($status == 204 ? () : 'content-length: ' . length $body),
        'connection: close', map { "$_: $headers{$_}" } sort keys %headers;

    utf8::encode($head) if utf8::is_utf8($head);
    return ("$head\r\n\r\n" . ($status == 204 ? '' : $body),
            ($answer->{delay_ms} // 0) / 1000);
}


sub complaints {
    my ($self) = @_;

    return @{ $self->{asked} }, map {
        my $name = $_;
        map {
            my ($rule, $n) = @$_{qw(rule n)};
            defined $rule->{times} && $n != $rule->{times}
            ? "backend \"$name\" was asked $n times, not $rule->{times}, for "
              . JSON::PP->new->canonical->encode($rule->{request} // {}) : ()
        } @{ $self->{rules}{$name} }
    } sort keys %{ $self->{rules} };
}


1;
