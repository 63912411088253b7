#!/usr/bin/perl
# /v1/me: accounts are made by writes, consent comes before personal data, and
# everything personal can be erased.

use lib 'tests/lib';
use IHanoi::Test;
use Unicode::Normalize qw(NFD);

my $db = database();
my $gw = gateway(db => $db);
my @me = (token => token(sub => 'citizen', assurance => 'phone'));
my ($r, $etag);


is($gw->get('/v1/me')->{status}, 401, 'without a token there is no me');

$r = $gw->get('/v1/me', @me);
is($r->{status}, 200, 'with one there is');
is($r->{json}{id}, undef, 'though no account yet');
is($r->{json}{assurance}, 'phone', 'and what the token says');
is($db->sql(q{select count(*) from core.people}), 0, 'a read makes no account');

$r = $gw->patch('/v1/me', @me, json => { full_name => 'Nguyễn Thử' });
is($r->{status}, 403, 'personal data need consent');
is($r->{json}{type}, 'urn:ihanoi:problem:consent-required', 'says the problem');
like($r->{json}{detail}, qr/2026-11/, 'to which notice');
is($db->sql(q{select count(*) from core.people}), 0, 'a refusal makes no account');

$r = $gw->post('/v1/me/consents', @me, json => { notice => 'old', given => JSON::PP::true },
               key => 'consent-0');
is($r->{status}, 409, 'consent is to the notice that holds');

my @consent = ('/v1/me/consents', @me,
               json => { notice => '2026-11', given => JSON::PP::true }, key => 'consent-1');
$r = $gw->post(@consent);
is($r->{status}, 201, 'consent is given');
is($r->{headers}{location}, '/v1/me/consents', 'and kept there');
$r = $gw->post(@consent);
is($r->{headers}{'idempotency-replayed'}, 'true', 'once');
is($db->sql('select count(*) from core.consents'), 1, 'also in the database');

$r = $gw->patch('/v1/me', @me, json => {
    full_name => 'Nguyễn Thử', phone => '0912345678', email => 'a@b.example',
    birth_year => 1990, commune => '00070', language => 'vi' });
is($r->{status}, 200, 'then data are kept');
is($r->{json}{profile}{phone}, '+84912345678', 'telephone numbers in one form');
like($r->{json}{id}, qr/^[0-9a-f-]{36}$/, 'the account has an id');

$r = $gw->get('/v1/me', @me);
is($r->{json}{profile}{full_name}, 'Nguyễn Thử', 'and read again');
$etag = $r->{headers}{etag};
is($gw->get('/v1/me', @me, headers => { 'If-None-Match' => $etag })->{status}, 304,
   'not twice the same');

is($gw->patch('/v1/me', @me, headers => { 'If-Match' => '"1.2.3"' },
              json => { full_name => 'B' })->{status}, 412, 'a change of another version is refused');
$r = $gw->patch('/v1/me', @me, headers => { 'If-Match' => $etag },
                json => { full_name => undef, address => '1 phố Thử' });
is($r->{status}, 200, 'one of this version is taken');
is($r->{json}{profile}{full_name}, undef, 'null removes');
is($r->{json}{profile}{birth_year}, 1990, 'what is not said stays');
$r = $gw->request('PATCH', '/v1/me', @me, body => '{"language":"en"}',
                  headers => { 'Content-Type' => 'application/merge-patch+json' });
is($r->{json}{profile}{language}, 'en', 'the merge patch type is taken too');

is($gw->patch('/v1/me', @me, json => { commune => '99999' })->{status}, 422, 'no such commune');
is($gw->patch('/v1/me', @me, json => $_)->{status}, 400, '400: ' . JSON::PP->new->canonical->encode($_))
    for {}, { phone => '12' }, { email => 'x' }, { birth_year => 1800 }, { birth_year => '1990' },
        { id => 'x' }, { full_name => '' }, { full_name => 'x' x 201 }, { language => 'fr' },
        { full_name => ' ' }, { address => "\x{a0}\x{200b}\n" };
$r = $gw->patch('/v1/me', @me, json => { full_name => NFD('Nguyễn Thị Ấn'), address => " 2 phố Thử\n" });
is_deeply([@{ $r->{json}{profile} }{qw(full_name address)}], ['Nguyễn Thị Ấn', '2 phố Thử'], 'a Mac\'s spelling is the one that others have');
is($gw->patch('/v1/me', @me, json => { full_name => "\x{958}" x 200 })->{json}{profile}{full_name}, "\x{958}" x 200,
   '... but not one that is longer than what was said');

is($gw->get('/v1/me', token => token(sub => 'neighbour'))->{json}{profile}, undef,
   'somebody else sees nothing of it');

# Two changes at once, each made from the same version: one of them is refused.
# And none keeps data by a consent that is being withdrawn.
my $caller = "jsonb_build_object('iss', '$IHanoi::Test::ISSUER', 'sub', 'citizen', "
           . "'lang', 'vi', 'operation', 'test', 'request_id', 'r')";
sub together {
    my ($first, $second) = @_;
    my ($one, $two) = map { $db->session(user => 'ihanoi_write') } 1, 2;

    $one->do('begin');
    $one->do($first);
    $two->start($second);
    ok(!$two->is_ready(0.5), 'a change waits for the other one');
    $one->do('commit');
    return $two->finish;
}
($etag) = $gw->get('/v1/me', @me)->{headers}{etag} =~ /"(.+)"/;
my @changes = map { "select coalesce(status::text, body ->> 'code') from "
    . "me_update($caller, '[\"$etag\"]', '{\"address\": \"$_\"}')" } 1, 2;
