#!/usr/bin/perl
# The token cache: what is found again, what is not, and that it stays within
# its bounds.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Mint;

my $mint = IHanoi::Test::Mint->new;
$mint->key(k => 'P-256');
my $set = '{"keys":[' . $mint->jwk(k => '"kid":"k","alg":"ES256"') . ']}';

sub tok {
    my (%more) = @_;
    return $mint->sign(k => 'ES256', { alg => 'ES256', kid => 'k' },
                       { sub => 'anna', exp => 600 + int time, %more });
}

sub start {
    my ($http) = @_;
    return gateway(
        issuer => 0, files => { 'k.json' => $set }, http => $http,
        locations => 'auth_jwt_key_file %%DIR%%/k.json; '
                   . 'location = /metrics { ihanoi_status metrics; } '
                   . 'location / { auth_jwt x; empty_gif; } '
                   . 'location /late/ { auth_jwt x; auth_jwt_leeway 1h; '
                   . 'empty_gif; }');
}

my $gw;

sub status { $gw->get($_[1] // '/', token => $_[0])->{status} }

sub metrics {
    my %m = $gw->get('/metrics')->{content} =~ /^ihanoi_token_(\S+) (\d+)$/mg;
    return \%m;
}

# Found again, once verified.
$gw = start('');
{
    my $token = tok();
    is(status($token), 200, 'a token') for 1 .. 5;
    my $m = metrics();
    is($m->{cache_misses_total}, 1, 'is verified once');
    is($m->{cache_hits_total}, 4, 'and found from then on');
    is($m->{cache_entries}, 1, 'one entry');
    cmp_ok($m->{cache_bytes}, '>', 500, 'with its bytes');
    is($m->{'verifications_total{result="ok"}'}, 1, 'counted as ok');

    status(tok(jti => "$_") =~ s/.{6}\z/AAAAAA/r) for 1 .. 20;
    status('a.b.c');
    $m = metrics();
    is($m->{cache_entries}, 1, 'refused tokens are not kept');
    is($m->{'verifications_total{result="signature"}'}, 20,
       'forged ones are counted');
    is($m->{'verifications_total{result="malformed"}'}, 1, 'malformed ones too');

    # A token that was seen vouches for no other: one character changed, and
    # its signature under other claims.
    my @taken = grep {
        my $other = $token;
        substr($other, $_, 1) = substr($other, $_, 1) eq 'A' ? 'B' : 'A';
        status($other) != 401;
    } 0 .. length($token) - 1;
    is("@taken", '', 'a change at any place is noticed');
    my ($claims) = tok(sub => 'evil') =~ /\.(.+)\./;
    is(status($token =~ s/\..+\./.$claims./r), 401,
       'and other claims before the same end');

    # the other spelling that a lenient reader would take
    is(status("$token="), 401, 'a padded spelling is not found');
    is(status($token, '/late/'), 200, 'another place with other rules');
    is(metrics()->{cache_hits_total}, 4, 'verifies it for itself');

    my $short = tok(exp => 2 + int time);
    is(status($short), 200, 'a token that expires');
    is(status($short), 200, 'is found');
    ok(wait_until(sub { status($short) == 401 }, 4), 'until it has expired');
    is(metrics()->{cache_entries}, 2, 'then it is dropped');
    is(status($short, '/late/'), 200, 'where it is not too old it is good');
    $gw->stop;
}

# Bounds in number.
$gw = start('auth_jwt_token_cache entries=10;');
{
    my @tokens = map { tok(jti => "$_") } 1 .. 30;
    is((grep { status($_) == 200 } @tokens), 30, '30 tokens');
    my $m = metrics();
    is($m->{cache_entries}, 10, '10 are kept');
    is($m->{cache_evictions_total}, 20, '20 made room');
    status($_) for @tokens[20 .. 29];
    is(metrics()->{cache_hits_total}, 10, 'the last ones used are there');
    status($tokens[20]);
    status(tok(jti => "new$_")) for 1 .. 9;
    status($tokens[20]);
    is(metrics()->{cache_hits_total}, 12, 'and what is used stays');
    $gw->stop;
}

# Bounds in bytes.
$gw = start('auth_jwt_token_cache size=64k;');
{
    status(tok(jti => "$_", x => 'x' x 3000)) for 1 .. 50;
    my $m = metrics();
    cmp_ok($m->{cache_bytes}, '<=', 65536, 'within its bytes');
    cmp_ok($m->{cache_entries}, '<', 20, 'large tokens are few');
    cmp_ok($m->{cache_entries}, '>', 3, 'but some');
    $gw->stop;
}

# Off.
$gw = start('auth_jwt_token_cache off;');
{
    my $token = tok();
    is(status($token), 200, 'without a cache') for 1 .. 3;
    my $m = metrics();
    is($m->{cache_misses_total}, 3, 'each is verified');
    is($m->{cache_entries}, 0, 'none is kept');
    $gw->stop;
}

# An entry that is in use is not freed under its user: a slow reader and many
# others. The sanitizer build would tell.
$gw = start('auth_jwt_token_cache entries=2; log_format s "$jwt_claim_sub '
            . '$jwt_payload"; access_log %%DIR%%/s.log s;');
{
    my @clients = map { $gw->connection } 1 .. 20;
    my @tokens = map { tok(sub => "s$_", x => 'y' x 500) } 1 .. 20;
    $clients[$_]->send($clients[$_]->format('GET', '/', token => $tokens[$_]))
        for 0 .. 19;
    is((grep { $_->response->{status} == 200 } @clients), 20,
       '20 at once with room for 2');
    $gw->stop;
    open my $fh, '<', $gw->dir . '/s.log' or die;
    my %seen = map { (split ' ')[0] => 1 } grep { /^s\d+ \{.*\}$/ } <$fh>;
    is(scalar keys %seen, 20, 'each log line has its own token');
}

done_testing();
