#!/usr/bin/perl
# A plugin is told every event once, as soon as it is committed, however the writers'
# transactions overlap: its place in the outbox is a snapshot, and no transaction holds
# back another's events.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Load;
use JSON::PP ();
use Time::HiRes qw(sleep);

my $db = database();
my $reader = $db->session(user => 'ihanoi_control');

$db->sql("insert into core.plugin_subscriptions values ('reader', 'test', 'said', 10, core.now());
          insert into core.plugin_cursors (plugin, seen, moved_at)
          values ('reader', pg_current_snapshot(), core.now())");


# What is new for the plugin, at most so much: "a b".
sub events {
    my ($most) = @_;

    $reader->do("select plugin_events_feed('reader', $most)");
    return kept();
}


# What was read and is to be delivered.
sub kept {
    return $reader->do("with kept as (delete from core.plugin_deliveries returning id, payload)
                        select string_agg(payload ->> 'n', ' ' order by id) from kept");
}


# An event in a transaction of that session.
sub append {
    my ($session, $n) = @_;
    return $session->do("select from outbox_append('test', 'said', core.uuid_of('x'),"
                        . " '{\"n\": \"$n\"}')");
}


my ($one, $two, $three) = map { $db->session(user => 'ihanoi_write') } 1 .. 3;

append($one, $_) for qw(a b c);
is(events(2), 'a b', 'events come in their order, as many as asked for');
is(events(2), 'c', 'then those behind the last one');
is(events(2), '', 'and none when there is nothing new');

# The one that began first commits last.
$_->do('begin') for $one, $two;
append($one, 'd');
append($two, 'e');
append($one, 'f');
$two->do('commit');
is(events(9), 'e', 'what is committed comes while an older transaction runs');
$one->do('commit');
is(events(9), 'd f', 'whose events come when it is over');
is(events(9), '', 'each once');

$_->do('begin') for $one, $two;
append($one, 'g');
append($two, 'h');
$two->do('commit');
is(events(9), 'h', 'beside one that will be rolled back, too');
$one->do('rollback');
is(events(9), '', 'which never comes');

$one->do('begin');
append($one, 'i');
$one->do('savepoint s');
append($one, 'never');
$one->do('rollback to s; savepoint s');
append($one, 'j');
is(events(9), '', 'what is not committed does not come');
$one->do('release s; commit');
is(events(9), 'i j', 'and of what is all but what was undone');

# One that writes elsewhere, in this database or another of the cluster: an import.
my $import = database(empty => 1)->session;
$_->do('begin; select pg_current_xact_id()') for $import, $three;
append($one, 'k');
is(events(9), 'k', 'a long transaction holds nothing back');
append($three, 'l');
append($one, 'm');
is(events(9), 'm', 'also when it has an event itself');
$_->do('commit') for $import, $three;
is(events(9), 'l', 'which comes at its end');

# Whoever reads in the transaction that publishes.
my $both = $db->session;
$both->do('begin');
append($both, 'n');
append($one, 'o');
$both->do("select plugin_events_feed('reader', 9)");
append($both, 'p');
$both->do('commit');
is(kept(), 'o', 'one that reads and publishes reads what others have');
is(events(9), 'n p', 'and its own are read when it is over');

# While a piece is read another older one commits.
$one->do('begin');
append($one, 'q');
append($two, $_) for qw(r s t);
is(events(2), 'r s', 'a piece');
$one->do('commit');
append($two, 'u');
is(events(2), 't', 'the rest of what was there then');
is(events(9), 'q u', 'and what came meanwhile');

# Who forgets somebody must see what was being written when the account was erased.
$db->sql("insert into core.plugin_subscriptions values ('reader', 'person', 'erased', 10, core.now());
          create table public.notes (person text); insert into public.notes values ('p');
          grant select, insert, delete on public.notes to ihanoi_control, ihanoi_write");
my $asked = JSON::PP::encode_json({ gateway => 'a:1', all => JSON::PP::false, subscriptions => [
    map { { plugin => 'reader', topic => $_->[0], event => $_->[1], attempts => 10, lease => 30,
            hold => JSON::PP::false } } ['test', 'said'], ['person', 'erased']] });
sub forgotten {
    return $reader->do("with told as materialized (select * from plugin_events_take('$asked')),
                             gone as (delete from public.notes where exists (
                                          select from told where event = 'person.erased'))
                        select string_agg(event, ' ' order by event) from told");
}
$one->do("begin; insert into public.notes values ('p')");
append($two, 'v');
$two->do("select from outbox_append('person', 'erased', core.uuid_of('p'), '{}')");
is(forgotten(), 'test.said', 'it is not told while an older transaction runs');
$one->do('commit');
ok(wait_until(sub { forgotten() eq 'person.erased' }), 'but when that is over');
is($db->sql('select count(*) from public.notes'), 0, 'so that nothing is left');
kept();

# Two gateways: what one has read while the other waited is not read again by it.
$both->do('begin; lock table core.outbox in access exclusive mode');
$reader->start("select plugin_events_feed('reader', 9)");
ok(wait_until(sub { $db->sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock'
                                 and datname = current_database()") == 1 }, 10), 'one waits');
$one->do('select pg_current_xact_id()');
$both->do("update core.plugin_cursors set seen = pg_current_snapshot(), moved_at = '-infinity'; commit");
$reader->finish;
is(kept(), '', 'a place never goes back');

# Nor is one given out beside another of its key that is being given out again, which nobody
# sees yet.
my $other = $db->session(user => 'ihanoi_control');
sub told {
    my ($gateway) = @_;
    return $gateway->do("select string_agg(input::json -> 'payload' ->> 'n', ' ')
                         from plugin_events_take('$asked')");
}
$one->do('begin');
append($one, 'w');
append($two, 'x');
is(told($reader), 'x', 'one is under way');
$db->sql('update core.plugin_deliveries set run = null, until = null');
$reader->do('begin');
is(told($reader), 'x', 'and again');
$one->do('commit');
is(told($other), '', 'while another gateway reads the one before it');
$reader->do('commit');
is(told($other), '', 'which waits');
is($db->sql("select string_agg(payload ->> 'n' || ' ' || (run is not null), ', ' order by id)
             from core.plugin_deliveries"), 'w false, x true', 'though it was read');
kept();

# Of another key there is one for it.
$two->do("select from outbox_append('test', 'said', core.uuid_of('$_'), '{\"n\": \"$_\"}')") for qw(y z);
sub next_of {
    my ($gateway) = @_;
    return $gateway->do("select input::json -> 'payload' ->> 'n' from plugin_events_next('reader', '$asked', 1)");
}
$reader->do("delete from core.plugin_deliveries; select plugin_events_feed('reader', 9)");
$reader->do('begin');
is(next_of($reader), 'y', 'of two keys one is taken');
is(next_of($other), 'z', '... and the other by a gateway that ends one at the same time');
$reader->do('commit');
kept();

# Of much that was read, and much that was not, what is next is found by the index.
$db->sql("insert into core.outbox (xid, topic, event, subject)
          select (case when n < 20000 then '5' else '900000000005' end)::xid8,
                 'test', 'said', core.uuid_of('x') from generate_series(1, 40000) n;
          update core.plugin_cursors set seen = '3:900000000004:900000000001,900000000002';
          analyze core.outbox");
my $plan = $db->sql("explain (analyze, costs off, buffers, format json)
    select o.* from core.plugin_cursors c
         cross join plugin_events_new(c, '900000000009:900000000009:', 10) o");
my $read = JSON::PP::decode_json($plan)->[0]{Plan};
cmp_ok($read->{'Shared Hit Blocks'} + $read->{'Shared Read Blocks'}, '<', 60,
       'what is next is found in the index') or diag($plan);
$db->sql("delete from core.outbox where xid in ('5', '900000000005');
          update core.plugin_cursors set seen = pg_current_snapshot()");

# Many writers whose transactions overlap in every way, and gateways that read little
# pieces all the while, and get into each other's way.
use constant { WRITERS => 4, EVENTS => 60 };

# What they published, and what was read, each in its order.
sub overlapping {
    my ($most, $change) = @_;
    my @read;
    my @told = under_load(
        dir     => File::Temp::tempdir(CLEANUP => 1),
        clients => WRITERS,
        client  => sub {
            my ($number, $notes) = @_;
            my $session = $db->session(user => 'ihanoi_write');
            my $gateway = $db->session(user => 'ihanoi_control');

            for my $n (1 .. EVENTS) {
                $session->do('begin');
                my $event = $change->($session, "w$number-$n");
                append($session, $event);
                sleep 0.001 * int rand 4;
                $session->do($n % 5 ? 'commit' : 'rollback');
                print $notes "$event\n" if $n % 5;
                $gateway->do("select plugin_events_feed('reader', $most)");
            }
        },
        during  => sub {
            wait_until(sub {
                push @read, split / /, events($most);
                @read >= WRITERS * EVENTS * 4 / 5;
            }, 60);
        },
    );
    return (\@told, \@read);
}

my ($told, $heard) = overlapping(7, sub { $_[1] });
is(join(' ', sort @$heard), join(' ', sort @$told),
   'under load each event comes once, and each that was told');

for my $number (1 .. WRITERS) {
    my $its = qr/^w$number-/;
    is(join(' ', grep { $_ =~ $its } @$heard), join(' ', grep { $_ =~ $its } @$told),
       "those of writer $number in its order");
}

# All change one row, in another order than that of their transactions' numbers.
$db->sql('create table public.thing (changes int not null);
          insert into public.thing values (0);
          grant select, update on public.thing to ihanoi_write');

($told, $heard) = overlapping(1000, sub {
    my ($session) = @_;
    $session->do('select pg_current_xact_id()');
    sleep 0.001 * int rand 4;
    return $session->do('update public.thing set changes = changes + 1 returning changes');
});
is("@$heard", join(' ', sort { $a <=> $b } @$told),
   'what is published while a row is held comes in the order of its changes');

done_testing();
