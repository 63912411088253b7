package IHanoi::Plugin::Pack;

# ihanoi plugin pack.

use strict;
use warnings;
use Cwd qw(realpath);
use Digest::SHA qw(sha256_hex);
use File::Basename qw(dirname);
use IHanoi::Command;
use IHanoi::Plugin::Archive;
use IHanoi::Plugin::Folder;


sub run {
    my $opt = options(<<'USAGE', 'into=s');
usage: ihanoi plugin pack [FOLDER] [--into DIR]

Checks a plugin and packs it into DIR/NAME-VERSION.plugin.tar.gz, whose name it
prints. The same contents make the same archive, whenever and by whomever it is
packed. A version that was packed before with other contents is refused.

  FOLDER       default: the folder you are in
  --into DIR   default: the folder that FOLDER is in
USAGE

    if (@ARGV > 1) {
        print STDERR "ihanoi plugin pack: one FOLDER\n";
        exit 2;
    }

    my ($plugin, @findings) = look($ARGV[0] // '.');
    report(\*STDERR, @findings);
    fail('not packed: mend these first') if !$plugin || grep { is_error($_) } @findings;

    my $top = "$plugin->{name}-$plugin->{version}";
    my $into = $opt->{into} // dirname($plugin->{folder});
    my $real = realpath($into) // fail("there is no folder \"$into\"");
    my $file = "$into/$top.plugin.tar.gz";

    # The next archive would have this one in it.
    "$real/" !~ m{^\Q$plugin->{folder}\E/}
        or fail("$into is in the plugin itself: --into another folder");

    my %files;

    for my $row (@{ $plugin->{files} }) {
        my $bytes = slurp("$plugin->{folder}/$row->{path}");
        sha256_hex($bytes) eq $row->{sha256}
            or fail("$row->{path} changed while it was packed");
        $files{ $row->{path} } = $bytes;
    }

    $files{'FILES.sha256'} = listing(\%files);
    sha256_hex($files{'FILES.sha256'}) eq $plugin->{hash}
        or fail('the list of files is not what the gateway makes of them');

    if (-e $file) {
        my (undef, $old) = eval { read_archive($file) }
            or do { chomp $@; refuse("$file is there and $@: remove it first") };

        $old->{'FILES.sha256'} eq $files{'FILES.sha256'}
            or refuse("$file has other contents: raise \"version\" in plugin.json");
        print STDERR "It was packed before, with these contents\n";
    } else {
        eval { write_archive($file, $top, \%files); 1 }
            or do { chomp $@; fail($@) };
    }

    print "$file\n";
    print STDERR "Contents $plugin->{hash}\n";
    return 0;
}


1;
