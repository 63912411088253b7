#!/usr/bin/perl
# "ihanoi plugin logs": what the gateway's log says about one plugin.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Command;
use IHanoi::Test::Plugin;
use IHanoi::Plugin::Logs qw(plugin_line line_text);
use IO::Compress::Gzip qw(gzip);
use JSON::PP ();

my ($rc, $out, $err);
my $id = 'a' x 32;
my $other = 'b' x 32;
my $tail = qq(, client: 127.0.0.1, request id: "$id", server: localhost, )
         . qq(request: "GET /v1/probe/x HTTP/1.1", host: "h");

# Lines as nginx writes them.
my $begin = '2026/11/24 09:00:00 [warn] 12#12: *7 plugin "probe" 1.0.0 says: ';
my $line = plugin_line("2026/11/24 09:00:00 [error] 12#12: *7 plugin \"probe\" 1.2.0: "
                       . "lib/fees.lua:12: no fee$tail\n", 'probe');
is_deeply($line, { time => '2026/11/24 09:00:00', level => 'error', version => '1.2.0',
                   place => 'lib/fees.lua:12', text => 'lib/fees.lua:12: no fee',
                   client => '127.0.0.1', request => $id }, 'an error with all that it has');
is(line_text($line), "2026/11/24 09:00:00 [error] 1.2.0 lib/fees.lua:12: no fee ($id)\n", 'for people');
$line = plugin_line("2026/11/24 09:00:00 [info] 12#12: plugin \"probe\" 1.2.0-rc.1: circuit closed\n", 'probe');
is("$line->{version} $line->{text}", '1.2.0-rc.1 circuit closed', 'a line of no request');
$line = plugin_line("2026/11/24 09:00:00 [emerg] 12#12: plugin \"probe\" could not be loaded: x\n", 'probe');
is($line->{text}, 'could not be loaded: x', 'a line without a version');
is(plugin_line("2026/11/24 09:00:00 [info] 12#12: plugin \"probes\" 1.2.0: x\n", 'probe'), undef,
   'a plugin of a longer name');
is(plugin_line("2026/11/24 09:00:00 [info] 12#12: *7 client sent plugin \"probe\" 1.0.0: x\n", 'probe'),
   undef, 'what only has the words in it');
is(plugin_line("plugin \"probe\" 1.2.0: x\n", 'probe'), undef, 'what is no line of nginx');

# A client's header, which stands at the end, does not give a line another id.
$line = plugin_line("2026/11/24 09:00:00 [error] 12#12: *7 plugin \"probe\" 1.2.0: x$tail, referrer: "
    . "\"x, client: 1.1.1.1, request id: \"$other\", server: y\"\n", 'probe');
is($line->{request}, $id, 'a forged header is no id');
unlike(line_text({ %$line, text => "a\e[2J\r\nb" }), qr/[\e\r]|\n./, 'nothing moves the cursor');

# A real gateway.
my $plugin = plugin_folder(lua => {
    says => 'ihanoi.log.warn("số " .. (input.n or 0)) return 200, { id = ihanoi.request.id() }',
    breaks => 'local t = nil return 200, t.x',
}, operations => { says => { parameters => [{ name => 'n', in => 'query',
    schema => { type => 'integer' } }] } });
my $gw = gateway(http => $plugin->block('public;'),
                 server => 'add_header X-Request-Id $request_id always;',
                 locations => 'location / { ihanoi_api on; }', responses => 0);
my $log = $gw->dir . '/error.log';

my $first = $gw->get('/v1/probe/says?n=1');
my $second = $gw->get('/v1/probe/says?n=2');
my $broken = $gw->get('/v1/probe/breaks', headers => {
    Referer => "x, client: 1.1.1.1, request id: \"$other\", server: y" });
is($broken->{status}, 500, 'a handler that breaks');

($rc, $out, $err) = ihanoi(qw(plugin logs probe --log), $log);
is($rc, 0, 'logs') or diag $err;
utf8::decode($out);
like($out, qr/ \[warn\] 1\.0\.0 says: số 1 \(\Q$first->{headers}{'x-request-id'}\E\)\n/,
     'a line of the plugin has its request\'s id');
like($out, qr/ \[error\] 1\.0\.0 probe\/handler\.lua:\d+: .*'t'.* \(\Q$broken->{headers}{'x-request-id'}\E\)\n/,
     'so has an error, with file and line');
