#!/usr/bin/perl
# Requests that wait for keys over HTTP/2: many streams of one connection, and
# streams that are reset while they wait.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Provider;

my $idp = IHanoi::Test::Provider->new;
$idp->add_key('k1')->serve(delay => 3);

my $gw = gateway(
    issuer => 0, h2 => 1,
    http => 'auth_jwt_issuer ' . $idp->name . ' { key_request /_jwks; '
          . 'audience ihanoi; algorithms ES256; }',
    locations => 'location = /_jwks { internal; proxy_pass ' . $idp->url . '; }'
               . 'location / { auth_jwt x; empty_gif; }',
);
my $token = $idp->token(sub => 'a');

# Reset: the fetch goes on without the stream that it began for.
my $url = "http://127.0.0.1:$gw->{h2_port}/";
my @curl = ('curl', '-s', '-o', '/dev/null', '--http2-prior-knowledge', '-H',
            "Authorization: Bearer $token");

for (1 .. 3) {
    system(@curl, '--max-time', '0.3', $url);
    is($? >> 8, 28, 'a stream that waits is reset');
}

my $r = $gw->h2('GET', '/', token => $token);
is($r->{status}, 200, 'the next one gets its keys');

# Many at once, on one connection, from the start.
$gw->stop;
$gw->start;
$url = "http://127.0.0.1:$gw->{h2_port}/";
my @lines = `nghttp -nv -m 20 -H 'authorization: Bearer $token' ${url}a 2>&1`;
is((grep { /:status: 200/ } @lines), 20, '20 streams wait and are let in');

# Reset among others that wait.
$gw->stop;
$gw->start;
$url = "http://127.0.0.1:$gw->{h2_port}/";
my $pid = fork // die;
exec @curl, '--max-time', '0.5', $url if !$pid;
select undef, undef, undef, 0.2;
$r = $gw->h2('GET', '/', token => $token);
waitpid $pid, 0;
is($r->{status}, 200, 'one waits on while another is reset');

done_testing();
