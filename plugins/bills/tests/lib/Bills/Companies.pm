package Bills::Companies;

# The electricity company and the carriers, as far as the plugin knows them: HTTP on
# loopback, signed both ways, and misbehaving when told to. What is below is beside
# what Payments::Partners has (misbehave, seen, callbacks, url).
#
#   my $companies = Bills::Companies->new;           # port => N for a certain one
#   $companies->url;                                 # backends: /evn and /carriers
#   $companies->customer('PD0100000001', name =>, address =>, meter =>);
#   $companies->bill('PD0100000001', 'B1', kwh => 100, amount => 200_000, ...);
#   $companies->sent;                                # by reference: { n, state, ... }
#   $companies->notice('evn', $reference, %how);     # a callback's answer
#   $companies->decide($reference, state => 'done'); # of one that is pending
#   $companies->disputes;                            # by reference: { n, text, ... }
#   $companies->answer($reference, 'text', at => '2026-11-26T10:00:00+07:00');
#
# Nobody here looks whether a reference comes twice: what is sent twice is done twice,
# and n says so. How a notice differs: forged => 1, and any of its members by name.
#
# Requests are evn.lookups, evn.proofs, evn.pay, evn.pay/read, evn.dispute,
# evn.dispute/read, carrier.topup, carrier.topup/read.
# What is misbehaved is used up in order, one for each request:
#
#   slow       does it, and says so after 0.6 seconds
#   late       does it, and says so after 3 seconds
#   held:NAME  does it, and says so when a test says let_go('NAME')
#   500        does nothing, and answers 500
#   done-500   does it, and answers 500
#   lost       does nothing, and closes the connection
#   drop       does it, and closes the connection
#   half       does it, and sends half of the answer
#   forged     does it, and signs the answer with another key
#   replayed   does it, and signs as if another request had been asked
#   nonsense   does it, and answers what makes no sense, signed
#   stuck      closes the connection, and does it 2 seconds later
#   refuse     does not, and will not
#   pending    says that it is being worked on
#   chatty     (evn.lookups) tells who has the contract though nobody asked

use strict;
use warnings;
use parent 'Payments::Partners';
use Digest::SHA qw(hmac_sha256_hex);
use Encode ();
use HTTP::Tiny;
use JSON::PP ();
use Time::HiRes qw(sleep);

# Test keys, good for nothing else.
use constant EVN_KEY => 'test-evn-key';
use constant CARRIER_KEYS => { map { $_ => "test-$_-key" } qw(viettel vinaphone mobifone) };

my $json = JSON::PP->new->utf8->canonical;


