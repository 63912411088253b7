package IHanoi::Plugin::Deployment;

# What deploying a version and going back to one have in common: one at a time,
# what a killed one has left, a scratch gateway, the switch, and undoing all of
# it in reverse order when something fails.
#
#   my $deployment = IHanoi::Plugin::Deployment->begin($name, $opt);
#   $deployment->undo_with('what was undone', sub { ... });
#   $deployment->attempt($plugin);       # a scratch gateway
#   $deployment->activate($version, $plugin);
#   $deployment->done($version, $plugin, what => 'deploy');
#
# Whatever ends the program before done() undoes it, but SIGKILL: then the next
# deployment does.

use strict;
use warnings;
use File::Path ();
use JSON::PP ();
use Time::HiRes qw(sleep time);
use IHanoi::Command;
use IHanoi::Plugin::Database;
use IHanoi::Plugin::Folder;
use IHanoi::Plugin::Gateway qw(gateway_options $GATEWAY_HELP);
use IHanoi::Plugin::Home;
use IHanoi::Plugin::Scratch;

our $HELP = <<"HELP";
$GATEWAY_HELP
  --timeout N       seconds for each wait, default 60
  --keep N          versions that stay, the current one included; default 5

$IHanoi::Command::CONNECTION_HELP
HELP

sub deployment_options {
    return (gateway_options(), 'timeout=i', 'keep=i', connection());
}


# The one under way, for the end of the program.
my $running;

END {
    my $status = $?;
    $running->_undo if $running && $running->{owner} == $$;
    $? = $status;
}


