# nginx's own limits and logs with the API's variables.

use FindBin;
use lib "$FindBin::Bin/../lib";
use IHanoi::Test;
use IHanoi::Test::Engine;
use IO::Socket::INET;

my $pages = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', Timeout => 20) or die "no port: $!\n";
my %bodies = (408 => 'client_body_timeout 200ms;', 413 => 'client_max_body_size 10;');
my $gw = engine_gateway(
    http => <<'CONF',
    limit_req_zone $ihanoi_subject_hash zone=subject:1m rate=1r/m;
    limit_req_zone $ihanoi_operation zone=operation:1m rate=1r/m;
    limit_req_status 429;
    log_format api '$status op=$ihanoi_operation db=$ihanoi_db_time '
                   'sub=$ihanoi_subject_hash trace=$ihanoi_trace_id';
    access_log %%DIR%%/api.log api;
CONF
    locations => join('', map { <<"CONF" } sort keys %bodies) . <<"CONF" . <<'CONF',
        location /$_/ {
            rewrite ^/$_(/.*)\$ \$1 break;
            $bodies{$_}
            error_page $_ /page;
            auth_jwt iHaNoi;
            ihanoi_api on;
        }
CONF
        location = /page {
            internal;
            proxy_ignore_client_abort on;
            proxy_pass_request_body off;
            proxy_pass http://127.0.0.1:@{[$pages->sockport]};
        }
CONF
        location / { auth_jwt iHaNoi; ihanoi_api on; }
        location /limited/ {
            rewrite ^/limited(/.*)$ $1 break;
            limit_req zone=subject burst=2 nodelay;
            auth_jwt iHaNoi;
            ihanoi_api on;
        }
        location /tried/ {
            limit_req zone=operation;
            root %%DIR%%;
            try_files $uri @tried;
        }
        location @tried {
            rewrite ^/tried(/.*)$ $1 break;
            limit_req zone=operation burst=1 nodelay;
            auth_jwt iHaNoi;
            ihanoi_api on;
        }
        location /pages/ {
            rewrite ^/pages(/.*)$ $1 break;
            error_page 404 /sorry.html;
            auth_jwt iHaNoi;
            ihanoi_api on;
        }
        location = /sorry.html { internal; return 200 "sorry"; }
        location /nested/ {
            rewrite ^/nested(/.*)$ $1 break;
            auth_jwt iHaNoi;
            ihanoi_api on;
            if ($arg_x) { set $y 1; }
        }
CONF
);
my $id = '6f1c5f0e-53f5-4b0a-a1f8-2d6f0c1c9b11';
my ($one, $two) = (token(sub => 'citizen-1'), token(sub => 'citizen-2'));
my $r;


# one subject's budget

is_deeply([map { $gw->get("/limited/t/echo/$id", token => $one)->{status} }
           1 .. 4],
          [200, 200, 200, 429], 'a subject has its budget');

my $forged = $two;
$forged =~ s/\.([^.])([^.]*)$/'.' . ($1 eq 'A' ? 'B' : 'A') . $2/e;
for (['forged', $forged], ['expired', token(sub => 'citizen-2', exp => 1)]) {
    my ($what, $token) = @$_;
    is_deeply([map { $gw->get("/limited/t/echo/$id", token => $token)->{status} }
               1 .. 4],
              [200, 200, 200, 200], "a token that is $what spends nobody's");
}
is_deeply([map { $gw->get("/limited/t/echo/$id", token => $two)->{status} }
           1 .. 4],
          [200, 200, 200, 429], "another's is untouched, from one address");

$r = $gw->get("/limited/t/echo/$id", token => $one);
problem_is($r, 429, 'too-many-requests', "nginx's 429 is a problem");
is($r->{headers}{'retry-after'}, 1, 'and tells when to come back');

is_deeply([map { $gw->get("/tried/t/echo/$id")->{status} } 1 .. 3],
          [200, 200, 429],
          'an operation has its own, also when a location asked that has none');


