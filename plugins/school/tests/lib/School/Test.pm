package School::Test;

# The contact book through a real gateway, with two schools in it.
#
#   my ($gw, $db) = school();                  # options: settings, the gateway's
#   world();                                   # two schools, their rosters, links
#   my $r = as('guardian', GET => "/students/$id{s1}/marks?year=$year");
#   my $r = as('teacher', PUT => "/classes/$id{c7a}/marks", { ... });
#   my $r = roster('admin', content => $csv, sequence => 3);
#   my @rows = sql_as_plugin('select ...');    # as the gateway's role, beside it
#
# "thcs-a" is a lower secondary school, with students HS1 and HS2 in 7A and HS3 in 7B;
# "th-b" a primary school with TH1 in 3A. Whom a name of as() is: the keys of %person.

use strict;
use warnings;
use utf8;
use Digest::SHA qw(sha256_hex);
use Exporter 'import';
use File::Temp qw(tempdir);
use IHanoi::Test;
use IHanoi::Test::Plugin;
use POSIX ();

our @EXPORT = qw(school world as roster signature csv link_code sql_as_plugin today %id %person $year);

our (%id, $year);

# What each is to HS1, who is in 7A of thcs-a.
our %person = (
    office    => 'office-1',
    admin     => 'admin-a',
    admin_b   => 'admin-b',
    homeroom  => 'gv-a1',           # homeroom of 7A, teaches mathematics there
    teacher   => 'gv-a2',           # teaches literature in 7A
    teacher_x => 'gv-a3',           # teaches in 7B
    guardian  => 'phu-huynh-1',     # of HS1
    other     => 'phu-huynh-3',     # of HS3
    ex        => 'phu-huynh-1b',    # was one of HS1, until the school revoked it
    student   => 'hoc-sinh-1',      # HS1
    nobody    => 'nguoi-dung-9',
);

my ($gw, $db, $keys);
my $folder = IHanoi::Test::tree() . '/plugins/school';


