# The main job, end to end: a citizen's report goes in with a token and comes
# back resolved. Every answer is held against the contract by the harness.

use FindBin;
use lib "$FindBin::Bin/../lib";
use utf8;
use IHanoi::Test;
use IHanoi::Test::Engine qw(problem_is);

my $db = database();
my $issuer = $IHanoi::Test::ISSUER;

# Officers of Hoàn Kiếm and of Ba Đình, an approver, oversight.
my %officer = (
    desk   => [ '00070', qw(receive assign process) ],
    worker => [ '00070', qw(process resolve) ],
    boss   => [ '00070', qw(approve) ],
    other  => [ '00004', qw(receive assign process resolve) ],
    watch  => [ 'HN', qw(oversee) ],
);
for my $name (sort keys %officer) {
    my ($unit, @roles) = @{ $officer{$name} };
    $db->sql("select officer_bootstrap('$issuer', '$name', '$unit', '$_')")
        for @roles;
}

my $gw = gateway(db => $db);
my %token = map { $_ => token(sub => $_) } qw(an binh), sort keys %officer;
my %id = map { $_ => scalar $db->sql(
    "select id from core.people where subject = '$_'") } sort keys %officer;
my $n = 0;

# An action on a case, with a key of its own and the tag last seen.
my (%etag, $r);
sub act {
    my ($who, $case, $action, $json, %arg) = @_;
    my $r = $gw->post("/v1/feedback/$case/$action", token => $token{$who},
        key => 'key-' . ++$n, (defined $json ? (json => $json) : ()),
        headers => { 'If-Match' => "\"$etag{$case}\"" }, %arg);

    ($etag{$case}) = $r->{headers}{etag} =~ /^"(.+)"$/ if $r->{status} == 200;
    return $r;
}

sub file {
    my ($who, %more) = @_;
    my $r = $gw->post('/v1/feedback', token => $token{$who},
        key => 'key-' . ++$n,
        json => { category => 'road_damage', lat => 21.032, long => 105.8504,
                  text => 'Ổ gà sâu trước cổng chợ, gọi 0912345678', %more });

    $etag{ $r->{json}{id} } = 1 if $r->{status} == 201;
    return $r;
}


# the main job

$r = file('an', address => 'Số 12 phố Hàng Bạc');
is($r->{status}, 201, 'a citizen files a report');
my $case = $r->{json}{id};
is($r->{headers}{location}, "/v1/me/feedback/$case", 'and is told where it is');
is($r->{json}{commune}{code}, '00070', 'the place decides on the commune');
is($r->{json}{unit}{name}{vi}, 'Phường Hoàn Kiếm', 'and the unit');
is($gw->get($r->{headers}{location}, token => $token{an})->{json}{text},
   'Ổ gà sâu trước cổng chợ, gọi 0912345678', 'the reporter reads the own words');
is($gw->get("/v1/feedback/$case")->{json}{text}, undef,
   'the public does not yet');

