# A plugin's handlers: what they get, what they answer, and what becomes of
# those that fail.

use lib "tests/lib";
use IHanoi::Test;
use IHanoi::Test::Plugin;

my $plugin = plugin_folder(
    lua => {
        hello   => 'return 200, { greeting = "xin chào", list = { 1, 2, 3 } }',
        input   => 'return 200, { id = input.id, limit = input.limit,
                       open = input.open, tags = input.tags,
                       from = input.from, unknown = input.nothing }',
        change  => 'return 200, { colour = input.colour, note = input.note,
                       parts = input.parts, size = input.size,
                       body = ihanoi.request.body(),
                       text = ihanoi.request.body_text() }',
        notice  => 'return 200, { ref = input.ref, new = input.new,
                       text = ihanoi.request.query_text() }',
        who     => 'return 200, ihanoi.request.caller() or ihanoi.json.null',
        scope   => 'local has = ihanoi.request.has_scope
                    return 200, { has("desk"), has("desk:read"), has("read"), has("") }',
        forge   => 'local caller = ihanoi.request.caller()
                    caller.sub = "somebody-else"
                    caller.claims.sub = "somebody-else"
                    return 200, { sub = ihanoi.request.caller().sub }',
        about   => 'return 200, { id = ihanoi.request.id(),
                       operation = ihanoi.request.operation(),
                       language = ihanoi.request.language(),
                       left = ihanoi.request.time_left(),
                       name = ihanoi.plugin.name(),
                       version = ihanoi.plugin.version() }',
        absent  => 'local r, said = ihanoi.request, {}
                    for i, f in ipairs({ r.caller, r.body, r.body_text, r.idempotency_key }) do
                        said[i] = tostring(f())
                    end
                    said[5] = tostring(ihanoi.services.find("nobody"))
                    return 200, said',
        none    => 'return nil',
        beside  => 'return nil, { code = "down" }',
        empty   => 'return 204',
        refuse  => 'return ihanoi.response.problem("bench-occupied",
                       { since = "2026-11-24" })',
        typo    => 'return ihanoi.response.problem("bench-ocupied")',
        later   => 'return ihanoi.response.problem("bench-occupied",
                       { retry_after = tonumber(input.after) or input.after })',
        away    => 'return ihanoi.response.problem("database-unavailable")',
        headers => 'return 200, {}, { ETag = "\"a1\"", Location = "/v1/probe/x",
                       ["Content-Language"] = "vi" }',
        split   => 'return 200, {}, { Link = "a\r\nSet-Cookie: b" }',
        cookie  => 'return 200, {}, { ["Set-Cookie"] = "a=b" }',
        wrong   => 'return 200, { colour = 7 }',
        kinds   => 'local kind = ihanoi.request.media_type()
                    return 200, kind == "text/csv" and "colour\\ngreen\\n"
                        or kind == "application/geo+json" and { type = "Feature" }
                        or { colour = "green" }',
        status  => 'return 302',
        loop    => 'while true do end',
        pcalls  => 'while true do pcall(function() while true do end end) end',
        eat     => 'local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(10000) .. i end',
        throw   => 'error("no such bench")',
        nothing => 'return 200, { a = input.b.c }',
        wait    => 'ihanoi.run.sleep(0.05) return 200, { waited = true }',
        forever => 'ihanoi.run.sleep(60) return 200, {}',
        sort    => 'table.sort({ 3, 2, 1 }, function(a, b)
                       ihanoi.run.sleep(0) return a < b end) return 200, {}',
        log     => 'ihanoi.log.warn("line\nbreak") ihanoi.log.warn("no bench", "it is away")
                    ihanoi.log.error("no bench", { code = "sql", sqlstate = "22P02",
                        message = "a person" }) return 200, {}',
        bare    => 'return 200',
        last    => 'return ihanoi.response.write("a line that called last has no frame")',
        keep    => 'count = (count or 0) + 1 return 200, { count = count }',
    },
    operations => {
        input => {
            path       => '/v1/probe/input/{id}',
            parameters => [
                { name => 'id', in => 'path', required => JSON::PP::true,
                  schema => { type => 'string', format => 'uuid' } },
                { name => 'limit', in => 'query',
                  schema => { type => 'integer', default => 20 } },
                { name => 'open', in => 'query',
                  schema => { type => 'boolean' } },
                { name => 'from', in => 'query',
                  schema => { type => 'string', format => 'date' } },
                { name => 'tags', in => 'query', explode => JSON::PP::false,
                  schema => { type => 'array', maxItems => 5,
                              items => { type => 'string', maxLength => 9 } } },
                { name => 'counts', in => 'query', explode => JSON::PP::false,
                  schema => { type => 'array', maxItems => 5, items => { type => 'integer' } } },
            ],
        },
        notice => {
            'x-ihanoi-query' => 'open',
            parameters => [ { name => 'ref', in => 'query',
                              schema => { type => 'string', maxLength => 3 } } ],
        },
        change => {
            method      => 'put',
            security    => [{ bearer => [] }],
            requestBody => { required => JSON::PP::true, content => {
                'application/json' => { schema => {
                    type                 => 'object',
                    additionalProperties => JSON::PP::false,
                    required             => ['colour'],
                    properties           => {
                        colour => { type => 'string', enum => [qw(red green)] },
                        note   => { type => ['string', 'null'], maxLength => 50 },
                        size   => { type => 'number', default => 1.5 },
                        parts  => { type => 'array', maxItems => 3,
                                    items => { type => 'integer' } },
                    },
                } },
            } },
        },
        later => { parameters => [ { name => 'after', in => 'query',
                                     schema => { type => 'string', maxLength => 9 } } ] },
        who   => { security => [{}, { bearer => [] }] },
        scope => { security => [{}, { bearer => [] }] },
        forge => { security => [{ bearer => [] }] },
        wrong => { responses => { 200 => {
            description => 'A bench', content => { 'application/json' => {
                schema => { type => 'object', properties => {
                    colour => { type => 'string' } } } } } } } },
        kinds => { responses => { 200 => {
            description => 'A bench', content => {
                'application/json' => { schema => { type => 'object',
                    required => ['colour'] } },
                'application/geo+json' => { schema => { type => 'object',
                    required => ['type'] } },
                'text/csv' => { schema => { type => 'string' } } } } } },
        empty => { responses => { 204 => { description => 'Done' } } },
    },
    document => { 'x-ihanoi-problems' => { 'bench-occupied' => {
        status => 409,
        title  => { vi => 'Ghế đang có người ngồi', en => 'Somebody sits there' },
    } } },
    manifest => { limits => { timeout => '1s', memory => '2m', cpu => '50ms' },
                  permissions => { public => JSON::PP::true } },
);

