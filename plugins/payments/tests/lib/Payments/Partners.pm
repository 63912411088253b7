package Payments::Partners;

# VNPAY, MoMo and a bank with VietQR, as far as the plugin knows them: HTTP on
# loopback, signed as the real ones, and misbehaving when told to.
#
#   my $partners = Payments::Partners->new;          # port => N for a certain one
#   $partners->callbacks($gateway_url);              # where they call back to
#   $partners->url;                                  # the plugin's backends are
#                                                    # below: /vnpay /momo /vietqr
#   $partners->pay($checkout, %how);                 # as a payer does; the number
#   $partners->callback($number, %how);              # the answer to a callback
#   $partners->misbehave('momo.create' => 'late', '500');
#   $partners->orders, ->refunds, ->seen, ->asked    # what they know
#
# How a payer pays: outcome => 'failed' or 'pending'; callback => 0 for none;
# amount => another one. How a callback differs: forged => 1, and any of its
# parameters by name.
#
# Requests are vnpay.querydr, vnpay.refund, momo.create, momo.query,
# momo.refund, momo.refund/query, and GATEWAY.statement. What is misbehaved is
# used up in order, one for each request:
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
#   rejected   (vnpay.refund) does nothing, and says that the bank has refused it
#   first      (momo.create) the payer pays and is called back about before the
#              answer is sent; "first held:NAME" is both
#
# Everything known is in one file, read and written under a lock: each request
# has a process of its own.

use strict;
use warnings;
use utf8;
use parent 'IHanoi::Test::Server';
use Digest::SHA qw(hmac_sha256_hex hmac_sha512_hex);
use HTTP::Tiny;
use JSON::PP ();
use POSIX qw(strftime);
use Time::HiRes qw(sleep);

# Test keys, good for nothing else.
use constant {
    VNPAY_SECRET => 'test-vnpay-secret', VNPAY_TERMINAL => 'TESTCITY',
    MOMO_SECRET  => 'test-momo-secret', MOMO_PARTNER => 'MOMOTEST',
    MOMO_ACCESS  => 'test-momo-access', BANK => '970400', ACCOUNT => '0011001234567',
};

my $json = JSON::PP->new->utf8->canonical;


sub new {
    my ($class, %arg) = @_;
    my $self = $class->SUPER::new;

    # No number of a transaction is given twice, not by the program that is started again.
    $self->change(sub { %{ $_[0] } = (orders => {}, refunds => {}, modes => {}, seen => [],
                                      next => 1000 * time, callbacks => $arg{callbacks}) });

    $self->listen_on($arg{port});
    return $self;
}


sub callbacks {
    my ($self, $url) = @_;
    $self->change(sub { $_[0]{callbacks} = $url });
    return;
}

sub misbehave {
    my ($self, $request, @modes) = @_;
    $self->change(sub { $_[0]{modes}{$request} = [@modes] });
    return;
}

sub orders  { $_[0]->change(sub { $_[0]{orders} }) }
sub refunds { $_[0]->change(sub { $_[0]{refunds} }) }
sub seen    { @{ $_[0]->change(sub { $_[0]{seen} }) } }

# How often they were asked for something: "momo.create".
sub asked {
    my ($self, $what) = @_;
    return scalar grep { /^\Q$what\E / } $self->seen;
}


