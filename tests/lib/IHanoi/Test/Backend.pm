package IHanoi::Test::Backend;

# An HTTP server that behaves and misbehaves by path, on loopback.
#
#   my $backend = IHanoi::Test::Backend->new;
#   $backend->port; $backend->url;
#   $backend->seen;                      # texts of the requests so far
#   $backend->seen_of('/path');          # of those with this target
#
# Paths: /echo answers JSON with method, target, headers (a list) and body as
# they came; /status/N; /early/N, and 200 "ok" behind it; /redirect;
# /slow/SECONDS; /big/BYTES, with Content-Length; /chunked/BYTES;
# /until-close/BYTES; /half closes in the middle of a body, /half-chunked too;
# /reset resets before an answer, /reset-half in it; /close closes without one;
# /garbage is not HTTP; /stall sends half and waits; /accel asks nginx for
# another location; anything else is 200 "ok".

use strict;
use warnings;
use parent 'IHanoi::Test::Server';
use JSON::PP ();
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(sleep);


sub new {
    my ($class, %arg) = @_;
    my $self = $class->SUPER::new(%arg);

    $self->listen_on;
    return $self;
}


sub port { $_[0]{port} }
sub url  { "http://127.0.0.1:$_[0]{port}" }


sub seen {
    my ($self) = @_;

    return map {
        open my $fh, '<:raw', $_ or die "$_: $!\n";
        local $/;
        scalar <$fh>;
    } sort { -M $b <=> -M $a } glob "$self->{dir}/request-*";
}


sub seen_of {
    my ($self, $target) = @_;
    return grep { /\A\S+ \Q$target\E HTTP/ } $self->seen;
}


sub connection {
    my ($self, $client) = @_;
    my ($head, $body) = $self->request($client) or return;

    # By process: children of one parent draw the same random names.
    open my $fh, '>:raw', "$self->{dir}/new-$$" or return;
    print $fh "$head\r\n\r\n$body";
    close $fh;
    rename "$self->{dir}/new-$$", "$self->{dir}/request-$$";

    my ($method, $target) = $head =~ /\A(\S+) (\S+)/;
    my $path = $target =~ s/\?.*//r;
    my $answer = $self->_answer($client, $method, $target, $path, $head, $body);

    $client->syswrite($answer) if defined $answer;
    return;
}


sub _whole {
    my ($status, $body, @headers) = @_;
    return join "\r\n", "HTTP/1.1 $status X", @headers,
        'Content-Length: ' . length $body, 'Connection: close', '', $body;
}


sub _reset {
    my ($client) = @_;

    setsockopt $client, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    close $client;
    return;
}


sub _answer {
    my ($self, $client, $method, $target, $path, $head, $body) = @_;
    my ($what, $n) = $path =~ m{([a-z-]+)(?:/([\d.]+))?\z};

    $what //= '';

    if ($what eq 'echo') {
        my (undef, @lines) = split /\r\n/, $head;
        my $text = JSON::PP->new->ascii->canonical->encode({
            method => $method, target => $target, headers => \@lines,
            body => $body });
        return _whole(200, $text, 'Content-Type: application/json',
                      'X-One: 1', 'X-Two: a', 'X-Two: b');
    }

    return _whole($n, "status $n", 'Content-Type: text/plain')
        if $what eq 'status' && $n != 204;
    return "HTTP/1.1 204 X\r\nConnection: close\r\n\r\n" if $what eq 'status';
    return "HTTP/1.1 $n X\r\nLink: </a>\r\n\r\n" . _whole(200, 'ok')
        if $what eq 'early';
    return _whole(302, 'there', 'Location: http://other.example/x')
        if $what eq 'redirect';
    return _whole(200, 'never', 'X-Accel-Redirect: /_secret/x')
        if $what eq 'accel';
    return "SSH-2.0-x\r\n" x 20 if $what eq 'garbage';
    return if $what eq 'close';
    return _reset($client) if $what eq 'reset';

    if ($what eq 'slow') {
        sleep $n;
        return _whole(200, 'late');
    }

    return _whole(200, $method eq 'HEAD' ? '' : 'x' x $n) if $what eq 'big';
    return "HTTP/1.1 200 X\r\nConnection: close\r\n\r\n" . 'y' x $n
        if $what eq 'until-close';

    if ($what eq 'chunked') {
        $client->syswrite("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n"
                          . "Connection: close\r\n\r\n");
        for (my $left = $n; $left > 0; $left -= 10_000) {
            my $size = $left < 10_000 ? $left : 10_000;
            $client->syswrite(sprintf("%x\r\n%s\r\n", $size, 'z' x $size))
                or return;
        }
        return "0\r\n\r\n";
    }

    if ($what =~ /\A(?:half|reset-half|stall)\z/) {
        $client->syswrite("HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n"
                          . 'h' x 50);
        sleep 0.1;
        sleep 30 if $what eq 'stall';
        _reset($client) if $what eq 'reset-half';
        return;
    }

    return "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
         . "5\r\nhello\r\n" if $what eq 'half-chunked';

    return _whole(200, 'ok', 'Content-Type: text/plain');
}


1;
