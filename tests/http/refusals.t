#!/usr/bin/perl
# Every refusal over HTTP: for each problem that conf/api declares a request that
# gets it, in Vietnamese and in English; and the engine's own that nginx makes.

use FindBin;
use lib "$FindBin::Bin/../lib";
use utf8;
use IHanoi::Test;
use IHanoi::Test::Contract;
use IHanoi::Test::Engine qw(problem_is);

my $db = database();
my $issuer = $IHanoi::Test::ISSUER;
my %problem = map { %{ $_->{'x-ihanoi-problems'} // {} } }
              values %{ IHanoi::Test::Contract->new->{documents} };


# What SQL says is declared, and what is declared SQL says.

my %raised = map { $_ => 1 }
             map { text_of($_) =~ s/--.*//gr =~ /(?:\b(?:refuse|refuse_now|refusal)\(\s*|\bcode := )'([a-z-]+)'/g }
             glob "'${\ tree()}'/sql/code/*/*.sql";
my %engine = map { $_ => 1 } text_of('ngx_ihanoi_module/ngx_http_ihanoi_problem_document.c')
                             =~ /(?:PROBLEM\(|\{ ngx_string\()"([a-z-]+)"/g;

is_deeply([grep { !$engine{$_} } sort keys %raised], [sort keys %problem],
          'the codes that SQL raises are those of the contracts, or the engine\'s');


# Hoàn Kiếm with all its officers, Ba Đình with one, An who reports.

my %officer = (
    desk   => ['00070', qw(receive assign process)],
    second => ['00070', qw(receive)],
    worker => ['00070', qw(process resolve)],
    boss   => ['00070', qw(approve)],
    admin  => ['00070', qw(administer)],
    other  => ['00004', qw(receive)],
);
for my $name (sort keys %officer) {
    my ($unit, @roles) = @{ $officer{$name} };
    $db->sql("select officer_bootstrap('$issuer', '$name', '$unit', '$_')") for @roles;
}
$db->sql("insert into feedback.approvals (unit, category)
          select id, 'waste' from core.units where code = '00070'");

my %id = (
    (map { $_ => scalar $db->sql("select id from core.people where subject = '$_'") }
     sort keys %officer),
    (map { $_ => scalar $db->sql("select id from core.units where code = '$_'") } qw(00070 00004)),
);
my $notice = $db->sql('select privacy_notice_now()');

my $gw = gateway(db => $db);
my ($n, %etag, %shown) = (0);

sub send_it {
    my ($who, $method, $target, %arg) = @_;

    $arg{token} = token(sub => $who) if $who ne 'nobody';
    $arg{key} = 'key-' . ++$n if $method eq 'POST';
    return $gw->request($method, $target, %arg);
}

# A case of An's, led on by "who action" or [who, action, body].
my %body = (
    accept   => { severity => 'normal' },
    assign   => { assignee => $id{worker} },
    reject   => { reason_code => 'unclear', reason => 'Chưa rõ' },
    appeal   => { reason => 'Đã rõ' },
    transfer => { unit => '00004', reason_code => 'wrong_place', reason => 'Sai địa bàn' },
    resolve  => { answer => 'Đã vá', evidence => [{ text => 'Ảnh', link => 'https://kho.example/1' }] },
    rating   => { score => 4 },
    approve  => { decision => 'approve' },
    extend   => { due_at => '2199-01-01T00:00:00Z', reason => 'Chờ vật tư' },
);

sub act {
    my ($case, $who, $action, $body, %headers) = @_;
    my $json = $body // $body{$action};

    return send_it($who, 'POST', "/v1/feedback/$case/$action", (defined $json ? (json => $json) : ()),
                   headers => { 'If-Match' => $etag{$case}, %headers });
}

sub filed {
    my ($category, @steps) = @_;
    my $r = send_it('an', 'POST', '/v1/feedback', json => {
        category => $category, lat => 21.032, long => 105.8504, text => 'Ổ gà sâu' });
    my $case = $r->{json}{id};
    $etag{$case} = $r->{headers}{etag};

    for my $step (@steps) {
        $r = act($case, ref $step ? @$step : split / /, $step);
        $r->{status} == 200 or die "$case: $step: $r->{status} $r->{content}\n";
        $etag{$case} = $r->{headers}{etag};
    }
    return $case;
}

# One row: the same request in both languages; a refusal has done nothing.
sub row {
    my ($code, $name, $ask) = @_;
    my $declared = $problem{$code};

    for my $language (qw(vi en)) {
        my $r = $ask->('Accept-Language' => $language);
        my $said = $r->{json} // {};

        problem_is($r, $declared->{status}, $code, "$code: $name ($language)");

        # A member that the refusal does not have would leave a hole in the text.
        my $detail = $declared->{detail}{$language};
        $detail =~ s/\{(\w+)\}/$said->{$1} \/\/ "{$1}"/ge if defined $detail;
        $detail =~ s{\b(\d{4})-(\d\d)-(\d\d)\b}{$3/$2/$1}g if defined $detail && $language eq 'vi';
        is_deeply([@$said{qw(title detail)}], [$declared->{title}{$language}, $detail],
                  'in its words');
    }

    $shown{$code} = 1;
    return;
}

sub row_of_case {
    my ($code, $name, @act) = @_;
    row($code, $name, sub { act(@act[0 .. 3], @_) });
}

sub row_of {
    my ($code, $name, $who, $method, $target, $json) = @_;
    row($code, $name, sub { send_it($who, $method, $target, ($json ? (json => $json) : ()),
                                    headers => { @_ }) });
}


# core.json

row_of('areas-unknown', 'a day without areas', 'nobody', 'GET',
       '/v1/areas/locate?lat=21.03&long=105.85&at=2024-01-01');
row_of('outside-city', 'a point in the south', 'nobody', 'GET', '/v1/areas/locate?lat=10.77&long=106.7');
row_of('consent-required', 'personal data without consent', 'an', 'PATCH', '/v1/me', { full_name => 'Thử' });
row_of('unknown-notice', 'consent to an old notice', 'an', 'POST', '/v1/me/consents',
       { notice => 'old', given => \1 });

send_it('binh', 'POST', '/v1/me/consents', json => { notice => $notice, given => \1 });
row_of('unknown-commune', 'an address', 'binh', 'PATCH', '/v1/me', { commune => '99999' });
row_of('unknown-commune', 'a report', 'an', 'POST', '/v1/feedback',
       { category => 'waste', text => 'Rác', address => 'Số 1', commune => '99999' });

my ($officers, $roster) = map { "/v1/units/$id{'00070'}/$_" } qw(officers roster);
row_of('not-permitted', 'who is no administrator', 'an', 'POST', $officers,
       { subject => 'an', role => 'receive' });
row_of('dates-invalid', 'rights for days that are over', 'admin', 'POST', $officers,
       { subject => 'an', role => 'receive', valid_from => '2020-01-01' });
row_of('dates-invalid', 'a roster of such', 'admin', 'PUT', $roster,
       { officers => [{ subject => 'an', roles => [qw(receive process resolve)], valid_to => '2020-01-01' }] });
row_of('roster-incomplete', 'a roster without an officer who resolves', 'admin', 'PUT', $roster,
       { officers => [{ subject => 'an', roles => [qw(receive process)] }] });

my $grant = send_it('admin', 'POST', $officers, json => { subject => 'chi', role => 'receive' })->{json}{id};
row_of('grant-exists', 'a role twice', 'admin', 'POST', $officers, { subject => 'chi', role => 'receive' });
row_of('substitute-invalid', 'a substitute without a last day', 'admin', 'POST', $officers,
       { subject => 'dung', role => 'receive', substitute_for => $grant });
send_it('admin', 'POST', "$officers/$grant/revoke", json => { reason => 'moved' });
row_of('grant-ended', 'a role taken back twice', 'admin', 'POST', "$officers/$grant/revoke",
       { reason => 'moved' });


# feedback.json

my $new = filed('road_damage');
my %report = (category => 'road_damage', text => 'Ổ gà', lat => 21.032, long => 105.8504);

row_of('unknown-category', 'a report', 'an', 'POST', '/v1/feedback', { %report, category => 'nothing' });
row_of('text-missing', 'a report', 'an', 'POST', '/v1/feedback', { %report, text => '   ' });
row_of('place-missing', 'a report', 'an', 'POST', '/v1/feedback',
       { category => 'waste', text => 'Rác', address => '   ', commune => '00070' });
row_of('not-an-officer', 'a desk', 'an', 'GET', '/v1/desk/queue');
row_of('invalid-box', 'its sides the wrong way round', 'nobody', 'GET', '/v1/feedback?bbox=2,2,1,1');
row_of('invalid-cursor', $_->[1], $_->[0], 'GET', "$_->[1]cursor=" . 'A' x 44)
    for ['nobody', '/v1/feedback?'], ['nobody', "/v1/feedback/$new/history?"],
        ['an', '/v1/me/feedback?'], ['desk', '/v1/desk/queue?'];

row_of_case('illegal-transition', 'confirming what is not resolved', $new, 'an', 'confirm');
row_of_case('unknown-reason', 'a rejection', $new, 'desk', 'reject', { reason_code => 'nonsense', reason => 'x' });

my $accepted = filed('road_damage', 'desk accept');
row_of_case('unknown-unit', 'a transfer', $accepted, 'desk', 'transfer', { %{ $body{transfer} }, unit => 'XX' });
row_of_case('same-unit', 'a transfer', $accepted, 'desk', 'transfer', { %{ $body{transfer} }, unit => '00070' });
row_of_case('assignee-not-eligible', 'who does not process', $accepted, 'desk', 'assign',
            { assignee => $id{boss} });
row_of_case('date-passed', 'a deadline for ever', $accepted, 'boss', 'extend');

my $passed = filed('road_damage', 'desk accept', 'desk transfer');
row_of_case('bounce-goes-back', 'passed on unaccepted', $passed, 'other', 'transfer',
            { %{ $body{transfer} }, unit => 'SXD' });
my $returned = filed('road_damage', 'desk accept', 'desk transfer',
                     ['other', 'transfer', { %{ $body{transfer} }, unit => '00070' }]);
row_of_case('common-ancestor-decides', 'sent there again', $returned, 'desk', 'transfer');

my $assigned = filed('road_damage', 'desk accept', 'desk assign');
row_of_case('date-passed', 'work in the past', $assigned, 'worker', 'schedule', { planned_on => '2020-01-01' });

my @work = ('desk accept', 'desk assign', 'worker start');
my $begun = filed('waste', @work);
row_of_case('nothing-to-approve', 'before there is a result', $begun, 'boss', 'approve');
row_of_case('evidence-missing', 'a result', filed('road_damage', @work), 'worker', 'resolve',
            { answer => 'Xong', evidence => [] });
my $waiting = filed('waste', @work, 'worker resolve');
row_of_case('awaiting-approval', 'a result that waits', $waiting, 'worker', 'resolve');

my $resolved = filed('road_damage', @work, 'worker resolve');
my $rated = filed('road_damage', @work, 'worker resolve', 'an rating', 'an rating');
row_of_case('rating-final', 'a third rating', $rated, 'an', 'rating');

my $appealed = filed('road_damage', 'desk reject', 'an appeal');
row_of_case('second-person-required', 'who refused decides again', $appealed, 'desk', 'accept');
my $refused = filed('road_damage', 'desk reject', 'an appeal', 'second reject');
row_of_case('appeal-used', 'a second appeal', $refused, 'an', 'appeal');

# Windows that are over, limits that are used up.
my $rejected = filed('road_damage', 'desk reject');
$db->sql("update core.settings set value = '0' where name in ('feedback.appeal_days', "
         . "'feedback.rating_days', 'feedback.reopen_days', 'feedback.extensions')");
row_of_case('window-over', 'an appeal', $rejected, 'an', 'appeal');
row_of_case('window-over', 'a rating', $resolved, 'an', 'rating');
row_of_case('window-over', 'reopening', $resolved, 'an', 'reopen', { reason => 'Chưa xong' });
row_of_case('extensions-used', 'one more', $accepted, 'boss', 'extend');

# A unit that is dissolved tomorrow, and then was yesterday.
my $tomorrow = $db->sql('select core.today() + 1');
$db->sql("update core.units set valid_to = core.today() where code = '00070'");
row_of('unit-not-valid', 'rights in a unit that will not stand', 'admin', 'POST', $officers,
       { subject => 'em', role => 'receive', valid_from => $tomorrow });
$db->sql("update core.units set valid_to = core.today() - 1 where code = '00070'");
row_of('unit-not-valid', 'the roster of one that stands no more', 'admin', 'PUT', $roster,
       { officers => [{ subject => 'an', roles => [qw(receive process resolve)] }] });

is_deeply([grep { !$shown{$_} } sort keys %problem], [], 'no declared code is without its row');
unlike($gw->error_log, qr/SQLSTATE/, 'none of it was an error in SQL');


# nginx's own errors, where problems are on.

my $silent = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die "no port: $!\n";
my $plain = gateway(
    h2     => 1,
    http   => 'limit_req_zone $server_name zone=one:1m rate=1r/m; limit_req_status 429;',
    server => 'ihanoi_problems on; client_max_body_size 10; large_client_header_buffers 4 1k;',
    locations => 'location / { empty_gif; } '
               . 'location /limited { limit_req zone=one; empty_gif; } '
               . 'location /down { proxy_pass http://127.0.0.1:1; } '
               . 'location /silent { proxy_pass http://127.0.0.1:' . $silent->sockport . '; '
               . 'proxy_read_timeout 100ms; } '
               . join '', map { "location = /$_ { return $_; } " }
                 401, 403, 404, 405, 406, 409, 411, 412, 415, 416, 418, 421, 500, 503, 507, 508,
);
my $crlf = "\r\n";
my $get = "GET / HTTP/1.1${crlf}Host: x$crlf";

for my $row (
    ['413', 'content-too-large', "PUT / HTTP/1.1${crlf}Host: x${crlf}Content-Length: 11$crlf$crlf"],
    ['502', 'bad-gateway', "GET /down HTTP/1.1${crlf}Host: x$crlf$crlf"],
    ['504', 'gateway-timeout', "GET /silent HTTP/1.1${crlf}Host: x$crlf$crlf"],
    (map { [$_->[0], $_->[1], "GET /$_->[0] HTTP/1.1${crlf}Host: x$crlf$crlf"] }
     ['401', 'unauthorized'], ['403', 'forbidden'], ['404', 'not-found'], ['405', 'method-not-allowed'],
     ['406', 'not-acceptable'], ['409', 'conflict'], ['411', 'length-required'],
     ['412', 'precondition-failed'], ['415', 'unsupported-media-type'],
     ['416', 'range-not-satisfiable'], ['418', 'bad-request'], ['421', 'misdirected-request'],
     ['500', 'internal-error'], ['503', 'unavailable'], ['507', 'insufficient-storage'],
     ['508', 'internal-error']),
) {
    my ($status, $code, $bytes) = @$row;
    problem_is($plain->raw($bytes), $status, $code, "nginx's own $status");
}
$plain->get('/limited');
problem_is($plain->get('/limited'), 429, 'too-many-requests', "nginx's own 429");

# nginx 1.26 reads a path after CONNECT, nginx 1.30 a host and a port.
my ($connect) = grep { $plain->raw("CONNECT $_ HTTP/1.1${crlf}Host: x$crlf$crlf")->{status} == 405 }
                '/', 'x:1';

# Those that it makes before there is a location, or headers, or even a request.
for my $row (
    ['400', 'bad-request', 'a Host with a space', "GET / HTTP/1.1${crlf}Host: a b$crlf$crlf"],
    ['400', 'bad-request', 'no Host', "GET / HTTP/1.1$crlf$crlf"],
    ['400', 'bad-request', 'two tokens', $get . "Authorization: Bearer a$crlf" x 2 . $crlf],
    ['400', 'bad-request', 'a zero in the path', "GET /a%00b HTTP/1.1${crlf}Host: x$crlf$crlf"],
    ['400', 'bad-request', 'a path out of the root', "GET /../a HTTP/1.1${crlf}Host: x$crlf$crlf"],
    ['400', 'bad-request', 'a method of no letters', "G{T / HTTP/1.1${crlf}Host: x$crlf$crlf"],
    ['400', 'bad-request', 'bytes of TLS', "\x16\x03\x01\x02\x00\x01\x00\x01"],
    ['400', 'bad-request', 'a length of no digits', $get . "Content-Length: a$crlf$crlf"],
    ['400', 'bad-request', 'two ways to say the length',
     $get . "Content-Length: 1${crlf}Transfer-Encoding: chunked$crlf$crlf"],
    ['400', 'bad-request', 'a header that is too long', $get . 'A: ' . 'x' x 2000 . "$crlf$crlf"],
    ['400', 'bad-request', 'headers that are too many', $get . ('A: ' . 'x' x 900 . $crlf) x 6 . $crlf],
    ['405', 'method-not-allowed', 'TRACE', "TRACE / HTTP/1.1${crlf}Host: x$crlf$crlf"],
    ['405', 'method-not-allowed', 'CONNECT', "CONNECT $connect HTTP/1.1${crlf}Host: x$crlf$crlf"],
    ['414', 'uri-too-long', 'a target that is too long',
     'GET /' . 'x' x 2000 . " HTTP/1.1${crlf}Host: x$crlf$crlf"],
    ['501', 'not-implemented', 'an unknown transfer coding',
     "POST / HTTP/1.1${crlf}Host: x${crlf}Transfer-Encoding: gzip$crlf$crlf"],
    ['505', 'http-version-not-supported', 'a version to come', "GET / HTTP/4.0${crlf}Host: x$crlf$crlf"],
) {
    my ($status, $code, $what, $bytes) = @$row;
    my $r = $plain->raw($bytes);

    problem_is($r, $status, $code, "$what is $status");
    is($r->{headers}{connection}, 'close', 'and what follows is not read')
        if $code ne 'method-not-allowed';
}

for my $row (
    ['400', 'bad-request', 'two tokens', '/', Authorization => ['Bearer a', 'Bearer b']],
    ['400', 'bad-request', 'a zero in the path', '/a%00b'],
    ['405', 'method-not-allowed', 'TRACE', '/', -method => 'TRACE'],
) {
    my ($status, $code, $what, $target, %headers) = @$row;
    my $method = delete $headers{-method} // 'GET';

    problem_is($plain->h2($method, $target, headers => \%headers), $status, $code,
               "HTTP/2: $what is $status");
}

# HTTP/0.9 has no headers: the document is all there is.
{
    my $client = $plain->connection->connect;

    $client->send("GET /a%00b$crlf");
    1 while $client->_fill(time + 10);
    like($client->{buffer}, qr/\A\{"type":"urn:ihanoi:problem:bad-request",/, 'HTTP/0.9 too');
}

done_testing();
