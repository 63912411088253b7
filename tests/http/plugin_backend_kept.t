#!/usr/bin/perl
# ihanoi.backend over connections that are kept, as nginx 1.29.7 and later keep them
# without being told, and over HTTP/2, which 1.29.4 brought: a run gets the answer to its
# own request, or none.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;

package Kept {
    use parent 'IHanoi::Test::Server';
    use Time::HiRes qw(sleep);

    # Each answer says which connection it came on and which one of it it is. /late is
    # late; /big is large, in chunks; after /last the connection is closed without a word, and
    # in place of an answer to /drop, unless it is the first.
    sub connection {
        my ($self, $client) = @_;
        my $number = $self->change(sub { ++$_[0]{connections} });

        for (my $n = 1; my ($head) = $self->request($client); $n++) {
            my ($target) = $head =~ /\A\S+ (\S+)/;
            my $body = "$number.$n";

            return if $target eq '/drop' && $n > 1;
            sleep 0.6 if $target eq '/late';
            $client->syswrite("HTTP/1.1 200 OK\r\n" . ($target eq '/big'
                ? "Transfer-Encoding: chunked\r\n\r\n"
                  . sprintf("%x\r\n%s\r\n", 100_000, 'z' x 100_000) x 3 . "0\r\n\r\n"
                : 'Content-Length: ' . length($body) . "\r\n\r\n"
                  . ($head =~ /\AHEAD/ ? '' : $body))) or return;
            return if $target eq '/last';
        }
        return;
    }
}

package main;

my $backend = Kept->new;
$backend->listen_on;

my $plugin = plugin_folder(
    lua => { ask => 'local a = ihanoi.request.body()
                     local r, err = ihanoi.backend.request("kept", a.options)
                     return 200, { body = r and #r.body < 100 and r.body or nil,
                                   size = r and #r.body, err = err }' },
    operations => { ask => { method => 'put', requestBody => { required => JSON::PP::true,
        content => { 'application/json' => { schema => {
            type => 'object', properties => { options => {} } } } } } } },
    manifest => { permissions => { public => JSON::PP::true, backends => ['kept'] },
                  limits => { timeout => '3s', memory => '16m' } },
);

sub asker {
    my ($port, $version) = @_;

    return gateway(responses => 0,
        http => "upstream kept { server 127.0.0.1:$port; keepalive 8; }"
              . $plugin->block('public;', 'backend kept /_kept/;'),
        locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }'
            . "location ^~ /_kept/ { internal; proxy_pass http://kept/;
                   proxy_http_version $version; proxy_set_header Connection \"\"; }");
}

my $gw = asker($backend->port, '1.1');

sub ask {
    my ($path, %more) = @_;
    my $r = $gw->request('PUT', '/v1/probe/ask', json => { options => { path => $path, %more } });
    return $r->{status} == 200 ? $r->{json} : { err => $r->{content} };
}

is(ask('/a')->{body}, '1.1', 'an answer');
is(ask('/a', method => 'POST', json => { a => 1 })->{body}, '1.2', 'the next, on the same connection');
is(ask('/a', method => 'HEAD')->{size}, 0, 'one without a body');
is(ask('/big')->{size}, 300_000, 'one in chunks');
is(ask('/a')->{body}, '1.5', 'leave it to the next');

# Who is not waited for any more must not answer somebody else.
is(ask('/late', timeout => 0.2)->{err}, 'timeout', 'an answer that is late');
is(ask('/a')->{body}, '2.1', 'is not that of the next');
is(ask('/big', max_size => 1000)->{err}, 'too large', 'nor is the rest of one');
is(ask('/a')->{body}, '3.1', 'that was too large');

# The backend has closed the connection meanwhile.
is(ask('/last')->{body}, '3.2', 'the last answer of a connection');
is(ask('/a')->{body}, '4.1', 'is followed by one of another');
is(ask('/drop')->{body}, '5.1', 'nginx asks again when it finds one closed');
is(ask('/drop', method => 'POST')->{err}, 'bad gateway',
   'but not for a POST, which may have been done: it is none that may be repeated');


SKIP: {
    skip 'nginx speaks no HTTP/2 to a backend', 11 if $gw->nginx_version < 1029004;

    # Which reads a body before it answers: nginx 1.30.6 gives 502 to the next request of a
    # connection on which a backend has not, also without a plugin.
    my $far = gateway(h2 => 1, locations => 'location = /a {
            return 200 "$connection_requests $request_method $server_protocol";
        }
        location = /post { proxy_pass ' . "http://127.0.0.1:@{[$backend->port]}" . '; }
        location = /none { return 204; }
        location = /reset { return 444; }
        location = /late { limit_rate 1000; alias big; }
        location = /big { alias big; }');
    $far->write('big', 'z' x 300_000);
    $gw = asker($far->{h2_port}, 2);

    is(ask('/a')->{body}, '1 GET HTTP/2.0', 'HTTP/2: an answer');
    like(ask('/post', method => 'POST', json => { a => 1 })->{body}, qr/^\d+\.\d+$/, 'one to a body');
    is(ask('/a')->{body}, '3 GET HTTP/2.0', 'the next, on the same connection');
    is(ask('/big', method => 'HEAD')->{size}, 0, 'one without a body');
    is(ask('/none')->{size}, 0, 'one of nothing');
    is(ask('/big')->{size}, 300_000, 'one of many frames');
    like(ask('/a')->{body}, qr/ GET /, 'leave it to the next');
    is(ask('/late', timeout => 0.2)->{err}, 'timeout', 'an answer that is late');
    is(ask('/big', max_size => 1000)->{err}, 'too large', 'or too large');
    is(ask('/reset', method => 'POST')->{err}, 'bad gateway', 'or reset');
    is(ask('/a')->{body}, '1 GET HTTP/2.0', 'is not that of the next');
}

done_testing();
