# Saved codes, who may see whose name, reminders with a consent, and disputes.

use lib 'tests/lib', map { "plugins/$_/tests/lib" } qw(payments catalogue bills);
use IHanoi::Test;
use Bills::Test;
use Catalogue::Test qw(agree disagree);
use POSIX qw(strftime);

my ($gw, $db, $partners, $evn) = bills(settings => { proofs_a_day => 2, saved_codes => 3 });
my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my %other = (-as => 'citizen-2');

sub day { my ($n) = @_; return strftime('%Y-%m-%d', gmtime(time + 7 * 3600 + 86400 * $n)) }
sub problem { my ($r) = @_; return ($r->{json}{type} // $r->{status}) =~ s/.*://r }
sub save { my ($json, %how) = @_; return ask(POST => '/codes', { label => 'Nhà', customer => 'PD01000000001', %$json }, %how) }

$evn->customer('PD01000000001', name => 'Chủ hộ 1', address => 'Số 1, phố Thử', meter => '1234567');
$evn->bill('PD01000000001', 'B-1', due_on => day(10));

# Saving, and whose name is told to whom
my $r = save({ customer => 'pd01 000000001' });
is($r->{status}, 201, 'a code is saved') or diag $r->{content}, $gw->error_log;
is("$r->{json}{customer} $r->{json}{proved}", 'PD01000000001 0', '... as declared');
my $code = $r->{json}{id};
is(save({ label => 'Nhà mẹ' })->{json}{id}, $code, 'again it is the same, under another word');
is(problem(save({ customer => 'XX1234' })), 'customer-code-invalid', 'a code that is none');
is(lookup(code => 'PD01000000001')->{json}{holder}, undef, 'who has declared a code is told no name');

is(ask(POST => "/codes/$code/prove", { meter => '1234567' }, %other)->{status}, 404, "nobody proves another's");
is(problem(ask(POST => "/codes/$code/prove", { meter => '7654321' })), 'code-not-proved', 'another meter proves nothing');
$r = ask(POST => "/codes/$code/prove", { meter => '1234567' });
is($r->{json}{proved}, $true, 'the meter proves it') or diag $r->{content};
is(lookup(code => 'PD01000000001')->{json}{holder}{name}, 'Chủ hộ 1', 'who has proved it is told the name');
is(lookup(code => 'PD01000000001', %other)->{json}{holder}, undef, '... and nobody else');
$r = ask(POST => "/codes/$code/prove", { meter => '1' });
is(problem($r), 'proofs-too-many', 'who tries meters is stopped');
ok($r->{headers}{'retry-after'} > 86400 - 600 && $r->{headers}{'retry-after'} <= 86400, '... for a day') or diag explain $r;
my @codes = map { save({}, -as => "thief-$_")->{json}{id} } 1 .. 3;
my @tries = map { problem(ask(POST => "/codes/$codes[$_]/prove", { meter => '9' }, -as => "thief-" . ($_ + 1))) } 0 .. 2;
is_deeply(\@tries, ['code-not-proved', 'code-not-proved', 'proofs-too-many'], '... and so are many together');
is(ask(GET => '/codes')->{json}{items}[0]{label}, 'Nhà mẹ', 'the codes');
is_deeply(ask(GET => '/codes', undef, %other)->{json}{items}, [], "... are one's own");
save({ customer => "PD0200000000$_" }) for 1 .. 2;
is(problem(save({ customer => 'PD02000000003' })), 'codes-too-many', '... and not too many');
my $own = save({ customer => 'PD03000000001' }, -as => 'prover')->{json}{id};
for my $mode (qw(forged nonsense)) {
    $evn->misbehave('evn.proofs' => $mode);
    is(problem(ask(POST => "/codes/$own/prove", { meter => '1' }, -as => 'prover')), 'evn-away', "no answer proves nothing: $mode");
}

# Reminders need a consent.
$r = save({ remind => $true });
is("$r->{status} $r->{json}{type}", '403 urn:ihanoi:problem:service-consent-required', 'to be reminded needs a consent')
    or diag $r->{content};
like($r->{json}{give} // '', qr{services/bills/consents/reminders}, '... which says where to agree') or diag $r->{content};
is(agree($gw, token(sub => $_), 'bills', 'reminders', 1)->{status}, 201, 'agreed') for 'citizen-1', 'citizen-2';
is(save({ remind => $true })->{json}{remind}, $true, 'with it, it is saved');
my $declared = save({ remind => $true, days_before => 3 }, %other)->{json}{id};

is(bills_job('remind'), 'ok', 'the job asks the company');
is((grep { /^evn\.lookups PD01000000001$/ } $evn->seen)[-1] // '', 'evn.lookups PD01000000001', '... for both at once');
my $items = ask(GET => '/reminders', undef, %other)->{json}{items};
is_deeply([map { "$_->{kind} $_->{bill}{number} $_->{bill}{amount}" } @$items], ['new B-1 217836'], 'a bill is reminded of') or diag $gw->error_log;
is_deeply([sort map { $_->[0] } $db->sql("select subject from core.outbox where topic = 'bills' and event like '%reminder'")], [sort $code, $declared],
          '... and whoever listens is told, by the saved codes alone');
unlike(ask(GET => '/reminders', undef, %other)->{content}, qr/Chủ hộ/, '... without a name');

# All is asked for again on the next day.
sub tomorrow { $db->sql('update plugin_bills.codes set check_at = now()'); return bills_job('remind') }
sub reminded { return join ' ', sort map { $_->[0] } grep { defined $_->[0] } $db->sql("select kind from plugin_bills.reminders where code = '$declared'") }
tomorrow();
is(reminded(), 'new', 'nobody is told twice of the same');
$evn->bill('PD01000000001', 'B-1', due_on => day(2));
tomorrow();
is(reminded(), 'due new', 'a bill that is due soon');
$evn->bill('PD01000000001', 'B-1', due_on => day(-1));
tomorrow();
is(reminded(), 'due new overdue', '... and one that is overdue');
is(ask(GET => '/reminders')->{json}{items}[0]{kind}, 'overdue', '... which is what is shown');
$evn->misbehave('evn.lookups' => '500');
my $later = "select string_agg(distinct (check_at > now() + interval '20 hours')::text, ' ') from plugin_bills.codes where remind";
is($db->sql($later), 'true', 'a day later it is asked again');
like(tomorrow(), qr/answer 500/, 'when the company is away, the job says so');
is($db->sql($later), 'false', '... and asks again within the day');
$evn->bill('PD01000000001', 'B-1', amount => -1);
tomorrow();
like($gw->error_log, qr/evn says nonsense of a customer/, 'a bill that is none is told to whoever reads the log');
$evn->bill('PD01000000001', 'B-1', amount => 217_836);
my $id = $items->[0]{bill}{id};
is(ask(GET => "/$id", undef, %other)->{status}, 200, 'the bill can be seen');
my $o = pay_bill($id, 217_836, %other);
is_deeply(ask(GET => '/reminders')->{json}{items}, [], 'a bill that is being paid reminds nobody');
pay($o);
settled($o, 'delivered', %other);
tomorrow();
is_deeply(ask(GET => '/reminders')->{json}{items}, [], 'nor does one that is paid');

# Agreed to other words than those of today: nobody is reminded, nor the company asked, until
# they have agreed to these.
my $asked = sub { scalar grep { /^evn\.lookups / } $evn->seen };
$db->sql("set session_replication_role = replica; set search_path = plugin_catalogue;
          insert into purposes select service, name, 9, title, data from purposes where service = 'bills';
          update consents set version = 9 where service = 'bills'");
$evn->bill('PD01000000001', 'B-3', period_to => '2026-10-20', due_on => day(5));
my $n = $asked->();
is(tomorrow(), 'ok', 'a purpose has other words');
is($asked->() . reminded(), "${n}due new overdue", '... for which nobody has been asked');
is(agree($gw, token(sub => 'citizen-2'), 'bills', 'reminders', 1)->{status}, 201, '... until somebody is');
tomorrow();
is_deeply([map { scalar @{ ask(GET => '/reminders', undef, @$_)->{json}{items} } } [%other], []], [1, 0], '... who is reminded, alone');
agree($gw, token(sub => 'citizen-1'), 'bills', 'reminders', 1);
$evn->bill('PD01000000001', 'B-3', state => 'paid');

# Withdrawn: nothing is asked for, nothing is shown.
$evn->bill('PD01000000001', 'B-2', period_to => '2026-11-20', due_on => day(5));
tomorrow();
is(scalar @{ ask(GET => '/reminders')->{json}{items} }, 1, 'the next bill');
is(disagree($gw, token(sub => 'citizen-1'), 'bills', 'reminders')->{status}, 200, 'a consent is withdrawn');
ok(wait_until(sub { $db->sql("select count(*) from plugin_bills.codes where citizen like '% citizen-1' and remind") == 0 }), '... and heard of')
    or diag $gw->error_log;
is_deeply(ask(GET => '/reminders')->{json}{items}, [], '... so nobody is reminded');
is($db->sql("select count(*) from plugin_bills.reminders r join plugin_bills.codes c on c.id = r.code where c.citizen like '% citizen-1'"), 0,
   '... and what was kept is gone');
is(scalar @{ ask(GET => '/reminders', undef, %other)->{json}{items} }, 1, '... who has not withdrawn it still is');
is(problem(save({ remind => $true })), 'service-consent-required', '... and it is asked for again');
is(ask(DELETE => "/codes/$declared")->{status}, 404, "nobody forgets another's code");
is(ask(DELETE => "/codes/$declared", undef, %other)->{status}, 204, 'a code is forgotten');
is_deeply(ask(GET => '/reminders', undef, %other)->{json}{items}, [], '... with its reminders');

# Disputes
sub dispute { my (%how) = @_; return ask(POST => "/$id/disputes", { reason => 'reading', text => 'Chỉ số không đúng' }, %how) }
sub state_of { my ($d, %how) = @_; return ask(GET => "/disputes/$d->{id}", undef, %how)->{json}{state} }

$r = dispute();
is("$r->{status} $r->{json}{state}", '201 forwarded', 'a dispute is forwarded') or diag $r->{content}, $gw->error_log;
my $d = $r->{json};
is($evn->disputes->{ $d->{id} }{members}, 'bill customer reason reference text', '... without who it is from');
is(problem(dispute()), 'dispute-open-already', 'one at a time');
is(state_of($d, %other), undef, 'nobody sees it');
is(ask(POST => "/disputes/$d->{id}/close", undef, %other)->{status}, 404, '... or closes it');
is_deeply(ask(GET => '/disputes', undef, %other)->{json}{items}, [], '... or finds it');
is(ask(POST => "/$id/disputes", { reason => 'reading', text => 'x' }, -as => 'citizen-9')->{status}, 404, 'of a bill that one has no sight of there is none');
is(ask(POST => "/$id/disputes", { reason => 'reading', text => 'x' x 2001 })->{status}, 400, 'nor one without an end');
for my $nothing (" \n", "\x{a0}\x{200b}") {
    is(ask(POST => "/$id/disputes", { reason => 'reading', text => $nothing })->{status}, 400, 'nor one that says nothing');
    is(save({ label => $nothing })->{status}, 400, '... and no code is called so');
}

is($evn->notice('evn', $d->{id}, state => 'answered', answer => 'x', at => 'today')->{status}, 422, 'an answer that makes no sense');
is($evn->notice('evn', $d->{id}, state => 'answered', answer => 'x', at => day(0) . 'T00:00:00Z', forged => 1)->{status}, 403, '... or is forged');
is($evn->notice('viettel', $d->{id}, state => 'answered', answer => 'x', at => day(0) . 'T00:00:00Z')->{status}, 422, '... or is not the company\'s');
is(state_of($d), 'forwarded', '... is none');
is($evn->notice('evn', $d->{id}, state => 'answered', answer => 'Đã nhận', at => '2026-11-26')->{status}, 204, 'an answer of a day');
is(ask(GET => "/disputes/$d->{id}")->{json}{answered_at}, '2026-11-25T17:00:00+00:00', '... is of its midnight in Hà Nội');
$evn->answer($d->{id}, 'Đã kiểm tra lại', at => '2026-11-26T11:00:00+07:00');
is($evn->notice('evn', $d->{id})->{status}, 204, 'an answer') for 1 .. 2;
is($evn->notice('evn', $d->{id}, answer => 'Đang xem', at => '2026-11-26T10:00:00+07:00')->{status}, 204, '... and an earlier one that comes later');
is($evn->notice('evn', $d->{id}, state => 'received')->{status}, 204, '... and that it was received');
$r = ask(GET => "/disputes/$d->{id}")->{json};
is("$r->{state} $r->{answer}", 'answered Đã kiểm tra lại', 'is answered, by the last word');
is(ask(POST => "/disputes/$d->{id}/close")->{json}{state}, 'closed', 'and closed') for 1 .. 2;

# The company is away: the sweep forwards it, and asks for the answer.
$evn->misbehave('evn.dispute' => 'drop', '500');
$d = dispute()->{json};
is($d->{state}, 'opened', 'a dispute while the company is away');
sub sweep { $db->sql("update plugin_bills.disputes set due_at = now()"); return sweep_bills() }
sweep();
is(state_of($d), 'opened', '... waits');
sweep();
is(state_of($d), 'forwarded', '... and is forwarded');
is(scalar(grep { $_->{text} && $_->{bill} eq 'B-1' } values %{ $evn->disputes }), 2, '... as one');
$evn->answer($d->{id}, 'Không có gì sai', at => '2026-11-26T12:00:00+07:00');
$evn->misbehave('evn.dispute/read' => 'forged');
sweep();
is(state_of($d), 'forwarded', 'a forged answer is none');
sweep();
is(state_of($d), 'answered', 'an answer that nobody has told is asked for');
sub weeks_ago { $db->sql("alter table plugin_bills.disputes disable trigger state_change;
          update plugin_bills.disputes set changed_at = now() - interval '15 days' where state = 'answered';
          alter table plugin_bills.disputes enable trigger state_change") }
weeks_ago();
is($evn->notice('evn', $d->{id}, answer => 'Có sai', at => '2026-11-26T13:00:00+07:00')->{status}, 204, 'two weeks later there is another answer');
sweep();
is(state_of($d), 'answered', '... which its citizen has the same time to read');
weeks_ago();
sweep();
is(ask(GET => "/disputes/$d->{id}")->{json}{closed_by}, 'time', 'after two weeks it is closed');
is_deeply([map { $_->{state} } @{ ask(GET => '/disputes?limit=5')->{json}{items} }], ['closed', 'closed'], 'the history');
like($db->sql_error("update plugin_bills.disputes set state = 'opened', closed_by = null where id = '$d->{id}'"), qr/state_change/, 'closed stays closed');

$db->sql("update plugin_bills.lookups set at = at - interval '31 days'");
is(bills_job('forget'), 'ok', 'each night');
is($db->sql('select count(*) from plugin_bills.lookups'), 0, '... who has looked up whom is forgotten');
sound('codes');

done_testing;
