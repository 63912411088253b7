#!/usr/bin/perl
# A configuration that could let somebody in by mistake does not start: nginx
# -t names the file and the line of the directive (A6, A31).

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Mint;
use IHanoi::Test::Pg;

my $mint = IHanoi::Test::Mint->new;
$mint->key(es => 'P-256')->key(rs => 'RSA-2048')->key(weak => 'RSA-1024')
     ->key(e384 => 'P-384');
$mint->secret(short => 'x' x 31)->secret(empty => '')->secret(good => 'x' x 32);

sub set { '{"keys":[' . join(',', @_) . ']}' }
my $es = $mint->jwk(es => '"kid":"1","alg":"ES256"');

my %files = (
    'good.json'    => set($es),
    'empty.json'   => '',
    'nokeys.json'  => '{"keys":[]}',
    'html.json'    => '<html>',
    'array.json'   => '[]',
    'single.json'  => $es,
    'junk.json'    => set($es) . 'x',
    'short.json'   => set($mint->jwk(short => '"alg":"HS256"')),
    'nosecret.json' => set($mint->jwk(empty => '"alg":"HS256"')),
    'hs512.json'   => set($mint->jwk(good => '"alg":"HS512"')),
    'weak.json'    => set($mint->jwk(weak => '')),
    'e1.json'      => set($mint->jwk(rs => '') =~ s/"e":"AQAB"/"e":"AQ"/r),
    'private.json' => set($es =~ s/\}\z/,"d":"AA"}/r),
    'twice.json'   => set($es, $mint->jwk(rs => '"kid":"1"')),
    'curve.json'   => set($mint->jwk(es => '"alg":"ES384"')),
    'off.json'     => set($es =~ s/"x":"./"x":"\//r),
    'enc.json'     => set($mint->jwk(es => '"use":"enc"')),
    'other.json'   => set($mint->jwk(rs => '"alg":"RS256"')),
    'large.json'   => set($es) . ' ' x 70000,
    'mixed.json'   => set($es, $mint->jwk(good => '"alg":"HS256"'),
                          $mint->jwk(rs => '"use":"enc"')),
    'key16'        => 'k' x 16,
    'key15'        => 'k' x 15,
    'key4096'      => 'k' x 4096,
    'key4097'      => 'k' x 4097,
);

# true, what it said
sub check {
    my (%arg) = @_;
    return gateway(start => 0, issuer => 0, files => \%files, %arg)->check;
}

sub fails {
    my ($why, $name, %arg) = @_;
    my ($passed, $said) = check(%arg);

    ok(!$passed && $said =~ $why && $said =~ /nginx\.conf:\d+$/m, $name)
        or diag($said);
    return $said;
}

sub passes {
    my ($name, %arg) = @_;
    my ($passed, $said) = check(%arg);

    ok($passed, $name) or diag($said);
    return $said;
}

# It names the line of what is in a block, not that of the brace.
sub line_of {
    my ($what, $said) = @_;
    my ($conf, $line) = $said =~ m{in (\S+nginx\.conf):(\d+)$}m;

    open my $fh, '<', $conf or die "$conf: $!";
    my @lines = <$fh>;
    like($lines[$line - 1], qr/^$what/, "and names the line of $what");
    return;
}

