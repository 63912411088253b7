package IHanoi::Bench::Plugins;

# What the plugin host costs.

use strict;
use warnings;
use utf8;
use Exporter 'import';
use IHanoi::Bench qw(cpu_time interleave median wrk);
use IHanoi::Bench::Stand;
use IHanoi::Bench::Statements;
use IHanoi::Bench::Table;
use IHanoi::Test ();
use IHanoi::Test::Plugin qw(plugin_folder);
use JSON::PP ();
use List::Util qw(sum);
use Time::HiRes ();


sub sections {
    return (
        [plugin => \&bench_plugin],
        [burn   => \&bench_burn],
        [waits  => \&bench_waits],
    );
}


# Plugins: what a handler costs, and what many of them cost who does not call them.
sub bench_plugin {
    my @plugins = map {
        plugin_folder(name => "bench$_", lua => {
            constant => 'return 200, "ok"',
            object   => 'return 200, { id = input.id or "a1", colour = "green",
                             places = { 1, 2, 3 }, open = true }',
        })
    } 1 .. 50;
    my $locations = <<'CONF';
        location = /return { default_type application/json; return 200 '"ok"'; }
        location / { auth_jwt iHaNoi; ihanoi_api on; }
CONF

    my %seconds;
    my %gw = map {
        my ($name, @loaded) = @$_;
        my $begin = Time::HiRes::time();
        my $gw = start($large, locations => $locations,
                       http => join '', map { $_->block('public;') } @loaded);
        $seconds{$name} = Time::HiRes::time() - $begin;

        answer_of($gw, ids($large, 1));

        $name => $gw;
    } ['none'], ['fifty', @plugins];

    my $memory = (resident($gw{fifty}) - resident($gw{none})) / 2 / 50;
    my $paths = paths('plugin', ids($large, 1000));
    my $get = sub {
        my ($gw, $path) = @_;
        return wrk(url => $gw->url . $path, connections => 32,
                   seconds => $seconds);
    };
    my %read = map { $_ => gets($gw{$_}, $paths) } keys %gw;

    $_->() for values %read;
    my $all = interleave($rounds,
        return   => sub { $get->($gw{fifty}, '/return') },
        constant => sub { $get->($gw{fifty}, '/v1/bench1/constant') },
        object   => sub { $get->($gw{fifty}, '/v1/bench1/object') },
        none     => $read{none},
        fifty    => $read{fifty});

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
    return at_most('seconds to start, with 50 plugins more',
        [$seconds{fifty} - $seconds{none}], 1,
        sprintf '%.2f : %.2f s', @seconds{qw(fifty none)});
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


# What plugins that burn time and memory cost those who read reports: one whose
# calls spend nearly all of their CPU budget and answer, and those that are killed,
# seven of each kind because a circuit opens behind five kills.
sub bench_burn {
    my $spender = plugin_folder(
        name       => 'spender',
        lua        => { spend => 'for i = 1, input.n do end return 200, "ok"' },
        operations => { spend => {
            path       => '/v1/spender/spend/{n}',
            parameters => [{ name => 'n', in => 'path', required => JSON::PP::true,
                             schema => { type => 'integer' } }],
        } });
    my @killed = map {
        plugin_folder(name => "burn$_", lua => { burn => $BURNS[$_ % @BURNS] })
    } 0 .. 7 * @BURNS - 1;
    my $gw = start($large,
        http      => join('', map { $_->block('public;') } $spender, @killed),
        locations => <<'CONF');
        location = /metrics { ihanoi_status metrics; }
        location / { auth_jwt iHaNoi; ihanoi_api on; }
CONF
    my $read = gets($gw, paths('burn', ids($large, 1000)));
    my $beside = sub {
        my (@paths) = @_;
        my $caller = IHanoi::Test::beside(sub {
            calls($gw, Time::HiRes::time() + $seconds + 1, @paths);
        });
        my $figures = $read->();

        waitpid $caller, 0;
        idle($gw);
        return $figures;
    };
    my $spend = '/v1/spender/spend/' . spending($gw);
    my @burns = map { "/v1/burn$_/burn" } 0 .. $#killed;
    my @loops = @burns[grep { $_ % @BURNS == 0 } 0 .. $#burns];

    $read->();
    my $all = interleave($rounds,
        alone => $read,
        spend => sub { $beside->($spend) },
        loops => sub { $beside->(@loops) },
        all   => sub { $beside->(@burns) });

    for ([spend => 'one that spends its CPU budget'],
         [loops => 'those that loop for ever'],
         [all   => 'those that burn time and memory'])
    {
        my ($name, $plugins) = @$_;

        at_most("p99 of a read beside $plugins : alone",
            per_round($all, p99 => $name, 'alone'), 2,
            sprintf '%.2f : %.2f ms', map { median(@{ $all->{$_}{p99} }) } $name, 'alone');
    }

    my ($reads, $failed) = map { my $of = $_;
                                 sum(map { @{ $all->{$_}{$of} } } qw(spend loops all)) }
                           qw(requests bad);
    return row(what => 'reads that failed beside them', measured => $failed,
               target => '0', ok => !$failed, detail => "of $reads");
}


# How often a loop of a call turns in five sixths of its CPU budget, 50 ms: what is
# killed opens the plugin's circuit, and burns nothing for a second and more.
sub spending {
    my ($gw) = @_;
    my $turns = 5e6;
    my $usec = sub {
        my ($sum) = $gw->get('/metrics')->{content}
            =~ /^ihanoi_plugin_cpu_microseconds_total\{.*"spender".*\} (\d+)$/m;
        return $sum;
    };

    my $before = $usec->();
    $gw->get("/v1/spender/spend/$turns") for 1 .. 5;
    return int $turns * 5 * 50_000 * 5 / 6 / ($usec->() - $before);
}


# Waits until the workers have nothing left to do: what was killed is drained, and
# loaded again, in turns.
sub idle {
    my ($gw) = @_;
    my @workers = $gw->workers;
    my $before;

    do {
        $before = cpu_time(@workers);
        Time::HiRes::sleep(0.2);
    } while cpu_time(@workers) - $before > 5000;

    return;
}


# Calls paths one after the other, until a time. Who is refused is not called again
# before Retry-After: the refusals of a client without a pause would cost the reads
# more than what it asks for.
sub calls {
    my ($gw, $end, @paths) = @_;
    my %from;

    while ((my $now = Time::HiRes::time()) < $end) {
        my ($i) = grep { ($from{ $paths[$_] } // 0) <= $now } 0 .. $#paths;

        if (!defined $i) {
            Time::HiRes::sleep(0.02);
            next;
        }

        my $path = splice @paths, $i, 1;
        my $wait = $gw->get($path)->{headers}{'retry-after'};

        $from{$path} = Time::HiRes::time() + $wait if $wait;
        push @paths, $path;
    }

    return;
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
