package IHanoi::Plugin::Role;

# What the database role of a plugin reaches beyond the plugin's schemas: the
# gateway's own question (ngx_ihanoi_module/ihanoi_role.c), asked by psql.
#
#   my @findings = findings($plugin, $conninfo);     # as IHanoi::Plugin::Folder
#
# The role is the one that the connection logs in as.

use strict;
use warnings;
use File::Temp ();
use IHanoi::Command;
use IHanoi::Plugin::Folder ();


sub findings {
    my ($plugin, $conninfo) = @_;

    # The name is letters, digits and "_": the manifest's form says so.
    my $script = File::Temp->new;
    print $script 'prepare reaches(jsonb, text, text) as ' . _question() . ";\n"
                . "execute reaches(null, '$plugin->{name}', null);\n";
    close $script;

    local $ENV{PGCONNECT_TIMEOUT} = 10;
    local $ENV{PGAPPNAME} = 'ihanoi plugin check';

    # psql says itself why it could not.
    open my $out, '-|', qw(psql -X -q -A -t -w -v ON_ERROR_STOP=1 -F), "\t",
         '-d', $conninfo, '-f', $script->filename
        or fail("could not run psql: $!");
    my @lines = <$out>;
    close $out or fail('the database could not be asked; see the message above');

    return map {
        chomp;
        my ($grave, $reason) = split /\t/, $_, 2;
        { level => $grave eq 't' ? 'error' : 'warning', file => 'database',
          reason => $reason };
    } @lines;
}


sub _question {
    open my $out, '-|', IHanoi::Plugin::Folder::program(), '--role'
        or fail("could not run ihanoi-plugin: $!");
    local $/;
    my $text = <$out>;
    close $out or fail('ihanoi-plugin --role ended with ' . ($? >> 8));
    return $text;
}


1;
