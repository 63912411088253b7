package IHanoi::Plugin::LocalGateway;

# A real gateway with one plugin alone, for "ihanoi plugin run" and "test":
# nginx on a loopback port, keys for tokens, and a private PostgreSQL when the
# manifest asks for a database or what the core keeps is needed: the keys of a
# POST, jobs, events. All of it lies in one temporary folder and is
# gone with the object.
#
#   my $gateway = IHanoi::Plugin::LocalGateway->new(
#       plugin   => $plugin,                # as look() has it
#       port     => 8080,                   # default: a free one
#       settings => { max_holds => 3 }, secrets => { operator_key => '...' },
#       backends => { operator => $port },  # on loopback
#       interfaces => { 'payments.payments' => { intent_read => { result => ... } } },
#       clock    => 1790000000);            # what ihanoi.time.now() tells
#   $gateway->start;                        # all die with a reason
#   $gateway->reload;                       # old workers go on when it dies
#   $gateway->log_lines;                    # of the error log, since the last call
#   $gateway->token(sub => 'a', ...);
#   $gateway->stop;
#
# What the manifest asks for is granted; other plugins whose interfaces it uses are
# stubs. Answers are always held against the
# contract.

use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use Fcntl ();
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp ();
use IHanoi::Cluster;
use IHanoi::Command qw(home share psql quoted sql);
use IHanoi::HttpGet;
use IHanoi::NginxProcess;
use IHanoi::Plugin::LocalConf qw($ISSUER configuration grants document);
use IHanoi::Token qw(make_keys mint key_file token_program);
use IO::Socket::INET;
use JSON::PP ();
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

# A job or an event of a test is waited for so long, whatever its manifest allows it.
my $SECONDS = 60;


sub new {
    my ($class, %arg) = @_;
    my $self = bless { %arg, owner => $$, read => 0 }, $class;

    # Workers run as another user when we are root: theirs to enter.
    $self->{temp} = File::Temp->newdir('ihanoi-XXXXXXXX', TMPDIR => 1);
    $self->{dir} = $self->{temp}->dirname;
    chmod 0755, $self->{dir};
    mkdir "$self->{dir}/keys", 0700;

    $self->{port} //= _free_port();
    return $self;
}


sub port { $_[0]{port} }
sub url  { "http://127.0.0.1:$_[0]{port}" }


sub start {
    my ($self) = @_;

    # What is asked for and not given is told before a database is made.
    $self->_take;
    grants($self, document($self->{plugin}{folder}, 'plugin.json'));
    @$self{qw(nginx module)} = (_nginx(), _module());
    _whole(sub { make_keys("$self->{dir}/keys") });
    $self->_watch;
    $self->_database;
    $self->_configure;

    $self->{pid} = fork // die "could not fork: $!\n";

    if (!$self->{pid}) {
        # Ctrl-C is for us: nginx is asked to end when we do.
        setpgrp;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$self->{dir}/start.log";
        open STDERR, '>&', \*STDOUT;
        exec { $self->{nginx} } $self->_command or POSIX::_exit(127);
    }

    my $end = time + 20;

    while (time < $end) {
        if (waitpid($self->{pid}, WNOHANG) == $self->{pid}) {
            delete $self->{pid};
            die "nginx refuses the plugin:\n" . $self->_said;
        }

        # Until the pid file is there, whoever answers is somebody else.
        return $self if -s "$self->{dir}/nginx.pid"
            && IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $self->{port})
            && $self->_ready;
        sleep 0.02;
    }

    die "the gateway is not ready:\n" . $self->_said;
}


# A step during which Ctrl-C waits, for the programs that it runs too: cut short they
# would complain, and tidy up beside us.
sub _whole {
    my ($code) = @_;
    my $before = POSIX::SigSet->new;

    POSIX::sigprocmask(POSIX::SIG_BLOCK, POSIX::SigSet->new(map { POSIX->$_ } qw(SIGINT SIGTERM SIGHUP)),
                       $before);
    my $done = eval { $code->(); 1 };
    my $why = $@;
    POSIX::sigprocmask(POSIX::SIG_SETMASK, $before);

    $done or die $why;
    return;
}


