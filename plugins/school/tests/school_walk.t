# A random walk: people who are guardian, teacher, both or neither ask for whatever there is,
# one after the other and two at a time, again under the same key, while rosters and days come.
# Each answer is held against a model that knows only who is what to whom today.
#
#   SEED=n    the same walk again        STEPS=n    how far

use lib 'tests/lib', 'plugins/school/tests/lib';
use IHanoi::Test;
use JSON::PP ();
use School::Test;
use Storable qw(dclone);

my $seed = $ENV{SEED} // time;
srand $seed;

my ($gw, $db) = school(settings => { map { $_ => 100 } qw(link_codes_a_day links_waiting) });
world();

my $boss = 'admin-a';
my @staff = qw(gv-a1 gv-a2 gv-a3);
my @people = ($boss, @staff, qw(phu-huynh-1 phu-huynh-3 hoc-sinh-1));
my @students = qw(HS1 HS2 HS3 HS4);         # the last one comes by a roster
my @http = map { $gw->connection(timeout => 30) } 1 .. 2;
my $sql = $db->session;
my $json = JSON::PP->new->canonical;
my $most = $db->sql("select ends_on - plugin_school.today() from plugin_school.years where year = $year");

# What is known. Days are numbers from the first one; what stands in lists has the members of
# the contract's documents. "teach" has "class teacher subject", which is empty for a homeroom.
our $m = {
    day => 0, sequence => 1, known => { map { $_ => 1 } qw(HS1 HS2 HS3) },
    class => { HS1 => '7A', HS2 => '7A', HS3 => '7B' }, since => { map { $_ => 0 } @students },
    teach => { map { $_ => 1 } '7A gv-a1 ', '7A gv-a1 toan', '7A gv-a2 ngu-van', '7B gv-a3 toan' },
    codes => {}, marks => {}, missed => {}, left => {}, notices => [], threads => [], leave => [],
    links => [map { my %l; @l{qw(id student kind state)} = @$_; +{ %l, person => $person{ $_->[0] =~ s/link_//r }, until => 1e6, meant => 1 } }
        [qw(link_guardian HS1 guardian verified)], [qw(link_other HS3 guardian verified)],
        [qw(link_ex HS1 guardian revoked)], [qw(link_student HS1 student verified)]],
};

# Names of what the gateway has numbers for.
my (%uuid, %name);
my $things = 0;
sub named { my ($name, $uuid) = @_; $uuid{$name} = $uuid; $name{$uuid} = $name; return }
sub uuid { return $uuid{ $_[0] } // '00000000-0000-4000-8000-000000000000' }

sub name_all {
    named(@$_) for $db->sql("select code, id from plugin_school.students where school = 'thcs-a'
        union all select right(person, 5), id from plugin_school.staff where school = 'thcs-a'
        union all select code, id from plugin_school.classes");
    return;
}
name_all();
named($_->{id} => $id{ $_->{id} }) for @{ $m->{links} };

sub pick { return $_[rand @_] }
sub any { my ($list) = @_; return @$list ? pick(@$list) : { id => 'none' } }
sub found { my ($list, $id) = @_; return (grep { $_->{id} eq $id } @$list)[0] }
sub items { return { items => [@_] } }

# A document as a line, of what we look at. Lists are in no order here.
my @looked_at = qw(items id notice code roles class student staff subject kind number day session state excused
                   value changed messages from text teachers);
sub line {
    my ($d) = @_;
    return join ', ', sort map { line($_) } @$d if ref $d eq 'ARRAY';
    return "$d" if ref $d ne 'HASH';
    return join ' ', map { "$_=" . line($d->{$_}) } grep { defined $d->{$_} && "$_ $d->{$_}" !~ /^id \d+$/ } @looked_at;
}


# Who is what

sub teaches { my ($who, $class) = @_; return map { /^$class $who (.*)/ ? $1 : () } keys %{ $m->{teach} } }
sub taught { my ($s, $f) = @_; return $m->{class}{$s} && grep { /^$m->{class}{$s} $f / } keys %{ $m->{teach} } }
sub opens { my ($who, $class) = @_; return $who eq $boss || teaches($who, $class) }
sub left { my ($s, $class) = @_; return in($s, $class) ? 1e6 : $m->{left}{$s}{$class} // -1 }
sub in { my ($s, $class) = @_; return ($m->{class}{$s} // '') eq $class }
sub state_of { my ($l) = @_; return $l->{state} =~ /asked|verified/ && $l->{until} <= $m->{day} ? 'expired' : $l->{state} }

sub links {
    my ($who, $s, $kind) = @_;
    return grep { $_->{person} eq $who && $_->{student} eq $s && $_->{kind} eq $kind } @{ $m->{links} };
}

# In which of some roles somebody has a right to a student.
sub roles {
    my ($who, $s, @of) = @_;
    my %is = (administrator => $who eq $boss && $m->{known}{$s}, teacher => scalar(grep { /^\Q$who\E$/ && taught($s, $who) } @staff),
              map { $_ => scalar grep { state_of($_) eq 'verified' } links($who, $s, $_) } qw(guardian student));
    $is{student} = 0 if !$m->{class}{$s};
    return grep { $is{$_} } @of ? @of : keys %is;
}

sub part {                                  # of a thread
    my ($who, $t) = @_;
    return $t->{guardian} eq $who ? roles($who, $t->{student}, 'guardian')
         : $t->{staff} eq $who ? roles($who, $t->{student}, 'teacher') : ();
}

sub student {
    my ($who, $s) = @_;
    my $class = $m->{class}{$s};
    return { id => $s, code => $s, roles => [roles($who, $s)], class => $class && { id => $class, code => $class }, teachers => [
        map { $class && /^$class (\S+) (.*)/ ? { staff => $1, subject => $2 || undef } : () } keys %{ $m->{teach} }] };
}

# A teacher sees those of a subject in the class where they were given, and in today's.
sub marks {
    my ($who, $s, @all) = @_;
    return grep { my $k = $_; defined $k->{value} && $k->{student} eq $s && (@all || grep { $_ eq '' || $_ eq $k->{subject} }
        map { teaches($who, $_) } $k->{class}, $m->{class}{$s} // '') } values %{ $m->{marks} };
}

sub absence {
    my ($a) = @_;
    my @leave = grep { $_->{student} eq $a->{student} && $_->{state} eq 'approved'
                       && $_->{first} <= $a->{on} && $a->{on} <= $_->{last} } @{ $m->{leave} };
    return { %$a, day => today($a->{on}), excused => $a->{state} eq 'absent' ? $a->{excused} // scalar @leave : undef };
}

# What can be read: where, and what is there for somebody; nothing: it is not theirs.
my %read = (
    'students' => sub { my ($who) = @_; return items(map { student($who, $_) } grep { roles($who, $_, qw(guardian student)) } @students) },
    'students/S' => sub { my ($who, $s) = @_; return roles($who, $s) && student($who, $s) },
    "students/S/marks?year=$year" => sub { my ($who, $s) = @_;
        return roles($who, $s) && items(marks($who, $s, roles($who, $s, qw(guardian student administrator)))) },
    'classes/C/marks?subject=toan&term=1' => sub { my ($who, $s, $c) = @_; return opens($who, $c)
        && items(grep { $_->{subject} eq 'toan' } map { marks($who, $_, $who eq $boss || ()) } grep { in($_, $c) } @students) },
    'classes/C/students' => sub { my ($who, $s, $c) = @_;
        return opens($who, $c) && items(map { +{ id => $_, code => $_ } } grep { in($_, $c) } @students) },
    'students/S/attendance?since=D' => sub { my ($who, $s) = @_; my @as = roles($who, $s, qw(guardian teacher administrator));
        return @as && items(map { absence($_) } grep { $_->{student} eq $s && $_->{on} >= $m->{day} - 9 && ("@as" ne 'teacher'
            || teaches($who, $_->{class}) || $m->{since}{$s} <= $_->{on}) } values %{ $m->{missed} }) },
    'students/S/notices?limit=100' => sub { my ($who, $s) = @_;
        return roles($who, $s, 'guardian') && items(grep { my $n = $_; grep { $n->{on} <= left($s, $_) } $n->{class} // qw(7A 7B) } @{ $m->{notices} }) },
    'threads?limit=100' => sub { my ($who) = @_;
        return items(map { +{ %$_, messages => scalar @{ $_->{said} } } } grep { part($who, $_) } @{ $m->{threads} }) },
    'threads/X?limit=100' => sub { my ($who, $s, $c, $x) = @_; my $t = found($m->{threads}, $x);
        return $t && part($who, $t) && items(@{ $t->{said} }) },
    'students/S/leave?limit=100' => sub { my ($who, $s) = @_;
        return roles($who, $s, qw(guardian teacher administrator)) && items(grep { $_->{student} eq $s } @{ $m->{leave} }) },
    'links?limit=100' => sub { my ($who) = @_; return items(map { my $is = state_of($_);
        +{ %$_, state => $is, student => $is eq 'verified' ? $_->{student} : undef } } grep { $_->{person} eq $who } @{ $m->{links} }) },
    (map { my $is = $_; "schools/thcs-a/links?limit=100&state=$is" => sub { my ($who) = @_; return $who eq $boss
        && items(map { +{ %{ desk($_) }, state => $is } } grep { state_of($_) eq $is } @{ $m->{links} }) } } qw(asked verified expired)),
);
sub desk { my ($l) = @_; return { %$l, student => $l->{meant} && $l->{student} } }


# What can be done: by whom, the request, what the model becomes by it and answers (a document,
# 1 for whatever goes well, a problem), and the name of what is new.
my %write = (
    roster => sub {
        my %class = map { $_ => rand() < 0.7 ? $m->{class}{$_} : pick('7A', '7B', undef) } @students;
        my %teach = map { $_ => 1 } grep { rand() < ($m->{teach}{$_} ? 0.9 : 0.15) }
            map { my $f = $_; map { ("7A $f $_", "7B $f $_") } '', 'toan', 'ngu-van' } @staff;
        my $content = csv([class => '7A', '7A', 7], [class => '7B', '7B', 7], (map { [staff => s/.*a/GV/r, $_, $_] } @staff),
            (map { [student => $_, $_, '2014-03-01', $class{$_}] } grep { $class{$_} } @students),
            map { my ($c, $f, $subject) = split / /, $_, 3; [teaching => $f =~ s/.*a/GV/r, $c, $subject] } sort keys %teach);
        my $n = ++$things + 1;
        return ($boss, PUT => "schools/thcs-a/years/$year/roster", { format => 'csv', content => $content,
                signature => signature($content, sequence => $n) }, sub {
            return $n == $m->{sequence} || '409 import-too-late' if $n <= $m->{sequence};
            for my $s (@students) {
                my ($old, $new) = ($m->{class}{$s} // '', $class{$s} // '');
                next if $old eq $new;
                $m->{left}{$s}{$old} = $m->{day} if $old && $m->{since}{$s} < $m->{day};
                $m->{since}{$s} = $m->{day};
                $m->{known}{$s} ||= $new;
            }
            @$m{qw(sequence teach class)} = ($n, {%teach}, {%class});
            $_->{meant} ||= $m->{known}{ $_->{student} } for grep { $_->{state} eq 'asked' } @{ $m->{links} };
            return 1 }) },
    code => sub { my ($who, $s) = @_; my ($kind, $days) = (pick(qw(guardian student)), 1 + int rand 9);
        return ($who, PUT => 'students/' . uuid($s) . '/link-code', { kind => $kind, days => $days }, sub { my ($r) = @_;
            return 404 if !roles($who, $s, 'administrator');
            return '422 student-too-young' if $kind eq 'student' && !$m->{class}{$s};
            $m->{codes}{"$s $kind"} = [$r->{json}{code}, $m->{day} + $days];
            return 1 }) },
    link => sub { my ($who, $s) = @_; my ($kind, $me) = (pick(qw(guardian guardian student)), 'link' . ++$things);
        my $code = pick(undef, 'WRONG', map { $_->[0] } $m->{codes}{"$s $kind"} // ());
        return ($who, POST => 'links', { school => 'thcs-a', student_code => $s, kind => $kind, $code ? (code => $code) : () }, sub {
            my ($good, $until) = @{ $m->{codes}{"$s $kind"} // ['', 0] };
            my @stand = grep { state_of($_) =~ /asked|verified/ } links($who, $s, $kind);
            my $wrong = $code && ($code ne $good || $until <= $m->{day});
            return '409 link-stands' if !$wrong && grep { !$code || $_->{state} eq 'verified' } @stand;
            $_->{state} = state_of($_) for grep { $_->{person} eq $who } @{ $m->{links} };      # no roster says any more whose it was
            return '422 link-code-wrong' if $wrong;
            $_->{state} = 'withdrawn' for @stand;
            delete $m->{codes}{"$s $kind"} if $code;
            push @{ $m->{links} }, { id => $me, person => $who, student => $s, kind => $kind, meant => $m->{known}{$s},
                                     $code ? (state => 'verified', until => 1e6) : (state => 'asked', until => $m->{day} + 30) };
            return { %{ $m->{links}[-1] }, student => $code && $s } }, $me) },
    decide => sub { my ($who) = @_; my ($l, $to) = (any($m->{links}), pick(qw(verified verified refused revoked)));
        my ($id, $until) = ($l->{id}, pick(undef, map { $m->{day} + $_ } 0, 1, 5));
        return ($who, PUT => 'links/' . uuid($id) . '/decision', { decision => $to, reason => 'Vì',
                defined $until ? (valid_until => today($until)) : () }, sub {
            return 404 if $who ne $boss;
            my $l = found($m->{links}, $id);
            my $is = state_of($l);
            return '422 day-not-now' if defined $until && $until <= $m->{day};
            return desk($l) if $is eq $to && ($until // $l->{until}) == $l->{until};
            return '409 link-not-open' if "$is $to" !~ /^(?:asked (?:verified|refused)|verified (?:verified|revoked))$/;
            return '422 student-unknown' if $to eq 'verified' && !$l->{meant};
            return '422 student-too-young' if $to eq 'verified' && $l->{kind} eq 'student' && !$m->{class}{ $l->{student} };
            @$l{qw(state until)} = ($to, $until // ($is eq 'asked' ? 1e6 : $l->{until}));
            return desk($l) }) },
    give_up => sub { my $l = any($m->{links}); my ($id, $who) = ($l->{id}, rand() < 0.5 ? $l->{person} : pick(@people));
        return ($who, PUT => 'links/' . uuid($id) . '/withdrawal', undef, sub {
            my $l = found($m->{links}, $id);
            return 404 if $l->{person} ne $who;
            return '409 link-not-open' if state_of($l) !~ /asked|verified|withdrawn/;
            $l->{state} = 'withdrawn';
            return { %$l, student => undef } }) },
    mark => sub { my ($who, $s, $c) = @_; my %k = (student => $s, class => $c, subject => pick(qw(toan ngu-van)), kind => pick(qw(tx gk)),
                                                   number => pick(1, 2), value => pick(qw(8.5 7 11), undef));
        return ($who, PUT => 'classes/' . uuid($c) . '/marks', { subject => $k{subject}, term => 1, kind => $k{kind},
                marks => [{ student => uuid($s), number => $k{number}, value => $k{value} }] }, sub {
            my @mine = teaches($who, $c) or return 404;
            return '403 subject-not-yours' if !grep { $_ eq $k{subject} } @mine;
            return '422 student-not-of-class' if !in($s, $c);
            return '422 mark-not-of-regime' if "$k{kind} $k{number}" eq 'gk 2' || ($k{value} // 0) > 10;
            my $was = \$m->{marks}{ join ' ', @k{qw(student class subject kind number)} };
            my $same = $$was && ($$was->{value} // '') eq ($k{value} // '');
            $$was = {%k};
            return { changed => $same ? 0 : 1 } }) },
    attend => sub { my ($who, $s, $c) = @_; my %a = (student => $s, class => $c, on => $m->{day} + 1 - int rand 5,
                    session => pick(qw(morning afternoon)), state => pick(qw(present absent late)));
        $a{excused} = pick(undef, 0, 1) if $a{state} eq 'absent';
        return ($who, PUT => 'classes/' . uuid($c) . '/attendance', { day => today($a{on}), session => $a{session}, records => [{
                student => uuid($s), state => $a{state}, defined $a{excused} ? (excused => $a{excused} ? \1 : \0) : () }] }, sub {
            my $was = $m->{missed}{"$s $a{on} $a{session}"};
            return 404 if !teaches($who, $c);
            return '422 day-not-now' if $a{on} > $m->{day};
            return '422 student-not-of-class' if !in($s, $c) || $was && !teaches($who, $was->{class}) && $a{on} < $m->{since}{$s};
            $m->{missed}{"$s $a{on} $a{session}"} = {%a};
            return { changed => 1 } }) },
    notice => sub { my ($who, $s, $c) = @_; my $me = 'notice' . ++$things; $c = undef if rand() < 0.3;
        return ($who, POST => $c ? 'classes/' . uuid($c) . '/notices' : 'schools/thcs-a/notices', { title => 'Họp', text => $me }, sub {
            return 404 if !($c ? opens($who, $c) : $who eq $boss);
            push @{ $m->{notices} }, { id => $me, class => $c, text => $me, on => $m->{day} };
            return $m->{notices}[-1] }, $me) },
    thread => sub { my ($who, $s) = @_; my ($f, $me) = (pick(@staff), 'thread' . ++$things);
        return ($who, POST => 'students/' . uuid($s) . '/threads', { staff => uuid($f), title => 'Hỏi', text => $me }, sub {
            return 404 if !roles($who, $s, 'guardian');
            return '422 teacher-not-of-student' if !taught($s, $f);
            push @{ $m->{threads} }, { id => $me, student => $s, guardian => $who, staff => $f, said => [{ from => 'guardian', text => $me }] };
            return { %{ $m->{threads}[-1] }, messages => 1 } }, $me) },
    message => sub { my ($who) = @_; my ($id, $text) = (any($m->{threads})->{id}, 'text' . ++$things);
        return ($who, POST => 'threads/' . uuid($id) . '/messages', { text => $text }, sub {
            my $t = found($m->{threads}, $id);
            my ($as) = $t ? part($who, $t) : () or return 404;
            return '409 thread-over' if $as eq 'teacher' ? !roles(@$t{qw(guardian student)}, 'guardian') : !taught(@$t{qw(student staff)});
            push @{ $t->{said} }, { from => $as, text => $text };
            return $t->{said}[-1] }) },
    ask_leave => sub { my ($who, $s) = @_; my $me = 'leave' . ++$things; my $first = $m->{day} - 8 + int rand 12; my $last = $first + pick(-1, 0, 3);
        return ($who, POST => 'students/' . uuid($s) . '/leave', { first_day => today($first), last_day => today($last), reason => 'Ốm' }, sub {
            return 404 if !roles($who, $s, 'guardian');
            return '422 days-not-in-order' if $first < $m->{day} - 7 || $last < $first;
            return '409 leave-stands' if grep { $_->{student} eq $s && $_->{state} =~ /asked|approved/
                                                && $_->{first} <= $last && $first <= $_->{last} } @{ $m->{leave} };
            push @{ $m->{leave} }, { id => $me, student => $s, by => $who, first => $first, last => $last, state => 'asked' };
            return $m->{leave}[-1] }, $me) },
    decide_leave => sub { my ($who) = @_; my ($id, $to) = (any($m->{leave})->{id}, pick(qw(approved refused)));
        return ($who, PUT => 'leave/' . uuid($id) . '/decision', { decision => $to, answer => 'Vì' }, sub {
            my $l = found($m->{leave}, $id);
            return 404 if !$l || !roles($who, $l->{student}, qw(teacher administrator));
            return '403 homeroom-decides' if $who ne $boss && !grep { $_ eq '' } teaches($who, $m->{class}{ $l->{student} });
            return '409 leave-not-open' if $l->{state} !~ /asked|$to/;
            $l->{state} = $to;
            return $l }) },
    withdraw_leave => sub { my ($who) = @_; my $id = any($m->{leave})->{id};
        return ($who, PUT => 'leave/' . uuid($id) . '/withdrawal', undef, sub {
            my $l = found($m->{leave}, $id);
            return 404 if !$l || $l->{by} ne $who || !roles($who, $l->{student}, 'guardian');
            return '409 leave-not-open' if $l->{state} eq 'refused';
            $l->{state} = 'withdrawn';
            return $l }) },
);


# Requests at one moment: their answers as lines, and as they are.
sub ask {
    my (@calls) = @_;
    for my $i (0 .. $#calls) {
        my ($who, $method, $path, $body, undef, undef, $key) = @{ $calls[$i] };
        $http[$i]->send($http[$i]->format($method, "/v1/school/$path", token => token(sub => $who), $body ? (json => $body) : (), key => $key));
    }
    my @answers = map { $http[$_]->response // die "no answer\n" } 0 .. $#calls;
    return [map { said($answers[$_], $calls[$_][5]) } 0 .. $#calls], @answers;
}

sub said {
    my ($r, $new) = @_;
    return $r->{status} == 404 ? 404 : "$r->{status} " . $r->{json}{type} =~ s/.*://r if $r->{status} >= 400;
    named($new => $r->{json}{id}) if $new && !$uuid{$new};
    return line($json->decode($json->encode($r->{json}) =~ s/"([0-9a-f]{8}-[0-9a-f-]{27})"/'"' . ($name{$1} \/\/ $1) . '"'/ger));
}
sub wanted { my ($d) = @_; return ref $d ? line($d) : $d || 404 }
sub fits { my ($said, $wanted) = @_; return $wanted eq '1' ? $said !~ /^4/ : $said eq $wanted }

# Somebody reads something: what is wrong with it.
sub reads {
    my ($who, $what, $s, $class) = @_;
    my $x = any($m->{threads})->{id};
    my %for = (S => uuid($s), C => uuid($class), X => uuid($x), D => today($m->{day} - 9) . '&until=' . today($m->{day}));
    my ($got) = ask([$who, GET => $what =~ s/\b([SCXD])\b/$for{$1}/gr]);
    my $wanted = wanted($read{$what}->($who, $s, $class, $x));
    return $got->[0] eq $wanted ? () : "$who reads $what of $s, $class, $x\ngot    $got->[0]\nwanted $wanted";
}

# Days pass: today() of the plugin, and what it has of moments.
sub days {
    my ($n) = @_;
    return if $m->{day} + $n > $most;
    $m->{day} += $n;
    $sql->do("set session_replication_role = replica; set search_path = plugin_school;
              create or replace function today() returns date language sql stable
                  as \$\$ select (now() at time zone 'Asia/Ho_Chi_Minh')::date + $m->{day} \$\$;
              alter table notices alter published_at set default now() + interval '$m->{day} days'; " . join '; ', map {
              my ($table, $column) = split /\./; "update $table set $column = $column - interval '$n days'"
              } qw(links.asked_until link_codes.expires_at link_attempts.at messages.sent_at));
    return;
}

my $turn = 0;

# One step: what is wrong with it.
sub step {
    my ($s, $class, $what) = (pick(@students), pick(qw(7A 7B)), pick(sort keys %write));
    days(pick(1, 1, 2, 3, 31)) if rand() < 0.05;
    my @calls = map { [($write{$what}->($_, $s, $class))[0 .. 5], "walk-$$-" . ++$turn] } pick(@people, $boss, $boss),
                $what ne 'code' && rand() < 0.2 ? pick(@people, $boss) : ();
    my $told = join "\n", map { "$_->[0] $_->[1] $_->[2] " . $json->encode($_->[3] // {}) } @calls;
    my ($got, @answers) = ask(@calls);
    my (@fit, @wanted);

    for my $order (@calls == 1 ? [0] : ([0, 1], [1, 0])) {
        local $m = dclone($m);
        my @want;
        $want[$_] = wanted($calls[$_][4]->($answers[$_])) for @$order;
        push @fit, $m if !grep { !fits($got->[$_], $want[$_]) } @$order;
        push @wanted, join ' / ', @want;
    }
    return "$told\ngot    " . join(' / ', @$got) . "\nwanted " . join ' or ', @wanted if !@fit;
    name_all() if $what eq 'roster';

    # Two orders may be answered alike, and leave something else.
    @fit = grep { local $m = $_; !map { my $of = $_; map { reads($boss, $_, $of, $class) }
        "students/S/marks?year=$year", 'students/S/attendance?since=D' } @students } @fit if @fit > 1;
    $m = $fit[0] // return "$told\nleft something else";

    if (@calls == 1 && $got->[0] !~ /^4/ && $what ne 'code' && rand() < 0.3) {     # again, also when the answer is lost
        $sql->do('delete from core.idempotency_keys') if rand() < 0.5;
        my ($again, $r) = ask($calls[0]);
        my $wanted = $calls[0][1] eq 'POST' ? $got->[0] : wanted($calls[0][4]->($r));
        return "$told\nagain  $again->[0]\nwanted $wanted" if !fits($again->[0], $wanted);
    }
    return join "\n", map { reads(pick(@people), pick(sort keys %read), pick(@students), pick(qw(7A 7B))) } 1 .. 3;
}

my ($n, $steps, $fault) = (0, $ENV{STEPS} // 100, '');
$fault = step() while !$fault && $n++ < $steps;
is($fault, '', "a walk of $steps steps, SEED=$seed") or diag "step $n, day $m->{day}";

done_testing;