$r = $gw->get('/v1/desk/queue', token => $token{desk});
is($r->{json}{items}[0]{id}, $case, 'it is on the desk of the unit');
$r = $gw->get("/v1/desk/feedback/$case", token => $token{desk});
like($r->{headers}{etag}, qr/^"1-/, 'with the tag that a write needs');
($etag{$case}) = $r->{headers}{etag} =~ /^"(.+)"$/;

is(act('desk', $case, 'accept', { severity => 'urgent' })->{json}{state},
   'accepted', 'an officer accepts it');
is($gw->get("/v1/feedback/$case")->{json}{text},
   'Ổ gà sâu trước cổng chợ, gọi [số điện thoại]', 'which publishes it, masked');

is(act('desk', $case, 'ask', { question => 'Làn nào?' })->{json}{state},
   'needs_info', 'asks the citizen');
is($gw->get("/v1/me/feedback/$case", token => $token{an})->{json}{messages}[0]{text},
   'Làn nào?', 'who reads the question');
is(act('an', $case, 'info', { text => 'Làn xe máy' })->{json}{state},
   'accepted', 'and answers');
is(act('desk', $case, 'assign', { assignee => $id{worker} })->{json}{state},
   'assigned', 'it is assigned');
is(act('worker', $case, 'start')->{json}{state}, 'in_progress', 'and begun');
is(act('worker', $case, 'resolve', { answer => 'Đã vá mặt đường', evidence =>
       [{ text => 'Ảnh sau khi vá', link => 'https://kho.example/anh/1' }] })->{json}{state},
   'resolved', 'the officer answers, with evidence');

$r = $gw->get("/v1/feedback/$case");
is($r->{json}{answer}, 'Đã vá mặt đường', 'which everybody reads');
is($r->{json}{evidence}[0]{link}, 'https://kho.example/anh/1', 'evidence too');
is(act('an', $case, 'confirm')->{json}{state}, 'closed', 'the citizen confirms');
$r = act('an', $case, 'rating', { score => 5, comment => 'Nhanh' });
is($r->{json}{rating}{score}, 5, 'and rates');

$r = $gw->get("/v1/feedback/$case/history");
is(join(' ', map { $_->{action} } @{ $r->{json}{items} }),
   'create accept ask info assign start resolve confirm rating',
   'the history tells all of it');
is($gw->get('/v1/me/feedback', token => $token{an})->{json}{items}[0]{state},
   'closed', 'the citizen has it in the own list');
is($gw->get('/v1/feedback?q=o%20ga')->{json}{items}[0]{id}, $case,
   'search finds it without diacritics');

$r = $gw->get("/v1/feedback/$case");
my $tag = $r->{headers}{etag};
is($gw->get("/v1/feedback/$case", headers => { 'If-None-Match' => $tag })->{status},
   304, 'a reader who has it is not sent it again');


# the other ways

$case = file('an')->{json}{id};
problem_is(act('desk', $case, 'reject', { reason_code => 'nonsense', reason => 'x' }),
           422, 'unknown-reason', 'a refusal without a known reason');
is(act('desk', $case, 'reject', { reason_code => 'unclear', reason => 'Chưa rõ vị trí' })->{json}{state},
   'rejected', 'a case is rejected');
is($gw->get("/v1/feedback/$case")->{json}{reason}, 'Chưa rõ vị trí', 'with words');
is(act('an', $case, 'appeal', { reason => 'Đã nêu rõ' })->{json}{state},
   'submitted', 'the citizen appeals');
problem_is(act('desk', $case, 'accept', { severity => 'normal' }),
           403, 'second-person-required', 'the same officer deciding again');

$case = file('an')->{json}{id};
act('desk', $case, 'accept', { severity => 'normal' });
is(act('desk', $case, 'transfer', { unit => '00004', reason_code => 'wrong_place',
       reason => 'Bên Ba Đình' })->{json}{unit}{code}, '00004', 'a case is transferred');
problem_is(act('desk', $case, 'accept', { severity => 'normal' }),
           403, 'not-permitted', 'the old unit acting on it');
is(act('other', $case, 'transfer', { unit => '00070', reason_code => 'wrong_place',
       reason => 'Không phải' })->{json}{bounces}, 1, 'it is sent back once');
problem_is(act('desk', $case, 'transfer', { unit => '00004', reason_code => 'wrong_place',
               reason => 'x' }), 409, 'common-ancestor-decides', 'and forth again');
is(act('desk', $case, 'not-competent', { reason_code => 'central_body', reason => 'Việc của Bộ',
       competent_body => 'Bộ Xây dựng' })->{json}{state}, 'not_competent', 'not competent');

$case = file('an')->{json}{id};
is(act('an', $case, 'withdraw', {})->{json}{state}, 'withdrawn', 'a report is withdrawn');
problem_is($gw->get("/v1/feedback/$case"), 404, 'not-found', 'and not there any more');

$case = file('an')->{json}{id};
act('desk', $case, 'accept', { severity => 'normal' });
act('desk', $case, 'assign', { assignee => $id{worker} });
is(act('worker', $case, 'schedule', { planned_on => '2199-01-01' })->{json}{state},
   'scheduled', 'work is planned');
act('worker', $case, 'start');
problem_is(act('worker', $case, 'resolve', { answer => 'Xong', evidence => [] }),
           422, 'evidence-missing', 'a result without evidence');
problem_is(act('worker', $case, 'resolve', { answer => 'Xong', evidence => [{ text => 'Ảnh' }] }),
           400, 'invalid-request', 'evidence without a document');
my $link = 'https://kho.example/anh/1';
$db->sql("insert into feedback.approvals (unit) select id from core.units where code = '00070'");
$r = act('worker', $case, 'resolve', { answer => 'Xong',
    evidence => [{ text => 'Ảnh', link => $link }] });
ok($r->{json}{awaiting_approval}, 'a result waits for its approver');
is($gw->get("/v1/feedback/$case")->{json}{answer}, undef, 'unread');
problem_is(act('boss', $case, 'approve', { decision => 'maybe' }), 400, 'invalid-request',
           'a decision that is none');
is(act('boss', $case, 'approve', { decision => 'return', reason => 'Ảnh mờ' })->{json}{state},
   'in_progress', 'it is sent back');
act('worker', $case, 'resolve', { answer => 'Xong',
    evidence => [{ text => 'Ảnh rõ', link => $link }] });
is(act('boss', $case, 'approve', { decision => 'approve' })->{json}{state}, 'resolved',
   'and approved');
is(act('watch', $case, 'reopen', { reason => 'Kiểm tra lại' })->{json}{state}, 'reopened',
   'oversight reopens');
is(act('desk', $case, 'change', { severity => 'complex', reason => 'Phức tạp' })->{json}{severity},
   'complex', 'a severity is corrected');
is(act('boss', $case, 'extend', { due_at => '2199-01-01T00:00:00Z', reason => 'x' })->{status}, 422,
   'a deadline is not extended for ever');


# who may not, and what is wrong

problem_is($gw->post('/v1/feedback', key => 'k', json => {}), 401, 'token-missing', 'no token');
problem_is(file('an', lat => 10.78, long => 106.7), 400, 'outside-city', 'outside the city');
is($gw->get('/v1/areas/locate?lat=21.032067800000004&long=105.85041229999999')->{json}{code},
   '00070', 'a point with all the digits that a browser sends');

# JSONEncoder and JSONSerialization up to iOS 16 write each double with 17 digits.
is($gw->get('/v1/areas/locate?lat=21.032067800000001&long=105.85041200000001')->{json}{code},
   '00070', 'or with more than its doubles have');
$r = $gw->post('/v1/feedback', token => $token{an}, key => 'digits',
    headers => { 'Content-Type' => 'application/json' },
    body => '{"category":"road_damage","lat":21.032499999999999,"long":105.85039999999999,"text":"a"}');
is($r->{status}, 201, 'a report from there is filed') or diag $r->{content};
is($db->sql("select count(*) from feedback.cases where lat = 21.0325 and long = 105.8504"), 1,
   'with the doubles that were meant');
problem_is(file('an', category => 'nothing'), 422, 'unknown-category', 'an unknown category');
problem_is(file('an', text => '   '), 422, 'text-missing', 'a blank text');
problem_is(file('an', lat => 91), 400, 'invalid-request', 'a latitude that is none');
problem_is($gw->post('/v1/feedback', token => $token{an}, key => 'k2', json =>
               { category => 'waste', text => 'x', address => 'Số 1' }),
           400, 'invalid-request', 'an address without a commune');
is($gw->post('/v1/feedback', token => $token{an}, key => 'k3', json =>
       { category => 'waste', text => 'Rác', address => 'Số 1 Đội Cấn', commune => '00004' })
   ->{json}{unit}{code}, '00004', 'with one it is routed');

$case = file('an')->{json}{id};
problem_is($gw->post("/v1/feedback/$case/accept", token => $token{desk}, key => 'k4',
               json => { severity => 'normal' }), 428, 'precondition-required',
           'an officer\'s write without If-Match');
problem_is($gw->post("/v1/feedback/$case/accept", token => $token{desk}, key => 'k5',
               json => { severity => 'normal' }, headers => { 'If-Match' => '"9"' }),
           412, 'precondition-failed', 'with another version');
problem_is(act('an', $case, 'accept', { severity => 'normal' }), 403, 'not-permitted',
           'a citizen accepting');
problem_is(act('binh', $case, 'withdraw', {}), 404, 'not-found', 'somebody else withdrawing');
problem_is(act('desk', $case, 'start'), 403, 'not-permitted', 'starting what is not assigned');
problem_is($r = act('an', $case, 'confirm'), 409, 'illegal-transition', 'confirming what is not resolved');
is("$r->{json}{state} $r->{json}{action}", 'submitted confirm', 'with the codes for programs');
unlike($r->{json}{detail}, qr/submitted|confirm/, '... which people do not read');
problem_is($gw->get("/v1/me/feedback/$case", token => $token{binh}), 404, 'not-found',
           'somebody else\'s case');
problem_is($gw->get("/v1/desk/feedback/$case", token => $token{other}), 404, 'not-found',
           'another unit\'s case');
problem_is($gw->get('/v1/desk/queue', token => $token{an}), 403, 'not-an-officer', 'a citizen\'s desk');
problem_is($gw->get('/v1/feedback/00000000-0000-0000-0000-000000000000'), 404, 'not-found', 'no such case');

$r = $gw->post('/v1/feedback', token => $token{an}, key => 'same',
    json => { category => 'waste', text => 'Rác', lat => 21.032, long => 105.8504 });
my $again = $gw->post('/v1/feedback', token => $token{an}, key => 'same',
    json => { category => 'waste', text => 'Rác', lat => 21.032, long => 105.8504 });
is($again->{json}{id}, $r->{json}{id}, 'the same request again files nothing new');


# lists

file('binh', text => "Ổ gà số $_") for 1 .. 5;
my (@seen, $next);
do {
    $r = $gw->get('/v1/feedback?limit=4&commune=00070&state=submitted,accepted'
                  . ($next ? "&cursor=$next" : ''));
    push @seen, map { $_->{id} } @{ $r->{json}{items} };
    $next = $r->{json}{next};
} while ($next && @seen < 100);
is(scalar @seen, scalar $db->sql("select count(*) from feedback.cases where listed
    and commune = '00070' and state in ('submitted', 'accepted')"), 'pages add up');
my %once = map { $_ => 1 } @seen;
is(scalar keys %once, scalar @seen, 'and nothing comes twice');

for my $query ('cursor=AAAA', 'cursor=' . 'A' x 44, 'bbox=2,2,1,1', 'bbox=1,2,3', 'q=' . 'x' x 201,
               'limit=0', 'limit=101', 'since=yesterday', 'state=', 'commune=%27', 'nothing=1')
{
    is($gw->get("/v1/feedback?$query")->{status}, 400, "refused: $query");
}
is(join(', ', map { $_->{message} } @{ $gw->get('/v1/feedback?category=Waste')->{json}{errors} }),
   'must match ^[a-z_]+$', 'which form is wanted is said');
for my $query ('q=%27%5C%26%7C%21', 'q=%3Cb%3E', 'bbox=-180,-90,180,90', 'q=%C3%B4%CC%89%20ga',
               'since=1000-01-01T00:00:00Z', 'until=9998-12-31T23:59:59Z', 'commune=nowhere', 'category=nothing',
               'bbox=105.7%2C20.9%2C105.9%2C21.1', 'state=accepted%2Cclosed')
{
    is($gw->get("/v1/feedback?$query")->{status}, 200, "answered: $query");
}
# An officer changes a case while the job writes the search index anew.
my ($one, $two) = map { $db->session(user => "ihanoi_$_") } qw(write control);
$case = file('an', text => 'Ổ gà lớn nhất')->{json}{id};
act('desk', $case, 'accept', { severity => 'normal' });
$one->do('begin');
$one->do("select status from feedback_change(jsonb_build_object('iss', '$issuer', 'sub', 'desk', "
         . "'lang', 'vi'), '$case', null, 'trees', null, null, null, 'x')");
$two->start(q{select job_feedback_words('{}')});
ok(!$two->is_ready(0.2), 'the job waits for who changes a case');
$one->do('commit');
is($two->finish, '', 'and is done');
is(scalar @{ $gw->get('/v1/feedback?q=lon%20nhat&category=trees')->{json}{items} }, 1,
   'having written what is true then');

$r = $gw->get('/v1/workflow');
is($r->{status}, 200, 'the workflow is public');
my $states = 'must be one of ' . join ', ', map { qq{"$_->{code}"} } @{ $r->{json}{states} };
for my $list ('/v1/feedback', '/v1/me/feedback', '/v1/desk/queue') {
    # "open" is a kind of state there, and none was found in it.
    $r = $gw->get("$list?state=accepted,open", token => $token{desk});
    is_deeply([$r->{status}, map { "$_->{keyword}: $_->{message}" } @{ $r->{json}{errors} }],
              [400, "enum: $states"], "$list: who asks for another state is told which there are");
}
unlike($gw->error_log, qr/SQLSTATE 22/i, 'no value was an error of the database');

done_testing();