# Who is killed ends nothing: that does a child, which sees our end of a pipe close.
sub _watch {
    my ($self) = @_;

    pipe my $closed, $self->{alive} or die "could not make a pipe: $!\n";
    $self->{watcher} = fork // die "could not fork: $!\n";

    return if $self->{watcher};

    # Of what its parent has open it keeps nothing: backends that are to refuse listen.
    setpgrp;
    open STDIN, '<&', $closed;
    open $_, '>', '/dev/null' for *STDOUT, *STDERR;
    POSIX::close($_) for grep { $_ > 2 } map { m{(\d+)\z} } glob '/proc/self/fd/*';
    1 while !defined sysread(STDIN, my $nothing, 1) && $!{EINTR};

    if (open my $fh, '<', "$self->{dir}/nginx.pid") {
        kill TERM => grep { /^\d+$/ } split ' ', <$fh> // '';
    }

    eval { $self->_cluster->forget } if -d "$self->{dir}/pg";
    remove_tree($self->{dir});
    POSIX::_exit(0);
}


# A database connects when workers have started.
sub _ready {
    my ($self) = @_;

    return 1 if !$self->{cluster};

    my $answer = http_request("127.0.0.1:$self->{port}", 'GET', '/readyz');
    return $answer && $answer->{status} == 200;
}


# A copy of what look() has seen: what is saved while it is taken is the next one's, and
# must not be what nginx reads.
sub _take {
    my ($self) = @_;
    my $plugin = $self->{plugin};
    my $at = 'taken.' . ++$self->{takes} . "/$plugin->{name}";

    for my $file (@{ $plugin->{files} }) {
        open my $in, '<:raw', "$plugin->{folder}/$file->{path}"
            or die "$file->{path} is not there any more\n";
        my $bytes = do { local $/; <$in> } // '';
        sha256_hex($bytes) eq $file->{sha256} or die "$file->{path} was saved meanwhile\n";

        make_path(dirname("$self->{dir}/$at/$file->{path}"));
        $self->file("$at/$file->{path}", $bytes);
    }

    $self->{plugin} = { %$plugin, folder => "$self->{dir}/$at" };
    return;
}


# Serves what the folder holds now. plugin => what look() has of it; other
# options of new() may be changed too.
sub reload {
    my ($self, %arg) = @_;
    my %before = map { $_ => $self->{$_} } keys %arg;

    @$self{keys %arg} = values %arg;

    if (!eval { $self->_take if $arg{plugin}; $self->_migrate; $self->_configure; $self->_check; 1 }) {
        my $why = $@;
        @$self{keys %before} = values %before;
        $self->_configure;
        die $why;
    }

    my %old = map { $_ => 1 } nginx_workers($self->{pid});
    kill HUP => $self->{pid};

    # Until only new workers accept.
    my $end = time + 10;
    while (time < $end) {
        my @now = nginx_workers($self->{pid});
        return if @now && !grep { $old{$_} } @now;
        sleep 0.02;
    }

    die "nginx did not reload:\n" . $self->_said;
}


sub stop {
    my ($self) = @_;

    return if $self->{owner} != $$;
    local ($?, $@, $!);

    if (my $pid = delete $self->{pid}) {
        kill QUIT => $pid;

        for my $tenth (1 .. 50) {
            last if waitpid($pid, WNOHANG) == $pid;
            kill TERM => $pid if $tenth == 20;
            sleep 0.1;
        }
    }

    $self->{cluster}->forget if $self->{cluster};
    delete $self->{cluster};

    if (my $pid = delete $self->{watcher}) {
        kill KILL => $pid;
        waitpid $pid, 0;
    }

    return;
}


sub DESTROY { $_[0]->stop }


# Lines of the error log since the last call.
sub log_lines {
    my ($self) = @_;

    open my $fh, '<:raw', "$self->{dir}/error.log" or return;
    seek $fh, $self->{read}, 0;
    my @lines = <$fh>;

    # A line that is being written belongs to the next call.
    pop @lines if @lines && $lines[-1] !~ /\n\z/;
    $self->{read} += length for @lines;
    return @lines;
}


