package IHanoi::HttpGet;

# One request to a gateway on this machine, also through a unix socket, which
# HTTP::Tiny cannot. HTTP/1.0: the answer ends with its connection.
#
#   my $r = http_request('127.0.0.1:8081', 'GET', '/metrics');
#   my $r = http_request('unix:/run/x.sock', 'POST', '/v1/x', Host => 'a.example');
#
# { status, headers, content }, or undef with $! or no complete answer in 10
# seconds.

use strict;
use warnings;
use Exporter 'import';
use IO::Select;
use IO::Socket::IP;
use IO::Socket::UNIX;
use Time::HiRes qw(time);

our @EXPORT = qw(http_request);

use constant TIMEOUT => 10;
use constant SIZE    => 33_554_432;


sub http_request {
    my ($address, $method, $path, %headers) = @_;
    my $socket = $address =~ /^unix:(.+)/s
        ? IO::Socket::UNIX->new(Peer => $1)
        : IO::Socket::IP->new(PeerAddr => $address, Timeout => TIMEOUT);
    $socket or return;

    $headers{Host} //= 'localhost';
    local $SIG{PIPE} = 'IGNORE';
    $socket->syswrite(join "\r\n", "$method $path HTTP/1.0",
                      (map { "$_: $headers{$_}" } sort keys %headers), '', '')
        or return;

    my $end = time + TIMEOUT;
    my $select = IO::Select->new($socket);
    my $text = '';

    while (1) {
        my $left = $end - time;
        return if $left <= 0 || length $text > SIZE || !$select->can_read($left);

        my $n = sysread $socket, $text, 65_536, length $text;
        return if !defined $n;
        last if $n == 0;
    }

    my ($head, $content) = split /\r\n\r\n/, $text, 2;
    ($head // '') =~ m{^HTTP/1\.[01] (\d{3})} or return;

    return { status => $1, content => $content // '',
             headers => { map { /^([^:\s]+):\s*(.*)$/ ? (lc $1 => $2) : () }
                          split /\r\n/, $head } };
}


1;
