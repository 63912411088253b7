#!/usr/bin/perl
# ihanoi.backend over connections that are kept, as nginx 1.29.7 and later keep them
# without being told: a run gets the answer to its own request, or none.

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
my $gw = gateway(responses => 0,
    http => 'upstream kept { server 127.0.0.1:' . $backend->port . '; keepalive 8; }'
          . $plugin->block('public;', 'backend kept /_kept/;'),
    locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }
        location ^~ /_kept/ { internal; proxy_pass http://kept/; proxy_http_version 1.1;
            proxy_set_header Connection ""; }');

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

done_testing();
