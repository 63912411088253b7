#!/usr/bin/perl
# Officers: an administrator of a unit gives and takes roles in its subtree.

use lib 'tests/lib';
use IHanoi::Test;

my $db = database();
my $gw = gateway(db => $db);
my $release = "code_$db->{release}";
my ($r, $grant);

my $ward = $db->sql(q{select id from core.units where code = '00070'});
my $other = $db->sql(q{select id from core.units where code = '00004'});
my $city = $db->sql(q{select id from core.units where code = 'HN'});
my $issuer = $IHanoi::Test::ISSUER;
my @admin = (token => token(sub => 'admin'));

# The operator names the first administrator.
sub appoint {
    my $command = join ' ', map { "'$_'" } 'bin/ihanoi', 'appoint',
        '--host', $db->{socket}, '--port', $db->{port}, '--user', 'postgres',
        '--dbname', $db->{name}, '--iss', $issuer, @_;
    my $out = `$command 2>&1`;
    return $? >> 8;
}

is(appoint('--sub', 'admin', '--unit', '00070'), 0, 'an administrator is appointed');
is(appoint('--sub', 'admin', '--unit', '00070'), 1, 'once');
is(appoint('--sub', 'admin', '--unit', '002'), 1, 'not on a unit that stands no more');
is(appoint('--sub', 'admin', '--unit', '00070', '--role', 'king'), 1, 'nor to a role there is not');
is(appoint('--sub', 'admin'), 2, 'wrong usage');

is($gw->get("/v1/units/$ward/roster")->{status}, 401, 'a roster is not public');
is($gw->get("/v1/units/$ward/roster", token => token(sub => 'stranger'))->{status}, 403,
   'nor for everybody with a token');

$r = $gw->get("/v1/units/$ward/roster", @admin);
is($r->{status}, 200, 'the administrator sees it');
is_deeply($r->{json}{missing}, [qw(receive process resolve)], 'and who is missing');

my $n = 0;
sub give {
    my ($unit, $body, @who) = @_;
    return $gw->post("/v1/units/$unit/officers", @who ? @who : @admin,
                     json => $body, key => 'grant-' . ++$n);
}

$r = give($ward, { subject => 'an', role => 'receive' });
is($r->{status}, 201, 'a role is given');
is($r->{headers}{location}, "/v1/units/$ward/roster", 'to be seen in the roster');
$grant = $r->{json}{id};
is($r->{json}{issuer}, $issuer, 'to a subject of the administrator\'s issuer');

is(give($ward, { subject => 'an', role => 'receive' })->{json}{type},
   'urn:ihanoi:problem:grant-exists', 'once at a time');
is(give($other, { subject => 'an', role => 'receive' })->{status}, 403, 'not on another unit');
is(give($city, { subject => 'an', role => 'oversee' })->{status}, 403, 'not on the one above');
is(give($ward, { subject => 'an', role => 'resolve' }, token => token(sub => 'an'))->{status},
   403, 'an officer gives himself nothing');
is(give($ward, { subject => 'an', role => 'resolve' },
        token => token(sub => 'admin', assurance => 'phone'))->{status},
   403, 'an administrator is verified');
is(give('11111111-1111-4111-8111-111111111111', { subject => 'an', role => 'receive' })->{status},
   404, 'an unknown unit is 404');
is(give($ward, $_)->{status}, 400, '400: ' . JSON::PP->new->canonical->encode($_))
    for { subject => 'an' }, { role => 'receive' }, { subject => '', role => 'receive' },
        { subject => 'an', role => 'king' }, { subject => 'an', role => 'receive', valid_to => 'x' };
is(give($ward, { subject => 'binh', role => 'receive', valid_from => '2020-01-01' })->{status},
   422, 'no rights for days that are over');

# The same request again.
my @again = ("/v1/units/$ward/officers", @admin,
             json => { subject => 'chi', role => 'process' }, key => 'again');
my $first = $gw->post(@again);
$r = $gw->post(@again);
is($r->{status}, 201, 'a repeated request');
is($r->{json}{id}, $first->{json}{id}, 'gets the first answer');
is($r->{headers}{'idempotency-replayed'}, 'true', 'and says so');

$r = $gw->get('/v1/me', token => token(sub => 'an'));
is_deeply([map { "$_->{role} $_->{unit}{code}" } @{ $r->{json}{roles} }], ['receive 00070'],
          'the officer sees the role');
is($gw->get("/v1/units/$ward/roster", token => token(sub => 'an'))->{status}, 200,
   'and the roster of the own unit');

# Substitutes.
my $from = $db->sql('select core.today() + 1');
my $to = $db->sql('select core.today() + 10');
is(give($ward, { subject => 'dung', role => 'receive', valid_from => $from, valid_to => $to,
                 substitute_for => $grant })->{status}, 201, 'a substitute is named');
is(give($ward, { subject => 'em', role => 'process', valid_from => $from, valid_to => $to,
                 substitute_for => $grant })->{json}{type},
   'urn:ihanoi:problem:substitute-invalid', 'for the same role only');

# Taking back.
is($gw->post("/v1/units/$ward/officers/$grant/revoke", @admin,
             json => { reason => " \x{200b}" }, key => 'revoke-0')->{status}, 400, 'not without words');
