#!/usr/bin/perl
# Logs hold no personal data: canaries in every place that a client can write
# to are looked for in the logs of nginx and PostgreSQL.

use lib 'tests/lib';
use IHanoi::Test;

my $db = database();
my $gw = gateway(db => $db, http => <<'CONF');
    log_format full '$remote_addr $status $ihanoi_operation '
        '$ihanoi_subject_hash $request_id $ihanoi_trace_id '
        '$ihanoi_db_time';
    access_log %%DIR%%/full.log full;
CONF
my $cluster = IHanoi::Test::Database::cluster();
my $start = -s $cluster->log;

my %canary = (
    'subject'       => 'canary-subject-7f3a',
    'claim'         => 'canary-claim-7f3a',
    'phone'         => '+84987600123',
    'name'          => 'Nguyễn Chim Hoàng Yến',
    'body'          => 'canary-body-7f3a',
    'key'           => 'canary-key-7f3a',
    'header'        => 'canary-header-7f3a',
);
my $token = token(sub => $canary{subject}, email => $canary{claim},
                  exp => time + 600);
my ($head, $payload, $signature) = split /\./, $token;
$canary{"token's payload"} = $payload;
$canary{"token's signature"} = $signature;

my @forged = (
    "$head.$payload.", "$head.$payload." . ('A' x 86), $token . 'A',
    "$head.$payload", "x$head.$payload.$signature", "$payload",
    token(sub => $canary{subject}, email => $canary{claim}, exp => 1),
    token(sub => $canary{subject}, email => $canary{claim}, aud => 'other'),
    token(sub => $canary{subject}, email => $canary{claim},
          iss => 'https://other.example'),
);
my @tokens = ($token, @forged);
for my $i (0 .. $#forged) {
    my @parts = grep { length > 20 } split /\./, $forged[$i];
    $canary{"forged token $i, part $_"} = $parts[$_] for 1 .. $#parts;
}

# Good and bad tokens, everywhere a token may stand.
for my $t (@tokens) {
    $gw->get('/v1/me', token => $t);
    $gw->get('/v1/me', headers => { Authorization => "bearer  $t" });
    $gw->post('/v1/me/consents', token => $t, key => $canary{key},
              json => { notice => $canary{body}, given => \1 });
}

# Bodies that are taken, refused by the contract, by SQL, or no JSON at all.
for my $etag ('*', '"0"') {
    for my $json (
        { name => $canary{name}, phone => $canary{phone} },
        { full_name => $canary{name}, phone => $canary{phone} },
        { phone => $canary{phone} . '9' x 50 },
        { canary => $canary{body} },
    ) {
        for my $type ('application/json', 'application/merge-patch+json') {
            $gw->patch('/v1/me', token => $token, json => $json,
                       headers => { 'If-Match' => $etag,
                                    'Content-Type' => $type });
        }
    }
}
for my $body ("{\"name\": \"$canary{body}", "$canary{body}",
              "{\"$canary{body}\": 1}", "{\"name\": \"$canary{body}\\u0000\"}",
              "{\"phone\": \"$canary{phone}\", \"phone\": \"$canary{phone}\"}")
{
    for my $method (qw(POST PATCH PUT)) {
        $gw->request($method, $method eq 'POST' ? '/v1/me/consents' : '/v1/me',
                     token => $token, body => $body, key => $canary{key},
                     headers => { 'Content-Type' => 'application/json',
                                  'If-Match' => $method eq 'PATCH' ? '*' : undef });
    }
}

# Headers that we read, with what does not belong there.
for my $name (qw(If-Match If-None-Match Idempotency-Key Accept Accept-Language
                 traceparent Content-Type Origin X-Request-Id Cookie))
{
    for my $value ("\"$canary{header}", "$canary{header};;q=x",
                   '"' . $canary{header} . '"') {
        $gw->patch('/v1/me', token => $token, json => { name => 'a' },
                   headers => { $name => $value });
    }
}

# While the database is busy, too: a lock, a deadline, an error of its own.
is($gw->get('/v1/me', token => $token)->{status}, 200, 'the canary is alive');

my $postgres = do {
    open my $fh, '<:encoding(UTF-8)', $cluster->log or die "$!\n";
    seek $fh, $start, 0;
    join '', grep { /\@\Q$db->{name}\E / || !/\@/ } <$fh>;
};
my %log = (
    'error log'      => $gw->error_log,
    'access log'     => $gw->access_log,
    'full log'       => $gw->_slurp('full.log'),
    'PostgreSQL log' => $postgres,
);

cmp_ok(length $log{$_}, '>', 0, "the $_ was written")
    for 'error log', 'access log', 'full log';

for my $name (sort keys %log) {
    my @found = grep { index($log{$name}, $canary{$_}) >= 0 } sort keys %canary;

    is("@found", '', "$name: no canary")
        or diag grep { my $line = $_; grep { index($line, $canary{$_}) >= 0 }
                                      @found }
                map { "$_\n" } split /\n/, $log{$name};
}

# At level "info" nginx itself quotes a header that comes twice; production logs
# from "notice" on.
my $notice = gateway(db => $db, log_level => 'notice', responses => 0);
my $twice = $notice->get('/v1/me', headers => {
    Authorization => ["Bearer $token", 'Bearer x'] });
is($twice->{status}, 400, 'two tokens are refused');
my $said = $notice->error_log;
is(scalar(grep { index($said, $canary{$_}) >= 0 } keys %canary), 0,
   'and neither is in the log at level "notice"');

# The subject can be followed through the log all the same, by its hash.
my %hashes;
for my $line (split /\n/, $log{'full log'}) {
    my (undef, $status, $operation, $hash) = split / /, $line;
    $hashes{$hash}++ if $status == 200 && $operation eq 'me_get';
}
my @hashes = keys %hashes;
is(scalar @hashes, 1, 'one subject, one hash');
like($hashes[0] // '', qr/^[0-9a-f]{16,64}$/, 'which tells nothing');

done_testing();
