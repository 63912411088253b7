package IHanoi::Plugin::Status;

# ihanoi plugin status.

use strict;
use warnings;
use JSON::PP ();
use POSIX qw(strftime);
use IHanoi::Command;
use IHanoi::Plugin::Deployment;
use IHanoi::Plugin::Gateway qw(gateway_options $GATEWAY_HELP);
use IHanoi::Plugin::List;

my @STATE = qw(serving degraded failing refused disabled);
my @CIRCUIT = qw(closed open half-open disabled);

# How calls end: what failed, and what of it was killed.
my @KILLED = qw(memory cpu timeout);
my @FAILED = (qw(error reply), @KILLED);

my @FAMILIES = map { "ihanoi_plugin_$_" } qw(
    info state circuit calls_total cpu_microseconds_total memory_bytes memory_peak_bytes
    duration_seconds_bucket duration_seconds_sum duration_seconds_count
    events_waiting events_dead events_lag_seconds job_runs_total
    job_success_timestamp_seconds);


sub run {
    my $opt = options(<<"USAGE", 'json', gateway_options());
usage: ihanoi plugin status [NAME] [options]

What the running gateway says of its plugins, from /metrics, for each version
that its workers run: the state, who signed it, calls, how many of them failed
and how many were killed, how long they took, memory and processor time, the
circuit, what waits for it, and its jobs. And what is deployed: the version,
when, and whose key signed it. The worst of all workers is the state:

  serving
  degraded    its database is away
  failing     its circuit is not closed
  refused     its database role reaches what is not the plugin's: all its calls
              are refused
  disabled    by the kill switch

  --json            an object a line

$GATEWAY_HELP
Exit code: 0 all workers run what is deployed, and all that runs is serving, a
candidate too; 1 not; 2 usage.
USAGE

    if (@ARGV > 1) {
        print STDERR "ihanoi plugin status: one NAME at most\n";
        exit 2;
    }

    my $gateway = IHanoi::Plugin::Gateway->new($opt);
    my @names = @ARGV ? @ARGV : sort $gateway->plugins;
    my $series = $gateway->series(@FAMILIES, 'ihanoi_pool_queued')
        or fail('/metrics does not answer: does nginx run?');
    my $workers = my @workers = $gateway->workers;
    my $well = 1;

    for my $name (@names) {
        $gateway->plugin($name)
            or fail("$gateway->{file} has no \"ihanoi_plugin $name\"");

        my $status = _status($gateway, $name, $series, $workers);
        $well &&= $status->{well};
        print $opt->{json} ? JSON::PP->new->utf8->canonical->encode($status) . "\n"
                           : _text($status);
    }

    return $well ? 0 : 1;
}


