package IHanoi::Cluster;

# A private PostgreSQL cluster: for `make run` under .run/, for tests under
# .run/test/. Never a system cluster, never port 5432.
#
# It runs as the user "postgres" when we are root (initdb refuses root), else
# as ourselves. The socket's folder is open to local users, so the doors are
# in pg_hba.conf: who owns the tree may be "postgres", nginx's workers may be
# the gateway's three roles and those of its plugins, a deployment of a plugin
# comes with a password, nobody else gets in.

use strict;
use warnings;
use Cwd qw(realpath);
use Digest::SHA qw(sha256_hex);
use Fcntl qw(:flock);
use File::Path qw(make_path remove_tree);
use IO::Socket::INET;

# A socket's path may have 107 bytes on Linux (unix(7)); the longest name we
# put below the folder is "/.s.PGSQL.65535".
use constant SOCKET_FOLDER_MAX => 107 - length '/.s.PGSQL.65535';

# What "ihanoi run" keeps beside the cluster's folder.
use constant OUR_FOLDERS => qw(nginx keys secrets switches);

use constant WORKER_USER => 'www-data';
use constant GATEWAY_ROLES => qw(ihanoi_read ihanoi_write ihanoi_control);


# Where a checkout keeps what it makes when it runs: .run/ in the tree,
# DATA_DIR where the operator wished (start() remembers it, so that stop and
# clean find it), or /var/lib where the tree's path is closed to the user
# "postgres".
# In list context also true in the last case.
sub base_of {
    my ($tree) = @_;

    if (defined $ENV{DATA_DIR} && length $ENV{DATA_DIR}) {
        return _absolute($ENV{DATA_DIR});
    }

    my ($last) = _remembered($tree);

    return defined $last ? $last : _default($tree);
}


# All folders where it may have run, the one where it runs first.
sub bases_of {
    my ($tree) = @_;
    my %seen;

    return grep { !$seen{$_}++ } scalar base_of($tree), _remembered($tree), scalar _default($tree);
}


sub _default {
    my ($tree) = @_;

    if ($> == 0 && !_open_to_postgres($tree)) {
        my $base = '/var/lib/ihanoi-' . _hash($tree);
        return wantarray ? ($base, 1) : $base;
    }

    return "$tree/.run";
}


# Remembers DATA_DIR for a tree, before those that it had: an older checkout reads the
# first alone.
sub _remember {
    my ($tree) = @_;
    my $file = "$tree/.run/data-dir";

    return if !defined $ENV{DATA_DIR} || !length $ENV{DATA_DIR};

    my $base = _absolute($ENV{DATA_DIR});
    my @others = grep { $_ ne $base } _remembered($tree);

    make_path("$tree/.run");
    open my $fh, '>', $file or die "$file: $!\n";
    print $fh map { "$_\n" } $base, @others;
    close $fh or die "$file: $!\n";
    return;
}


sub _remembered {
    my ($tree) = @_;

    open my $fh, '<', "$tree/.run/data-dir" or return;
    chomp(my @bases = <$fh>);
    return grep { length } @bases;
}


# The cluster of `make run` for a tree.
sub of_tree {
    my ($class, $tree) = @_;

    return $class->new(
        tree     => $tree,
        name     => 'pg',
        settings => {
            shared_buffers  => '128MB',
            max_connections => 200,         # each plugin has pools of its own
        },
    );
}


# The cluster of the test suite: durable settings off, so that a test which
# is about durability must start one of its own.
sub of_tests {
    my ($class, $tree) = @_;

    return $class->new(
        tree     => $tree,
        name     => 'test',
        tests    => 1,
        settings => {
            fsync            => 'off',
            full_page_writes => 'off',
            shared_buffers   => '128MB',
            max_connections  => 300,
            max_wal_size     => '1GB',
            listen_addresses => '127.0.0.1',
        },
    );
}


#   tree      the checkout the cluster belongs to
#   name      its folder below base_of(tree)
#   place     another folder instead
#   chosen    the variable that chooses where it is
#   tests     true: TCP on loopback is open to unprivileged roles
#   settings  of postgresql.conf
sub new {
    my ($class, %self) = @_;
    my $self = bless { chosen => 'DATA_DIR', %self }, $class;

    if (!defined $self->{place}) {
        (my $base, $self->{moved}) = base_of($self->{tree});
        $self->{place} = "$base/$self->{name}";
    } else {
        $self->{elsewhere} = 1;
    }

    $self->{place} = _absolute($self->{place});

    # A long path has no room for a socket: that one alone goes to /tmp.
    $self->{socket} = $self->{place};
    if (length $self->{socket} > SOCKET_FOLDER_MAX) {
        $self->{socket} = '/tmp/ihanoi-' . _hash($self->{place});
    }

    return $self;
}


