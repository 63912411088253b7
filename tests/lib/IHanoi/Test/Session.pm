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
use IO::Select;
use IPC::Open2 qw(open2);

my $marks = 0;


sub new {
    my ($class, $db, %arg) = @_;
    my $path = defined $db->{release} ? "code_$db->{release},public" : 'public';
    my $self = bless { buffer => '', owner => $$ }, $class;

    local $ENV{PGOPTIONS} = "-c search_path=$path";

    # Errors are printed where results are, in their order.
    $self->{pid} = open2(my $out, my $in, 'sh', '-c', 'exec "$@" 2>&1', 'sh',
        'psql', '-X', '-q', '-A', '-t', '-v', 'VERBOSITY=sqlstate',
        '-h', $db->{socket}, '-p', $db->{port}, '-U', $arg{user} // 'postgres',
        '-d', $db->{name});
    $in->autoflush(1);
    binmode $_, ':raw' for $in, $out;
    @$self{qw(in out)} = ($in, $out);
    return $self;
}


sub start {
    my ($self, $sql) = @_;

    $self->{mark} = 'mark ' . ++$marks;
    utf8::encode($sql) if utf8::is_utf8($sql);
    print { $self->{in} } "$sql;\n\\echo $self->{mark}\n";
    return;
}


# True when what was started has ended, at the latest after so many seconds.
sub is_ready {
    my ($self, $seconds) = @_;

    while ($self->{buffer} !~ /^\Q$self->{mark}\E\n/m) {
        IO::Select->new($self->{out})->can_read($seconds) or return 0;
        sysread $self->{out}, $self->{buffer}, 65536, length $self->{buffer}
            or die "psql ended: $self->{buffer}\n";
    }

    return 1;
}


# Waits for what was started and returns what it printed, without the last
# line's end.
sub finish {
    my ($self) = @_;

    $self->is_ready(60) or die "psql does not answer\n";
    $self->{buffer} =~ s/\A(.*?)^\Q$self->{mark}\E\n//ms;
    return $1 =~ s/\n\z//r;
}


sub do {
    my ($self, $sql) = @_;

    $self->start($sql);
    return $self->finish;
}


sub DESTROY {
    my ($self) = @_;

    if ($self->{owner} == $$) {
        local $?;
        close $self->{in};
        waitpid $self->{pid}, 0;
    }
}


1;
