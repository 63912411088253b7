# The demo data: a round that is published, which a stranger can check, one whose time is
# over, and one that is open.

use lib 'tests/lib', 'plugins/enrolment/tests/lib';
use File::Temp qw(tempdir);
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Enrolment::Test;

my $db = database();
plugin_database($db, tree() . '/plugins/enrolment');
my $setup = 'set search_path = ' . enrolment_code($db) . ', plugin_enrolment, public; set session authorization plugin_enrolment;';

$db->sql($setup . text_of('plugins/enrolment/demo/enrolment.sql'));

is($db->sql("$setup select string_agg(round_state(r), ' ' order by r.id) from rounds r"), 'published over open', 'three rounds');
is($db->sql("select string_agg(n || ' ' || state, ', ' order by state) from (select state, count(*) n
             from plugin_enrolment.applications group by 1) x"), '5 offered, 8 verified, 3 waitlisted', 'five places for eight');
is_deeply([grep { defined $_->[0] } $db->sql("$setup select * from enrolment_check()")], [], 'all is sound');

my $file = tempdir(CLEANUP => 1) . '/page.json';
open my $page, '>:encoding(UTF-8)', $file or die "$file: $!\n";
print $page scalar $db->sql("$setup select body from input_list('{}', '00000000-0000-7000-8000-00000000e001', null, 100)");
close $page;
my ($status, $text) = verify_program($file);
is($status, 0, 'a stranger comes to the same') or diag $text;

done_testing;
