package IHanoi::Test::Database;

# A fresh database in the suite's private cluster, cloned from a template
# that is migrated once for each state of sql/.

use strict;
use warnings;
use Digest::SHA;
use Fcntl qw(:flock);
use File::Find ();
use IHanoi::Cluster;
use IHanoi::Release qw(release_name);
use IHanoi::Test::Psql qw(run_psql);
use IHanoi::Test::Session;

my ($cluster, $count, @databases) = (undef, 0);


# database():
#   empty   true: no migrations, PostgreSQL's own template1
sub new {
    my ($class, %arg) = @_;
    my $tree = $arg{tree};

    if (!defined $cluster) {
        $cluster = IHanoi::Cluster->of_tests($tree);
        $cluster->start;
    }

    my $self = bless {
        tree    => $tree,
        name    => "test_${$}_" . ++$count,
        socket  => $cluster->socket,
        port    => $cluster->port,
        release => $arg{empty} ? undef : release_name($tree),
        pid     => $$,
    }, $class;

    my $template = $arg{empty} ? 'template1' : _template($tree);

    # Copying files is a third of writing all pages to the log, when there is no fsync.
    _admin("create database $self->{name} template $template strategy file_copy");
    push @databases, $self;

    return $self;
}


# The suite's cluster object: socket, port, stop, start.
sub cluster { return $cluster }


# Runs SQL as the superuser, or as another role with user => 'ihanoi_read'.
# Returns the rows as text: in scalar context the first value of the first
# row; in list context a list of lists. Null is undef. Dies on an error with
# PostgreSQL's message.
sub sql {
    my ($self, $text, %arg) = @_;
    my ($rows, $error) = $self->_psql($text, %arg);

    die "$error\n" if length $error && $error =~ /^(?:psql:.*)?ERROR|FATAL/m;
    return wantarray ? @$rows : $rows->[0][0];
}


# A psql that stays: IHanoi::Test::Session.
sub session {
    my ($self, %arg) = @_;
    return IHanoi::Test::Session->new($self, %arg);
}


# Runs SQL that should fail and returns its message, "ERROR:  SQLSTATE: ...";
# an empty string when it did not fail.
sub sql_error {
    my ($self, $text, %arg) = @_;
    my (undef, $error) = $self->_psql($text, %arg, verbose => 1);
    return $error;
}


sub _psql {
    my ($self, $text, %arg) = @_;

    return run_psql(
        text    => $text,
        verbose => $arg{verbose},
        args    => [$self->psql_args(%arg)],
        options => '-c search_path=' . $self->search_path
                   . ' -c client_min_messages=warning',
    );
}


# A release's functions are called unqualified, as the gateway does.
sub search_path {
    my ($self) = @_;
    return defined $self->{release} ? "code_$self->{release},public" : 'public';
}


# Of psql, to be the superuser in this database, or user => another one.
sub psql_args {
    my ($self, %arg) = @_;
    return ('-h', $self->{socket}, '-p', $self->{port},
            '-U', $arg{user} // 'postgres', '-d', $self->{name});
}


# Roles are the cluster's, so their names have to be this run's: these go with the
# database.
sub own_roles {
    my ($self, @roles) = @_;
    push @{ $self->{roles} }, @roles;
    return;
}


sub drop {
    my ($self) = @_;

    return if $self->{dropped}++ || $self->{pid} != $$ || !$cluster->is_running;
    _admin("drop database if exists $self->{name} with (force)");
    _admin("drop role if exists $_") for @{ $self->{roles} };
    return;
}


sub drop_all {
    $_->drop for @databases;
    return;
}


# One statement as superuser in the maintenance database.
sub _admin {
    my ($text) = @_;

    my (undef, $error) = run_psql(
        text => $text,
        args => ['-h', $cluster->socket, '-p', $cluster->port,
                 '-U', 'postgres', '-d', 'postgres'],
        options => '-c client_min_messages=warning',
    );

    die "$error\n" if $error =~ /ERROR|FATAL/;
    return;
}


# The template's name has a hash over all that makes it, so an edit in sql/
# gives another one and the old ones are dropped.
sub _template {
    my ($tree) = @_;
    my $sha = Digest::SHA->new(256);
    my @files = ("$tree/bin/commands/migrate");

    File::Find::find({ no_chdir => 1, wanted => sub {
        push @files, $_ if /\.sql$/ && -f && !m{/demo/};
    } }, "$tree/sql") if -d "$tree/sql";

    for my $file (sort @files) {
        $sha->add("$file\0");
        $sha->addfile($file);
    }

    my $name = 'template_' . substr $sha->hexdigest, 0, 16;

    open my $lock, '>', $cluster->place . '/template.lock'
        or die "template.lock: $!\n";
    flock $lock, LOCK_EX or die "template.lock: $!\n";

    my @args = ('-h', $cluster->socket, '-p', $cluster->port,
                '-U', 'postgres', '-d', 'postgres');
    my ($rows) = run_psql(args => \@args, text =>
        q{select datname from pg_database where datname like 'template\_%'});
    my @there = grep { defined } map { $_->[0] } @$rows;

    return $name if grep { $_ eq $name } @there;

    _admin("drop database $_ with (force)") for @there;
    _admin('drop database if exists building with (force)');
    _admin('create database building');

    my $log = $cluster->place . '/migrate.log';
    system("'$tree/bin/ihanoi' migrate --host '@{[$cluster->socket]}'"
           . " --port @{[$cluster->port]} --user postgres --dbname building"
           . " > '$log' 2>&1");

    if ($? != 0) {
        open my $fh, '<', $log or die "$log: $!\n";
        my $text = join '', <$fh>;
        _admin('drop database building with (force)');
        die "the migrations failed:\n$text";
    }

    _admin("alter database building rename to $name");
    return $name;
}


1;
