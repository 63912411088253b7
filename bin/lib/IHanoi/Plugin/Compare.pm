package IHanoi::Plugin::Compare;

# ihanoi plugin compare.

use strict;
use warnings;
use Exporter 'import';
use JSON::PP ();
use IHanoi::Command;
use IHanoi::Plugin::Archive qw(read_archive);
use IHanoi::Plugin::Changes qw(changes);
use IHanoi::Plugin::Contract qw(read_contract);
use IHanoi::Plugin::Folder qw(slurp);

our @EXPORT_OK = qw(compare);

my %WORD = (breaking => 'breaks callers', unclear => 'cannot tell',
            compatible => 'compatible');


sub run {
    my $opt = options(<<'USAGE', 'json');
usage: ihanoi plugin compare OLD NEW [--json]

What callers meet when the version OLD of a plugin becomes NEW: operations,
requests, answers, and what other plugins use of it. OLD and NEW are folders or
archives.

A line for each change: "breaks callers", "cannot tell" (which counts as if it
did) or "compatible", the operation, the place in a request or an answer, what
changed, and where in the contract. What breaks callers needs a version that
says so: a higher first number, or the second while the first is 0.

  --json   an object a line, the verdict last

Exit code: 0 nothing breaks, or the version says so; 1 they cannot be compared;
2 usage; 3 refused, the version does not say it.
USAGE

    if (@ARGV != 2) {
        print STDERR "ihanoi plugin compare: OLD and NEW\n";
        exit 2;
    }

    my $found = eval { compare(@ARGV) } or do { chomp $@; fail($@) };
    my $breaks = grep { $_->{level} ne 'compatible' } @{ $found->{changes} };

    print $opt->{json} ? _json($found) : map { change_text($_) } @{ $found->{changes} };

    if (!$found->{allowed}) {
        refuse("$found->{name} $found->{old} to $found->{new}: $breaks of "
               . @{ $found->{changes} } . ' changes may break callers; call it',
               next_version($found->{old}) . ' or higher, or leave them out');
    }

    print STDERR "$found->{name} $found->{old} to $found->{new}: "
        . ($breaks ? "$breaks changes may break callers, as the version says"
                   : 'callers need no change') . "\n";
    return 0;
}


# compare($old, $new): folders or archives. Dies with a reason.
#
#   { name, old, new, allowed, changes }   old and new are versions
sub compare {
    my @versions = map { _version($_) } @_;
    my ($old, $new) = map { $_->{manifest} } @versions;

    $old->{name} eq $new->{name}
        or die "\"$old->{name}\" and \"$new->{name}\" are two plugins\n";

    # Perl's own words when an object is no object are of no use to anybody.
    my $changes = eval { [changes(@versions)] }
        or die $@ =~ / line \d+\.?$/
               ? "a contract is none; see \"ihanoi plugin check\"\n" : $@;
    my @changes = @$changes;
    my $breaks = grep { $_->{level} ne 'compatible' } @changes;

    return { name => $new->{name}, old => $old->{version}, new => $new->{version},
             changes => \@changes,
             allowed => !$breaks || _says_so($old->{version}, $new->{version}) };
}


# One version of a plugin, from where it lies: { contract, manifest }.
sub _version {
    my ($place) = @_;
    my $read;

    if (-d $place) {
        $read = sub { -f "$place/$_[0]" ? slurp("$place/$_[0]") : undef };
    } else {
        my (undef, $files) = eval { read_archive($place) }
            or do { chomp $@; die "$place $@\n" };
        $read = sub { $files->{ $_[0] } };
    }

    my $version = eval {
        my $text = $read->('plugin.json') // die "there is no plugin.json\n";
        my $manifest = eval { JSON::PP->new->utf8->decode($text) };

        ref $manifest eq 'HASH' or die "plugin.json is no JSON object\n";
        defined $manifest->{$_} && !ref $manifest->{$_}
            or die "plugin.json has no \"$_\"\n" for qw(name version);
        _numbers($manifest->{version})
            or die "\"$manifest->{version}\" is no semantic version\n";

        { manifest => $manifest, contract => read_contract($read) };
    };

    $version or do { chomp $@; die "$place: $@; see \"ihanoi plugin check\"\n" };
    return $version;
}


# (major, minor, patch, pre-release or undef) of a semantic version.
sub _numbers {
    return $_[0] =~ /^(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:-([0-9A-Za-z.-]+))?\z/;
}


# Whether a version says that callers may break (semver.org 4, 8, 9).
sub _says_so {
    my ($old, $new) = map { [_numbers($_)] } @_;

    # Nobody was promised anything by what comes before a release.
    return 1 if defined $old->[3] && $_[0] ne $_[1];

    return $new->[0] > $old->[0]
           || $old->[0] == 0 && $new->[0] == 0 && $new->[1] > $old->[1];
}


sub next_version {
    my ($major, $minor) = _numbers($_[0]);
    return $major ? ($major + 1) . '.0.0' : '0.' . ($minor + 1) . '.0';
}


# A change as a line for people.
sub change_text {
    my ($change) = @_;
    my $place = join ' ', grep { length } @$change{qw(operation where value)};
    my $line = "$WORD{ $change->{level} }: $place: "
        . ($change->{keyword} =~ /^(?:|default|required|properties|additionalProperties|type|schema)\z/
           ? '' : "$change->{keyword} ")
        . "$change->{what} ($change->{of} $change->{at})\n";

    utf8::encode($line) if utf8::is_utf8($line);
    return $line;
}


sub _json {
    my ($found) = @_;
    my $json = JSON::PP->new->utf8->canonical;
    my %verdict = (%$found, allowed => $found->{allowed} ? JSON::PP::true
                                                         : JSON::PP::false);

    delete $verdict{changes};
    return map { $json->encode($_) . "\n" } @{ $found->{changes} },
                                            { verdict => \%verdict };
}


1;
