package IHanoi::Test::Mint;

# Honest and hostile tokens in no time: tests/tools/mint.c behind a pipe.
#
#   my $mint = IHanoi::Test::Mint->new;
#   $mint->key(a => 'P-256');                   # or RSA-2048, ED25519 ...
#   $mint->secret(s => $bytes);
#   my $jwk = $mint->jwk(a => '"kid":"1"');     # JSON text
#   my $token = $mint->sign(a => 'ES256', '{"alg":"none"}', '{"sub":"x"}');
#
# Nothing that is asked of it is checked. sign() takes header and payload as
# bytes, or as hashes.

use strict;
use warnings;
use IHanoi::Test ();
use IPC::Open2 qw(open2);
use JSON::PP ();

my $json = JSON::PP->new->utf8->canonical;


sub new {
    my ($class) = @_;
    my $self = bless { owner => $$ }, $class;

    $self->{pid} = open2(my $out, my $in,
                         IHanoi::Test::build_dir() . '/mint');
    $in->autoflush(1);
    @$self{qw(in out)} = ($in, $out);
    return $self;
}


sub key    { my ($self, $n, $type) = @_; $self->_ask("key $n $type"); $self }
sub secret { my ($self, $n, $b) = @_; $self->_ask("secret $n " . _hex($b));
             $self }
sub jwk    { my ($self, $n, $more) = @_; $self->_ask("jwk $n " . _hex($more)) }
sub pem    { my ($self, $n) = @_; pack 'H*', $self->_ask("pem $n") }
sub der    { my ($self, $n) = @_; pack 'H*', $self->_ask("der $n") }
sub cert   { my ($self, $n) = @_; pack 'H*', $self->_ask("cert $n") }


sub sign {
    my ($self, $name, $alg, $header, $payload) = @_;

    ref and $_ = $json->encode($_) for $header, $payload;
    return $self->_ask("sign $name $alg " . _hex($header) . ' '
                       . _hex($payload));
}


sub _hex { my ($bytes) = @_; length $bytes ? unpack('H*', $bytes) : '-' }


sub _ask {
    my ($self, $line) = @_;
    my ($in, $out) = @$self{qw(in out)};

    print $in "$line\n";
    my $answer = <$out> // die "mint: no answer to " . substr($line, 0, 80);
    chomp $answer;
    return $answer;
}


sub DESTROY {
    my ($self) = @_;

    if ($self->{owner} == $$) {
        local $?;
        close $self->{in};
        waitpid $self->{pid}, 0;
    }
}


1;