# Key files, in both ways to name them.
for my $row (
    ['none.json', qr/could not open key file ".*none\.json" \(2: No such/],
    ['empty.json', qr/key file ".*" is refused: not JSON/],
    ['nokeys.json', qr/no usable key/],
    ['html.json', qr/not JSON/],
    ['array.json', qr/no member "keys"/],
    ['single.json', qr/no member "keys"/],
    ['junk.json', qr/not JSON/],
    ['short.json', qr/shorter than the 32 bytes/],
    ['nosecret.json', qr/shorter than the 32 bytes/],
    ['hs512.json', qr/shorter than the 64 bytes/],
    ['weak.json', qr/RSA key of 1024 bits/],
    ['e1.json', qr/exponent is 1/],
    ['private.json', qr/is a private key/],
    ['twice.json', qr/two keys have one "kid"/],
    ['curve.json', qr/does not fit/],
    ['off.json', qr/is not base64url of 32 bytes/],
    ['enc.json', qr/no usable key/],
    ['large.json', qr/larger than 65536/],
) {
    my ($file, $why) = @$row;

    fails($why, "auth_jwt_key_file $file", locations =>
          "location / { auth_jwt x; auth_jwt_key_file %%DIR%%/$file; }");
    my $said = fails($why, "key_file $file in an issuer", http =>
          "auth_jwt_issuer https://a { audience a;\nkey_file %%DIR%%/$file;\n"
          . "algorithms ES256 ES384 RS256 HS256 HS512;\n}");

    line_of('key_file', $said);
}

# A pipe that nobody writes to would hold nginx up for ever.
{
    my $dir = File::Temp->newdir;
    POSIX::mkfifo("$dir/pipe", 0600) or die "$dir/pipe: $!\n";

    fails(qr/key file "$dir\/pipe" is not a file/, 'auth_jwt_key_file of a pipe', locations =>
          "location / { auth_jwt x; auth_jwt_key_file $dir/pipe; }");
    fails(qr/key file "$dir\/pipe" is not of 16 to 4096 bytes/, 'a key for hashes of a pipe',
          http => "ihanoi_subject_hash_key_file $dir/pipe;");
}

fails(qr/no usable key/, 'an issuer whose algorithms no key has', http =>
      'auth_jwt_issuer https://a { audience a; key_file %%DIR%%/other.json; '
      . 'algorithms ES256; }');

like(passes('a set with keys that are not for us', locations =>
            'location / { auth_jwt x; auth_jwt_key_file %%DIR%%/mixed.json; }'),
     qr/left out: key 3: not for signatures/, 'says which it left out');

# Secrets that every user of the machine may read; public keys are for everybody.
{
    my $said = passes('public keys', locations =>
        'location / { auth_jwt x; auth_jwt_key_file %%DIR%%/good.json; }');
    unlike($said, qr/all users/, 'may be read by all');

    my $gw = gateway(start => 0, issuer => 0, files => \%files,
        http => 'ihanoi_subject_hash_key_file %%DIR%%/key16;', locations =>
        'location / { auth_jwt x; auth_jwt_key_file %%DIR%%/mixed.json; }');

    for my $mode (0604, 0644, 0640, 0600) {
        my $text = sprintf '%04o', $mode;
        chmod $mode, map { $gw->dir . "/$_" } qw(mixed.json key16);
        my ($passed, $said) = $gw->check;
        my @told = $said =~ m{\[warn\] .*key file "\N*/(\S+)" holds a secret and may be read by all users, its mode is $text in \N+:\d+$}mg;

        ok($passed, "secrets of mode $text are taken");
        is("@told", $mode & 4 ? 'key16 mixed.json' : '', 'and told of when all may read them')
            or diag($said);
    }
}

# A file that nginx may not read: root reads all of them, so it is not root that asks.
SKIP: {
    my $user = $> == 0 ? 'nobody' : undef;
    my $gw = gateway(start => 0, issuer => 0, files => \%files, locations =>
                     'location / { auth_jwt x; auth_jwt_key_file %%DIR%%/good.json; }');
    chmod 0, $gw->dir . '/good.json';
    my ($passed, $said) = $gw->check(user => $user);

    skip 'the user "nobody" cannot read the module', 1
        if $said =~ /cannot open shared object|Permission denied\) in .*load_module/;
    ok(!$passed && $said =~ /could not open key file ".*good\.json" \(13: Permission denied\)/,
       'a file that cannot be read') or diag($said);
}

# Issuers.
my $good = 'key_file %%DIR%%/good.json; audience a; algorithms ES256;';

for my $row (
    [qr/"auth_jwt_issuer" directive names no "audience"/,
     'key_file %%DIR%%/good.json; algorithms ES256;'],
    [qr/"auth_jwt_issuer" directive names no "algorithms"/,
     'key_file %%DIR%%/good.json; audience a;'],
    [qr/"auth_jwt_issuer" directive names no "key_file"/,
     'audience a; algorithms ES256;'],
    [qr/unknown algorithm "none"/, "$good algorithms none;"],
    [qr/unknown algorithm "es256"/, "$good algorithms es256;"],
    [qr/unknown line "colour" in "auth_jwt_issuer"/, "$good colour red;"],
    [qr/"leeway" in "auth_jwt_issuer" must be a time of at most 10m/, "$good leeway x;"],
    [qr/"leeway" in "auth_jwt_issuer" must be a time of at most 10m/, "$good leeway 1h;"],
    [qr/"max_lifetime" in "auth_jwt_issuer" must be a time of at least 1s, or "off"/, "$good max_lifetime 0;"],
    (map { [qr/"\Q$_->[0]\E" in "auth_jwt_issuer" is duplicate/,
            "$good $_->[0] $_->[1]; $_->[0] $_->[1];"] }
         ['leeway', '5s'], ['max_lifetime', 'off'], ['key_cache', '10m'],
         ['assurance_claim', 'acr']),
    [qr/must begin with "\/"/, "$good key_request http://x/;"],
    [qr{"/\$host" of a key request has variables}, "$good key_request /\$host;"],
    [qr/"key_cache" in "auth_jwt_issuer" invalid value/, "$good key_cache x;"],
    [qr/invalid number of arguments in "audience" of "auth_jwt_issuer"/, "$good audience;"],
    [qr/invalid number of arguments in "leeway" of "auth_jwt_issuer"/, "$good leeway 1s 2s;"],
    [qr/"audience" in "auth_jwt_issuer" has an empty value/, "$good audience '';"],
    [qr/"assurance_claim" in "auth_jwt_issuer" is empty/, "$good assurance_claim '';"],
) {
    fails($row->[0], "issuer: $row->[1]",
          http => "auth_jwt_issuer https://a { $row->[1] }");
}

