package IHanoi::Plugin::Home;

# The folder of a plugin on a gateway, HOME/NAME:
#
#   versions/NAME-VERSION   what was unpacked; never changed
#   current                 a link to one of them: what nginx.conf names
#   deployments             a JSON object a line: what was done, by whom signed
#   known                   "NAME VERSION HASH": one content for each version
#   lock                    held while one is deployed
#   switching               what "current" was, while it is switched, and which workers ran
#
# A version here is "NAME-VERSION", the name of its folder.

use strict;
use warnings;
use Fcntl qw(LOCK_EX LOCK_NB);
use File::Path qw(make_path remove_tree);
use JSON::PP ();
use IHanoi::Command;

my $json = JSON::PP->new->utf8->canonical;


sub new {
    my ($class, $home, $name) = @_;
    return bless { dir => "$home/$name", name => $name }, $class;
}


sub dir      { $_[0]{dir} }
sub known    { "$_[0]{dir}/known" }
sub staging  { "$_[0]{dir}/.staging" }
sub folder   { "$_[0]{dir}/versions/$_[1]" }


# Held until the program ends, however it does.
sub lock {
    my ($self) = @_;

    eval { make_path("$self->{dir}/versions"); 1 }
        or do { my ($why) = $@ =~ /^(.*?) at \S+ line/; fail($why // $@) };
    open $self->{lock}, '+>>', "$self->{dir}/lock"
        or fail("could not open $self->{dir}/lock: $!");

    if (!flock $self->{lock}, LOCK_EX | LOCK_NB) {
        my $fh = $self->{lock};
        seek $fh, 0, 0;
        chomp(my $who = <$fh> // '');
        fail("$self->{name} is being deployed",
             ($who ? "by process $who" : 'already') . ': wait for it');
    }

    truncate $self->{lock}, 0;
    syswrite $self->{lock}, "$$\n";

    # What a killed one was unpacking.
    remove_tree($self->staging);
    return;
}


# What "current" leads to, or undef.
sub current {
    my ($self) = @_;
    my $to = readlink("$self->{dir}/current");
    return ($to // '') =~ m{^versions/([^/]+)\z} ? $1 : undef;
}


# Points "current" to a version, or removes it for undef: at once, so that
# nobody ever finds none.
sub point_to {
    my ($self, $version) = @_;
    my $link = "$self->{dir}/current";

    if (!defined $version) {
        unlink $link or $!{ENOENT} or fail("could not remove $link: $!");
        return;
    }

    unlink "$link.new";
    symlink("versions/$version", "$link.new")
        && rename("$link.new", $link)
        or fail("could not point $link to $version: $!");
    return;
}


# The same, to be finished with settle(): until then interrupted() tells what
# it was before and which workers ran, also after a kill.
sub switch {
    my ($self, $version, @workers) = @_;

    _write("$self->{dir}/switching", ($self->current // '') . "\n@workers\n");
    $self->point_to($version);
    return;
}

sub settle {
    my ($self) = @_;
    unlink "$self->{dir}/switching";
    return;
}

# The version before a switch that was never settled, '' when there was none, and the
# workers that ran then; nothing when all is settled.
sub interrupted {
    my ($self) = @_;
    open my $fh, '<', "$self->{dir}/switching" or return;
    chomp(my ($was, $workers) = <$fh>);
    return ($was // '', split ' ', $workers // '');
}


# Versions that are here, the last unpacked first.
sub versions {
    my ($self) = @_;

    opendir my $dh, "$self->{dir}/versions" or return;
    my %at = map { $_ => (lstat "$self->{dir}/versions/$_")[10] }
             grep { /^\Q$self->{name}\E-[0-9]/ } readdir $dh;

    return sort { $at{$b} <=> $at{$a} || $b cmp $a } keys %at;
}


sub remove {
    my ($self, $version) = @_;
    remove_tree($self->folder($version));
    return;
}


# Appends to what was done: { what, version, ... }.
sub record {
    my ($self, %what) = @_;
    require POSIX;

    my $line = $json->encode({ at => POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime),
                               %what }) . "\n";
    open my $fh, '+>>:raw', "$self->{dir}/deployments"
        or fail("could not open $self->{dir}/deployments: $!");
    append_line($fh, "$self->{dir}/deployments", $line);
    return;
}


# What was done, oldest first. A line that a crash cut short is left out.
sub records {
    my ($self) = @_;
    open my $fh, '<:raw', "$self->{dir}/deployments" or return;
    return map { eval { $json->decode($_) } // () } <$fh>;
}


# The version that was current before $version was, and is still here.
sub before {
    my ($self, $version) = @_;
    my %here = map { $_ => 1 } $self->versions;
    my ($before) = grep { $_ ne $version && $here{$_} } map { $_->{version} }
                   grep { $_->{what} ne 'prepare' } reverse $self->records;
    return $before;
}


# The digest of a version, as it was accepted.
sub digest {
    my ($self, $version) = @_;

    open my $fh, '<', $self->known or return;
    my ($digest) = map { /^(\S+) (\S+) ([0-9a-f]{64})$/ && "$1-$2" eq $version ? $3 : () }
                   <$fh>;
    return $digest;
}


sub _write {
    my ($file, $text) = @_;

    open my $fh, '>', "$file.new" or fail("could not write $file: $!");
    print $fh $text;
    close $fh && rename "$file.new", $file or fail("could not write $file: $!");
    return;
}


1;
