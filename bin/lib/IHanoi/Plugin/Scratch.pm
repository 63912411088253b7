package IHanoi::Plugin::Scratch;

# A gateway for a few seconds, with a version that is not deployed yet: the
# operator's own configuration, on unix sockets in a folder nobody else knows,
# with one worker, without jobs and without logs.
#
#   my $scratch = IHanoi::Plugin::Scratch->start($gateway, $plugin, $seconds);
#   my $said = $scratch->try;          # what was tried; exits when it fails
#   $scratch->stop;
#
# The plugin is one that look() has found. It works on the real database and
# backends, so only what reads is called.

use strict;
use warnings;
use File::Path qw(remove_tree);
use File::Temp ();
use JSON::PP ();
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);
use IHanoi::Command;
use IHanoi::HttpGet;
use IHanoi::NginxConf;
use IHanoi::Plugin::Gateway;

# What the running gateway does and a second one must not, or what would
# keep us out of our own sockets: limits are for clients, and all of ours are one.
my %LEFT_OUT = map { $_ => 1 } qw(daemon master_process pid error_log access_log
    worker_processes worker_cpu_affinity lock_file working_directory stream mail
    client_body_temp_path proxy_temp_path fastcgi_temp_path uwsgi_temp_path
    scgi_temp_path ihanoi_jobs ihanoi_plugin_switches
    ihanoi_plugin_background allow deny limit_req limit_conn ssl http2);

my %CACHE = map { ("${_}_cache_path" => 1) } qw(proxy fastcgi uwsgi scgi);


sub start {
    my ($class, $gateway, $plugin, $seconds) = @_;
    my $self = bless { gateway => $gateway, plugin => $plugin, owner => $$ },
                     $class;

    # Workers run as another user: they may pass, and see nothing.
    $self->{dir} = File::Temp::tempdir('ihanoi-scratch-XXXXXXXXXXXX', TMPDIR => 1);
    chmod 0711, $self->{dir};
    $self->{end} = time + $seconds;

    # Beside the operator's: relative paths are so to the file's folder.
    $self->{file} = _file($gateway, $plugin->{name});
    open my $fh, '>', $self->{file} or fail("could not write $self->{file}: $!");
    chmod 0600, $self->{file};
    print $fh conf_text($self->_conf);
    close $fh or fail("could not write $self->{file}: $!");

    $self->_spawn;
    return $self;
}


sub stop {
    my ($self) = @_;

    return if $self->{owner} != $$;

    if (my $pid = delete $self->{pid}) {
        my $end = time + 5;
        kill QUIT => $pid;

        while (waitpid($pid, WNOHANG) == 0) {
            kill TERM => $pid if time > $end;
            kill KILL => $pid if time > $end + 5;
            sleep 0.02;
        }
    }

    unlink $self->{file} if defined $self->{file};
    remove_tree($self->{dir}) if defined $self->{dir};
    delete @$self{qw(file dir)};
    return;
}


# The file of the configuration, beside the operator's.
sub _file {
    my ($gateway, $name) = @_;
    return $gateway->folder . "/.ihanoi-scratch-$name.conf";
}


