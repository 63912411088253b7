package IHanoi::Plugin::Check;

# ihanoi plugin check.

use strict;
use warnings;
use JSON::PP ();
use IHanoi::Command;
use IHanoi::Plugin::Folder;
use IHanoi::Plugin::TestFile qw(test_files read_test);
use IHanoi::Plugin::Role ();


sub run {
    my $opt = options(<<'USAGE', 'json', 'strict', 'database=s');
usage: ihanoi plugin check [FOLDER] [--database CONNINFO] [--json] [--strict]

Looks at a plugin as the gateway will, and further: files and manifest, the
contract, Lua (syntax, globals, forbidden functions, slow patterns; handler.lua
is loaded, with the gateway's limits, and must have the functions that the
contract and the manifest name), SQL (names of migrations, other schemas, what
is the operator's), the form of tests. luacheck looks too when it is installed.

With --database also at the plugin's role there, as the gateway does when it
connects: what it may beyond the plugin's own schemas.

  FOLDER     default: the folder you are in
  --database CONNINFO
             libpq's: "dbname=ihanoi user=plugin_parking". It logs in as the
             plugin's role; a password belongs into a file, PGPASSFILE
  --json     findings as JSON, one a line
  --strict   warnings are errors

Prints "FILE:LINE: what is wrong" a line. Exits with 0 when nothing is, else 1.
USAGE

    if (@ARGV > 1) {
        print STDERR "ihanoi plugin check: one FOLDER\n";
        exit 2;
    }

    my $folder = $ARGV[0] // '.';
    my ($plugin, @findings) = look($folder);

    # luacheck's errors are those of syntax, which we have told of, in other words.
    my %broken = map { $_->{file} => 1 } grep { is_error($_) } @findings;

    push @findings, _tests($folder),
        grep { !is_error($_) || !$broken{ $_->{file} } } _luacheck($folder, $opt) if $plugin;
    push @findings, IHanoi::Plugin::Role::findings($plugin, $opt->{database})
        if $plugin && defined $opt->{database};

    if ($opt->{json}) {
        print JSON::PP->new->utf8->canonical->encode($_), "\n" for @findings;
    } else {
        report(\*STDOUT, @findings);
    }

    my $errors = grep { is_error($_) || $opt->{strict} } @findings;

    if ($errors) {
        print STDERR "ihanoi plugin check: $errors to mend\n";
        return 1;
    }

    print STDERR "$plugin->{name} $plugin->{version} is good, contents "
               . substr($plugin->{hash}, 0, 12) . "\n";
    return 0;
}


# Tests that "ihanoi plugin test" could not read.
sub _tests {
    my ($folder) = @_;

    return map {
        my $file = $_;
        eval { read_test("$folder/$file") } ? ()
            : { level => 'error', file => $file, reason => $@ =~ s/\n\z//r };
    } test_files($folder);
}


# What luacheck says beside our own look: unused and shadowed names. Globals
# are checked by what the sandbox really has; each handler is given its input,
# needed or not.
sub _luacheck {
    my ($folder, $opt) = @_;

    my ($program) = grep { -x } map { "$_/luacheck" } split /:/, $ENV{PATH};

    if (!$program) {
        print STDERR 'luacheck is not installed (apt install lua-check): '
                   . "unused names are not looked for\n" if !$opt->{json};
        return;
    }

    open my $out, '-|', $program, qw(--std luajit --no-color --codes --ranges
        --formatter plain --no-config --no-global --no-unused-args
        --no-max-line-length --),
        grep { -e } "$folder/handler.lua", "$folder/lib"
        or return;

    my @found;

    while (my $line = <$out>) {
        # path:line:first-last: (W211) text
        $line =~ /^(.*?):(\d+):[\d-]+: \((\w)\d+\) (.*)$/ or next;
        push @found, { level => $3 eq 'E' ? 'error' : 'warning', file => $1,
                       line => $2 + 0, reason => $4 };
    }

    close $out;
    $_->{file} =~ s{^\Q$folder\E/}{} for @found;
    return @found;
}


1;
