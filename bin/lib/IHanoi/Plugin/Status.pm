package IHanoi::Plugin::Status;

# ihanoi plugin status.

use strict;
use warnings;
use JSON::PP ();
use IHanoi::Command;
use IHanoi::Plugin::Deployment;
use IHanoi::Plugin::Gateway qw(gateway_options $GATEWAY_HELP);
use IHanoi::Plugin::List;

my @CIRCUIT = qw(closed open half-open disabled);


sub run {
    my $opt = options(<<"USAGE", 'json', gateway_options());
usage: ihanoi plugin status [NAME] [options]

What the running gateway says of its plugins, from /metrics: the version that
its workers run, calls and how many of them failed, and the circuit ("disabled"
is the kill switch). And what is deployed: the version, when, and whose key
signed it.

  --json            an object a line

$GATEWAY_HELP
Exit code: 0 all workers run what is deployed, and no circuit is open; 1 not;
2 usage.
USAGE

    if (@ARGV > 1) {
        print STDERR "ihanoi plugin status: one NAME at most\n";
        exit 2;
    }

    my $gateway = IHanoi::Plugin::Gateway->new($opt);
    my @names = @ARGV ? @ARGV : sort $gateway->plugins;
    my $series = $gateway->series(qw(ihanoi_plugin_info ihanoi_plugin_calls_total
                                     ihanoi_plugin_circuit))
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
    my @mine = grep { $_->{plugin} eq $name } @$series;
    my %versions;

    for my $row (@mine) {
        my $version = $versions{ $row->{version} } //=
            { version => $row->{version}, workers => 0, calls => 0, errors => 0,
              circuit => 'closed' };

        if ($row->{family} eq 'ihanoi_plugin_info') {
            $version->{workers} += $row->{value};
        } elsif ($row->{family} eq 'ihanoi_plugin_circuit') {
            $version->{circuit} = $CIRCUIT[$row->{value}] // $row->{value};
        } else {
            $version->{calls} += $row->{value};
            $version->{errors} += $row->{value} if $row->{outcome} ne 'ok';
        }
    }

    my @runs = sort { $a->{version} cmp $b->{version} }
               grep { $_->{workers} } values %versions;
    my %status = (plugin => $name, versions => \@runs, workers => $workers);

    if ($gateway->plugin($name)->{path} =~ m{/\Q$name\E/current/?\z}) {
        my $home = IHanoi::Plugin::Deployment::home_of($gateway, $name);
        ($status{deployed}) = grep { $_->{current} } IHanoi::Plugin::List::versions($home);
        $status{switching} = $home->interrupted;
    }

    my $deployed = $status{deployed};
    my ($serves) = grep { !$deployed || $_->{version} eq $deployed->{version} } @runs;

    $status{well} = $serves && $serves->{workers} >= $workers && $workers
                    && $serves->{circuit} eq 'closed' ? JSON::PP::true
                                                      : JSON::PP::false;
    return \%status;
}


sub _text {
    my ($status) = @_;
    my $deployed = $status->{deployed};
    my $text = "$status->{plugin}\n";

    $text .= "  deployed  $deployed->{version}, " . ($deployed->{at} // '?') . ', signed by '
             . substr($deployed->{signer} // 'nobody', 0, 16) . "\n" if $deployed;
    $text .= "  a deployment is under way, or was killed\n"
        if defined $status->{switching};
    $text .= "  no worker runs it\n" if !@{ $status->{versions} };

    for my $version (@{ $status->{versions} }) {
        $text .= "  runs      $version->{version} on $version->{workers} of "
               . "$status->{workers} workers, circuit $version->{circuit}, "
               . "$version->{calls} calls, $version->{errors} failed\n";
    }

    return $text;
}


1;
