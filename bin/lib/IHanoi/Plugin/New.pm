package IHanoi::Plugin::New;

# ihanoi plugin new: the template with another name. The template is the first
# operation of plugins/office_hours, and passes its own checks, so what comes out does too.

use strict;
use warnings;
use File::Basename qw(basename dirname);
use File::Path qw(make_path);
use File::Spec;
use File::Temp ();
use JSON::PP ();
use IHanoi::Command;
use IHanoi::Plugin::Folder;


sub run {
    my $opt = options(<<'USAGE', 'into=s');
usage: ihanoi plugin new NAME [--into DIR]

Makes the folder DIR/NAME with a small service that works: the first operation
of plugins/office_hours, the example that has every part. NAME is of lower-case
letters, digits and underscores; it begins the service's paths, /v1/NAME/.

  --into DIR   default: the folder you are in
USAGE

    my ($name) = @ARGV;

    if (@ARGV != 1) {
        print STDERR "ihanoi plugin new: one NAME\n";
        exit 2;
    }

    $name =~ /^[a-z][a-z0-9_]{0,31}$/
        or fail("\"$name\" is no name: lower-case letters, digits and "
                . 'underscores, at most 32, a letter first');
    my $contract = core_contract($name);
    $contract and fail("\"$name\" is the gateway's own: $contract");

    my $into = $opt->{into} // '.';
    my $folder = "$into/$name";
    -d $into or fail("there is no folder \"$into\"");
    -e $folder and refuse("$folder is there already");

    my $template = share() . '/bin/templates/template';
    my ($plugin, @findings) = look($template);
    $plugin or do { report(\*STDERR, @findings); fail('no template') };

    # All of it or nothing: the stage is removed with the object.
    my $stage = File::Temp->newdir('.new.XXXXXXXX', DIR => $into);
    my $made = "$stage/$name";

    for my $file (map { $_->{path} } @{ $plugin->{files} }) {
        my $text = slurp("$template/$file");

        # Codes of problems are the whole gateway's, and have no underscore.
        $text =~ s/\btemplate-/($name =~ tr{_}{-}r) . '-'/ge;
        $text =~ s/\btemplate(?=\b|_)/$name/g;

        make_path(dirname("$made/$file"));
        open my $fh, '>:raw', "$made/$file"
            or fail("could not write $folder/$file: $!");
        print $fh $text;
        close $fh or fail("could not write $folder/$file: $!");
    }

    editor_settings("$made/.luarc.json");
    rename $made, $folder or fail("could not make $folder: $!");

    print "$folder\n";
    print STDERR "Next: edit $folder/plugin.json, then "
               . "ihanoi plugin check $folder\n";
    return 0;
}


# Which contract of the core has this name, or paths /v1/NAME; undef when none has.
sub core_contract {
    my ($name) = @_;

    for my $file (glob share() . '/conf/api/*.json') {
        my $paths = JSON::PP->new->utf8->decode(slurp($file))->{paths} // {};

        return $file if basename($file) eq "$name.json"
            || grep { m{^/v1/\Q$name\E(?:[/.]|\z)} } keys %$paths;
    }

    return;
}


# For editors with the Lua language server: what "ihanoi" has, and which of
# Lua's libraries a plugin has not. Names that begin with a dot are no part of a
# plugin, so the path of this machine goes nowhere.
sub editor_settings {
    my ($file) = @_;

    my %settings = (
        'runtime.version'   => 'LuaJIT',
        'runtime.builtin'   => { map { $_ => 'disable' }
                                 qw(debug ffi io jit jit.profile jit.util os
                                    string.buffer table.clear table.new) },
        'workspace.library' => [ File::Spec->rel2abs(share() . '/conf/lua') ],
    );

    open my $fh, '>:raw', $file or fail("could not write $file: $!");
    print $fh JSON::PP->new->pretty->canonical->utf8->encode(\%settings);
    close $fh or fail("could not write $file: $!");
}


1;
