package IHanoi::Plugin::Logs;

# ihanoi plugin logs; and the lines of the gateway's error log that are about a
# plugin, for whoever shows them.

use strict;
use warnings;
use Exporter 'import';
use JSON::PP ();
use Time::HiRes qw(sleep);
use IHanoi::Command;
use IHanoi::Plugin::Gateway qw(gateway_options $GATEWAY_HELP);

our @EXPORT_OK = qw(plugin_line line_text);


sub run {
    my $opt = options(<<"USAGE", 'log=s@', 'request=s', 'follow|f', 'json', gateway_options());
usage: ihanoi plugin logs NAME [--log FILE] [--follow] [--request ID] [--json]

What the gateway's error log says about a plugin: its own lines (ihanoi.log),
errors with file and line, limits, its circuit. Each with time, level, version
and the request's id.

  --log FILE        an error log, may be repeated; default: all that the
                    configuration of the gateway has. One that ends in .gz is
                    unpacked
  --follow          goes on with what is written from now on, also after the log
                    was rotated; ends at Ctrl-C
  --request ID      lines of one request: the 32 digits of X-Request-Id, with
                    which "instance" of a problem ends
  --json            an object a line

$GATEWAY_HELP
Exit code: 0 done, also when there is no line; 1 a log cannot be read; 2 usage.
USAGE

    if (@ARGV != 1) {
        print STDERR "ihanoi plugin logs: one NAME\n";
        exit 2;
    }

    my ($name) = @ARGV;
    $name =~ /^[a-z][a-z0-9_]{0,31}\z/ or fail('that is no name of a plugin');

    my $id = $opt->{request};
    if (defined $id) {
        $id =~ s/^urn:ihanoi:request://;
        $id =~ /^[0-9a-f]{32}\z/ or fail('that is no id of a request: 32 of 0-9a-f');
    }

    my @files = $opt->{log} ? @{ $opt->{log} } : _configured($name, $opt);
    my $json = JSON::PP->new->canonical->latin1;

    local $SIG{INT} = sub { exit 0 };
    STDOUT->autoflush;

    my $show = sub {
        my $line = plugin_line($_[0], $name) // return;
        return if defined $id && ($line->{request} // '') ne $id;
        print $opt->{json} ? $json->encode($line) . "\n" : line_text($line);
    };
    my @open = map { { file => $_, fh => _open($_) } } @files;

    for my $log (@open) {
        _read($show, $log);
        $log->{fh}->error and fail("could not read $log->{file} to its end");
    }

    _follow($show, grep { $_->{file} !~ /\.gz\z/ } @open) if $opt->{follow};
    return 0;
}


# Shows what a log has by now. A line that is being written is whole the next time.
sub _read {
    my ($show, $log) = @_;
    my $fh = $log->{fh};

    while (defined(my $line = <$fh>)) {
        $line = delete($log->{rest}) . $line if defined $log->{rest};
        if ($line !~ /\n\z/) {
            $log->{rest} = $line;
            last;
        }
        $show->($line);
    }

    return;
}


sub _follow {
    my ($show, @open) = @_;

    while (1) {
        for my $log (@open) {
            seek $log->{fh}, 0, 1;
            _read($show, $log);

            # Rotated: another file has the name, or this one was cut off. nginx goes on
            # with the old one until it is told: when the new one has something.
            my @is = stat $log->{file} or next;
            my @was = stat $log->{fh};
            my $same = $is[0] == $was[0] && $is[1] == $was[1];
            next if $same ? $is[7] >= tell $log->{fh} : !$is[7];

            seek $log->{fh}, 0, 1;
            _read($show, $log);
            delete $log->{rest};
            open $log->{fh}, '<:raw', $log->{file};
        }

        sleep 0.2;
    }
}


sub _configured {
    my ($name, $opt) = @_;
    my $gateway = IHanoi::Plugin::Gateway->new($opt);

    $gateway->plugin($name) or fail("$gateway->{file} has no \"ihanoi_plugin $name\"");
    my @files = $gateway->error_logs
        or fail("$gateway->{file} has no error_log that is a file: --log FILE");
    return @files;
}


sub _open {
    my ($file) = @_;

    if ($file =~ /\.gz\z/ && -f $file) {
        require IO::Uncompress::Gunzip;
        return IO::Uncompress::Gunzip->new($file, MultiStream => 1)
               // fail("could not read $file");
    }

    open my $fh, '<:raw', $file or fail("could not read $file: $!; --log FILE");
    return $fh;
}


# A line of the error log that is about the plugin, or undef:
#
#   time, level      as nginx writes them
#   version, place   "1.4.0"; "lib/fees.lua:12" where the line has them
#   text             what it says
#   client, request  of a request: address and id
#
# The id is the first that the line has: what comes later may be a header that
# the client has written.
sub plugin_line {
    my ($line, $name) = @_;

    my ($time, $level, $rest) = $line =~
        m{^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(\w+)\] \d+\#\d+: (?:\*\d+ )?(.*?)\n?\z}s
        or return;
    my ($version, $text) = $rest =~
        /^plugin "\Q$name\E"(?: (?:version )?"?(\d+\.[0-9A-Za-z.-]*?)"?(?=[: ]))?[:,]? ?(.*)\z/s
        or return;
    my %line = (time => $time, level => $level, version => $version);

    if ($text =~ s/(?: while [a-z ]+)?, client: ([^ ,]+)(?:, request id: "([0-9a-f]{32})")?, server: .*\z//s) {
        @line{qw(client request)} = ($1, $2);
    }

    ($line{place}) = $text =~ m{((?:handler|lib/[A-Za-z0-9_./-]+)\.lua:\d+)};
    $line{text} = $text;
    defined $line{$_} or delete $line{$_} for keys %line;
    return \%line;
}


# For people: one line, without the bytes that move a cursor.
sub line_text {
    my ($line) = @_;
    my $text = join ' ', grep { defined } $line->{time}, "[$line->{level}]",
        @$line{qw(version text)},
        defined $line->{request} ? "($line->{request})" : ();

    return $text =~ s/[\0-\x1f\x7f]/?/gr . "\n";
}


1;
