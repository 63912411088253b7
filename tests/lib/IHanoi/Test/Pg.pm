package IHanoi::Test::Pg;

# What the tests of the PostgreSQL pools share: a contract of operations that
# are quick, slow, large, wrong or missing, the functions that serve them, and
# PostgreSQL clusters of a test's own.
#
#   my $gw = pg_gateway();                       # the suite's cluster
#   my $gw = pg_gateway(db => own_cluster());    # one that may be broken
#   my $gw = fake_gateway($fake, $fake2);        # servers of IHanoi::FakePg
#
#   GET   /p/echo?a=        {"a": a}                     read
#   GET   /p/sleep?s=&a=    the same after s seconds     read
#   GET   /p/size?n=        {"data": n times "x"}        read
#   GET   /p/fail?a=        division by zero, or a raise read
#   GET   /p/turn?a=        {"a": a, "at": when its transaction began}, or a raise
#   GET   /p/star           select * from a table        read
#   GET   /p/slow?s=        {} after s seconds           slow
#   GET   /p/fresh?a=       {"a": a}, never from a standby    write
#   GET   /p/missing        its function does not exist  read
#   GET   /p/other          its function has other arguments
#   PUT   /p/row?a=         inserts a, {"a": a}          write
#   PUT   /p/late?a=        fails when it commits        write
#   PUT   /p/count?a=       adds one to a counter row    write
#   PUT   /p/large          {"n": length of a}           write
#   POST  /p/claim          inserts a; with token, key   write

use strict;
use warnings;
use utf8;
use Exporter qw(import);
use IHanoi::Cluster;
use IHanoi::Test ();
use JSON::PP ();
use POSIX ();

# What the peer's TCP has not taken yet.
use constant TIOCOUTQ => 0x5411;

our @EXPORT = qw(contract counted fake_gateway one_turn outcome own_cluster parallel
                 pg_database pg_gateway ready restart said scene stop_own_clusters);

my (@clusters, @gateways);


