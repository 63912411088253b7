package IHanoi::Token;

# Keys and tokens for development and tests.
#
# libjwt (bin/ihanoi-token.c) signs HS, RS and ES. It always writes
# "typ":"JWT", so other types, and PS and EdDSA which it lacks, are signed by
# OpenSSL's command.

use strict;
use warnings;
use Exporter 'import';
use Digest::SHA qw(hmac_sha256 hmac_sha384 hmac_sha512);
use File::Temp ();
use IHanoi::Command ();
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);

our @EXPORT_OK = qw(make_keys mint key_file token_program);

# Every key of a development key set: kid => algorithm, and how OpenSSL makes
# it. One key signs with one algorithm only (RFC 8725 3.1).
my @KEYS = (
    ['dev-es256', 'ES256', qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)],
    ['dev-es384', 'ES384', qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-384)],
    ['dev-es512', 'ES512', qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-521)],
    ['dev-rs256', 'RS256', qw(-algorithm RSA -pkeyopt rsa_keygen_bits:2048)],
    ['dev-ps256', 'PS256', qw(-algorithm RSA -pkeyopt rsa_keygen_bits:2048)],
    ['dev-eddsa', 'EdDSA', qw(-algorithm ED25519)],
    ['dev-hs256', 'HS256'],
);

my $json = JSON::PP->new->utf8->canonical;


# Makes the keys that $dir lacks: <kid>.pem or <kid>.secret for signing, and
# jwks.json for the gateway's auth_jwt_key_file.
sub make_keys {
    my ($dir) = @_;
    my @jwks;

    # One of before was open to all.
    return chmod 0600, "$dir/jwks.json" if -f "$dir/jwks.json";

    for my $row (@KEYS) {
        my ($kid, $alg, @genpkey) = @$row;

        if (!@genpkey) {
            _command('openssl', 'rand', '-out', "$dir/$kid.secret", 64);
            chmod 0600, "$dir/$kid.secret";
            push @jwks, { kty => 'oct', kid => $kid, alg => $alg, use => 'sig',
                          k => encode_base64url(_read("$dir/$kid.secret")) };
            next;
        }

        _command('openssl', 'genpkey', '-quiet', @genpkey,
                 '-out', "$dir/$kid.pem");
        chmod 0600, "$dir/$kid.pem";
        push @jwks, { kid => $kid, alg => $alg, use => 'sig',
                      _public("$dir/$kid.pem", $alg) };
    }

    # With the secret of dev-hs256 in it.
    open my $fh, '>', "$dir/jwks.json.new" or die "$dir/jwks.json: $!\n";
    chmod 0600, "$dir/jwks.json.new";
    print $fh JSON::PP->new->utf8->canonical->pretty->encode({ keys => \@jwks });
    close $fh or die "$dir/jwks.json: $!\n";
    rename "$dir/jwks.json.new", "$dir/jwks.json" or die "jwks.json: $!\n";
    return;
}


# The file that signs for a key id of make_keys.
sub key_file {
    my ($dir, $kid) = @_;
    return (grep { -f } "$dir/$kid.pem", "$dir/$kid.secret")[0]
        // die "no key \"$kid\" in $dir\n";
}


# The built ihanoi-token: the checkout's, or what is installed. Dies without one.
sub token_program {
    my $home = IHanoi::Command::home();

    return (grep { -x } ($home ? glob "'$home'/build/*/ihanoi-token" : ()),
                        IHanoi::Command::share() . '/bin/ihanoi-token')[0]
        // die "the program ihanoi-token is not built: make command\n";
}


# The members of a public JWK (RFC 7518 6, RFC 8037 2), cut out of the DER of
# the SubjectPublicKeyInfo.
sub _public {
    my ($pem, $alg) = @_;

    if ($alg =~ /^[RP]S/) {
        my ($hex) = _output('openssl', 'rsa', '-in', $pem, '-noout', '-modulus')
                    =~ /Modulus=([0-9A-F]+)/ or die "$pem: no modulus\n";
        return (kty => 'RSA', n => encode_base64url(pack 'H*', $hex),
                e => 'AQAB');
    }

    my $der = _output('openssl', 'pkey', '-in', $pem, '-pubout',
                      '-outform', 'DER');

    if ($alg eq 'EdDSA') {
        return (kty => 'OKP', crv => 'Ed25519',
                x => encode_base64url(substr $der, -32));
    }

    my ($crv, $size) = @{ { ES256 => ['P-256', 32], ES384 => ['P-384', 48],
                            ES512 => ['P-521', 66] }->{$alg} };

    # The key ends with the point: 04, x, y.
    return (kty => 'EC', crv => $crv,
            x => encode_base64url(substr $der, -2 * $size, $size),
            y => encode_base64url(substr $der, -$size));
}


