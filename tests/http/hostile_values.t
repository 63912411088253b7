#!/usr/bin/perl
# What the contract lets through, PostgreSQL can read: hostile values in every
# place of every operation, each asked by somebody who may and of a case in the
# right state, so that what passes the contract reaches the function; and no
# answer is a 5xx, no SQLSTATE of class 22 stands in a log.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Contract;
use IHanoi::Test::Mint;
use JSON::PP ();

my $db = database();

# The roles' errors are terse, so that the log holds no values; here the log is
# to say the SQLSTATE.
$db->sql("alter role $_ in database $db->{name} set log_error_verbosity = verbose")
    for qw(ihanoi_read ihanoi_write ihanoi_control);

# An issuer who signs whatever is asked for.
my $mint = IHanoi::Test::Mint->new->key(any => 'P-256');
my $gw = gateway(
    db      => $db,
    workers => 2,
    files   => { 'any.json' => '{"keys":['
                               . $mint->jwk(any => '"kid":"any","alg":"ES256"')
                               . ']}' },
    server  => "ihanoi_problems on;",
    http    => "auth_jwt_issuer https://any.example {\n"
             . "    key_file %%DIR%%/any.json;\n"
             . "    audience $IHanoi::Test::AUDIENCE;\n"
             . "    algorithms ES256;\n"
             . "    assurance_claim assurance;\n}\n",
);
my $issuer = $IHanoi::Test::ISSUER;
my $contract = IHanoi::Test::Contract->new;
my @operations = $contract->operations;
my $start = -s log_file();
my $number = 0;

my %token = map { $_ => token(sub => $_, exp => time + 3600) }
            qw(citizen officer boss admin leaver);

$db->sql("select officer_bootstrap('$issuer', '$_->[0]', 'HN', '$_->[1]')")
    for map({ ['officer', $_] } qw(receive assign process resolve oversee)),
        ['boss', 'approve'], ['admin', 'administer'];

# Cases in the state that an action begins from, and grants to revoke.
$db->sql(<<"SQL");
    insert into feedback.approvals (unit, category)
    select id, 'noise' from core.units where code = 'HN';

    create schema test;

    create function test.fresh(what text, n int) returns setof uuid
    language plpgsql as \$\$
    declare
        citizen jsonb := '{"iss": "$issuer", "sub": "citizen", "lang": "vi"}';
        officer jsonb := '{"iss": "$issuer", "sub": "officer", "lang": "vi"}';
        worker  uuid := person_ensure(null, '$issuer', 'officer', null);
        a       core.reply;
        f       uuid;
        step    text;
    begin
        for i in 1 .. n loop
            if what = 'officer_revoke' then
                return next officer_bootstrap('$issuer', gen_random_uuid()::text, '00070', 'oversee');
                continue;
            end if;

            a := feedback_create(citizen,
                case what when 'feedback_approve' then 'noise' else 'road_damage' end,
                'Ổ gà', 21.032, 105.8504, null, null, null, null);
            f := a.body ->> 'id';

            foreach step in array case
                when what = any ('{feedback_transfer,feedback_assign,feedback_change,feedback_extend}') then '{accept}'
                when what = any ('{feedback_start,feedback_schedule}') then '{accept,assign}'
                when what = 'feedback_resolve' then '{accept,assign,start}'
                when what = 'feedback_info' then '{ask}'
                when what = 'feedback_appeal' then '{reject}'
                when what = any ('{feedback_accept,feedback_reject,feedback_not_competent,feedback_ask,feedback_withdraw}') then '{}'
                else '{accept,assign,start,resolve}' end::text[]
            loop
                a := case step
                    when 'accept' then feedback_accept(officer, f, null, 'normal', null)
                    when 'assign' then feedback_assign(officer, f, null, worker)
                    when 'start' then feedback_start(officer, f, null)
                    when 'ask' then feedback_ask(officer, f, null, 'Ở đâu?')
                    when 'reject' then feedback_reject(officer, f, null, 'unclear', 'Chưa rõ')
                    else feedback_resolve(officer, f, null, 'Xong', '[{"text": "Ảnh"}]') end;

                if a.status is null then
                    raise exception '%: % was refused: %', what, step, a.body;
                end if;
            end loop;

            return next f;
        end loop;
    end \$\$;
SQL

my ($ward) = $db->sql("select id from core.units where code = '00070'");
my ($worker) = $db->sql("select id from core.people where subject = 'officer'");
my ($notice) = $db->sql('select privacy_notice_now()');
my ($case) = $db->sql("select test.fresh('feedback_read', 1)");
my $words = 'Nội dung';