fails(qr/is duplicate/, 'an issuer twice', http =>
      "auth_jwt_issuer https://a { $good } auth_jwt_issuer https://a { $good }");
fails(qr/without spaces/, 'an issuer with a space', http =>
      "auth_jwt_issuer 'https://a b' { $good }");
fails(qr/not allowed here/, 'an issuer in a server', server =>
      "auth_jwt_issuer https://a { $good }");
passes('all it may say', http => "auth_jwt_issuer https://a { $good typ at+jwt; "
       . 'leeway 10s; max_lifetime 1h; key_request /k; key_cache 5m; '
       . 'assurance_claim acr; }');
passes('max_lifetime off', http =>
       "auth_jwt_issuer https://a { $good max_lifetime off; }");

# What no server that asks for tokens has a location for.
my $asked = "auth_jwt_issuer https://a { $good key_request /_keys; }";
like((check(http => $asked, locations => 'location /in { auth_jwt x; } ',
            servers => 'server { listen unix:%%DIR%%/a.sock; location /_keys { } }'))[1],
     qr{emerg.*"key_request /_keys": no location for it but the API's in a server that asks for tokens in /\S+nginx\.conf:\d+$}m,
     'keys without a location');
line_of('key_request', (check(http => "auth_jwt_issuer https://a {\n$good\nkey_request /_keys;\n}",
                             locations => 'location /in { auth_jwt x; }'))[1]);
fails(qr/"key_request \/_keys": no location for it but the API's/,
      'keys in a location of the API', files => { %files, 'api.json' => contract() },
      http => "ihanoi_contract %%DIR%%/api.json;\n$asked\n"
              . 'ihanoi_database main { server 127.0.0.1; dbname x; release r; }',
      locations => 'location / { auth_jwt x; ihanoi_api on; }');
passes('keys that are returned where the API is', files => { %files, 'api.json' => contract() },
       http => "ihanoi_contract %%DIR%%/api.json;\n$asked\n"
               . 'ihanoi_database main { server 127.0.0.1; dbname x; release r; }',
       server => 'auth_jwt x; ihanoi_api on;',
       locations => q(location = /_keys { return 200 '{"keys":[]}'; }));
passes('keys that nobody asks for', http => $asked);
passes("keys with a $_", http => $asked, locations => "auth_jwt x; location $_ { }")
    for '= /_keys', '/_keys', '/_', '/', '~ ^/_k';

# The same of a place's own.
my $own = 'auth_jwt_key_request /_keys;';
line_of($own, fails(qr/"auth_jwt_key_request \/_keys": no location for it but the API's/,
    'own keys without a location', locations => "location /in {\n$own\nauth_jwt x; }",
    servers => 'server { listen unix:%%DIR%%/a.sock; location /_keys { } }'));
fails(qr/"auth_jwt_key_request \/_keys": no location/, 'of a server',
      server => $own, locations => 'location /in { location /in/a { auth_jwt x; } }');
passes("own keys with a location $_", locations => "location /in { $own auth_jwt x; } location $_ ")
    for '/_keys { }', '~ ^/_k { }', '/ { location = /_keys { } }';
passes('own keys that nobody asks for', locations => "location /in { $own auth_jwt off; }");
passes('own keys of all servers', http => "auth_jwt x; $own", locations => 'location /_keys { }',
       servers => 'server { listen unix:%%DIR%%/a.sock; return 301 https://x; }');
passes('keys in a location within one of the API', files => { %files, 'api.json' => contract() },
       http => "ihanoi_contract %%DIR%%/api.json;\n$asked\n"
               . 'ihanoi_database main { server 127.0.0.1; dbname x; release r; }',
       locations => 'location / { auth_jwt x; ihanoi_api on; location /_k { ihanoi_api off; } }');

# auth_jwt and its company.
fails(qr/"auth_jwt" has no keys/, 'auth_jwt without keys',
      locations => 'location / { auth_jwt x; }');
fails(qr/not allowed here/, 'auth_jwt in "if"', locations => 'location / '
      . '{ if ($arg_x) { auth_jwt x; } }', http =>
      "auth_jwt_issuer https://a { $good }");
fails(qr/is duplicate/, 'auth_jwt twice', http =>
      "auth_jwt_issuer https://a { $good }",
      locations => 'location / { auth_jwt x; auth_jwt y; }');
fails(qr/realm "of \$host" has variables/, 'a realm with variables, as in Plus', http =>
      'auth_jwt "of $host"; auth_jwt_key_file %%DIR%%/good.json;');
fails(qr/token=\$variable/, 'auth_jwt with something else', http =>
      "auth_jwt_issuer https://a { $good }",
      locations => 'location / { auth_jwt x token=y; }');
like((check(http => "auth_jwt_issuer https://a { $good }",
            locations => 'location / { auth_jwt x token=$nothing; }'))[1],
     qr/unknown "nothing" variable/, 'token= of no variable');
fails(qr/must be "signed"/, "auth_jwt_type $_",
      locations => "location / { auth_jwt_type $_; }") for 'encrypted', 'nested';
passes('auth_jwt_type signed', locations => 'location / { auth_jwt_type signed; }');
fails(qr/error=401 or error=403/, 'auth_jwt_require error=200', locations =>
      'location / { auth_jwt_require $jwt_claim_x error=200; }');
fails(qr/a variable is expected/, 'auth_jwt_require of a text', locations =>
      'location / { auth_jwt_require yes; }');
fails(qr/names no value/, 'auth_jwt_require of nothing', locations =>
      'location / { auth_jwt_require error=403; }');
fails(qr/invalid variable name/, 'auth_jwt_claim_set without $', http =>
      'auth_jwt_claim_set x y;');
fails(qr/must begin with "\/"/, 'auth_jwt_key_request of a URL', locations =>
      'location / { auth_jwt_key_request http://x/; }');
fails(qr{"/keys/\$host" of a key request has variables}, 'auth_jwt_key_request with a variable',
      locations => 'location / { auth_jwt_key_request /keys/$host; }');
fails(qr/at least 64k/, 'a cache too small', http =>
      'auth_jwt_token_cache size=1k;');
fails(qr/entries/, 'a cache of no entries', http =>
      'auth_jwt_token_cache entries=0;');
passes('a cache off', http => 'auth_jwt_token_cache off;');
fails(qr/not of 16 to 4096 bytes/, "a key of subject hashes of $_ bytes", http =>
      "ihanoi_subject_hash_key_file %%DIR%%/key$_;") for 15, 4097;
fails(qr/could not open/, 'none at all', http =>
      'ihanoi_subject_hash_key_file %%DIR%%/nokey;');
passes("one of $_ bytes", http => "ihanoi_subject_hash_key_file %%DIR%%/key$_;")
    for 16, 4096;
fails(qr/database "nowhere"|nowhere/, 'a deny list in no database', http =>
      'auth_jwt_deny_list nowhere;');
fails(qr/between 100ms and 1m/, 'a deny list read once an hour', http =>
      'auth_jwt_deny_list main interval=1h;');

# A reload with a key file that is gone keeps the configuration that works.
{
    my $gw = gateway(
        issuer => 0, files => \%files, expect_log => qr/emerg/,
        locations => 'location / { auth_jwt x; auth_jwt_key_file '
                   . '%%DIR%%/good.json; empty_gif; }');
    my $token = $mint->sign(es => 'ES256', { alg => 'ES256', kid => '1' },
                            { sub => 'a', exp => 600 + time });

    is($gw->get('/', token => $token)->{status}, 200, 'a good token');
    $gw->write('good.json', '');
    is($gw->get('/', token => $token)->{status}, 200, 'file emptied');
    $gw->reload;
    is($gw->get('/', token => $token)->{status}, 200,
       'reloaded: refused, the old one goes on');
    is($gw->get('/')->{status}, 401, 'and nobody gets in without a token');
    like($gw->error_log, qr/emerg.*key file .* is refused/, 'the log says why');
}

done_testing();