# One token, or in list context with several claim sets, their tokens.
#
#   program   token_program()
#   alg       JOSE name
#   key       private key file
#   header    members beside alg
#   claims    hash, or a list of hashes
sub mint {
    my (%arg) = @_;
    my ($alg, $header) = ($arg{alg}, $arg{header} // {});
    my @claims = ref $arg{claims} eq 'ARRAY' ? @{ $arg{claims} } : $arg{claims};
    my @tokens;

    if ($alg =~ /^(?:none|[HRE]S\d+)$/ && ($header->{typ} // 'JWT') eq 'JWT') {
        # A file, not a pipe both ways: thousands of tokens would fill both.
        my $in = File::Temp->new;
        binmode $in;
        for my $claims (@claims) {
            print $in $json->encode({ header => $header, claims => $claims }),
                      "\n";
        }
        close $in;

        open my $save, '<&', \*STDIN;
        open STDIN, '<', $in->filename or die "$in: $!\n";
        my $output = _output($arg{program}, $alg, $arg{key} // '');
        open STDIN, '<&', $save;
        @tokens = split /\n/, $output;

    } else {
        @tokens = map { _sign($alg, $arg{key}, $header, $_) } @claims;
    }

    return wantarray ? @tokens : $tokens[0];
}


sub _sign {
    my ($alg, $key, $header, $claims) = @_;

    my $input = join '.', map { encode_base64url($json->encode($_)) }
                          { alg => $alg, %$header }, $claims;
    my ($bits) = $alg =~ /(\d+)$/;
    my $signature;

    if ($alg =~ /^HS/) {
        my $hmac = { 256 => \&hmac_sha256, 384 => \&hmac_sha384,
                     512 => \&hmac_sha512 }->{$bits};
        $signature = $hmac->($input, _read($key));

    } elsif ($alg eq 'EdDSA') {
        my $file = File::Temp->new;
        print $file $input;
        close $file;
        $signature = _output('openssl', 'pkeyutl', '-sign', '-rawin',
                             '-inkey', $key, '-in', $file->filename);

    } else {
        my $file = File::Temp->new;
        print $file $input;
        close $file;
        my @pss = $alg =~ /^PS/ ? ('-sigopt', 'rsa_padding_mode:pss',
                                   '-sigopt', 'rsa_pss_saltlen:digest') : ();
        $signature = _output('openssl', 'dgst', "-sha$bits", '-sign', $key,
                             @pss, $file->filename);
        $signature = _raw_ecdsa($signature, $bits) if $alg =~ /^ES/;
    }

    return "$input." . encode_base64url($signature);
}


# RFC 7518 3.4 wants r and s at fixed length; OpenSSL gives a DER sequence.
sub _raw_ecdsa {
    my ($der, $bits) = @_;
    my $size = { 256 => 32, 384 => 48, 512 => 66 }->{$bits};
    my $at = ord(substr $der, 1, 1) & 0x80 ? 3 : 2;
    my $raw = '';

    for (1 .. 2) {
        my $len = ord substr $der, $at + 1, 1;
        my $int = substr $der, $at + 2, $len;
        $int =~ s/^\0+//;
        $raw .= "\0" x ($size - length $int) . $int;
        $at += 2 + $len;
    }

    return $raw;
}


sub _command {
    system(@_) == 0 or die "\"@_\" failed\n";
    return;
}


sub _output {
    my (@command) = @_;

    open my $fh, '-|', @command or die "could not run $command[0]: $!\n";
    binmode $fh;
    local $/;
    my $output = <$fh>;
    close $fh or die "\"@command\" failed\n";
    return $output;
}


sub _read {
    my ($file) = @_;

    open my $fh, '<:raw', $file or die "could not read $file: $!\n";
    local $/;
    return scalar <$fh>;
}


1;
