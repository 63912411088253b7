package IHanoi::Test::Plugin;

# A plugin in a temporary folder, with as little written as a test needs.
#
#   my $plugin = plugin_folder(
#       name    => 'probe',             # default
#       handler => '...',               # handler.lua; or functions:
#       lua     => { hello => 'return 200, { greeting = "xin chào" }' },
#       functions => { nightly => '...' },  # more of them, without operations
#       files   => { 'lib/fees.lua' => '...' },
#       manifest => { permissions => { ... } },   # merged over the default
#       operations => { hello => { ... } },       # merged over the default;
#                                         # undef takes a member away
#       document => { ... },              # members of openapi.json beside its paths
#       openapi => { ... },               # all of it, instead
#   );
#
# Each function of `lua` is an operation: GET /v1/NAME/FUNCTION, public, that
# answers any JSON. Its text is the function's body, with `input`. The object
# has ->path, and ->block(@lines): the block for nginx.conf.

use strict;
use warnings;
use Exporter 'import';
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use JSON::PP ();
use IHanoi::Command qw(psql_args);
use IHanoi::Plugin::Database;
use IHanoi::Plugin::Folder;

our @EXPORT = qw(plugin_folder plugin_database plugin_jobs_rest plugin_job plugin_heard
                 plugin_erase plugin_erase_again plugin_traces plugin_counted);

my $ERASED = "topic = 'person' and event = 'erased'";


