package IHanoi::Plugin::Unpack;

# ihanoi plugin unpack.

use strict;
use warnings;
use File::Temp ();
use IHanoi::Command;
use IHanoi::Plugin::Folder;
use IHanoi::Plugin::Verify qw(verified trust stage);


sub run {
    my $opt = options(<<"USAGE", 'into=s', trust());
usage: ihanoi plugin unpack ARCHIVE --into DIR --key FILE [options]

Verifies an archive and unpacks it to DIR/NAME-VERSION, whose name it prints:
the whole folder is there, or nothing. The gateway holds the folder against its
FILES.sha256 whenever it starts.

  --into DIR        the folder of plugins

$IHanoi::Plugin::Verify::TRUST_HELP
USAGE

    if (@ARGV != 1 || !defined $opt->{into}) {
        print STDERR "ihanoi plugin unpack: one ARCHIVE, and --into\n";
        exit 2;
    }

    my $found = verified($ARGV[0], $opt);
    my $folder = "$opt->{into}/$found->{top}";

    -d $opt->{into} or fail("there is no folder \"$opt->{into}\"");

    if (-e $folder) {
        my ($plugin) = look($folder);
        ($plugin ? $plugin->{hash} : '') eq $found->{hash}
            or refuse("$folder is there with other contents:",
                      'the agency must raise the version');
        IHanoi::Plugin::Verify::remember($found, $opt->{versions});
        IHanoi::Plugin::Verify::signed($found, $folder);
        print STDERR "It is there already, with these contents\n";
        print "$folder\n";
        return 0;
    }

    # In the same file system, so that the last step is a rename; removed with the
    # object, however this ends.
    local @SIG{qw(INT TERM HUP)} = (sub { exit 1 }) x 3;
    my $stage = File::Temp->newdir('.unpack.XXXXXXXX', DIR => $opt->{into});

    my $staged = stage($found, $stage);
    IHanoi::Plugin::Verify::remember($found, $opt->{versions});
    rename $staged, $folder or fail("could not rename to $folder: $!");

    print "$folder\n";
    return 0;
}


1;