is($first->{json}{id}, $first->{headers}{'x-request-id'}, 'it is the id that the plugin sees');

($rc, $out) = ihanoi(qw(plugin logs probe --log), $log, '--request', $second->{headers}{'x-request-id'});
utf8::decode($out);
like($out, qr/\A\N+ says: số 2 \N+\n\z/, 'one request');
($rc, $out) = ihanoi(qw(plugin logs probe --log), $log, '--request', $broken->{json}{instance});
like($out, qr/\A\N+handler\.lua:\N+\n\z/, 'by what a problem says');
($rc, $out) = ihanoi(qw(plugin logs probe --log), $log, '--request', $other);
is("$rc$out", '0', 'an id that a client made up finds nothing');
($rc, $out) = ihanoi(qw(plugin logs other --log), $log);
is("$rc$out", '0', 'another plugin has no lines');
($rc, $out) = ihanoi(qw(plugin logs probe --json --log), $log, '--request', $broken->{json}{instance});
my $row = JSON::PP->new->decode($out);
like($row->{place}, qr/^handler\.lua:\d+$/, 'as JSON');

gzip($log, "$log.1.gz") or die;
($rc, $out) = ihanoi(qw(plugin logs probe --log), "$log.1.gz");
is(() = $out =~ /says: /g, 2, 'an old log');

truncate "$log.1.gz", (-s "$log.1.gz") / 2 or die $!;
($rc, $out, $err) = ihanoi(qw(plugin logs probe --log), "$log.1.gz");
is($rc, 1, 'half of one is not all');
like($err, qr/could not read \Q$log\E\.1\.gz to its end/, 'and it says so');

# Without a file those of the configuration.
my $conf = $gw->write('example.conf', $gw->configuration =~ s/(error_log) \S+/$1 other.log/r
                                      =~ s/(server \{)/$1 error_log error.log warn;/r);
my @conf = ('--conf', $conf, '--prefix', $gw->dir);
$gw->write('other.log', $begin . "elsewhere$tail\n");
($rc, $out, $err) = ihanoi(qw(plugin logs probe), @conf);
is($rc, 0, 'logs of the configuration') or diag $err;
is(() = $out =~ /says: /g, 3, 'all that it has');
($rc, $out, $err) = ihanoi(qw(plugin logs prob), @conf);
is("$rc$out", '1', 'a plugin that it has not');
like($err, qr/has no "ihanoi_plugin prob"/, 'and it says so');

is((ihanoi(qw(plugin logs)))[0], 2, 'no name');
is((ihanoi(qw(plugin logs ../x)))[0], 1, 'a name that is none');
is((ihanoi(qw(plugin logs probe --request abc)))[0], 1, 'an id that is none');
($rc, $out, $err) = ihanoi(qw(plugin logs probe --log /nonexistent/error.log));
is($rc, 1, 'no log');
like($err, qr/--log FILE/, 'what to do');

# It follows, over a line in two parts and a rotation, and ends at Ctrl-C.
our $file = $gw->write('followed.log', '');
sub append {
    open my $fh, '>>:raw', $file or die;
    print $fh @_;
    close $fh;
}
my $result = $gw->dir . '/result';
my $pid = fork // die;
if (!$pid) {
    open STDOUT, '>', $result;
    exec_ihanoi(qw(plugin logs probe --follow --log), $file);
}
sub result { open my $fh, '<:raw', $result or return ''; local $/; return <$fh> // '' }
sleep 1;
append($begin . 'one');
sleep 1;
is(result(), '', 'half a line is none');
append(" and a half$tail\n");
ok(wait_until(sub { result() =~ /says: one and a half \($id\)\n\z/ }, 5), 'until it is whole');
rename $file, "$file.1" or die;
append('');
sleep 1;
{
    local $file = "$file.1";
    append("${begin}meanwhile$tail\n");
}
append("${begin}two$tail\n");
ok(wait_until(sub { result() =~ /says: two/ }, 5), 'after a rotation');
like(result(), qr/says: meanwhile/, 'with what nginx wrote to the old one until it was told');
kill INT => $pid;
waitpid $pid, 0;
is($?, 0, 'Ctrl-C ends it');

done_testing();
