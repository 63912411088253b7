package IHanoi::Command;

# What the commands share: options with --help, where the tree is, the
# connection to the database, and running programs.
#
# Exit codes: 0 done, 1 it failed, 2 wrong usage, 3 refused to protect data.

use strict;
use warnings;
use Exporter 'import';
use Cwd qw(realpath);
use File::Basename qw(dirname);
use Getopt::Long ();
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep);

our @EXPORT = qw(options only_options home share connection psql end_psql psql_args sql
    sql_file files_of append_line must_be_migrated code_schema quoted fail refuse);


my $name = '';

# Whoever undoes things sets it: to fail is then no end of the program.
our $catches = 0;


sub fail   { die "@_\n" if $catches; print STDERR "ihanoi $name: @_\n"; exit 1 }
sub refuse { print STDERR "ihanoi $name: @_\n"; exit 3 }


# The program's folder: the tree in a checkout, share/ihanoi when installed.
# sql/, conf/ and bin/ are below it in both.
sub share {
    return realpath(dirname(__FILE__) . '/../../..');
}


# The checkout's folder, or undef when installed: only a checkout has .run/.
sub home {
    my $share = share();
    return -f "$share/config" && -f "$share/Makefile" ? $share : undef;
}


# Parses options into a hash. $usage is the text that --help prints.
sub options {
    my ($usage, @spec) = @_;
    my %opt;

    ($name) = $0 =~ m{([^/]+)$};

    Getopt::Long::Configure(qw(bundling no_ignore_case));
    Getopt::Long::GetOptions(\%opt, 'help|h', @spec) or do {
        print STDERR $usage;
        exit 2;
    };

    if ($opt{help}) {
        print $usage;
        exit 0;
    }

    return \%opt;
}


# The same for a command that takes nothing else: "migrate list" is not "migrate".
sub only_options {
    my ($usage) = @_;
    my $opt = options(@_);

    if (@ARGV) {
        print STDERR "ihanoi $name: it takes no \"$ARGV[0]\"\n", $usage;
        exit 2;
    }

    return $opt;
}


our $CONNECTION_HELP = <<'HELP';
connection (default: libpq's PG* variables, then the checkout's own cluster):
  --host DIR|NAME   socket folder or host
  --port N
  --dbname NAME     default ihanoi
  --user NAME       a superuser: migrate and plugin deploy make roles
HELP


# Option specifications for a command that speaks to the database.
sub connection {
    return ('host=s', 'port=i', 'dbname=s', 'user=s');
}


# Settles the connection into the PG* variables, which psql reads. Besides what
# connection() has, a configuration may say more of where it is.
my %LIBPQ = (host => 'PGHOST', hostaddr => 'PGHOSTADDR', port => 'PGPORT', user => 'PGUSER',
             target => 'PGTARGETSESSIONATTRS', sslmode => 'PGSSLMODE',
             sslrootcert => 'PGSSLROOTCERT');

sub psql_args {
    my ($opt) = @_;
    my $home = home();

    if (!defined $opt->{host} && !defined $ENV{PGHOST} && defined $home) {
        require IHanoi::Cluster;

        my $cluster = IHanoi::Cluster->of_tree($home);
        $cluster->is_running
            or fail('the private cluster is not running:',
                    '"bin/ihanoi cluster start", or name a server with --host');

        $opt->{host} = $cluster->socket;
        $opt->{port} //= $cluster->port;
        $opt->{user} //= 'postgres';
    }

    $ENV{ $LIBPQ{$_} } = $opt->{$_} for grep { defined $opt->{$_} } keys %LIBPQ;
    $ENV{PGDATABASE} = $opt->{dbname} // $ENV{PGDATABASE} // 'ihanoi';
    $ENV{PGAPPNAME} = "ihanoi $name";
    $ENV{PGOPTIONS} = '-c client_min_messages=warning';
    _settle($opt) if defined $opt->{target};
    return;
}