# The document, as text.
sub contract {
    my %paths;
    my $text = { type => 'string', maxLength => 100 };
    my $seconds = { type => 'number', minimum => 0, maximum => 60 };
    my $count = { type => 'integer', minimum => 0, maximum => 10_000_000 };

    my @operations = (
        [qw(get  echo    read),  { a => $text }],
        [qw(get  sleep   read),  { a => $text, s => $seconds }],
        [qw(get  size    read),  { n => $count }],
        [qw(get  fail    read),  { a => $text }],
        [qw(get  turn    read),  { a => $text }],
        [qw(get  star    read),  {}],
        [qw(get  slow    slow),  { s => $seconds }],
        [qw(get  missing read),  { a => $text }],
        [qw(get  other   read),  { a => $text }],
        [qw(get  fresh   write), { a => $text }],
        [qw(put  row     write), { a => $text }],
        [qw(put  late    write), { a => $text }],
        [qw(put  count   write), { a => $text }],
        [qw(put  large   write), undef,
         { a => { type => 'string', maxLength => 4_000_000 } }],
        [qw(post claim   write), undef, { a => $text },
         { security => [{ bearer => [] }] }],
    );

    for my $row (@operations) {
        my ($method, $name, $pool, $query, $body, $more) = @$row;

        my $operation = {
            operationId     => "p_$name",
            summary         => $name,
            security        => [],
            'x-ihanoi-sql'  => "p_$name",
            'x-ihanoi-pool' => $pool,
            responses       => { 200 => {
                description => 'ok',
                content     => { 'application/json' =>
                                 { schema => { type => 'object' } } },
            } },
            %{ $more // {} },
        };

        $operation->{parameters} = [
            map +{ name => $_, in => 'query', schema => $query->{$_} },
            sort keys %$query,
        ] if $query && %$query;

        $operation->{requestBody} = {
            required => JSON::PP::true,
            content  => { 'application/json' => { schema => {
                type                 => 'object',
                properties           => $body,
                required             => [sort keys %$body],
                additionalProperties => JSON::PP::false,
            } } },
        } if $body;

        $paths{"/p/$name"} = { $method => $operation };
    }

    return JSON::PP->new->canonical->encode({
        openapi => '3.1.0',
        info    => { title => 'Pools', version => '1' },
        paths   => \%paths,
        components => { securitySchemes => { bearer => {
            type => 'http', scheme => 'bearer', bearerFormat => 'JWT',
        } } },
    });
}


my $FUNCTIONS = <<'SQL';
    create schema if not exists code_pools;

    create table public.rows (a text primary key);
    create table public.lates (a text, constraint lates_once unique (a)
                               deferrable initially deferred);
    create table public.counters (a text primary key, n bigint not null);
    create table public.stars (a text);
    insert into public.counters values ('1', 0), ('2', 0);
    insert into public.lates values ('x');
    insert into public.stars values ('s');

    create function code_pools.p_echo(caller jsonb, a text)
    returns table (status int, etag text, body json) language sql stable as
    $$ select 200, null::text, json_build_object('a', $2) $$;

    create function code_pools.p_fresh(caller jsonb, a text)
    returns table (status int, etag text, body json) language sql stable as
    $$ select 200, null::text, json_build_object('a', $2) $$;

    create function code_pools.p_sleep(caller jsonb, a text, s float8)
    returns table (status int, etag text, body json) language sql stable as
    $$ select 200, null::text, json_build_object('a', $2)
       from pg_sleep($3) $$;

    create function code_pools.p_slow(caller jsonb, s float8)
    returns table (status int, etag text, body json) language sql stable as
    $$ select 200, null::text, '{}'::json from pg_sleep($2) $$;

    create function code_pools.p_size(caller jsonb, n int8)
    returns table (status int, etag text, body json) language sql stable as
    $$ select 200, null::text,
              ('{"data":"' || repeat('x', $2::int) || '"}')::json $$;

    create function code_pools.p_fail(caller jsonb, a text)
    returns table (status int, etag text, body json) language plpgsql stable as
    $$ begin
           if a = 'raise' then
               raise exception 'Bà Tư, 0912345678, is not there';
           end if;
           return query select 200 / (length(a) - length(a)), null::text,
              '{}'::json;
       end $$;

    create function code_pools.p_turn(caller jsonb, a text)
    returns table (status int, etag text, body json) language plpgsql stable as
    $$ begin
           if a = 'raise' then
               raise exception 'no';
           end if;
           return query select 200, null::text,
              json_build_object('a', p_turn.a, 'at', transaction_timestamp());
       end $$;

    create function code_pools.p_star(caller jsonb)
    returns table (status int, etag text, body json) language sql stable as
    $$ select 200, null::text, row_to_json(s) from (select * from stars) s $$;

    create function code_pools.p_other(caller jsonb, a int8, b text)
    returns table (status int, etag text, body json) language sql stable as
    $$ select 200, null::text, '{}'::json $$;

    create function code_pools.p_row(caller jsonb, a text)
    returns table (status int, etag text, location text, body json)
    language plpgsql as
    $$ begin
           insert into public.rows values (p_row.a);
           return query select 201, null::text, null::text,
                               json_build_object('a', p_row.a);
       end $$;

    create function code_pools.p_late(caller jsonb, a text)
    returns table (status int, etag text, location text, body json)
    language plpgsql as
    $$ begin
           insert into public.lates values ('x');
           return query select 201, null::text, null::text, '{}'::json;
       end $$;

    create function code_pools.p_count(caller jsonb, a text)
    returns table (status int, etag text, location text, body json)
    language plpgsql as
    $$ begin
           return query update public.counters c set n = n + 1
               where c.a = p_count.a
               returning 200, null::text, null::text, json_build_object('n', n);
       end $$;

    create function code_pools.p_large(caller jsonb, a text)
    returns table (status int, etag text, location text, body json)
    language plpgsql as
    $$ begin
           return query select 200, null::text, null::text,
                               json_build_object('n', length(p_large.a));
       end $$;

    create function code_pools.p_claim(caller jsonb, a text)
    returns table (status int, etag text, location text, body json)
    language plpgsql as
    $$ begin
           insert into public.rows values (p_claim.a);
           return query select 201, null::text, null::text,
                               json_build_object('a', p_claim.a);
       end $$;

    create table public.keys (subject text, operation text, key text,
        hash text, status int, etag text, location text, body json,
        primary key (subject, operation, key));

    create function code_pools.idempotency_claim(subject text, operation text,
        key text, hash text)
    returns table (state text, status int, etag text, location text, body json)
    language plpgsql as
    $$ declare k public.keys;
       begin
           insert into public.keys values ($1, $2, $3, $4)
           on conflict do nothing;
           if found then
               return query select 'claimed', null::int, null::text,
                                   null::text, null::json;
               return;
           end if;
           select * into k from public.keys x
               where x.subject = $1 and x.operation = $2 and x.key = $3;
           return query select case when k.hash <> $4 then 'mismatch'
                                    else 'replay' end,
                               k.status, k.etag, k.location, k.body;
       end $$;

    create function code_pools.idempotency_complete(subject text,
        operation text, key text, hash text, status int, etag text,
        location text, body json)
    returns void language plpgsql as
    $$ begin
           if $5 between 200 and 299 then
               update public.keys k set status = $5, etag = $6, location = $7,
                   body = $8
               where k.subject = $1 and k.operation = $2 and k.key = $3;
           else
               delete from public.keys k where k.subject = $1
                   and k.operation = $2 and k.key = $3;
           end if;
       end $$;

    grant usage on schema code_pools to public;
    grant all on all tables in schema public to public;
SQL

my $ROLES = <<'SQL';
    do $$ begin
        if not exists (select from pg_roles where rolname = 'ihanoi_read') then
            create role ihanoi_read login;
            create role ihanoi_write login;
            create role ihanoi_control login;
            grant ihanoi_read to ihanoi_write;
            grant ihanoi_write to ihanoi_control;
        end if;
    exception when duplicate_object then null;
    end $$;
SQL


# A database of the suite's cluster with the functions.
sub pg_database {
    my $db = IHanoi::Test::database(empty => 1);

    $db->{release} = 'pools';
    $db->sql($ROLES);
    $db->sql($FUNCTIONS);
    return $db;
}


# A cluster of the test's own, running, with the functions in database
# "pools": restart(), stop and break it as you like. Settings of
# postgresql.conf may be given.
sub own_cluster {
    my (%settings) = @_;

    my $cluster = IHanoi::Cluster->new(
        tree     => IHanoi::Test::tree(),
        name     => 'pools',
        place    => "/tmp/ihanoi-pools-$$-" . scalar @clusters,
        tests    => 1,
        settings => { fsync => 'off', shared_buffers => '32MB',
                      max_connections => 100, listen_addresses => '127.0.0.1',
                      %settings },
    );

    push @clusters, $cluster;
    $cluster->start;

    my $db = bless {
        name => 'postgres', release => 'pools', cluster => $cluster,
        socket => $cluster->socket, port => $cluster->port,
        pid => 0, dropped => 1,             # nothing to drop
    }, 'IHanoi::Test::Database';

    $db->sql('create database pools');
    $db->{name} = 'pools';
    $db->sql($ROLES);
    $db->sql($FUNCTIONS);
    return $db;
}


# Stops and starts a cluster of own_cluster(), on the same port.
sub restart {
    my ($db, $mode) = @_;
    my $cluster = $db->{cluster};

    return $cluster->_run(IHanoi::Cluster::bindir() . '/pg_ctl', '-D',
        $cluster->data, '-l', $cluster->log, '-w', '-m', $mode // 'fast',
        'restart');
}


sub stop_own_clusters {
    while (my $cluster = pop @clusters) {
        $cluster->forget;
    }
    return;
}


my $owner = $$;

END {
    if ($$ == $owner) {
        local $?;
        stop_own_clusters();
    }
}


# As gateway(), with the contract. `database` replaces pools, as there.
sub pg_gateway {
    my %arg = @_;

    $arg{db} //= pg_database();

    my $gw = IHanoi::Test::gateway(
        %arg,
        contract => '%%DIR%%/pools.json',
        files    => { 'pools.json' => contract(), %{ $arg{files} // {} } },
        locations => "location / { auth_jwt iHaNoi; ihanoi_api on; }\n"
                     . "location = /metrics { ihanoi_status metrics; }\n"
                     . "location = /readyz { ihanoi_status readyz; }\n"
                     . ($arg{locations} // ''),
    );

    push @gateways, $gw;
    return $gw;
}


# A subtest whose gateways stop with it.
sub scene {
    my ($name, $code) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::subtest($name => sub {
        $code->();
        $_->stop for splice @gateways;
    });
}


# The same in front of fake servers, in order of preference.
sub fake_gateway {
    my @servers;
    push @servers, shift while ref $_[0];
    my %arg = @_;

    my $rest = delete $arg{database} // '';

    return pg_gateway(
        db => { name => 'fake', release => 'pools' },
        %arg,
        database => join('', map { 'server 127.0.0.1:' . $_->port . ";\n" }
                             @servers) . $rest,
    );
}


# Waits until a read and a write connection stand. Returns the gateway.
sub ready {
    my ($gw) = @_;

    IHanoi::Test::wait_until(sub {
        my $r = $gw->get('/readyz') or return;
        my %ok = map { $_->{name} => $_->{ok} } @{ $r->{json}{checks} // [] };
        return $ok{'main readable'} && $ok{'main writable'};
    });

    return $gw;
}


# What /metrics says of a pool: counted($gw, 'shed_total', 'read').
sub counted {
    my ($gw, $what, $pool) = @_;
    return $gw->metric(qq(ihanoi_pool_$what\{database="main",pool="$pool"}));
}


# "200 {...}" or "503 overloaded": what became of a request.
sub outcome {
    my ($r) = @_;

    return 'no answer' if !$r;
    my $json = $r->{json} // {};
    my ($problem) = ($json->{type} // '') =~ /^urn:ihanoi:problem:(.*)/;
    return "$r->{status} "
           . ($problem // ($r->{json}
                           ? JSON::PP->new->canonical->encode($r->{json})
                           : $r->{content}));
}


# Runs the functions at the same time, each in a process of its own; returns
# what they return, in their order, as strings.
sub parallel {
    my @running;

    for my $code (@_) {
        my $pid = open(my $fh, '-|') // die "could not fork: $!\n";

        if ($pid == 0) {
            binmode STDOUT, ':encoding(UTF-8)';
            my $text = eval { $code->() } // "died: $@";
            print $text;
            STDOUT->flush;
            POSIX::_exit(0);
        }

        binmode $fh, ':encoding(UTF-8)';
        push @running, $fh;
    }

    local $/;
    return map { scalar(<$_>) // '' } @running;
}


# Gets the paths at the same time: what a stopped worker finds when it goes on is
# one turn of its event loop. On a busy machine neither stops, nor arrives, at once.
sub one_turn {
    my ($gw, @paths) = @_;
    my ($worker) = $gw->workers;
    my @clients = map { $gw->connection } @paths;
    my $stands = sub {
        open my $fh, '<', "/proc/$worker/stat" or return;
        return <$fh> =~ /\) T /;
    };
    my $unread = sub {
        my $bytes = pack 'i', 0;
        ioctl $_[0]{socket}, TIOCOUTQ, $bytes or die "ioctl: $!\n";
        return unpack 'i', $bytes;
    };

    $_->request('GET', '/p/echo?a=x') for @clients;     # they are accepted
    kill STOP => $worker;
    IHanoi::Test::wait_until($stands);
    $clients[$_]->send("GET $paths[$_] HTTP/1.1\r\nHost: x\r\n\r\n") for 0 .. $#paths;
    IHanoi::Test::wait_until(sub { !grep { $unread->($_) } @clients });
    kill CONT => $worker;
    return map { scalar $_->response } @clients;
}


# How often a text stands in a gateway's log.
sub said {
    my ($gw, $regex) = @_;

    return scalar(() = $gw->error_log =~ /$regex/g);
}


1;
