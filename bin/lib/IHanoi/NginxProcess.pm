package IHanoi::NginxProcess;

# An nginx that runs, as /proc shows it.
#
#   my $master = nginx_master('/run/nginx.pid');    # its process id, or undef
#   my $ours = nginx_master($pid_file, $conf);      # only if it was started with -c $conf
#   my @pids = nginx_workers($master);
#   end_nginx($master) or fail('it did not stop');

use strict;
use warnings;
use Cwd qw(realpath);
use Exporter 'import';

our @EXPORT = qw(nginx_master nginx_workers end_nginx);


# The process id of the master, by its file; undef when none runs. A file that a
# crash or a reboot left names whoever has the number now: another program, or an
# nginx that is somebody else's.
sub nginx_master {
    my ($file, $conf) = @_;

    open my $fh, '<', $file or return;
    chomp(my $pid = <$fh> // '');
    return if $pid !~ /^\d+$/ || _title($pid) !~ /^nginx: master process (.*)/s;
    return $pid if !defined $conf;

    # The -c of "ihanoi run" is the last argument.
    my ($its) = $1 =~ / -c ([^\0]+)/ or return;
    return _real($its) eq _real($conf) ? $pid : undef;
}


# Those workers of it that take new connections, or will: one that was forked
# just now still has its master's title.
sub nginx_workers {
    my ($master) = @_;

    open my $fh, '<', "/proc/$master/task/$master/children" or return;
    return grep { _title($_) =~ /^nginx: (?:worker process|master)(?! is)/ }
                split ' ', <$fh> // '';
}


# Ends it: requests that were begun are finished first, for 5 seconds. True when it has
# ended, and not before: it removes the file of its number, whoever's that is by then.
sub end_nginx {
    my ($master) = @_;

    kill QUIT => $master;

    for my $tenth (1 .. 100) {
        return 1 if !-d "/proc/$master";
        kill TERM => $master if $tenth == 50;
        select undef, undef, undef, 0.1;
    }

    return 0;
}


# A path without the links in it, or as it stands when there is no such file.
sub _real { return realpath($_[0]) // $_[0] }


# What a process calls itself.
sub _title {
    my ($pid) = @_;
    open my $fh, '<', "/proc/$pid/cmdline" or return '';
    return <$fh> // '';
}


1;
