package IHanoi::Test::Command;

# Runs bin/ihanoi as people do:
#
#   my ($rc, $out, $err) = ihanoi('plugin', 'check', $folder);

use strict;
use warnings;
use Exporter 'import';
use File::Temp ();

our @EXPORT = qw(ihanoi);


sub ihanoi {
    my (@args) = @_;
    my @files = map { File::Temp->new } 1 .. 2;

    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', $files[0]->filename;
        open STDERR, '>', $files[1]->filename;
        utf8::encode($_) for @args;
        exec IHanoi::Test::tree() . '/bin/ihanoi', @args;
        exit 127;
    }

    waitpid $pid, 0;
    my $rc = $?;

    my @text = map {
        open my $fh, '<', $_->filename or die "$_: $!\n";
        local $/;
        <$fh> // '';
    } @files;

    # The end by a signal is no exit code.
    return ($rc & 127 ? "signal $rc" : $rc >> 8, @text);
}


1;