sub begin {
    my ($class, $name, $opt) = @_;

    for my $option (grep { defined $opt->{$_} && $opt->{$_} < 1 } qw(timeout keep)) {
        print STDERR "ihanoi plugin: --$option N, at least 1\n";
        exit 2;
    }

    my $gateway = IHanoi::Plugin::Gateway->new($opt);
    my $home = home_of($gateway, $name);
    my $self = bless { name => $name, opt => $opt, gateway => $gateway,
                       home => $home, undo => [], step => 0, owner => $$,
                       timeout => $opt->{timeout} // 60 }, $class;

    $gateway->master
        or fail("nginx does not run with $gateway->{file}: start it first");

    # Its workers would serve what they have, whatever those of the other are told.
    my $old = $gateway->old_master;
    fail("nginx is upgraded: end that first, process $old serves, too") if $old;

    # Nothing else tells whether its workers run a version.
    $gateway->versions($name)
        or fail('/metrics at', $gateway->{metrics}{address}, 'does not answer: --metrics URL');
    $home->lock;
    $gateway->lock;
    $self->_recover;

    # Nor would nginx start with the first version where another plugin has none.
    my @none = defined $home->current ? ()
             : grep { $_ ne $name && !-e $gateway->plugin($_)->{path} } $gateway->plugins;
    @none and fail("$gateway->{file} does not load: no version of", join(', ', @none),
                   'is there, either; write one block, deploy, then the next');

    # Otherwise the first fault of something else would look like ours. What nginx has
    # against this plugin may be what the new version is for: a grant, a setting.
    my ($passes, $said) = defined $home->current ? $gateway->test : 1;

    if (!$passes) {
        print STDERR $said;
        $said =~ /\bplugin "\Q$name\E"/
            or fail("$gateway->{file} does not pass nginx -t as it is; nothing was done");
        print STDERR "so $gateway->{file} is not for ", $home->current, " any more\n";
        $self->{forward} = 1;
    }

    $running = $self;
    $SIG{$_} = sub { end_psql(); fail("ended by SIG$_[0]") } for qw(INT TERM HUP);
    $SIG{PIPE} = 'IGNORE';
    return $self;
}


sub place   { $_[0]{home} }
sub gateway { $_[0]{gateway} }


# HOME/NAME, as the configuration names it.
sub home_of {
    my ($gateway, $name) = @_;

    $name =~ /^[a-z][a-z0-9_]{0,31}\z/ or fail("\"$name\" is no name of a plugin");
    my $block = $gateway->plugin($name)
        or fail("$gateway->{file} has no \"ihanoi_plugin $name { path",
                "HOME/$name/current; ... }\": write what you grant it first");
    my ($home) = $block->{path} =~ m{^(.+)/\Q$name\E/current/?\z}
        or fail("the path of \"ihanoi_plugin $name\" in $gateway->{file} is",
                "\"$block->{path}\": make it HOME/$name/current, with a folder",
                'HOME of yours');

    return IHanoi::Plugin::Home->new($home, $name);
}


# nginx takes no candidate of the version that serves.
sub no_candidate {
    my ($self, $version) = @_;
    my $gateway = $self->{gateway};
    my $folder = $gateway->plugin($self->{name})->{candidate} // return;
    my ($candidate) = -d $folder ? look($folder) : ();

    !$candidate || "$self->{name}-$candidate->{version}" ne $version
        or fail("$version is the candidate: take \"candidate\" and",
                "\"candidate_database\" out of the block of $self->{name} in",
                "$gateway->{file}, without a reload, and deploy it again");
    return;
}


# A name keeps its type until nginx is restarted, whichever version has brought it, and
# /metrics tells it. Another one stops the reload, of which nginx -t knows nothing.
sub keeps_types {
    my ($self, $plugin) = @_;
    my $was = $self->{gateway}->types // {};
    my $manifest = JSON::PP->new->utf8->decode(slurp("$plugin->{folder}/plugin.json"));

    for my $metric (@{ $manifest->{metrics} // [] }) {
        my $name = "plugin_$manifest->{name}_$metric->{name}";
        my $type = $was->{$name} // $metric->{type};

        $type eq $metric->{type}
            or fail("the metric $name is a $metric->{type} and was a $type:",
                    'the agency must give it another name');
    }

    return;
}


# Says what is done now.
sub step {
    my ($self, @what) = @_;
    printf STDERR "%2d  %s\n", ++$self->{step}, "@what";
    return;
}


# Returns what takes that back.
sub undo_with {
    my ($self, $what, $code) = @_;
    my $step = [$what, $code];

    push @{ $self->{undo} }, $step;
    return sub { @{ $self->{undo} } = grep { $_ != $step } @{ $self->{undo} } };
}


sub _undo {
    my ($self) = @_;

    undef $running;
    local @SIG{qw(INT TERM HUP)} = ('IGNORE') x 3;
    local $IHanoi::Command::catches = 1;
    $self->{scratch}->stop if $self->{scratch};

    my $stuck = 0;
    while (my $step = pop @{ $self->{undo} }) {
        my ($what, $code) = @$step;
        my $said = eval { $code->() };

        # What was done before it is what it stands on.
        if (!defined $said) {
            print STDERR "NOT undone: $what: " . ($@ || "it failed\n"),
                         map { "stays: $_->[0]\n" } reverse @{ $self->{undo} };
            print STDERR "mend that and deploy again, which finds what is left\n";
            $stuck = 1;
            last;
        }

        print STDERR "undone: $what", (length $said ? ", $said" : ''), "\n";
    }

    File::Path::remove_tree($self->{home}->staging);
    print STDERR "stays: migration $_\n" for @{ $self->{migrated} // [] };
    my $current = $self->{home}->current;
    print STDERR defined $current ? "$current serves, as before\n"
                                  : "no version of $self->{name} serves, as before\n"
        if !$stuck;
    return;
}


# What a deployment that was killed has left: a scratch gateway ends with its
# parent, the rest is a switch that nobody finished.
sub _recover {
    my ($self) = @_;
    my ($home, $gateway) = @$self{qw(home gateway)};
    my ($was, @workers) = $home->interrupted;

    IHanoi::Plugin::Scratch::forget($gateway, $self->{name});
    return if !defined $was;

    my $current = $home->current;

    if (defined $current && $current ne $was) {
        my $runs = $gateway->versions($self->{name}) // {};
        my ($version) = $current =~ /^\Q$self->{name}\E-(.*)/;
        my %now = map { $_ => 1 } $gateway->workers;

        # Workers from before the switch have it as their candidate, if at all.
        if (!grep({ $now{$_} } @workers) && grep { (split ' ')[0] eq $version } keys %$runs) {
            print STDERR "a deployment of $current was killed when it was almost",
                         " done: it serves\n";
            $home->record(what => 'deploy', version => $current, killed => 1);

        } else {
            $home->point_to(length $was ? $was : undef);
            print STDERR "a deployment of $current was killed: back to ",
                         length $was ? $was : 'none', "\n";
        }
    }

    $home->settle;
    return;
}


# The plugin's database, or undef when it has none. Where it is the configuration says,
# unless somebody does.
sub database {
    my ($self, $plugin) = @_;

    return if !$plugin->{database};

    if (!$self->{connected}++) {
        my $opt = $self->{opt};
        my $block = $self->{gateway}->plugin($self->{name})->{database};
        my $there = defined $block ? $self->{gateway}->database($block) : {};

        my $dbname = $opt->{dbname} // $ENV{PGDATABASE} // $there->{dbname};

        $there = {} if defined $opt->{host} || defined $ENV{PGHOST};
        psql_args({ %$there, map({ $_ => $opt->{$_} } grep { defined $opt->{$_} } keys %$opt),
                    dbname => $dbname });
    }

    return IHanoi::Plugin::Database->new($plugin, sub { $self->undo_with(@_) });
}


# A scratch gateway with it, on the operator's own configuration.
sub attempt {
    my ($self, $plugin) = @_;

    $self->step('try it in a gateway of its own');
    $self->{scratch} = IHanoi::Plugin::Scratch->start($self->{gateway}, $plugin,
                                                      $self->{timeout});
    my $said = $self->{scratch}->try;
    (delete $self->{scratch})->stop;
    print STDERR "    operations: $said\n";
    return;
}


# Makes it the version that serves.
sub activate {
    my ($self, $version, $plugin) = @_;
    my ($home, $gateway) = @$self{qw(home gateway)};
    my $before = $home->current;
    my $candidate = $self->_runs($plugin);
    my $reloaded = 0;

    $self->step("switch to $version");
    $self->undo_with("the switch to $version", sub {

        # Somebody else may have reloaded meanwhile.
        $reloaded ||= !$candidate && $self->_runs($plugin);

        # Without it the configuration that now runs would not load again.
        if ($reloaded && (!defined $before || $self->{forward})) {
            $home->settle;
            die 'nginx may run it, and ',
                defined $before ? "$gateway->{file} is not for $before any more\n"
                : "it is the first version: to be rid of it remove its block and reload\n";
        }

        $home->point_to($before);
        $home->settle;
        return '' if !$reloaded;

        my @old = $gateway->workers;
        my ($passes, $said) = $gateway->reload;
        $passes or die "nginx does not reload: $said\n";
        my ($was) = look($home->folder($before));
        $self->_wait($was, @old) or die "$before is not served again by all workers: "
                                . "see the error log of nginx\n";

        # What it stands on goes next, and its last calls need that.
        my $end = time + $self->{timeout};
        while ($before ne $version && $self->_runs($plugin)) {
            time < $end or die "$before serves, but calls of $version are not over\n";
            sleep 0.05;
        }

        return "all workers run $before";
    });
    $home->switch($version, $gateway->workers);

    my ($passes, $said) = $gateway->test;
    $passes or print STDERR $said;
    $passes or fail("nginx -t refuses $version");

    $self->step('reload nginx and wait for its workers');
    $reloaded = 1;
    my @old = $gateway->workers;
    ($passes, $said) = $gateway->reload;
    if (!$passes) {
        $reloaded = 0;
        print STDERR $said;
        fail('nginx does not reload');
    }

    my $workers = $self->_wait($plugin, @old)
        or fail("not all workers said in $self->{timeout} seconds that they run",
                "$version; see the error log of nginx");
    print STDERR "    $workers workers run $version\n";
    return;
}


# Whether a worker runs it, as far as anybody can tell.
sub _runs {
    my ($self, $plugin) = @_;
    my $versions = $self->{gateway}->versions($self->{name}) // return 1;
    return $versions->{"$plugin->{version} $plugin->{hash}"} // 0;
}


# Until every worker that takes connections says that it has the version: their
# number, or 0 when time is over.
sub _wait {
    my ($self, $plugin, @old) = @_;
    my %old = map { $_ => 1 } @old;
    my $end = time + $self->{timeout};
    my $key = "$plugin->{version} $plugin->{hash}";

    while (time < $end) {
        my $workers = my @workers = $self->{gateway}->workers;
        my $versions = $workers ? $self->{gateway}->versions($self->{name}) : undef;
        my $have = $versions ? $versions->{$key} // 0 : 0;

        # Those from before the reload may have the same version, and count
        # until their last request has ended.
        return $workers if $workers && $have >= $workers
                           && !grep { $old{$_} } @workers;
        sleep 0.05;
    }

    return 0;
}


# The end of one that only looked.
sub nothing_done {
    my ($self) = @_;

    undef $running;
    File::Path::remove_tree($self->{home}->staging);
    print STDERR "nothing was changed\n";
    return;
}


# The end of one that is there for a candidate.
sub prepared {
    my ($self, $version, %what) = @_;

    $self->{home}->record(version => $version, what => 'prepare', %what);
    $self->{undo} = [];
    undef $running;
    return;
}


# The end of one that serves: written down, and old versions removed.
sub done {
    my ($self, $version, $plugin, %what) = @_;
    my $home = $self->{home};
    my $before = $home->before($version);

    $home->record(version => $version, %what);
    $home->settle;
    $self->{undo} = [];
    undef $running;

    # It serves, whatever comes of these.
    local @SIG{qw(INT TERM HUP)} = ('IGNORE') x 3;
    local $IHanoi::Command::catches = 1;
    eval { $self->_remove_old($version, $plugin, $before); 1 }
        or print STDERR "old versions stay until the next time: $@";
    return;
}


sub _remove_old {
    my ($self, $version, $plugin, $before) = @_;
    my ($home, $keep) = ($self->{home}, $self->{opt}{keep} // 5);

    # What stays: this version, the one to go back to, those that a worker
    # still runs, and of the rest the last ones.
    my $runs = $self->{gateway}->versions($self->{name})
        // die "/metrics does not say what runs\n";
    my %stays = map { $_ => 1 } $version, $before // (),
                map { "$self->{name}-" . (split ' ')[0] } keys %$runs;
    my @rest = grep { !$stays{$_} } $home->versions;
    my $room = $keep - ($before ? 2 : 1);

    my @old = splice @rest, $room < 0 ? 0 : $room > @rest ? scalar @rest : $room
        or return;

    # Functions first: a folder that is left is tried again the next time.
    my $database = $self->database($plugin);
    $database->drop_versions(map { s/^\Q$self->{name}\E-//r } @old) or return
        if $database;

    for my $old (@old) {
        $home->remove($old);
        print STDERR "removed $old\n";
    }

    return;
}


1;
