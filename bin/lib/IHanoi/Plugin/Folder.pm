package IHanoi::Plugin::Folder;

# A plugin's folder as the gateway sees it: bin/ihanoi-plugin.c looks at
# manifest, contract and Lua, IHanoi::Plugin::Sql at the SQL.
#
#   my ($plugin, @findings) = look($folder);
#
# A finding is { level => 'error' or 'warning', file, line or pointer, reason }.
# $plugin has name, version, hash, folder, public, database, sql (functions that
# the contract names), publishes (events) and files ({ path, sha256, size }, sorted
# by path); undef without a good manifest.

use strict;
use warnings;
use Cwd ();
use Exporter 'import';
use JSON::PP ();
use IHanoi::Command;
use IHanoi::Plugin::Sql ();

our @EXPORT = qw(look report is_error slurp);


sub look {
    my ($folder) = @_;

    -d $folder or fail("there is no folder \"$folder\"");

    # Both pipes of a program that ends by itself: its errors are ours.
    open my $out, '-|', program(), share() . '/bin/lib/lua/lint.lua', $folder
        or fail("could not run ihanoi-plugin: $!");
    my @rows = map { JSON::PP->new->utf8->decode($_) } <$out>;
    close $out;

    my $signal = $? & 127;
    $signal == 0 && $? >> 8 < 2
        or fail('ihanoi-plugin ended with', $signal ? "signal $signal" : $? >> 8);

    my ($plugin) = map { $_->{plugin} // () } @rows;
    my @findings = grep { !$_->{plugin} } @rows;

    # A path is bytes, in whatever letters.
    utf8::encode($plugin->{folder}) if $plugin;
    push @findings, IHanoi::Plugin::Sql::findings($plugin) if $plugin;

    # A whole path says less than where it is in the folder.
    my $base = Cwd::realpath($folder);
    utf8::decode($base);
    $_->{file} =~ s{^\Q$base\E/}{} for @findings;

    return ($plugin, @findings);
}


sub is_error { return $_[0]{level} eq 'error' }


# Prints findings for people, one a line, as compilers do: editors jump there.
# They quote a stranger's files, and go to a terminal.
sub report {
    my ($fh, @findings) = @_;

    for my $finding (@findings) {
        my $place = $finding->{file}
            . ($finding->{line} ? ":$finding->{line}"
               : length($finding->{pointer} // '') ? " $finding->{pointer}" : '');
        my $line = "$place: "
            . ($finding->{level} eq 'warning' ? 'warning: ' : '')
            . $finding->{reason};
        $line =~ s/[\x00-\x1f\x7f-\x9f]/?/g;
        utf8::encode($line);
        print $fh "$line\n";
    }

    return;
}


sub slurp {
    my ($file) = @_;
    open my $fh, '<:raw', $file or fail("could not read $file: $!");
    local $/;

    # A folder can be opened, too.
    return <$fh> // fail("could not read $file: $!");
}


# ihanoi-plugin's path. In a checkout what was built last, for the build asked for when there is one.
sub program {
    my $home = home();
    my $build = $ENV{BUILD} // '*';
    my @built = $home ? sort { (stat $b)[9] <=> (stat $a)[9] }
                        glob "'$home/build/'$build/ihanoi-plugin" : ();
    my ($program) = grep { -x } @built, share() . '/bin/ihanoi-plugin'
        or fail('the program ihanoi-plugin is not built: make command');

    return $program;
}


1;