# Lines of the plugin as plugin_line() reads them, with what the gateway withholds because
# it may quote what people sent: here it is the developer's own, and the database has it.
sub in_full {
    my ($self, @lines) = @_;
    my $withheld = qr/\b([0-9A-Z]{5}): \K\(message withheld\)/;

    return @lines if !$self->{cluster} || !grep { $_->{text} =~ $withheld } @lines;

    open my $fh, '<:raw', $self->{cluster}->log or return @lines;
    seek $fh, $self->{database_read} // 0, 0;

    while (<$fh>) {
        last if !/\n\z/;
        $self->{database_read} = tell $fh;
        push @{ $self->{errors}{$1} }, $2
            if /^([0-9A-Z]{5}) plugin_\Q$self->{plugin}{name}\E ERROR:  (.*)/;
    }

    # The last lines are of the last errors: those that the plugin tells nobody are not
    # in its log.
    $_->{text} =~ s/$withheld/pop @{ $self->{errors}{$1} } \/\/ '(message withheld)'/e
        for reverse @lines;
    return @lines;
}


# Lines of the access log since the last call, as hashes: time, method, path,
# status, seconds, id.
sub requests {
    my ($self) = @_;

    open my $fh, '<:raw', "$self->{dir}/access.log" or return;
    seek $fh, $self->{requests_read} // 0, 0;
    my @lines = <$fh>;
    pop @lines if @lines && $lines[-1] !~ /\n\z/;
    $self->{requests_read} += length for @lines;

    return map {
        chomp;
        my %row;
        @row{qw(time id method status seconds path)} = split / /, $_, 6;
        \%row;
    } @lines;
}


# A token that this gateway accepts.
sub token {
    my ($self, %claims) = @_;
    my $now = time;

    %claims = (iss => $ISSUER, aud => 'ihanoi', iat => int $now,
               exp => int($now) + 43_200, assurance => 'verified', %claims);
    defined $claims{$_} or delete $claims{$_} for keys %claims;

    my $key = $json->encode(\%claims) =~ s/"(?:iat|exp)":\d+//gr;

    return $self->{tokens}{$key} //= mint(
        program => token_program(), alg => 'ES256',
        key => key_file("$self->{dir}/keys", 'dev-es256'),
        header => { kid => 'dev-es256' }, claims => \%claims) // die "no token\n";
}


# Runs a job of the manifest now, as its schedule would: { outcome, error }.
sub run_job {
    my ($self, $job) = @_;
    my %of = (plugin => $self->{plugin}{name}, job => $job);
    my $end = time + $SECONDS;
    my $asked;

    return $self->_as_administrator(ihanoi => sub {
        while (time < $end) {
            # The gateway makes the row when it starts.
            ($asked) = sql(<<'SQL', %of) if !$asked;
update core.plugin_jobs set next_at = core.now(), ended_at = null
 where plugin = :'plugin' and job = :'job' and run is null
returning 1
SQL
            my ($row) = !$asked ? () : sql(<<'SQL', %of);
select outcome, coalesce(error, '') from core.plugin_jobs
 where plugin = :'plugin' and job = :'job' and ended_at is not null
SQL
            return { outcome => $row->[0], error => $row->[1] } if $row;
            sleep 0.1;
        }

        die $asked ? "the job \"$job\" has not ended in $SECONDS seconds: a test waits no longer\n"
                   : "the gateway has no job \"$job\"\n";
    });
}