# What one has left whose command was killed: itself it ended then. Its folder stands
# in its configuration.
sub forget {
    my ($gateway, $name) = @_;
    my $file = _file($gateway, $name);
    my ($pid) = map { $_->{args}[0] } find(eval { read_conf($file) } // [], 'pid');

    remove_tree($1) if ($pid // '') =~ m{^(/.+/ihanoi-scratch-\w{12})/pid\z};
    unlink $file;
    return;
}


sub DESTROY { local ($?, $!, $@); $_[0]->stop }


sub _conf {
    my ($self) = @_;
    my ($dir, $plugin) = @$self{qw(dir plugin)};
    my (%socket, $n);

    # A socket for each address: servers of one name on two would collide.
    my $listen = sub {
        my ($address, @more) = @_;
        my $socket = $socket{$address} //= "unix:$dir/" . ++$n;
        return directive('listen', $socket, grep { $_ eq 'default_server' } @more);
    };

    my $conf = edit($self->{gateway}->conf, sub {
        my ($d, @around) = @_;
        my $where = join ' ', @around;

        return if $LEFT_OUT{ $d->{name} };
        return $listen->(@{ $d->{args} })
            if $d->{name} eq 'listen' && $where eq 'http server';

        if ($d->{name} eq 'server' && $where eq 'http'
            && !find($d->{block}, 'listen'))
        {
            return { %$d, block => [directive('listen', '80'), @{ $d->{block} }] };
        }

        if ($CACHE{ $d->{name} }) {
            my (undef, @more) = @{ $d->{args} };
            return directive($d->{name}, "$dir/cache" . ++$n, @more);
        }

        # All calls are for the version that is tried, none for a candidate.
        if ($d->{name} eq 'ihanoi_plugin' && $d->{args}[0] eq $plugin->{name}) {
            return { %$d, block => [
                directive('path', $plugin->{folder}), directive('check', 'always'),
                grep { $_->{name} !~ /^(?:path|check|candidate(?:_database)?)\z/ }
                    @{ $d->{block} }] };
        }

        return $d;
    });

    $self->_find_api($conf);

    for my $http (find($conf, 'http')) {
        push @{ $http->{block} },
            directive('access_log', 'off'),
            directive('ihanoi_plugin_background', 'off'),
            (map { directive("${_}_temp_path", "$dir/$_") }
                 qw(client_body proxy fastcgi uwsgi scgi)),
            directive('server', [directive('listen', "unix:$dir/status"),
                map { directive('location', '=', "/$_",
                                [directive('ihanoi_status', $_)]) }
                    qw(readyz metrics)]);
    }

    return [directive('daemon', 'off'), directive('pid', "$dir/pid"),
            directive('error_log', "$dir/error.log", 'info'),
            directive('worker_processes', '1'), @$conf];
}


# Where the API is: { address, host }.
sub _find_api {
    my ($self, $conf) = @_;

    for my $server (find($conf, 'http', 'server')) {
        my $api = 0;

        edit($server->{block}, sub {
            $api ||= $_[0]{name} eq 'ihanoi_api' && $_[0]{args}[0] ne 'off';
            return $_[0];
        });
        next if !$api;

        my ($listen) = find($server->{block}, 'listen');
        my ($name) = map { grep { !/[*~]/ && length } @{ $_->{args} } }
                     find($server->{block}, 'server_name');
        $self->{api} = { address => $listen->{args}[0],
                         host => $name // 'localhost' };
        return;
    }

    fail('no server of the configuration has "ihanoi_api on"');
}


sub _spawn {
    my ($self) = @_;

    # When this program is killed, nginx ends with it.
    my @command = $self->{gateway}->command($self->{file});
    unshift @command, qw(setpriv --pdeathsig TERM --) if -x '/usr/bin/setpriv';

    $self->{pid} = fork // fail("could not fork: $!");

    if (!$self->{pid}) {
        setpgrp;                        # a ^C is for us to tell it
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$self->{dir}/start.log";
        open STDERR, '>&', \*STDOUT;
        exec { $command[0] } @command or POSIX::_exit(127);
    }

    while (!http_request("unix:$self->{dir}/status", 'GET', '/metrics')) {
        if (waitpid($self->{pid}, WNOHANG) == $self->{pid}) {
            delete $self->{pid};
            $self->_fail('the gateway does not start with it');
        }

        time < $self->{end} or $self->_fail('a gateway with it did not start in time');
        sleep 0.05;
    }

    return;
}


# What nginx has said of it, then the end.
sub _fail {
    my ($self, @why) = @_;

    for my $name (qw(start.log error.log)) {
        open my $fh, '<', "$self->{dir}/$name" or next;
        my @lines = grep { /\[(?:emerg|alert|crit|error)\]/ || $name eq 'start.log' }
                    <$fh>;
        s/ in \Q$self->{file}\E:\d+$// for @lines;      # nobody's, and gone in a moment
        print STDERR splice @lines, -10 > -@lines ? -10 : -@lines if @lines;
    }

    $self->stop;
    fail(@why);
}


sub try {
    my ($self) = @_;

    $self->_ready;
    $self->_loaded;
    return $self->_operations;
}


# Until the plugin has what it was granted; what others lack is not its fault.
sub _ready {
    my ($self) = @_;
    my $name = $self->{plugin}{name};
    my @bad;

    while (1) {
        my $r = http_request("unix:$self->{dir}/status", 'GET', '/readyz');
        my $checks = $r ? eval { JSON::PP->new->utf8->decode($r->{content})->{checks} }
                        : undef;

        @bad = !$checks ? ('no answer of /readyz')
             : map { "$_->{name}: " . (ref $_->{detail} ? join '; ', @{ $_->{detail} }
                                                        : $_->{detail}) }
               grep { !$_->{ok} && ($_->{plugin} // '') eq $name } @$checks;
        push @bad, map { "$_->{name}: $_->{detail}" }
                   grep { !$_->{ok} && !defined $_->{plugin} } @$checks
            if $r && $r->{status} != 200 && !@bad;

        return if !@bad;
        time < $self->{end} or last;
        sleep 0.1;
    }

    $self->_fail('a gateway with it is not ready:', join '; ', @bad);
}


sub _loaded {
    my ($self) = @_;
    my $plugin = $self->{plugin};
    my $r = http_request("unix:$self->{dir}/status", 'GET', '/metrics');
    my ($info) = grep { $_->{plugin} eq $plugin->{name}
                        && $_->{digest} eq $plugin->{hash} }
                 IHanoi::Plugin::Gateway::series_of($r ? $r->{content} : '',
                                                    'ihanoi_plugin_info');

    $info && $info->{value} == 1
        or $self->_fail('the worker of a gateway with it does not load it');
    return;
}


# Each operation once: one that needs a token is asked without, one that is
# public and reads is called, where the contract has what it needs. Returns
# what to tell.
sub _operations {
    my ($self) = @_;
    my ($api, $plugin) = @$self{qw(api plugin)};
    my $contract = JSON::PP->new->utf8->decode(sql_file("$plugin->{folder}/openapi.json"));
    my ($called, $refused, $left) = (0, 0, 0);

    for my $path (sort keys %{ $contract->{paths} }) {
        my $item = $contract->{paths}{$path};

        for my $method (grep { exists $item->{$_} } qw(get head post put patch delete)) {
            my $op = $item->{$method};
            my $security = $op->{security} // $contract->{security} // [{ bearer => [] }];
            my $public = !@$security || grep { !%$_ } @$security;
            my $target = _target($contract, $path,
                [@{ $item->{parameters} // [] }, @{ $op->{parameters} // [] }], !$public);

            if ($public && $method !~ /^(?:get|head)\z/ || !defined $target) {
                $left++;
                next;
            }

            my $r = http_request($api->{address}, uc $method, $target,
                                 Host => $api->{host}, 'Content-Length' => 0);
            my $what = uc($method) . " $target";

            $r or $self->_fail("$what: no answer");

            # The plugin's own word is an answer: that a partner has not signed.
            my ($own) = _type($r) =~ /^urn:ihanoi:problem:(.+)/;
            !$public || $r->{status} < 500 && $r->{status} !~ /^(?:401|403)$/
                || $r->{status} == 403 && $contract->{'x-ihanoi-problems'}{$own // ''}
                or $self->_fail("$what: it answers $r->{status}", _detail($r));
            $public || $r->{status} == 401
                or $self->_fail("$what: it answers $r->{status} without a token", _detail($r));
            $public ? $called++ : $refused++;
        }
    }

    return "$called called, $refused want a token, $left left alone";
}


sub _detail {
    my ($r) = @_;
    my $type = _type($r);
    return length $type ? "($type)" : '';
}


sub _type {
    my ($r) = @_;
    my $problem = eval { JSON::PP->new->utf8->decode($r->{content}) };
    return ref $problem eq 'HASH' ? $problem->{type} // '' : '';
}


# A request target with the values that the contract has as examples, or undef.
# Without a token any value will do.
sub _target {
    my ($contract, $path, $parameters, $any) = @_;
    my @query;

    for my $parameter (@$parameters) {
        $parameter = _resolve($contract, $parameter) // return;

        my $needed = $parameter->{in} eq 'path' || $parameter->{required};
        next if !$needed || $any && $parameter->{in} ne 'path';
        return if $parameter->{in} eq 'header';

        my $value = $any ? 'x' : _example($contract, $parameter) // return;
        $value =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ge;

        if ($parameter->{in} eq 'path') {
            $path =~ s/\{\Q$parameter->{name}\E\}/$value/;
        } else {
            push @query, "$parameter->{name}=$value";
        }
    }

    return join '?', $path, @query ? join('&', @query) : ();
}


sub _example {
    my ($contract, $parameter) = @_;
    my $schema = _resolve($contract, $parameter->{schema} // {}) // return;
    my ($named) = values %{ $parameter->{examples} // {} };
    my ($value) = grep { defined && !ref }
        $parameter->{example}, $named ? $named->{value} : undef,
        @{ $schema->{examples} // [] }, $schema->{default}, $schema->{const},
        @{ $schema->{enum} // [] };

    utf8::encode($value) if defined $value && utf8::is_utf8($value);
    return $value;
}


# What a local "$ref" leads to.
sub _resolve {
    my ($contract, $value) = @_;

    for (1 .. 16) {
        my $ref = $value->{'$ref'} // return $value;
        my @steps = $ref =~ m{^#/(.*)}s ? split m{/}, $1 : return;

        $value = $contract;
        for my $step (@steps) {
            $step =~ s/~1/\//g;
            $step =~ s/~0/~/g;
            $value = ref $value eq 'HASH' ? $value->{$step} // return : return;
        }
        return if ref $value ne 'HASH';
    }

    return;
}


1;
