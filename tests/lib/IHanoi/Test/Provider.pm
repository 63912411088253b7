package IHanoi::Test::Provider;

# An identity provider for tests: keys of its own, tokens signed with them, and
# a key set that is served over HTTP the way a test wants it to be.
#
#   my $idp = IHanoi::Test::Provider->new(name => 'https://id.example');
#   $idp->add_key('k1');                        # ES256, published
#   $idp->serve(status => 500);                 # from now on; () is normal
#   my $token = $idp->token(sub => 'anna', -kid => 'k1');
#   $idp->fetches;                              # requests seen so far
#
# serve() takes path (default: what no other serve() named), status, body, headers (a
# list), delay (seconds before the answer), trickle (a byte a second), raw (bytes instead
# of an answer) and down (the connection is closed at once).

use strict;
use warnings;
use parent 'IHanoi::Test::Server';
use IHanoi::Test::Mint;
use JSON::PP ();
use Time::HiRes qw(sleep);

my $json = JSON::PP->new->utf8->canonical;


sub new {
    my ($class, %arg) = @_;
    my $self = $class->SUPER::new(name => 'https://provider.example', published => [],
                                  %arg);

    $self->serve;

    $self->listen_on;
    $self->{mint} = IHanoi::Test::Mint->new;
    return $self;
}


sub name { $_[0]{name} }
sub url  { "http://127.0.0.1:$_[0]{port}/jwks" }


# Makes a P-256 key and publishes it, unless told not to; the same kid again
# is another key.
sub add_key {
    my ($self, $kid, %arg) = @_;

    $self->{mint}->key($kid => 'P-256');
    $self->publish(@{ $self->{published} }, $kid) if $arg{publish} // 1;
    return $self;
}


# The kids that the set has from now on.
sub publish {
    my ($self, @kids) = @_;

    $self->{published} = [@kids];
    _write("$self->{dir}/jwks.json", '{"keys":[' . join(',', map {
        $self->{mint}->jwk($_ => qq("kid":"$_","alg":"ES256","use":"sig"))
    } @kids) . ']}');
    return $self;
}


sub jwks { return _read("$_[0]{dir}/jwks.json") }


sub serve {
    my ($self, %how) = @_;
    my $path = delete $how{path} // '/jwks';

    _write("$self->{dir}/how" . $path =~ tr{/}{-}r, $json->encode(\%how));
    return $self;
}


# The number of requests seen, and the text of the last.
sub fetches { my ($self) = @_; my @all = glob "$self->{dir}/fetch-*"; @all }

# Those of one path.
sub fetches_of {
    my ($self, $path) = @_;
    return scalar grep { _read($_) =~ m{^GET \Q$path\E } } $self->fetches;
}

sub last_fetch {
    my ($self) = @_;
    my @all = sort { -M $a <=> -M $b } glob "$self->{dir}/fetch-*";

    return @all ? _read($all[0]) : '';
}


# A token of ours: claims as in IHanoi::Test::token, more header members likewise
# in -header; -key is the kid of the key that signs, when another than -kid says.
sub token {
    my ($self, %want) = @_;
    my $now = time;
    my %claims = (iss => $self->{name}, aud => 'ihanoi', iat => $now,
                  exp => $now + 600,
                  map { $_ => $want{$_} } grep { !/^-/ } keys %want);
    my $kid = $want{-kid} // $self->{published}[0];

    my %header = (alg => 'ES256', kid => $kid, %{ $want{-header} // {} });

    for my $part (\%claims, \%header) {
        defined $part->{$_} or delete $part->{$_} for keys %$part;
    }

    return $self->{mint}->sign($want{-key} // $kid, 'ES256', \%header, \%claims);
}


sub connection {
    my ($self, $client) = @_;
    my $request = '';

    while ($request !~ /\r\n\r\n/) {
        $client->sysread($request, 4096, length $request) or last;
    }

    my ($fh, undef) = File::Temp::tempfile("fetch-XXXXXXXXXX",
                                           DIR => $self->{dir});
    print $fh $request;
    close $fh;

    my ($path) = $request =~ m{^\S+ (\S+)};
    my $file = "$self->{dir}/how" . $path =~ tr{/}{-}r;
    my $how = $json->decode(_read(-f $file ? $file : "$self->{dir}/how-jwks"));

    return if $how->{down};
    sleep $how->{delay} if $how->{delay};

    my $body = $how->{body} // $self->jwks;
    my $answer = $how->{raw} // join "\r\n",
        'HTTP/1.1 ' . ($how->{status} // 200) . ' X',
        'Content-Type: application/json',
        @{ $how->{headers} // ['Content-Length: ' . length $body] },
        'Connection: close', '', $body;

    if ($how->{trickle}) {
        for my $byte (split //, $answer) {
            $client->syswrite($byte) or return;
            sleep 1;
        }
        return;
    }

    my $at = 0;
    while ($at < length $answer) {
        $at += $client->syswrite($answer, 65536, $at) // return;
    }

    $client->shutdown(1);
    return;
}


sub _write {
    my ($file, $text) = @_;

    open my $fh, '>:raw', "$file.new" or die "$file: $!\n";
    print $fh $text;
    close $fh;
    rename "$file.new", $file or die "$file: $!\n";
    return;
}


sub _read {
    my ($file) = @_;

    open my $fh, '<:raw', $file or die "$file: $!\n";
    local $/;
    return scalar <$fh>;
}


1;
