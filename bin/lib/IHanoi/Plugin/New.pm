package IHanoi::Plugin::New;

# ihanoi plugin new: the template with another name. The template is a plugin
# that passes its own checks, so what comes out does too.

use strict;
use warnings;
use File::Basename qw(dirname);
use File::Path qw(make_path);
use IHanoi::Command;
use IHanoi::Plugin::Folder;


sub run {
    my $opt = options(<<'USAGE', 'into=s');
usage: ihanoi plugin new NAME [--into DIR]

Makes the folder DIR/NAME with a small service that works. NAME is of lower-case
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

    my $folder = ($opt->{into} // '.') . "/$name";
    -e $folder and refuse("$folder is there already");

    my $template = share() . '/bin/templates/template';
    my ($plugin, @findings) = look($template);
    $plugin or do { report(\*STDERR, @findings); fail('no template') };

    for my $file (map { $_->{path} } @{ $plugin->{files} }) {
        my $text = slurp("$template/$file");
        $text =~ s/\btemplate(?=\b|_)/$name/g;

        make_path(dirname("$folder/$file"));
        open my $fh, '>:raw', "$folder/$file"
            or fail("could not write $folder/$file: $!");
        print $fh $text;
        close $fh or fail("could not write $folder/$file: $!");
    }

    print "$folder\n";
    print STDERR "Next: edit $folder/plugin.json, then "
               . "ihanoi plugin check $folder\n";
    return 0;
}


1;
