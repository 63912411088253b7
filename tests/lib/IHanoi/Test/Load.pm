package IHanoi::Test::Load;

# Clients that work while something happens to the house, each in a process of
# its own, and what they wrote down.
#
#   my @lines = under_load(
#       dir     => $gw->dir,
#       clients => 4,
#       client  => sub { my ($number, $notes) = @_; ... print $notes "200\n" },
#       during  => sub { ... },
#   );

use strict;
use warnings;
use Exporter qw(import);
use IO::Handle;
use POSIX ();

our @EXPORT = qw(under_load);

my $runs = 0;


# The lines of all notes, without their ends. Dies when a client did.
sub under_load {
    my (%arg) = @_;
    my $run = ++$runs;
    my @files = map { "$arg{dir}/notes-$run-$_" } 1 .. $arg{clients};
    my @pids;

    for my $number (1 .. $arg{clients}) {
        my $pid = fork // die "could not fork: $!\n";

        if ($pid == 0) {
            my $ended = eval {
                open my $notes, '>', $files[$number - 1] or die "notes: $!\n";
                $notes->autoflush;
                $arg{client}->($number, $notes);
                1;
            };
            print STDERR "client $number: $@" if !$ended;
            POSIX::_exit($ended ? 0 : 1);
        }

        push @pids, $pid;
    }

    my $happened = eval { $arg{during}->(); 1 };
    my $error = $@;
    my $failed = 0;

    for my $pid (@pids) {
        waitpid $pid, 0;
        $failed++ if $?;
    }

    die $error if !$happened;
    die "$failed clients failed\n" if $failed;

    return map {
        open my $fh, '<', $_ or die "$_: $!\n";
        chomp(my @lines = <$fh>);
        @lines;
    } @files;
}


1;