sub customer {
    my ($self, $code, %facts) = @_;
    $self->change(sub { my $c = $_[0]{customers}{$code} //= { bills => {} }; %$c = (%$c, %facts) });
    return $code;
}

sub bill {
    my ($self, $code, $number, %facts) = @_;
    $self->customer($code);
    $self->change(sub {
        my $b = $_[0]{customers}{$code}{bills}{$number} //= {
            number => $number, period_from => '2026-10-01', period_to => '2026-10-31', kwh => 100,
            households => 1, amount => 217_836, due_on => '2026-11-20', state => 'unpaid' };
        %$b = (%$b, %facts);
    });
    return $number;
}

sub sent { $_[0]->change(sub { $_[0]{sent} // {} }) }

# How a bill stands there.
sub state_of {
    my ($self, $code, $number) = @_;
    return $self->change(sub { $_[0]{customers}{$code}{bills}{$number}{state} });
}

sub decide {
    my ($self, $reference, %facts) = @_;
    $self->change(sub { my $s = $_[0]{sent}{$reference}; %$s = (%$s, %facts) });
    return;
}


sub disputes { $_[0]->change(sub { $_[0]{disputes} // {} }) }

# Answers a dispute, for whoever asks.
sub answer {
    my ($self, $reference, $text, %how) = @_;
    $self->change(sub {
        my $d = $_[0]{disputes}{$reference};
        %$d = (%$d, state => 'answered', answer => $text, at => '2026-11-26T10:00:00+07:00', %how);
    });
    return;
}


# Tells of a reference; the answer as HTTP::Tiny has it.
sub notice {
    my ($self, @what) = @_;
    my ($url, $body) = $self->to_tell(@what);
    return HTTP::Tiny->new(timeout => 20)->post($url, {
        headers => { 'Content-Type' => 'application/json' }, content => $body });
}

# Where it would be told, and the body.
sub to_tell {
    my ($self, $company, $reference, %how) = @_;
    my ($s, $d, $base) = $self->change(sub { ($_[0]{sent}{$reference}, $_[0]{disputes}{$reference},
                                              $_[0]{callbacks}) });
    my $forged = delete $how{forged};
    my $payload = JSON::PP->new->canonical->encode({ %{ $d ? { kind => 'dispute', %{ _disputed($reference, $d) } }
                                        : _said($reference, $s) }, %how });
    my $key = $company eq 'evn' ? EVN_KEY : CARRIER_KEYS->{$company};
    my $path = $company eq 'evn' ? 'evn' : "carriers/$company";

    my $signature = hmac_sha256_hex(Encode::encode('UTF-8', $payload), $forged ? 'x' : $key);

    return ("$base/v1/bills/$path/notices", $json->encode({ payload => $payload, signature => $signature }));
}


# What is said of something that was sent here, or was not.
sub _said {
    my ($reference, $s) = @_;
    return { reference => $reference, state => $s ? $s->{state} : 'unknown',
             $s && $s->{state} eq 'done' ? (receipt => $s->{receipt}) : (),
             $s && $s->{code} ? (code => $s->{code}) : () };
}


sub _disputed {
    my ($reference, $d) = @_;
    return { reference => $reference, state => $d ? $d->{state} : 'unknown',
             $d && $d->{answer} ? (answer => $d->{answer}, at => $d->{at}) : () };
}


sub connection {
    my ($self, $client) = @_;
    my ($head, $body) = $self->request($client) or return;

    my ($method, $target) = $head =~ /\A(\S+) (\S+)/;
    my ($company, $path) = $target =~ m{\A/(evn|carriers/\w+)(/.*)\z} or return;
    my %head = map { /\A([\w-]+): *(.*?)\r?\z/ ? (lc $1 => $2) : () } split /\n/, $head;
    my $key = $company eq 'evn' ? EVN_KEY : CARRIER_KEYS->{ $company =~ s{.*/}{}r };
    my $what = $company eq 'evn' ? 'evn' : 'carrier';
    my $noun = (split m{/}, $path)[1];
    my %names = (payments => 'pay', topups => 'topup', disputes => 'dispute');
    my $name = "$what." . ($names{$noun} // $noun) . ($method eq 'GET' ? '/read' : '');

    if (!$key || abs(time - ($head{'x-time'} // 0)) > 60 || ($head{'x-signature'} // '')
        ne hmac_sha256_hex(join("\n", $method, $path, @head{ qw(x-time x-nonce) }, $body), $key))
    {
        $client->syswrite(Payments::Partners::_answer(403, 'not by the city'));
        return;
    }

    my $input = length $body ? $json->decode($body) : {};
    my $reference = $method eq 'GET' ? (split m{/}, $path)[2] : $input->{reference};
    my $mode = $self->change(sub {
        my ($state) = @_;
        push @{ $state->{seen} }, "$name " . ($reference // join ',', @{ $input->{codes} // [] });
        return shift @{ $state->{modes}{$name} // [] } // '';
    });

    return if $mode eq 'lost';
    return $client->syswrite(Payments::Partners::_answer(500, 'busy')) if $mode eq '500';

    if ($mode eq 'stuck') {
        close $client;
        sleep 2;
    }

    my $said = $self->change(sub { $self->_do($_[0], $name, $company, $input, $reference, $mode) });
    return if $mode eq 'drop' || $mode eq 'stuck';
    sleep $mode eq 'slow' ? 0.6 : 3 if $mode =~ /\A(?:slow|late)\z/;
    $self->wait_for($1) if $mode =~ /held:(\w+)/;
    return $client->syswrite(Payments::Partners::_answer(500, 'busy')) if $mode eq 'done-500';

    my $text = $json->encode($mode eq 'nonsense' ? { reference => 'another', state => 7,
                                                     customers => [{}] } : $said);
    my $nonce = $mode eq 'replayed' ? 'f' x 32 : $head{'x-nonce'};
    my $signature = hmac_sha256_hex("200\n$nonce\n$text", $mode eq 'forged' ? 'x' : $key);
    my $answer = join "\r\n", 'HTTP/1.1 200 X', 'Content-Type: application/json',
        "X-Signature: $signature", 'Content-Length: ' . length $text, 'Connection: close', '', $text;

    $answer = substr $answer, 0, length($answer) - int(length($text) / 2) if $mode eq 'half';
    $client->syswrite($answer);
    return;
}


# Does what is asked; what is said of it.
sub _do {
    my ($self, $state, $name, $company, $in, $reference, $mode) = @_;

    if ($name eq 'evn.lookups') {
        return { customers => [map {
            my $c = $state->{customers}{$_};
            $c ? { code => $_, known => JSON::PP::true,
                   bills => [map { $c->{bills}{$_} } sort keys %{ $c->{bills} }],
                   $in->{holder} || $mode eq 'chatty'
                   ? (holder => { name => $c->{name} // 'Chủ hộ', address => $c->{address} // 'Hà Nội' }) : () }
               : { code => $_, known => JSON::PP::false }
        } @{ $in->{codes} }] };
    }

    if ($name eq 'evn.proofs') {
        my $c = $state->{customers}{ $in->{code} };
        return { code => $in->{code},
                 proved => $c && ($c->{meter} // '') eq $in->{meter} ? JSON::PP::true : JSON::PP::false };
    }

    if ($name =~ /\Aevn\.dispute/) {
        my $d = $state->{disputes}{$reference};
        if ($name eq 'evn.dispute') {
            $d = $state->{disputes}{$reference} //= { n => 0, state => 'received', map { $_ => $in->{$_} }
                                                      qw(bill customer reason text) };
            $d->{n}++;
            $d->{members} = join ' ', sort keys %$in;
        }
        return _disputed($reference, $d);
    }

    if ($name =~ /\A(?:evn\.pay|carrier\.topup)\z/) {
        my $s = $state->{sent}{$reference} //= { n => 0 };
        my $bill = $name eq 'evn.pay' && $state->{customers}{ $in->{customer} }{bills}{ $in->{bill} };
        my $code = $mode eq 'refuse' ? 'closed'
                 : $name ne 'evn.pay' || $s->{n} ? undef
                 : !$bill ? 'no_such_bill'
                 : $bill->{state} eq 'paid' ? 'already_paid'
                 : $bill->{amount} != $in->{amount} ? 'amount' : undef;

        %$s = (%$s, company => $company, map { $_ => $in->{$_} } grep { exists $in->{$_} }
               qw(bill customer phone amount));

        if ($code) {
            %$s = (%$s, state => 'refused', code => $code);
        } elsif ($mode eq 'pending') {
            %$s = (%$s, state => 'pending', receipt => 'R' . $state->{next}++);
        } else {
            %$s = (%$s, state => 'done', receipt => 'R' . $state->{next}++, n => $s->{n} + 1);
            $bill->{state} = 'paid' if $bill;
        }
    }

    return _said($reference, $state->{sent}{$reference});
}


1;
