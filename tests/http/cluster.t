#!/usr/bin/perl
# IHanoi::Cluster: the private PostgreSQL of a checkout.

use lib 'tests/lib';
use IHanoi::Test;
use File::Temp qw(tempdir);
use IHanoi::Cluster;
use IHanoi::Test::Psql qw(run_psql);
use POSIX ();

# What it starts and forgets is its own alone.
delete @ENV{qw(DATA_DIR PG_PORT)};

my @places;
my $dir = tempdir('ihanoi-cluster-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $dir;
@places = map { "$dir/$_" } qw(tree/.run one two);

# Whoever starts it may be somebody who shows nobody anything.
my $umask = umask 077;
my $cluster = IHanoi::Cluster->new(
    tree => tree(), name => 'pg', place => "$dir/missing/pg", tests => 1,
    settings => { shared_buffers => '16MB', fsync => 'off' });
{
    local $ENV{TZ} = 'Asia/Ho_Chi_Minh';
    ok(eval { $cluster->start }, 'starts below a folder that is not there, with umask 077')
        or diag $@;
}
umask $umask;
ok($cluster->is_running, 'and runs');
is($cluster->start, 0, 'to start it again is nothing');
is(asked('show timezone'), 'UTC', 'its time zone is not the machine\'s');

# A crash leaves its number and its socket, and the number is another process's later:
# one of the same user.
my $file = $cluster->data . '/postmaster.pid';
chomp(my $pid = (lines($file))[0]);
kill KILL => $pid;
ok(wait_until(sub { !-d "/proc/$pid" && !backends() }), 'it crashes');

my $other = beside(sub {
    if ($> == 0) {
        my ($uid, $gid) = (getpwnam 'postgres')[2, 3];
        ($(, $)) = ($gid, "$gid $gid");
        ($<, $>) = ($uid, $uid);
    }
    chdir '/';
    sleep 600;
});

for my $lock ($file, glob $cluster->socket . '/.s.PGSQL.*.lock') {
    my (undef, @rest) = lines($lock);
    open my $fh, '>', $lock or die "$lock: $!";
    print $fh "$other\n", @rest;
    close $fh;
}

ok(!$cluster->is_running, 'somebody else with its number is not it');
ok($cluster->stop, 'nor is stopped for it');
ok(kill(0, $other), 'but lives');
is(eval { $cluster->start }, 1, 'it starts beside that one') or diag $@;
ok($cluster->is_running, 'and runs');
kill TERM => $other;
waitpid $other, 0;

# One that hangs is not forgotten while it has its files.
{
    local $ENV{PGCTLTIMEOUT} = 1;
    chomp(my $pid = (lines($file))[0]);
    kill STOP => $pid;
    open my $stderr, '>&', \*STDERR or die $!;
    open STDERR, '>', "$dir/said" or die $!;
    ok(!$cluster->stop, 'one that does not stop is said not to have');
    ok(!eval { $cluster->forget; 1 }, 'nor is it forgotten');
    open STDERR, '>&', $stderr or die $!;
    is(scalar(grep { /^pg_ctl: server does not shut down/ } lines("$dir/said")), 2, 'as pg_ctl has it');
    ok(-f $file, 'it has its data');
    kill CONT => $pid;
}

ok($cluster->stop, 'stops');
ok(!$cluster->is_running, 'and does not run');
$cluster->forget;
ok(!-e $cluster->place, 'and is forgotten');

# One that an older checkout has started is started again as this one has it.
{
    local $ENV{PG_PORT} = 5439;     # a name in the path of its socket, no more
    my @places = map {
        IHanoi::Cluster->new(tree => tree(), name => 'pg', place => "$dir/older",
            settings => { shared_buffers => '16MB', fsync => 'off', max_connections => $_ })
    } 20, 30;

    $cluster = $places[0];
    is($cluster->start, 1, 'one of an older checkout');
    $cluster = $places[1];
    is(eval { $cluster->start }, 1, 'is started again') or diag $@;
    is(asked('show max_connections'), 30, 'with what this one needs');
    $ENV{PG_PORT} = 5440;
    is($cluster->start, 0, 'once');
    $cluster->forget;
}

# Root gets into what somebody else has started, and leaves it as that one has it.
if ($> == 0) {
    my ($uid, $gid) = (getpwnam 'www-data')[2, 3];
    my ($first, $second) = map {
        IHanoi::Cluster->new(tree => tree(), name => 'pg', place => "$dir/users/pg",
            settings => { shared_buffers => '16MB', fsync => 'off', max_connections => $_ })
    } 20, 30;

    mkdir "$dir/users" or die $!;
    chown $uid, $gid, "$dir/users";
    is(as_user($uid, $gid, sub { $first->start }), 0, 'one of a user');
    is(eval { $second->start }, 0, 'is not started again by root') or diag $@;
    is(join(' ', grep { (stat "$dir/users/pg/data/$_")[4] != $uid } qw(pg_hba.conf pg_ident.conf)), '',
       'nor are its files taken');
    is(as_user($uid, $gid, sub { $first->restart }), 0, 'and the user starts it again');
    is(as_user($uid, $gid, sub { $first->forget; 1 }), 0, 'or forgets it');
}

# A tree that has been run in several places is stopped and forgotten in all of them.
my $copy = "$dir/tree";
mkdir $copy or die $!;
system('cp', '-r', (map { tree() . "/$_" } qw(bin config Makefile)), $copy) == 0 or die 'cp';

for my $place (undef, @places[1, 2]) {
    local $ENV{DATA_DIR} = $place // '';
    is(system("$copy/bin/ihanoi cluster start > $dir/said 2>&1"), 0, 'starts in ' . ($place // 'the tree'))
        or diag lines("$dir/said");
}
is(scalar(grep { $_->is_running } clusters()), 3, 'they run');
is(system("DATA_DIR=$dir/one $copy/bin/ihanoi stop"), 0, 'stop DATA_DIR');
is(join(' ', map { $_->is_running ? 1 : 0 } clusters()), '1 0 1', 'stops that one');
is((lines("$copy/.run/data-dir"))[0], "$dir/two\n", 'an older checkout would find the last one');

# A copy remembers them, too.
mkdir "$dir/$_" or die $! for 'copied', 'copied/.run';
system('cp', '-r', (map { "$copy/$_" } qw(bin config Makefile)), "$dir/copied") == 0
    && system('cp', "$copy/.run/data-dir", "$dir/copied/.run") == 0 or die 'cp';
is(system("$dir/copied/bin/ihanoi stop --forget > $dir/said"), 0, 'a copy of the tree is forgotten');
is(join('', sort(lines("$dir/said"))),
   join('', map { "$_ is left alone: $copy has started what is there\n" } @places[1, 2]),
   'which does not touch what the tree has started');
is(join(' ', map { $_->is_running ? 1 : 0 } clusters()), '1 0 1', 'that goes on');

# One that hangs is told, and does not keep the others from being stopped.
{
    local $ENV{PGCTLTIMEOUT} = 1;
    chomp(my $hangs = (lines("$dir/two/pg/data/postmaster.pid"))[0]);
    kill STOP => $hangs;
    is(system("$copy/bin/ihanoi stop > $dir/said 2>&1") >> 8, 1, 'stop where one hangs');
    is(scalar(grep { m{^ihanoi stop: PostgreSQL did not stop; its log is \Q$dir\E/two/} } lines("$dir/said")), 1,
       'names it');
    # (a second is not enough for any on a busy machine)
    ok(wait_until(sub { join(' ', map { $_->is_running ? 1 : 0 } clusters()) eq '0 0 1' }), 'and stops the others');
    is(system("$copy/bin/ihanoi stop --forget > $dir/said 2>&1") >> 8, 1, 'nor is it forgotten');
    is(join(' ', grep { -e } map { "$_/pg" } @places), "$dir/two/pg", 'alone');
    is((lines("$copy/.run/data-dir"))[0], "$dir/two\n", 'and found again');
    kill CONT => $hangs;
}

is(system("$copy/bin/ihanoi stop"), 0, 'stop');
is(join(' ', map { $_->place } grep { $_->is_running } clusters()), '', 'stops all of them');
is(system("$copy/bin/ihanoi stop --forget"), 0, 'forget');
is(join(' ', grep { -e } @places), '', 'forgets all of them');

# What lies there and was never its own stays.
mkdir "$dir/$_" or die $! for 'theirs', 'theirs/data';
IHanoi::Cluster->new(tree => tree(), name => 'pg', place => "$dir/theirs", tests => 1)->forget;
ok(-d "$dir/theirs/data", 'what was never its own is not forgotten');

done_testing();


END { $_->forget for grep { $_ } $cluster, clusters() }


sub clusters {
    return map { IHanoi::Cluster->new(tree => $dir, name => 'pg', place => "$_/pg") } @places;
}


# The status of a child that is a user's.
sub as_user {
    my ($uid, $gid, $code) = @_;

    my $pid = fork // die "fork: $!";
    if (!$pid) {
        ($(, $)) = ($gid, "$gid $gid");
        ($<, $>) = ($uid, $uid);
        POSIX::_exit(eval { $code->() } ? 0 : 1);
    }
    waitpid $pid, 0;
    return $?;
}


sub asked {
    my ($rows) = run_psql(text => $_[0], args => ['-h', $cluster->socket, '-p', $cluster->port,
                                                  '-U', 'postgres', '-d', 'postgres']);
    return $rows->[0][0];
}


sub lines {
    open my $fh, '<', $_[0] or die "$_[0]: $!";
    return <$fh>;
}


# They end by themselves when the first process of the cluster is gone.
sub backends {
    my $data = $cluster->data;
    return grep { (readlink($_) // '') eq $data } glob '/proc/[0-9]*/cwd';
}
