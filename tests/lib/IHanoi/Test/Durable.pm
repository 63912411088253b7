package IHanoi::Test::Durable;

# A database in a cluster of its own, with fsync on: for tests that stop and
# crash PostgreSQL, which the suite's cluster must not see.
#
#   my $db = IHanoi::Test::Durable->new(wal_writer_delay => '10s');
#   $db->sql(...);  $db->crash;
#
# It has what a gateway needs of a database and the methods of
# IHanoi::Test::Database; its cluster goes with the test.

use strict;
use warnings;
use parent -norequire, 'IHanoi::Test::Database';
use IHanoi::Cluster;
use IHanoi::Release qw(release_name);
use IHanoi::Test ();

my @all;


# Settings of postgresql.conf.
sub new {
    my ($class, %settings) = @_;
    my $tree = IHanoi::Test::tree();

    my $cluster = IHanoi::Cluster->new(
        tree     => $tree,
        name     => "durable-$$-" . @all,
        tests    => 1,
        settings => {
            shared_buffers   => '64MB',
            max_connections  => 100,
            listen_addresses => '127.0.0.1',
            %settings,
        },
    );

    my $self = bless {
        tree    => $tree,
        name    => 'durable',
        release => release_name($tree),
        cluster => $cluster,
        pid     => $$,
        dropped => 1,
    }, $class;

    push @all, $self;
    $cluster->start;
    $self->{socket} = $cluster->socket;
    $self->{port} = $cluster->port;

    {
        local $self->{name} = 'postgres';
        local $self->{release};
        $self->sql('create database durable');
    }

    my $log = $cluster->place . '/migrate.log';
    system("'$tree/bin/ihanoi' migrate --host '$self->{socket}'"
           . " --port $self->{port} --user postgres --dbname durable"
           . " > '$log' 2>&1") == 0
        or do { open my $fh, '<', $log; die 'the migrations failed: ', <$fh> };

    return $self;
}


# As if the machine's power went: no shutdown, no flush; then a start with
# recovery.
sub crash { return $_[0]{cluster}->restart('immediate') }


sub forget {
    my ($self) = @_;

    return if $self->{pid} != $$ || $self->{forgotten}++;
    $self->{cluster}->forget;
    unlink $self->{cluster}->place . '/migrate.log';
    rmdir $self->{cluster}->place;
    return;
}


# Gateways first: IHanoi::Test's END, registered before ours, runs after it,
# but a gateway bears a database that is gone.
END {
    my $status = $?;
    $_->forget for @all;
    $? = $status;
}


1;
