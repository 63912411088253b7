# Who may do what: each operation of the contract by each kind of person; that nothing of
# a child is answered that the audit does not have; and that the database holds both
# when a function forgets them.

use lib 'tests/lib', 'plugins/school/tests/lib';
use IHanoi::Test;
use IHanoi::Test::Contract;
use JSON::PP ();
use School::Test;

my ($gw, $db) = school();
world();

my @people = qw(guardian other ex student teacher homeroom teacher_x admin admin_b nobody);
my ($s1, $c7a) = @id{qw(s1 c7a)};
my $n = 0;

sub made {
    my ($r) = @_;
    $r->{status} =~ /^20/ or die "$r->{content}\n", $gw->error_log;
    return $r->{json};
}

# Things to do something to, each made by who may, and again when one was used up.
my (%made, $day);
$day = 3;

sub thing {
    my ($what) = @_;
    return $made{$what} //= {
        thread => sub { as('guardian', POST => "/students/$s1/threads",
                           { staff => $id{g2}, title => 'Hỏi', text => 'Chào' }) },
        notice => sub { as('homeroom', POST => "/classes/$c7a/notices", { title => 'Họp', text => 'Thứ bảy' }) },
        link   => sub { as('neighbour', POST => '/links',
                           { school => 'thcs-a', student_code => 'HS1', kind => 'guardian' }) },
        leave  => sub { $day += 2; as('guardian', POST => "/students/$s1/leave",
                           { first_day => today($day), last_day => today($day), reason => 'Việc nhà' }) },
    }->{$what}->()->{json}{id} // die "no $what\n", $gw->error_log;
}

# What a roster of thcs-a would be, each time with another number.
my $sequence = 1;
my $roster = sub {
    my $content = csv(@School::Test::ROSTER);
    return { format => 'csv', content => $content,
             signature => signature($content, sequence => ++$sequence) };
};