# Publishes an event, { topic, key, payload }, and waits for the plugin's function
# that has subscribed to it: { outcome, error }. It is tried once.
sub deliver_event {
    my ($self, $event) = @_;
    my ($topic, $what) = $event->{topic} =~ /^(\w+)\.(\w+)\z/
        or die "\"$event->{topic}\" is no event\n";
    my %of = (plugin => $self->{plugin}{name}, topic => $topic, event => $what);
    my $end = time + $SECONDS;
    my $id;

    return $self->_as_administrator(ihanoi => sub {
        while (time < $end) {
            # A subscription has what is published after the gateway declared it.
            (($id) = map { $_->[0] } sql(<<'SQL', %of,
insert into core.outbox (topic, event, subject, payload)
select topic, event, coalesce(nullif(:'key', '')::uuid, gen_random_uuid()), :'payload'
  from core.plugin_subscriptions
 where plugin = :'plugin' and topic = :'topic' and event = :'event'
returning id
SQL
                key => $event->{key} // '',
                payload => $json->encode($event->{payload} // {}))) if !defined $id;

            # The gateway clears what is done away: read and not there any more is ok.
            my ($row) = !defined $id ? () : sql(<<'SQL', %of, id => $id);
with ended as (
    update core.plugin_deliveries
       set state = case state when 'due' then 'dead' else state end
     where plugin = :'plugin' and id = :'id' and ended_at is not null
    returning outcome, coalesce(error, '')
)
select * from ended
union all
select 'ok', ''
  from core.outbox o join core.plugin_cursors c on pg_visible_in_snapshot(o.xid, c.seen)
 where o.id = :'id' and c.plugin = :'plugin'
   and not exists (select from core.plugin_deliveries d
                    where d.plugin = c.plugin and d.id = o.id)
SQL
            return { outcome => $row->[0], error => $row->[1] } if $row;
            sleep 0.1;
        }

        die defined $id ? "the event \"$event->{topic}\" has not been worked off in $SECONDS seconds:"
                          . " a test waits no longer\n"
                        : "the gateway has no subscription to \"$event->{topic}\"\n";
    });
}


# Trust on a socket of a folder that is gone with us.
sub _cluster {
    my ($self) = @_;

    return IHanoi::Cluster->new(
        name => 'plugin', place => "$self->{dir}/pg", chosen => 'TMPDIR', tests => 1,
        settings => { fsync => 'off', full_page_writes => 'off',
                      max_connections => 50, shared_buffers => '32MB',
                      log_line_prefix => '%e %u ' });
}


sub _database {
    my ($self) = @_;
    my $core = $self->_needs_core;

    return if !$core && !$self->{plugin}{database};

    _whole(sub { ($self->{cluster} = $self->_cluster)->start });
    _whole(sub {
        $self->_as_administrator(postgres => sub {
            psql("create database ihanoi;\n") or die "could not make a database\n";
        });
        $self->_as_administrator(ihanoi => sub {
            psql("revoke temporary on database ihanoi from public;\n\\i "
                 . quoted(share() . '/sql/roles.sql') . "\n")
                or die "could not make the roles\n";
        });
    });
    _whole(sub {
        $self->_as_administrator(ihanoi => sub { $self->{release} = $self->_migrate_core });
    }) if $core;
    $self->_migrate;
    return;
}


# Whether the core has to be there: it keeps Idempotency-Keys, events, and when jobs
# run.
sub _needs_core {
    my ($self) = @_;
    my $folder = $self->{plugin}{folder};
    my $paths = document($folder, 'openapi.json')->{paths};
    my $manifest = document($folder, 'plugin.json');

    return 1 if grep { @{ $_ // [] } } $manifest->{jobs}, values %{ $manifest->{events} // {} };
    return grep { ref eq 'HASH' && exists $_->{post} } values %{ $paths // {} };
}


# The core's tables and functions; returns the release's name. What it says on
# the way is for operators.
sub _migrate_core {
    my ($self) = @_;
    my $log = "$self->{dir}/migrate.log";
    my $pid = open(my $fh, '-|') // die "could not fork: $!\n";

    if (!$pid) {
        open STDERR, '>', $log;
        exec $^X, '-I' . share() . '/bin/lib', share() . '/bin/commands/migrate'
            or POSIX::_exit(127);
    }

    chomp(my $release = <$fh> // '');
    return $release if close $fh;

    open my $said, '<:raw', $log;
    die join '', "could not make the core's tables:\n", <$said>;
}


# The plugin's own schema as the folder has it now.
sub _migrate {
    my ($self) = @_;

    return if !$self->{cluster} || !$self->{plugin}{database};

    # A migration that fails ends the program that it is in, not ours. Ctrl-C is for us,
    # who do not wait for one that takes long.
    $self->_as_administrator(ihanoi => sub {
        my $pid = fork // die "could not fork: $!\n";

        if (!$pid) {
            setpgrp;
            require IHanoi::Plugin::Database;
            my $database = IHanoi::Plugin::Database->new($self->{plugin});

            $database->prepare;
            $database->migrate;
            $database->code;
            undef $database;
            POSIX::_exit(0);
        }

        setpgrp $pid, $pid;
        my $done = eval { waitpid $pid, 0; 1 };
        my $why = $@;

        if (!$done) {
            kill KILL => -$pid;
            waitpid $pid, 0;
            die $why;
        }

        # What it says of deployments is not what helps here.
        die "this database is of this run alone: restore the migration, or start again\n"
            if $? >> 8 == 3;
        $? == 0 or die "the database does not take the plugin's SQL\n";
    });
    return;
}


sub _as_administrator {
    my ($self, $name, $code) = @_;
    local %ENV = %ENV;

    delete @ENV{grep { /^PG/ } keys %ENV};
    @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)}
        = ($self->{cluster}->socket, $self->{cluster}->port, 'postgres', $name);
    return $code->();
}


sub _command {
    my ($self, @more) = @_;
    my $dir = $self->{dir};

    return ($self->{nginx}, '-p', "$dir/", '-c', "$dir/nginx.conf",
            '-e', "$dir/error.log", @more);
}


# nginx -t. Its words are not for the log that people follow.
sub _check {
    my ($self) = @_;
    my $log = "$self->{dir}/check.log";
    my $pid = fork // die "could not fork: $!\n";

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', $log;
        open STDERR, '>&', \*STDOUT;
        exec { $self->{nginx} } $self->_command('-t', '-q') or POSIX::_exit(127);
    }

    waitpid $pid, 0;
    return if $? == 0;

    open my $fh, '<:raw', $log or die "nginx refuses the plugin\n";
    die join '', "nginx refuses the plugin:\n", map { _words($_) } grep { /\[emerg\]/ } <$fh>;
}


# What nginx said when it did not start. One that has ended before it could speak (a
# sanitizer, the loader) has something else on its stderr: that is told as it is.
sub _said {
    my ($self) = @_;
    my %said;

    for my $name (qw(start.log error.log)) {
        open my $fh, '<:raw', "$self->{dir}/$name" or next;
        $said{$name} = [<$fh>];
    }

    my %seen;
    my @words = grep { !$seen{$_}++ } map { _words($_) } grep { /\[(?:emerg|alert|crit)\]/ }
                map { @{ $said{$_} // [] } } qw(start.log error.log);
    return join '', @words ? @words : @{ $said{'start.log'} // [] };
}


# A line of the log without time, process and places in a file of ours.
sub _words {
    return $_[0] =~ s/^.*?\[(?:emerg|alert|crit)\] (?:\d+#\d+: )?(?:\*\d+ )?//r
                 =~ s/ in \S+nginx\.conf:\d+$//r;
}


# nginx and the module: of the checkout's newest build, or as installed.
sub _build {
    my $home = home() // return;
    my $build = $ENV{BUILD} // '*';

    return (sort { (stat "$b/module.built")[9] <=> (stat "$a/module.built")[9] }
            grep { -f "$_/module.built" } glob "'$home/build/'$build")[0]
        // die "the module is not built: make\n";
}


sub _nginx {
    my $build = _build();
    my ($nginx) = grep { -x } $build ? "$build/nginx-binary" : (), '/usr/sbin/nginx';

    return $nginx // die "nginx is not installed: apt install nginx\n";
}


# "# built in" is an nginx of ours that has it.
sub _module {
    my $build = _build();
    my $module = ($build // share() . '/modules') . '/ngx_http_ihanoi_module.so';

    return "load_module $module;" if -f $module;
    return '# built in' if $build && -x "$build/nginx-binary";
    die "there is no module $module: " . ($build ? "make\n" : "make install\n");
}


sub _configure {
    my ($self) = @_;

    $self->file('nginx.conf', configuration($self));
    return;
}


# Writes a file of the gateway's folder; its path.
sub file {
    my ($self, $name, $text, $mode) = @_;
    my $file = "$self->{dir}/$name";

    unlink $file;
    utf8::encode($text) if utf8::is_utf8($text);
    sysopen my $fh, $file, Fcntl::O_WRONLY() | Fcntl::O_CREAT() | Fcntl::O_EXCL(),
            $mode // 0644
        or die "could not write $file: $!\n";
    print $fh $text;
    close $fh or die "could not write $file: $!\n";
    return $file;
}


sub _free_port {
    my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')
        or die "no free port: $!\n";
    return $socket->sockport;
}


1;
