#!/usr/bin/perl
# A reader of the outbox gets every event once, in one order, however the
# writers' transactions overlap: a cursor never passes what may still commit.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Load;
use Time::HiRes qw(sleep);

my $db = database();
my $reader = $db->session(user => 'ihanoi_read');
my $cursor;


# The next events behind the cursor, which moves: at most so many. Waits until
# there are as many as $there, as also transactions in other databases of the
# cluster, those of other tests, hold events back.
sub events {
    my ($limit, $there) = @_;
    my $from = defined $cursor ? "'$cursor'" : 'null';

    wait_until(sub {
        $reader->do("select count(*) from outbox_read($from, 100000)") >= $there;
    }, 60) if $there;

    my @rows = map { [split /\|/] } split /\n/, $reader->do(
        "select next, event from outbox_read(\"cursor\" => $from, \"limit\" => $limit)");

    die "not a cursor: $_->[0]\n" for grep { $_->[0] !~ /^\d+\.\d+$/ } @rows;
    $cursor = $rows[-1][0] if @rows;
    return join ' ', map { $_->[1] } @rows;
}


# An event in a transaction of that session.
sub append {
    my ($session, $event) = @_;
    return $session->do("select from outbox_append('test', '$event',"
                        . " core.uuid_of('$event'), '{\"n\": 1}')");
}


my ($one, $two, $three) = map { $db->session(user => 'ihanoi_write') } 1 .. 3;

append($one, $_) for qw(a b c);
is(events(2, 3), 'a b', 'events come in their order, as many as asked for');
is(events(2), 'c', 'the cursor goes on behind the last one');
is(events(2), '', 'and stays when there is nothing new');

my $row = $reader->do("select topic, event, subject = core.uuid_of('c'), payload,"
                      . " at <= now() from outbox_read(null, 100000) where event = 'c'");
is($row, 'test|c|t|{"n": 1}|t', 'an event is whole');

# The one that began first commits last.
$_->do('begin') for $one, $two;
append($one, 'd');
append($two, 'e');
append($one, 'f');
$two->do('commit');
is(events(9), '', 'what a running transaction may come before is held back');
$one->do('commit');
is(events(9, 3), 'd f e', 'then all come, by transaction');

$_->do('begin') for $one, $two;
append($one, 'g');
append($two, 'h');
$two->do('commit');
$one->do('rollback');
is(events(9, 1), 'h', 'what was rolled back never comes');

# A transaction that writes elsewhere might still write here.
$three->do('begin');
$three->do('select pg_current_xact_id()');
append($one, 'i');
is(events(9), '', 'it is held back by any older writer');
append($three, 'j');
$three->do('commit');
is(events(9, 2), 'j i', 'whose event comes first');

# A reader is no writer and holds back nobody.
$three->do('begin read only; select count(*) from core.outbox');
append($one, 'k');
is(events(9, 1), 'k', 'a long read holds nothing back');
$three->do('commit');

my $plan = $reader->do("explain (costs off) select next from outbox_read('$cursor', 10)");
like($plan, qr/Index (?:Only )?Scan using outbox_\w*xid_id_idx.*Index Cond: \(*ROW\(xid, id\) > ROW\(/s,
     'the cursor is looked up in the index');
unlike($plan, qr/Sort$|Seq Scan/m, 'and nothing is sorted');

# Many writers whose transactions overlap in every way, and a reader with
# little pages all the while.
use constant { WRITERS => 4, EVENTS => 60 };

my @read;
my @told = under_load(
    dir     => File::Temp::tempdir(CLEANUP => 1),
    clients => WRITERS,
    client  => sub {
        my ($number, $notes) = @_;
        my $session = $db->session(user => 'ihanoi_write');

        for my $n (1 .. EVENTS) {
            my $event = 'w' . join '_', map { chr 96 + $_ }
                              $number, 1 + int($n / 26), 1 + $n % 26;

            $session->do('begin');
            append($session, $event);
            sleep 0.001 * int rand 4;
            $session->do($n % 5 ? 'commit' : 'rollback');
            print $notes "$event\n" if $n % 5;
        }
    },
    during  => sub {
        wait_until(sub {
            push @read, split / /, events(7);
            @read >= WRITERS * EVENTS * 4 / 5;
        }, 60);
    },
);
is(join(' ', sort @read), join(' ', sort @told),
   'under load each event comes once, and each that was told');

for my $number (1 .. WRITERS) {
    my $its = qr/^w@{[chr 96 + $number]}_/;
    is(join(' ', grep { $_ =~ $its } @read), join(' ', grep { $_ =~ $its } @told),
       "those of writer $number in its order");
}

done_testing();
