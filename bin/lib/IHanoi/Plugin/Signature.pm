package IHanoi::Plugin::Signature;

# Ed25519 (RFC 8032) over FILES.sha256, by OpenSSL's command. By hand:
#
#   openssl genpkey -algorithm ED25519 -out agency.pem
#   openssl pkey -in agency.pem -pubout -out agency.pub.pem
#   openssl pkeyutl -verify -pubin -inkey agency.pub.pem -rawin \
#       -in FILES.sha256 -sigfile FILES.sig

use strict;
use warnings;
use Exporter 'import';
use Digest::SHA qw(sha256_hex);
use File::Temp ();
use IHanoi::Command;

our @EXPORT = qw(sign_text signer public_key fingerprint);


# The signature's 64 bytes.
sub sign_text {
    my ($text, $key) = @_;

    public_key($key);
    my $dir = _files(text => $text);

    system('openssl', 'pkeyutl', '-sign', '-rawin', '-inkey', $key,
           '-in', "$dir/text", '-out', "$dir/sig") == 0
        or fail("openssl could not sign with $key");

    return _read("$dir/sig");
}


# The first of the public keys (files) that made the signature, or undef.
sub signer {
    my ($text, $signature, @keys) = @_;

    return if length $signature != 64;
    my $dir = _files(text => $text, sig => $signature);

    for my $key (@keys) {
        fingerprint($key);      # is it a key at all?

        return $key if _quiet('pkeyutl', '-verify', '-pubin', '-inkey', $key,
                              '-rawin', '-in', "$dir/text",
                              '-sigfile', "$dir/sig");
    }

    return;
}


# The public key of a private one, as PEM.
sub public_key {
    my ($key) = @_;

    -f $key or fail("there is no key \"$key\"");
    my $pem = _output('pkey', '-in', $key, '-pubout');
    length $pem or fail("$key is no private key that openssl can read");
    _text($pem) =~ /^ED25519 /
        or fail("$key is not an Ed25519 key: openssl genpkey -algorithm ED25519");

    return $pem;
}


# SHA-256 of a public key, by which people know it.
sub fingerprint {
    my ($file) = @_;

    -f $file or fail("there is no key \"$file\"");
    my $der = _output('pkey', '-pubin', '-in', $file, '-outform', 'DER');
    length $der or fail("$file is no public key that openssl can read");
    length $der == 44
        or fail("$file is not an Ed25519 key");

    return sha256_hex($der);
}


sub _text {
    my ($pem) = @_;
    my $dir = _files(key => $pem);
    return _output('pkey', '-pubin', '-in', "$dir/key", '-noout', '-text');
}


sub _files {
    my (%text) = @_;
    my $dir = File::Temp->newdir;

    for my $name (keys %text) {
        open my $fh, '>:raw', "$dir/$name" or fail("could not write $dir/$name: $!");
        print $fh $text{$name};
        close $fh or fail("could not write $dir/$name: $!");
    }

    return $dir;
}


sub _read {
    my ($file) = @_;
    open my $fh, '<:raw', $file or fail("could not read $file: $!");
    local $/;
    return scalar <$fh>;
}


# openssl's output, without what it says.
sub _output {
    my (@args) = @_;

    my $pid = open(my $out, '-|') // fail("could not fork: $!");
    if (!$pid) {
        open STDERR, '>', '/dev/null';
        exec 'openssl', @args;
        exit 127;
    }

    binmode $out;
    my $text = do { local $/; <$out> } // '';
    close $out;
    fail('openssl is not installed') if $? >> 8 == 127;
    return $? == 0 ? $text : '';
}


sub _quiet {
    my (@args) = @_;

    my $pid = fork // fail("could not fork: $!");
    if (!$pid) {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec 'openssl', @args;
        exit 127;
    }

    waitpid $pid, 0;
    return $? == 0;
}


1;
