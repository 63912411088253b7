# Beside the schools of a city: what is asked of one class, student or school does not read
# what is of others.

use lib 'tests/lib', 'plugins/school/tests/lib';
use IHanoi::Test;
use School::Test;

my ($gw, $db) = school();
world();

my $thread = as('guardian', POST => "/students/$id{s1}/threads", { staff => $id{g2}, title => 'Hỏi', text => 'Chào' });
is($thread->{status}, 201, 'a guardian writes to a teacher') or diag $thread->{content};

$db->sql(<<"SQL");
    set search_path = plugin_school, public;
    set session_replication_role = replica;
    insert into teachings (school, year, class, staff, subject, valid_from, valid_to)
    select 'thcs-' || n, $year, gen_random_uuid(), gen_random_uuid(), 'toan', '2020-01-01', '2099-01-01'
      from generate_series(1, 20000) n;
    insert into marks (student, class, subject, term, kind, number, value, entered_by)
    select s, c, 'toan', t, 'tx', n, '8', 'i t'
      from (select gen_random_uuid() as s, gen_random_uuid() as c from generate_series(1, 5000)) x,
           generate_series(1, 2) t, generate_series(1, 4) n;
    analyze teachings, marks;
SQL

# What a call of somebody reads of a table.
sub reads {
    my ($who, $table, $function, @arguments) = @_;
    my $caller = qq({"iss": "$IHanoi::Test::ISSUER", "sub": "$person{$who}", "operation": "x", "request_id": "x", "claims": {}});
    my $n = "select seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables
              where schemaname = 'plugin_school' and relname = '$table'";

    sql_as_plugin('begin');
    my $before = sql_as_plugin($n);
    my $status = sql_as_plugin("select status from $function(" . join(', ', map { "'$_'" } $caller, @arguments) . ')');
    my $after = sql_as_plugin($n);
    sql_as_plugin('rollback');

    $status eq '200' or die "$function: $status\n";
    return $after - $before;
}

for my $who (qw(guardian teacher admin)) {
    cmp_ok(reads($who, 'teachings', student_read => $id{s1}), '<', 500, "$who: a student, without the teachers of others");
}
cmp_ok(reads($_, 'teachings', threads_list => 20, 'thread.1000000'), '<', 500, "$_: threads, too") for qw(guardian teacher);
cmp_ok(reads('guardian', 'teachings', thread_read => $thread->{json}{id}, 20, 'message.0'), '<', 500, '... and one of them');

cmp_ok(reads(@$_), '<', 500, "$_->[0]: marks, without those of others") for ['guardian', 'marks', marks_list => $id{s1}, $year, 1, 'toan'],
    map { [$_, 'marks', class_marks => $id{c7a}, 'toan', 1] } qw(homeroom admin);

done_testing;
