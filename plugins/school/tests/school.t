# The contact book as a family and a school use it: links, marks, attendance, notices,
# messages, leave.

use lib 'tests/lib', 'plugins/school/tests/lib';
use IHanoi::Test;
use School::Test;

my ($gw, $db) = school(settings => { link_codes_a_day => 3, links_waiting => 3, messages_an_hour => 6 });
world();
my ($s1, $s2, $c7a) = @id{qw(s1 s2 c7a)};

sub status { my $r = as(@_); return $r->{status} . ($r->{json}{type} ? ' ' . $r->{json}{type} =~ s/.*://r : '') }
sub document { my $r = as(@_); $r->{status} =~ /^20/ or diag "$_[1] $_[2]: $r->{content}"; return $r->{json} }
sub ask { my ($who, $code, %more) = @_; return (as($who, POST => '/links',
    { school => 'thcs-a', student_code => $code, kind => 'guardian', %more })) }
sub listed { my ($link) = @_; return join ' ', grep { grep { $_->{id} eq $link } @{ document('admin', GET => "/schools/thcs-a/links?state=$_")->{items} } }
    qw(asked verified refused revoked withdrawn expired) }
sub decide { my ($link, %how) = @_; return (as('admin', PUT => "/links/$link/decision", \%how)) }


# Links

my $unknown = ask('b-1', 'HS99')->{json};
my $known = ask('b-1', 'HS1')->{json};
is_deeply([map { join ',', map { $_ // '' } @$_{qw(state student reason)} } $known, $unknown], [('asked,,') x 2],
   'asking for a student that is there and for one that is not gets the same answer');
is(status('b-1', GET => "/students/$s1"), '404 not-found', 'which opens nothing');
is_deeply([map { [$_->{student_code}, $_->{student_name}] }
           @{ document('admin', GET => '/schools/thcs-a/links')->{items} }],
          [['HS99', undef], ['HS1', 'Học sinh 1']], 'the school sees both, and who is meant');
is(decide($unknown->{id}, decision => 'verified')->{status}, 422, 'it cannot verify one of nobody');
is(decide($unknown->{id}, decision => 'refused')->{status}, 422, 'a refusal has a reason');
is(decide($unknown->{id}, decision => 'refused', reason => $_)->{status}, 400, '... in words that are seen')
    for ' ', "\x{a0}\x{200b}\n";
is(decide($unknown->{id}, decision => 'refused', reason => 'Không có học sinh này')->{status}, 200, '... with it, it is good');
is(decide($unknown->{id}, decision => 'verified')->{json}{state}, 'refused', '... and over, whoever is meant');
is(decide($known->{id}, decision => 'verified', valid_until => today(1))->{json}{state}, 'verified', 'the school verifies, until a day');
is(decide($known->{id}, decision => 'verified')->{status}, 200, '... told twice, it is once');
is(status('b-1', GET => "/students/$s1"), 200, 'the guardian sees the child');
$db->sql("update plugin_school.links set valid_until = plugin_school.today() where id = '$known->{id}'");
is(status('b-1', GET => "/students/$s1"), '404 not-found', '... until the day has come');
is_deeply([@{ document('b-1', GET => '/links')->{items}[0] }{qw(state student)}], ['expired', undef], '... and the link says so');
is(listed($known->{id}), 'expired', '... and is listed as that');
my $over = decide($known->{id}, decision => 'verified', valid_until => today(9));
is("$over->{status} $over->{json}{state}", '409 expired', '... over, as one that is asked for again: it is not decided on any more');
is(status('b-1', PUT => "/links/$known->{id}/withdrawal"), '409 link-not-open', '... nor given up');
is(ask('b-1', 'HS1')->{status}, 201, '... and may be asked for again');
is(ask('b-1', 'HS1')->{status}, 409, '... once');
$db->sql("set session_replication_role = replica; update plugin_school.links set asked_until = now() where person like '% b-1'");
is(decide(document('b-1', GET => '/links')->{items}[0]{id}, decision => 'verified')->{status}, 409, 'asking that was left for too long is over');
is(document('b-1', GET => '/links')->{items}[0]{state}, 'expired', '... which is said');
is(listed(document('b-1', GET => '/links')->{items}[0]{id}), 'expired', '... and listed');

is(status('guardian', GET => "/students/$s1/marks?year=$year"), 200, 'a guardian reads');
is(decide($id{link_guardian}, decision => 'revoked', reason => 'Mất quyền nuôi con')->{status}, 200, 'custody is lost');
is(join(' ', map { (status('guardian', GET => "/students/$s1$_"))[0] } '', "/marks?year=$year", '/reads', '/notices', '/leave'),
   join(' ', ('404 not-found') x 5), 'nothing is seen from then on');
is_deeply(document('guardian', GET => '/students'), { items => [] }, '... there is no child');
is(document('guardian', GET => '/links')->{items}[0]{reason}, 'Mất quyền nuôi con', '... and why');
is(decide($id{link_guardian}, decision => 'verified')->{status}, 409, 'what was revoked stays so');

# By code
my $code = link_code($s1);
like($code, qr/^[A-HJ-NP-Z2-9]{12}$/, 'a code of the school');
is($db->sql("select count(*) from plugin_school.link_codes where hash = sha256('$code')"), 1, '... is kept as a hash');
is(ask('b-2', 'HS1', code => 'WRONG')->{status}, 422, 'a wrong code');
is(ask('b-2', 'HS2', code => $code)->{status}, 422, 'the code of another child');
is(ask('b-2', 'HS1', code => $code, kind => 'student')->{status}, 422, 'a code for something else');
is(ask('b-2', 'HS1', code => $code)->{status}, 429, 'and no more tries today, with the right one neither');
is(ask('guardian', 'HS1', code => lc(substr $code, 0, 6) . '-' . substr $code, 6)->{json}{state}, 'verified',
   'somebody else uses it, as people write');
is(ask('b-3', 'HS1', code => $code)->{status}, 422, 'it is good once');
my $older = link_code($s1);
my $newer = link_code($s1);
is(ask('b-3', 'HS1', code => $older)->{status}, 422, 'a new code takes the place of the one before');
$db->sql("update plugin_school.link_codes set expires_at = now() where hash = sha256('$newer')");
is(ask('b-3', 'HS1', code => $newer)->{status}, 422, 'one whose time is over is not good');
my $refused = ask('b-3', 'HS1', code => $newer);
is("$refused->{status} " . (86400 - 600 < $refused->{headers}{'retry-after'}), '429 1', 'who tries codes is stopped, for a day');

# Three at once do something, and all of them wait for a lock that we hold, in their order.
sub all_wait {
    my ($lock, @steps) = @_;
    my $session = $db->session;
    $session->do("begin; $lock");
    my @pids;
    for my $step (@steps) {
        push @pids, beside($step);
        ok(wait_until(sub { $db->sql("select count(*) from pg_stat_activity where usename = 'plugin_school'
                                      and wait_event_type = 'Lock' and datname = current_database()") == @pids }, 20), '... under way');
    }
    $session->do('rollback');
    waitpid $_, 0 for @pids;
    return;
}

$code = link_code($s1);
all_wait("select 1 from plugin_school.link_codes where hash = sha256('$code') for update",
         map { my $who = "r-$_"; sub { ask($who, 'HS1', code => $code) } } 1 .. 3);
is($db->sql("select count(*) from plugin_school.links where person like '% r-_' and state = 'verified'"), 1,
   'of three at once that use one code, one has it');

# Asked for three times at once: as one after the other.
my $good = "from plugin_school.link_codes where student = '$s1' and used_at is null and now() < expires_at";
link_code($s1);
all_wait("select 1 $good for update", map { sub { link_code($s1) } } 1 .. 3);
is($db->sql("select count(*) $good"), 1, '... the last one is good');

is(join(' ', map { ask('b-4', "X$_")->{status} } 1 .. 4), '201 201 201 429', 'links that wait are bounded');
is(as('nobody', POST => '/links', { school => 'th-x', student_code => 'A', kind => 'guardian' })->{status}, 422, 'no such school');

my $held = sub { $db->sql("select count(*) from pg_stat_activity where wait_event = 'advisory' and datname = current_database()") };

# Decided while the school's list is made: it is not in the list any more.
$db->sql('create function plugin_school.waits() returns trigger language plpgsql security definer as
              $$ begin perform pg_advisory_xact_lock(1); return new; end $$;
          create trigger waits before insert on plugin_school.reads for each row
              when (new.student is not null) execute function plugin_school.waits()');
my $asked = ask('b-5', 'HS2')->{json}{id};
my $holder = $db->session;
$holder->do('begin; select pg_advisory_xact_lock(1)');
my $desk = $gw->connection(timeout => 30);
$desk->send($desk->format(GET => '/v1/school/schools/thcs-a/links', token => token(sub => 'admin-a'), close => 1));
ok(wait_until($held, 20), "the school's list is being made");
$db->sql("update plugin_school.links set state = 'verified' where id = '$asked'");
$holder->do('rollback');
my $list = $desk->response;
is_deeply([$list->{status}, grep { $_->{state} ne 'asked' } @{ $list->{json}{items} }], [200], '... and has what waits, as it was asked for');
$db->sql('drop trigger waits on plugin_school.reads');

# Who teaches the child, too
my $own = ask('homeroom', 'HS1', code => link_code($s1))->{json}{id};
is_deeply(document('homeroom', GET => '/students')->{items}[0]{roles}, ['guardian', 'teacher'], 'a guardian who teaches the child is both');
document('homeroom', PUT => "/links/$own/withdrawal");

# Students' own accounts
is(status('student', GET => "/students/$s1/marks?year=$year"), 200, 'a student of grade 7 reads marks');
is(status('student', GET => "/students/$s1/attendance?since=" . today() . '&until=' . today()), '404 not-found', '... and marks only');
is(status('admin_b', PUT => "/students/$id{b1}/link-code", { kind => 'student' }), '422 student-too-young',
   'a student of grade 3 gets no code');
my $young = as('kid', POST => '/links', { school => 'th-b', student_code => 'TH1', kind => 'student' })->{json}{id};
is(status('admin_b', PUT => "/links/$young/decision", { decision => 'verified' }), '422 student-too-young', '... nor a link');
$db->sql("update plugin_school.classes set grade = 5 where code = '7A'");
is(status('student', GET => "/students/$s1/marks?year=$year"), '404 not-found', 'the grade is looked up each time');
$db->sql("update plugin_school.classes set grade = 7 where code = '7A'");


# Marks

sub marks { my ($who, $value, %more) = @_;
    return status($who, PUT => "/classes/$c7a/marks", { subject => 'toan', term => 1, kind => 'tx',
        marks => [{ student => $s1, value => $value, map { $_ => delete $more{$_} } grep { $more{$_} } qw(number student) }], %more }) }

is(marks('homeroom', '8.5'), 200, 'a mark');
is(join(' ', map { marks('homeroom', $_) } qw(10.1 8.55 -1 T 1e1 008)), join(' ', ('422 mark-not-of-regime') x 6), 'marks that are none');
is(marks('homeroom', '7', number => 5), '422 mark-not-of-regime', 'more than there are of a kind');
is(marks('homeroom', '7', kind => 'xx'), '422 mark-not-of-regime', 'a kind there is not');
is(marks('homeroom', '7', term => 3), '422 mark-not-of-regime', 'a term there is not');
is(marks('homeroom', '7', student => $id{s3}), '422 student-not-of-class', 'a student of another class');
is(marks('homeroom', '7', subject => 'ngu-van'), '403 subject-not-yours', 'a subject of another teacher');
my $wrong = as('homeroom', PUT => "/classes/$c7a/marks", { subject => 'toan', term => 1, kind => 'tx',
    marks => [{ student => $s2, value => '9' }, { student => $s1, number => 2, value => '11' }] });
is(join(' ', $wrong->{json}{type} =~ s/.*://r, @{ $wrong->{json} }{qw(student number)}), "mark-not-of-regime $s1 2",
   'one of two is wrong, and which');
is($db->sql("select count(*) from plugin_school.marks where student = '$s2'"), 0, '... none is entered');
is(marks('homeroom', '9'), 200, 'a mark is corrected');
is(marks('homeroom', '9'), 200, '... twice is once');
is($db->sql("select string_agg(value, ' ') from plugin_school.marks_past"), '8.5', '... what it was is kept');
is(marks('teacher', '6', subject => 'ngu-van'), 200, 'the teacher of literature');
my $seen = sub { my ($who) = @_; return join ' ', map { "$_->{subject} $_->{value}" }
    @{ document($who, GET => "/students/$s1/marks?year=$year")->{items} } };
is($seen->('guardian'), 'ngu-van 6 toan 9', 'the guardian sees both');
is($seen->('teacher'), 'ngu-van 6', 'the teacher of literature hers');
is($seen->('homeroom'), 'ngu-van 6 toan 9', 'the homeroom teacher all');
is(marks('homeroom', undef), 200, 'a mark is taken back');
is($seen->('guardian'), 'ngu-van 6', '... and is not there');
is(document('nobody', GET => "/subjects?grade=3&year=$year")->{items}[0]{levels}[0]{value}, 'C', 'a regime is data, of levels');
$db->sql("insert into plugin_school.subject_regimes values ('ngu-van', 7, $year, 'dat')");
is(marks('teacher', '6', subject => 'ngu-van', number => 2), '422 mark-not-of-regime', '... and a new row of it holds at once');
is(marks('teacher', 'D', subject => 'ngu-van', number => 2), 200, '... for marks from now on');


# Attendance and leave

sub present { my ($day, $session, @records) = @_;
    return status('teacher', PUT => "/classes/$c7a/attendance", { day => $day, session => $session, records => \@records }) }
sub absent { return { student => $_[0], state => 'absent' } }

is(present(today(), 'morning', absent($s1), { student => $s2, state => 'late', note => 'Kẹt xe' }), 200, 'a morning');
is(present(today(1), 'morning', absent($s1)), '422 day-not-now', 'not of tomorrow');
is(present(today(), 'morning', absent($s1), absent($s1)), '422 record-twice', 'not twice in one');
is(present(today(), 'morning', { student => $s2, state => 'late', excused => JSON::PP::true }), '422 excuse-without-absence', 'late is not excused');
my $days = '?since=' . today(-3) . '&until=' . today(3);
my $first = sub { document('guardian', GET => "/students/$s1/attendance$days")->{items}[0] };
is($first->()->{excused}, JSON::PP::false, 'an absence without leave');
is(status('guardian', GET => "/students/$s1/attendance?since=" . today() . '&until=' . today(-1)), '422 days-not-in-order', 'days in the wrong order');

sub leave { my ($from, $to) = @_; return as('guardian', POST => "/students/$s1/leave",
    { first_day => today($from), last_day => today($to), reason => 'Ốm' }) }
my $leave = leave(0, 1)->{json}{id};
is(leave(1, 2)->{status}, 409, 'a day is asked for once');
is(leave(3, 2)->{status}, 422, 'days in the wrong order');
is(leave(40, 80)->{status}, 422, 'too many');
is(document('homeroom', GET => "/classes/$c7a/leave")->{items}[0]{id}, $leave, 'the homeroom teacher sees it');
is(status('homeroom', PUT => "/leave/$leave/decision", { decision => 'refused' }), '422 reason-missing', 'a refusal has an answer');
is(status('homeroom', PUT => "/leave/$leave/decision", { decision => 'refused', answer => "\x{a0}\n" }), '400 invalid-request',
   '... in words that are seen');
is($first->()->{excused}, JSON::PP::false, 'leave that is asked for excuses nothing');
is(status('homeroom', PUT => "/leave/$leave/decision", { decision => 'approved' }), 200, 'approved');
is(status('admin', PUT => "/leave/$leave/decision", { decision => 'refused', answer => 'Không' }), '409 leave-not-open', '... is not refused any more');
is(as('admin', PUT => "/leave/$leave/decision", { decision => 'refused', answer => 'Không' })->{json}{detail}, undef, '... and a code of a state is nothing to read');
is_deeply([@{ $first->() }{qw(excused leave)}], [JSON::PP::true, $leave], '... shows up in attendance');
is(document('teacher', GET => "/classes/$c7a/attendance?day=" . today(1))->{leave}[0]{student}, $s1, '... and on the day, before anybody is missed');
is(status('guardian', PUT => "/leave/$leave/withdrawal"), 200, 'withdrawn');
is($first->()->{excused}, JSON::PP::false, '... is not leave');
is(leave(1, 1)->{status}, 201, '... and may be asked for again');
is(present(today(), 'morning', { %{ absent($s1) }, excused => JSON::PP::true }), 200, 'the teacher excuses');
is($first->()->{excused}, JSON::PP::true, '... that holds');


# Two write of the same students, each in another order: one waits for the other, and
# none of them is the victim of a deadlock, who would begin anew.
my ($low, $high) = sort $s1, $s2;
my $log = IHanoi::Test::Database::cluster()->log;
my $logged = -s $log;
for ([attendance => { day => today(), session => 'morning' }, 'records', sub { absent($_[0]) }],
     [marks => { subject => 'toan', term => 1, kind => 'tx' }, 'marks', sub { return { student => $_[0], value => '7' } }])
{
    my ($what, $head, $list, $row) = @$_;
    my @put = map { my @order = @$_; sub { status('homeroom', PUT => "/classes/$c7a/$what", { %$head, $list => [map { $row->($_) } @order] }) } }
                  [$high, $low], [$low, $high];
    is($put[0]->(), 200, "$what of two");
    all_wait("select 1 from plugin_school.$what where student = '$high' for update", @put);
}
my @two = map { my @number = @$_; sub { status('homeroom', PUT => "/classes/$c7a/marks", { subject => 'toan', term => 1, kind => 'tx',
                marks => [{ student => $high, @number, value => '7' }, { student => $high, number => 2, value => undef }] }) } }
          [], [number => 1];
is($two[0]->(), 200, 'the first, that has no number, and the second');
all_wait("select 1 from plugin_school.marks where student = '$high' and number = 2 for update", @two);
open my $lines, '<', $log or die "$log: $!\n";
seek $lines, $logged, 0;
is(scalar(grep { /plugin_school\@$db->{name} .*deadlock/ } <$lines>), 0, '... one after the other');


# Notices

my $notice = document('homeroom', POST => "/classes/$c7a/notices", { title => 'Họp phụ huynh', text => 'Thứ bảy' })->{id};
document('admin', POST => '/schools/thcs-a/notices', { title => 'Bão', text => 'Nghỉ học' });
my $titles = sub { my ($who, $student) = @_; return join ', ', map { $_->{title} }
    @{ document($who, GET => "/students/$student/notices")->{items} } };
is($titles->('guardian', $s1), 'Bão, Họp phụ huynh', 'notices to the class and the school');
is($titles->('other', $id{s3}), 'Bão', '... not to another class');
is(status('other', PUT => "/students/$id{s3}/notices/$notice/receipt"), '404 not-found', '... nor is it read there');
my $read = document('guardian', PUT => "/students/$s1/notices/$notice/receipt")->{read_at};
is(document('guardian', PUT => "/students/$s1/notices/$notice/receipt")->{read_at}, $read, 'read, once');
is_deeply((map { $_->{read_for} } grep { $_->{notice}{id} eq $notice }
           @{ document('homeroom', GET => "/classes/$c7a/notices")->{items} }), [$s1], '... the teacher sees for whom');
my $page = document('guardian', GET => "/students/$s1/notices?limit=1");
is(document('guardian', GET => "/students/$s1/notices?limit=1&cursor=$page->{next}")->{items}[0]{id}, $notice, 'in pages');
is($db->sql("select string_agg(payload::text, ' ' order by id) from core.outbox where topic = 'school' and event = 'notice_published'")
   =~ /Họp|Bão|Thứ/ ? 'words' : 'none', 'none', 'events of notices have no words of them');
is($db->sql("select count(*) from core.outbox where topic = 'school' and event = 'notice_published'"), 2, '... and are there, one each');


# Messages

sub say { my ($who, $text, $thread) = @_; return status($who, POST => "/threads/$thread/messages", { text => $text }) }

my $thread = document('guardian', POST => "/students/$s1/threads", { staff => $id{g2}, title => 'Bài tập', text => 'Tuần này?' })->{id};
is(status('guardian', POST => "/students/$s1/threads", { staff => $id{g3}, title => 'a', text => 'b' }), '422 teacher-not-of-student',
   'not to a teacher of others');
is(say('teacher', 'Trang 7', $thread), 201, 'the teacher answers');
is_deeply([map { "$_->{from}: $_->{text}" } @{ document('guardian', GET => "/threads/$thread")->{items} }],
          ['guardian: Tuần này?', 'teacher: Trang 7'], 'both in their order');
is(document('teacher', GET => '/threads')->{items}[0]{messages}, 2, '... in the teacher\'s list too');
is(say('homeroom', 'a', $thread), '404 not-found', 'another teacher of the class has no part in it');
my $guardian2 = ask('guardian2', 'HS1', code => link_code($s1))->{status};
is("$guardian2 " . status('guardian2', GET => "/threads/$thread"), '201 404 not-found', 'nor has the other guardian');
is(say('guardian', 'x' x 2001, $thread), '400 invalid-request', 'too long');
is(join(' ', map { say('guardian', "Dạ $_", $thread) } 1 .. 6), join(' ', (201) x 5, '429 messages-too-many'), 'too many in an hour');
$refused = as('guardian', POST => "/threads/$thread/messages", { text => 'Dạ' })->{headers}{'retry-after'};
ok($refused > 3600 - 600 && $refused <= 3600, '... until an hour after the first') or diag $refused;
say('teacher', 'Vâng', $thread) for 1 .. 4;
all_wait('lock table plugin_school.messages in exclusive mode', map { sub { say('teacher', 'Vâng', $thread) } } 1 .. 3);
is($db->sql("select count(*) from plugin_school.messages where from_staff"), 6, '... also when they come at once');
decide(document('guardian', GET => '/links')->{items}[0]{id}, decision => 'revoked', reason => 'Tòa án');
is(say('guardian', 'a', $thread), '404 not-found', 'who is no guardian any more has no thread either');
is(say('teacher', 'a', $thread), '409 thread-over', '... and is not written to');
is(document('teacher', GET => "/threads/$thread")->{thread}{messages}, 12,
   '... though the teacher still reads it');
my $second = document('guardian2', POST => "/students/$s1/threads",
                      { staff => $id{g2}, title => 'Hỏi', text => 'Chào' })->{id};
is(say('guardian2', 'a', $second), 201, 'a guardian writes to who teaches the child');
is_deeply(document('guardian', GET => '/threads')->{items}, [], '... in no list');
$db->sql("update plugin_school.teachings set valid_to = plugin_school.today() where subject = 'ngu-van'");
is(status('teacher', GET => "/threads/$thread"), '404 not-found', 'nor who does not teach the child any more');
is(say('guardian2', 'a', $second), '409 thread-over', '... who is not written to');


# Both write at one moment, the teacher before the guardian has an answer: it is of what the
# guardian has written.

$db->sql("update plugin_school.messages set sent_at = sent_at - interval '1 hour'");
my $third = document('guardian2', POST => "/students/$s1/threads", { staff => $id{g1}, title => 'Hỏi', text => 'Chào' })->{id};
$db->sql('create trigger waits after insert on plugin_school.messages for each row
              when (not new.from_staff) execute function plugin_school.waits()');
my $writes = sub { return as('guardian2', POST => "/threads/$third/messages", { text => 'Em ốm' }, headers => { 'Idempotency-Key' => 'both' }) };
my $session = $db->session;
$session->do('begin; select pg_advisory_xact_lock(1)');
my $writer = beside($writes);
ok(wait_until($held, 20), 'a guardian is writing');
is(say('homeroom', 'Mai thi', $third), 201, '... the teacher has written');
$session->do('rollback');
waitpid $writer, 0;
is($writes->()->{json}{text}, 'Em ốm', '... each has its own');
$db->sql('drop trigger waits on plugin_school.messages; drop function plugin_school.waits');


# What the gateway has no answer of any more, under the same key: it is said once.

sub again {
    my ($path, $n, %body) = @_;
    $db->sql('delete from core.idempotency_keys');
    return as('guardian2', POST => $path, \%body, headers => { 'Idempotency-Key' => "again-$n" });
}

my %said = ("/threads/$third/messages" => [{ text => 'Cảm ơn' }, "messages where text = 'Cảm ơn'"],
            "/students/$s1/threads" => [{ staff => $id{g1}, title => 'Toán', text => 'Chào' }, "threads where title = 'Toán'"],
            "/students/$s1/leave" => [{ first_day => today(9), last_day => today(9), reason => 'Về quê' }, "leave_requests where reason = 'Về quê'"]);
for my $path (sort keys %said) {
    my ($body, $rows) = @{ $said{$path} };
    my @answers = map { again($path, 1, %$body) } 1 .. 2;
    is_deeply([map { $_->{status} } @answers], [201, 201], "$path: again");
    is_deeply($answers[1]{json}, $answers[0]{json}, '... is the same');
    is($db->sql("select count(*) from plugin_school.$rows"), 1, '... once');
    my ($words) = grep { exists $body->{$_} } qw(text reason);
    is(again($path, 1, %$body, $words => 'Khác')->{json}{type}, 'urn:ihanoi:problem:idempotency-key-reused', '... and nothing else');
    is(again($path, 2, %$body)->{status}, $words eq 'text' ? 201 : 409, '... under another key it is another');
}

my %linking = (school => 'thcs-a', student_code => 'HS2', kind => 'guardian');
for my $more ([], [code => link_code($s2)]) {
    my @answers = map { again('/links', "link-" . @$more, %linking, @$more) } 1 .. 2;
    is_deeply([map { $_->{status} } @answers], [201, 201], @$more ? 'a code is told again' : 'a link is asked for again');
    is_deeply($answers[1]{json}, $answers[0]{json}, '... and is the same link');
    is(again('/links', "link-" . @$more, %linking, @$more, kind => 'student')->{json}{type}, 'urn:ihanoi:problem:idempotency-key-reused', '... and no other');
}

# What was said under it may be out of sight: of the guardian's other child, of a class that
# the teacher does not teach any more.
sub reused { my ($r) = @_; return "$r->{status} " . $r->{json}{type} =~ s/.*://r }
$db->sql("update plugin_school.messages set sent_at = sent_at - interval '1 hour'");
my $other = again("/students/$s2/threads", 3, staff => $id{g1}, title => 'Văn', text => 'Chào')->{json}{id};
is(reused(again("/students/$s2/threads", 1, staff => $id{g1}, title => 'Toán', text => 'Chào')), '422 idempotency-key-reused',
   'a thread of another child under its key');
is(reused(again("/threads/$other/messages", 1, text => 'Cảm ơn')), '422 idempotency-key-reused', '... a message');
is(reused(again("/students/$s2/leave", 1, first_day => today(9), last_day => today(9), reason => 'Về quê')), '422 idempotency-key-reused',
   '... leave');
my $notify = sub { return as('teacher', POST => "/classes/$_[0]/notices", { title => 'Họp', text => 'x' }, headers => { 'Idempotency-Key' => 'once' }) };
is($notify->($id{c7b})->{status}, 404, 'no notice to a class of others');
$db->sql("insert into plugin_school.teachings (school, year, class, staff, valid_from, valid_to)
          select school, year, class, '$id{g2}', valid_from, valid_to from plugin_school.teachings where class = '$id{c7b}' limit 1");
is($notify->($id{c7b})->{status}, 201, '... to one\'s own');
$db->sql("update plugin_school.teachings set class = '$c7a' where class = '$id{c7b}' and staff = '$id{g2}'; delete from core.idempotency_keys");
is(reused($notify->($c7a)), '422 idempotency-key-reused', '... under the key of one to another class');


# A child who moves and then leaves, each a day ago: the family keeps what was told while the
# child was there, has what the new class was told before, and hears no more of the old one.

my $sequence = 1;
my $days_pass = sub { $db->sql("set session_replication_role = replica; set search_path = plugin_school;
    update class_students set valid_from = valid_from - 1, valid_to = valid_to - ended::int where student = '$s1';
    update notices set published_at = published_at - interval '1 day'") };
my $moves = sub {
    my ($class) = @_;
    my @rows = map { $_->[1] ne 'HS1' ? $_ : $class ? [@$_[0 .. 3], $class] : () } @School::Test::ROSTER;
    is(roster('admin', content => csv(@rows), sequence => ++$sequence)->{status}, 200, $class ? "the child is in $class" : 'the child leaves');
    $days_pass->();
};
my $tell = sub { my ($title, $class) = @_; return document('admin', POST => $class ? "/classes/$class/notices" : '/schools/thcs-a/notices',
    { title => "- $title", text => 'x' })->{id} };
my $told = sub { return join ', ', grep { s/^- // } split /, /, $titles->('b-6', $s1) };

ask('b-6', 'HS1', code => link_code($s1));
$days_pass->();
my $kept = $tell->('7A before', $c7a);
$tell->('7B before', $id{c7b});
is($told->(), '7A before', 'a notice to the class');
$moves->('7B');
my $after = $tell->('7A after', $c7a);
$tell->('7B after', $id{c7b});
is($told->(), '7B after, 7B before, 7A before', '... is still there, with those of the new class');
is(status('b-6', PUT => "/students/$s1/notices/$kept/receipt"), 200, '... it can be read');
is(status('b-6', PUT => "/students/$s1/notices/$after/receipt"), '404 not-found', '... and not one that came later');
$tell->('school before');
$moves->();
$tell->('school after');
$tell->('7B later', $id{c7b});
is($told->(), 'school before, 7B after, 7B before, 7A before', '... and what was told until then stays');
$moves->('7A');


# What is not as it should be

is(status('guardian', POST => "/students/$s1/threads", { staff => "' or 1=1", title => 'a', text => 'b' }), '400 invalid-request', 'no id');
is(status('guardian', GET => "/threads?cursor=1'"), '400 invalid-request', 'no cursor');
is(status('admin', POST => '/schools/thcs-a/notices', { title => 'Họp', text => "a\nb", @$_ }), '400 invalid-request', "no $_->[0]")
    for [title => ' '], [title => "\x{200b} \n"], [text => "\x{a0}" x 5000];
for my $text ('a' . "\x{301}" x 4999, "\x{fb2c}" x 5000) {
    is(as('admin', POST => '/schools/thcs-a/notices', { title => 'Họp', text => $text })->{status}, 201, 'a text that does not compose within its length is taken as it is');
}
is(as('admin', POST => '/schools/thcs-a/notices', { title => "\x{200b}\x{1f600}\n", text => "\n" x 4999 . '.' })->{status}, 201, 'but one sign is enough');
is(status('guardian', GET => '/threads?cursor=thread.999999999999999999'), 200, 'a cursor of nothing');
is(status('guardian', GET => "/threads?cursor=$_"), '400 invalid-request', "a cursor of another list: $_")
    for document('b-6', GET => "/students/$s1/notices?limit=1")->{next}, 'message.1', '1';
is(status('guardian', GET => "/students/$s1/marks?year=$year&subject=" . 'a' x 5000), '400 invalid-request', 'too long a subject');
is(status('guardian', GET => '/students/00000000-0000-4000-8000-000000000000'), '404 not-found', 'nobody');
is(status('admin', PUT => '/schools/thcs-a', { name => 'x', first_grade => 1, last_grade => 2 }) =~ s/ .*//r, 403, 'an administrator makes no school');
my %key = (text => 'x', private => scalar `openssl genpkey -algorithm ed25519`);
$key{$_} = `openssl genpkey -algorithm $_ | openssl pkey -pubout` for qw(ed25519 x25519 ed448);
$key{half} = substr $key{ed25519}, 0, 60;
is(status('office', PUT => '/schools/thcs-c', { name => 'Trường C', first_grade => 6, last_grade => 9, import_key => $key{$_} }),
   $_ eq 'ed25519' ? 200 : '400 invalid-request', "a key for rosters: $_") for sort keys %key;
is(status('office', PUT => '/schools/thcs-a/administrators', { issuer => $IHanoi::Test::ISSUER, subject => 'admin-a', valid_to => today() }), 200,
   'an administrator is ended');
is(status('admin', GET => '/schools/thcs-a/reads'), '404 not-found', '... at once');

is(status('office', PUT => '/schools/thcs-a/administrators', { issuer => $IHanoi::Test::ISSUER, subject => 'admin-a', valid_from => today(1) }), 200,
   'one who begins tomorrow');
is(status('admin', GET => '/schools/thcs-a/reads'), '404 not-found', '... is none today');

# The demo data
my $demo = text_of('plugins/school/demo/school.sql');
my $schema = $db->sql("select nspname from pg_namespace where nspname like 'code_school_%'");
my $load = "set search_path = $schema, plugin_school, public; begin; $demo commit;";
is($db->sql_error($load), '', 'the demo data can be made');
is($db->sql_error($load), '', '... and, when that was ended halfway, again');
is($db->sql("select count(*) from plugin_school.marks m join plugin_school.classes c on c.id = m.class where school = 'demo-thcs'"), 10, '... with marks');
is($db->sql("select count(*) from plugin_school.threads t join plugin_school.staff f on f.id = t.staff where school = 'demo-thcs'"), 1, '... and no message twice');

done_testing;
