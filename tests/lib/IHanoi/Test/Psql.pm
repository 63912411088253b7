package IHanoi::Test::Psql;

# A psql that stays. To start one, and a backend for it, costs more than a hundred
# times what a statement does, and the suite runs thousands of them.
#
#   my ($rows, $error) = run_psql(args => ['-d', $name], text => 'select 1');
#
# An object belongs to the process that made it: a child leaves its parent's alone.

use strict;
use warnings;
use Exporter qw(import);
use IO::Handle;
use IO::Select;
use IPC::Open3 qw(open3);

our @EXPORT_OK = qw(run_psql);

# Unit and record separators: values may hold tabs and new lines.
my @FORMAT = ('-F', "\x1f", '-R', "\x1e", '-P', "null=\x1d");

# What a new psql would not have: a transaction that was left open, settings,
# locks, temporary tables. One is begun first: without any to roll back the server
# would write a warning to its log.
my $RESET = "set client_min_messages = error;\nbegin;\nrollback;\ndiscard all;\n";

my $marks = 0;
my %resting;


# (rows, stderr) of a text that psql runs up to its first error. A row is a list, and
# null undef.
#   args      of psql
#   options   of the session, for PGOPTIONS
#   verbose   true: errors with their SQLSTATE and place
sub run_psql {
    my (%arg) = @_;
    my $key = join "\0", $$, $arg{options} // '', @{ $arg{args} };

    # One that ended, or whose caller was interrupted, does not come back.
    while (1) {
        my $rested = delete $resting{$key};
        my $psql = $rested // __PACKAGE__->_for_texts(%arg);
        my ($started, $output) = $psql->_run($arg{text}, $arg{verbose});

        # The server may have closed its connection: then nothing was run.
        next if $rested && !$started;

        $resting{$key} = $psql if !$psql->{ended};
        my @rows = map { [map { $_ eq "\x1d" ? undef : $_ } split /\x1f/, $_, -1] }
                   split /\x1e/, $output;
        return (\@rows, $psql->_errors);
    }
}


# Options of run_psql(). Errors are printed where results are, in their order, or
# in a file of their own.
sub new {
    my ($class, %arg) = @_;
    my $self = bless { buffer => '', owner => $$, errors => $arg{errors} }, $class;

    # It is idle most of the time, whatever a test sets for others.
    local $ENV{PGOPTIONS} = '-c idle_session_timeout=0 ' . ($arg{options} // '');
    local $ENV{PGCLIENTENCODING} = 'UTF8';

    $self->{pid} = open3(my $in, my $out,
        $arg{errors} ? '>&' . fileno $arg{errors} : undef,
        'psql', '-X', '-q', '-A', '-t', @{ $arg{args} });
    $in->autoflush(1);
    binmode $_, ':raw' for $in, $out;
    @$self{qw(in out)} = ($in, $out);
    return $self;
}


# Gives it lines, which it prints a mark after.
sub put {
    my ($self, $lines) = @_;

    # When it has ended, reading tells.
    local $SIG{PIPE} = 'IGNORE';

    $self->{mark} = _mark();
    print { $self->{in} } "$lines\\echo $self->{mark}";
    return;
}


# True when the mark was printed, or psql has ended; waits for it at the latest so
# many seconds, if that is given.
sub is_ready {
    my ($self, $seconds) = @_;

    while ($self->{buffer} !~ /\Q$self->{mark}\E\z/) {
        return 0 if defined $seconds
                    && !IO::Select->new($self->{out})->can_read($seconds);

        my $n = sysread $self->{out}, $self->{buffer}, 65536, length $self->{buffer};
        next if !defined $n && $!{EINTR};
        return $self->{ended} = 1 if !$n;
    }

    return 1;
}


# What was printed before the mark.
sub taken {
    my ($self) = @_;
    my $text = $self->{buffer};

    $self->{buffer} = '';
    return $text =~ s/\Q$self->{mark}\E\z//r;
}


sub _mark { return "\x1cmark " . ++$marks . "\n" }


sub _for_texts {
    my ($class, %arg) = @_;

    open my $input, '+>', undef or die "temporary file: $!\n";
    open my $errors, '+>', undef or die "temporary file: $!\n";

    my $self = $class->new(%arg, errors => $errors,
        args => ['-v', 'ON_ERROR_STOP=1', @FORMAT, @{ $arg{args} }]);
    $self->{input} = $input;
    return $self;
}


# Runs a text: (false when psql ended before it, output).
sub _run {
    my ($self, $text, $verbose) = @_;
    my $verbosity = $verbose ? 'verbose' : 'default';
    my $start = _mark();

    utf8::encode($text);
    _fill($self->{input}, $text);
    _fill($self->{errors}, '');

    # The empty statement asks whether the server is still there. A file has an end,
    # whatever quotes a text leaves open.
    $self->put("\\set VERBOSITY $verbosity\n;\n\\echo $start"
               . "\\i /proc/$$/fd/" . fileno($self->{input}) . "\n$RESET");
    $self->is_ready;

    my $output = $self->taken;
    my $started = $output =~ s/\A\Q$start\E//;
    $output =~ s/\n\z//;
    utf8::decode($output);
    return ($started, $output);
}


# psql writes at the same place of the file as we read.
sub _errors {
    my ($self) = @_;
    my $error = '';

    sysseek $self->{errors}, 0, 0;
    1 while sysread $self->{errors}, $error, 65536, length $error;
    utf8::decode($error);
    chomp $error;
    return $error;
}


sub _fill {
    my ($file, $text) = @_;

    sysseek $file, 0, 0;
    truncate $file, 0;
    syswrite($file, $text) == length $text or die "temporary file: $!\n";
    return;
}


# A child may hold a copy of the pipe: its end alone would not tell psql.
sub DESTROY {
    my ($self) = @_;

    if ($self->{owner} == $$) {
        local ($?, $!);
        local $SIG{PIPE} = 'IGNORE';
        print { $self->{in} } "\\q\n";
        close $self->{in};
        waitpid $self->{pid}, 0;
    }
}


END { %resting = () }


1;
