#!/usr/bin/perl
# "ihanoi plugin compare": what breaks the callers of a plugin, and what the
# version has to say then.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Command;
use IHanoi::Test::Plugin;
use File::Temp qw(tempdir);
use IHanoi::Plugin::Changes qw(changes);
use IHanoi::Plugin::Compare;
use IHanoi::Plugin::Contract qw(read_contract);
use JSON::PP ();

my ($true, $false) = (JSON::PP::true, JSON::PP::false);

sub contract_of {
    my (%files) = @_;
    my %text = map { $_ => JSON::PP->new->utf8->encode($files{$_}) } keys %files;
    return { manifest => {}, contract => read_contract(sub { $text{ $_[0] } }) };
}

sub service {
    my ($operation, %more) = @_;
    return contract_of('openapi.json' => {
        paths => { '/v1/probe/{id}' => { post => {
            operationId => 'probe', security => [{ bearer => [] }],
            responses => { 200 => { description => '' } }, %$operation } } },
        %{ $more{document} // {} },
    }, %{ $more{files} // {} });
}

# The worst that is found, or "-": breaking, unclear, compatible; then all.
sub found {
    my @changes = changes(@_);
    return (@changes ? $changes[0]{level} : '-',
            join '', map { IHanoi::Plugin::Compare::change_text($_) } @changes);
}

sub request {
    return service({ requestBody => { content => { 'application/json' =>
                     { schema => $_[0] } } }, 'x-ihanoi-body' => 'whole' },
                   document => { components => $_[1] // {} });
}

sub answer {
    return service({ responses => { 200 => { description => '', content =>
                     { 'application/json' => { schema => $_[0] } } } } },
                   document => { components => $_[1] // {} });
}

# Schemas: a narrow one, and one with all its values and more. A request may
# become wider and an answer narrower, not the other way round.
my $text = { type => 'string' };
my %closed = (type => 'object', additionalProperties => $false);
my $car = { %closed, required => ['kind'],
            properties => { kind => { const => 'car' }, plate => $text } };
my $bus = { %$car, properties => { kind => { const => 'bus' }, plate => $text } };
my $bike = { %closed, required => ['kind'], properties => { kind => { const => 'bike' } } };

my @pairs = (
    ['type', { type => 'integer' }, { type => 'number' }],
    ['type list', { type => 'string' }, { type => ['string', 'null'] }],
    ['no type', { type => 'string' }, {}],
    ['no schema', { type => 'string' }, $true],
    ['enum', { enum => ['a', 'b'] }, { enum => ['b', 'c', 'a'] }],
    ['enum to any', { enum => ['a'] }, $text],
    ['numbers in an enum', { enum => [1, 2] }, { type => 'integer', minimum => 1 }],
    ['const', { const => 1 }, { enum => [1, 2] }],
    ['minimum', { type => 'integer', minimum => 2 }, { type => 'integer', minimum => 1 }],
    ['maximum', { type => 'number', maximum => 5 }, { type => 'number' }],
    ['exclusiveMinimum', { type => 'number', exclusiveMinimum => 1 },
     { type => 'number', minimum => 1 }],
    ['exclusiveMaximum', { type => 'number', exclusiveMaximum => 1 },
     { type => 'number', exclusiveMaximum => 2 }],
    ['multipleOf', { type => 'integer', multipleOf => 4 }, { type => 'integer', multipleOf => 2 }],
    ['minLength', { %$text, minLength => 2 }, { %$text, minLength => 1 }],
    ['maxLength', { %$text, maxLength => 2 }, { %$text, maxLength => 3 }],
    ['pattern', { %$text, pattern => '^a$' }, $text],
    ['format', { %$text, format => 'uuid' }, $text],
    ['length of a format', { %$text, format => 'uuid' }, { %$text, maxLength => 36 }],
    ['length of a moment', { %$text, format => 'date-time', maxLength => 34 },
     { %$text, format => 'date-time' }],
    ['int32', { type => 'integer', format => 'int32' }, { type => 'integer' }],
    ['items', { type => 'array', items => { type => 'integer' } },
     { type => 'array', items => { type => ['integer', 'string'] } }],
    ['no items', { type => 'array', items => $text }, { type => 'array' }],
    ['prefixItems', { type => 'array', prefixItems => [$text], items => $false },
     { type => 'array', items => $text }],
    ['minItems', { type => 'array', minItems => 1 }, { type => 'array' }],
    ['maxItems', { type => 'array', maxItems => 1 }, { type => 'array', maxItems => 2 }],
    ['uniqueItems', { type => 'array', uniqueItems => $true }, { type => 'array' }],
    ['required', { type => 'object', required => ['a'], properties => { a => $text } },
     { type => 'object', properties => { a => $text } }],
    ['member', { type => 'object', properties => { a => { enum => ['x'] } } },
     { type => 'object', properties => { a => $text } }],
    ['member of a member',
     { type => 'object', properties => { a => { type => 'array', items =>
         { type => 'object', properties => { b => { type => 'boolean' } } } } } },
     { type => 'object', properties => { a => { type => 'array', items =>
         { type => 'object', properties => { b => {} } } } } }],
    ['additionalProperties', { type => 'object', additionalProperties => { type => 'integer' } },
     { type => 'object', additionalProperties => { type => 'number' } }],
    ['minProperties', { type => 'object', minProperties => 2 }, { type => 'object', minProperties => 1 }],
    ['maxProperties', { type => 'object', maxProperties => 1 }, { type => 'object' }],
    ['allOf', { allOf => [$text, { maxLength => 3 }] }, $text],
    ['anyOf', { anyOf => [$text, { type => 'null' }] },
     { anyOf => [$text, { type => 'null' }, { type => 'integer' }] }],
    ['anyOf and types', { type => ['string', 'null'] },
     { anyOf => [{ type => 'null' }, { type => ['integer', 'string'] }] }],
    ['anyOf and values', { enum => ['a', undef] },
     { anyOf => [{ enum => ['a', 'b'] }, { type => 'null' }] }],
    ['oneOf', { oneOf => [$bus] }, { oneOf => [$car, $bus] }],
    ['$ref', { '$ref' => '#/components/schemas/Short' },
     { '$ref' => '#/components/schemas/Long' }],
    ['$ref to itself', { '$ref' => '#/components/schemas/ShortTree' },
     { '$ref' => '#/components/schemas/LongTree' }],
);

my $tree = sub { {
    type => 'object', required => ['name', 'below'], properties => {
        name  => { '$ref' => "#/components/schemas/$_[0]" },
        below => { type => 'array', items => { '$ref' => "#/components/schemas/$_[0]Tree" } },
    } } };
my $components = { schemas => {
    Short => { %$text, maxLength => 1 }, Long => { %$text, maxLength => 2 },
    ShortTree => $tree->('Short'), LongTree => $tree->('Long') } };

for my $pair (@pairs) {
    my ($what, @schemas) = @$pair;

    for my $side (['request', \&request, 'compatible', 'breaking'],
                  ['answer', \&answer, 'breaking', 'compatible'])
    {
        my ($name, $make, $widened, $narrowed) = @$side;
        my ($narrow, $wide) = map { $make->($_, $components) } @schemas;

        is((found($narrow, $narrow))[0], '-', "$what: the same $name");
        is((found($wide, $wide))[0], '-', "$what: the same wide $name");
        my ($level, $text) = found($narrow, $wide);
        is($level, $widened, "$what: a wider $name") or diag $text;
        ($level, $text) = found($wide, $narrow);
        is($level, $narrowed, "$what: a narrower $name") or diag $text;
    }
}

# Nothing changes that only looks so.
my @same = (
    ['order', { enum => ['a', 'b'], type => 'string' }, { type => 'string', enum => ['b', 'a'] }],
    ['words', { %$text, description => 'a' }, { %$text, title => 'b' }],
    ['a list of one type', { type => ['string'] }, $text],
    ['allOf', { allOf => [$text, { maxLength => 3 }] }, { %$text, maxLength => 3 }],
    ['$ref', { '$ref' => '#/components/schemas/Short' }, { %$text, maxLength => 1 }],
    ['whole numbers', { type => 'integer', exclusiveMinimum => 4 }, { type => 'integer', minimum => 5 }],
    ['const', { const => 'a' }, { enum => ['a'] }],
    ['multiples of one', { type => 'integer' }, { type => 'integer', multipleOf => 1 }],
    ['a pattern', { %$text, pattern => '^a$' }, { allOf => [{ %$text, pattern => '^a$' }] }],
    ['order of branches', { oneOf => [$car, $bike] }, { oneOf => [$bike, $car] }],
);

for my $pair (@same) {
    my ($what, $one, $two) = @$pair;
    my ($level, $text) = found(map { request($_, $components) } $one, $two);
    is("$level$text", '-', "$what: the same values");
    ($level, $text) = found(map { answer($_, $components) } $two, $one);
    is("$level$text", '-', "$what: in an answer");
}

# What cannot be told is said to be so, either way.
my @unclear = (
    ['another pattern', { %$text, pattern => '^a$' }, { %$text, pattern => '^[a]$' }],
    ['not', { not => { %$text, pattern => '^a$' } }, { not => { %$text, pattern => '^[a]$' } }],
    ['contains', { type => 'array', contains => { %$text, maxLength => 1 } },
     { type => 'array', contains => { %$text, pattern => '^.?$' } }],
    ['if', { if => $text, then => { pattern => '^a$' } }, { if => $text, then => { maxLength => 1 } }],
    ['propertyNames', { type => 'object', propertyNames => { pattern => '^a$' } },
     { type => 'object', propertyNames => { maxLength => 2 } }],
    ['patterns of names', { type => 'object', patternProperties => { '^a$' => $text } },
     { type => 'object', patternProperties => { '^b$' => $text } }],
    ['branches that meet', { oneOf => [{ %$text, minLength => 2 }, { %$text, maxLength => 1 }] },
     { oneOf => [{ %$text, minLength => 3 }, { %$text, maxLength => 2 }] }],
);

for my $pair (@unclear) {
    my ($what, @schemas) = @$pair;
    for my $turn (\@schemas, [reverse @schemas]) {
        my ($level, $text) = found(map { request($_) } @$turn);
        is($level, 'unclear', "$what: cannot tell") or diag $text;
        ($level, $text) = found(map { answer($_) } @$turn);
        is($level, 'unclear', "$what: nor in an answer") or diag $text;
    }
}

# Members that come and go.
my %ab = (properties => { a => $text, b => $text });
my %a = (properties => { a => $text });
my @members = (
    # what, smaller, larger, then: request grows, shrinks, answer grows, shrinks
    ['a closed object', { %closed, %a }, { %closed, %ab }, qw(compatible breaking compatible breaking)],
    ['an open object', { type => 'object', %a }, { type => 'object', %ab },
     qw(breaking unclear compatible breaking)],
    ['a required member', { %closed, %a }, { %closed, %ab, required => ['b'] },
     qw(breaking breaking compatible breaking)],
    ['a branch', { oneOf => [{ %closed, %a }, { type => 'null' }] },
     { oneOf => [{ %closed, %ab }, { type => 'null' }] },
     qw(compatible breaking compatible breaking)],
    ['a branch that brings a member', { oneOf => [$bike] }, { oneOf => [$bike, $car] },
     qw(compatible breaking breaking breaking)],
    ['branches told apart by a member', { oneOf => [$bike, { %$car, properties =>
         { kind => { const => 'car' } } }] }, { oneOf => [$bike, $car] },
     qw(compatible breaking compatible breaking)],
);

for my $row (@members) {
    my ($what, $small, $large, @levels) = @$row;
    my @got = map { [found(@$_)] }
        ([map { request($_) } $small, $large], [map { request($_) } $large, $small],
         [map { answer($_) } $small, $large], [map { answer($_) } $large, $small]);
    is("@{[map { $_->[0] } @got]}", "@levels", "members: $what")
        or diag join "--\n", map { $_->[1] } @got;
}

my ($level, $said) = found(answer({ %closed, %a, required => ['a'] }),
                           answer({ %closed, %ab }));
is($level, 'breaking', 'a member that may be missing now');
like($said, qr{^breaks callers: POST /v1/probe/\{id\} answer 200 /a: is not always there any more}m,
     'is told by its place in the value');
like($said, qr{\(new openapi\.json /paths/~1v1~1probe~1\{id\}/post/responses/200/content/application~1json/schema\)$}m,
     'and in the contract');
like($said, qr{^compatible: .* answer 200 /b: is new \(new .*/schema/properties/b\)$}m,
     'what is new is told too');

# Everything else of an operation: [what, smaller, larger, to larger, to smaller].
my $json = sub { { content => { 'application/json' => { schema => $text } } } };
my @operations = (
    ['query', {}, { parameters => [{ name => 'q', in => 'query', schema => $text }] },
     'compatible', 'breaking'],
    ['required query', {}, { parameters => [{ name => 'q', in => 'query', required => $true,
                                              schema => $text }] }, 'breaking', 'breaking'],
    ['header', {}, { parameters => [{ name => 'X-A', in => 'header', schema => $text }] },
     'compatible', 'unclear'],
    ['required', { parameters => [{ name => 'If-Match', in => 'header', schema => $text }] },
     { parameters => [{ name => 'if-match', in => 'header', required => $true, schema => $text }] },
     'breaking', 'compatible'],
    ['schema of a parameter',
     { parameters => [{ name => 'id', in => 'path', schema => { %$text, maxLength => 1 } }] },
     { parameters => [{ name => 'id', in => 'path', schema => { %$text, maxLength => 2 } }] },
     'compatible', 'breaking'],
    ['default', { parameters => [{ name => 'q', in => 'query', schema => { %$text, default => 'a' } }] },
     { parameters => [{ name => 'q', in => 'query', schema => { %$text, default => 'b' } }] },
     'breaking', 'breaking'],
    ['default of a member', { requestBody => { content => { 'application/json' => { schema =>
         { type => 'object', properties => { a => { %$text, default => 'a' } } } } } } },
     { requestBody => { content => { 'application/json' => { schema =>
         { type => 'object', properties => { a => $text } } } } } }, 'breaking', 'breaking'],
    ['members are arguments', { requestBody => { content => { 'application/json' => { schema =>
         { type => 'object', %a } } } } },
     { requestBody => { content => { 'application/json' => { schema =>
         { type => 'object', %ab } } } } }, 'compatible', 'breaking'],
    ['body', {}, { requestBody => $json->() }, 'compatible', 'breaking'],
    ['required body', { requestBody => $json->() }, { requestBody => { %{ $json->() }, required => $true } },
     'breaking', 'compatible'],
    ['how the body is taken', { requestBody => $json->() },
     { requestBody => $json->(), 'x-ihanoi-body' => 'whole' }, 'unclear', 'unclear'],
    ['media type of the body', { requestBody => $json->() },
     { requestBody => { content => { %{ $json->()->{content} },
       'application/merge-patch+json' => { schema => $text } } } }, 'compatible', 'breaking'],
    ['media type of the answer', { responses => { 200 => $json->() } },
     { responses => { 200 => { content => { %{ $json->()->{content} }, 'text/csv' => {} } } } },
     'compatible', 'breaking'],
    ['success', {}, { responses => { 200 => {}, 202 => {} } }, 'breaking', 'breaking'],
    ['refusal', {}, { responses => { 200 => {}, 409 => {} } }, 'compatible', 'compatible'],
    ['header of the answer', {}, { responses => { 200 => { headers => { ETag => { schema => $text } } } } },
     'compatible', 'breaking'],
    ['token', { security => [] }, { security => [{ bearer => [] }] }, 'breaking', 'compatible'],
    ['token if there is one', { security => [] }, { security => [{}, { bearer => [] }] },
     'compatible', 'unclear'],
    ['no token at all', { security => [{}, { bearer => [] }] }, {}, 'breaking', 'compatible'],
    ['scope', {}, { security => [{ bearer => ['parking'] }] }, 'breaking', 'compatible'],
    ['assurance', { 'x-ihanoi-assurance' => 'phone' }, { 'x-ihanoi-assurance' => 'verified' },
     'breaking', 'compatible'],
    ['Idempotency-Key', { 'x-ihanoi-idempotency' => 'optional' }, {}, 'breaking', 'compatible'],
    ['open query', {}, { 'x-ihanoi-query' => 'open' }, 'compatible', 'breaking'],
    ['operationId of a POST', {}, { operationId => 'other' }, 'breaking', 'breaking'],
    ['deprecated', {}, { deprecated => $true }, 'compatible', '-'],
    ['words, time and pool', {}, { summary => 'A', 'x-ihanoi-timeout' => 5, 'x-ihanoi-pool' => 'slow' },
     '-', '-'],
);

for my $row (@operations) {
    my ($what, $small, $large, $grows, $shrinks) = @$row;
    my ($one, $two) = map { service($_) } $small, $large;
    my @got = ([found($one, $two)], [found($two, $one)]);
    is("$got[0][0] $got[1][0]", "$grows $shrinks", "operation: $what")
        or diag join "--\n", map { $_->[1] } @got;
}

# Whole operations; names in a path are nobody's business.
sub paths { contract_of('openapi.json' => { paths => { map {
    $_ => { get => { operationId => 'x', security => [], responses => { 200 => {} } } } } @_ } }) }
is((found(paths('/v1/a'), paths('/v1/a', '/v1/b')))[0], 'compatible', 'one more');
is((found(paths('/v1/a', '/v1/b'), paths('/v1/a')))[0], 'breaking', 'one less');
is((found(paths('/v1/a/{x}'), paths('/v1/a/{y}')))[0], '-', 'another name in a path');

# Components of another file, parameters of the path, refusals, other plugins.
my @files = map { service({ parameters => [{ '$ref' => 'shared.json#/components/parameters/Q' }] },
    files => { 'shared.json' => { components => { parameters => { Q => {
        name => 'q', in => 'query', schema => { '$ref' => '#/components/schemas/Q' } } },
        schemas => { Q => { %$text, maxLength => $_ } } } } }) } 1, 2;
is((found(@files))[0], 'compatible', 'a "$ref" to another file');
($level, $said) = found(reverse @files);
is($level, 'breaking', 'and back');
like($said, qr{query q: maxLength 2 is now 1 \(new shared\.json /components/schemas/Q/maxLength\)},
     'is told where it stands');
my @problems = map { contract_of('openapi.json' => { paths => {},
    'x-ihanoi-problems' => { full => { status => $_ } } }) } 409, 422;
is((found(@problems))[0], 'breaking', 'another status of a problem');
my @others = map { { contract => { operations => {}, problems => {} },
    manifest => { events => { publishes => ['p.booked', @$_] },
                  interfaces => { offers => [{ name => 'fees', version => 1,
                                               functions => ['quote', @$_] }] } } } }
    [], ['p.more'];
is((found(@others))[0], 'compatible', 'more for other plugins');
($level, $said) = found(reverse @others);
is($said, "breaks callers: event p.more: is gone (new plugin.json)\n"
        . "breaks callers: interface fees 1, function p.more: is gone (new plugin.json)\n",
   'less for other plugins');

sub asks { { contract => { operations => {}, problems => {} }, manifest => { purposes => [map { my ($version, $title, @data) = @$_;
    { name => 'lookup', version => $version, title => { vi => $title, en => $title }, data => \@data } } @_] } } }
for (['new', [], [[1, 'a', 'personal']], 'compatible'], ['gone', [[1, 'a', 'personal']], [], 'compatible'],
     ['the same', [[1, 'a', 'personal']], [[1, 'a', 'personal']], '-'],
     ['another version', [[1, 'a', 'personal']], [[2, 'b', 'personal']], 'compatible'],
     ['other words', [[1, 'a', 'personal']], [[1, 'b', 'personal']], 'breaking'],
     ['other data', [[1, 'a', 'personal']], [[1, 'a', 'personal', 'sensitive']], 'breaking']) {
    my ($what, $was, $is, $level) = @$_;
    is((found(asks(@$was), asks(@$is)))[0], $level, "a purpose: $what");
}

# The command.
my %operations = (hello => { parameters => [{ name => 'q', in => 'query',
                                              schema => { %$text, maxLength => 9 } }] });
sub version {
    my ($version, $length) = @_;
    $operations{hello}{parameters}[0]{schema}{maxLength} = $length;
    return plugin_folder(lua => { hello => 'return 200, {}' }, operations => \%operations,
                         manifest => { version => $version });
}
my $old = version('1.2.3', 9);

# version, length of a parameter that was 9, exit code
for my $row (['1.2.4', 9, 0], ['1.2.4', 10, 0], ['1.2.4', 8, 3], ['1.3.0', 8, 3],
             ['2.0.0', 8, 0], ['2.0.0-rc.1', 8, 0], ['0.9.0', 8, 3])
{
    my ($version, $length, $expected) = @$row;
    my ($rc, $out, $err) = ihanoi(qw(plugin compare), $old->path,
                                  version($version, $length)->path);
    is($rc, $expected, "1.2.3 to $version, maxLength 9 to $length") or diag "$out$err";
    like($err, qr/1 of 1 changes may break callers; call it 2\.0\.0 or higher/,
         'says which version it would need') if $expected;
    is($out, "breaks callers: GET /v1/probe/hello query q: maxLength 9 is now 8 (new "
           . "openapi.json /paths/~1v1~1probe~1hello/get/parameters/0/schema/maxLength)\n",
       'and what breaks') if $length < 9;
}
for my $row (['0.2.1', '0.2.2', 3], ['0.2.1', '0.3.0', 0], ['0.2.1', '1.0.0', 0],
             ['1.0.0-rc.1', '1.0.0', 0], ['1.0.0-rc.1', '1.0.0-rc.1', 3])
{
    my ($from, $to, $expected) = @$row;
    my ($rc) = ihanoi(qw(plugin compare), version($from, 9)->path, version($to, 8)->path);
    is($rc, $expected, "$from to $to");
}

my $dir = tempdir(CLEANUP => 1);
my ($rc, $out, $err) = ihanoi(qw(plugin pack --into), $dir, version('1.3.0', 8)->path);
is($rc, 0, 'an archive') or diag $err;
($rc, $out) = ihanoi(qw(plugin compare --json), $old->path, "$dir/probe-1.3.0.plugin.tar.gz");
is($rc, 3, 'is compared too');
my @rows = map { JSON::PP->new->utf8->decode($_) } split /\n/, $out;
is($rows[0]{keyword}, 'maxLength', 'as JSON');
is_deeply($rows[-1]{verdict}, { name => 'probe', old => '1.2.3', new => '1.3.0',
                                allowed => $false }, 'with a verdict');

# What cannot be compared.
my @wrong = (
    ['no folder', sub { "$dir/nowhere" }, qr/nowhere/],
    ['another plugin', sub { plugin_folder(name => 'other', lua => { hello => 'return 200' })->path },
     qr/two plugins/],
    ['no contract', sub { my $p = version('1.2.4', 9); unlink $p->path . '/openapi.json'; $p->path },
     qr/no openapi\.json/],
    ['no JSON', sub { my $p = version('1.2.4', 9); $p->write('openapi.json', '{'); $p->path },
     qr/openapi\.json is not JSON/],
    ['a "$ref" to nothing', sub { my $p = version('1.2.4', 9); $p->write('openapi.json',
        '{"paths":{"/v1/probe/hello":{"get":{"responses":{"200":{"$ref":"#/components/no"}}}}}}'); $p->path },
     qr{there is no "#/components/no"}],
    ['a "$ref" out of the folder', sub { my $p = version('1.2.4', 9); $p->write('openapi.json',
        '{"paths":{"/v1/probe/hello":{"get":{"responses":{"200":{"$ref":"../x.json#/a"}}}}}}'); $p->path },
     qr{leads nowhere}],
    ['a "$ref" in a circle', sub { my $p = version('1.2.4', 9); $p->write('openapi.json',
        '{"paths":{"/v1/probe/hello":{"get":{"responses":{"200":{"$ref":"#/components/a"}}}}},'
        . '"components":{"a":{"$ref":"#/components/a"}}}'); $p->path }, qr{in a circle}],
    ['"allOf" of itself', sub { my $p = version('1.2.4', 9); $p->write('openapi.json',
        '{"paths":{"/v1/probe/hello":{"get":{"parameters":[{"name":"q","in":"query","schema":'
        . '{"$ref":"#/components/a"}}],"responses":{"200":{}}}}},'
        . '"components":{"a":{"allOf":[{"$ref":"#/components/a"}]}}}'); $p->path }, qr{too deep}],
    ['lists where objects belong', sub { my $p = version('1.2.4', 9); $p->write('openapi.json',
        '{"paths":{"/v1/probe/hello":{"get":[]}}}'); $p->path }, qr{is no object}],
    ['a list that is none', sub { my $p = version('1.2.4', 9); $p->write('openapi.json',
        '{"paths":{"/v1/probe/hello":{"get":{"parameters":[{"name":"q","in":"query","schema":'
        . '{"allOf":{}}}],"responses":{"200":{}}}}}}'); $p->path },
     qr{a contract is none}],
    ['a version that is none', sub { my $p = version('1.2.4', 9); $p->write('plugin.json',
        '{"name":"probe","version":"one"}'); $p->path }, qr{no semantic version}],
);
for my $case (@wrong) {
    my ($what, $make, $expected) = @$case;
    ($rc, $out, $err) = ihanoi(qw(plugin compare), $old->path, $make->());
    is("$rc$out", '1', "$what cannot be compared");
    like($err, $expected, 'and why');
}

# A schema that grows without end is given up, in time: the processor's, as nothing here
# waits, and the clock on the wall counts what others have of it.
my %deep = (T0 => $text);
for my $n (1 .. 30) {
    $deep{"T$n"} = { type => 'object', properties => { map { my $name = $_;
        $name => { anyOf => [{ '$ref' => '#/components/schemas/T' . ($n - 1) },
                             { type => 'array', items => { '$ref' => '#/components/schemas/T' . ($n - 1) } }] }
    } 'a' .. 'j' } };
}
my %deeper = (%deep, T0 => { type => 'integer' });
my ($start) = times;
($level) = found(map { answer({ '$ref' => '#/components/schemas/T30' }, { schemas => $_ }) }
                 \%deep, \%deeper);
isnt($level, '-', 'a schema that is too large is no reason to say yes');
my $self = { anyOf => [map { { '$ref' => '#/components/schemas/S' } } 1, 2] };
($level) = found(map { answer({ '$ref' => '#/components/schemas/S' }, { schemas => { S => $_ } }) }
                 $text, $self);
isnt($level, '-', 'nor is one that is made of itself');
cmp_ok((times)[0] - $start, '<', 10, 'nor takes it long');

done_testing();
