package IHanoi::Test::Session;

# A psql that stays, so that a test has transactions beside each other.
#
#   my $s = $db->session;                  # or session(user => 'ihanoi_write')
#   $s->do('begin');                       # returns what it printed
#   $s->start('select pg_sleep(1)');       # does not wait ...
#   $s->is_ready(0.5);                     # ... nor for more than half a second
#   my $said = $s->finish;                 # ... until here

use strict;
use warnings;
use parent 'IHanoi::Test::Psql';


sub new {
    my ($class, $db, %arg) = @_;

    return $class->SUPER::new(
        options => '-c search_path=' . $db->search_path,
        args    => ['-v', 'VERBOSITY=sqlstate', $db->psql_args(%arg)],
    );
}


sub start {
    my ($self, $sql) = @_;

    utf8::encode($sql) if utf8::is_utf8($sql);
    $self->put("$sql;\n");
    return;
}


# True when what was started has ended, at the latest after so many seconds.
sub is_ready {
    my ($self, $seconds) = @_;
    my $ready = $self->SUPER::is_ready($seconds);

    die "psql ended: $self->{buffer}\n" if $self->{ended};
    return $ready;
}


# Waits for what was started and returns what it printed, without the last
# line's end.
sub finish {
    my ($self) = @_;

    $self->is_ready(60) or die "psql does not answer\n";
    return $self->taken =~ s/\n\z//r;
}


sub do {
    my ($self, $sql) = @_;

    $self->start($sql);
    return $self->finish;
}


1;
