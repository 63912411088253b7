package IHanoi::NginxProcess;

# An nginx that runs, as /proc shows it.
#
#   my $master = nginx_master('/run/nginx.pid');    # its process id, or undef
#   my @pids = nginx_workers($master);

use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(nginx_master nginx_workers);


# The process id of the master, by its file; undef when none runs.
sub nginx_master {
    my ($file) = @_;

    open my $fh, '<', $file or return;
    chomp(my $pid = <$fh> // '');

    # The number may be another program's after a reboot.
    return $pid =~ /^\d+$/ && _title($pid) =~ /nginx/ ? $pid : undef;
}


# Those workers of it that take new connections, or will: one that was forked
# just now still has its master's title.
sub nginx_workers {
    my ($master) = @_;

    open my $fh, '<', "/proc/$master/task/$master/children" or return;
    return grep { _title($_) =~ /^nginx: (?:worker process|master)(?! is)/ }
                split ' ', <$fh> // '';
}


# What a process calls itself.
sub _title {
    my ($pid) = @_;
    open my $fh, '<', "/proc/$pid/cmdline" or return '';
    return <$fh> // '';
}


1;
