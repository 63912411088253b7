package IHanoi::Plugin::Archive;

# The archive of a plugin's version: NAME-VERSION.plugin.tar.gz.
#
# Written, it has the same bytes for the same contents: files sorted, no times,
# no owners, one top folder. Read, it is somebody else's: everything is held
# in memory within limits and looked at before a file is written, and only what
# write_archive() makes is accepted: plain files, in order, nothing else.
#
#   my ($top, $files) = read_archive($file);     # dies with a reason
#
# $files has bytes by path; FILES.sha256 has been held against them.

use strict;
use warnings;
use Exporter 'import';
use Digest::SHA qw(sha256_hex);
use IO::Compress::Gzip ();
use IO::Uncompress::Gunzip ();
use JSON::PP ();

our @EXPORT = qw(read_archive write_archive listing);

# As ihanoi_plugin_files.h has them; FILES.* come on top.
my $FILES  = 200;
my $SIZE   = 2_097_152;
my $PATH   = 200;

my $PACKED   = 4_194_304;
my $UNPACKED = $SIZE + ($FILES + 4) * 1024 + 65_536;

# About the contents, not among them.
our @SEALS = qw(FILES.sha256 FILES.sig FILES.review.sig);
my %SEAL = map { $_ => 1 } @SEALS;


# The text of FILES.sha256, which sha256sum -c reads.
sub listing {
    my ($files) = @_;
    return join '', map { sha256_hex($files->{$_}) . "  $_\n" }
                    sort grep { !$SEAL{$_} } keys %$files;
}


# Writes an archive whole, or not at all.
sub write_archive {
    my ($file, $top, $files) = @_;
    my $tar = '';

    for my $path (sort keys %$files) {
        my $bytes = $files->{$path};
        $tar .= _header("$top/$path", length $bytes) . $bytes
                . "\0" x (-length($bytes) % 512);
    }

    $tar .= "\0" x 1024;

    my $packed;
    IO::Compress::Gzip::gzip(\$tar => \$packed, -Minimal => 1, -Level => 9)
        or die "gzip: $IO::Compress::Gzip::GzipError\n";

    my $new = "$file.new.$$";
    open my $fh, '>:raw', $new or die "could not write $new: $!\n";

    if (!(print $fh $packed) || !close $fh || !rename $new, $file) {
        my $why = $!;
        unlink $new;
        die "could not write $file: $why\n";
    }

    return;
}


# POSIX ustar; the longest name is cut at the first folder that lets it fit.
sub _header {
    my ($path, $size) = @_;
    my ($prefix, $name) = ('', $path);

    for (my $i = -1; length $name > 100; ) {
        $i = index $path, '/', $i + 1;
        die "$path: the path is too long for an archive\n"
            if $i < 0 || $i > 155;
        ($prefix, $name) = (substr($path, 0, $i), substr($path, $i + 1));
    }

    my $header = pack 'a100 a8 a8 a8 a12 a12 a8 a1 a100 a6 a2 a32 a32 a8 a8 a155 a12',
        $name, "0000644\0", "0000000\0", "0000000\0",
        sprintf("%011o\0", $size), "00000000000\0", ' ' x 8, '0', '',
        "ustar\0", '00', '', '', "0000000\0", "0000000\0", $prefix, '';

    substr $header, 148, 8, sprintf "%06o\0 ", unpack '%32C*', $header;
    return $header;
}


