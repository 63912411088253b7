package IHanoi::Plugin::Gateway;

# The operator's nginx, as deployments see it: its configuration, its processes
# and what they say about plugins.
#
#   my $gateway = IHanoi::Plugin::Gateway->new($opt);   # of gateway_options()

use strict;
use warnings;
use Exporter 'import';
use Fcntl qw(LOCK_EX LOCK_NB);
use File::Basename qw(dirname);
use IHanoi::Command;
use IHanoi::HttpGet;
use IHanoi::NginxConf;
use IHanoi::NginxProcess;

our @EXPORT_OK = qw(gateway_options $GATEWAY_HELP);

our $GATEWAY_HELP = <<'HELP';
the gateway:
  --conf FILE       nginx.conf; default that of "make run", or else
                    /etc/nginx/nginx.conf
  --nginx PROGRAM   default nginx
  --prefix DIR      nginx's -p
  --metrics WHERE   URL of /metrics; default: as the configuration has it
HELP

sub gateway_options { return ('conf=s', 'nginx=s', 'prefix=s', 'metrics=s') }


sub new {
    my ($class, $opt) = @_;
    my $self = bless { file => $opt->{conf} // _usual(),
                       program => $opt->{nginx} // 'nginx',
                       prefix => $opt->{prefix} }, $class;

    require Cwd;
    -f $self->{file} or fail("there is no $self->{file}: --conf FILE");
    $self->{file} = Cwd::realpath(dirname($self->{file})) . '/'
                  . $self->{file} =~ s{.*/}{}r;

    $self->{conf} = eval { read_conf($self->{file}) }
        or do { chomp $@; fail($@) };
    $self->{metrics} = $opt->{metrics} ? _url($opt->{metrics})
                                       : $self->_status('metrics');
    return $self;
}


# A checkout's own, when it runs.
sub _usual {
    my $home = home();

    if (defined $home) {
        require IHanoi::Cluster;
        my $file = IHanoi::Cluster::base_of($home) . '/nginx/nginx.conf';
        return $file if -f $file;
    }

    return '/etc/nginx/nginx.conf';
}


sub conf   { $_[0]{conf} }
sub file   { $_[0]{file} }
sub folder { dirname($_[0]{file}) }


# One deployment at a time, whichever plugin's: each needs the connections of another
# gateway, and reloads. Held until the program ends, however it does.
sub lock {
    my ($self) = @_;

    open $self->{lock}, '<', $self->{file} or fail("could not open $self->{file}: $!");
    return if flock $self->{lock}, LOCK_EX | LOCK_NB;

    print STDERR "waits for another deployment to this gateway\n";
    flock $self->{lock}, LOCK_EX or fail("could not lock $self->{file}: $!");
    return;
}


# The command line that runs nginx with a file.
sub command {
    my ($self, $file, @args) = @_;

    return ($self->{program}, defined $self->{prefix} ? ('-p', $self->{prefix}) : (),
            '-c', $file, @args);
}


