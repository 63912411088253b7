#!/usr/bin/perl
# The contract and the database's catalogue, both ways: each operation has its
# function with the names and types that the gateway will send, and no
# function that looks like an operation is forgotten by the contract. Reads
# are written so that PostgreSQL plans them once and never lets them write.

use lib 'tests/lib';
use IHanoi::Test;

my $db = database();
my $schema = "code_$db->{release}";
my @files = glob tree() . '/conf/api/*.json';

open my $fh, '-|', build_dir() . '/contract', 'operations', @files
    or die "build/.../contract is not built: make unit\n";
my @operations = map {
    chomp;
    my ($id, $method, $path, $pool, $function, @arguments) = split / /;
    { id => $id, method => $method, path => $path, pool => $pool,
      function => $function, arguments => [map { [split /:/] } @arguments] };
} <$fh>;
close $fh or die "the contracts do not compile\n";

cmp_ok(scalar @operations, '>', 10, 'operations: ' . @operations);


# What the catalogue has, by name.
my %proc = map {
    my ($name, $arguments, $result, $language, $volatile, $definer,
        $called) = @$_;
    $name => { arguments => $arguments, result => $result,
               language => $language, volatile => $volatile,
               definer => $definer, called => $called };
} $db->sql(<<"SQL");
    select p.proname,
           (select string_agg(coalesce(n, '?') || ':' || format_type(t, null),
                              ' ' order by i)
            from unnest(p.proargtypes::oid[], p.proargnames[1:p.pronargs])
                 with ordinality a (t, n, i)),
           pg_get_function_result(p.oid),
           l.lanname, p.provolatile, p.prosecdef,
           exists (select from pg_proc o
                   where o.pronamespace = p.pronamespace and o.oid <> p.oid
                     and o.prosrc ~ ('\\m' || p.proname || '\\('))
    from pg_proc p join pg_language l on l.oid = p.prolang
    where p.pronamespace = '$schema'::regnamespace
SQL

my %type = (int8 => 'bigint', int4 => 'integer', float8 => 'double precision',
            timestamptz => 'timestamp with time zone');
my %results = (
    GET   => 'TABLE(status integer, etag text, body json)',
    other => 'core.reply',
);
my (@missing, @arguments, @result, @writing, @insecure);

for my $op (@operations) {
    my $proc = $proc{ $op->{function} };

    if (!$proc) {
        push @missing, "$op->{id}: $op->{function}";
        next;
    }

    # By name: order is free, and so is what has a default; a parameter that
    # the contract does not know would need one.
    my $want = join ' ', sort 'caller:jsonb',
               map { "$_->[0]:" . ($type{ $_->[1] } // $_->[1]) }
               @{ $op->{arguments} };
    my $have = join ' ', sort split / (?=\w+:)/, $proc->{arguments};

    push @arguments, "$op->{id}: contract ($want), function ($have)"
        if $want ne $have;

    push @result, "$op->{id}: $proc->{result}"
        if $proc->{result} ne ($results{ $op->{method} } // $results{other});

    push @writing, "$op->{id}: $proc->{language}, $proc->{volatile}"
        if $op->{method} eq 'GET'
           && ($proc->{language} !~ /^(sql|plpgsql)$/
               || $proc->{volatile} eq 'v');

    push @insecure, $op->{id} if $proc->{definer} eq 't';
}

is(join("\n", @missing), '', 'each operation has its function');
is(join("\n", @arguments), '', 'with the arguments that the gateway sends');
is(join("\n", @result), '', 'and the result that it reads');
is(join("\n", @writing), '', 'a GET is a stable function in SQL or plpgsql');
is(join("\n", @insecure), '', 'none runs with its owner\'s rights');

# What another function calls is a part of an operation, not one itself.
my %named = map { $_->{function} => 1 } @operations;
my @forgotten = grep {
    my $proc = $proc{$_};
    !$named{$_} && $proc->{called} eq 'f' && $proc->{arguments} && $proc->{arguments} =~ /\bcaller:jsonb/
        && grep { $proc->{result} eq $_ } values %results;
} sort keys %proc;
is("@forgotten", '', 'no operation in SQL is forgotten by the contract');

my %pool = map { $_->{id} => $_->{pool} } grep { $_->{method} eq 'GET' }
           @operations;
is(join(' ', grep { $pool{$_} eq 'write' } sort keys %pool), '',
   'no GET asks for the write pool');


# The plan of a read shows what the function selects from, never a scan of
# the function: it was inlined, hence planned with its statement, once. (One in
# plpgsql keeps the plans of its statements itself: right for a read that
# chooses between several; one in SQL that does not inline is planned anew on
# each call.)
my %sample = (uuid => "'00000000-0000-4000-8000-000000000000'",
              timestamptz => "'2026-01-02T03:04:05Z'", date => "'2026-01-02'",
              text => "'x'", int8 => '1', int4 => '1', float8 => '1.5',
              numeric => '1.5', boolean => 'true', jsonb => "'[]'");
my $caller = q{'{"iss": "i", "sub": "s", "assurance": "verified", "claims": {},
                 "operation": "o", "request_id": "r", "lang": "vi"}'};
my (@opaque, @failing);

for my $op (grep { $_->{method} eq 'GET' && $proc{ $_->{function} } }
            @operations)
{
    for my $values ('sample', 'null') {
        my $arguments = join ', ', "caller => $caller\::jsonb", map {
            my $value = $values eq 'null' ? 'null'
                        : $sample{ $_->[1] } // "'x'";
            "\"$_->[0]\" => $value\::$_->[1]";
        } @{ $op->{arguments} };
        my $text = "select status, etag, body from $op->{function}($arguments)";

        # As the gateway reads: its role, whose transactions are read-only.
        my $error = $db->sql_error("show default_transaction_read_only; $text",
                                   user => 'ihanoi_read');
        push @failing, "$op->{id} ($values): $error"
            if $error =~ /ERROR:\s+(?!22)\S/;

        next if $values eq 'null'
                || $proc{ $op->{function} }{language} eq 'plpgsql';

        # The generic plan: what the gateway's prepared statement ends with.
        my @types = ('jsonb', map { $_->[1] } @{ $op->{arguments} });
        my $n = 1;
        my $named = join ', ', 'caller => $1', map {
            sprintf '"%s" => $%d', $_->[0], ++$n
        } @{ $op->{arguments} };
        my @plan = map { $_->[0] } $db->sql(
            'set plan_cache_mode = force_generic_plan;'
            . ' prepare s (' . join(', ', @types) . ') as select status, etag,'
            . " body from $op->{function}($named);"
            . ' explain execute s (' . join(', ', ('null') x @types) . ')',
            user => 'ihanoi_read');
        push @opaque, $op->{id}
            if grep { /Function Scan on "?\Q$op->{function}\E\b/ } @plan;
    }
}

is(join("\n", @failing), '', 'each GET runs as ihanoi_read, read-only');
is("@opaque", '', 'and is planned as a part of its statement');
is($db->sql('show default_transaction_read_only', user => 'ihanoi_read'), 'on',
   'ihanoi_read is read-only by itself');
like($db->sql_error('create table public.x (a int)', user => 'ihanoi_read'),
     qr/25006/, 'and cannot write');

done_testing();
