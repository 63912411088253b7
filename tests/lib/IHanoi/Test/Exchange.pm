package IHanoi::Test::Exchange;

# A POST whose client may go away in the middle: by HTTP/1.1, which ends as its
# connection, by FIN or RST, or by HTTP/2, of which the stream is reset.
#
#   my $it = IHanoi::Test::Exchange->begin($gw, 'rst', '/v1/things', token => $token, json => {});
#   $it->cut if $it->answered;

use strict;
use warnings;
use IHanoi::Test::Frames;
use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);


# by: fin, rst or h2. half: only a part of it. The rest as for $gw->request().
sub begin {
    my ($class, $gw, $by, $path, %request) = @_;
    my $half = delete $request{half};
    my ($head, $body) = split /\r\n\r\n/, $gw->connection->format('POST', $path, %request), 2;
    my $port = $by eq 'h2' ? $gw->{h2_port} : $gw->port;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 5) or die "connect: $!\n";

    if ($by eq 'h2') {
        my $fields = h2_fields(':method', 'POST', ':path', $path, ':scheme', 'http', ':authority', 'a',
            map { /^(Authorization|Idempotency-Key|Content-Type): (.*)/ ? (lc $1, $2) : () } split /\r\n/, $head);
        syswrite $socket, join '', h2_preface(),
            length $body || $half ? (h2_frame(1, 4, 1, $fields), h2_frame(0, $half ? 0 : 1, 1, $half ? substr $body, 0, 5 : $body))
                                  : h2_frame(1, 5, 1, $fields);
    } else {
        my $all = "$head\r\n\r\n$body";
        syswrite $socket, $half ? substr $all, 0, length($all) - (length $body ? int(1 + length($body) / 2) : 3) : $all;
    }
    return bless { by => $by, socket => $socket, got => '' }, $class;
}


sub cut {
    my ($self) = @_;

    # The connection of a stream that is reset stays.
    return syswrite $self->{socket}, h2_frame(3, 0, 1, pack 'N', 8) if $self->{by} eq 'h2';
    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $self->{by} eq 'rst';
    close $self->{socket};
    return;
}


# Whether its answer has begun to come.
sub answered {
    my ($self, $seconds) = @_;
    my $end = time + ($seconds // 10);

    while (IO::Select->new($self->{socket})->can_read($end > time ? $end - time : 0)) {
        return 1 if $self->{by} ne 'h2';
        sysread $self->{socket}, $self->{got}, 4096, length $self->{got} or return 0;

        # Of the frames of a connection it is the headers of the stream.
        while (length $self->{got} >= 9) {
            my ($size, $type) = unpack 'NC', "\0" . $self->{got};
            return 1 if $type == 1;
            last if length $self->{got} < 9 + $size;
            substr $self->{got}, 0, 9 + $size, '';
        }
    }
    return 0;
}


1;
