package Bus::Transit;

# The transit agency, as far as the plugin knows it: one GTFS-realtime message, by HTTP
# on loopback, and misbehaving when told to.
#
#   my $transit = Bus::Transit->new;
#   $transit->says($bytes);                 # from now on
#   $transit->misbehave('slow', '500');     # for the next requests, one each
#   $transit->url;
#
#   slow    says nothing as long as anybody waits
#   500     answers 500
#   drop    closes the connection
#   half    sends half of the message
#   page    answers with a page for people instead

use strict;
use warnings;
use parent 'IHanoi::Test::Server';


sub new {
    my ($class) = @_;
    my $self = $class->SUPER::new;

    $self->change(sub { $_[0]{modes} = [] });
    $self->says('');
    $self->listen_on;
    return $self;
}


sub says {
    my ($self, $bytes) = @_;

    open my $fh, '>:raw', "$self->{dir}/new" or die "message: $!\n";
    print $fh $bytes;
    close $fh;
    rename "$self->{dir}/new", "$self->{dir}/message" or die "message: $!\n";
    return;
}


sub misbehave {
    my ($self, @modes) = @_;
    $self->change(sub { $_[0]{modes} = [@modes] });
    return;
}


sub connection {
    my ($self, $client) = @_;
    my ($head) = $self->request($client) or return;

    my $mode = $self->change(sub { shift @{ $_[0]{modes} } }) // '';
    return if $mode eq 'drop';
    return $client->sysread(my $more, 1) if $mode eq 'slow';
    return $client->syswrite(_answer('500 X', 'text/plain', 'busy')) if $mode eq '500';
    return $client->syswrite(_answer('200 OK', 'text/html', '<html>Bảo trì</html>')) if $mode eq 'page';

    open my $fh, '<:raw', "$self->{dir}/message" or die "message: $!\n";
    my $message = do { local $/; <$fh> };
    my $answer = _answer('200 OK', 'application/x-protobuf', $message);

    $answer = substr $answer, 0, -length($message) / 2 if $mode eq 'half';
    $client->syswrite($answer);
    return;
}


sub _answer {
    my ($status, $type, $body) = @_;
    return join "\r\n", "HTTP/1.1 $status", "Content-Type: $type",
        'Content-Length: ' . length $body, 'Connection: close', '', $body;
}


1;