$r = $gw->post("/v1/units/$ward/officers/$grant/revoke", @admin,
               json => { reason => 'moved' }, key => 'revoke-1');
is($r->{status}, 200, 'a role is taken back');
is($r->{json}{revoke_reason}, 'moved', 'with a reason');
is($gw->get("/v1/units/$ward/roster", token => token(sub => 'an'))->{status}, 403,
   'and gone at once');
is($gw->post("/v1/units/$ward/officers/$grant/revoke", @admin,
             json => { reason => 'again' }, key => 'revoke-2')->{status}, 409, 'once');
is($gw->post("/v1/units/$other/officers/$grant/revoke", @admin,
             json => { reason => 'x' }, key => 'revoke-3')->{status}, 404, 'under its own unit');

# The whole roster.
$r = $gw->put("/v1/units/$ward/roster", @admin, json => { officers => [
    { subject => 'an', roles => ['receive', 'process'] } ] });
is($r->{json}{type}, 'urn:ihanoi:problem:roster-incomplete', 'a roster lacks nobody');
is($r->{json}{role}, 'resolve', 'of which role is for programs');
is($r->{json}{detail}, undef, '... and people are told in their language');

my $etag = $gw->get("/v1/units/$ward/roster", @admin)->{headers}{etag};
my $roster = { officers => [ { subject => 'an', roles => ['receive', 'process'] },
                             { subject => 'binh', roles => ['resolve', 'approve'] } ] };
$r = $gw->put("/v1/units/$ward/roster", @admin, json => $roster, headers => { 'If-Match' => $etag });
is($r->{status}, 200, 'a roster is set');
is_deeply([sort map { "$_->{subject} $_->{role}" } @{ $r->{json}{items} }],
          ['admin administer', 'an process', 'an receive', 'binh approve', 'binh resolve'],
          'it replaces the one before, but for administrators');
is_deeply($r->{json}{missing}, [], 'and nobody is missing');
is($gw->put("/v1/units/$ward/roster", @admin, json => $roster, headers => { 'If-Match' => $etag })->{status},
   412, 'over a version that is gone it is refused');
is($gw->put("/v1/units/$ward/roster", @admin, json => $roster,
            headers => { 'If-Match' => $r->{headers}{etag} })->{headers}{etag},
   $r->{headers}{etag}, 'the same roster again changes nothing');

# A role is granted while another administrator sends the roster without it.
my ($one, $two) = map { $db->session(user => 'ihanoi_write') } 1, 2;
my $caller = "jsonb_build_object('iss', '$issuer', 'sub', 'admin', 'lang', 'vi', "
           . "'operation', 'test', 'request_id', 'r')";
my $dung = $caller =~ s/'admin'/'dung'/r;
my ($tag) = $r->{headers}{etag} =~ /"(.+)"/;
$one->do('begin');
$one->do("select officer_grant($caller, '$ward', 'chi', null, 'assign', null, null, null)");
my $roster_json = '[{"subject": "an", "roles": ["receive", "process", "resolve"]}]';
$two->start("select body ->> 'code' from roster_put($caller, '$ward', '[\"$tag\"]', "
            . "'$roster_json')");
ok(!$two->is_ready(0.5), 'a roster waits for a grant beside it');
$one->do('commit');
is($two->finish, 'precondition-failed', 'and is one of another version then');

# Two people change places between two units: neither roster waits for the other.
sub roster_of {
    my ($unit, $who) = @_;
    return "select status from roster_put($caller, '$unit', null, '[{\"subject\": \"$who\", "
         . "\"roles\": [\"receive\", \"process\", \"resolve\"]}]')";
}
$one->do("select officer_bootstrap('$issuer', 'admin', '00004')");
$one->do(roster_of($ward, 'dung'));
$one->do(roster_of($other, 'em'));
$one->do('begin');
is($one->do(roster_of($ward, 'em')), 200, 'somebody comes from another unit');
$two->start(roster_of($other, 'dung'));
is($two->finish, 200, 'and the other way at the same time');
$one->do('commit');

# An account is erased while its role is taken back: one is after the other.
my $case = $one->do("select body ->> 'id' from feedback_create($dung, 'waste', 'Rubbish', "
                    . "21.032, 105.8504, null, null, null, null)");
my $held = $db->sql("select g.id from core.officer_grants g join core.people p on p.id = g.person "
                    . "where p.subject = 'dung' and g.role = 'process' and g.revoked_at is null");
my $three = $db->session(user => 'ihanoi_write');
$one->do('begin');
$one->do("select from feedback.cases where id = '$case' for update");
$two->start("select status from me_erase($dung)");
ok(!$two->is_ready(0.5), 'an erasure is under way');
$three->start("select body ->> 'code' from officer_revoke($caller, '$other', '$held', 'left')");
ok(!$three->is_ready(0.5), 'while a role of it is taken back');
$one->do('commit');
is_deeply([map { $_->finish } $two, $three], [204, 'grant-ended'], 'and both come to an end');

is_deeply([$db->sql(qq{set search_path = $release, public; select * from audit_verify('$ward')})], [],
          'the unit\'s audit chain is whole');
unlike($gw->error_log, qr/SQLSTATE/, 'nothing of it was an error in SQL');

done_testing();
