package IHanoi::Plugin::Sign;

# ihanoi plugin sign.

use strict;
use warnings;
use IHanoi::Command;
use IHanoi::Plugin::Archive;
use IHanoi::Plugin::Signature;


sub run {
    my $opt = options(<<'USAGE', 'key=s', 'review');
usage: ihanoi plugin sign ARCHIVE --key FILE [--review]

Puts an Ed25519 signature of the list of contents into an archive. The agency
signs first; a reviewer, with another key, adds a second signature.

  --key FILE   private key, PEM: openssl genpkey -algorithm ED25519 -out FILE
  --review     it is the reviewer's signature
USAGE

    if (@ARGV != 1 || !defined $opt->{key}) {
        print STDERR "ihanoi plugin sign: one ARCHIVE, and --key\n";
        exit 2;
    }

    my ($file) = @ARGV;
    my ($top, $files) = eval { read_archive($file) }
        or do { chomp $@; fail("$file $@") };
    my $text = $files->{'FILES.sha256'};
    my $public = File::Temp->new;

    print $public public_key($opt->{key});
    $public->flush;

    if ((stat $opt->{key})[2] & 077) {
        print STDERR "ihanoi plugin: others can read $opt->{key}: "
                   . "chmod 600\n";
    }

    if ($opt->{review}) {
        defined $files->{'FILES.sig'}
            or fail("$file is not signed by its agency yet");
        !signer($text, $files->{'FILES.sig'}, $public->filename)
            or fail('the agency signed with this key; a reviewer has another');
        $files->{'FILES.review.sig'} = sign_text($text, $opt->{key});
    } else {
        # a review is of what was signed before it
        delete $files->{'FILES.review.sig'};
        $files->{'FILES.sig'} = sign_text($text, $opt->{key});
    }

    eval { write_archive($file, $top, $files); 1 }
        or do { chomp $@; fail($@) };

    print "$file\n";
    print STDERR 'Signed with the key ' . fingerprint($public->filename) . "\n";
    return 0;
}


1;
