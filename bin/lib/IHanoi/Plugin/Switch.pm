package IHanoi::Plugin::Switch;

# The switch of a plugin: a file NAME.disabled, which the gateway looks for
# once a second (ihanoi_plugin_switches).

use strict;
use warnings;
use Exporter 'import';
use Fcntl qw(O_CREAT O_EXCL O_WRONLY);
use IHanoi::Command;

our @EXPORT_OK = qw(switch);


# switch($word, $off): the command $word, which disables if $off. Returns the
# exit code.
sub switch {
    my ($word, $off) = @_;
    my $what = $off ? 'Refuses the calls of a plugin with 503'
                    : 'Answers the calls of a plugin again';
    my $opt = options(<<"USAGE", 'switches=s', 'dir=s');
usage: ihanoi plugin $word NAME --switches DIR [--dir PLUGINS]

$what. Works within a second, needs no reload, outlives a restart.

  --switches DIR    the folder that ihanoi_plugin_switches names
  --dir PLUGINS     refuse a NAME of which no folder is there

Exit code: 0 done, or it was so before; 1 it could not be done; 2 usage.
USAGE

    if (@ARGV != 1 || !defined $opt->{switches}) {
        print STDERR "ihanoi plugin $word: one NAME, and --switches\n";
        exit 2;
    }

    my ($name, $dir) = ($ARGV[0], $opt->{switches});

    $name =~ /^[a-z][a-z0-9_]{0,31}\z/ or fail('that is no name of a plugin');
    -d $dir or fail("there is no folder \"$dir\"");
    !defined $opt->{dir} || _known($opt->{dir}, $name)
        or fail("there is no plugin \"$name\" in $opt->{dir}");

    my $file = "$dir/$name.disabled";
    my $done = $off ? sysopen(my $fh, $file, O_CREAT | O_EXCL | O_WRONLY, 0644)
                    : unlink $file;

    if (!$done) {
        my $why = $!;
        ($off ? $!{EEXIST} : $!{ENOENT}) or fail("could not change $file: $why");
        print "$name is ${word}d already\n";
        return 0;
    }

    print "$name is ${word}d within a second\n";
    return 0;
}


# Whether a folder of plugins holds NAME, or a version of it.
sub _known {
    my ($dir, $name) = @_;

    opendir my $dh, $dir or fail("could not read $dir: $!");
    return scalar grep { /^\Q$name\E(?:-[0-9].*)?\z/ } readdir $dh;
}


1;