# Each operation: a request, made anew for each person, and who gets what. Whoever is not
# named gets 404: that there is such a child is nobody's business.
my %matrix = (
    school_school_put => [sub { (PUT => '/schools/thcs-c', { name => 'Trường C', first_grade => 6, last_grade => 9 }) },
        default => 403, office => 200],
    school_administrator_put => [sub { (PUT => '/schools/th-b/administrators', { issuer => 'https://x.example', subject => 'x' }) },
        default => 403, office => 200],
    school_roster_import => [sub { (PUT => "/schools/thcs-a/years/$year/roster", $roster->()) }, admin => 200],
    school_links_desk => [sub { (GET => '/schools/thcs-a/links?state=verified') }, admin => 200],
    school_link_decide => [sub { (PUT => '/links/' . thing('link') . '/decision', { decision => 'refused', reason => 'Không rõ' }) },
        admin => 200],
    school_link_code_put => [sub { (PUT => "/students/$s1/link-code", { kind => 'guardian' }) }, admin => 200],
    school_school_reads => [sub { (GET => '/schools/thcs-a/reads') }, admin => 200],
    school_notice_publish_school => [sub { (POST => '/schools/thcs-a/notices', { title => 'Nghỉ', text => 'Bão' }) },
        admin => 201],
    school_link_ask => [sub { (POST => '/links', { school => 'thcs-a', student_code => 'X' . ++$n, kind => 'guardian' }) },
        default => 201, office => 201],
    school_links_mine => [sub { (GET => '/links') }, default => 200, office => 200],
    school_link_withdraw => [sub { (PUT => "/links/$id{link_other}/withdrawal") }, other => 200],
    school_students_mine => [sub { (GET => '/students') }, default => 200, office => 200],
    school_student_read => [sub { (GET => "/students/$s1") },
        map { $_ => 200 } qw(guardian student teacher homeroom admin)],
    school_marks_list => [sub { (GET => "/students/$s1/marks?year=$year") },
        map { $_ => 200 } qw(guardian student teacher homeroom admin)],
    school_attendance_list => [sub { (GET => "/students/$s1/attendance?since=" . today(-7) . '&until=' . today(30)) },
        map { $_ => 200 } qw(guardian teacher homeroom admin)],
    school_student_reads => [sub { (GET => "/students/$s1/reads") }, guardian => 200, admin => 200],
    school_notices_list => [sub { (GET => "/students/$s1/notices") }, guardian => 200],
    school_notice_read => [sub { (PUT => "/students/$s1/notices/" . thing('notice') . '/receipt') }, guardian => 200],
    school_thread_open => [sub { (POST => "/students/$s1/threads", { staff => $id{g1}, title => 'Hỏi', text => 'Chào' }) },
        guardian => 201],
    school_threads_list => [sub { (GET => '/threads') }, default => 200, office => 200],
    school_thread_read => [sub { (GET => '/threads/' . thing('thread')) }, guardian => 200, teacher => 200],
    school_message_send => [sub { (POST => '/threads/' . thing('thread') . '/messages', { text => 'Vâng' }) },
        guardian => 201, teacher => 201],
    school_leave_ask => [sub { $day += 2; (POST => "/students/$s1/leave",
                               { first_day => today($day), last_day => today($day), reason => 'Ốm' }) }, guardian => 201],
    school_leave_list => [sub { (GET => "/students/$s1/leave") },
        map { $_ => 200 } qw(guardian teacher homeroom admin)],
    school_leave_decide => [sub { (PUT => '/leave/' . thing('leave') . '/decision', { decision => 'approved' }) },
        homeroom => 200, admin => 200, teacher => 403],
    school_leave_withdraw => [sub { (PUT => '/leave/' . thing('leave') . '/withdrawal') }, guardian => 200],
    school_class_list => [sub { (GET => "/classes?year=$year") }, default => 200, office => 200],
    school_class_students_list => [sub { (GET => "/classes/$c7a/students") },
        map { $_ => 200 } qw(teacher homeroom admin)],
    school_class_marks => [sub { (GET => "/classes/$c7a/marks?subject=toan&term=1") },
        map { $_ => 200 } qw(teacher homeroom admin)],
    school_marks_put => [sub { (PUT => "/classes/$c7a/marks", { subject => 'toan', term => 1, kind => 'tx',
                                marks => [{ student => $s1, value => '8.5' }] }) },
        homeroom => 200, teacher => 403],
    school_class_attendance => [sub { (GET => "/classes/$c7a/attendance?day=" . today()) },
        map { $_ => 200 } qw(teacher homeroom admin)],
    school_attendance_put => [sub { (PUT => "/classes/$c7a/attendance", { day => today(), session => 'morning',
                                     records => [{ student => $s1, state => 'absent' }] }) },
        homeroom => 200, teacher => 200],
    school_class_leave => [sub { (GET => "/classes/$c7a/leave") }, map { $_ => 200 } qw(teacher homeroom admin)],
    school_class_notices => [sub { (GET => "/classes/$c7a/notices") }, map { $_ => 200 } qw(teacher homeroom admin)],
    school_notice_publish_class => [sub { (POST => "/classes/$c7a/notices", { title => 'Họp', text => 'Thứ bảy' }) },
        map { $_ => 201 } qw(teacher homeroom admin)],
    school_regime_list => [sub { (GET => "/subjects?grade=7&year=$year") }, default => 200, office => 200],
);

my $contract = IHanoi::Test::Contract->new(tree() . '/plugins/school/openapi.json');
my @operations = map { $_->{id} } $contract->operations;

is_deeply([sort keys %matrix], [sort @operations], 'each operation of the contract is looked at');

# The students of both schools, by their id.
my %child = map { $_->[0] => $_->[1] } $db->sql('select id, code from plugin_school.students');

# What every answer below has to keep: a call is written down, and each child in the
# answer is among what it has read.
my $unwritten = '';

my $audit = $db->session;

