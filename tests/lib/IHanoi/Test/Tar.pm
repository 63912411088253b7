package IHanoi::Test::Tar;

# Archives as a stranger could send them, by the standard (POSIX ustar) and not by
# our own code, which refuses to write most of them.

use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(tar);


# The bytes of a tar archive. Members are [path, bytes, of => ...] with type, link,
# prefix, size (octal digits), magic and sum (how much the checksum is wrong).
sub tar {
    my (@members) = @_;
    my $tar = '';

    for my $member (@members) {
        my ($path, $bytes, %of) = @$member;
        my $header = pack 'a100 a8 a8 a8 a12 a12 a8 a1 a100 a8 a32 a32 a8 a8 a155 a12',
            $path, '0000644', '0000000', '0000000',
            $of{size} // sprintf('%011o', length $bytes), '0' x 11, ' ' x 8,
            $of{type} // '0', $of{link} // '', $of{magic} // "ustar\00000",
            '', '', '0000000', '0000000', $of{prefix} // '', '';
        substr $header, 148, 8,
            sprintf "%06o\0 ", ($of{sum} // 0) + unpack '%32C*', $header;
        $tar .= $header . $bytes . "\0" x (-length($bytes) % 512);
    }

    return $tar . "\0" x 1024;
}


1;
