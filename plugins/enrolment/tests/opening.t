# A round opens: 2,000 children within seconds, some of their guardians twice, some
# children by both parents, with clients that lose answers and come again. In the end
# each child has exactly one application.

use lib 'tests/lib', 'plugins/enrolment/tests/lib';
use IHanoi::Test;
use IHanoi::Test::Load;
use Enrolment::Test;
use Time::HiRes qw(sleep time);

use constant CHILDREN => 2000;
use constant CLIENTS  => 16;

# The pools are small, and the database is held up when it begins, until the gateway has
# refused somebody.
my ($gw, $db) = enrolment(workers => 2, pools => ['read connections=1;', 'write connections=2 queue=3 wait=300ms;']);
my $round = a_round(schools => { map { sprintf('TH-%02d', $_) => 90 } 1 .. 20 });

# Not open yet; what comes before the instant is refused, however many there are.
move_times($round, "opens_at = now() + interval '1 hour', closes_at = now() + interval '2 hours'");
my $r = submit($round, 'early', 1, ['TH-01']);
is($r->{json}{type}, 'urn:ihanoi:problem:enrolment-not-open', 'nobody is early');

my @tokens = IHanoi::Test::tokens(map { { sub => "guardian-$_" } } 1 .. CHILDREN, map { "other-$_" } 1 .. 200);
my @others = splice @tokens, CHILDREN;

# What is asked for, in the order of children: every tenth has another guardian too,
# every seventh is sent twice with two keys, every fifth is sent, its answer lost and
# asked for again with its key. Clients take them in turn, so that the attempts for a
# child are under way at the same time.
my @work = map {
    my $child = $_;
    ([$child, $tokens[$child - 1], "open-$child", $child % 5 == 0],
     $child % 10 == 0 ? [$child, $others[$child / 10 - 1], "other-$child"] : (),
     $child % 7 == 0 ? [$child, $tokens[$child - 1], "again-$child"] : ());
} 1 .. CHILDREN;

my $path = "/v1/enrolment/rounds/$round/applications";

sub request_of {
    my ($child, $token, $key) = @{ $_[0] };
    return (token => $token, key => $key, json => application($child,
        [map { sprintf 'TH-%02d', ($child * 7 + $_ * 5) % 20 + 1 } 0 .. 2]));
}

my $session = $db->session;

sub held_up {
    wait_until(sub { -s $_ and return 1 for glob "$gw->{dir}/notes-*"; 0 });    # somebody was refused
    $session->do('rollback');
    return;
}

$session->do("begin; set local session authorization plugin_enrolment; select ihanoi_host.lock('enrolment round $round')");
move_times($round, 'opens_at = now()');
my $begin = time;

my @lines = under_load(dir => $gw->dir, clients => CLIENTS, during => \&held_up, client => sub {
    my ($me, $notes) = @_;
    srand $me;
    my $http = IHanoi::Test::HTTP->new(port => $gw->port, timeout => 20);

    for my $n (grep { $_ % CLIENTS == $me - 1 } 0 .. $#work) {
        my $one = $work[$n];
        my ($child, undef, undef, $lost) = @$one;

        if ($lost) {
            $http->send($http->format('POST', $path, request_of($one)));
            $http->close;
        }

        for my $try (1 .. 500) {
            my $r = eval { $http->request('POST', $path, request_of($one)) };
            $http->close if !$r;
            my $type = $r && $r->{json} ? $r->{json}{type} // '' : '';

            if ($r && $r->{status} == 201) {
                print $notes "taken $child $r->{json}{id}\n";
                last;
            } elsif ($type =~ /enrolment-child-has-one$/) {
                print $notes "second $child\n";
                last;
            } elsif ($r && $r->{status} == 503) {
                print $notes $r->{headers}{'retry-after'} ? "refused\n" : "refused-for-ever $r->{content}\n";
            } elsif ($r && $type !~ /idempotency/) {
                print $notes "unexpected $r->{status} $r->{content}\n";
                last;
            }

            # A client has more patience; or another call with this key is under way.
            sleep 0.05 + rand 0.2;
            print $notes "given-up $child\n" if $try == 500;
        }
    }
});

my $took = time - $begin;
my (%of, %count);
for (@lines) {
    my ($what, $child, $id) = split / /;
    $count{$what}++;
    $of{$child}{$id} = 1 if $what eq 'taken';
}

is_deeply([grep { /^(?:unexpected|given-up|refused-for-ever)/ } @lines], [], 'everybody was taken, or told who was quicker; who is refused is told when to come again');
cmp_ok($count{refused} // 0, '>', 0, 'some were refused at first');
is($db->sql("select count(*) from plugin_enrolment.applications where round = '$round'"), CHILDREN, 'each child has an application');
is($db->sql("select count(distinct child) from plugin_enrolment.applications where round = '$round'"), CHILDREN, '... exactly one');
is(scalar(keys %of), CHILDREN, 'somebody was told so for each');
is_deeply([grep { keys %{ $of{$_} } != 1 } keys %of], [], '... of the same one, however often it was asked');
is($db->sql("select count(*) from plugin_enrolment.choices where round = '$round'"), 3 * CHILDREN, 'with all of its choices');
is($db->sql("select count(*) from plugin_enrolment.steps"), CHILDREN, 'and a step each');
is($db->sql("select count(*) from core.outbox where topic = 'enrolment'"), CHILDREN, 'told once each');
sound('when it has opened');
diag sprintf '%d applications in %.1f s; %d times refused, %d a second one', CHILDREN, $took, $count{refused} // 0, $count{second} // 0 if $ENV{VERBOSE};

done_testing;
