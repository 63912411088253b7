package IHanoi::Bench::Core;

# What the feedback API costs: its reads, tokens, lists and durable creates.

use strict;
use warnings;
use utf8;
use Exporter 'import';
use IHanoi::Bench qw(interleave median wrk cpu_time requests openssl_verify);
use IHanoi::Bench::Stand;
use IHanoi::Bench::Statements;
use IHanoi::Bench::Table;
use IHanoi::Test ();
use MIME::Base64 qw(decode_base64url encode_base64url);
use POSIX ();


sub sections {
    return (
        [read      => \&bench_read],
        [statement => \&bench_statement],
        [token     => \&bench_token],
        [rsa       => \&bench_rsa],
        [page      => \&bench_page],
        [rows      => \&bench_rows],
        [beside    => \&bench_beside],
        [create    => \&bench_create],
    );
}


# GET of one report with a token, against the database alone and nginx alone. Both
# sides ask for the same reports equally often in a row: what lies in the processor's
# caches costs PostgreSQL a fifth less.
sub bench_read {
    my $gw = api($large);
    my $paths = paths('read', ids($large, 1000));
    my %http = map {
        my $connections = $_;
        "http$connections" => gets($gw, $paths, connections => $connections,
                                     held => 8),
        "plain$connections" => sub {
            wrk(url => $gw->url . '/return', connections => $connections,
                seconds => $seconds, token => $token);
        };
    } 32, 64;

    $http{http32}->();
    my $all = interleave($rounds,
        pgbench => sub { pgbench_read($large) },
        map { $_ => $http{$_} } qw(http32 plain32 http64 plain64));

    for my $connections (32, 64) {
        at_least("GET a report, $connections connections : pgbench",
            per_round($all, rps => "http$connections", 'pgbench'), 0.7,
            rates($all, "http$connections", 'pgbench'));
        at_least("GET a report, $connections connections : return 200",
            per_round($all, rps => "http$connections", "plain$connections"),
            0.3, rates($all, "http$connections", "plain$connections"));
    }

    return;
}


# The function against the select that it stands for: it must be planned once,
# not on each call.
sub bench_statement {
    open my $fh, '<', "$bench/bare.sql" or die "bare.sql: $!\n";
    my $bare = join '', grep { !/^\s*--/ } <$fh>;

    my $all = interleave($rounds,
        function => sub { pgbench_read($large) },
        bare     => sub { pgbench_read($large, $bare) });

    return at_least('the statement : bare select row_to_json(...)',
        per_round($all, rps => qw(function bare)), 0.9,
        rates($all, qw(function bare)));
}


