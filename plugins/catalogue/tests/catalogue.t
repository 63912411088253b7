# The list of services, and consents: asked once for each person, service and
# purpose, seen and withdrawn by the person alone, and heard by the service.

use lib 'tests/lib', 'plugins/catalogue/tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Catalogue::Test;
use JSON::PP ();
use POSIX ();

my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $db = database();

# What a service does with it: refuse until there is a consent, keep something, and
# drop it when the consent is withdrawn.
my %lua = (
    look  => 'local consent, err = ihanoi.interface.call("catalogue", "consents", "consent_check",
                  { purpose = input.purpose or "lookup", person = input.person })
              if not consent then return 200, { err = err } end
              if not consent.stands then
                  return ihanoi.response.problem("service-consent-required", consent.needed)
              end
              ihanoi.store.set("kept:" .. ihanoi.request.caller().subject, "a customer code")
              return 200, { given_at = consent.given_at }',
    kept  => 'return 200, { kept = ihanoi.store.get("kept:" .. input.person) }',
    open  => 'return 200, ihanoi.interface.call("catalogue", "consents", "withdrawals", { limit = 10 })',
    settle => 'return 200, { read = ihanoi.interface.call("catalogue", "consents", "withdrawal_read",
                                                         { id = input.person }),
                            done = ihanoi.interface.call("catalogue", "consents", "withdrawal_done",
                                                         { id = input.person }) }',
    fail  => 'error("broken")',
    deaf  => 'ihanoi.store.set("deaf", input.person == "yes") return 200, {}',
);
my $withdrawn = '
    if event.payload.service ~= ihanoi.plugin.name() or ihanoi.store.get("deaf") then return end
    local gone, err = ihanoi.interface.call("catalogue", "consents", "withdrawal_read", { id = event.key })
    if err then return nil, err end
    ihanoi.store.set("heard:" .. event.key, true)
    if not gone.stands then ihanoi.store.delete("kept:" .. gone.person) end
    return ihanoi.interface.call("catalogue", "consents", "withdrawal_done", { id = gone.id })';

my %asked = (name => 'lookup', version => 1, data => ['personal'],
             title => { vi => 'Xem hóa đơn điện của tôi', en => 'Look up my electricity bills' });

sub service {
    my ($name, %purpose) = @_;

    return plugin_folder(name => $name,
        handler => "local M = {}\n" . join('', map { "function M.$_(input) $lua{$_} end\n" } sort keys %lua)
                 . "function M.withdrawn(event) $withdrawn end\nreturn M\n",
        lua => { map { $_ => '' } keys %lua },
        operations => { map { $_ => { method => $_ eq 'settle' ? 'delete' : 'get', security => [{}, { bearer => [] }],
            parameters => [ map { { name => $_, in => 'query', schema => { type => 'string', maxLength => 800 } } }
                            qw(purpose person) ] } } keys %lua },
        manifest => {
            title => { vi => 'Hóa đơn', en => 'Bills' }, data => ['personal'], purposes => [ { %asked, %purpose } ],
            documentation => "https://$name.example/docs",
            limits => { store => '256k' },
            events => { subscribes => [
                { event => 'catalogue.consent_withdrawn', handler => 'withdrawn' } ] },
            interfaces => { uses => [ { plugin => 'catalogue', name => 'consents', version => 1 } ] },
        });
}

my ($power, $water) = (service('power'), service('water'));
my $plain = plugin_folder(name => 'plain', lua => { hello => 'return 200, {}' });
my $dry = plugin_folder(name => 'dry', lua => { hello => 'return 200, {}' },
    manifest => { permissions => { public => $true, database => $true } });
my $switches = plugin_folder->path;
my $catalogue = catalogue_conf($db);
my @block = ('public;', 'interface catalogue.consents;', 'event catalogue.consent_withdrawn;', 'store 256k;');

sub conf {
    my (@services) = @_;
    return (locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }',
            http => $catalogue . join('', map { $_->block(@block) } @services) . $plain->block('public;')
                  . $dry->block('public;', 'database dry;')
                  . "ihanoi_database dry { server 127.0.0.1 port=1; dbname none; schema plugin_dry; user plugin_dry; }\n"
                  . "ihanoi_plugin_switches $switches;\n");
}

