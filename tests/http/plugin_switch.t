#!/usr/bin/perl
# "ihanoi plugin disable" and "enable": the file that the gateway looks for.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Command;
use File::Temp qw(tempdir);

my $dir = tempdir(CLEANUP => 1);
my $file = "$dir/parking.disabled";
my ($rc, $out, $err);

mkdir "$dir/plugins";
mkdir "$dir/plugins/parking-0.1.0";

sub command {
    my ($word, $name, @more) = @_;
    ($rc, $out, $err) = ihanoi('plugin', $word, $name, '--switches', $dir,
                               @more);
    return "$rc " . (-e $file ? 'off' : 'on');
}

is(command('disable', 'parking', '--dir', "$dir/plugins"), '0 off', 'disabled');
like($out, qr/within a second/, 'it says when');
is(command('disable', 'parking'), '0 off', 'a second time');
like($out, qr/already/, 'and it says so');
is(command('enable', 'parking'), '0 on', 'enabled');
is(command('enable', 'parking'), '0 on', 'a second time');
is(command('disable', 'park', '--dir', "$dir/plugins"), '1 on', 'unknown');
like($err, qr/no plugin "park"/, 'and it says so');
is(command('disable', '../parking'), '1 on', 'no name');
is((ihanoi(qw(plugin disable parking)))[0], 2, 'no folder of switches');
is((ihanoi(qw(plugin), $_, '--help'))[0], 0, "$_ --help")
    for qw(disable enable);

done_testing();