sub audited {
    my ($operation, $who, $r) = @_;
    my ($call, @read) = split /\n/, $audit->do("select operation || '/' || person from plugin_school.calls
        where id = (select max(id) from plugin_school.calls);
        select s.id from plugin_school.reads r
          join plugin_school.students s on s.id = r.student or r.student is null and s.school = r.school
         where r.call = (select max(id) from plugin_school.calls)");
    my ($of, $person) = split m{/}, $call, 2;
    my %read = map { $_ => 1 } @read;
    my @shown = grep { $r->{content} =~ /\Q$_\E/ } sort keys %child;

    $unwritten .= "$operation by $who: $of by $person\n"
        if $of ne $operation || $person ne "$IHanoi::Test::ISSUER $person{$who}";
    $unwritten .= "$operation by $who: $child{$_}\n" for grep { !$read{$_} } @shown;
    return scalar @shown;
}

my (%good, %shows);

# Links are given up last.
for my $operation (sort { ($a =~ /withdraw/) <=> ($b =~ /withdraw/) || $a cmp $b } keys %matrix) {
    my ($request, %expected) = @{ $matrix{$operation} };
    my $default = delete $expected{default} // 404;
    my (@got, @wanted);

    for my $who (@people, 'office') {
        my $r = as($who, $request->());
        push @got, "$who $r->{status}";
        push @wanted, "$who " . ($expected{$who} // $default);
        next if $r->{status} !~ /^20/;
        delete @made{qw(link leave)} if $operation =~ /decide|leave_withdraw/;
        $good{$operation}++;
        $shows{$operation} += audited($operation, $who, $r);
    }

    push @got, 'none ' . as('none', $request->())->{status};
    push @wanted, 'none 401';
    is("@got", "@wanted", $operation) or diag $gw->error_log =~ s/.*\[(?:info|notice)\].*\n//gr;
}

is($unwritten, '', 'no answer has a child in it that its call has not written down');
is_deeply([grep { !$good{$_} } @operations], [], 'and each operation was answered at least once');
cmp_ok(scalar(grep { $_ } values %shows), '>', 15, 'and most of them show children');

# Who is refused is written down too, with nothing read.
is(as('nobody', GET => "/students/$s1/marks?year=$year")->{status}, 404, 'somebody without a right asks');
is($db->sql("select count(r.id) || ' ' || count(*) from plugin_school.calls c left join plugin_school.reads r on r.call = c.id
             where c.id = (select max(id) from plugin_school.calls) and c.person like '% nguoi-dung-9'
               and c.operation = 'school_marks_list'"), '0 1', 'that is known, too');

# HEAD, and what is not modified, are reads as any other.
my $before = $db->sql('select count(*) from plugin_school.reads');
as('guardian', HEAD => "/students/$s1");
is($db->sql('select count(*) from plugin_school.reads') - $before, 1, 'HEAD is a read as any other');


# In the database: the gateway's role, whatever SQL it sends.

my @personal = qw(students class_students staff administrators links link_codes link_attempts
                  marks marks_past attendance notices notice_receipts threads messages
                  leave_requests imports calls reads);
my @tables = map { $_->[0] } $db->sql("select relname from pg_class where relnamespace = 'plugin_school'::regnamespace
                                       and relkind = 'r' and relrowsecurity order by 1");
is_deeply(\@tables, [sort @personal], 'row security is on for each table with personal data');
is_deeply([map { $_->[0] } $db->sql("select relname from pg_class where relnamespace = 'plugin_school'::regnamespace
    and relkind = 'r' and not relrowsecurity order by 1")],
    [sort qw(schools years subjects classes teachings regimes regime_levels regime_kinds subject_regimes
             ihanoi_migrations)], 'and the others have none, one by one');
$db->sql("insert into plugin_school.marks_past (student, class, subject, term, kind, number, value, entered_by, entered_at)
          values ('$s1', '$c7a', 'toan', 1, 'tx', 1, '1', 'x', now())");

# Of tables or views, those in which a query sees something.
sub counts { return join ' union all ', map { "select '$_' where exists (select from $_)" } @_ }

is(join(' ', sort split /\n/, $audit->do('set search_path = plugin_school; ' . counts(@personal))),
   join(' ', sort @personal), 'there are rows in all of them');
is(sql_as_plugin(counts(@personal)), '', 'without a call nothing is seen in any of them');

my @views = map { $_->[0] } $db->sql("select viewname from pg_views where schemaname = 'plugin_school'");
is(sql_as_plugin(counts(@views)), '', 'nor in a view (' . @views . ')');

# A transaction that says who asks. call: a call's person as of %person.
sub asks {
    my ($who, $sql) = @_;
    my $caller = JSON::PP->new->canonical->encode({ iss => $IHanoi::Test::ISSUER, sub => $person{$who},
                                         operation => 'test', request_id => 'test' });
    return sql_as_plugin("begin; do \$\$ begin perform ask('$caller'); end \$\$; $sql; commit");
}

my @children = qw(students class_students marks marks_past attendance notice_receipts threads
                  messages leave_requests link_codes);
for my $who (@people) {
    is(asks($who, counts(@children)), '', "a call of $who that opens nobody sees no child's data");
}

my $open = sub { my ($student, $role, $school) = @_;
    return "insert into reads (call, school, student, role) select a.call, '" . ($school // 'thcs-a') . "', "
         . ($student ? "'$student'" : 'null') . ", '$role' from asking a" };
is(asks('guardian', $open->($s1, 'guardian') . '; select count(*) from students'), 1, 'one that opens a child sees that one');
like(asks('guardian', $open->($id{s3}, 'guardian')), qr/ERROR:  42501/, 'a guardian cannot open another child');
like(asks('guardian', $open->($s1, 'administrator')), qr/ERROR:  42501/, '... nor as somebody else');
like(asks('guardian', $open->(undef, 'administrator')), qr/ERROR:  42501/, '... nor the school');
like(asks('ex', $open->($s1, 'guardian')), qr/ERROR:  42501/, 'nor an ex-guardian that child');
like(asks('teacher_x', $open->($s1, 'teacher')), qr/ERROR:  42501/, 'nor a teacher of another class');
like(asks('admin_b', $open->($s1, 'administrator')), qr/ERROR:  42501/, 'nor the administrator of another school');
like(asks('nobody', "insert into links (person, kind, school, student_code, student, via, state, asked_until)
    select a.person, 'guardian', 'thcs-a', 'HS1', '$s1', 'request', 'verified', now() from asking a"),
    qr/ERROR:  42501/, 'nobody verifies a link for themselves');
like(asks('guardian', "do \$\$ begin perform ask('{\"iss\": \"x\", \"sub\": \"y\", \"operation\": \"o\", \"request_id\": \"r\"}'); end \$\$"),
    qr/ERROR:  23505/, 'a transaction speaks for one person');
is(asks('teacher', $open->($s1, 'teacher') . "; select count(*) from marks where subject = 'toan'"), 0,
   'a teacher sees no marks of a subject that somebody else teaches');
is(asks('homeroom', $open->($s1, 'teacher') . "; select count(*) from marks where subject = 'toan'"), 1, 'whoever teaches it does');
like(asks('teacher', $open->($s1, 'teacher') . "; insert into marks (student, class, subject, term, kind, number, value, entered_by)
    values ('$s1', '$c7a', 'toan', 1, 'gk', 1, '9', 'x')"), qr/ERROR:  42501/, '... nor enters them');
is(asks('admin', $open->($s1, 'administrator') . '; select count(*) from messages'), 0, 'the administrator reads no letters');

# An old row opens nothing, even if numbers of transactions begin anew elsewhere: here the
# audit's rows get the number of one that runs now.
my $xact = sql_as_plugin('begin; select pg_current_xact_id()');
$db->sql("set session_replication_role = replica; update plugin_school.calls set xact = '$xact'");
is(sql_as_plugin('select count(*) from students; rollback'), 0, 'rows of other transactions open nothing');

# Nothing of it is changed, by whomever.
for my $table (qw(calls reads marks_past link_attempts)) {
    like($db->sql_error("delete from plugin_school.$table"), qr/kept as they are/, "$table: no row is deleted");
    like($db->sql_error("update plugin_school.$table set id = default"), qr/kept as they are/, '... nor changed');
    like($db->sql_error("truncate plugin_school.$table cascade"), qr/kept as they are/, '... nor all of them');
}

done_testing;
