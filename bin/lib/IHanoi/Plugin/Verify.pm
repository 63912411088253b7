package IHanoi::Plugin::Verify;

# ihanoi plugin verify, and what deployments begin with.

use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use Exporter 'import';
use Fcntl qw(LOCK_EX);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp ();
use IHanoi::Command;
use IHanoi::Plugin::Archive;
use IHanoi::Plugin::Folder;
use IHanoi::Plugin::Signature;

our @EXPORT_OK = qw(verified trust stage $TRUST_HELP);


# Options of every command that verifies.
our $TRUST_HELP = <<'HELP';
whom to trust:
  --key FILE        the agency's public key (PEM), may be repeated
  --reviewer FILE   a reviewer's; may be repeated. With one, a second signature
                    by a reviewer is required
  --keys DIR        instead: DIR/NAME/agency-*.pem, DIR/NAME/reviewer-*.pem
  --unsigned        nobody: contents only, for development
  --versions FILE   remembers contents by version: two under one are refused
HELP

sub trust { return ('key=s@', 'reviewer=s@', 'keys=s', 'unsigned', 'versions=s') }


sub run {
    my $opt = options(<<"USAGE", trust());
usage: ihanoi plugin verify ARCHIVE --key FILE [options]

Looks at an archive without unpacking it anywhere: plain files within limits,
the list of contents, who signed it, and all that "check" looks at. Prints the
name, version and hash of the contents. Exits with 0 when all is well, 1 when
something is not, 3 when the version is known with other contents.

$TRUST_HELP
USAGE

    if (@ARGV != 1) {
        print STDERR "ihanoi plugin verify: one ARCHIVE\n";
        exit 2;
    }

    my $found = verified($ARGV[0], $opt);

    # The staging folder is removed with the object.
    my $stage = File::Temp->newdir;
    stage($found, $stage);
    remember($found, $opt->{versions});

    print "$found->{name} $found->{version} $found->{hash}\n";
    return 0;
}


# An archive that somebody trusted has signed:
# { name, version, top, hash, files, agency => key, reviewer => key }.
# Nothing was written. Exits when it is not.
sub verified {
    my ($file, $opt) = @_;

    my ($top, $files, $name, $version) = eval { read_archive($file) }
        or do { chomp $@; fail("$file $@") };
    my $text = $files->{'FILES.sha256'};
    my %found = (name => $name, version => $version, top => $top,
                 files => $files, hash => sha256_hex($text));

    my ($agency, $reviewers) = _keys($name, $opt);

    if (!$agency) {
        print STDERR "ihanoi plugin: signatures of $top are not looked at\n";
        return \%found;
    }

    defined $files->{'FILES.sig'}
        or fail("$file is not signed: ihanoi plugin sign");
    $found{agency} = signer($text, $files->{'FILES.sig'}, @$agency)
        // fail("$file is signed by nobody whom $name trusts:",
                'ask the agency for its public key');
    _say($found{agency}, 'the agency');

    if (@$reviewers) {
        defined $files->{'FILES.review.sig'}
            or fail("$file has no second signature:",
                    'ihanoi plugin sign --review');
        $found{reviewer} = signer($text, $files->{'FILES.review.sig'},
                                  @$reviewers)
            // fail("$file was reviewed by nobody whom $name trusts");
        fingerprint($found{reviewer}) ne fingerprint($found{agency})
            or fail("$file was reviewed by the key that signed it");
        _say($found{reviewer}, 'a reviewer');
    }

    return \%found;
}


sub _say {
    my ($key, $who) = @_;
    print STDERR "signed by $who, $key (" . substr(fingerprint($key), 0, 16)
               . ")\n";
    return;
}


# Public keys of the agency, undef with --unsigned, and of reviewers.
sub _keys {
    my ($name, $opt) = @_;
    my @agency = @{ $opt->{key} // [] };
    my @reviewers = @{ $opt->{reviewer} // [] };

    if ($opt->{unsigned}) {
        return if !@agency && !@reviewers && !defined $opt->{keys};
        print STDERR "ihanoi plugin: --unsigned, or keys\n";
        exit 2;
    }

    if (defined $opt->{keys}) {
        my $dir = "$opt->{keys}/$name";
        push @agency, files_of($dir, qr/^agency-.*\.pem\z/) if -d $dir;
        push @reviewers, files_of($dir, qr/^reviewer-.*\.pem\z/) if -d $dir;
        @agency or fail("there is no $dir/agency-*.pem: nobody may sign $name");
    }

    if (!@agency) {
        print STDERR "ihanoi plugin: whose signature? --key FILE, or --keys DIR\n";
        exit 2;
    }

    return (\@agency, \@reviewers);
}


# Writes the files into $dir/NAME-VERSION and looks at them as the gateway
# does; $dir is the caller's, who removes it, also when this exits because something
# is wrong.
sub stage {
    my ($found, $dir) = @_;
    my $folder = "$dir/$found->{top}";

    for my $path (sort keys %{ $found->{files} }) {
        make_path(dirname("$folder/$path"));
        open my $fh, '>:raw', "$folder/$path"
            or fail("could not write $folder/$path: $!");
        print $fh $found->{files}{$path};
        close $fh or fail("could not write $folder/$path: $!");
        chmod 0644, "$folder/$path";
    }

    my ($plugin, @findings) = look($folder);
    report(\*STDERR, @findings);
    fail("$found->{top} is not good: see above")
        if !$plugin || grep { is_error($_) } @findings;
    fail("$found->{top} unpacks to other contents")
        if $plugin->{hash} ne $found->{hash};

    signed($found, $folder);
    return $folder;
}


# Leaves word of who has signed, for the gateway: of which contents, the agency's key
# and the reviewer's. Names that begin with a dot are not part of a plugin.
sub signed {
    my ($found, $folder) = @_;
    my @keys = map { fingerprint($_) } grep { defined } @$found{qw(agency reviewer)};

    return if !@keys;

    open my $fh, '>', "$folder/.signed.new" or fail("could not write to $folder: $!");
    print $fh join(' ', $found->{hash}, @keys), "\n";
    close $fh && rename "$folder/.signed.new", "$folder/.signed"
        or fail("could not write $folder/.signed: $!");
    return;
}


# One version has one content, for ever: a file of lines "NAME VERSION HASH".
sub remember {
    my ($found, $file) = @_;

    defined $file or return;
    open my $fh, '+>>', $file or fail("could not open $file: $!");
    flock $fh, LOCK_EX or fail("could not lock $file: $!");
    seek $fh, 0, 0;
    return if _is_in($found, $fh);

    append_line($fh, $file, "$found->{name} $found->{version} $found->{hash}\n");
    return;
}


# Refuses it already when such a file has other contents.
sub not_another {
    my ($found, $file) = @_;

    defined $file && open my $fh, '<', $file or return;
    _is_in($found, $fh);
    return;
}


sub _is_in {
    my ($found, $fh) = @_;

    while (my $line = <$fh>) {
        my ($name, $version, $hash) = $line =~ /^(\S+) (\S+) ([0-9a-f]{64})$/ or next;
        next if $name ne $found->{name} || $version ne $found->{version};

        return 1 if $hash eq $found->{hash};
        refuse("$found->{top} is known with other contents ($hash):",
               'the agency must raise the version');
    }

    return 0;
}


1;