sub read_archive {
    my ($file) = @_;

    my $tar = _gunzip($file);
    my ($top, $files) = _members($tar);
    my $list = delete $files->{'FILES.sha256'}
        // die "has no FILES.sha256: pack it with \"ihanoi plugin pack\"\n";

    my $is = listing($files);

    if ($list ne $is) {
        my %listed = map { $_ => 1 } split /^/, $list;
        my ($first) = grep { !$listed{$_} } split /^/, $is;
        die 'FILES.sha256 is not about these files',
            $first ? ': ' . (split ' ', $first)[1] . ' is another' : '', "\n";
    }

    $files->{'FILES.sha256'} = $list;

    my $manifest = eval {
        JSON::PP->new->utf8->decode($files->{'plugin.json'} // '')
    };
    die "has no plugin.json that can be read\n" if ref $manifest ne 'HASH';

    my ($name, $version) = map { ref || !defined ? '' : $_ }
                           @$manifest{qw(name version)};
    die "plugin.json has no good name\n" if $name !~ /^[a-z][a-z0-9_]{0,31}\z/;
    $version =~ s/[^ -~]/?/g;
    die "plugin.json says that it is \"$name-$version\", the archive is "
        . "\"$top\"\n" if $top ne "$name-$version";

    return ($top, $files, $name, $version);
}


# Never more in memory than the largest plugin is.
sub _gunzip {
    my ($file) = @_;

    # Looked at first: to open a pipe waits for who writes to it.
    die "is not a file\n" if -e $file && !-f _;
    open my $fh, '<:raw', $file or die "could not be opened: $!\n";
    die "is larger than $PACKED bytes\n" if -s _ > $PACKED;

    my $packed = do { local $/; <$fh> } // '';
    my $gunzip = IO::Uncompress::Gunzip->new(\$packed, MultiStream => 0,
                                             Append => 1, Strict => 1,
                                             Transparent => 0)
        or die "is not a gzip archive\n";
    my $tar = '';

    while ((my $n = $gunzip->read($tar, 65_536)) != 0) {
        die "is broken: $IO::Uncompress::Gunzip::GunzipError\n" if $n < 0;
        die "is larger than a plugin may be when it is unpacked\n"
            if length $tar > $UNPACKED;
    }

    die "has something after its end\n" if length $gunzip->trailingData;

    return $tar;
}


sub _members {
    my ($tar) = @_;
    my ($at, $last, $size, $n) = (0, '', 0, 0);
    my ($top, %files, %folders);

    die "is not a tar archive\n" if length($tar) < 1024 || length($tar) % 512;

    while (1) {
        die "ends too early\n" if $at + 512 > length $tar;

        my $header = substr $tar, $at, 512;
        $at += 512;
        last if $header eq "\0" x 512;

        my ($path, $length) = _member($header);

        # In order, so none comes twice and there is one way to write it.
        die "\"$path\" is not in order: pack it with \"ihanoi plugin pack\"\n"
            if $path le $last;
        $last = $path;

        my ($folder, $rest) = $path =~ m{^([a-z][a-z0-9_]*-[0-9A-Za-z.-]+)/(.+)$}
            or die "\"$path\" is not in a folder NAME-VERSION\n";
        $top //= $folder;
        die "has two top folders, \"$top\" and \"$folder\"\n" if $top ne $folder;

        die "\"$rest\" is a file and a folder\n" if $folders{$rest};
        for (my $i = 0; ($i = index $rest, '/', $i) > 0; $i++) {
            my $above = substr $rest, 0, $i;
            die "\"$above\" is a file and a folder\n" if exists $files{$above};
            $folders{$above} = 1;
        }

        die "has more than $FILES files\n" if !$SEAL{$rest} && ++$n > $FILES;
        die "\"$rest\" is longer than a signature\n"
            if $rest =~ /^FILES\..*sig$/ && $length > 64;
        die "\"$rest\" is too large a list\n"
            if $rest eq 'FILES.sha256' && $length > 65_536;
        $size += $length if !$SEAL{$rest};
        die "has more than $SIZE bytes of files\n" if $size > $SIZE;
        die "ends within \"$rest\"\n" if $at + $length > length $tar;

        $files{$rest} = substr $tar, $at, $length;
        $at += $length + -$length % 512;
    }

    die "has something after its end\n" if substr($tar, $at) =~ /[^\0]/;
    die "has no files\n" if !defined $top;

    return ($top, \%files);
}


# The path and size of one header that is as _header() makes it.
sub _member {
    my ($header) = @_;
    my ($name, $mode, undef, undef, $size, undef, $sum, $type, $link, $magic,
        undef, undef, undef, undef, undef, $prefix)
        = unpack 'a100 a8 a8 a8 a12 a12 a8 a1 a100 a6 a2 a32 a32 a8 a8 a155',
                 $header;

    s/\0.*//s for $name, $prefix, $link;
    my $path = length $prefix ? "$prefix/$name" : $name;
    my $shown = $path =~ s/[^ -~]/?/gr;

    my $zeroed = $header;
    substr $zeroed, 148, 8, ' ' x 8;
    die "is not a tar archive, or broken\n"
        if $magic ne "ustar\0" || $sum !~ /^([0-7]{1,7})[\0 ]/
           || oct $1 != unpack '%32C*', $zeroed;

    my %kinds = (1 => 'a hard link', 2 => 'a symbolic link', 3 => 'a device',
                 4 => 'a device', 5 => 'a folder', 6 => 'a pipe');
    die "\"$shown\" is ", $kinds{$type} // 'of an unknown kind',
        "; an archive of a plugin has plain files only\n"
        if $type ne '0' || length $link;

    die "\"$shown\" is no path of a plugin\n"
        if length $path > $PATH + 70
           || $path !~ m{^[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)+\z};
    die "the size of \"$shown\" is no number\n" if $size !~ /^(0[0-7]{10})\0\z/;

    return ($path, oct $1);
}


1;
