package IHanoi::Plugin::Deploy;

# ihanoi plugin deploy.

use strict;
use warnings;
use File::Path qw(make_path remove_tree);
use IHanoi::Command;
use IHanoi::Plugin::Compare qw(compare);
use IHanoi::Plugin::Deployment;
use IHanoi::Plugin::Folder;
use IHanoi::Plugin::Signature;
use IHanoi::Plugin::Verify qw(verified trust stage $TRUST_HELP);


sub run {
    my @spec = (qw(dry-run|n candidate), trust(),
                IHanoi::Plugin::Deployment::deployment_options());
    my $opt = options(<<"USAGE", @spec);
usage: ihanoi plugin deploy ARCHIVE --keys DIR [options]

Puts a version into service: verifies the archive, unpacks it to
HOME/NAME/versions, holds its contract against the one that serves, runs its
migrations and makes its functions, tries it in a gateway of its own, switches
HOME/NAME/current, reloads nginx and waits until every worker says that it runs
it. HOME is what nginx.conf has as the plugin's path: HOME/NAME/current.

When anything fails the version before goes on serving, and what was done is
undone and told, in reverse order. Migrations stay: they only add. No request is
lost.

  -n, --dry-run     verify, compare, say which migrations would run; change
                    nothing
  --candidate       all that comes before the switch: the version that serves
                    stays, and nginx.conf may have this one as its candidate

$TRUST_HELP
$IHanoi::Plugin::Deployment::HELP
Exit code: 0 it serves, or is prepared; 1 it failed and nothing is changed;
2 usage; 3 refused: two contents under one version, an edited migration, or a
contract that breaks callers without saying so.
USAGE

    if (@ARGV != 1) {
        print STDERR "ihanoi plugin deploy: one ARCHIVE\n";
        exit 2;
    }

    # Before a lock is taken: what is wrong with an archive costs nobody's time.
    my $found = verified($ARGV[0], $opt);
    my ($name, $version) = @$found{qw(name top)};
    my $deployment = IHanoi::Plugin::Deployment->begin($name, $opt);
    my %keys = ($found->{agency} ? (signer => fingerprint($found->{agency})) : (),
                $found->{reviewer} ? (reviewer => fingerprint($found->{reviewer})) : ());

    if ($opt->{candidate}) {
        my $current = $deployment->place->current // fail("no version of $name serves");
        $current ne $version or fail("$version serves already");
    } else {
        $deployment->no_candidate($version);
    }

    my ($plugin) = look(_unpack($deployment, $found, $opt));

    _compare($deployment, $plugin);
    $deployment->keeps_types($plugin);
    _migrate($deployment, $plugin, $opt);

    if ($opt->{'dry-run'}) {
        $deployment->nothing_done;
        print "$name $found->{version} $found->{hash}\n";
        return 0;
    }

    $deployment->attempt($plugin);
    IHanoi::Plugin::Verify::remember($found, $_)
        for $opt->{versions}, $deployment->place->known;

    if ($opt->{candidate}) {
        $deployment->prepared($version, digest => $found->{hash}, %keys);
        print STDERR 'candidate ', $deployment->place->folder($version), " \$variable;\n";
    } else {
        $deployment->activate($version, $plugin);
        $deployment->done($version, $plugin, what => 'deploy', digest => $found->{hash}, %keys);
    }

    print "$name $found->{version} $found->{hash}\n";
    return 0;
}


# The version's folder, unpacked unless it is there with the same contents.
sub _unpack {
    my ($deployment, $found, $opt) = @_;
    my $home = $deployment->place;
    my $folder = $home->folder($found->{top});

    $deployment->step("unpack $found->{top}");

    # For ever, also when it was removed since; and before its SQL runs.
    IHanoi::Plugin::Verify::not_another($found, $_) for $opt->{versions}, $home->known;

    if (-e $folder) {
        my ($plugin) = look($folder);
        ($plugin ? $plugin->{hash} : '') eq $found->{hash}
            or refuse("$folder is there with other contents:",
                      'the agency must raise the version');
        IHanoi::Plugin::Verify::signed($found, $folder) if !$opt->{'dry-run'};
        print STDERR "    it is there already, with these contents\n";
        return $folder;
    }

    make_path($home->staging);
    my $staged = stage($found, $home->staging);
    return $staged if $opt->{'dry-run'};

    $deployment->undo_with("the unpacking of $found->{top}", sub {
        remove_tree($folder);
        return '';
    });
    rename $staged, $folder or fail("could not rename to $folder: $!");
    rmdir $home->staging;
    return $folder;
}


# The contract against that of the version that serves.
sub _compare {
    my ($deployment, $plugin) = @_;
    my $home = $deployment->place;
    my $current = $home->current // return;

    return if $current eq "$plugin->{name}-$plugin->{version}";

    $deployment->step("compare it with $current");
    my $result = eval { compare($home->folder($current), $plugin->{folder}) }
        or do { chomp $@; fail($@) };
    my @breaks = grep { $_->{level} ne 'compatible' } @{ $result->{changes} };

    print STDERR '    ', IHanoi::Plugin::Compare::change_text($_) for @breaks;
    $result->{allowed}
        or refuse("$plugin->{version} breaks callers of $result->{old}: call it",
                  IHanoi::Plugin::Compare::next_version($result->{old}),
                  'or higher, or leave that out');
    return;
}


# Its database: roles, migrations, functions.
sub _migrate {
    my ($deployment, $plugin, $opt) = @_;
    my $database = $deployment->database($plugin) or return;

    $deployment->step('migrate its database');

    if ($opt->{'dry-run'}) {
        print STDERR "    would run $_->{name}\n" for $database->pending;
        return;
    }

    $database->prepare;
    $database->migrate(sub {
        print STDERR "    ran $_[0]\n";
        push @{ $deployment->{migrated} }, $_[0];
    });
    $database->code and print STDERR "    made $plugin->{code}\n";
    return;
}


1;