sub _hash { return substr sha256_hex(realpath($_[0]) // $_[0]), 0, 8 }


sub place  { $_[0]{place} }
sub socket { $_[0]{socket} }
sub data   { "$_[0]{place}/data" }
sub log    { "$_[0]{place}/postgresql.log" }

# True when the tree's path is closed to the postgres user.
sub moved { $_[0]{moved} }


# The port: part of the socket's name, and TCP's where that is on.
sub port {
    my ($self) = @_;

    open my $fh, '<', "$self->{place}/port" or return 5439;
    chomp(my $port = <$fh>);
    return $port;
}


sub _absolute {
    my ($path) = @_;

    return $path if $path =~ m{^/};
    require Cwd;
    return Cwd::getcwd() . "/$path";
}


sub _open_to_postgres {
    my ($folder) = @_;

    # Without the user there is no PostgreSQL yet; start() will say so.
    return 1 if !getpwnam 'postgres';

    return system('runuser', '-u', 'postgres', '--', 'test', '-x', $folder)
           == 0;
}


sub bindir {
    my @found = grep { -x "$_/initdb" } '/usr/lib/postgresql/15/bin';

    return $found[0] // die "PostgreSQL 15 is not installed: apt install "
                        . "postgresql-15-postgis-3\n";
}


# The command line that runs a program as the cluster's user.
sub _as_owner {
    my ($self, @command) = @_;

    return $> == 0 ? ('runuser', '-u', 'postgres', '--', @command) : @command;
}


# Runs a program as the cluster's user, silent unless it fails.
sub _run {
    my ($self, @command) = @_;
    my $out = "$self->{place}/command.log";

    my $pid = fork // die "could not fork: $!\n";
    if ($pid == 0) {
        chdir '/';
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', $out;
        open STDERR, '>&', \*STDOUT;
        exec { ($self->_as_owner(@command))[0] } $self->_as_owner(@command);
        exit 127;
    }

    waitpid $pid, 0;
    return 1 if $? == 0;

    open my $fh, '<', $out or return 0;
    print STDERR <$fh>;
    return 0;
}


sub is_running {
    my ($self) = @_;
    return $self->_serves && -S $self->_socket_file ? 1 : 0;
}


sub _socket_file { return $_[0]{socket} . '/.s.PGSQL.' . $_[0]->port }


# Whether our own PostgreSQL has the number in its file. After a crash that stays, as
# the socket does, and the number may be anybody's: also another PostgreSQL's.
sub _serves {
    my ($self) = @_;
    my ($program, @args) = $self->_numbered;
    my $data = realpath($self->data) // $self->data;

    return _is_postgres($program) && grep { (realpath($_) // '') eq $data } @args;
}


# The command line of the process that has the number, if there is one.
sub _numbered {
    my ($self) = @_;

    open my $fh, '<', $self->data . '/postmaster.pid' or return;
    chomp(my $pid = <$fh> // '');
    open my $line, '<', "/proc/$pid/cmdline" or return;
    local $/;
    return split /\0/, <$line> // '';
}


sub _is_postgres { return ($_[0] // '') =~ m{(?:^|/)postgres$} }


# Creates the cluster if it does not exist and starts it if it does not run, or runs as
# an older checkout has started it. Safe to call from several processes at once. Returns
# true if it was started.
sub start {
    my ($self) = @_;

    $self->_refuse_others_folder;

    # "postgres" has to reach it, whatever files we make are to be.
    my $umask = umask 022;
    _remember($self->{tree}) if !$self->{elsewhere};
    make_path($self->{place});
    umask $umask;

    open my $lock, '+>>', "$self->{place}/lock"
        or die "could not write in $self->{place}: $!\n";
    flock $lock, LOCK_EX or die "could not lock $self->{place}: $!\n";
    truncate $lock, 0;
    syswrite $lock, "$self->{tree}\n" if !$self->{elsewhere};

    if ($self->is_running) {
        # Root gets into somebody else's, too, and must not take its files.
        return 0 if $self->{tests} || (stat $self->data)[4] != ($self->_owner)[0]
                    || !$self->_configure($self->port);
        $self->restart
            or die 'PostgreSQL did not start again; its log is ' . $self->log . "\n";
        return 1;
    }

    $self->_prepare_folders;
    $self->_init if !-f $self->data . '/PG_VERSION';
    $self->_configure($self->{tests} ? _free_port()
                      : length($ENV{PG_PORT} // '') ? $ENV{PG_PORT} : 5439);

    # PostgreSQL takes any process of its user that has the number for another one
    # that serves the data. What is a PostgreSQL may be that: let it say so.
    unlink $self->data . '/postmaster.pid', $self->_socket_file . '.lock'
        if !_is_postgres(($self->_numbered)[0]);

    $self->_run(bindir() . '/pg_ctl', '-D', $self->data, '-l', $self->log,
                '-w', '-t', 60, 'start')
        or die 'PostgreSQL did not start; its log is ' . $self->log . "\n";

    return 1;
}


# True if it was stopped, or did not run.
sub stop {
    my ($self, $mode) = @_;

    return 1 if !$self->_serves;

    # Another "stop" may have been quicker.
    return $self->_run(bindir() . '/pg_ctl', '-D', $self->data, '-w',
                       '-m', $mode // 'fast', 'stop') || !$self->_serves;
}


# Stops it in a mode of pg_ctl ("immediate": as a crash would) and starts it
# again as it was, port included.
sub restart {
    my ($self, $mode) = @_;

    return $self->_run(bindir() . '/pg_ctl', '-D', $self->data, '-l',
                       $self->log, '-w', '-t', 60, '-m', $mode // 'fast',
                       'restart');
}


# Whether it was started here once: what is in a folder that somebody named is ours
# from then on.
sub has_begun { return -f "$_[0]{place}/lock" }


# The other tree that has started it last, if that is still there: two may share a folder,
# and one that was copied remembers where its model has run.
sub other_tree {
    my ($self) = @_;

    open my $fh, '<', "$self->{place}/lock" or return;
    chomp(my $tree = <$fh> // '');
    return length $tree && $tree ne $self->{tree} && -d $tree ? $tree : undef;
}


# DATA_DIR may be a folder of other things. Whoever forgets us removes folders of these
# names, so that none of them may be somebody else's.
sub _refuse_others_folder {
    my ($self) = @_;

    return if $self->{elsewhere} || $self->has_begun
              || !defined $ENV{DATA_DIR} || !length $ENV{DATA_DIR};

    my $base = base_of($self->{tree});
    my @ours = $self->{tests} ? () : OUR_FOLDERS;

    for my $folder ($self->{place}, map { "$base/$_" } @ours) {
        die "$folder was here before us: DATA_DIR= has to name another folder, for us alone\n"
            if -e $folder || -l $folder;
    }

    return;
}


# Stops it and removes its folder.
sub forget {
    my ($self) = @_;

    return if !$self->has_begun;

    $self->stop('immediate') or die 'PostgreSQL did not stop; its log is ' . $self->log . "\n";
    remove_tree($self->data) if -d $self->data;

    for my $file (qw(lock port command.log postgresql.log migrate.log
                     template.lock plugin-roles))
    {
        unlink "$self->{place}/$file";
    }

    # Those of a crash are still there, each of a port that it had.
    if (opendir my $dh, $self->{socket}) {
        unlink map { "$self->{socket}/$_" } grep { /^\.s\.PGSQL\./ } readdir $dh;
    }

    rmdir $self->{place};
    rmdir $self->{socket};
    return;
}


# The user and the group that run it.
sub _owner {
    return ($>, (split ' ', $))[0]) if $> != 0;
    my ($uid, $gid) = (getpwnam 'postgres')[2, 3];
    defined $uid or die "no user \"postgres\": make deps\n";
    return ($uid, $gid);
}


sub _prepare_folders {
    my ($self) = @_;
    my ($uid, $gid) = $self->_owner;

    for my $folder ($self->{place}, $self->{socket}) {
        if (-l $folder || (-d _ && (stat _)[4] != $uid && (stat _)[4] != $>)) {
            die "$folder belongs to somebody else: remove it, or set "
                . "$self->{chosen}=\n";
        }

        make_path($folder);
        chmod 0755, $folder;
        chown $uid, $gid, $folder;
    }

    return if $> != 0 || _open_to_postgres($self->{place});

    die "$self->{place} cannot be reached by the user \"postgres\": choose "
        . "another folder with $self->{chosen}=\n";
}


sub _init {
    my ($self) = @_;

    my @durability = $self->{tests} ? '--no-sync' : '--data-checksums';

    $self->_run(bindir() . '/initdb', '-D', $self->data, '-U', 'postgres',
                '-E', 'UTF8', '--locale=C.UTF-8', '-A', 'peer', @durability)
        or die "initdb failed\n";

    return;
}


# Writes its files; true when one is another than it was.
sub _configure {
    my ($self, $port) = @_;

    $port =~ /^\d{1,5}\z/ && $port > 0 && $port < 65_536
        or die "PG_PORT=$port is no port: 1 to 65535\n";
    die "PG_PORT=5432 is the system's\n" if $port == 5432;
    $self->_write("$self->{place}/port", "$port\n");

    my %settings = (
        listen_addresses        => '',
        log_line_prefix         => '%m [%p] %q%u@%d %a ',
        timezone                => 'UTC',
        log_timezone            => 'UTC',
        jit                     => 'off',    # as for all roles of ours that log in
        %{ $self->{settings} },
        port                    => $port,
        unix_socket_directories => $self->{socket},
    );

    my $changed = $self->_write($self->data . '/conf.d-ihanoi.conf', join '',
        map { "$_ = '$settings{$_}'\n" } sort keys %settings);

    my $conf = $self->data . '/postgresql.conf';
    open my $fh, '<', $conf or die "could not read $conf: $!\n";
    my $text = join '', <$fh>;
    if ($text !~ /conf\.d-ihanoi/) {
        $self->_write($conf, $text . "include 'conf.d-ihanoi.conf'\n");
    }

    # First match decides: "postgres" is for the tree's owner only.
    my $hba = "local all postgres peer map=owner\n";
    if ($self->{tests}) {
        $hba .= "local all all trust\n"
              . "host all postgres 127.0.0.1/32 reject\n"
              . "host all " . join(',', GATEWAY_ROLES) . " 127.0.0.1/32 trust\n"
              . "host all all 127.0.0.1/32 scram-sha-256\n";
    } else {
        # Deployments of plugins make a role each, with a password.
        $hba .= "local all +ihanoi_plugin_deploy scram-sha-256\n"
              . "local all all peer map=gateway\n";
    }
    $changed += $self->_write($self->data . '/pg_hba.conf', $hba);
    $changed += $self->_write_ident;
    return $changed;
}


# Who may log in as whom on the socket.
sub _write_ident {
    my ($self) = @_;
    my %owners = map { $_ => 1 } 'root', scalar getpwuid $>;
    $owners{postgres} = 1 if $> == 0;

    my $ident = join '', map { "owner $_ postgres\n" } sort keys %owners;
    for my $user (sort keys %owners, WORKER_USER) {
        $ident .= join '', map { "gateway $user $_\n" }
                          GATEWAY_ROLES, @{ $self->{roles} // [] },
                          $self->_plugin_roles;
    }
    return $self->_write($self->data . '/pg_ident.conf', $ident);
}


# Lets the gateway in as the roles of plugins too, and as no other ones.
sub let_in {
    my ($self, @roles) = @_;
    my $text = join '', map { "$_\n" } sort @roles;

    return if $text eq join '', map { "$_\n" } $self->_plugin_roles;

    $self->_write("$self->{place}/plugin-roles", $text);
    $self->_write_ident;
    $self->_run(bindir() . '/pg_ctl', '-D', $self->data, 'reload')
        or die "PostgreSQL did not read pg_ident.conf again\n";
    return;
}


sub _plugin_roles {
    my ($self) = @_;

    open my $fh, '<', "$self->{place}/plugin-roles" or return;
    chomp(my @roles = <$fh>);
    return @roles;
}


# True when it was not so before.
sub _write {
    my ($self, $file, $text) = @_;

    if (open my $there, '<', $file) {
        local $/;
        return 0 if (<$there> // '') eq $text;
    }

    open my $fh, '>', $file or die "could not write $file: $!\n";
    print $fh $text;
    close $fh or die "could not write $file: $!\n";

    if ($> == 0) {
        chown $self->_owner, $file;
    }

    return 1;
}


sub _free_port {
    my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')
        or die "no free port: $!\n";

    return $socket->sockport;
}


1;
