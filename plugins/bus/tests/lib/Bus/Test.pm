package Bus::Test;

# The bus plugin through a real gateway, with a database of its own.
#
#   my ($gw, $db) = buses();                 # the feed of demo/feed is served
#   my ($status, $text) = import_gtfs($db, $folder, '--check');
#   my $items = departures('lake', '2026-11-24T07:00:00+07:00');
#   my $bytes = protobuf([1, 'text'], [2, [[1, -60]]]);     # a message

use strict;
use warnings;
use utf8;
use Exporter 'import';
use IHanoi::Test;
use IHanoi::Test::Plugin;

our @EXPORT = qw(buses import_gtfs protobuf feed_with);

my $plugin = IHanoi::Test::tree() . '/plugins/bus';


# options: transit, a Bus::Transit, else there is none; settings; feed: undef for none.
# The agency has three seconds to answer.
sub buses {
    my (%arg) = (feed => "$plugin/demo/feed", @_);
    my $db = database();
    my $conf = plugin_database($db, $plugin);
    my $settings = join '', map { "    setting $_ '$arg{settings}{$_}';\n" }
                   sort keys %{ $arg{settings} // {} };
    my $transit = $arg{transit}
        ? 'proxy_pass ' . $arg{transit}->url . '/; proxy_read_timeout 3s;' : 'return 404;';

    if ($arg{feed}) {
        my ($status, $text) = import_gtfs($db, $arg{feed});
        $status == 0 or die "the feed is refused: $text\n";
    }

    my $gw = gateway(
        db => $db, http => <<"CONF",
ihanoi_plugin_background on interval=100ms;
ihanoi_plugin bus {
    path $plugin;
    public;
    database bus;
    backend transit /_transit;
    check always;
    cpu 200ms;
    jobs 30s;
    memory 32m;
$settings}
$conf
CONF
        locations => <<"CONF",
    location / { auth_jwt iHaNoi; ihanoi_api on; }
    location ^~ /_transit/ { internal; $transit }
    location = /readyz { auth_jwt off; ihanoi_status readyz; }
CONF
    );

    wait_until(sub { my $r = $gw->get('/v1/bus/routes'); $r && $r->{status} != 503 })
        or die "the plugin does not answer:\n", $gw->error_log;

    plugin_jobs_rest($db, 'bus', 1) if $arg{settings}{realtime};
    return ($gw, $db);
}


# The exit code of import-gtfs, and what it said.
sub import_gtfs {
    my ($db, @args) = @_;
    local %ENV = (%ENV, PGHOST => $db->{socket}, PGPORT => $db->{port},
                  PGUSER => 'postgres', PGDATABASE => $db->{name});

    open my $out, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh',
        "$plugin/tools/import-gtfs", @args or die "import-gtfs: $!\n";
    binmode $out, ':encoding(UTF-8)';
    local $/;
    my $text = <$out>;
    close $out;

    return ($? >> 8, $text);
}


# A copy of demo/feed, its files changed: { 'stops.txt' => sub { s/a/b/ } }, or
# undef for a file that is taken away.
sub feed_with {
    my ($folder, %change) = @_;

    mkdir $folder;
    for my $file (glob "$plugin/demo/feed/*.txt") {
        my ($name) = $file =~ m{([^/]+)$};
        next if exists $change{$name} && !defined $change{$name};

        open my $in, '<:raw', $file or die "$file: $!\n";
        local $_ = do { local $/; <$in> };
        $change{$name}->() if $change{$name};
        open my $out, '>:raw', "$folder/$name" or die "$name: $!\n";
        print $out $_;
        close $out;
    }

    return $folder;
}


# Bytes of a message: pairs of field number and value, a number (negative ones
# too), a text, a reference to a text that looks like a number, or a list of pairs for
# a message inside.
sub protobuf {
    my $bytes = '';

    for (@_) {
        my ($number, $value) = @$_;

        if (!ref $value && $value =~ /^-?\d+\z/) {
            $bytes .= _varint($number << 3) . _varint($value);
        } else {
            my $inside = ref $value eq 'ARRAY' ? protobuf(@$value) : ref $value ? $$value : $value;
            utf8::encode($inside) if utf8::is_utf8($inside);
            $bytes .= _varint($number << 3 | 2) . _varint(length $inside) . $inside;
        }
    }

    return $bytes;
}


# Ten bytes for a negative number, as its 64 bits are without a sign.
sub _varint {
    my ($n) = @_;
    my $bytes = '';

    $n = unpack 'Q', pack 'q', $n;
    while ($n > 127) {
        $bytes .= chr($n & 127 | 128);
        $n >>= 7;
    }
    return $bytes . chr $n;
}


1;