# Another order or refund than the city knows of: for statements that differ.
sub know {
    my ($self, $what, $number, %facts) = @_;

    $self->change(sub {
        my ($state) = @_;
        $state->{$what}{$number} = { transaction => $state->{next}++, at => time, state => 'paid',
                                     %{ $state->{$what}{$number} // {} }, %facts };
    });
    return;
}


sub forget {
    my ($self, $what, $number) = @_;
    return $self->change(sub { delete $_[0]{$what}{$number} });
}


# What a payer does with a checkout; returns the number of what was paid.
sub pay {
    my ($self, $checkout, %how) = @_;
    my $number;

    if ($checkout->{qr}) {
        my %code = _code($checkout->{qr});
        $number = $code{62}{'08'};
        die "not this account\n" if $code{38}{'01'}{'01'} ne ACCOUNT || $code{38}{'01'}{'00'} ne BANK;
        $self->know(orders => $number, gateway => 'vietqr', amount => $code{54});
    } elsif ($checkout->{url} =~ m{/momo/pay/(\w+)\z}) {
        $number = $1;
    } else {
        my ($query) = $checkout->{url} =~ /\?(.*)/;
        my ($signed, $hash) = $query =~ /\A(.*)&vnp_SecureHash=(\w+)\z/ or die "not signed\n";
        die "not by the city\n" if hmac_sha512_hex($signed, VNPAY_SECRET) ne $hash;

        my %query = map { map { s/\+/ /gr =~ s/%(..)/chr hex $1/egr } split /=/ } split /&/, $signed;
        die "not sorted\n" if $signed ne _form(%query);
        $number = $query{vnp_TxnRef};
        $self->know(orders => $number, gateway => 'vnpay', amount => $query{vnp_Amount} / 100,
                    info => $query{vnp_OrderInfo}, created => $query{vnp_CreateDate});
    }

    $self->know(orders => $number, state => $how{outcome} // 'paid', at => time,
                defined $how{amount} ? (amount => $how{amount}) : ());
    $self->{answered} = $self->callback($number) if $how{callback} // !$checkout->{qr};

    return $number;
}


# What was answered to the callback of the last pay(), for a test that waits in vain.
sub answered {
    my ($self) = @_;
    my $r = $self->{answered} // {};
    return join ' ', 'the callback was answered', $r->{status} // 'never', $r->{content} // '';
}


# Calls back about an order; the answer as HTTP::Tiny has it, with {json}.
sub callback {
    my ($self, $number, %how) = @_;
    my ($method, $url, $body) = $self->to_call($number, %how);
    my $r = HTTP::Tiny->new(timeout => 15)->request($method, $url,
        $body ? { content => $body, headers => { 'Content-Type' => 'application/json' } } : {});

    $r->{json} = eval { $json->decode($r->{content}) };
    return $r;
}


# How it would call back: method, URL, body.
sub to_call {
    my ($self, $number, %how) = @_;
    my ($order, $base) = $self->change(sub { ($_[0]{orders}{$number}, $_[0]{callbacks}) });
    my $forged = delete $how{forged};

    if ($order->{gateway} eq 'vnpay') {
        my $paid = $order->{state} eq 'paid';
        my %q = (vnp_TmnCode => VNPAY_TERMINAL, vnp_Amount => $order->{amount} * 100,
                 vnp_BankCode => 'NCB', vnp_BankTranNo => "VNP$order->{transaction}",
                 vnp_CardType => 'ATM', vnp_PayDate => _stamp($order->{at}),
                 vnp_OrderInfo => $order->{info}, vnp_TransactionNo => $order->{transaction},
                 vnp_ResponseCode => $paid ? '00' : '24', vnp_TransactionStatus => $paid ? '00' : '02',
                 vnp_TxnRef => $number, %how);
        my $query = _form(%q);
        my $hash = hmac_sha512_hex($query, $forged ? 'x' : VNPAY_SECRET);

        return (GET => "$base/v1/payments/vnpay/ipn?$query&vnp_SecureHash=$hash");
    }

    my %code = (paid => 0, failed => 1006, pending => 7002);
    my %b = (partnerCode => MOMO_PARTNER, orderId => $number, requestId => $number,
             amount => 0 + $order->{amount}, orderInfo => $order->{info}, orderType => 'momo_wallet',
             transId => 0 + $order->{transaction}, resultCode => $code{ $order->{state} },
             message => 'Thành công.', payType => 'qr', responseTime => 1000 * $order->{at},
             extraData => '', %how);
    $b{signature} = _momo($forged ? 'x' : MOMO_SECRET,
        { %b, accessKey => MOMO_ACCESS },
        qw(accessKey amount extraData message orderId orderInfo orderType partnerCode
           payType requestId responseTime resultCode transId));

    return (POST => "$base/v1/payments/momo/ipn", $json->encode(\%b));
}


# Fields of a QR code's text, which has to be whole.
sub _code {
    my ($text, $inner) = @_;

    if (!$inner) {
        my $crc = 0xffff;
        for my $byte (unpack 'C*', substr $text, 0, -4) {
            $crc ^= $byte << 8;
            $crc = $crc & 0x8000 ? ($crc << 1 ^ 0x1021) & 0xffff : $crc << 1 & 0xffff for 1 .. 8;
        }
        die "another checksum\n" if sprintf('%04X', $crc) ne substr $text, -4;
    }

    my %fields;
    while ($text =~ /\G(\d\d)(\d\d)/gc) {
        my ($tag, $length) = ($1, $2);
        my $value = substr $text, pos $text, $length;
        pos($text) += $length;
        $fields{$tag} = $tag =~ /^(?:38|62)$/ || $inner && $tag eq '01' && $value =~ /^0006/
                        ? { _code($value, 1) } : $value;
    }
    return %fields;
}


sub _form {
    my (%q) = @_;
    return join '&', map { _encode($_) . '=' . _encode($q{$_}) }
                     grep { length $q{$_} } sort keys %q;
}

sub _encode {
    my ($text) = @_;
    utf8::encode($text) if utf8::is_utf8($text);
    return $text =~ s/([^A-Za-z0-9*._ -])/sprintf '%%%02X', ord $1/egr =~ tr/ /+/r;
}

sub _momo {
    my ($key, $values, @names) = @_;
    my $text = join '&', map { "$_=" . ($values->{$_} // '') } @names;
    utf8::encode($text) if utf8::is_utf8($text);
    return hmac_sha256_hex($text, $key);
}

# As clocks in Hà Nội show it.
sub _stamp { strftime('%Y%m%d%H%M%S', gmtime $_[0] + 7 * 3600) }


sub connection {
    my ($self, $client) = @_;
    my ($head, $body) = $self->request($client) or return;

    my ($method, $target) = $head =~ /\A(\S+) (\S+)/;
    my ($gateway, $rest) = $target =~ m{\A/(\w+)/(.*)\z} or return;

    # For people: paying is following the link.
    if ($method eq 'GET' && $rest =~ m{\Apay\b}) {
        my $number = eval { $self->pay({ url => $self->url . $target }) };
        my $said = $number ? "paid $number\n" : "not paid: $@";
        $client->syswrite(_answer(200, $said));
        return;
    }
    if ($method eq 'GET' && $rest =~ m{\Atransfer\?qr=(.*)\z}) {
        my $number = eval { $self->pay({ qr => $1 =~ s/\+/ /gr =~ s/%(..)/chr hex $1/egr }) };
        $client->syswrite(_answer(200, $number ? "paid $number\n" : "not paid: $@"));
        return;
    }

    my $input = $method eq 'POST' ? $json->decode($body) : {};
    my ($name) = $rest =~ m{\Astatement} ? 'statement'
               : $gateway eq 'vnpay' ? $input->{vnp_Command} : $rest =~ m{api/(.*)\z};

    my $mode = $self->change(sub {
        my ($state) = @_;
        push @{ $state->{seen} }, "$gateway.$name " . ($input->{vnp_TxnRef} // $input->{orderId} // $rest);
        return shift @{ $state->{modes}{"$gateway.$name"} // [] } // '';
    });

    return if $mode eq 'lost';
    return $client->syswrite(_answer(500, 'busy')) if $mode eq '500';

    my $text = $name eq 'statement' ? $self->_statement($gateway, $rest)
             : $gateway eq 'vnpay'  ? $self->_vnpay($input, $mode)
             :                        $self->_momo_answer($name, $input, $mode);

    $self->pay({ url => $self->url . "/momo/pay/$input->{orderId}" }) if $mode =~ /\Afirst/;

    return if $mode eq 'drop';
    sleep $mode eq 'slow' ? 0.6 : 3 if $mode =~ /\A(?:slow|late)\z/;
    $self->wait_for($1) if $mode =~ /held:(\w+)/;
    return $client->syswrite(_answer(500, 'busy')) if $mode eq 'done-500';

    my $answer = _answer(200, $text, $name eq 'statement' ? 'text/csv' : 'application/json');
    $answer = substr $answer, 0, length($answer) - int(length($text) / 2) if $mode eq 'half';
    $client->syswrite($answer);
    return;
}


sub _answer {
    my ($status, $body, $type) = @_;
    return join "\r\n", "HTTP/1.1 $status X", 'Content-Type: ' . ($type // 'text/plain'),
        'Content-Length: ' . length $body, 'Connection: close', '', $body;
}


# Payments and refunds of a gateway on a day.
sub _statement {
    my ($self, $gateway, $rest) = @_;
    my ($day) = $rest =~ /date=([\d-]+)/;
    my ($orders, $refunds) = $self->change(sub { @{ $_[0] }{qw(orders refunds)} });
    my ($sum, @lines) = (0);

    for my $rows (['payment', $orders], ['refund', $refunds]) {
        my ($kind, $known) = @$rows;
        for my $number (sort keys %$known) {
            my $row = $known->{$number};
            next if $row->{gateway} ne $gateway || $row->{state} ne 'paid';
            my $at = strftime('%Y-%m-%dT%H:%M:%S+07:00', gmtime $row->{at} + 7 * 3600);
            next if $at !~ /^\Q$day/;
            my $text = $gateway eq 'vietqr' ? lc "chuyen khoan $number qua QR" : $number;
            push @lines, "$kind,$text,$row->{transaction},$row->{amount},$at";
            $sum += $row->{amount};
        }
    }

    return join '', map { "$_\r\n" } 'kind,number,transaction,amount,at', @lines,
        'end,' . @lines . ",$sum";
}


sub _vnpay {
    my ($self, $in, $mode) = @_;
    my $key = $mode eq 'forged' ? 'x' : VNPAY_SECRET;
    my $refund = $in->{vnp_Command} eq 'refund';
    my @order = $refund
        ? qw(RequestId Version Command TmnCode TransactionType TxnRef Amount TransactionNo
             TransactionDate CreateBy CreateDate IpAddr OrderInfo)
        : qw(RequestId Version Command TmnCode TxnRef TransactionDate CreateDate IpAddr OrderInfo);
    my %out = map { ("vnp_$_" => '') } qw(BankCode PayDate TransactionNo TransactionType
        TransactionStatus OrderInfo PromotionCode PromotionAmount Amount);

    %out = (%out, vnp_ResponseId => "R$$", vnp_Command => $in->{vnp_Command}, vnp_Message => 'ok',
            vnp_TmnCode => VNPAY_TERMINAL, vnp_TxnRef => $in->{vnp_TxnRef});

    $self->change(sub {
        my ($state) = @_;
        my $order = $state->{orders}{ $in->{vnp_TxnRef} };

        if (hmac_sha512_hex(join('|', @$in{ map { "vnp_$_" } @order }), VNPAY_SECRET)
            ne $in->{vnp_SecureHash})
        {
            $out{vnp_ResponseCode} = '97';
        } elsif (!$order || $order->{created} ne $in->{vnp_TransactionDate}) {
            $out{vnp_ResponseCode} = '91';
        } elsif ($mode eq 'rejected') {
            @out{qw(vnp_ResponseCode vnp_TransactionStatus)} = ('00', '09');
        } elsif (!$refund) {
            %out = (%out, vnp_ResponseCode => '00', vnp_Amount => $order->{amount} * 100,
                    vnp_PayDate => _stamp($order->{at}), vnp_TransactionNo => "$order->{transaction}",
                    vnp_TransactionType => '01', vnp_OrderInfo => $order->{info},
                    vnp_TransactionStatus => { paid => '00', failed => '02', pending => '07' }
                                             ->{ $order->{state} });
        } else {
            $out{vnp_ResponseCode} = $self->_refund($state, $order, 'vnpay', $in->{vnp_RequestId},
                                                    $in->{vnp_TransactionNo}, $in->{vnp_Amount} / 100)
                // '00';
            %out = (%out, vnp_Amount => $in->{vnp_Amount},
                    vnp_TransactionNo => '' . (($state->{refunds}{ $in->{vnp_RequestId} } // {})->{transaction} // ''));
        }
    });

    my @signed = qw(ResponseId Command ResponseCode Message TmnCode TxnRef Amount BankCode PayDate
                    TransactionNo TransactionType TransactionStatus OrderInfo);
    push @signed, qw(PromotionCode PromotionAmount) if !$refund;
    $out{vnp_SecureHash} = hmac_sha512_hex(join('|', @out{ map { "vnp_$_" } @signed }), $key);

    return $json->encode(\%out);
}


# Gives an amount back; undef when it is done, else the scheme's code. The same
# number again is a duplicate.
sub _refund {
    my ($self, $state, $order, $gateway, $number, $transaction, $amount) = @_;
    my $vnpay = $gateway eq 'vnpay';
    my $known = $state->{refunds}{$number};
    my $back = 0;

    return $vnpay ? '94' : 41 if $known;
    return $vnpay ? '91' : 42
        if !$order || $order->{state} ne 'paid' || $order->{transaction} ne $transaction;
    $back += $_->{amount} for grep { $_->{of} eq $order->{transaction} } values %{ $state->{refunds} };
    return $vnpay ? '95' : 1080 if $back + $amount > $order->{amount};

    $state->{refunds}{$number} = { gateway => $gateway, of => $order->{transaction}, state => 'paid',
                                   amount => $amount, transaction => $state->{next}++, at => time };
    return;
}


sub _momo_answer {
    my ($self, $name, $in, $mode) = @_;
    my %names = (
        create => [qw(accessKey amount extraData ipnUrl orderId orderInfo partnerCode redirectUrl
                      requestId requestType)],
        query  => [qw(accessKey orderId partnerCode requestId)],
        refund => [qw(accessKey amount description orderId partnerCode requestId transId)],
    );
    my %out = (partnerCode => MOMO_PARTNER, orderId => $in->{orderId}, requestId => $in->{requestId},
               responseTime => 1000 * time, message => 'ok');

    $self->change(sub {
        my ($state) = @_;
        my $order = $state->{orders}{ $in->{orderId} };
        my $names = $names{$name} // $names{query};

        if (_momo(MOMO_SECRET, { %$in, accessKey => MOMO_ACCESS }, @$names) ne $in->{signature}) {
            $out{resultCode} = 13;
        } elsif ($name eq 'create') {
            $order //= $state->{orders}{ $in->{orderId} } = {
                gateway => 'momo', amount => $in->{amount}, info => $in->{orderInfo}, lang => $in->{lang},
                state => 'open', at => time, transaction => $state->{next}++ };
            %out = (%out, resultCode => 0, amount => $in->{amount},
                    payUrl => $self->url . "/momo/pay/$in->{orderId}");
            # The same request again is the same order, and no other one.
            $out{resultCode} = 41 if "@$order{qw(info lang)}" ne "@$in{qw(orderInfo lang)}";
        } elsif ($name eq 'query') {
            %out = (%out, !$order ? (resultCode => 42) : (
                resultCode => { open => 1000, paid => 0, failed => 1006, pending => 7002 }->{ $order->{state} },
                amount => 0 + $order->{amount}, transId => 0 + $order->{transaction},
                responseTime => 1000 * $order->{at}));
        } elsif ($name eq 'refund') {
            my ($of) = grep { $_->{transaction} eq $in->{transId} } values %{ $state->{orders} };
            my $code = $self->_refund($state, $of, 'momo', $in->{orderId}, $in->{transId}, $in->{amount});
            %out = (%out, resultCode => $code // 0, amount => $in->{amount},
                    transId => 0 + (($state->{refunds}{ $in->{orderId} } // {})->{transaction} // 0));
        } else {
            my $refund = $state->{refunds}{ $in->{orderId} };
            %out = (%out, resultCode => $refund ? 0 : 42, transId => 0 + ($refund->{transaction} // 0));
        }
    });

    return $json->encode(\%out);
}


1;
