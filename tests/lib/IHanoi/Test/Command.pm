package IHanoi::Test::Command;

# Runs bin/ihanoi as people do:
#
#   my ($rc, $out, $err) = ihanoi('plugin', 'check', $folder);
#
#   ihanoi_full('plugin', 'new', 'x');              # as on a disk that is full
#   exec_ihanoi('plugin', 'run', $folder);          # in a child of one's own
#   sanitizer_options();                            # before a shell that runs it

use strict;
use warnings;
use Exporter 'import';
use File::Temp ();
use POSIX ();

our @EXPORT = qw(ihanoi ihanoi_full exec_ihanoi sanitizer_options);


sub ihanoi {
    my (@args) = @_;
    my @files = map { File::Temp->new } 1 .. 2;

    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', $files[0]->filename;
        open STDERR, '>', $files[1]->filename;
        exec_ihanoi(@args);
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


# No file may be larger than half a kilobyte, which write() tells as it tells
# that a disk is full.
sub ihanoi_full {
    my (@args) = @_;
    my $text = qx{trap '' XFSZ; ulimit -f 1;
                  '@{[IHanoi::Test::tree()]}/bin/ihanoi' @args 2>&1 < /dev/null};
    return ($? >> 8, $text);
}


sub exec_ihanoi {
    my (@args) = @_;

    utf8::encode($_) for @args;
    sanitizer_options();
    exec IHanoi::Test::tree() . '/bin/ihanoi', @args or POSIX::_exit(127);
}


# The command's nginx -t leaves memory to the system (see IHanoi::Test::Gateway).
sub sanitizer_options {
    $ENV{ASAN_OPTIONS} //= 'detect_leaks=0:detect_odr_violation=0';
    return;
}


1;