my $gw = gateway(db => $db, responses => 0, workers => 2, conf($power, $water));
sub ready { wait_until(sub { my $r = $gw->get('/v1/services/consents', token => token(sub => 'nobody'));
                             $r && $r->{status} == 200 }, 20) or die $gw->error_log }
ready();

my %token = map { $_ => token(sub => $_, assurance => 'phone') } qw(one two);
my $issuer = $IHanoi::Test::ISSUER;

sub services { return { map { $_->{name} => $_ } @{ $gw->get('/v1/services')->{json}{items} } } }
sub state_of { my ($name) = @_; return $gw->get("/v1/services/$name")->{json}{state} // 'none' }
sub consents { my ($who, $query) = @_; return $gw->get('/v1/services/consents' . ($query // ''), token => $token{$who})->{json}{items} }
sub look { my ($who, $service, $query) = @_; return $gw->get("/v1/$service/look" . ($query // ''), token => $token{$who}) }
sub kept { my ($who) = @_; return $gw->get("/v1/power/kept?person=$issuer%20$who")->{json}{kept} }


# The list

my $r = $gw->get('/v1/services');
is($r->{status}, 200, 'everybody may see what is connected') or diag $r->{content}, $gw->error_log;
is_deeply([map { $_->{name} } @{ $r->{json}{items} }], [qw(catalogue dry plain power water)], 'by name');
is_deeply(services()->{power}, {
    name => 'power', version => '1.0.0', title => { vi => 'Hóa đơn', en => 'Bills' },
    agency => { name => 'Test', contact => 'test@ihanoi.example' }, prefix => '/v1/power',
    documentation => 'https://power.example/docs', data => ['personal'], purposes => [\%asked],
    state => 'serving' }, 'by whom, in which version, with what data and for what');
is_deeply([@{ services()->{plain} }{qw(documentation data purposes)}], ['/openapi.json', [], []],
          'one that says no more than it has to');
is(state_of('dry'), 'degraded', 'one whose database is away');
is_deeply($gw->get('/v1/services/water')->{json}, services()->{water}, 'one alone is the same');

my @pages;
for (my $next = ''; defined $next; ) {
    my $page = $gw->get('/v1/services?limit=2' . ($next && "&cursor=$next"))->{json};
    push @pages, join ' ', map { $_->{name} } @{ $page->{items} };
    $next = $page->{next};
}
is_deeply(\@pages, ['catalogue dry', 'plain power', 'water'], 'page by page');
is($gw->get("/v1/services?$_")->{status}, 400, "no such page: $_")
    for qw(limit=0 limit=51 cursor=power cursor=service.Power cursor=%27 cursor= page=2);

$gw->get('/v1/water/fail') for 1 .. 5;
is(state_of('water'), 'failing', 'one that fails, by its circuit');
ok(wait_until(sub { $gw->get('/v1/water/kept?person=x')->{status} == 200 }, 20), '... is tried again');
is(state_of('water'), 'serving', 'and serves');

open my $fh, '>', "$switches/plain.disabled" or die "$switches: $!\n";
close $fh;
ok(wait_until(sub { state_of('plain') eq 'disabled' }, 10), 'one that an operator has stopped');
unlink "$switches/plain.disabled";


# Consent

$r = look('one', 'power');
is($r->{status}, 403, 'a service asks first');
is($r->{json}{type}, 'urn:ihanoi:problem:service-consent-required', 'by a problem of its own');
is_deeply([@{ $r->{json} }{qw(service purpose version text give)}],
          ['power', 'lookup', 1, $asked{title}, '/v1/services/power/consents/lookup'],
          'which says for what, in which words, and where to agree');
is_deeply(consents('one'), [], 'nobody has agreed for them');

$r = agree($gw, $token{one}, 'power', 'lookup', 1);
is($r->{status}, 201, 'who agrees') or diag $r->{content}, $gw->error_log;
my $consent = $r->{json};
is_deeply([@$consent{qw(service purpose version title data assurance stands current)}],
          ['power', 'lookup', 1, @asked{qw(title data)}, 'phone', $true, $true],
          'has what was shown to them on record, and how sure it was who they are');
$r = agree($gw, $token{one}, 'power', 'lookup', 1);
is("$r->{status} $r->{json}{id}", "200 $consent->{id}", 'is not asked twice');
is(look('one', 'power')->{json}{given_at}, $consent->{given_at}, 'and is served');
is(kept('one'), 'a customer code', 'what the service keeps it keeps');
is_deeply(consents('one'), [$consent], 'it is shown to who has agreed');

is(look('two', 'power')->{status}, 403, 'it is nobody else\'s');
is(look('one', 'water')->{status}, 403, 'nor for another service');
is_deeply(consents('two'), [], 'nobody else sees it');
is(disagree($gw, $token{two}, 'power', 'lookup')->{status}, 404, 'or withdraws it');
is($gw->get('/v1/services/consents')->{status}, 401, 'without a token there is nothing to see');
is(agree($gw, undef, 'power', 'lookup', 1)->{status}, 401, 'or to agree to');
is($gw->get('/v1/power/look')->{json}{err}, 'nobody', 'a service is told that nobody is calling');
is(look('one', 'power', '?purpose=other')->{json}{err}, 'purpose-unknown', 'and that it does not ask for that');
is(look('two', 'power', "?person=$issuer%20one")->{status}, 200, 'a service may ask for whom it knows, as jobs do');

for (['power', 'other', 404], ['nothing', 'lookup', 404], ['plain', 'lookup', 404], ['Power', 'lookup', 400],
     ['p' x 33, 'lookup', 400], ['power', 'l' x 33, 400], ['power', 'x%27%20or%201=1', 400], ['power', '%2e%2e', 404],
     ['..%2fpower', 'lookup', 404], ['power', '%00', 400], ['power', 'lookup%0a', 404], ['%f0%9f%98%80', 'lookup', 400]) {
    my ($service, $purpose, $status) = @$_;
    is(agree($gw, $token{one}, $service, $purpose, 1)->{status}, $status,
       "no such purpose: " . substr("$service $purpose", 0, 40));
}
is($gw->request('PUT', '/v1/services/power/consents/lookup', token => $token{one}, %$_)->{status}, 400,
   'no version: ' . ($_->{body} // 'no body'))
    for map { +{ $_ ? (body => $_, headers => { 'Content-Type' => 'application/json' }) : () } }
        '', '{}', '{"version":"1"}', '{"version":0}', '{"version":1e9}', '{"version":1,"person":"two"}', '[1]';
$r = agree($gw, $token{one}, 'power', 'lookup', 2);
is($r->{status}, 409, 'a version that nobody has been shown');
is_deeply($r->{json}{purpose}, \%asked, 'which one it is now');


# Withdrawn

my ($old, $dropped) = (consents('one')->[0]{id});
$r = disagree($gw, $token{one}, 'power', 'lookup');
is($r->{status}, 200, 'who has agreed withdraws it') or diag $r->{content}, $gw->error_log;
is_deeply([@{ $r->{json} }{qw(id stands current ended)}], [$old, $false, $false, 'withdrawn'], 'the one that stood');
is(look('one', 'power')->{status}, 403, 'and the service refuses at once');
is_deeply(consents('one'), [], 'it does not stand any more');
is($db->sql("select topic || '.' || event || ' ' || payload::text from core.outbox
             where payload ->> 'purpose' = 'lookup'"),
   'catalogue.consent_withdrawn {"purpose": "lookup", "service": "power"}',
   'what is published of it names nobody');
ok(wait_until(sub { !defined kept('one') }, 30), 'the service hears it and drops what it kept') or diag $gw->error_log;
ok(wait_until(sub { ($dropped) = grep { $_->{done_at} } @{ consents('one', '?history=true') }; $dropped }, 30),
   'and says so');
is($dropped->{id}, $old, '... of this consent');
is(disagree($gw, $token{one}, 'power', 'lookup')->{json}{ended_at}, $dropped->{ended_at}, 'withdrawn again it is the same');
is($db->sql("select count(*) from core.outbox where topic = 'catalogue'"), 1, 'and nobody is told twice');

sub settle { my ($who, $id) = @_; return $gw->request('DELETE', "/v1/$who/settle?person=$id")->{json} }
is_deeply(settle('water', $old), {}, 'another service learns nothing of it');

# A service that has not heard: it finds what is left open.
$gw->get('/v1/power/deaf?person=yes');
agree($gw, $token{two}, 'power', 'lookup', 1);
my $open = disagree($gw, $token{two}, 'power', 'lookup')->{json}{id};
agree($gw, $token{two}, 'power', 'lookup', 1);
my $list = $gw->get('/v1/power/open')->{json}{items};
is_deeply([map { [@$_{qw(id person purpose stands)}] } @$list], [[$open, "$issuer two", 'lookup', $true]],
          'a service that was deaf finds what was withdrawn, and that it was given again since');
is_deeply($gw->get('/v1/water/open')->{json}{items}, [], 'another one finds nothing');
is(settle('power', $open)->{done}{id}, $open, 'what it has dropped');
is_deeply($gw->get('/v1/power/open')->{json}{items}, [], 'is not open any more');
$gw->get('/v1/power/deaf?person=no');


# History

is_deeply([map { "$_->{service} " . ($_->{ended} // 'stands') } @{ consents('two', '?history=true') }],
          ['power stands', 'power withdrawn'], 'all of it is kept, newest first');
my $page = $gw->get('/v1/services/consents?history=true&limit=1', token => $token{two})->{json};
is_deeply([map { $_->{id} } @{ consents('two', "?history=true&cursor=$page->{next}") }], [$open], 'page by page');
is($gw->get("/v1/services/consents?$_", token => $token{two})->{status}, 400, "no such page: $_")
    for qw(limit=0 limit=51 cursor=1 history=maybe person=one);

for ("update plugin_catalogue.consents set version = 2", "delete from plugin_catalogue.consents",
     "update plugin_catalogue.consents set ended_at = null, ended = null where ended is not null",
     "update plugin_catalogue.purposes set title = '{}'", "delete from plugin_catalogue.purposes") {
    ok(!eval { $db->sql($_); 1 }, "what was agreed stays: $_");
}


# Many at a time: one consent stands at most, and each end is told once.

my @children;
for my $n (1 .. 8) {
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        for (1 .. 12) {
            my $reply = ($n + $_) % 2 ? agree($gw, $token{one}, 'power', 'lookup', 1)
                                      : disagree($gw, $token{one}, 'power', 'lookup');
            POSIX::_exit(1) if !$reply || $reply->{status} > 201;
        }
        POSIX::_exit(0);
    }
    push @children, $pid;
}
my $bad = 0;
for (@children) { waitpid $_, 0; $bad++ if $? }
is($bad, 0, 'who gives and withdraws at the same time is always answered');
is($db->sql("select count(*) from plugin_catalogue.consents c
              where exists (select from plugin_catalogue.consents d
                             where (c.person, c.service, c.purpose) = (d.person, d.service, d.purpose)
                               and c.id <> d.id
                               and tstzrange(c.given_at, c.ended_at) && tstzrange(d.given_at, d.ended_at))"),
   0, 'no two consents stood at a time');
is($db->sql("select (select count(*) from plugin_catalogue.consents where ended = 'withdrawn')
                  = (select count(distinct subject) from core.outbox where topic = 'catalogue')
                and (select count(*) = count(distinct subject) from core.outbox where topic = 'catalogue')"),
   't', 'and each withdrawal was told, once');


# A new version of what is asked

agree($gw, $token{one}, 'power', 'lookup', 1);
my $first = consents('one')->[0];
my %other = (version => 2, title => { vi => 'Xem và lưu hóa đơn của tôi', en => 'Look up and keep my bills' });
my $water2 = service('water', title => { vi => 'Khác', en => 'Different' });

agree($gw, $token{one}, 'water', 'lookup', 1);
$gw->reload(conf(service('power', %other), $water2));
ok(wait_until(sub { services()->{power}{purposes}[0]{version} == 2 }, 20), 'a service asks for something else');
$r = look('one', 'power');
is("$r->{status} $r->{json}{version} $r->{json}{text}{en}", '403 2 Look up and keep my bills',
   'who had agreed is asked again');
my ($was) = grep { $_->{id} eq $first->{id} } @{ consents('one') };
is_deeply([@$was{qw(version stands current title)}], [1, $true, $false, $asked{title}],
          'sees what they had agreed to, and that it is not enough');
is(agree($gw, $token{one}, 'power', 'lookup', 1)->{status}, 409, 'cannot agree to what is not asked any more');
is(agree($gw, $token{one}, 'power', 'lookup', 2)->{status}, 201, 'agrees to the new one');
is(look('one', 'power')->{status}, 200, 'and is served');
is((grep { $_->{id} eq $first->{id} } @{ consents('one', '?history=true&limit=50') })[0]{ended}, 'replaced',
   'the other one is replaced');

is(look('one', 'water')->{status}, 200, 'a text that changes without its version: who agreed is served');
$r = agree($gw, $token{two}, 'water', 'lookup', 1);
is("$r->{status} $r->{json}{type}", '409 urn:ihanoi:problem:purpose-text', 'but nobody can agree to two texts of one version');


# A service that is gone

$gw->reload(conf($power));
ok(wait_until(sub { $gw->get('/v1/services/water')->{status} == 404 }, 20), 'a service goes');
is_deeply([map { "$_->{service} $_->{current}" } grep { $_->{service} eq 'water' } @{ consents('one') }], ['water 0'],
          'what was agreed with it is still shown');
is(disagree($gw, $token{one}, 'water', 'lookup')->{status}, 200, 'and can be withdrawn');


# An account that is erased

my $ours = 'plugin_catalogue.consents where person = ' . "'$issuer one'";
my $others = 'plugin_catalogue.consents where person = ' . "'$issuer two'";
my $kept = $db->sql("select count(*) from $others");
ok($kept && $db->sql("select count(*) from $ours") > 1, 'two people have agreed');
is(plugin_erase($db, $gw, 'catalogue', 'one'), 'ok', 'one erases the account') or diag $gw->error_log;
is($db->sql("select count(*) from $ours"), 0, 'what that one had agreed to is gone');
is($db->sql("select count(*) from plugin_catalogue.people where subject = '$issuer one'"), 0,
   'and who it was');
is($db->sql("select count(*) from $others"), $kept, 'what others agreed to stays');
is_deeply(consents('one', '?history=true'), [], 'nothing is shown of it any more');

agree($gw, $token{one}, 'power', 'lookup', 1);
$first = consents('one')->[0]{id};
ok($first, 'who comes back agrees anew');
is(plugin_erase_again($db, 'catalogue', 'one'), 'ok', 'when the event comes once more');
is_deeply([map { $_->{id} } @{ consents('one', '?history=true') }], [$first], '... that stays');
ok(!eval { $db->sql("delete from $ours"); 1 }, 'and is kept as any other');

# Who agrees just when the one before is being forgotten is written down anew.
my $code = $db->sql("select nspname from pg_namespace where nspname like 'code_catalogue_%'");
my ($holder, $forget) = ($db->session, $db->session);
my $back = $gw->connection;
sub waiting { my ($n) = @_; return wait_until(sub { $n == $db->sql("select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'") }) }

$holder->do('begin');
$holder->do("select from plugin_catalogue.people where subject = '$issuer one' for update");
$forget->do("set search_path = $code, plugin_catalogue");
$forget->start("select person_forget('$issuer one', now())");
ok(waiting(1), 'an erasure waits for what is under way');
$back->send($back->format('PUT', '/v1/services/power/consents/lookup', token => $token{one}, json => { version => 1 }));
ok(waiting(2), '... and who agrees again for the erasure');
$holder->do('commit');
$forget->finish;
is($back->response('PUT')->{status}, 201, '... and has agreed') or diag $gw->error_log;
isnt(consents('one', '?history=true')->[0]{id}, $first, '... anew');


# Without the database

my $away = catalogue_conf($db) =~ s/server unix:\S+ port=\d+;/server 127.0.0.1 port=1;/r;
$gw->stop;
$catalogue = $away;
$gw = gateway(db => $db, responses => 0, conf($power, $water));
is($gw->get('/v1/services')->{status}, 200, 'without its database the list is there');
is(state_of('catalogue'), 'degraded', 'and says so');
is($gw->get('/v1/services/consents', token => $token{one})->{status}, 503, 'consents are not');
is(agree($gw, $token{one}, 'power', 'lookup', 1)->{status}, 503, 'nobody can agree');
is(look('one', 'power')->{json}{err}, 'down', 'and a service is told that nobody knows');

done_testing;
