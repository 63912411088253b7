package IHanoi::Bench::Plugins;

# What the plugin host costs.

use strict;
use warnings;
use utf8;
use Exporter 'import';
use IHanoi::Bench qw(interleave median wrk);
use IHanoi::Bench::Stand;
use IHanoi::Bench::Statements;
use IHanoi::Bench::Table;
use IHanoi::Test ();
use IHanoi::Test::Plugin qw(plugin_folder);
use JSON::PP ();
use List::Util qw(sum);
use POSIX ();
use Time::HiRes ();


sub sections {
    return (
        [plugin => \&bench_plugin],
        [waits  => \&bench_waits],
    );
}


# What a plugin can burn: time in Lua, in a callback of C, in C; and memory.
my @BURNS = (
    'while true do end',
    'while true do
         pcall(table.sort, { 3, 2, 1 }, function() while true do end end)
     end',
    'while true do
         pcall(string.gsub, "aaa", "a", function() while true do end end)
     end',
    'return ("a"):rep(20000):find(".-b")',
    'local t = {} for i = 1, 1e9 do t[i] = {} end',
    'local s = "x" while true do s = s .. s end',
    'local t = {}
     while true do
         pcall(function() for i = 1, 1e9 do t[#t + 1] = {} end end)
     end',
);


# Plugins: what a handler costs, what many of them cost who does not call them,
# and what those that burn time and memory cost everybody else.
sub bench_plugin {
    my @plugins = map {
        plugin_folder(name => "bench$_", lua => {
            constant => 'return 200, "ok"',
            object   => 'return 200, { id = input.id or "a1", colour = "green",
                             places = { 1, 2, 3 }, open = true }',
            burn     => $BURNS[$_ % @BURNS],
        })
    } 1 .. 50;
    my $blocks = join '', map { $_->block('public;') } @plugins;
    my $locations = <<'CONF';
        location = /return { default_type application/json; return 200 '"ok"'; }
        location / { auth_jwt iHaNoi; ihanoi_api on; }
CONF

    my %seconds;
    my %gw = map {
        my ($name, $http) = @$_;
        my $begin = Time::HiRes::time();
        my $gw = start($large, http => $http, locations => $locations);
        $seconds{$name} = Time::HiRes::time() - $begin;
        my ($path) = ids($large, 1);

        answer_of($gw, $path);

        $name => $gw;
    } ['none', ''], ['fifty', $blocks];

    my $memory = (resident($gw{fifty}) - resident($gw{none})) / 2 / 50;
    my $paths = paths('plugin', ids($large, 1000));
    my $get = sub {
        my ($gw, $path) = @_;
        return wrk(url => $gw->url . $path, connections => 32,
                   seconds => $seconds);
    };
    my %read = map { $_ => gets($gw{$_}, $paths) } keys %gw;

    # Reads beside those of the fifty, called one after the other: a circuit opens.
    my $beside = sub {
        my @burning = @_;
        my $burner = fork // die "could not fork: $!\n";

        if ($burner == 0) {
            my $end = Time::HiRes::time() + $seconds + 1;
            for (my $i = 0; Time::HiRes::time() < $end; $i++) {
                $gw{fifty}->get("/v1/bench$burning[$i % @burning]/burn");
            }
            POSIX::_exit(0);
        }

        my $figures = $read{fifty}->();
        waitpid $burner, 0;
        return $figures;
    };
    my @loops = grep { $_ % @BURNS == 0 } 1 .. 50;

    $_->() for values %read;
    my $all = interleave($rounds,
        return   => sub { $get->($gw{fifty}, '/return') },
        constant => sub { $get->($gw{fifty}, '/v1/bench1/constant') },
        object   => sub { $get->($gw{fifty}, '/v1/bench1/object') },
        none     => $read{none},
        fifty    => $read{fifty},
        loops    => sub { $beside->(@loops) },
        hostile  => sub { $beside->(1 .. 50) });

    at_least('a handler that answers a constant : return 200',
        per_round($all, rps => qw(constant return)), 0.75,
        rates($all, qw(constant return)));
    at_least('a handler that builds a small object : return 200',
        per_round($all, rps => qw(object return)), 0.65,
        rates($all, qw(object return)));
    at_least('GET a report, with 50 idle plugins : without',
        per_round($all, rps => qw(fifty none)), 0.97,
        rates($all, qw(fifty none)));
    at_most('KiB of a worker for an idle plugin', [$memory / 1024], 100,
        sprintf '%.0f KiB for 50', $memory * 50 / 1024);
    at_most('seconds to start, with 50 plugins more',
        [$seconds{fifty} - $seconds{none}], 1,
        sprintf '%.2f : %.2f s', @seconds{qw(fifty none)});

    for (['time', 'loops'], ['time and memory', 'hostile']) {
        my ($burnt, $name) = @$_;

        at_most("p99 of a read beside plugins that burn $burnt : alone",
            per_round($all, p99 => $name, 'fifty'), 2,
            sprintf '%.2f : %.2f ms', map { median(@{ $all->{$_}{p99} }) } $name, 'fifty');
    }

    my ($reads, $failed) = map { my $of = $_;
                                 sum(map { @{ $all->{$_}{$of} } } qw(loops hostile)) }
                           qw(requests bad);
    return row(what => 'reads that failed beside them', measured => $failed,
               target => '0', ok => !$failed, detail => "of $reads");
}


# What a plugin's handler adds where it waits: for its database beside the same
# function served without Lua, for a backend beside proxy_pass.
sub bench_waits {
    my $n = { parameters => [{
        name => 'n', in => 'path', required => JSON::PP::true,
        schema => { type => 'integer', format => 'int32' },
    }] };
    my %lua = (
        db      => 'local row = ihanoi.db.one("bench_row", { n = input.n })
                    return row.status, row.body',
        raw     => 'return 200, ihanoi.db.json("bench_json", { n = input.n })',
        backend => 'local r = ihanoi.backend.get("operator", { "spots" })
                    return 200, r.json()',
    );
    my $plugin = plugin_folder(
        name       => 'waits',
        lua        => { %lua, sql => '' },
        operations => {
            (map { $_ => { %$n, path => "/v1/waits/$_/{n}" } } qw(db raw)),
            sql => { %$n, path => '/v1/waits/sql/{n}',
                     'x-ihanoi-lua' => undef, 'x-ihanoi-sql' => 'bench_read' },
        },
        manifest => { permissions => { public => JSON::PP::true,
            database => JSON::PP::true, backends => ['operator'] } },
    );
    my $backend = start($large, locations => <<'CONF');
        location /spots { default_type application/json;
                          return 200 '{"id": "a1", "free": 12, "open": true}'; }
CONF

    plugin_schema();

    my ($port) = $backend->url =~ /:(\d+)/;
    my $gw = start($large,
        http => $plugin->block('public;', 'database waits;',
                               'backend operator /_operator;') . <<"CONF",
    upstream operator { server 127.0.0.1:$port; keepalive 64; }
    ihanoi_database waits {
        server unix:$large->{socket} port=$large->{port};
        dbname $large->{name};
        schema plugin_waits;
        user bench_waits;
        read connections=4;
        write connections=1;
    }
CONF
        locations => <<'CONF');
        location / { auth_jwt iHaNoi; ihanoi_api on; }
        location ^~ /_operator/ { internal; proxy_pass http://operator/;
            proxy_http_version 1.1; proxy_set_header Connection ""; }
        location = /proxied { proxy_pass http://operator/spots;
            proxy_http_version 1.1; proxy_set_header Connection ""; }
CONF

    my %measure = map {
        my $name = $_;
        my $paths = paths($name, map { "/v1/waits/$name/$_" } 1 .. 1000);
        $name => gets($gw, $paths, connections => 32, token => undef);
    } qw(sql db raw);

    for (['backend', '/v1/waits/backend'], ['proxied', '/proxied']) {
        my ($name, $path) = @$_;
        $measure{$name} = sub {
            wrk(url => $gw->url . $path, connections => 32,
                seconds => $seconds);
        };
    }

    answer_of($gw, $_) for qw(/v1/waits/sql/1 /v1/waits/db/1 /v1/waits/raw/1
                              /v1/waits/backend /proxied);

    $measure{sql}->();
    my $all = interleave($rounds, %measure);

    at_least('a handler with one query : the same function without Lua',
        per_round($all, rps => qw(db sql)), 0.8, rates($all, qw(db sql)));
    at_least('a handler that passes JSON through : the same without Lua',
        per_round($all, rps => qw(raw sql)), 0.9, rates($all, qw(raw sql)));
    return at_least('a handler with one backend call : proxy_pass',
        per_round($all, rps => qw(backend proxied)), 0.8,
        rates($all, qw(backend proxied)));
}


# The schema and role of that plugin: a thousand documents of a report's size.
sub plugin_schema {
    my $body = $call->{body} =~ s/'/''/gr;

    ask($large, <<"SQL");
        drop schema if exists plugin_waits cascade;
        drop role if exists bench_waits;
        create role bench_waits login;
        create schema plugin_waits authorization bench_waits;
        set role bench_waits;
        create table plugin_waits.documents as
            select n, '$body'::json as body from generate_series(1, 1000) n;
        alter table plugin_waits.documents add primary key (n);
        create function plugin_waits.bench_read(caller jsonb, n int)
            returns table (status int, etag text, body json)
            language sql stable as
            'select 200, null::text, d.body from plugin_waits.documents d
             where d.n = bench_read.n';
        create function plugin_waits.bench_row(n int)
            returns table (status int, body json) language sql stable as
            'select 200, d.body from plugin_waits.documents d
             where d.n = bench_row.n';
        create function plugin_waits.bench_json(n int)
            returns table (body json) language sql stable as
            'select d.body from plugin_waits.documents d
             where d.n = bench_json.n';
        reset role;
        analyze plugin_waits.documents;
SQL
    return;
}


# Bytes that the workers of a gateway have for themselves: what they share with
# the master costs nothing more.
sub resident {
    my ($gw) = @_;
    my $kb = 0;

    for my $pid ($gw->workers) {
        open my $fh, '<', "/proc/$pid/smaps_rollup" or die "/proc/$pid: $!\n";
        my $text = join '', <$fh>;
        $kb += $1 while $text =~ /^Private_(?:Clean|Dirty):\s+(\d+)/mg;
    }

    return $kb * 1024;
}


1;
