package Parking::Crowd;

# Many people who ask at the same moment: each has a connection of its own, all are
# open before the first request is sent, and all requests are sent before the first
# answer is read.
#
#   my @answers = at_once($port, { path => '/v1/...', token => ..., json => {...} }, ...);
#
# Each is { status, json }; status 0 when there was no answer.

use strict;
use warnings;
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Time::HiRes qw(time);

our @EXPORT = qw(at_once);

my $json = JSON::PP->new->utf8->canonical;
my $keys = 0;


sub at_once {
    my ($port, @requests) = @_;
    my (@sockets, %number, @answers);

    for my $i (0 .. $#requests) {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
            or die "port $port: $!\n";
        push @sockets, $socket;
        $number{$socket} = $i;
        $answers[$i] = { status => 0, text => '' };
    }

    for my $i (0 .. $#requests) {
        my $r = $requests[$i];
        my $body = $json->encode($r->{json});
        my $key = $r->{key} // "crowd-$$-" . ++$keys;

        syswrite $sockets[$i], join "\r\n", "POST $r->{path} HTTP/1.1", 'Host: localhost',
            "Authorization: Bearer $r->{token}", "Idempotency-Key: $key",
            'Content-Type: application/json', 'Content-Length: ' . length $body,
            'Connection: close', '', $body;
    }

    my $select = IO::Select->new(@sockets);
    my $end = time + 60;

    while ($select->count && time < $end) {
        for my $socket ($select->can_read(1)) {
            my $answer = $answers[ $number{$socket} ];
            next if sysread $socket, $answer->{text}, 65536, length $answer->{text};
            $select->remove($socket);
        }
    }

    for my $answer (@answers) {
        my $text = delete $answer->{text};
        ($answer->{status}) = $text =~ m{\AHTTP/1\.1 (\d+)} or next;
        my ($head, $body) = split /\r\n\r\n/, $text, 2;
        $body = join '', _chunks($body) if $head =~ /^Transfer-Encoding: chunked/mi;
        $answer->{json} = eval { $json->decode($body) };
    }

    return @answers;
}


sub _chunks {
    my ($text) = @_;
    my @parts;

    while ($text =~ /\G([0-9a-f]+)\r\n/gci && (my $length = hex $1)) {
        push @parts, substr $text, pos $text, $length;
        pos($text) += $length + 2;
    }

    return @parts;
}


1;