is(together(@changes), 'precondition-failed', 'and is one of another version then');
is(together("select consent_give($caller, '2026-11', false)",
            "select body ->> 'code' from me_update($caller, null, '{\"address\": \"3\"}')"),
   'consent-required', 'a consent that is withdrawn does not hold for it');
is($gw->get('/v1/me', @me)->{json}{profile}{address}, undef, 'so nothing is kept');

# Nor words that somebody sends whose account is being erased.
my ($author, $officer) = map { $caller =~ s/'citizen'/'$_'/r } qw(author officer);
$db->sql("select officer_bootstrap('$IHanoi::Test::ISSUER', 'officer', '00070', 'receive')");
my $case = $db->sql("select body ->> 'id' from feedback_create($author, 'waste', 'Rubbish', "
                    . "21.032, 105.8504, null, null, null, null)");
$db->sql("select status from feedback_ask($officer, '$case', null, 'Where?')");
is(together("select status from me_erase($author)",
            "select coalesce(status::text, body ->> 'code') "
            . "from feedback_info($author, '$case', null, 'There')"),
   'not-found', 'who is being erased answers nothing more');
is($db->sql("select count(*) from feedback.messages where text = 'There'"), 0,
   'and no words are kept of them');

# One who acts while the account is being erased makes neither wait for the other in turn.
{
    my ($holder, $actor, $eraser) = map { $db->session(user => 'ihanoi_write') } 1 .. 3;
    my $writer = $caller =~ s/'citizen'/'writer'/r;
    $case = $db->sql("select body ->> 'id' from feedback_create($writer, 'civil_servants', "
                     . "'Rude', 21.032, 105.8504, null, null, null, null)");
    $holder->do('begin');
    $holder->do("select from feedback.cases where id = '$case' for update");
    $actor->start("select status from feedback_withdraw($writer, '$case', null, null, null)");
    ok(!$actor->is_ready(0.5), 'an action waits for the case');
    $eraser->start("select status from me_erase($writer)");
    ok(!$eraser->is_ready(0.5), 'an erasure for the action');
    $holder->do('commit');
    is_deeply([map { $_->finish } $actor, $eraser], [200, 204], 'and both come to an end');
}
is($db->sql("select state || num_nonnulls(lat, long, text_public) from feedback.cases where id = '$case'"),
   'withdrawn0', 'of a case that nobody sees, nothing stays that the public would read');

# Nor those of somebody's first requests, two at once.
my ($one, $two) = map { $db->session(user => 'ihanoi_write') } 1, 2;
my $first = $caller =~ s/'citizen'/'first'/r;
$one->do('begin');
$one->do("select caller_person_ensure($first)");
$two->do('begin');
$two->start("select caller_person_ensure($first)");
ok(!$two->is_ready(0.5), 'an account is made once');
$one->do('commit');
$two->finish;
$one->start("select status from me_erase($first)");
ok(!$one->is_ready(0.5), 'and not erased while the second request goes on');
$two->do('commit');
is($one->finish, 204, 'but after it');

# Nor what somebody sends while the account that is made for another request is erased.
my ($maker, $eraser) = map { $db->session(user => 'ihanoi_write') } 1, 2;
my $hasty = $caller =~ s/'citizen'/'hasty'/r;
$maker->do('begin');
$maker->do("select caller_person_ensure($hasty)");
$eraser->start("select status from me_erase($hasty)");
ok(!$eraser->is_ready(0.5), 'an erasure waits for who makes the account');
$two->do('begin');
$two->start("select caller_person_ensure($hasty)");
ok(!$two->is_ready(0.5), 'and so does another request');
$maker->do('commit');
$two->finish;
is($two->do("select status from feedback_create($hasty, 'waste', 'Hasty', 21.032, 105.8504, null, null, null, null)"),
   201, 'which writes something');
$two->do('commit');
is($eraser->finish, 204, 'the account is erased');
is($db->sql("select count(*) from feedback.reports r join feedback.cases c on c.id = r.case_id
             join core.people p on p.id = c.reporter_id where r.text = 'Hasty' and p.erased_at is not null"),
   0, 'and no words of it are kept');

# A caller who says less than "declared" writes nothing.
is($gw->patch('/v1/me', token => token(sub => 'x', assurance => undef),
              json => { language => 'en' })->{status}, 403, 'a write needs some assurance');

# Consents, and erasing.
$r = $gw->get('/v1/me/consents?limit=1', @me);
is(scalar @{ $r->{json}{items} }, 1, 'consents are listed');
is($r->{json}{items}[0]{language}, 'vi', 'with the language they were read in');

is($gw->delete('/v1/me', @me)->{status}, 204, 'an account is erased');
is($db->sql(q{select count(*) from core.personal where num_nonnulls(full_name, phone, email,
              address, commune, birth_year, language) > 0}), 0, 'with all personal data');
is($gw->get('/v1/me', @me)->{json}{id}, undef, 'it is nobody\'s now');
is($gw->delete('/v1/me', @me)->{status}, 204, 'erasing again is no error');

unlike($gw->error_log . $gw->access_log, qr/Nguyễn|912345678|a\@b\.example/,
       'no personal data are in the logs');
unlike($gw->error_log, qr/SQLSTATE/, 'nothing of it was an error in SQL');

done_testing();
