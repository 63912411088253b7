package Parking::Operator;

# The system of a parking operator: HTTP on loopback, signed both ways, and
# misbehaving when told to.
#
#   my $operator = Parking::Operator->new;           # port => N for a certain one
#   $operator->gateway($url);                        # where it tells
#   $operator->url;                                  # where it is told
#   $operator->tell(\%event, ...);                   # the answer, with {json};
#   $operator->tell({ ... }, forged => 1);           # after events, how it is sent:
#                                                    # forged, key, body, operator
#   $operator->misbehave('late', '500');             # for the next notices
#   $operator->rights;                               # what it has understood, by code
#   $operator->seen                                  # ids of notices, as they came
#
# What is misbehaved is used up in order, one for each notice:
#
#   slow       does it, and says so after 0.6 seconds
#   late       does it, and says so after 3 seconds
#   held:NAME  does it, and says so when a test says let_go('NAME')
#   500        does nothing, and answers 500
#   done-500   does it, and answers 500
#   lost       does nothing, and closes the connection
#   drop       does it, and closes the connection
#   half       does it, and sends half of the answer
#
# Everything known is in one file, read and written under a lock: each notice has a
# process of its own.

use strict;
use warnings;
use parent 'IHanoi::Test::Server';
use Digest::SHA qw(hmac_sha256_hex);
use HTTP::Tiny;
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep);

# A test key, good for nothing else.
use constant KEY => 'test-parking-demo';

my $json = JSON::PP->new->utf8->canonical;


sub new {
    my ($class, %arg) = @_;
    my $self = $class->SUPER::new(events => 0);

    $self->change(sub { %{ $_[0] } = (rights => {}, seen => [], modes => [], known => {},
                                      gateway => $arg{gateway}) });

    $self->listen_on($arg{port});
    return $self;
}


sub gateway {
    my ($self, $url) = @_;
    $self->change(sub { $_[0]{gateway} = $url });
    return;
}

sub misbehave {
    my ($self, @modes) = @_;
    $self->change(sub { $_[0]{modes} = [@modes] });
    return;
}

sub rights { $_[0]->change(sub { $_[0]{rights} }) }
sub seen   { @{ $_[0]->change(sub { $_[0]{seen} }) } }


# Tells the city of events, each with an id of its own unless it has one.
sub tell {
    my ($self, @events) = @_;
    my %how;

    while (@events > 1 && !ref $events[-2]) {
        my ($name, $value) = splice @events, -2;
        $how{$name} = $value;
    }

    my $base = $self->change(sub { $_[0]{gateway} });
    my $operator = $how{operator} // 'demo';
    my $body = $how{body} // $json->encode({ events => [
        map { { id => "e$$-" . ++$self->{events}, %$_ } } @events] });
    my $r = HTTP::Tiny->new(timeout => 25)->post("$base/v1/parking/operators/$operator/events", {
        content => $body,
        headers => { 'Content-Type' => 'application/json',
                     'Parking-Signature' => hmac_sha256_hex($how{signed} // $body,
                         $how{forged} ? 'x' : $how{key} // KEY) } });

    $r->{json} = eval { $json->decode($r->{content}) };
    return $r;
}


sub connection {
    my ($self, $client) = @_;
    my ($head, $body) = $self->request($client) or return;

    # For people: what happens at the barrier.
    if ($head =~ m{\AGET /barrier\?(\S+)}) {
        my %q = map { split /=/, $_, 2 } split /&/, $1;
        $q{amount} += 0 if $q{amount};
        my $r = $self->tell({ at => POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime), %q });
        return $client->syswrite(_answer(200, "$r->{content}\n"));
    }

    my ($signature) = $head =~ /^Parking-Signature: *(\w+)/mi;
    my $signed = $head =~ m{\APOST /notices } && hmac_sha256_hex($body, KEY) eq ($signature // '');

    my $mode = $self->change(sub {
        my ($state) = @_;
        my $mode = shift @{ $state->{modes} } // '';
        my $notice = $signed && $json->decode($body);

        push @{ $state->{seen} }, $signed ? "$notice->{type} $notice->{id}" : 'forged';
        return $mode if !$signed || $mode =~ /\A(?:500|lost)\z/;

        # Once for each id, whatever comes again.
        if (!$state->{known}{ $notice->{id} }++) {
            my $right = $notice->{assigned_right};
            my $old = $state->{rights}{ $right->{code} };
            die "out of order\n" if $old && $old->{sequence} >= $notice->{sequence};
            $state->{rights}{ $right->{code} } = {
                %$right, sequence => $notice->{sequence}, told => 1 + ($old->{told} // 0) };
        }
        return $mode;
    });

    return $client->syswrite(_answer(403, '{}')) if !$signed;
    return if $mode =~ /\A(?:lost|drop)\z/;
    return $client->syswrite(_answer(500, 'busy')) if $mode =~ /500\z/;

    sleep $mode eq 'slow' ? 0.6 : 3 if $mode =~ /\A(?:slow|late)\z/;
    $self->wait_for($1) if $mode =~ /held:(\w+)/;
    my $answer = _answer(200, '{"noted": true}');
    $answer = substr $answer, 0, -7 if $mode eq 'half';
    $client->syswrite($answer);
    return;
}


sub _answer {
    my ($status, $body) = @_;
    return join "\r\n", "HTTP/1.1 $status X", 'Content-Type: application/json',
        'Content-Length: ' . length $body, 'Connection: close', '', $body;
}


1;