$db->sql("select consent_give('{\"iss\": \"$issuer\", \"sub\": \"citizen\", \"lang\": \"vi\"}',"
         . " '$notice->[0]', true)");

# How each operation succeeds, where an example of its contract does not:
#
#   as      whose token; default citizen
#   path    { name => value }, one that may be used again; a name whose value
#           is "fresh" takes another of test.fresh() after each success
#   query   what has to stand there
#   body    with as many members as can stand together; may be code
my %EXAMPLE = (
    (map { $_ => { path => { id => $ward->[0] } } } qw(unit_get unit_tree roster_get)),
    (map { $_ => { path => { id => $case->[0] } } }
     qw(feedback_read feedback_history me_feedback_read)),
    desk_feedback_read => { as => 'officer', path => { id => $case->[0] } },
    desk_queue    => { as => 'officer' },
    plugins_get   => { as => 'admin' },
    areas_locate  => { query => { lat => '21.032', long => '105.8504' } },
    me_erase      => { as => 'leaver' },
    me_update     => { body => {
        full_name => 'An', phone => '0912345678', email => 'a@example.vn',
        address => $words, commune => '00070', birth_year => 1990,
        language => 'vi' } },
    consent_give  => { body => { notice => $notice->[0],
                                 given => JSON::PP::true() } },
    roster_get    => { as => 'admin', path => { id => $ward->[0] } },
    roster_put    => { as => 'admin', path => { id => $ward->[0] }, body => {
        officers => [{ subject => 'officer', issuer => $issuer, valid_to => undef,
            roles => [qw(receive assign process resolve approve oversee)] }] } },
    officer_grant => { as => 'admin', path => { id => $ward->[0] }, body => sub { {
        subject => 'new-' . $number, issuer => $issuer, role => 'oversee',
        valid_from => '2199-01-01', valid_to => '2199-12-31' } } },
    officer_revoke => { as => 'admin', body => { reason => $words },
                        path => { id => $ward->[0], grant => 'fresh' } },
    feedback_create => { body => {
        category => 'road_damage', text => $words, lat => 21.032,
        long => 105.8504, address => $words, commune => '00070',
        severity => 'normal', asset => 'bridge' } },
    (map { my ($id, $as, $body) = @$_;
           "feedback_$id" => { as => $as, path => { id => 'fresh' },
                               $body ? (body => $body) : () } }
        [accept => 'officer', { severity => 'normal', text_public => $words }],
        [reject => 'officer', { reason_code => 'unclear', reason => $words }],
        [not_competent => 'officer', { reason_code => 'other_province',
            reason => $words, competent_body => $words }],
        [transfer => 'officer', { unit => '00004', reason_code => 'wrong_place',
            reason => $words }],
        [assign => 'officer', { assignee => $worker->[0] }],
        [start => 'officer'],
        [schedule => 'officer', { planned_on => '2199-01-01' }],
        [ask => 'officer', { question => $words }],
        [info => 'citizen', { text => $words }],
        [resolve => 'officer', { answer => $words, evidence => [{
            text => $words, link => 'https://example.vn/a' }] }],
        [approve => 'boss', { decision => 'return', reason => $words }],
        [confirm => 'citizen'],
        [rating => 'citizen', { score => 2, reasons => ['not_fixed'],
            comment => $words }],
        [reopen => 'citizen', { reason => $words }],
        [appeal => 'citizen', { reason => $words }],
        [withdraw => 'citizen', { reason => $words,
            keep_public => JSON::PP::true() }],
        [change => 'officer', { category => 'waste', severity => 'urgent',
            lat => 21.03, long => 105.85, reason => $words }],
        [extend => 'boss', { due_at => later(200), reason => $words }]),
);