# logs

my ($trace, $parent) = ('4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7');

# W3C Trace Context 3.2: a traceparent that is wrong anywhere is none.
my @traceparents = (
    ["00-$trace-$parent-01", $trace],
    ["cc-$trace-$parent-01", $trace],
    ["cc-$trace-$parent-01-what-comes", $trace],
    ["00-$trace-$parent-01-what-comes", '-'],
    ["cc-$trace-$parent-01.what-comes", '-'],
    ["ff-$trace-$parent-01", '-'],
    ["0G-$trace-$parent-01", '-'],
    ["CC-$trace-$parent-01", '-'],
    ['00-' . uc($trace) . "-$parent-01", '-'],
    ['00-' . '0' x 32 . "-$parent-01", '-'],
    ["00-$trace-" . uc($parent) . '-01', '-'],
    ["00-$trace-" . 'g' x 16 . '-01', '-'],
    ["00-$trace-" . '0' x 16 . '-01', '-'],
    ["00-$trace-$parent-0A", '-'],
    ["00-$trace-$parent-.1", '-'],
    ["00-$trace-$parent-0", '-'],
    ["00-$trace-$parent", '-'],
    ['00-zz', '-'],
);

$gw->get("/t/echo/$id", headers => { traceparent => $_->[0] }) for @traceparents;
$gw->get('/t/maybe', token => $one);
$gw->get('/t/nowhere');

# A line is written after its answer was sent.
my @lines;
wait_until(sub {
    open my $log, '<', $gw->dir . '/api.log' or die "$!\n";
    @lines = map { chomp; $_ } <$log>;
    return $lines[-1] =~ /^404/;
});

my @traced = splice @lines, -2 - @traceparents, scalar @traceparents;
like($traced[0], qr/^200 op=echo_get db=0\.\d{6} sub=- trace=$trace$/,
     'operation, time in the database and trace are logged');
is_deeply([map { "$traceparents[$_][0] " . ($traced[$_] =~ /trace=(.*)/)[0] } 0 .. $#traced],
          [map { "@$_" } @traceparents], 'a trace by a traceparent that is valid');
like($lines[-2], qr/^200 op=maybe_get db=0\.\d{6} sub=[0-9a-f]{32} trace=-$/,
     'a subject is logged as a keyed hash');
like($lines[-1], qr/^404 op=- db=- sub=- trace=-$/, 'what is not there is not');
unlike(join("\n", @lines, @traced), qr/citizen/, 'subjects are not in the log');


# the operator's own pages and locations

$r = $gw->get('/pages/t/nowhere');
is("$r->{status} $r->{content}", '404 sorry',
   "an operator's error_page is followed");

# A page that has to come from somewhere, and a client that goes on sending meanwhile.
my @workers = $gw->workers;
for my $case ([408, '1'], [413, "99\r\n{"]) {
    my ($status, $body) = @$case;
    my $c = $gw->connection->connect;
    $c->send($c->format('POST', "/$status/t/things", token => $one, key => "page-$status", headers => {
        'Content-Type' => 'application/json', 'Transfer-Encoding' => 'chunked' }));
    $gw->get('/t/maybe');
    $c->send($body);
    my $page = $pages->accept;
    1 while (readline $page) =~ /\S/;
    $c->send(' ');
    $gw->get('/t/maybe');
    syswrite $page, "HTTP/1.0 200 OK\r\n\r\nsorry";
    close $page;
    $r = $c->response // {};
    is_deeply([@$r{qw(status content)}], [$status, 'sorry'], "or that of a body: $status");
}
is_deeply([$gw->workers], \@workers, 'no worker dies of it');
is($gw->get("/nested/t/echo/$id?x=1")->{status}, 400,
   'an "if" block does not lose the API');
problem_is($gw->get("/nested/t/things/$id?x=1"), 401, 'token-missing',
           'nor its security');

done_testing;
