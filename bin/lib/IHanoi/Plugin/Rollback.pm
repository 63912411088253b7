package IHanoi::Plugin::Rollback;

# ihanoi plugin rollback.

use strict;
use warnings;
use IHanoi::Command;
use IHanoi::Plugin::Deployment;
use IHanoi::Plugin::Folder;


sub run {
    my $opt = options(<<"USAGE", IHanoi::Plugin::Deployment::deployment_options());
usage: ihanoi plugin rollback NAME [VERSION] [options]

Puts a version that was deployed before back into service: by default the one
that served last before the current one. The same way as a deployment, and as
safe: tried in a gateway of its own, switched, reloaded, waited for; undone when
it fails.

The database is not rolled back: tables stay as the newest version has made
them, which that version has to live with (docs/plugins.md).

$IHanoi::Plugin::Deployment::HELP
Exit code: 0 it serves; 1 it failed and nothing is changed; 2 usage; 3 refused:
its contents are not those that were deployed.
USAGE

    if (@ARGV < 1 || @ARGV > 2) {
        print STDERR "ihanoi plugin rollback: NAME, and a VERSION at most\n";
        exit 2;
    }

    my ($name, $wanted) = @ARGV;
    my $deployment = IHanoi::Plugin::Deployment->begin($name, $opt);
    my $home = $deployment->place;
    my $current = $home->current // fail("no version of $name is deployed");
    my $version = defined $wanted ? "$name-$wanted" : $home->before($current);

    defined $version
        or fail("there is no version before $current: ihanoi plugin list");
    $version ne $current or fail("$version serves already");
    grep { $_ eq $version } $home->versions
        or fail("$version is not here: ihanoi plugin list");
    $deployment->no_candidate($version);

    $deployment->step("look at $version");
    my ($plugin, @findings) = look($home->folder($version));
    report(\*STDERR, grep { is_error($_) } @findings);
    $plugin or fail("$version is not good any more");
    $plugin->{hash} eq ($home->digest($version) // '')
        or refuse("$version has other contents than those that were accepted");

    $deployment->keeps_types($plugin);
    _database($deployment, $plugin);
    $deployment->attempt($plugin);
    $deployment->activate($version, $plugin);
    $deployment->done($version, $plugin, what => 'rollback', digest => $plugin->{hash});

    print "$name $plugin->{version} $plugin->{hash}\n";
    return 0;
}


# Its functions, if they were dropped. Tables stay.
sub _database {
    my ($deployment, $plugin) = @_;
    my $database = $deployment->database($plugin) or return;

    $deployment->step('find its functions; migrations are not undone');
    $database->prepare;
    $database->code and print STDERR "    made $plugin->{code}\n";
    return;
}


1;