# As they stand in a URL, percent-encoded.
my @IN_URL = (
    '', '%00', 'a%00b', '%C0%AF', '%ED%A0%80', '%FF', '%F4%90%80%80', '%EF%BF%BF',
    '+', '%20', '%201', '1%20', '%2B1', '-0', '-1', '0x10', '1_000', '1e3',
    '1.0', '5e0', '1e400', '-1e400', '1e-400', '0.1e1', 'NaN', 'Infinity', '-Infinity',
    '2147483648', '9223372036854775807', '9223372036854775808',
    '-9223372036854775809', '99999999999999999999999999', '%D9%A1',
    '0.30000000000000004', '1.7976931348623159e308', '4.9e-324',
    'true', 't', 'yes', 'null', 'NULL', '%27', "%27%3B--", '%5C', '%5Cx41', '%22',
    ',', 'a,,b', ',,', '%2C', '%7B%7D', '%5B%5D', '%5B1', '{a,b}', '%7B',
    '00000000-0000-0000-0000-000000000000',
    '{00000000-0000-4000-8000-000000000000}',
    '00000000000040008000000000000000',
    'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
    '0000-01-01', '0001-01-01', '9999-12-31', '10000-01-01', '2026-02-29',
    '2026-02-30', '-0044-03-15', '294277-01-01', '5874898-01-01', 'infinity',
    '-infinity', 'epoch', 'now', 'today', '20260304', '2026-3-4', '04/03/2026',
    '2026-03-04T00:00:00Z', '2026-03-04T24:00:00Z', '2026-03-04T23:59:60Z',
    '2026-03-04T00:00:00%2B99:99', '2026-03-04T00:00:00-00:00',
    '2026-03-04T00:00:00.1234567890123Z', '9999-12-31T23:59:59.999999-14:00',
    '0001-01-01T00:00:00%2B14:00', '2026-03-04T00:00:00',
    '105.8,21.0,105.9', '105.8,21.0,105.7,21.1', '-180,-90,180,90',
    '181,91,182,92', 'NaN,NaN,NaN,NaN', '1e308,1e308,1e308,1e308',
    '0.0000', '1767225600000000.00000000-0000-4000-8000-000000000000',
    '99999999999999999.00000000-0000-4000-8000-000000000000',
    'MDAwMA', 'eyJhIjoxfQ', '====', '..', '%E2%80%AE', '%F0%9F%98%80',
    'o%CC%82%CC%89', '%E1%BB%95%20g%C3%A0', '%22%C3%A0%22%20-b%20or%20%7C%20%26',
    '%3A%2A', '%21%21%28', '%3C-%3E', '%25%25', '_', 'x' x 300, '9' x 300,
);

# As they stand in JSON text.
my @IN_JSON = (
    'null', 'true', '[]', '{}', '[null]', '""', '" "', '"\\u0000"', '"a\\u0000b"',
    '"\\ud800"', '"\\udfff\\ud800"', '"\\uffff"', '"\\ufeff"', "\"\x{202e}abc\"",
    "\"\x{1f600}\"", "\"o\x{302}\x{309}\"", '"\\b\\f\\n\\r\\t\\u001f\\u007f"',
    '"\'"', '"\'; drop table x; --"', '"\\\\"', '"\\\\x41"', '"%s%n"', '"{}"',
    '"[1,2"', '"NaN"', '"Infinity"', '"-infinity"', '"now"', '"epoch"',
    '0', '-0', '-0.0', '1', '-1', '0.1', '1e3', '1.0', '1E+2', '1e400', '-1e400',
    '2.0', '20e-1', '-1.0', '2147483648.0', '1e18', '1e19', '9007199254740994.0',
    '9007199254740993.0', '9.223372036854776e18', '[1.0]', '{"a":[1e0,-0.0]}',
    '1e-400', '4.9e-324', '1.7976931348623157e308', '1.7976931348623159e308',
    '9007199254740993', '2147483648', '9223372036854775807',
    '9223372036854775808', '-9223372036854775809', '1' . '0' x 300,
    '0.1234567890123456789', '3.141592653589793238462643383279',
    '1e200000', '-1e200000', '1e-200000', '1e99999999999999999999',
    '90', '90.0000000001', '-180', '180.5', '1e-320',
    '"00000000-0000-0000-0000-000000000000"',
    '"{00000000-0000-4000-8000-000000000000}"',
    '"00000000000040008000000000000000"',
    '"0000-01-01"', '"9999-12-31"', '"10000-01-01"', '"2026-02-30"',
    '"294277-01-01"', '"2026-03-04T24:00:00Z"', '"2026-03-04T23:59:60Z"',
    '"2026-03-04T00:00:00+99:99"', '"0001-01-01T00:00:00+14:00"',
    '"9999-12-31T23:59:59.9999999-14:00"', '"2026-03-04T00:00:00"',
    '"javascript:alert(1)"', '"https://example.vn/\\u0000"', '"http://[::1"',
    '"' . 'x' x 20000 . '"', '[' x 200 . ']' x 200, '[' . '1,' x 2000 . '1]',
    '{"a":1,"a":2}', '{"a":{"b":{"c":[{"d":null}]}}}', '{"":""}',
    '{"__proto__":1}', "{\"\x{0}\":1}",
);

