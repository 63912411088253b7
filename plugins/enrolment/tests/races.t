# Transactions beside each other: who comes first decides, and the other sees it.

use lib 'tests/lib', 'plugins/enrolment/tests/lib';
use Digest::SHA qw(sha256_hex);
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Enrolment::Test;

my $db = database();
plugin_database($db, tree() . '/plugins/enrolment');
my $code = enrolment_code($db);
my $round = '00000000-0000-4000-8000-000000000001';

# A round of a year that opens in an hour, or when it says.
sub opened {
    my ($id, $year, $in) = (@_, '1 hour');
    return "select round_create('$id', $year, 'grade_1', 'R', now() + interval '$in', now() + interval '2 hours',"
         . " '2024-01-01', '2024-12-31', '$year-01-01', 1, 48, '@{[ sha256_hex(SEED) ]}');";
}

my $setup = "set search_path = $code, plugin_enrolment, public; set session authorization plugin_enrolment;";

$db->sql(<<"SQL");
$setup
select year_put(2030, 'Y', '[]');
select level_put(2030, 'grade_1', '[{"title": {}, "holds": "\$.in_zone == false"}]', '[]');
select school_put('A', 'A', '00004', '[]');
@{[ opened($round, 2030) ]}
select places_put('$round', '[{"school": "A", "quota": 2}]');
SQL

sub hours { my ($n) = @_; return "set core.clock_offset = '$n hours';" }

sub submission {
    my ($n, $guardian) = @_;
    return "select application_submit(id => '00000000-0000-4000-8000-00000${guardian}00$n', guardian => 'i g$guardian', round => '$round',"
         . " child => '@{[ sha256_hex($n) ]}', child_name => 'C', born => '2024-05-01', ward => '00004', facts => '{}',"
         . " evidence => '[]', choices => '[\"A\"]', most => 10) ->> 'id';";
}

# A session as the plugin's, at an hour after now.
sub session {
    my ($hour) = @_;
    my $s = $db->session;
    $s->do($setup . hours($hour));
    return $s;
}

my ($one, $two) = (session(1.5), session(1.5));

# Two guardians of one child at the same moment.
$one->do('begin');
like($one->do(submission(1, 1001)), qr/1001001/, 'a guardian applies');
$two->start(submission(1, 1002));
ok(!$two->is_ready(0.3), '... another one of the child waits to see what becomes of it');
$one->do('commit');
like($two->finish, qr/IH001/, '... and is refused');
$one->do('begin');
$one->do(submission(2, 1001));
$two->start(submission(2, 1002));
$two->is_ready(0.3);
$one->do('rollback');
like($two->finish, qr/1002002/, 'when the first one came to nothing the other is taken');

# What was begun before the end, and the office that closes the round.
my $office = session(2.5);
$one->do('begin');
like($one->do(submission(3, 1001)), qr/1001003/, 'an application at the last moment, not committed');
$office->start("select round_close('$round', '@{[ SEED ]}');");
ok(!$office->is_ready(0.3), '... is waited for by who closes the round');
$one->do('commit');
like($office->finish, qr/IH001/, '... who is told that it is undecided');
$db->sql("$setup select desk_decide(id, 'o', true, 'verify', null, child) from applications");

# The office is first: then the other is too late, whatever its clock says.
$office->do('begin');
like($office->do("select round_close('$round', '@{[ SEED ]}') ->> 'state';"), qr/closed/, 'closed, not committed');
$two->start(submission(4, 1002));
ok(!$two->is_ready(0.3), '... a late one waits');
$office->do('commit');
like($two->finish, qr/IH001/, '... and is refused');