sub school {
    my (%arg) = @_;

    wait_for_day(60);                           # attendance and leave are of today
    $keys = tempdir(CLEANUP => 1);
    for my $name (qw(a b)) {
        system('openssl', 'genpkey', '-algorithm', 'ED25519', '-out', "$keys/$name.pem") == 0
            or die "no key\n";
    }

    $db = delete $arg{db} // database();
    my $block = plugin_database($db, $folder, 'read connections=1;', 'write connections=4 wait=2s timeout=15s;');
    my %settings = (messages_an_hour => 200, %{ delete $arg{settings} // {} });
    my $settings = join '', map { "    setting $_ '$settings{$_}';\n" } sort keys %settings;

    $gw = gateway(db => $db, responses => 0, http => <<"CONF",
client_max_body_size 500k;
client_body_buffer_size 500k;
ihanoi_plugin school {
    path $folder;
    database school;
    timeout 20s;
    cpu 500ms;
    check always;
$settings}
$block
CONF
        locations => "location / { auth_jwt iHaNoi; ihanoi_api on; }\n"
                   . 'location = /metrics { auth_jwt off; ihanoi_status metrics; }', %arg);

    wait_until(sub { my $r = as('nobody', GET => '/links'); $r && $r->{status} == 200 })
        or die "the plugin does not answer:\n", $gw->error_log;

    $year = $db->sql('select year from plugin_school.years where starts_on <= plugin_school.today()
                      and plugin_school.today() <= ends_on');
    return ($gw, $db);
}


my $requests = 0;

# A request of somebody: to a path below /v1/school, with a body. "none": without a token.
sub as {
    my ($who, $method, $path, $json, %more) = @_;
    my @token = $who eq 'none' ? () : (token => token(
        sub => $person{$who} // $who, scope => $who eq 'office' ? 'school:office' : undef));

    return $gw->request($method => "/v1/school$path", @token, timeout => 30,
        ($json ? (json => $json) : ()),
        headers => { ($method eq 'POST' ? ('Idempotency-Key' => "test-$$-" . ++$requests) : ()),
                     %{ $more{headers} // {} } });
}


# The token that a school's system puts beside a content: claims over those of the
# content; key: the school's, "a" or "b".
sub signature {
    my ($content, %claims) = @_;
    my $key = delete $claims{key} // 'a';

    utf8::encode($content) if utf8::is_utf8($content);
    return token(iss => undef, aud => undef, assurance => undef, sub => 'thcs-a',
                 year => $year + 0, sha256 => sha256_hex($content),
                 -alg => 'EdDSA', -key => "$keys/$key.pem", -header => { kid => 'x' }, %claims);
}


# Sends a roster: content, sequence; and school, year, format, key, signature, may_end.
sub roster {
    my ($who, %arg) = @_;
    my $school = $arg{school} // 'thcs-a';
    my $format = $arg{format} // 'csv';

    return as($who, PUT => "/schools/$school/years/" . ($arg{year} // $year) . '/roster', {
        format => $format, content => $arg{content},
        signature => $arg{signature} // signature($arg{content}, sub => $school,
            key => $arg{key} // ($school eq 'thcs-a' ? 'a' : 'b'), sequence => $arg{sequence},
            year => ($arg{year} // $year) + 0,
            defined $arg{may_end} ? (may_end => $arg{may_end}) : ()),
    });
}


# CSV of rows, each a list: class, code, name, grade; staff, code, name, account; student,
# code, name, birth date, class; teaching, staff, class, subject.
sub csv {
    my (@rows) = @_;
    my %fields = (class => [qw(code name grade)], staff => [qw(code name account)],
                  student => [qw(code name birth_date class)],
                  teaching => [qw(staff class subject)]);
    my @names = qw(kind code name grade class birth_date staff subject account);

    return join "\r\n", join(',', @names), map {
        my ($kind, @values) = @$_;
        my %row = (kind => $kind);
        @row{ @{ $fields{$kind} // ["code"] } } = @values;
        join ',', map { my $v = $row{$_} // ''; $v =~ /[",\n]/ ? '"' . $v =~ s/"/""/gr . '"' : $v } @names;
    } @rows;
}


our @ROSTER = (
    [class => '7A', 'Lớp 7A', 7], [class => '7B', 'Lớp 7B', 7],
    [staff => 'GV1', 'Giáo viên 1', 'gv-a1'], [staff => 'GV2', 'Giáo viên 2', 'gv-a2'],
    [staff => 'GV3', 'Giáo viên 3', 'gv-a3'],
    [student => 'HS1', 'Học sinh 1', '2014-03-01', '7A'],
    [student => 'HS2', 'Học sinh 2', '2014-05-01', '7A'],
    [student => 'HS3', 'Học sinh 3', '2014-07-01', '7B'],
    [teaching => 'GV1', '7A', ''], [teaching => 'GV1', '7A', 'toan'],
    [teaching => 'GV2', '7A', 'ngu-van'], [teaching => 'GV3', '7B', 'toan'],
);


# A code of the school's for a student: as the administrator gets it.
sub link_code {
    my ($student, $kind, $admin) = @_;
    my $r = as($admin // 'admin', PUT => "/students/$student/link-code", { kind => $kind // 'guardian' });
    $r->{status} == 200 or die "no code: $r->{content}\n", $gw->error_log;
    return $r->{json}{code};
}

sub _good {
    my ($r) = @_;
    $r && $r->{status} =~ /^20/ or die 'could not: ', ($r ? $r->{content} : 'no answer'), "\n", $gw->error_log;
    return $r->{json};
}

sub _public { my ($name) = @_; return scalar `openssl pkey -in '$keys/$name.pem' -pubout` }


# Two schools with their administrators, rosters and links; fills %id.
sub world {
    my %schools = ('thcs-a' => ['Trường THCS A', 6, 9, 'a'], 'th-b' => ['Trường Tiểu học B', 1, 5, 'b']);

    for my $code (sort keys %schools) {
        my ($name, $first, $last, $key) = @{ $schools{$code} };
        _good(as('office', PUT => "/schools/$code", { name => $name, first_grade => $first,
                 last_grade => $last, import_key => _public($key) }));
        _good(as('office', PUT => "/schools/$code/administrators",
                 { issuer => $IHanoi::Test::ISSUER, subject => "admin-$key" }));
    }

    _good(roster('admin', content => csv(@ROSTER), sequence => 1));
    _good(roster('admin_b', school => 'th-b', sequence => 1, content => csv(
        [class => '3A', 'Lớp 3A', 3], [staff => 'GV1', 'Giáo viên 1', 'gv-b1'],
        [student => 'TH1', 'Học sinh 1', '2018-01-01', '3A'], [teaching => 'GV1', '3A', ''])));

    for my $row ($db->sql("select 's' || substr(code, 3), id from plugin_school.students where code like 'HS%'
                           union all select 'b1', id from plugin_school.students where code = 'TH1'
                           union all select 'c' || lower(code), id from plugin_school.classes
                           union all select 'g' || substr(person, length(person)), id from plugin_school.staff
                                      where school = 'thcs-a'")) {
        $id{ $row->[0] } = $row->[1];
    }

    my @links = (['guardian', 'HS1', 's1', 'guardian'], ['other', 'HS3', 's3', 'guardian'],
                 ['ex', 'HS1', 's1', 'guardian'], ['student', 'HS1', 's1', 'student']);
    for my $link (@links) {
        my ($who, $code, $student, $kind) = @$link;
        $id{"link_$who"} = _good(as($who, POST => '/links', { school => 'thcs-a', student_code => $code,
            kind => $kind, code => link_code($id{$student}, $kind) }))->{id};
    }
    _good(as('admin', PUT => "/links/$id{link_ex}/decision",
             { decision => 'revoked', reason => 'Quyết định của tòa án' }));
    return;
}


# SQL as the role that the gateway logs in as: what it printed, errors too, a line each.
# What is left open is rolled back.
my $session;

sub sql_as_plugin {
    my ($sql) = @_;

    if (!$session) {
        my $code = $db->sql("select nspname from pg_namespace where nspname like 'code_school_%'");
        $session = $db->session(user => 'plugin_school');
        $session->do("set search_path = $code, plugin_school, public; set client_min_messages = error");
    }

    my $said = $session->do($sql);
    $session->do('rollback') if $said =~ /ERROR/;
    return $said;
}


# The day in Hà Nội, so many days from now.
sub today { return POSIX::strftime('%Y-%m-%d', gmtime time + 7 * 3600 + 86400 * ($_[0] // 0)) }


1;