# Of several servers the one that libpq found, from now on: it looks no further where a
# standby refuses a role that was just made, and is not there yet. Several may have one
# name, that of their certificate: they differ by address, unless that is translated.
sub _settle {
    my ($opt) = @_;
    my ($host, $port, $address) = map { $_->[0] // '' } sql(<<'SQL');
\echo :HOST
\echo :PORT
select host(inet_server_addr());
SQL
    my %lists = map { $_ => [split /,/, $opt->{$_}, -1] }
                grep { defined $opt->{$_} } qw(host hostaddr port);
    my @found = grep {
        $lists{host}[$_] eq $host && ($lists{port}[$_] // $lists{port}[0]) eq $port
    } keys @{ $lists{host} };
    my @there = grep { ($lists{hostaddr}[$_] // '') eq $address } @found;

    @found = @there if @there;

    for my $name (keys %lists) {
        $ENV{ $LIBPQ{$name} } = join ',', map { $lists{$name}[$_] // $lists{$name}[0] } @found;
    }
    return;
}


# Who forgot the first step is told it, and not which table is missing.
sub must_be_migrated {
    my ($row) = sql("select to_regclass('ihanoi.releases') is not null");

    $row->[0] eq 't' or fail('the database has no release: "ihanoi migrate" first');
    return;
}


# The code schema to call functions in: the newest that the database has.
sub code_schema {
    must_be_migrated();

    my ($row) = sql(<<'SQL');
select 'code_' || name from ihanoi.releases
 where to_regnamespace('code_' || name) is not null
 order by created_at desc limit 1
SQL

    $row or fail('the database has no release: "ihanoi migrate" first');
    return $row->[0];
}


# The one that runs.
my $psql;

# Runs psql on text given to its stdin; returns success. Results are dropped,
# psql's messages and \warn go to stderr. The text runs as it is: callers add
# begin and commit.
sub psql {
    my ($text, @args) = @_;

    my $pid = open(my $fh, '|-', 'psql', qw(-X -q -o /dev/null),
                   '-v', 'ON_ERROR_STOP=1', @args)
        or fail("could not run psql: $!");

    $psql = $pid;
    local $SIG{PIPE} = 'IGNORE';
    binmode $fh;
    print $fh $text;

    my $done = close $fh;
    undef $psql;
    return $done;
}


# For the handler of a signal: what psql runs is cancelled, not left to itself. It
# hears that only while a statement runs, so it is told until it has ended.
sub end_psql {
    my $pid = $psql // return;

    for (1 .. 100) {
        kill $_ < 100 ? 'INT' : 'KILL', $pid;
        sleep 0.05;
        last if waitpid($pid, WNOHANG);
    }

    undef $psql;
    return;
}


# Runs a query, given as a constant with psql variables (:'name') for what is
# not constant, and returns its rows as lists of text.
sub sql {
    my ($text, %vars) = @_;

    my @args = map { ('-v', "$_=$vars{$_}") } keys %vars;

    # -f - and not -c: psql replaces variables in input, not in -c.
    require IPC::Open2;
    my $pid = IPC::Open2::open2(my $out, my $in, 'psql', '-X', '-q', '-A',
                                '-t', '-F', "\t", '-v', 'ON_ERROR_STOP=1',
                                @args);
    binmode $in;
    print $in $text;
    close $in;

    my @rows = map { chomp; [split /\t/, $_, -1] } <$out>;

    waitpid $pid, 0;
    $? == 0 or fail('the database refused; see the message above');

    return @rows;
}


# A quoted SQL string; a quoted psql file name has the same form.
sub quoted {
    my ($text) = @_;
    $text =~ s/'/''/g;
    return "'$text'";
}


# The files and folders in a folder whose names match, in order. No glob: the path may
# have its signs in it, and it would find nothing.
sub files_of {
    my ($folder, $match) = @_;

    opendir my $dh, $folder or fail("could not read $folder: $!");
    return map { "$folder/$_" } sort grep { /$match/ } readdir $dh;
}


# Adds a line to a file that is open for that ('+>>'), and closes it. What a full disk
# has left of another stays a line of its own.
sub append_line {
    my ($fh, $file, $line) = @_;

    my $last = "\n";

    seek $fh, -1, 2 and read $fh, $last, 1;
    $line = "\n$line" if $last ne "\n";
    seek $fh, 0, 2;
    print $fh $line;
    close $fh or fail("could not write $file: $!");
    return;
}


# A file as bytes.
sub sql_file {
    my ($file) = @_;

    open my $fh, '<:raw', $file or fail("could not read $file: $!");
    local $/;

    # A folder can be opened, too.
    return <$fh> // fail("could not read $file: $!");
}


1;
