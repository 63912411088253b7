# Rosters: taken whole or not at all, once, in their order, from whoever the school is;
# and what ends when somebody is not in one any more.

use lib 'tests/lib', 'plugins/school/tests/lib';
use IHanoi::Test;
use JSON::PP ();
use School::Test;

my ($gw, $db) = school(expect_log => [qr/exited on signal 9/, qr/open socket/]);
world();
my @base = @School::Test::ROSTER;
my $n = 1;

sub said { my ($r) = @_; return $r->{status} . ($r->{json}{type} ? ' ' . $r->{json}{type} =~ s/.*://r : '') }
sub send_rows { my ($rows, %more) = @_; return roster('admin', content => csv(@$rows), sequence => $more{sequence} // ++$n, %more) }

# All that a roster is about, as one text.
sub stands {
    return $db->sql(q{select md5(string_agg(x::text, ' ' order by x::text)) from (
        select row(code, name, grade) x from plugin_school.classes union all
        select row(code, name, person) from plugin_school.staff union all
        select row(code, name, birth_date) from plugin_school.students union all
        select row(class, student, valid_from, valid_to, ended) from plugin_school.class_students union all
        select row(class, staff, subject, valid_from, valid_to, ended) from plugin_school.teachings union all
        select row(school, sequence) from plugin_school.imports) y});
}


# Again, in another order, half, by others

my $before = stands();
my $content = csv(@base);
my $r = roster('admin', content => $content, sequence => 1);
is(said($r), 200, 'the same number with the same content');
is($r->{json}{changed}{students}, 3, '... is told what came of it the first time');
is(said(roster('admin', content => "$content\n", sequence => 1)), '409 import-number-used', 'with another content it is refused');
is(stands(), $before, '... and nothing has changed');
$r = send_rows(\@base);
is_deeply([$r->{status}, grep { $_ } values %{ $r->{json}{changed} }], [200], 'the same rows under a new number change nothing');
$n = 10;
is(send_rows(\@base)->{status}, 200, 'numbers may be left out');
is(said(roster('admin', content => csv(@base, [student => 'HS4', 'Học sinh 4', '2014-01-01', '7A']), sequence => 5)),
   '409 import-too-late', 'one that was overtaken is refused');
$before = stands();

my $token = signature($content, sequence => 12);
my %wrong = (
    'another content'     => { content => csv(@base[0 .. 9]), signature => $token },
    'half a content'      => { content => substr($content, 0, length($content) / 2), signature => $token },
    'another school'      => { content => $content, signature => signature($content, sequence => 12, sub => 'th-b') },
    'another year'        => { content => $content, signature => signature($content, sequence => 12, year => $year - 1) },
    "another school's key" => { content => $content, signature => signature($content, sequence => 12, key => 'b') },
    'a time that is over' => { content => $content, signature => signature($content, sequence => 12, exp => time - 3600, iat => time - 7200) },
    'no number'           => { content => $content, signature => signature($content) },
    'a number that is none' => { content => $content, signature => signature($content, sequence => 1.5) },
    'a caller\'s token'   => { content => $content, signature => token(sub => 'thcs-a') },
    'no token'            => { content => $content, signature => 'x.y.z' },
    'no algorithm'        => { content => $content, signature => 'eyJhbGciOiJub25lIn0.' . (split /\./, $token)[1] . '.' },
);
for my $what (sort keys %wrong) {
    is(said(roster('admin', %{ $wrong{$what} })), '422 import-signature', "a signature of $what is refused");
}
is(said(roster($_, content => $content, signature => $token)), '404 not-found', "nor does $_ send a roster, whoever signed it")
    for qw(admin_b homeroom guardian nobody);
is(said(roster('admin', content => $content, signature => $token, school => 'th-b')), '404 not-found', 'nor for another school');
is(as('admin', PUT => "/schools/thcs-a/years/$year/roster", undef)->{status}, 400, 'no body');
is(roster('admin', content => 'x' x 400_001, signature => $token)->{status}, 400, 'too large');
is(stands(), $before, 'none of them has changed anything');
like($gw->get('/metrics')->{content}, qr/imports_total\{[^}]*outcome="signature"[^}]*\} 11\b/, 'they are counted');


# Faults, by line

$r = send_rows([@base, [student => 'HS5', 'Học sinh 5', '2014-02-30', '7A'], [student => 'HS1', 'Học sinh 1', '2014-03-01', '7B'],
    [student => 'HS6', "\x{a0}\x{200b} \x{202f}\x{2061}\x{85}", '2014-01-01', '9Z'], [class => '5A', 'Lớp 5A', 5], [staff => 'GV9', 'Giáo viên 9', 'gv-a1'],
    [teaching => 'GV8', '7A', 'toan'], [teaching => 'GV1', '7A', 'hoa-hoc'], [pupil => 'x']]);
is(said($r), '422 roster-faulty', 'a roster with faults');
is_deeply([map { "$_->{line} $_->{field} $_->{fault}" } @{ $r->{json}{faults} }],
    ['14 birth_date form', '15 code twice', '16 class unknown', '16 name length', '17 grade not-of-school',
     '18 account twice', '19 staff unknown', '20 subject unknown', '21 kind unknown'], '... which are told by line');
is(stands(), $before, '... all of it is refused');
is($r->{json}{count}, 9, '... and counted');
$r = send_rows([@base, map { [student => "HX$_", '', '2014-01-01', '7A'] } 1 .. 150]);
is_deeply([$r->{json}{count}, scalar @{ $r->{json}{faults} }], [150 + 52, 100], 'of many the first hundred are told');

my %csv = ('"quote' => 'quote', "kind,code\nclass" => 'fields', "kind,colour\n" => 'header', "kind,kind\n" => 'header',
           "kind,code\n" => 'empty', "kind,code\nclass,\"a\"b" => 'quote', "kind,code\rclass,a" => 'quote');
for my $text (sort keys %csv) {
    $r = roster('admin', content => $text, sequence => ++$n);
    is($r->{json}{faults}[0]{fault}, $csv{$text}, 'CSV: ' . $text =~ s/[\r\n]/|/gr);
}
my %json = ('{}' => 'json', '[1]' => 'json', '[' => 'json', '[]' => 'empty', '[{"kind": true}]' => 'fields', '[{"x": "y"}]' => 'header');
for my $text (sort keys %json) {
    $r = roster('admin', format => 'json', content => $text, sequence => ++$n);
    is($r->{json}{faults}[0]{fault}, $json{$text}, "JSON: $text");
}
is(stands(), $before, 'nothing has changed');

# What stands between the names stands between all fields, and nothing else does.
for my $separator (';', "\t") {
    my %faults = ("kind;code,name\n" => 'header', "kind;code\nclass,7A" => 'fields', "kind;code\nclass;7A;b" => 'fields',
                  "kind;code\nclass;\"7A\",b" => 'quote', "\"kind\";\"code\"\n" => 'empty');
    for my $text (sort keys %faults) {
        $r = roster('admin', content => $text =~ s/;/$separator/gr, sequence => ++$n);
        is($r->{json}{faults}[0]{fault}, $faults{$text}, 'separated by ' . ($separator =~ s/\t/a tab/r) . ': ' . $text =~ s/\n/|/gr);
    }

    $r = roster('admin', content => csv(@base) =~ s/,/$separator/gr =~ s/Học sinh 1/"Học; sinh, 1"/r, sequence => ++$n);
    is($db->sql("select name from plugin_school.students where code = 'HS1'"), 'Học; sinh, 1', '... a whole roster') or diag $r->{content};
    is(send_rows(\@base)->{json}{changed}{students}, 1, '... and back');
}


# What changes

my @fields = ([qw(kind code name grade)], [qw(kind code name account)], [qw(kind code name birth_date class)], [qw(kind staff class subject)]);
my %of = (class => $fields[0], staff => $fields[1], student => $fields[2], teaching => $fields[3]);
my $as_json = JSON::PP->new->canonical->encode([map { my %row; @row{ @{ $of{ $_->[0] } } } = @$_; \%row } @base]);
$r = roster('admin', format => 'json', content => $as_json, sequence => ++$n);
is_deeply([$r->{status}, grep { $_ } values %{ $r->{json}{changed} // {} }], [200], 'the same rows in JSON change nothing') or diag $r->{content};

sub missed {
    my ($who, $class, $day) = @_;
    return as($who, PUT => "/classes/$class/attendance", { day => $day, session => 'morning',
        records => [{ student => $id{s1}, state => 'absent' }] });
}
is(missed('homeroom', $id{c7a}, today($_))->{status}, 200, 'a teacher writes down who is missing') for -1, 0;
for my $of (['homeroom', 'toan', '8'], ['teacher', 'ngu-van', '6']) {
    my ($who, $subject, $value) = @$of;
    is(as($who, PUT => "/classes/$id{c7a}/marks", { subject => $subject, term => 1, kind => 'tx',
        marks => [{ student => $id{s1}, value => $value }] })->{status}, 200, "... and gives a mark in $subject");
}
my @moved = map { $_->[0] eq 'student' && $_->[1] eq 'HS1' ? [student => 'HS1', 'Học "sinh", 1', '2014-03-01', '7B'] : $_ } @base;
is(as('homeroom', GET => "/students/$id{s1}")->{status}, 200, 'a teacher sees a student of the class');
$r = send_rows(\@moved);
is_deeply([@{ $r->{json}{changed} }{qw(students left joined)}], [1, 1, 1], 'a student moves, and is spelt in another way');
is(as('homeroom', GET => "/students/$id{s1}")->{status}, 404, '... the class before does not see the student any more');
is(as('teacher_x', GET => "/students/$id{s1}")->{json}{name}, 'Học "sinh", 1', '... the new one does');
is(missed('teacher_x', $id{c7b}, today())->{status}, 200, '... and writes down who is missing from that day on');
$r = missed('teacher_x', $id{c7b}, today(-1));
is(said($r), '422 student-not-of-class', '... not over what the class before did');
is_deeply($r->{json}{students}, [$id{s1}], '... and is told of whom');
for my $list ("/students/$id{s1}/marks?year=$year", "/classes/$id{c7b}/marks?subject=toan&term=1") {
    is_deeply([map { "$_->{subject} $_->{value}" } @{ as('teacher_x', GET => $list)->{json}{items} }], ['toan 8'],
              '... and sees what was given before in what he or she teaches: ' . $list =~ s/.*[?]//r);
}
is(as('teacher_x', PUT => "/classes/$id{c7a}/marks", { subject => 'toan', term => 1, kind => 'tx',
    marks => [{ student => $id{s1}, value => '9' }] })->{status}, 404, '... which stays as it is');
is(send_rows(\@base)->{json}{changed}{joined}, 1, 'and back on the same day');
is(as('homeroom', GET => "/students/$id{s1}")->{status}, 200, '... is seen again');

my @swapped = map { $_->[0] eq 'staff' && $_->[1] =~ /GV([12])/ ? [staff => $_->[1], $_->[2], 'gv-a' . (3 - $1)] : $_ } @base;
is(send_rows(\@swapped)->{json}{changed}{staff}, 2, 'two of the staff swap their accounts');
is(send_rows([grep { $_->[1] !~ /GV3/ } @base])->{json}{changed}{teachings_ended}, 1, 'one leaves');
is(as('teacher_x', GET => "/students/$id{s3}")->{status}, 404, '... and sees nothing from then on');
is(said(send_rows([[staff => 'GV4', 'Giáo viên 4', 'gv-a3'], grep { $_->[1] !~ /GV3/ } @base])), '409 account-taken',
   'the account of somebody who has left is still that one\'s');
is(send_rows(\@base)->{status}, 200, 'and all is as it was');
is(said(send_rows(\@base, year => $year - 20)), '422 school-year-unknown', 'a year that nobody knows');

# A family asks before the roster comes that has the student
my %early = map { $_ => as('nobody', POST => '/links', { school => 'thcs-a', student_code => $_, kind => 'guardian' })->{json}{id} } qw(HS7 HS8);
my $verify = sub { my ($code) = @_; return said(as('admin', PUT => "/links/$early{$code}/decision", { decision => 'verified' })) };
is($verify->('HS7'), '422 student-unknown', 'a link with a student whom the school has not sent');
send_rows([@base, [student => 'HS7', 'Học sinh 7', '2014-01-01', '7A']]);
is_deeply([map { "$_->{student_code} " . ($_->{student_name} // '') } @{ as('admin', GET => '/schools/thcs-a/links')->{json}{items} }],
    ['HS7 Học sinh 7', 'HS8 '], '... is one with the student whom the next roster has');
is($verify->('HS7') . ', ' . $verify->('HS8'), '200, 422 student-unknown', '... and is verified then');
is(as('nobody', GET => '/students')->{json}{items}[0]{code}, 'HS7', '... and opens the student');
send_rows(\@base);

# A roster that ends many
my @large = (@base, map { [student => sprintf('L%03d', $_), "Học sinh $_", '2014-01-01', $_ % 2 ? '7A' : '7B'] } 1 .. 97);
is(send_rows(\@large)->{json}{changed}{joined}, 97, 'a hundred students');
$r = send_rows([@large[0 .. 60]]);
is(said($r), '409 roster-ends-many', 'half a file that was signed as a whole');
is_deeply([@{ $r->{json} }{qw(ends of)}], [48, 100], '... says how many would go');
is(send_rows([@large[0 .. 60]], may_end => 47)->{status}, 409, '... and is refused while more would than were said');
my @other = map { my @row = @$_; $row[4] = $row[4] eq '7A' ? '7B' : '7A' if $row[0] eq 'student'; \@row } @large;
is_deeply([@{ send_rows(\@other)->{json}{changed} // {} }{qw(left joined)}], [100, 100], '... but whoever only moves is not missing');
send_rows(\@large);
is(send_rows([@large[0 .. 60]], may_end => 48)->{json}{changed}{left}, 48, '... until the signature says that they may');


# At the same time: whichever is first, each is whole.

my @pids = map { my $i = $_; beside(sub { roster('admin', sequence => $n + $i, content => csv(@large,
    [student => "P$i", "Học sinh $i", '2014-01-01', '7A'])) }) } 1 .. 4;
waitpid $_, 0 for @pids;
my @taken = map { $_->[0] } $db->sql("select sequence from plugin_school.imports where sequence > $n and school = 'thcs-a' order by 1");
cmp_ok(scalar @taken, '>=', 1, 'of four at once some are taken');
my $last = $taken[-1] - $n;
is($db->sql("select string_agg(s.code, ' ') from plugin_school.class_students m join plugin_school.students s on s.id = m.student
             where not m.ended and s.code like 'P%'"), "P$last", '... and what stands is the last one, whole');
$n += 4;


# The later one is in its middle when the earlier one comes: that one has to wait, and is
# too late.
{
    my $session = $db->session;
    my @renamed = map { my @row = @$_; $row[2] .= ' sau' if $row[1] eq 'HS1'; \@row } @large;
    my @other = map { my @row = @$_; $row[2] .= ' trước' if $row[1] eq 'HS1'; \@row } @large;
    my $waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and usename = 'plugin_school'
                         and datname = current_database()";

    $session->do("begin; select 1 from plugin_school.students where code = 'HS1' and school = 'thcs-a' for update");
    @pids = beside(sub { roster('admin', content => csv(@renamed), sequence => $n + 2) });
    ok(wait_until(sub { $db->sql($waiting) == 1 }, 20), 'an import is in its middle');
    push @pids, beside(sub { roster('admin', content => csv(@other), sequence => $n + 1) });
    ok(wait_until(sub { $db->sql($waiting) == 2 }, 20), '... an earlier one comes');
    $session->do('rollback');
    waitpid $_, 0 for @pids;
    is($db->sql("select name from plugin_school.students where code = 'HS1' and school = 'thcs-a'"), 'Học sinh 1 sau', '... and is too late');
    is(send_rows(\@large, sequence => $n + 3)->{status}, 200, '... which the next one is not');
    $n += 3;
}


# The school decides on a link, and a family asks for one, while the roster that has the
# student is in its middle.
{
    my $link = as('nobody', POST => '/links', { school => 'thcs-a', student_code => 'HS9', kind => 'guardian' })->{json}{id};
    my $session = $db->session;
    my $waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and usename = 'plugin_school'
                         and datname = current_database()";

    $session->do("begin; select 1 from plugin_school.class_students where student = '$id{s2}' for update");
    my $import = beside(sub { send_rows([[student => 'HS9', 'Học sinh 9', '2014-01-01', '7A'], grep { $_->[1] ne 'HS2' } @large]) });
    ok(wait_until(sub { $db->sql($waiting) == 1 }, 20), 'a roster is in its middle');
    my $desk = $gw->connection(timeout => 30);
    $desk->send($desk->format(PUT => "/v1/school/links/$link/decision", token => token(sub => 'admin-a'), json => { decision => 'verified' }, close => 1));
    ok(wait_until(sub { $db->sql($waiting) == 2 }, 20), '... the school verifies a link with a student whom it brings');
    my $family = $gw->connection(timeout => 30);
    $family->send($family->format(POST => '/v1/school/links', token => token(sub => 'b-9'), key => "late-$$", close => 1,
                                  json => { school => 'thcs-a', student_code => 'HS9', kind => 'guardian' }));
    ok(wait_until(sub { $db->sql($waiting) == 3 }, 20), '... and a family asks for one');
    $session->do('rollback');
    my $r = $desk->response;
    is_deeply([$r->{status}, $r->{json}{student_name}], [200, 'Học sinh 9'], '... which it is') or diag $r->{content};
    waitpid $import, 0;
    $r = as('admin', PUT => '/links/' . $family->response->{json}{id} . '/decision', { decision => 'verified' });
    is_deeply([$r->{status}, $r->{json}{student_name}], [200, 'Học sinh 9'], '... so is that one') or diag $r->{content};
    $n++;
    is(send_rows(\@large)->{status}, 200, '... and all is as it was');
}


# Killed in the middle: the classes are written, the students wait for a lock.

my @renamed = map { my @row = @$_; $row[2] .= ' mới' if $row[0] =~ /class|student/; \@row } @large;

for my $what (qw(worker backend)) {
    $before = stands();
    my $session = $db->session;
    $session->do("begin; select 1 from plugin_school.students where code = 'HS1' and school = 'thcs-a' for update");
    my $pid = beside(sub { roster('admin', content => csv(@renamed), sequence => $n + 1) });
    my $waiting = "from pg_stat_activity where wait_event_type = 'Lock' and usename = 'plugin_school'
                         and datname = current_database()";
    ok(wait_until(sub { $db->sql("select count(*) $waiting") }, 20), "an import is in its middle: the $what is killed");

    if ($what eq 'worker') {
        my @old = $gw->workers;
        kill KILL => @old;
        ok(wait_until(sub { !$db->sql("select count(*) $waiting") }, 30), '... the database gives it up');
    } else {
        $db->sql("select pg_terminate_backend(pid) $waiting");
    }

    waitpid $pid, 0;
    $session->do('rollback');
    undef $session;
    is(stands(), $before, '... nothing of it is there');
    ok(wait_until(sub { my $r = eval { roster('admin', content => csv(@renamed), sequence => $n + 1) };
                        $r && $r->{status} == 200 }, 40), '... sent again it is taken');
    isnt(stands(), $before, '... whole');
    is($db->sql("select count(*) from plugin_school.students where school = 'thcs-a' and name like '% mới'"), 100, '... each row of it')
        if $what eq 'worker';
    $n++;
    @renamed = @large;
}

is($db->sql("select count(*) from plugin_school.calls c where operation = 'school_roster_import' and not exists (
                 select from plugin_school.reads r where r.call = c.id and r.school = 'thcs-a' and r.student is null)
                 and exists (select from plugin_school.imports i where i.taken_at = c.at and i.school = 'thcs-a')"), 0,
   'each that was taken is in the audit');

done_testing;
