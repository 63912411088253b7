#!/usr/bin/perl
# The refusals in the merged document: clients are made from it. Each operation is
# sent what it cannot take, and what the gateway answers stands there by its status;
# what stands there it answers.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use JSON::PP ();

my $true = JSON::PP::true;
my $db = database();

# A service whose handler refuses in all ways.
my $probe = plugin_folder(
    lua => {
        late  => 'return ihanoi.response.problem("probe-late", { retry_after = 7, left = "2 places" })',
        shut  => 'return ihanoi.response.problem("probe-shut", { retry_after = 9 })',
        full  => 'return ihanoi.response.problem("too-many-requests")',
        none  => 'return nil',
        fails => 'error("a fault")',
        book  => 'return 201, {}',
        parts => 'ihanoi.response.write("a,b\n")',
    },
    operations => {
        late  => { security => [{}, { bearer => [] }] },
        fails => { security => [{ bearer => ['probe.fail'] }] },
        book  => { method => 'post', security => [{ bearer => [] }],
                   parameters => [{ name => 'If-Match', in => 'header', required => $true,
                                    schema => { type => 'string' } }],
                   requestBody => { required => $true, content => { 'application/json' => {
                       schema => { type => 'object', properties => {} } } } } },
        parts => { 'x-ihanoi-stream' => $true, responses => { 200 => {
                       description => 'A table', content => { 'text/csv' => {} } } } },
    },
);
my $openapi = $probe->_openapi;
$openapi->{'x-ihanoi-problems'} = {
    'probe-late' => { status => 409, title => { vi => 'Muộn', en => 'Late' } },
    'probe-shut' => { status => 400, title => { vi => 'Đóng', en => 'Shut' } } };
$probe->write('openapi.json', JSON::PP->new->utf8->encode($openapi));

my @files = (tree() . '/conf/api/*.json', $probe->path . '/openapi.json');
my $locations = 'location = /openapi.json { ihanoi_status openapi; } '
              . 'location / { auth_jwt iHaNoi; ihanoi_api on; %s }';
my $http = $probe->block('public;');
my $gw = gateway(db => $db, contract => \@files, responses => 1, http => $http,
                 server => 'client_max_body_size 1k;',
                 locations => sprintf $locations, '');
my $document = $gw->get('/openapi.json')->{json};


# Every operation, and what it is sent so that it gets as far as the fault.

my $id = '00000000-0000-4000-8000-000000000000';
my @operations;
for my $path (sort keys %{ $document->{paths} }) {
    my $item = $document->{paths}{$path};

    for my $method (grep { $item->{$_} } qw(get post put patch delete)) {
        my $op = $item->{$method};
        my @parameters = map { $_->{'$ref'} ? $document->{components}{parameters}{ $_->{'$ref'} =~ s{.*/}{}r } : $_ }
                         @{ $item->{parameters} // [] }, @{ $op->{parameters} // [] };
        my ($token) = grep { exists $_->{bearer} } @{ $op->{security} };

        push @operations, {
            name   => $op->{operationId},
            method => uc $method,
            target => $path =~ s/\{[^}]+\}/$id/gr,
            told   => $op->{responses},
            body   => !!$op->{requestBody},
            public => !$token,
            open   => 0 < grep({ !%$_ } @{ $op->{security} }),
            headers => { map { $_->{name} => '"1"' } grep { $_->{in} eq 'header' } @parameters },
            token  => token(sub => 'an', scope => join ' ', @{ $token ? $token->{bearer} : [] }),
        };
    }
}
cmp_ok(scalar @operations, '>', 40, 'operations: ' . @operations);