# As bytes of a header's value.
my @IN_HEADER = (
    '', '"', '""', '"1', '1"', '1', '"1","2"', 'W/"1"', 'w/"1"', 'W/', '*', '*,*',
    '"*"', '"1" *', "\"\xff\xfe\"", "\"\xc3\xa9\"", "\"\xed\xa0\x80\"",
    "\"a\x00b\"", "\"\x01\"", "\"\x7f\"", '"\\"', '"\\u0000"', '"\\x41"',
    "'; --", ',', ',,,', '"1",', '{"a":1}', '["1"]', '"' . 'x' x 900 . '"',
    '"1",' x 200, '"-"', '"1-o"', '"99999999999999999999"', "\"\xf0\x9f\x98\x80\"",
);

my (@broken, %statuses, %reached, $requests, %fresh);


sub log_file { return IHanoi::Test::Database::cluster()->log }


# A moment so many days ahead.
sub later {
    my ($days) = @_;
    my @at = gmtime(time + $days * 86400);
    return sprintf '%04d-%02d-%02dT00:00:00Z', $at[5] + 1900, $at[4] + 1, $at[3];
}


# The values of an operation's path.
sub path_of {
    my ($op) = @_;
    my $path = ($EXAMPLE{ $op->{id} } // {})->{path} // {};
    my $pool = $fresh{ $op->{id} } //= [];

    if (!@$pool && grep { $_ eq 'fresh' } values %$path) {
        push @$pool, map { $_->[0] } $db->sql("select test.fresh('$op->{id}', 40)");
    }

    return { map { $_ => $path->{$_} eq 'fresh' ? $pool->[0] : $path->{$_} }
             keys %$path };
}


# The request that succeeds, with a few values of the path, the query or the
# headers replaced, and with the body as text.
sub request_of {
    my ($op, %arg) = @_;
    my $example = $EXAMPLE{ $op->{id} } // {};
    my $body = $example->{body};

    $body = $body->() if ref $body eq 'CODE';

    my $request = $contract->request($op,
        path  => { %{ path_of($op) }, %{ $arg{path} // {} } },
        query => { %{ $example->{query} // {} }, %{ $arg{query} // {} } },
        defined $body ? (body => $body) : ());

    utf8::downgrade($request->{target});
    $request->{headers}{'If-Match'} = '*' if $request->{headers}{'If-Match'};
    $request->{headers} = { %{ $request->{headers} }, %{ $arg{headers} // {} } };
    $request->{token} = $arg{token} // $token{ $example->{as} // 'citizen' };
    $request->{body} = JSON::PP->new->utf8->encode($request->{json})
        if defined $request->{json};
    return $request;
}


# Sends it and keeps what must not be. Returns the status.
sub try {
    my ($op, $what, $request) = @_;
    my $key = sprintf '%08d-0000-4000-8000-000000000000', ++$number;
    my $r = $gw->request($request->{method}, $request->{target},
        token => $request->{token}, headers => {
            $op->{method} eq 'POST' ? ('Idempotency-Key' => $key) : (),
            defined $request->{body} ? ('Content-Type' => 'application/json')
                                     : (),
            %{ $request->{headers} },
        }, defined $request->{body} ? (body => $request->{body}) : ());

    $requests++;
    $statuses{ $r ? $r->{status} : 'none' }++;

    # nginx itself closes on a few of them; it must not be our silence.
    push @broken, "$op->{id} $what: " . ($r ? $r->{status} : 'no answer')
        if !$r || $r->{status} >= 500;

    if ($r && $r->{status} =~ /^2/ && $op->{method} ne 'GET') {
        shift @{ $fresh{ $op->{id} } };
    }

    return $r ? $r->{status} : 0;
}


# JSON text with one value replaced by raw text.
sub with_raw {
    my ($value, $path, $raw) = @_;
    my $json = JSON::PP->new->canonical->allow_nonref;

    return $raw if !@$path;

    my ($step, @rest) = @$path;

    return '[' . with_raw(ref $value eq 'ARRAY' ? $value->[0] : undef,
                          \@rest, $raw) . ']' if $step eq '0';

    $value = {} if ref $value ne 'HASH';

    my @members = map {
        my $inner = $_ eq $step ? with_raw($value->{$_}, \@rest, $raw)
                                : $json->encode($value->{$_});
        $json->encode($_) . ":$inner";
    } sort(keys %{ +{ %$value, $step => undef } });

    return '{' . join(',', @members) . '}';
}


# The places of a body: paths to members and to first elements ("0").
sub places {
    my ($schema, $document, $depth) = @_;
    my @places;

    return if $depth > 4;
    ($schema, $document) = $contract->resolve($schema, $document);

    for my $name (sort keys %{ $schema->{properties} // {} }) {
        push @places, [$name], map { [$name, @$_] }
            places($schema->{properties}{$name}, $document, $depth + 1);
    }

    push @places, ['0'], map { ['0', @$_] }
        places($schema->{items}, $document, $depth + 1) if $schema->{items};

    return @places;
}


# The whole table in every place is many thousand requests; each place gets
# every n-th value, from another beginning, HOSTILE=all does all.
my $turn = 0;
sub some {
    my ($share, @values) = @_;

    return @values if ($ENV{HOSTILE} // '') eq 'all';
    $turn++;
    return @values[grep { $_ % $share == $turn % $share } 0 .. $#values];
}


my @untamed;

for my $op (@operations) {
    my $tame = try($op, 'tame', request_of($op));
    push @untamed, "$op->{id}: $tame" if $tame !~ /^2/;

    for my $p (@{ $op->{parameters} }) {
        my $in = $p->{in};

        for my $value ($in eq 'header' ? @IN_HEADER : some(3, @IN_URL)) {
            next if $in eq 'path' && $value =~ m{^(?:|\.\.)$};
            $reached{ $op->{id} }++
                if try($op, "$in $p->{name}=" . substr($value, 0, 40),
                       request_of($op, ($in eq 'header' ? 'headers' : $in)
                                           => { $p->{name} => $value }))
                   =~ /^2/;
        }
    }

    next if !$op->{body};

    for my $place ([], places($op->{body}, $op->{document}, 1)) {
        for my $raw (some(6, @IN_JSON)) {
            my $request = request_of($op);
            my $text = with_raw($request->{json}, $place, $raw);

            utf8::encode($text);
            $request->{body} = $text;
            $reached{ $op->{id} }++
                if try($op, 'body /' . join('/', @$place) . ' = '
                            . substr($raw, 0, 40), $request) =~ /^2/;
        }
    }
}

# What goes into SQL with every request: the key, the language, the token.
my %op = map { $_->{id} => $_ } @operations;
for my $id ('feedback_create', 'me_get') {
    for my $name ('Idempotency-Key', 'Accept-Language', 'traceparent') {
        try($op{$id}, "header $name=$_",
            request_of($op{$id}, headers => { $name => $_ })) for @IN_HEADER;
    }
}

for my $raw (@IN_JSON) {
    utf8::encode(my $value = $raw);
    my $claims = sprintf '"iss":"https://any.example","aud":"%s","iat":%d,'
                         . '"exp":%d,"assurance":"verified"',
                         $IHanoi::Test::AUDIENCE, time, time + 600;

    for my $claim ("\"sub\":$value", "\"sub\":\"a\",\"x\":$value") {
        my $token = $mint->sign(any => 'ES256', { alg => 'ES256', kid => 'any' },
                                "{$claims,$claim}");

        try($op{$_}, 'claim ' . substr($claim, 0, 40),
            request_of($op{$_}, token => $token))
            for qw(feedback_create consent_give me_get feedback_list);
    }
}

# Cursors: a real one with each of its characters another.
for my $id (qw(feedback_list me_feedback_list feedback_history desk_queue)) {
    my $request = request_of($op{$id}, query => { limit => 1 });
    my $next = $gw->get($request->{target}, token => $request->{token})
                  ->{json}{next};

    ok($next, "$id goes on");
    for my $at (0 .. length($next // '') - 1) {
        for my $other (qw(A 8 _)) {
            my $cursor = $next;

            substr $cursor, $at, 1, $other;
            try($op{$id}, "cursor $cursor",
                request_of($op{$id}, query => { limit => 1, cursor => $cursor }));
        }
    }
}


is(join("\n", @untamed), '', 'tame, each operation succeeds');
is(join("\n", @broken[0 .. ($#broken < 20 ? $#broken : 20)]), '',
   "$requests requests, no 5xx");
note('answers: ', join ', ', map { "$statuses{$_} x $_" } sort keys %statuses);
note('hostile values that an operation took: ',
     join ', ', map { "$_ $reached{$_}" } sort keys %reached);

# What PostgreSQL says, and what the gateway says of it.
open my $fh, '<:encoding(UTF-8)', log_file() or die "$!\n";
seek $fh, $start, 0;
my @class22 = grep { /\@$db->{name} .*(?:ERROR|FATAL):  22[0-9A-Z]{3}:/ } <$fh>;
is(join('', @class22[0 .. ($#class22 < 10 ? $#class22 : 10)]), '',
   'no class 22 in PostgreSQL\'s log');

my @said = grep { /(?:SQLSTATE |: )22[0-9A-Z]{3}\b/ } split /\n/, $gw->error_log;
is(join("\n", @said[0 .. ($#said < 10 ? $#said : 10)]), '',
   'nor in the gateway\'s');

done_testing();