# { path, database, candidate } of the block of a plugin, or undef.
sub plugin {
    my ($self, $name) = @_;
    my ($block) = grep { ($_->{args}[0] // '') eq $name }
                       find($self->{conf}, 'http', 'ihanoi_plugin')
        or return;
    my ($path) = find($block->{block}, 'path');
    my ($database) = find($block->{block}, 'database');
    my ($candidate) = find($block->{block}, 'candidate');

    return {
        path      => $path ? $self->_full($path->{args}[0]) : '',
        database  => $database ? $database->{args}[0] : undef,
        candidate => $candidate ? $self->_full($candidate->{args}[0]) : undef,
    };
}


# All plugins by name.
sub plugins {
    my ($self) = @_;
    return map { $_->{args}[0] } find($self->{conf}, 'http', 'ihanoi_plugin');
}


# The folder of kill switches, or undef.
sub switches {
    my ($self) = @_;
    my ($directive) = find($self->{conf}, 'http', 'ihanoi_plugin_switches') or return;
    return $self->_in_prefix($directive->{args}[0]);
}


# The files of its error logs: each block may have others.
sub error_logs {
    my ($self) = @_;
    my (@logs, $main);

    edit($self->{conf}, sub {
        my ($d, @around) = @_;

        if ($d->{name} eq 'error_log') {
            push @logs, $d->{args}[0];
            $main = 1 if !@around;
        }
        return $d;
    });
    unshift @logs, $self->_compiled('error-log-path') // () if !$main;

    my %seen;
    return grep { !$seen{$_}++ } map { $self->_in_prefix($_) }
           grep { !/^(?:stderr\z|syslog:|memory:)/ } @logs;
}


# Options for psql_args() from an "ihanoi_database" block: where it is, of several
# servers the primary, and by which TLS.
sub database {
    my ($self, $name) = @_;
    my ($block) = grep { ($_->{args}[0] // '') eq $name }
                       find($self->{conf}, 'http', 'ihanoi_database')
        or return {};
    my @servers = map { _server(@{ $_->{args} }) } find($block->{block}, 'server')
        or return {};
    my %found = (target => @servers > 1 ? 'read-write' : undef);

    for my $name (qw(dbname sslmode)) {
        my ($directive) = find($block->{block}, $name) or next;
        $found{$name} = $directive->{args}[0];
    }

    my ($root) = find($block->{block}, 'sslrootcert');
    $found{sslrootcert} = $self->_full($root->{args}[0]) if $root;

    # libpq's lists, in the same order; of a socket there is no address.
    for my $name (qw(host hostaddr port)) {
        $found{$name} = join ',', map { $_->{$name} // '' } @servers
            if grep { defined $_->{$name} } @servers;
    }

    return \%found;
}


# Of a "server": a certificate is for the name that "host" gives to an address.
sub _server {
    my ($where, @more) = @_;
    my %more = map { split /=/, $_, 2 } @more;

    return { host => $1, port => $more{port} // 5432 } if $where =~ /^unix:(.+)/;

    my ($host, $port) = $where =~ /^(.*?)(?::(\d+))?\z/;
    my $address = $host =~ s/^\[(.*)\]\z/$1/r;

    return { host => $more{host} // $address, port => $port // 5432,
             hostaddr => $address =~ /^[\d.]+\z|:/ ? $address : undef };
}


# nginx -t: (true if it passed, what it said).
sub test {
    my ($self) = @_;
    return $self->_run('-t', '-q');
}


sub reload {
    my ($self) = @_;
    return $self->_run('-s', 'reload');
}


sub _run {
    my ($self, @args) = @_;
    my $pid = open(my $fh, '-|') // fail("could not fork: $!");

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDERR, '>&', \*STDOUT;
        my @command = $self->command($self->{file}, @args);
        no warnings 'exec';
        exec { $command[0] } @command or syswrite STDOUT, "could not run $command[0]: $!\n";
        require POSIX;
        POSIX::_exit(127);
    }

    my $said = do { local $/; <$fh> } // '';
    close $fh;
    return ($? == 0, $said);
}


# The process id of the master, or undef.
sub master { return nginx_master($_[0]->_pid_file) }


# That of the one before while nginx is upgraded (USR2), if it has workers: they serve
# beside the new ones, and either may tell /metrics.
sub old_master {
    my ($self) = @_;
    my $old = nginx_master($self->_pid_file . '.oldbin') // return;
    my $new = $self->master // 0;

    # which is a child of it, too
    return grep({ $_ != $new } nginx_workers($old)) ? $old : undef;
}


sub _pid_file {
    my ($self) = @_;
    my ($directive) = find($self->{conf}, 'pid');
    my $file = $directive ? $directive->{args}[0] : $self->_compiled('pid-path');

    return $self->_in_prefix($file // '/run/nginx.pid');
}


# Those workers of it that take new connections, or will.
sub workers {
    my ($self) = @_;
    my $master = $self->master // return;

    return nginx_workers($master);
}


# The series of some families: a list of { value, label => value, ... }; undef when
# /metrics does not answer.
sub series {
    my ($self, @families) = @_;
    my $text = $self->_metrics // return;
    return [series_of($text, @families)];
}


# The type of each family; undef when nobody tells.
sub types {
    my ($self) = @_;
    my $text = $self->_metrics // return;
    return { $text =~ /^# TYPE (\S+) (\S+)$/mg };
}


sub _metrics {
    my ($self) = @_;
    my $where = $self->{metrics}
        or fail('the configuration has no "ihanoi_status metrics" that this',
                'command can reach: --metrics URL');
    my $r = http_request($where->{address}, 'GET', $where->{path},
                         Host => $where->{host}) or return;

    $r->{status} == 200
        or fail("$where->{path} at $where->{address} answers $r->{status}:",
                'allow this machine there, or --metrics another URL');
    $r->{content} =~ /^# TYPE ihanoi_/m
        or fail("$where->{path} at $where->{address} has no series of a gateway:",
                '--metrics another URL');

    return $r->{content};
}


sub series_of {
    my ($text, @families) = @_;
    my $names = join '|', map { quotemeta } @families;

    return map {
        my ($family, $labels, $value) = /^($names)\{(.*)\} (\S+)$/ ? ($1, $2, $3) : ();
        defined $value ? { value => $value, family => $family,
                           $labels =~ /(\w+)="((?:[^"\\]|\\.)*)"/g } : ();
    } split /\n/, $text;
}


# Workers by "VERSION DIGEST" of a plugin; undef when nobody tells.
sub versions {
    my ($self, $name) = @_;
    my $series = $self->series('ihanoi_plugin_info') // return;
    my %workers;

    # the same contents are told apart by who signed them
    $workers{"$_->{version} $_->{digest}"} += $_->{value}
        for grep { $_->{plugin} eq $name && $_->{value} > 0 } @$series;

    return \%workers;
}


# Where an "ihanoi_status" is: { address, path, host }.
sub _status {
    my ($self, $what) = @_;

    for my $server (find($self->{conf}, 'http', 'server')) {
        my ($name) = map { $_->{args}[0] } find($server->{block}, 'server_name');
        my ($listen) = grep { my $l = $_; !grep { $_ eq 'ssl' } @{ $l->{args} } }
                       find($server->{block}, 'listen');
        next if !$listen;

        for my $location (find($server->{block}, 'location')) {
            my ($status) = find($location->{block}, 'ihanoi_status');
            next if !$status || $status->{args}[0] ne $what;

            return { address => listen_address($listen->{args}[0]),
                     path => $location->{args}[-1], host => $name // 'localhost' };
        }
    }

    return;
}


# What to connect to for a "listen".
sub listen_address {
    my ($listen) = @_;

    return $listen if $listen =~ /^unix:/;
    return "127.0.0.1:$listen" if $listen =~ /^\d+\z/;
    my ($host, $port) = $listen =~ /^(.*?)(?::(\d+))?\z/;

    $port //= 80;
    $host = '127.0.0.1' if $host eq '*' || $host eq '0.0.0.0';
    $host = '[::1]' if $host eq '[::]';
    return "$host:$port";
}


sub _url {
    my ($url) = @_;
    my ($host, $path) = $url =~ m{^http://([^/\s]+)(/\S*)\z}
        or fail("\"$url\" is no http://HOST:PORT/PATH");

    return { address => $host =~ /:\d+\z/ ? $host : "$host:80", path => $path,
             host => $host };
}


# A path of the configuration: relative ones are so to its folder.
sub _full {
    my ($self, $path) = @_;
    return $path =~ m{^/} ? $path : $self->folder . "/$path";
}


# Others are so to nginx's prefix.
sub _in_prefix {
    my ($self, $path) = @_;

    return $path if $path =~ m{^/};
    return ($self->{prefix} // $self->_compiled('prefix') // '/usr/local/nginx') . "/$path";
}


sub _compiled {
    my ($self, $what) = @_;
    my (undef, $said) = $self->_run('-V');
    my ($path) = $said =~ /--\Q$what\E=(\S+)/;
    return $path;
}


1;