# One request of an operation's; what is wrong with it wins over what is right.
sub ask {
    my ($gateway, $op, %arg) = @_;

    return $gateway->request($op->{method}, $op->{target} . ($arg{query} // ''),
        (exists $arg{token} ? (token => $arg{token}) : $op->{public} ? () : (token => $op->{token})),
        ($op->{body} ? (body => $arg{body} // '{}') : ()),
        headers => { %{ $op->{headers} }, 'Content-Type' => 'application/json', %{ $arg{headers} // {} } });
}

# Where the answer has this status the operation tells it, and where it does not it
# does not: a list of those for which that is not so.
sub breaks {
    my ($gateway, $status, %arg) = @_;
    my $where = delete $arg{where} // sub { 1 };

    return join ', ', map { $_->{name} } grep {
        my $got = ask($gateway, $_, %arg)->{status};
        ($got == $status) != !!$_->{told}{$status};
    } grep { $where->($_) } @operations;
}

is(breaks($gw, 400, query => '?nobody-declared-this=1'), '', '400: not as the contract says');
is(breaks($gw, 401, token => 'no.token.at-all'), '', '401: a token that is none');
is(breaks($gw, 401, token => undef, where => sub { !$_[0]{open} }), '', '401: no token');
is(breaks($gw, 406, headers => { Accept => 'text/nothing' }), '', '406: nothing that is accepted');
is(breaks($gw, 413, body => 'x' x 2000), '', '413: too large a body');
is(breaks($gw, 415, headers => { 'Content-Type' => 'text/plain' }), '', '415: a body of another type');
is(breaks($gw, 428, token => token(sub => 'binh', scope => 'probe.fail'),
          headers => { 'If-Match' => undef, 'Idempotency-Key' => 'a' }), '', '428: no If-Match');
is(breaks($gw, 403, token => token(sub => 'an', assurance => undef),
          where => sub { $_[0]{told}{403} }), '', '403: an account that is not verified, no scope');
is_deeply([map { $_->{name} } grep { !$_->{told}{404} != ($_->{target} !~ /$id/) } @operations], [],
          '404 is told of what a path leads to');

my ($workflow) = grep { $_->{name} eq 'workflow_get' } @operations;
is(ask($gw, $workflow, headers => { 'If-Match' => '"other"' })->{status}, 412, 'the tag of an answer is compared');
is(join(' ', map { $_->{name} } grep { $_->{method} eq 'GET' && !$_->{told}{412} } @operations), 'probe_parts',
   '412 is told of all reads but those in parts');
is(ask($gw, $workflow, headers => { 'If-None-Match' => '*' })->{status}, 304, '... also whether it is known');
is_deeply([grep { !$_->{told}{304} != !($_->{method} eq 'GET' && $_->{told}{412}) } @operations], [],
          '304 likewise: "default" would promise a document');

# The key: of one POST, and told of each that has one.
my %file = (token => token(sub => 'an'), key => 'one',
            json => { category => 'waste', text => 'Rác', address => 'Số 1', commune => '00070' });
is($gw->post('/v1/feedback', %file)->{status}, 201, 'a POST');
is($gw->post('/v1/feedback', %file, json => { %{ $file{json} }, text => 'Khác' })->{status}, 422,
   'its key with another body');
is_deeply([map { $_->{name} } grep { !$_->{told}{409} != ($_->{method} ne 'POST')
                                     || !$_->{told}{422} != ($_->{method} ne 'POST') } @operations], [],
          '409 and 422 are told of each POST');

# What stands by no status is "default", of the service and of its failure.
for my $row (['late', 409, 'probe-late'], ['full', 429, 'too-many-requests'], ['none', 404, 'not-found'],
             ['fails', 500, 'plugin-failed']) {
    my ($name, $status, $code) = @$row;
    my ($op) = grep { $_->{name} eq "probe_$name" } @operations;
    my $r = ask($gw, $op);

    is("$r->{status} $r->{json}{type}", "$status urn:ihanoi:problem:$code", "$code of a handler");
    ok($op->{told}{$status} // $op->{told}{default}, 'is told');
}

# Everything can be too much, or away.
my $busy = gateway(db => $db, contract => \@files, http => $http . 'limit_req_zone $server_name zone=z:1m rate=1r/m; '
                   . 'limit_req_status 429;', locations => sprintf $locations, 'limit_req zone=z;');
$busy->get('/v1/workflow');
is(breaks($busy, 429, where => sub { $_[0]{public} }), '', '429: too many requests');

is_deeply([grep { my $told = $_; grep { !$told->{told}{$_} } qw(429 503 default) } @operations], [],
          'all are told of 429, 503 and what else there is');

# The shared answers are problem documents; what was answered here was one.
my $all = $document->{components}{responses};
is(join(' ', sort keys %{ $all->{NotModified} }), 'description headers', '304 has no content');

# What is in their heads stands there; and Retry-After, which any of a service may have.
my @heads = qw(Accept Accept-Encoding Content-Language ETag WWW-Authenticate);
my $etag = $gw->get('/v1/workflow')->{headers}{etag};
my %body = (token => token(sub => 'an'), key => 'body', body => '{}');
my %refused = (
    NotModified     => [$gw->get('/v1/workflow', headers => { 'If-None-Match' => $etag })],
    BadRequest      => [$gw->get('/v1/units?limit=x')],
    Unauthorized    => [$gw->get('/v1/me', token => 'x')],
    Forbidden       => [$gw->get('/v1/probe/fails', token => token(sub => 'a'))],
    TooManyRequests => [$busy->get('/v1/workflow')],
    UnsupportedMediaType => [
        $gw->post('/v1/feedback', %body, headers => { 'Content-Type' => 'text/plain' }),
        $gw->post('/v1/feedback', %body, headers => { 'Content-Type' => 'application/json',
                                                      'Content-Encoding' => 'gzip' })],
);
for my $name (sort keys %refused) {
    my @answers = @{ $refused{$name} };
    is(join(' ', grep { my $head = lc; grep { defined $_->{headers}{$head} } @answers } @heads),
       join(' ', grep { $_ ne 'Retry-After' } sort keys %{ $all->{$name}{headers} }),
       "$name: $answers[0]{status} tells of its headers");
}
is($gw->get('/v1/probe/shut')->{headers}{'retry-after'}, 9, 'one by another status is for later');
is(join(' ', grep { !/\./ && !$all->{$_}{headers}{'Retry-After'} } sort keys %$all), 'NotModified',
   'all but 304 tell that');
is_deeply([grep { !/\.|^NotModified$/ && $all->{$_}{content}{'application/problem+json'}{schema}{'$ref'} ne '#/components/schemas/Problem' }
           sort keys %$all], [], 'the answers are problem documents');
my $r = $gw->get('/v1/probe/late');
is("$r->{json}{retry_after} $r->{headers}{'retry-after'} $r->{json}{left}", '7 7 2 places',
   'with the members of the service');
is(join("\n", $gw->breaches), '', 'and every answer was as the document says');

done_testing();
