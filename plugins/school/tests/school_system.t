# A school's system that sends its day and misbehaves in each push of it: slow, half,
# twice, forged, gone before the answer. Beside it the system of another school sends the
# same day once, as it should; in the end both schools stand alike.

use lib 'tests/lib', 'plugins/school/tests/lib';
use IHanoi::Test;
use School::Test;
use School::System;

wait_for_day(240);
my ($gw, $db) = school(expect_log => [qr/exited on signal 9/, qr/open socket/]);
world();

sub said { my ($r) = @_; return !$r ? 'no answer' : $r->{status} . ($r->{json}{type} ? ' ' . $r->{json}{type} =~ s/.*://r : '') }

my %system;

for my $school (qw(thcs-good thcs-bad)) {
    my $account = "he-thong-$school";
    $system{$school} = School::System->new(
        port => $gw->port, school => $school, year => $year, today => today(), account => $account,
        token => sub {
            my ($which) = @_;
            return token(sub => $which eq 'stranger' ? 'he-thong-thcs-good' : $account,
                         $which eq 'expired' ? (iat => time - 7200, exp => time - 3600) : ());
        });

    is(said(as('office', PUT => "/schools/$school", { name => 'Trường THCS', first_grade => 6, last_grade => 9,
            import_key => $system{$school}->public_key })), 200, "the school office makes $school");
    is(said(as('office', PUT => "/schools/$school/administrators",
            { issuer => $IHanoi::Test::ISSUER, subject => $account })), 200, '... whose system administers it');
}
my ($good, $bad) = @system{qw(thcs-good thcs-bad)};


# All that stands of a school, with codes for ids: the same of two that did the same.
sub stands {
    my ($school) = @_;
    return $db->sql(<<"SQL") // '';
        set search_path = plugin_school;
        select string_agg(x::text, E'\\n' order by x::text) from (
            select row('class', code, name, grade) x from classes where school = '$school' union all
            select row('staff', code, name) from staff where school = '$school' union all
            select row('student', code, name, birth_date) from students where school = '$school' union all
            select row('sits', c.code, s.code, m.valid_from, m.valid_to, m.ended) from class_students m
                join classes c on c.id = m.class join students s on s.id = m.student where m.school = '$school' union all
            select row('teaches', c.code, f.code, t.subject, t.valid_from, t.valid_to, t.ended) from teachings t
                join classes c on c.id = t.class join staff f on f.id = t.staff where t.school = '$school' union all
            select row('import', sequence, report -> 'changed') from imports where school = '$school' union all
            select row('code', s.code, k.kind) from link_codes k join students s on s.id = k.student
                where s.school = '$school' and k.used_at is null and now() < k.expires_at union all
            select row('link', s.code, l.kind, l.state) from links l join students s on s.id = l.student
                where s.school = '$school' union all
            select row('mark', c.code, s.code, subject, term, kind, number, value) from marks m
                join classes c on c.id = m.class join students s on s.id = m.student where c.school = '$school' union all
            select row('was', c.code, s.code, value) from marks_past m
                join classes c on c.id = m.class join students s on s.id = m.student where c.school = '$school' union all
            select row('missed', c.code, s.code, day, session, state, excused, note) from attendance a
                join classes c on c.id = a.class join students s on s.id = a.student where c.school = '$school' union all
            select row('notice', c.code, title, text) from notices n left join classes c on c.id = n.class
                where n.school = '$school' union all
            select row('event', payload ->> 'class' is null) from core.outbox
                where topic = 'school' and event = 'notice_published' and payload ->> 'school' = '$school') y
SQL
}

sub waiting {
    my ($n) = @_;
    return wait_until(sub { $db->sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock'
                                      and datname = current_database()") == $n }, 20);
}

# What was sent is over, also when nobody waits for its answer.
sub over {
    return wait_until(sub { $db->sql("select (select count(*) from pg_stat_activity
                                             where usename in ('plugin_school', 'ihanoi_write')
                                               and state <> 'idle' and datname = current_database())
                                           + (select count(*) from core.key_leases where until > core.now())") == 0 }, 20);
}

# Pushes while nobody can begin: each operation writes down first who asks, and what a POST
# is answered again needs its key. Of two POSTs the second does not wait for the first.
sub held {
    my ($push, $mode, $first) = @_;
    my $post = $push->[0] eq 'POST';
    my $session = $db->session;

    $session->do('begin; lock table ' . ($post && !$first ? 'core.key_leases' : 'plugin_school.calls') . ' in share mode');
    $bad->misbehave($mode, sub {
        ok(waiting($mode eq 'leaves' || $post && $first ? 1 : 2), '... is in its middle');
        $session->do('rollback') if $mode eq 'twice';
    });
    my @answers = $bad->push($push);
    $session->do('rollback');
    return @answers;
}

# How each misbehaves, and what is said to it.
my %does = (
    trickled => sub { my ($push) = @_; $bad->misbehave('trickled'); return $bad->push($push) },
    again    => sub { my ($push) = @_; $bad->misbehave('again'); return $bad->push($push) },
    leaves   => sub { my ($push, $first) = @_; return held($push, 'leaves', $first) },
    twice    => sub { my ($push, $first) = @_; return held($push, 'twice', $first) },
    halts    => sub {
        my ($push) = @_;
        my $before = stands('thcs-bad');
        $bad->misbehave('halts', sub {
            is(said(as('guardian', GET => "/students/$id{s1}")), 200, '... halts: others are served');
            is(stands('thcs-bad'), $before, '... and nothing of half of it stands');
        });
        return $bad->push($push);
    },
);
my @order = sort keys %does;


# The day

my @others = map { stands($_) } qw(thcs-a th-b);
my @early;

for my $name ($good->day) {
    if ($name eq 'link') {
        is(said(as("gia-dinh-$_", POST => '/links', { school => $_, student_code => 'HS2', kind => 'guardian' })), 201,
           'a family asks for its link') for sort keys %system;
    } elsif ($name eq 'moves') {
        my $before = stands('thcs-bad');
        is(said($bad->push($bad->prepare('moved_marks'))), '422 student-not-of-class', 'marks that come before their roster');
        is(stands('thcs-bad'), $before, '... are not there');
    }

    my $post = $name =~ /notice|news/;
    my $fine = $post ? 201 : 200;
    is(said($good->push($good->prepare($name))), $fine, "$name, as it should be");

    my $should = stands('thcs-good');
    my $before = stands('thcs-bad');
    my $push = $bad->prepare($name);
    isnt($before, $should, '... changes something');

    my %refused = (half => 'no answer', forged => '401 token-invalid', expired => '401 token-invalid',
                   stranger => '404 not-found', $push->[2]{sequence} ? (unsigned => '422 import-signature') : ());
    for my $mode (sort keys %refused) {
        $bad->misbehave($mode);
        is(said($bad->push($push)), $refused{$mode}, "$name, $mode");
    }
    is(stands('thcs-bad'), $before, "$name: nothing of it stands");

    my %fine = (trickled => [$fine], halts => [$fine], leaves => [], again => [$fine, $fine],
                twice => [$post ? (201, '409 idempotency-key-in-use') : (200, 200)]);
    my $replays = 0;

    for my $mode (@order) {
        my $first = $mode eq $order[0];
        my @said = $does{$mode}->($push, $first);
        ok(over(), "$name, $mode: is over");
        my @told = sort map { said($_) } @said;
        my @expected = @{ $fine{$mode} };
        # Of what was done already both have its answer, unless they ask at one moment.
        $expected[1] = $told[1] if $mode eq 'twice' && $post && !$first && $told[1] eq '201';
        is_deeply(\@told, \@expected, '... and is answered');
        is(stands('thcs-bad'), $should, '... and done once');
        $replays += grep { $_->{headers}{'idempotency-replayed'} } @said;
    }
    cmp_ok($replays, '>', 1, "$name: the same key has the same answer") if $post;

    # Another one is the first to do it.
    push @order, shift @order;
}

is_deeply([map { stands($_) } qw(thcs-a th-b)], \@others, 'no other school has changed');


# What comes late, or is another thing under a name that was used

my $stand = stands('thcs-bad');
my $late = sub { my @rows = @_; return said($bad->push([$bad->roster(@rows)])) };
my @rows = $bad->rows(HS1 => '7A');
is(said($bad->push($bad->prepare('roster'))), 200, "the morning's roster again: what came of it then");
is($late->(15, @rows), '409 import-too-late', 'one of before noon that was never heard of');
is($late->(20, @rows), '409 import-number-used', "another one under noon's number");
my $news = $bad->prepare('news');
is(said($bad->push([@$news[0, 1], { title => 'Bão', text => 'Sáng mai đi học.' }, $news->[3]])),
   '422 idempotency-key-reused', 'another notice under a key that was used');
is(stands('thcs-bad'), $stand, 'none of it changes anything');


# The worker is killed when a notice stands, and its answer is not kept yet.

my $session = $db->session;
my $torn = [@$news[0, 1], { title => 'Bão', text => 'Sáng mai đi học.' }, 'torn'];
my $notices = "select count(*) from plugin_school.notices where text = 'Sáng mai đi học.'";
$session->do('begin; lock table core.idempotency_keys in share mode');
$bad->misbehave('leaves', sub {
    ok(wait_until(sub { $db->sql($notices) == 1 }), 'a notice stands');
    ok(wait_until(sub { $db->sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock'
                                  and datname = current_database()") }), '... and its key does not have its answer');
    $gw->kill_workers;
    $db->sql("select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock'
              and datname = current_database()");
});
$bad->push($torn);
$session->do("rollback; update core.key_leases set until = core.now()");
my $r = until_good(sub { my ($r) = $bad->push($torn); $r && $r->{status} < 500 && $r });
is(said($r), 201, 'the system sends it again');
is($db->sql($notices), 1, '... and it stands once');
done_testing;