# An allocation, in which the third waits for a place.
$db->sql($setup . hours(2.5) . "
    select allocation_request('$round', '$round', 'o');
    do \$\$ begin while allocation_step('$round', 0) <> 'computed' loop end loop; end \$\$;
    select allocation_publish('$round', 'head');
    do \$\$ begin while allocation_step('$round', 0) <> 'published' loop end loop; end \$\$;");
my ($a) = map { $_->[0] } $db->sql("select id from plugin_enrolment.applications where state = 'offered' order by id");
is($db->sql("select count(*) from plugin_enrolment.applications where state = 'waitlisted'"), 1, 'one waits');

# Confirmed at the last moment, while the job ends what is over.
my ($job, $other) = (session(60), session(60));
my $guardian = $db->sql("select guardian from plugin_enrolment.applications where id = '$a'");
$one->do('begin');
like($one->do("select application_answer('$a', '$guardian', 'confirm') ->> 'state';"), qr/confirmed/, 'an offer is confirmed, not committed');
like($job->do('select offers_lapse(10);'), qr/^1$/, '... the job ends the other one, and leaves this');
$one->do('commit');
is($db->sql("select state from plugin_enrolment.applications where id = '$a'"), 'confirmed', '... which stays confirmed');

# Two jobs offer the same free place.
$job->do('begin');
like($job->do('select vacancies_fill(10);'), qr/^1$/, 'a free place is offered, not committed');
$other->start('select vacancies_fill(10);');
ok(!$other->is_ready(0.3), '... another one waits');
$job->do('commit');
like($other->finish, qr/^0$/, '... and finds none');
is($db->sql("select taken from plugin_enrolment.places"), 2, 'two seats are taken, of two');
is_deeply([grep { defined $_->[0] } $db->sql("$setup select * from enrolment_check()")], [], 'all is sound');

# An appeal is upheld while the job publishes the last of a round.
my $published = $round =~ s/1$/4/r;
$db->sql(<<"SQL");
$setup
select year_put(2033, 'Y', '[]');
select level_put(2033, 'grade_1', '[{"title": {}, "holds": "\$.in_zone == false"}]', '[]');
@{[ opened($published, 2033) ]}
select places_put('$published', '[{"school": "A", "quota": 1}]');
SQL
$db->sql($setup . hours(1.5) . join '', map { submission($_, 4001) =~ s/$round/$published/r } 1, 2);
my ($refused) = map { $_->[0] } $db->sql($setup . hours(1.5) . "
    with one as (select id, guardian from applications where round = '$published' order by id limit 1)
    select o.id from one o cross join lateral desk_decide(o.id, 'o', true, 'refuse', 'x') d
     cross join lateral appeal_open('$published', o.id, o.guardian, 'x') a");
$db->sql($setup . hours(2.5) . "
    select desk_decide(id, 'o', true, 'verify', null, child) from applications where round = '$published' and state = 'submitted';
    select round_close('$published', '@{[ SEED ]}');
    select allocation_request('$published', '$published', 'o');
    do \$\$ begin while allocation_step('$published', 0) <> 'computed' loop end loop; end \$\$;
    select allocation_publish('$published', 'head');
    select allocation_step('$published', 0)");
my ($reader, $decider, $publisher) = map { session(2.5) } 1 .. 3;
$reader->do('begin');
$reader->do("select from applications where id = '$refused' for update");
$decider->start("select appeal_decide('$published', 'o', 'upheld', 'x') ->> 'state';");
ok(!$decider->is_ready(0.3), 'who upholds an appeal waits for its application');
$publisher->start("select allocation_step('$published', 0);");
$publisher->is_ready(2);
$reader->do('commit');
like($decider->finish, qr/IH001/, '... and is refused, for the job publishes');
$publisher->finish;
is($db->sql("select stage from plugin_enrolment.rounds where id = '$published'"), 'published',
   '... which it does');
is($db->sql("select state from plugin_enrolment.applications where id = '$refused'"), 'refused',
   '... and nobody is verified whom no job looks at');


# Somebody withdraws while the job tells what came out: who is gone waits on no list, and
# keeps nobody from the place that becomes free.
my $second = '00000000-0000-4000-8000-000000000002';
$db->sql(<<"SQL");
$setup
select year_put(2031, 'Y', '[]');
select level_put(2031, 'grade_1', '[{"title": {}, "holds": "\$.in_zone == false"}]', '[]');
@{[ opened($second, 2031) ]}
select places_put('$second', '[{"school": "A", "quota": 1}]');
SQL
$db->sql($setup . hours(1.5) . join '', map { submission($_, 2001) =~ s/$round/$second/r } 4 .. 7);
my $returned = '00000000-0000-4000-8000-000002001004';
$db->sql($setup . hours(2.5) . "
    select desk_decide(id, 'o', true, 'verify', null, child) from applications where round = '$second';
    select desk_decide('$returned', 'o', true, 'return', 'x');
    select round_close('$second', '@{[ SEED ]}');
    select allocation_request('$second', '$second', 'o');
    do \$\$ begin while allocation_step('$second', 0) <> 'computed' loop end loop; end \$\$;
    select allocation_publish('$second', 'head');");
my ($first, $gone, $last) = map { $_->[0] } $db->sql("select application from plugin_enrolment.allocation_choices
                                                       where allocation = '$second' order by rank");
my $teller = session(2.5);
$one->do('begin');
like($one->do("select application_answer('$gone', 'i g2001', 'withdraw') ->> 'state';"), qr/withdrawn/,
     'somebody withdraws, not committed');
$teller->start("select allocation_step('$second', 0);");
ok(!$teller->is_ready(0.3), '... the job waits for it');
$one->do('commit');
$teller->finish;
$one->do('begin');
like($one->do("select application_answer('$returned', 'i g2001', 'withdraw') ->> 'state';"), qr/withdrawn/,
     'one that was not corrected is withdrawn, not committed');
$teller->start("select allocation_step('$second', 0);");
ok(!$teller->is_ready(0.3), '... the job that would refuse it waits');
$one->do('commit');
unlike($teller->finish, qr/ERROR/, '... and goes on');
$db->sql($setup . hours(2.5) . "
    do \$\$ begin while allocation_step('$second', 0) <> 'published' loop end loop; end \$\$;
    select application_answer('$first', 'i g2001', 'decline');
    select vacancies_fill(10);");
is($db->sql("select state from plugin_enrolment.applications where id = '$last'"), 'offered',
   '... and the next one is offered the place');
is_deeply([grep { defined $_->[0] } $db->sql("$setup select * from enrolment_check()")], [], 'all is sound');

# Places that are given and places that become free at the same schools: each of two jobs has
# one and wants the other's.
my $both = $round =~ s/1$/6/r;
$db->sql(<<"SQL");
$setup
select year_put(2036, 'Y', '[{"code": "near", "kind": "integer", "title": {}}]');
select level_put(2036, 'grade_1', '[{"title": {}, "holds": "\$.near == 1"}, {"title": {}, "holds": "\$.near == 2"}, {"title": {}, "holds": "\$.near == 3"}]', '[]');
select school_put('B', 'B', '00004', '[]');
@{[ opened($both, 2036) ]}
select places_put('$both', '[{"school": "B", "quota": 1}, {"school": "A", "quota": 1}]');
SQL
my %at = (6 => [2, 'A'], 7 => [2, 'B'], 8 => [3, 'A'], 9 => [3, 'B']);
$db->sql($setup . hours(1.5) . join '', map { submission($_, 6001) =~ s/$round/$both/r =~ s/'\{\}'/'{"near": $at{$_}[0]}'/r =~ s/"A"/"$at{$_}[1]"/r } sort keys %at);
$db->sql($setup . hours(2.5) . "
    select desk_decide(id, 'o', true, 'verify', null, child) from applications where round = '$both';
    select round_close('$both', '@{[ SEED ]}');
    select allocation_request('$both', '$both', 'o');
    do \$\$ begin while allocation_step('$both', 0) <> 'computed' loop end loop; end \$\$;
    select allocation_publish('$both', 'head');
    do \$\$ begin while allocation_step('$both', 0) <> 'published' loop end loop; end \$\$;
    select appeal_open(id, id, guardian, 'x') from applications where round = '$both' and state = 'waitlisted';
    select appeal_decide(id, 'o', 'upheld', 'x', '{\"near\": 1}') from applications where round = '$both' and state = 'waitlisted'");
my ($settler, $ender) = (session(59), session(60));
my $review = $settler->do('select allocation_next()') =~ s/\s//gr;
$db->sql("set search_path = plugin_enrolment; update places set taken = taken where school = 'A';     -- its row is behind B's
          create function plugin_enrolment.waits() returns trigger language plpgsql security definer as
              'begin perform pg_advisory_xact_lock(1); return null; end';
          create trigger waits after update on plugin_enrolment.places for each row
              when (new.round = '$both' and new.school = 'A') execute function plugin_enrolment.waits();");
sub waiting { $db->sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()") }
my $holder = $db->session;
$holder->do('begin; select pg_advisory_xact_lock(1)');
$settler->start("do \$\$ begin while allocation_step('$review', 0) <> 'settled' loop end loop; end \$\$;");
ok(wait_until(sub { waiting() == 1 }, 20), 'a job has given the first of two places');
$ender->start('select offers_lapse(10);');
ok(wait_until(sub { waiting() == 2 }, 20), '... another ends offers at both schools');
$holder->do('rollback');
unlike($settler->finish, qr/ERROR/, '... the first one is not in its way');
unlike($ender->finish, qr/ERROR/, '... nor it in that of the first');
$db->sql('drop trigger waits on plugin_enrolment.places; drop function plugin_enrolment.waits');
is_deeply([grep { defined $_->[0] } $db->sql("$setup select * from enrolment_check()")], [], 'all is sound');

# Rules and quotas that somebody begins to change before a round opens, and changes after.
my $late = session(0);
my $opens = $round =~ s/1$/5/r;
$db->sql(<<"SQL");
$setup
select year_put(2034, 'Y', '[]');
@{[ opened($opens, 2034, '2 seconds') ]}
select places_put('$opens', '[{"school": "A", "quota": 1}]');
SQL
$late->do('begin');
$late->do('select pg_sleep(2.5)');
$late->do('savepoint before');
for my $case (['the facts' => "year_put(2034, 'Y', '[{\"code\": \"a\", \"kind\": \"boolean\", \"title\": {}}]')"],
              ['the bands' => qq{level_put(2034, 'grade_1', '[{"title": {}, "holds": "\$.in_zone == true"}]', '[]')}],
              ['a zone' => qq{zones_put('A', 2034, 'grade_1', '[{"ward": "00004"}]')}],
              ['a quota' => qq{places_put('$opens', '[{"school": "A", "quota": 2}]')}])
{
    like($late->do("select $case->[1];"), qr/IH001/, "$case->[0]: too late, whenever it was begun");
    $late->do('rollback to before');
}
$late->do('rollback');
$late->do('begin');
like($late->do("select year_put(2035, 'Y', '[]');"), qr/2035/, 'rules of a year whose rounds are to come');
$late->do('rollback');


# Rules that two load at the same moment, before the year has a round.
$db->sql("$setup select year_put(2037, 'Y', '[]')");
for my $case (['bands', map { qq{level_put(2037, 'grade_1', '[{"title": {"vi": "$_"}, "holds": "\$.in_zone == true"}]', '[]')} } 1, 2],
              ['zones', map { qq{zones_put('A', 2037, 'grade_1', '[{"ward": "0000$_"}]')} } 1, 2])
{
    my ($table, $first, $second) = @$case;
    $one->do('begin');
    $one->do("select $first");
    $two->start("select $second");
    ok(!$two->is_ready(0.3), "$table: the second one waits");
    $one->do('commit');
    unlike($two->finish, qr/ERROR/, '... and is not refused');
    is($db->sql("select string_agg(coalesce(to_jsonb(x) ->> 'ward', to_jsonb(x) -> 'title' ->> 'vi'), ' ')
                   from plugin_enrolment.$table x where year = 2037"), $table eq 'bands' ? '2' : '00002', '... its are there, alone');
}


# One guardian's applications for several children at the same moment are counted.
my $third = $round =~ s/1$/3/r;
$db->sql(<<"SQL");
$setup
select year_put(2032, 'Y', '[]');
@{[ opened($third, 2032) ]}
select school_put('A', 'A', '00004', '["i of-a"]'), school_put('B', 'B', '00004', '[]');
select places_put('$third', '[{"school": "A", "quota": 1}, {"school": "B", "quota": 1}]');
SQL
my @of_one = map { submission($_, 3001) =~ s/$round/$third/r =~ s/most => 10/most => 1/r } 8, 9;
my ($three, $four) = (session(1.5), session(1.5));
$three->do('begin');
like($three->do($of_one[0]), qr/3001008/, 'a guardian may apply for one child, and does, not committed');
$four->start($of_one[1]);
ok(!$four->is_ready(0.3), '... the other application is not counted before the first');
$three->do('commit');
like($four->finish, qr/enrolment-too-many|IH001/, '... and is one too many');

# An officer decides while the guardian makes another school the first choice.
my $moves = '00000000-0000-4000-8000-000003001008';
$db->sql($setup . hours(1.5) . "select desk_decide('$moves', 'i of-a', false, 'return', 'x')");
$three->do('begin');
like($three->do("select application_correct('$moves', 'i g3001', 'C', '2024-05-01', '00004', '{}', '[]', '[\"B\"]') ->> 'state';"),
     qr/submitted/, 'an application is corrected, not committed');
$four->start("select desk_decide('$moves', 'i of-a', false, 'refuse', 'x') ->> 'state';");
ok(!$four->is_ready(0.3), '... the officer of the school before waits');
$three->do('commit');
$four->finish;
is($db->sql("select state from plugin_enrolment.applications where id = '$moves'"), 'submitted',
   '... and decides nothing: it is another school\'s');

done_testing;