sub _status {
    my ($gateway, $name, $series, $workers) = @_;
    my (%versions, %queued);

    for my $row (@$series) {
        if ($row->{family} eq 'ihanoi_pool_queued') {
            $queued{ $row->{database} } += $row->{value};
        } elsif ($row->{plugin} eq $name) {
            push @{ $versions{ $row->{version} }{ $row->{family} =~ s/^ihanoi_plugin_//r } }, $row;
        }
    }

    my @runs = grep { $_->{workers} }
               map { _version($_, $versions{$_}, \%queued) } sort keys %versions;
    my %status = (plugin => $name, versions => \@runs, workers => $workers);

    if ($gateway->plugin($name)->{path} =~ m{/\Q$name\E/current/?\z}) {
        my $home = IHanoi::Plugin::Deployment::home_of($gateway, $name);
        ($status{deployed}) = grep { $_->{current} } IHanoi::Plugin::List::versions($home);
        ($status{switching}) = $home->interrupted;
    }

    my $deployed = $status{deployed};
    my ($serves) = grep { !$deployed || $_->{version} eq $deployed->{version} } @runs;

    $status{upgrading} = $gateway->old_master;
    $status{well} = $serves && !$status{upgrading} && $serves->{workers} >= $workers && $workers
                    && !grep({ $_->{state} ne 'serving' } @runs) ? JSON::PP::true
                                                                 : JSON::PP::false;
    return \%status;
}


# What the series of a version say, by family. Members are called as in GET
# /v1/admin/plugins, where they are the same.
sub _version {
    my ($version, $of, $queued) = @_;
    my ($info) = sort { $b->{value} <=> $a->{value} } @{ $of->{info} // [] };
    my %calls = map { ($_->{outcome} => $_->{value}) } @{ $of->{calls_total} // [] };

    return {
        version     => $version,
        workers     => _sum($of->{info}),
        state       => _name(\@STATE, $of->{state}) // 'unknown',
        signed_by   => $info && $info->{signed_by}
                       ? { agency => $info->{signed_by}, reviewer => $info->{reviewed_by} || undef }
                       : undef,
        circuit     => _name(\@CIRCUIT, $of->{circuit}) // 'closed',
        calls       => _sum($of->{calls_total}),
        errors      => _total(@calls{@FAILED}),
        kills       => _total(@calls{@KILLED}),
        duration    => _duration($of),
        memory      => { bytes => _sum($of->{memory_bytes}), peak => _sum($of->{memory_peak_bytes}) },
        cpu_seconds => _sum($of->{cpu_microseconds_total}) / 1e6,
        queued      => $info ? ($queued->{ $info->{database} } // 0) : 0,
        events      => _events($of),
        jobs        => _jobs($of),
    };
}


sub _total {
    my $sum = 0;
    $sum += $_ // 0 for @_;
    return $sum;
}


sub _sum { return _total(map { $_->{value} } @{ $_[0] // [] }) }

sub _name {
    my ($names, $rows) = @_;
    return $rows ? $names->[$rows->[0]{value}] : undef;
}


# In seconds; a quantile is the upper bound of the bucket that it lies in.
sub _duration {
    my ($of) = @_;
    my $count = _sum($of->{duration_seconds_count});
    my @buckets = grep { $_->{le} ne '+Inf' } @{ $of->{duration_seconds_bucket} // [] };
    my %duration = (count => $count, mean => $count ? _sum($of->{duration_seconds_sum}) / $count : 0);

    for my $percent (50, 99) {
        my ($bucket) = sort { $a->{le} <=> $b->{le} }
                       grep { $count && $_->{value} * 100 >= $count * $percent } @buckets;
        $duration{"p$percent"} = $bucket ? $bucket->{le} + 0 : undef;
    }

    return \%duration;
}


sub _events {
    my ($of) = @_;
    my %events;

    for my $what (qw(waiting dead lag_seconds)) {
        $events{ $_->{event} }{$what} = $_->{value} + 0 for @{ $of->{"events_$what"} // [] };
    }

    return [map { { event => $_, %{ $events{$_} } } } sort keys %events];
}


# Runs are this gateway's, the last success is the cluster's.
sub _jobs {
    my ($of) = @_;
    my %jobs;

    for my $row (@{ $of->{job_runs_total} // [] }) {
        my $job = $jobs{ $row->{job} } //= { job => $row->{job}, runs => 0, failures => 0,
                                             success_at => undef };
        $job->{runs} += $row->{value};
        $job->{failures} += $row->{value} if $row->{outcome} ne 'ok';
    }

    for my $row (grep { $_->{value} } @{ $of->{job_success_timestamp_seconds} // [] }) {
        $jobs{ $row->{job} }{success_at} = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $row->{value});
    }

    return [map { $jobs{$_} } sort keys %jobs];
}


sub _text {
    my ($status) = @_;
    my $deployed = $status->{deployed};
    my $text = "$status->{plugin}\n";

    $text .= "  deployed  $deployed->{version}, " . ($deployed->{at} // '?') . ', signed by '
             . substr($deployed->{signer} // 'nobody', 0, 16) . "\n" if $deployed;
    $text .= "  a deployment is under way, or was killed\n"
        if defined $status->{switching};
    $text .= "  nginx is upgraded: this may be what workers of process $status->{upgrading}"
             . " say, which serve too\n" if $status->{upgrading};
    $text .= "  no worker runs it\n" if !@{ $status->{versions} };
    $text .= _version_text($_, $status->{workers}) for @{ $status->{versions} };

    return $text;
}


sub _version_text {
    my ($version, $workers) = @_;
    my ($signed, $duration, $memory) = @$version{qw(signed_by duration memory)};
    my $text = "  runs      $version->{version} on $version->{workers} of $workers workers, "
             . "$version->{state}, circuit $version->{circuit}, $version->{calls} calls, "
             . "$version->{errors} failed, $version->{kills} killed\n";

    $text .= '  signed    ' . join(', ', map { substr $_, 0, 16 }
                                         grep { defined } @$signed{qw(agency reviewer)}) . "\n"
        if $signed;
    $text .= sprintf("  latency   %.6f s on average, half %s, 99 of 100 %s\n", $duration->{mean},
                     map { defined ? "within $_ s" : 'longer' } @$duration{qw(p50 p99)})
        if $duration->{count};
    $text .= sprintf "  memory    %d bytes in all workers, at most %d in one; %.3f s of processor time\n",
                     @$memory{qw(bytes peak)}, $version->{cpu_seconds};
    $text .= "  queue     $version->{queued} calls for its database, "
             . _total(map { $_->{waiting} } @{ $version->{events} }) . ' events, '
             . _total(map { $_->{dead} } @{ $version->{events} }) . " given up\n";
    $text .= "  job       $_->{job}: $_->{runs} runs, $_->{failures} failed, last success "
             . ($_->{success_at} // 'never') . "\n" for @{ $version->{jobs} };

    return $text;
}


1;
