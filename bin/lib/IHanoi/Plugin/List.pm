package IHanoi::Plugin::List;

# ihanoi plugin list.

use strict;
use warnings;
use JSON::PP ();
use IHanoi::Command;
use IHanoi::Plugin::Deployment;
use IHanoi::Plugin::Gateway qw(gateway_options $GATEWAY_HELP);


sub run {
    my $opt = options(<<"USAGE", 'json', gateway_options());
usage: ihanoi plugin list [NAME] [options]

The plugins that nginx.conf names and their versions on this gateway: * is the
current one; then what was done with it last and when, and whose key signed it
(the beginning of its fingerprint, as "verify" tells it).

  --json            an object a line

$GATEWAY_HELP
USAGE

    if (@ARGV > 1) {
        print STDERR "ihanoi plugin list: one NAME at most\n";
        exit 2;
    }

    my $gateway = IHanoi::Plugin::Gateway->new($opt);
    my @names = @ARGV ? @ARGV : sort $gateway->plugins;

    for my $name (@names) {
        my $block = $gateway->plugin($name)
            or fail("$gateway->{file} has no \"ihanoi_plugin $name\"");

        if ($block->{path} !~ m{/\Q$name\E/current/?\z}) {
            _print($opt, { plugin => $name, path => $block->{path} });
            next;
        }

        my @versions = versions(IHanoi::Plugin::Deployment::home_of($gateway, $name));
        _print($opt, $_) for @versions;
        print STDERR "no version of $name is here\n" if !@versions;
    }

    return 0;
}


# Versions of a Home: { plugin, version, current, what, at, signer, digest }.
sub versions {
    my ($home) = @_;
    my $current = $home->current // '';
    my (%last, %signer);

    for my $record ($home->records) {
        $last{ $record->{version} } = $record;
        $signer{ $record->{version} } = $record->{signer} if $record->{signer};
    }

    return map { {
        plugin  => $home->{name},
        version => s/^\Q$home->{name}\E-//r,
        current => $_ eq $current ? JSON::PP::true : JSON::PP::false,
        what    => $last{$_}{what},
        at      => $last{$_}{at},
        signer  => $signer{$_},
        digest  => scalar $home->digest($_),
    } } $home->versions;
}


sub _print {
    my ($opt, $row) = @_;

    if ($opt->{json}) {
        print JSON::PP->new->utf8->canonical->encode($row), "\n";
    } elsif (defined $row->{path}) {
        print "  $row->{plugin}  $row->{path}, not deployed by this command\n";
    } else {
        printf "%s %-20s %-12s %-8s %-20s %s\n", $row->{current} ? '*' : ' ',
            $row->{plugin}, $row->{version}, $row->{what} // 'never', $row->{at} // '-',
            $row->{signer} ? substr($row->{signer}, 0, 16) : 'unsigned';
    }

    return;
}


1;
