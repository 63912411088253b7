package IHanoi::Plugin::Switch;

# The switch of a plugin: a file NAME.disabled, which the gateway looks for
# once a second (ihanoi_plugin_switches).

use strict;
use warnings;
use Exporter 'import';
use Fcntl qw(O_CREAT O_EXCL O_WRONLY);
use File::Path qw(make_path);
use Time::HiRes qw(sleep time);
use IHanoi::Command;
use IHanoi::Plugin::Gateway qw(gateway_options $GATEWAY_HELP);

our @EXPORT_OK = qw(switch);

# Workers look once a second; one may be busy.
my $PATIENCE = 5;


# switch($word, $off): the command $word, which disables if $off. Returns the
# exit code.
sub switch {
    my ($word, $off) = @_;
    my $what = $off ? 'Refuses the calls of a plugin with 503'
                    : 'Answers the calls of a plugin again';
    my $opt = options(<<"USAGE", gateway_options());
usage: ihanoi plugin $word NAME [options]

$what. Works within a second,
needs no reload, outlives a restart. The switch is a file in the folder that
"ihanoi_plugin_switches" names, which is made. Where /metrics can be asked, it
waits until the workers say so.

$GATEWAY_HELP
Exit code: 0 done, or it was so before; 1 it could not be done; 2 usage.
USAGE

    if (@ARGV != 1) {
        print STDERR "ihanoi plugin $word: one NAME\n";
        exit 2;
    }

    my ($name) = @ARGV;
    my $gateway = IHanoi::Plugin::Gateway->new($opt);

    $gateway->plugin($name) or fail("$gateway->{file} has no \"ihanoi_plugin $name\"");
    my $dir = $gateway->switches
        // fail("$gateway->{file} has no \"ihanoi_plugin_switches\": nginx looks nowhere");

    # Workers, who are other users, look into it.
    umask 022;
    make_path($dir);

    my $file = "$dir/$name.disabled";
    my $done = $off ? sysopen(my $fh, $file, O_CREAT | O_EXCL | O_WRONLY, 0644)
                    : unlink $file;

    my $why = $!;

    $done || ($off ? $!{EEXIST} : $!{ENOENT}) or fail("could not change $file: $why");

    my $when = !$gateway->master ? ' when nginx runs' : _when($gateway, $name, $off)
        // fail("$name is not ${word}d: no worker says so in $PATIENCE seconds;",
                "may nginx's workers look into $dir?");

    print "$name is ${word}d", $done ? $when : ' already', "\n";
    return 0;
}


# Nothing more, once the workers say so, and "status" with them: they look at the state
# a little later, and that of one that quits is none. undef when they do not. Where
# /metrics cannot be asked, what they do unless they may not.
sub _when {
    my ($gateway, $name, $off) = @_;
    my $end = time + $PATIENCE;

    while (time < $end) {
        local $IHanoi::Command::catches = 1;
        my $series = eval { $gateway->series(map { "ihanoi_plugin_$_" } qw(circuit state)) }
            // return ' within a second';
        my (@circuits, @states);

        push @{ $_->{family} =~ /state/ ? \@states : \@circuits }, $_->{value}
            for grep { $_->{plugin} eq $name } @$series;

        return '' if !grep({ ($_ == 3) != !!$off } @circuits)
                  && (!@states || !!grep({ $_ == 4 } @states) == !!$off);
        sleep 0.1;
    }

    return;
}


1;