sub plugin_folder {
    my (%arg) = @_;
    my $self = bless { name => 'probe', %arg }, __PACKAGE__;

    my $top = tempdir('ihanoi-plugin-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
    chmod 0755, $top;
    $self->{path} = "$top/$self->{name}";

    $self->write('plugin.json', _json({
        name        => $self->{name},
        version     => '1.0.0',
        host        => 1,
        title       => { vi => 'Thử', en => 'Probe' },
        agency      => { name => 'Test', contact => 'test@ihanoi.example' },
        data        => [],
        permissions => { public => JSON::PP::true },
        %{ $arg{manifest} // {} },
    }));
    $self->write('openapi.json', _json($arg{openapi} // $self->_openapi));

    my $handler = $arg{handler} // $self->_handler;
    $self->write('handler.lua', $handler) if $handler ne '';

    $self->write($_, $arg{files}{$_}) for keys %{ $arg{files} // {} };

    return $self;
}


sub path { $_[0]{path} }
sub name { $_[0]{name} }


# The block of nginx.conf that grants what the lines say.
sub block {
    my ($self, @lines) = @_;

    return "ihanoi_plugin $self->{name} {\n    path $self->{path};\n"
         . join('', map { "    $_\n" } @lines) . "}\n";
}


sub write {
    my ($self, $name, $text) = @_;
    my $file = "$self->{path}/$name";

    make_path($file =~ s{/[^/]*\z}{}r);
    utf8::encode($text) if utf8::is_utf8($text);
    open my $fh, '>:raw', $file or die "$file: $!\n";
    print $fh $text;
    close $fh;
    return $file;
}


# Makes what the plugin of a folder needs in a database(), as a deployment does,
# and returns the block for nginx.conf, with lines that change it. Fewer connections than
# by default: each worker makes them all, and a backend takes 50 ms to begin and end.
sub plugin_database {
    my ($db, $folder, @lines) = @_;
    my ($plugin, @findings) = look($folder);
    my @errors = grep { is_error($_) } @findings;

    report(\*STDERR, @errors);
    die "$folder is not good\n" if !$plugin || @errors;

    local %ENV = %ENV;
    psql_args({ host => $db->{socket}, port => $db->{port},
                user => 'postgres', dbname => $db->{name} });

    my $database = IHanoi::Plugin::Database->new($plugin);
    $database->prepare;
    $database->migrate;
    $database->code;

    my $role = "plugin_$plugin->{name}";
    unshift @lines, 'write connections=2;' if !grep { /\bwrite\b/ } @lines;

    return "ihanoi_database $plugin->{name} {\n"
         . "    server unix:$db->{socket} port=$db->{port};\n"
         . "    dbname $db->{name};\n    schema $role;\n    user $role;\n"
         . join('', map { "    $_\n" } @lines) . "}\n";
}


# "ok 3, reply 1": the calls of a plugin since it was asked last, from the report that a
# location of the gateway makes.
my %counted;
sub plugin_counted {
    my ($gw, $plugin) = @_;
    my ($mine) = grep { $_->{name} eq $plugin } @{ $gw->get('/plugins')->{json}{plugins} };
    my $was = $counted{$gw}{$plugin} // {};
    my $now = $counted{$gw}{$plugin} = $mine->{calls};

    return join ', ', map { my $n = $now->{$_} - ($was->{$_} // 0); $n ? "$_ $n" : () }
                      sort keys %$now;
}


# The jobs of a plugin run when a test says so, not when a minute is full. n: so many
# are waited for, which a gateway declares when it has a connection, and what runs by
# then: its end says when it runs next.
sub plugin_jobs_rest {
    my ($db, $plugin, $n) = @_;
    my $rest = "update core.plugin_jobs set next_at = core.now() + interval '1 year'
                 where plugin = '$plugin'";

    IHanoi::Test::wait_until(sub {
        $db->sql("with resting as ($rest and run is null returning 1)
                  select count(*) from resting") >= $n;
    }, 40) if $n;
    $db->sql($rest);
    return;
}


# Runs one now, after what it may be doing: its outcome, and why.
sub plugin_job {
    my ($db, $plugin, $job) = @_;
    my $row = "core.plugin_jobs where plugin = '$plugin' and job = '$job'";

    IHanoi::Test::wait_until(sub { $db->sql("select count(*) from $row and run is null") }, 40);
    $db->sql("update core.plugin_jobs set outcome = null, next_at = core.now()
              where plugin = '$plugin' and job = '$job'");

    # What runs when a minute is full would run again at its end.
    IHanoi::Test::wait_until(sub {
        defined $db->sql("update core.plugin_jobs set next_at = core.now() + interval '1 year'
                           where plugin = '$plugin' and job = '$job' and run is not null;
                          select outcome from $row");
    }, 60);
    plugin_jobs_rest($db, $plugin);
    return $db->sql("select concat_ws(': ', outcome, error) from $row");
}


# An event has been told to a plugin: ok, or what it waits for. Which one says a condition
# on what an event is wherever it stands. What is done is cleared away some time. An erasure
# waits for older transactions of the cluster, also for another file's import.
sub plugin_heard {
    my ($db, $plugin, $which) = @_;
    my $left = "core.plugin_deliveries where plugin = '$plugin' and $which and state <> 'done'";

    return 'ok' if IHanoi::Test::wait_until(sub {
        $db->sql("select not exists (select from $left)
                     and (select bool_and(pg_visible_in_snapshot(o.xid, c.seen))
                          from core.plugin_cursors c, core.outbox o
                          where c.plugin = '$plugin' and $which)") eq 't' });
    return $db->sql("select string_agg(concat_ws(' ', state, outcome, error), ', ') from $left")
           // 'not read';
}


# A citizen erases the account, and a plugin hears of it: ok, or what the event waits for.
sub plugin_erase {
    my ($db, $gw, $plugin, $sub) = @_;

    IHanoi::Test::wait_until(sub { $db->sql("select count(*) from core.plugin_subscriptions
                                             where plugin = '$plugin' and $ERASED") });
    my $r = $gw->delete('/v1/me', token => IHanoi::Test::token(sub => $sub, assurance => 'phone'));

    return $r->{status} == 204 ? plugin_heard($db, $plugin, $ERASED) : "DELETE /v1/me: $r->{status}";
}


# The newest such event, of that citizen, comes once more.
sub plugin_erase_again {
    my ($db, $plugin, $sub) = @_;

    $db->sql("with e as (select * from core.outbox where $ERASED order by id desc limit 1),
                   who as (insert into core.erasures
                           select e.subject, '$IHanoi::Test::ISSUER $sub' from e
                           on conflict do nothing)
              insert into core.plugin_deliveries (plugin, id, xid, at, topic, event, subject,
                                                  payload, next_at)
              select '$plugin', e.id, e.xid, e.at, e.topic, e.event, e.subject, e.payload, core.now()
              from e
              on conflict (plugin, id) do update set state = 'due', next_at = core.now()");
    return plugin_heard($db, $plugin, $ERASED);
}


# Of a plugin's tables those with a row that matches a regular expression: "bookings quotes".
sub plugin_traces {
    my ($db, $plugin, $of) = @_;
    my @tables = map { $_->[0] } $db->sql("select relname from pg_class where relkind = 'r'
        and relnamespace = 'plugin_$plugin'::regnamespace order by 1");

    return join ' ', grep {
        $db->sql("select count(*) from plugin_$plugin.$_ where $_\::text ~ '$of'")
    } @tables;
}


sub _json { JSON::PP->new->utf8->canonical->encode($_[0]) }


sub _handler {
    my ($self) = @_;
    my $lua = { %{ $self->{lua} // {} }, %{ $self->{functions} // {} } };

    return join '', "local M = {}\n",
        (map { "function M.$_(input) $lua->{$_} end\n" } sort keys %$lua),
        "return M\n";
}


sub _openapi {
    my ($self) = @_;
    my %paths;

    for my $name (keys %{ $self->{lua} // {} }) {
        my $more = $self->{operations}{$name} // {};
        my $method = $more->{method} // 'get';
        my $path = $more->{path} // "/v1/$self->{name}/$name";

        $paths{$path}{$method} = {
            operationId    => "$self->{name}_$name",
            'x-ihanoi-lua' => $name,
            security       => [],
            responses      => { 200 => {
                description => 'Anything',
                content     => { 'application/json' => { schema => {} } },
            } },
            %$more,
        };
        my $operation = $paths{$path}{$method};
        delete @$operation{ qw(method path),
                            grep { !defined $operation->{$_} } keys %$operation };
    }

    return {
        openapi => '3.1.0',
        info    => { title => 'Probe', version => '1.0.0' },
        paths   => \%paths,
        %{ $self->{document} // {} },
    };
}


1;