# Each case of failure counts: the circuit is for plugin_limits.t.
sub gateway_with {
    my ($plugin, %more) = @_;

    return gateway(http => $plugin->block('check always;', 'public;'),
                   locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }',
                   responses => 0, %more);
}

my $gw = gateway_with($plugin);
my $problem = 'https://ihanoi.example/problems/';

sub answer {
    my ($name, %more) = @_;
    return $gw->request($more{method} // 'GET', "/v1/probe/$name", %more);
}

my $r = answer('hello');
is($r->{status}, 200, 'a handler answers');
is_deeply($r->{json}, { greeting => 'xin chào', list => [1, 2, 3] },
          'with a JSON value');
is($r->{headers}{'content-type'}, 'application/json', 'as JSON');

$r = answer('input/7c9e6679-7425-40de-944b-e07fc1f90ae7?open=true&tags=a,b'
            . '&from=2026-11-24');
is_deeply($r->{json}, {
    id => '7c9e6679-7425-40de-944b-e07fc1f90ae7', limit => 20,
    open => JSON::PP::true, tags => ['a', 'b'], from => '2026-11-24',
}, 'input has typed arguments and defaults');

is(answer('input/x')->{status}, 400, 'what the contract refuses never arrives');

# A query to which others add what they like.
my $open = 'ref=7&new=a%20b+c&new=%F0%9F%98%80&empty&=x&&z[0]=1&%zz=2';
$r = answer("notice?$open");
is($r->{status}, 200, 'an open query') or diag $r->{content};
is_deeply($r->{json}, { ref => '7', text => $open },
          'is there as it was sent, and beside it what is declared');
is(answer('notice')->{json}{text}, '', 'or empty');
is(answer("notice?$_")->{status}, 400, "what is declared is checked: $_")
    for qw(ref=1234 ref=1&ref=2 ref=%zz new=1&ref=%00);
is(answer("input/7c9e6679-7425-40de-944b-e07fc1f90ae7?new=1")->{status}, 400, 'others are not open');

my $token = token(sub => 'citizen-1');
$r = answer('change', method => 'PUT', token => $token,
            json => { colour => 'red', note => undef, parts => [1, 2] });
is($r->{status}, 200, 'a body arrives') or diag $r->{content};
is_deeply(JSON::PP->new->utf8->decode(delete $r->{json}{text}),
          { colour => 'red', note => undef, parts => [1, 2] }, 'its bytes are those that were sent');
is_deeply($r->{json}, {
    colour => 'red', parts => [1, 2], size => 1.5,
    body => { colour => 'red', note => undef, parts => [1, 2] },
}, 'by members, and whole with its nulls');

# What Lua cannot hold is the client's, and no failure of the plugin.
my ($last, $next) = ('9007199254740992', '9007199254740993');
for ($last, "-$last") {
    is(answer('change', method => 'PUT', token => $token, headers => { 'Content-Type' => 'application/json' },
              body => "{\"colour\":\"red\",\"parts\":[1,$_]}")->{json}{parts}[1], $_, "$_ arrives in a list");
}
for ($next, "-$next") {
    $r = answer('change', method => 'PUT', token => $token, headers => { 'Content-Type' => 'application/json' },
                body => "{\"colour\":\"red\",\"parts\":[1,$_]}");
    is_deeply([$r->{status}, map { @$_{qw(in pointer keyword)} } @{ $r->{json}{errors} }], [400, 'body', '/parts', 'format'],
              "$_ does not") or diag $r->{content};
}
$r = answer("input/7c9e6679-7425-40de-944b-e07fc1f90ae7?counts=1,$next");
is_deeply([$r->{status}, map { @$_{qw(in parameter keyword)} } @{ $r->{json}{errors} }], [400, 'query', 'counts', 'format'],
          '... nor in a query');

$r = answer('who', token => $token);
is($r->{json}{sub}, 'citizen-1', 'the caller is the token\'s');
is($r->{json}{claims}{sub}, 'citizen-1', 'with its claims');
$r = answer('who', token => token(sub => 'citizen-1', small => 9007199254740992, list => [-9007199254740994, 4611686018427387904]));
is_deeply([@{ $r->{json}{claims} || {} }{qw(small list)}], ['9007199254740992', ['-9007199254740994', '4611686018427387904']],
          'of which the numbers that Lua cannot hold are as they are written') or diag $r->{content};
is(answer('who')->{json}, undef, 'and null without a token');
is_deeply(answer('scope', token => token(sub => 'a', scope => 'openid desk:read'))->{json},
          [JSON::PP::false, JSON::PP::true, JSON::PP::false, JSON::PP::false],
          'the scopes of a token are words');
is_deeply(answer('scope')->{json}, [(JSON::PP::false) x 4], 'of which no token has any');
is(answer('forge', token => $token)->{json}{sub}, 'citizen-1',
   'a plugin cannot change who is calling');

is_deeply(answer('absent')->{json}, [('nil') x 5], 'what is not there is nil');

$r = answer('about', headers => { 'Accept-Language' => 'en' });
like($r->{json}{id}, qr/\A[0-9a-f]{32}\z/, 'the request has a number');
is($r->{json}{operation}, 'probe_about', 'its operation');
is($r->{json}{language}, 'en', 'its language');
ok($r->{json}{left} > 0 && $r->{json}{left} <= 1, 'and a deadline');
is("$r->{json}{name} $r->{json}{version}", 'probe 1.0.0', 'the plugin its name');

$r = answer('none');
is($r->{status}, 404, 'nil is 404');
is(answer('empty')->{status}, 204, '204 has no body');

$r = answer('refuse');
is($r->{status}, 409, 'a problem of the contract');
like($r->{json}{type}, qr/bench-occupied\z/, 'with its type');
is($r->{json}{since}, '2026-11-24', 'and members');
is($r->{json}{title}, 'Ghế đang có người ngồi', 'and title');
is($r->{headers}{'retry-after'}, undef, 'which is not for later');
$r = answer('away');
is("$r->{status} $r->{headers}{'retry-after'}", '503 1', 'a 503 is for a second later');

$r = $gw->get('/v1/probe/later?after=1800');
is("$r->{status} $r->{headers}{'retry-after'} $r->{json}{retry_after}", '409 1800 1800',
   'a refusal says when to come again');
is($gw->get("/v1/probe/later?after=$_")->{headers}{'retry-after'}, undef, "$_ is no number of seconds")
    for qw(0 -1 2.5 soon);

$r = answer('headers');
is($r->{headers}{etag}, '"a1"', 'an ETag');
is($r->{headers}{location}, '/v1/probe/x', 'a Location');
is($r->{headers}{'content-language'}, 'vi', 'another header');
is(answer('headers', headers => { 'If-None-Match' => '"a1"' })->{status}, 304,
   'conditions are the gateway\'s');
is($gw->request('HEAD', '/v1/probe/hello')->{status}, 200, 'so is HEAD');

for my $case (['application/json', '{"colour":"green"}'], ['text/csv', "colour\ngreen\n"],
              ['application/geo+json', '{"type":"Feature"}']) {
    $r = answer('kinds', headers => { Accept => $case->[0] });
    is($r->{content}, $case->[1], "$case->[0]: an answer is held against what its type says");
    is($r->{headers}{'content-type'}, $case->[0], "$case->[0]: and has that type");
}

for my $case (['text/csv;q=0.5, application/geo+json;q=0.9, */*;q=0.1', 'application/geo+json'],
              ['text/*, */*;q=0.5', 'text/csv']) {
    $r = answer('kinds', headers => { Accept => $case->[0] });
    is($r->{headers}{'content-type'}, $case->[1], "$case->[0]: what is liked best");
    is($r->{headers}{vary}, 'Accept', 'which caches are told');
}

for my $case (
    ['split', 502, 'plugin-reply-invalid', qr/a header has a control character/],
    ['cookie', 502, 'plugin-reply-invalid', qr/may not set the header "Set-Cookie"/],
    ['wrong', 502, 'plugin-reply-invalid', qr{not what its contract says at "/colour"}],
    ['status', 502, 'plugin-reply-invalid', qr/a handler returns a status/],
    ['bare', 502, 'plugin-reply-invalid', qr/"": no body where the contract has one/],
    ['typo', 502, 'plugin-reply-invalid',
     qr/operation "probe_typo" refuses: problem "bench-ocupied" is in no contract/],
    ['beside', 502, 'plugin-reply-invalid', qr/nil beside an error is no answer/],
    ['throw', 500, 'plugin-failed', qr/plugin "probe" 1\.0\.0: probe\/handler\.lua:\d+: no such bench/],
    ['nothing', 500, 'plugin-failed', qr/handler\.lua:\d+: attempt to index/],
    ['last', 500, 'plugin-failed', qr/plugin "probe" 1\.0\.0: the operation has no "x-ihanoi-stream"/],
    ['loop', 503, 'plugin-limit', qr/plugin "probe" 1\.0\.0: CPU budget used up/],
    ['pcalls', 503, 'plugin-limit', qr/CPU budget used up/],
    ['eat', 503, 'plugin-limit', qr/memory limit reached/],
    ['forever', 504, 'plugin-timeout', qr/no answer in 1000ms/],
    ['sort', 500, 'plugin-failed', qr/waiting is not possible here/],
) {
    my ($name, $status, $type, $log) = @$case;

    # each on a gateway of its own time: five failures in ten seconds open the
    # circuit
    $gw->stop;
    $gw = gateway_with($plugin);

    $r = answer($name);
    is($r->{status}, $status, "$name: $status");
    like($r->{json}{type}, qr/\Q$type\E\z/, "$name: $type");
    like($gw->error_log, $log, "$name: the log says why");
    is(answer('hello')->{status}, 200, "$name: the next call is served");
}

is(answer('wait')->{json}{waited}, JSON::PP::true, 'a handler may wait');

my $first = answer('keep')->{json}{count};
is(answer('keep')->{json}{count}, $first + 1, 'globals stay in a worker');
answer('loop');
is(answer('keep')->{json}{count}, 1, 'but not after a kill');

answer('log');
like($gw->error_log, qr/\[warn\].*plugin "probe" 1\.0\.0 says: line break/,
     'a plugin writes into the log, in one line');
like($gw->error_log, qr/\[warn\].* says: no bench: it is away,/, 'and why');
like($gw->error_log, qr/\[error\].* says: no bench: 22P02: \(message withheld\),/,
     'also of the database, without values');


done_testing;
