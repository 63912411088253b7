package IHanoi::Test::Frames;

# HTTP/2 frame by frame, for what no client would send (RFC 9113; names and values
# as RFC 7541 6.2.2).
#
#   syswrite $socket, h2_preface() . h2_frame(1, 5, 1, h2_fields(':method' => 'GET', ...));

use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(h2_preface h2_frame h2_fields);


# What a client says first.
sub h2_preface { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . h2_frame(4, 0, 0, '') }


sub h2_frame {
    my ($type, $flags, $stream, $load) = @_;
    return substr(pack('N', length $load), 1) . pack('CCN', $type, $flags, $stream) . $load;
}


# What a frame of headers has in it: of a list of names and values, in that order.
sub h2_fields {
    my (@fields) = @_;
    my $block = '';

    $block .= "\0" . _string(shift @fields) . _string(shift @fields) while @fields;
    return $block;
}


sub _string {
    my $n = length $_[0];
    return ($n < 127 ? chr $n : pack 'CCC', 127, ($n - 127 & 127) | 128, $n - 127 >> 7) . $_[0];
}


1;