# What a token that was seen before costs: the same answer with and without
# auth_jwt, in the workers' own time, as a share of a "return 200".
sub bench_token {
    my $gw = api($large);
    my %cost = map {
        my $path = $_;
        $path => sub { per_request($gw, $path) };
    } qw(/return /open /checked);

    $cost{'/checked'}->();
    my $all = interleave($rounds, %cost);
    my ($return, $open, $checked) =
        map { $all->{$_}{usec} } qw(/return /open /checked);
    my @more = map { $checked->[$_] - $open->[$_] } 0 .. $#$open;

    my $rates = sprintf '%.0f : %.0f per s', rate($all, '/checked'),
                        rate($all, '/open');

    return at_most('a token seen before, as a share of return 200',
        [map { $more[$_] / $return->[$_] } 0 .. $#more], 0.05,
        sprintf '%.2f us of %.2f us; with and without: %s',
                median(@more), median(@$return), $rates);
}


# Microseconds of CPU of all workers for one request.
sub per_request {
    my ($gw, $path) = @_;
    my @workers = $gw->workers;
    my $before = cpu_time(@workers);
    my $figures = wrk(url => $gw->url . $path, connections => 32,
                      seconds => $seconds, token => $token);

    $figures->{usec} = (cpu_time(@workers) - $before) / $figures->{requests};
    return $figures;
}


# What an RS256 token that was never seen costs more than one that was.
sub bench_rsa {
    my $count = 2000;
    my @tokens = IHanoi::Test::tokens(map {
        { sub => "rsa-$_", -kid => 'dev-rs256', exp => time + 3600 }
    } 1 .. 2 * $count);
    my @first = splice @tokens, 0, $count;

    my $all = interleave($rounds,
        openssl => sub { { usec => openssl_verify(1) } },
        gateway => sub {
            # A new worker has seen no token. Others fill its cache first: the
            # kernel's work for memory that is touched once is not a token's.
            my $gw = start($large, workers => 1, http =>
                           "auth_jwt_token_cache entries=$count size=64m;");
            my @worker = $gw->workers;

            requests($gw->port, '/checked', @first);
            my @time = cpu_time(@worker);

            for my $run (1 .. 2) {
                requests($gw->port, '/checked', @tokens);
                push @time, cpu_time(@worker);
            }

            $gw->stop;
            return { usec => (($time[1] - $time[0]) - ($time[2] - $time[1]))
                             / $count };
        });
    my ($ours, $openssl) = map { median(@{ $all->{$_}{usec} }) }
                           qw(gateway openssl);

    return at_most('an unseen RS256 token adds : openssl speed, verify',
        per_round($all, usec => qw(gateway openssl)), 1.6,
        sprintf '%.1f : %.1f us', $ours, $openssl);
}


# A list of 20 at the beginning, in the middle and at the end.
sub bench_page {
    my $gw = api($large);
    my @cursors = cursors($gw);
    my %list = (first => '/v1/feedback?limit=20');

    for my $at (@cursors) {
        $list{ $at->[0] } = "/v1/feedback?limit=20&cursor=$at->[1]";
    }

    my $all = interleave($rounds, map {
        $_ => gets($gw, paths("page-$_", $list{$_}), token => undef);
    } 'first', map { $_->[0] } @cursors);
    my $first = rate($all, 'first');

    for my $at (@cursors) {
        my $deep = rate($all, $at->[0]);

        at_most("a list of 20 after $at->[0] pages : the first page",
            per_round($all, rps => 'first', $at->[0]), 1.3,
            sprintf '%.0f : %.0f us', 8e6 / $deep, 8e6 / $first);
    }

    return;
}


# Cursors at depths: [pages, cursor]. Walking there would take ten thousand
# requests, so the place of a real cursor is exchanged for another row's (see
# feedback_cursor_make: 9 bytes of filters and tier, microseconds, id).
sub cursors {
    my ($gw) = @_;
    my $first = $gw->get('/v1/feedback?limit=20')->{json};
    my $head = substr decode_base64url($first->{next}), 0, 9;
    my $pages = int($rows / 20);
    my @found;

    for my $depth (map { int($pages * $_) } 0.01, 0.5, 0.98) {
        my ($row) = ask($large, <<"SQL");
            select (extract(epoch from created_at) * 1000000)::int8, id
            from feedback.cases where listed
            order by created_at desc, id desc offset @{[$depth * 20 - 1]} limit 1
SQL
        my $cursor = encode_base64url($head . pack('q>', $row->[0])
                                      . pack('H*', $row->[1] =~ tr/-//dr));
        my $r = $gw->get("/v1/feedback?limit=20&cursor=$cursor");

        die "a cursor was answered $r->{status}\n" if $r->{status} != 200;
        push @found, [$depth, $cursor];
    }

    return @found;
}


# Ten times the rows.
sub bench_rows {
    my %path = (
        'GET a report'   => undef,
        'a list of 20'   => '/v1/feedback?limit=20',
    );

    for my $what (sort keys %path) {
        my %run;

        for my $db ($large, $small) {
            my $gw = api($db);
            my $paths = paths("rows-$db->{name}",
                              $path{$what} // ids($db, 1000));

            $run{ $db->{name} } = gets($gw, $paths);
        }

        # The file of paths is read when wrk starts: warm both up first.
        $_->() for values %run;

        my $all = interleave($rounds, %run);
        my ($many, $few) = map { rate($all, $_->{name}) } $large, $small;

        at_most("$what: $rows rows : a tenth of them",
            per_round($all, rps => $small->{name}, $large->{name}), 1.3,
            sprintf '%.0f : %.0f us', 8e6 / $many, 8e6 / $few);
    }

    return;
}


# A read's slowest hundredth, alone and beside 16 writers.
sub bench_beside {
    my $gw = api($large);
    my $read = gets($gw, paths('beside', ids($large, 1000)));

    $read->();
    beside('p99 of a read beside 16 writers : alone', $gw, $read);

    # Where both have processors of their own, what is left is what writers do to
    # readers in the gateway and in PostgreSQL.
    my ($all, $readers, $writers) = halves() or return;
    my @backends = ask($large, <<'SQL');
        select pid, usename is not distinct from 'ihanoi_read'
        from pg_stat_activity where pid <> pg_backend_pid()
SQL
    my @reading = ($$, $gw->workers, map { $_->[0] } grep { $_->[1] eq 't' } @backends);
    my @writing = map { $_->[0] } grep { $_->[1] ne 't' } @backends;

    keep_to($readers, @reading);
    keep_to($writers, @writing);
    beside('the same, each on processors of their own', $gw, $read,
           sub { keep_to($writers, $$) });
    keep_to($all, @reading, @writing);
    return;
}


# A row: the read's p99 beside 16 writers, who begin with a function.
sub beside {
    my ($what, $gw, $read, $begin) = @_;
    my $all = interleave($rounds,
        alone  => $read,
        beside => sub {
            my $writers = fork // die "could not fork: $!\n";

            if ($writers == 0) {
                eval {
                    $begin->() if $begin;
                    http_create($gw, 16, $seconds + 1);
                };
                POSIX::_exit($@ ? 1 : 0);
            }

            select undef, undef, undef, 0.5;
            my $figures = $read->();
            waitpid $writers, 0;
            die "the writers failed\n" if $? != 0;
            return $figures;
        });
    my ($alone, $beside) = map { median(@{ $all->{$_}{p99} }) }
                           qw(alone beside);

    return at_most($what, per_round($all, p99 => qw(beside alone)), 2,
        sprintf '%.2f : %.2f ms', $beside, $alone);
}


# All processors that we may use, and two halves of them: lists for taskset.
sub halves {
    my ($list) = qx(taskset -pc $$) =~ /([\d,-]+)$/ or die "taskset: no list\n";
    my @cpus = map { /(\d+)-(\d+)/ ? $1 .. $2 : $_ } split /,/, $list;

    return if @cpus < 2;
    return map { join ',', @$_ }
        [@cpus], [@cpus[0 .. $#cpus / 2]], [@cpus[$#cpus / 2 + 1 .. $#cpus]];
}


sub keep_to {
    my ($cpus, @pids) = @_;

    for my $pid (@pids) {
        system("taskset -apc $cpus $pid > /dev/null") == 0
            or die "taskset could not place process $pid\n";
    }

    return;
}


# A durable create, against the same statement under pgbench with as many
# connections as the gateway has.
sub bench_create {
    my $gw = api($large);
    my $clients = 8;

    http_create($gw, 16, 1);
    my $all = interleave($rounds,
        http    => sub { http_create($gw, 16, $seconds) },
        pgbench => sub { pgbench_create($large, $clients) });

    return at_least("create a report : pgbench, $clients connections",
        per_round($all, rps => qw(http pgbench)), 0.9,
        rates($all, qw(http pgbench)));
}


sub http_create {
    my ($gw, $connections, $seconds) = @_;
    my $run = ask_one($large, "select nextval('bench.runs')");

    return wrk(url => $gw->url, connections => $connections,
               seconds => $seconds, script => "$bench/create.lua",
               args => ['/v1/feedback', $call->{bodies}, $call->{tokens}, $run]);
}


1;
