#!/usr/bin/perl
# bin/ihanoi for people: help, exit codes, tokens, denials.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Command;
use File::Temp qw(tempdir);
use MIME::Base64 qw(decode_base64url);
use JSON::PP ();

my $dir = tempdir(CLEANUP => 1);
my $keys = keys_dir();

my ($rc, $out, $err) = ihanoi('--help');
is($rc, 0, 'help is no error');
unlike($out, qr/^.{81}/m, 'and fits a terminal of 80 columns');

for my $command (glob "'${\ tree()}/bin/commands/*'") {
    my ($name) = $command =~ m{([^/]+)$};

    like($out, qr/^  $name +\w/m, "$name is listed with what it does");
    my ($rc, $help, $err) = ihanoi($name, '--help');
    is($rc, 0, "$name --help");
    like($help, qr/^usage: ihanoi $name/, 'says how to use it');
    unlike($help, qr/^.{81}/m, 'in 80 columns');
    is($err, '', 'quietly');
    ($rc) = ihanoi($name, '--nonsense');
    is($rc, 2, "$name does not know a wrong option");
    ($rc) = ihanoi($name, 'stray', 'words');
    is($rc, 2, 'nor words that it does not take');
}

($rc, undef, $err) = ihanoi('nonsense');
is($rc, 2, 'an unknown command');
like($err, qr/no command "nonsense"/, 'is named');
($rc) = ihanoi('../commands/token');
is($rc, 2, 'a path is no command');

# Tokens.
($rc, $out) = ihanoi('token', '--keys', $keys, '--sub', 'a', '--aud', 'x',
                     '--aud', 'y', '--scope', 'p q', '--assurance', 'phone',
                     '--claim', 'list=["1"]', '--claim', 'text=Hà Nội',
                     '--claims', '{"n":1}', '--exp', 60);
is($rc, 0, 'a token');
my ($header, $claims) = parts($out);
is_deeply($header, { alg => 'ES256', kid => 'dev-es256', typ => 'JWT' },
          'has the default key');
is_deeply($claims->{aud}, ['x', 'y'], 'two audiences');
is_deeply($claims->{list}, ['1'], 'a claim as JSON');
is($claims->{text}, 'Hà Nội', 'a claim as text');
is($claims->{n}, 1, 'claims as an object');
is($claims->{exp} - $claims->{iat}, 60, 'its life');
is($claims->{assurance}, 'phone', 'assurance');

for my $kid (qw(dev-rs256 dev-ps256 dev-eddsa dev-hs256 dev-es384 dev-es512)) {
    ($rc, $out, $err) = ihanoi('token', '--keys', $keys, '--sub', 'a',
                               '--kid', $kid);
    is($rc, 0, "signs with $kid") or diag $err;
    is((parts($out))[0]{alg} =~ s/^/dev-/r =~ tr/A-Z/a-z/r, $kid, 'by its algorithm');
}

($rc, $out) = ihanoi('token', '--keys', $keys, '--sub', 'a', '--typ', 'at+jwt');
is((parts($out))[0]{typ}, 'at+jwt', 'another typ');
($rc, $out) = ihanoi('token', '--keys', $keys, '--sub', 'a', '--exp', 'none');
ok(!exists((parts($out))[1]{exp}), 'no exp');
($rc) = ihanoi('token', '--keys', $keys);
is($rc, 2, 'a token needs a subject');
for my $wrong (['--exp', '1h'], ['--nbf', 'now'], ['--claims', '{'], ['--claims', '[1]']) {
    ($rc, $out, $err) = ihanoi('token', '--keys', $keys, '--sub', 'a', @$wrong);
    is("$rc $out", '2 ', "@$wrong is wrong usage");
    like($err, qr/^ihanoi token: $wrong->[0] takes [^\n]+\n\z/, 'that is told');
}
($rc, undef, $err) = ihanoi('token', '--keys', $keys, '--sub', 'a',
                            '--kid', 'other');
is($rc, 1, 'an unknown key');
like($err, qr/other/, 'is named');

{
    # of "make run DATA_DIR=", or of a tree that is closed to the user postgres
    local $ENV{DATA_DIR} = "$dir/data";
    ($rc, $out) = ihanoi('token', '--make-keys');
    is($out, "$dir/data/keys/jwks.json\n", 'the keys are those of the gateway that runs here');
}
($rc, $out) = ihanoi('token', '--keys', "$dir/new", '--make-keys');
is($out, "$dir/new/jwks.json\n", 'keys are made');
is((stat "$dir/new/dev-es256.pem")[2] & 07777, 0600, 'for their owner only');
is((stat "$dir/new/jwks.json")[2] & 07777, 0600, 'so is the set: a secret is in it');
chmod 0644, "$dir/new/jwks.json";
ihanoi('token', '--keys', "$dir/new", '--make-keys');
is((stat "$dir/new/jwks.json")[2] & 07777, 0600, 'also one of before');
open my $fh, '<', "$dir/new/jwks.json" or die $!;
my $jwks = JSON::PP->new->decode(join '', <$fh>);
ok(!(grep { $_->{d} || $_->{p} } @{ $jwks->{keys} }),
   'the key set holds no private key');

# Denials.
my $db = database();
@ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} =
    ($db->{socket}, $db->{port}, 'postgres', $db->{name});

($rc, undef, $err) = ihanoi('deny', '--iss', 'https://a', '--jti', q{it's 1});
is($rc, 0, 'a token is denied') or diag $err;
is_deeply([$db->sql('select iss, kind, value, denied_before from core.denied_tokens')],
          [['https://a', 'jti', q{it's 1}, undef]], 'it alone, whatever its iat');
is($db->sql(q{select forget_at > now() + '24 hours 1 minute' from core.denied_tokens}), 't',
   'for longer than the longest token lives, and clocks differ');
ihanoi('deny', '--iss', 'https://a', '--sub', 's', '--for', '2 hours');
is($db->sql(q{select denied_before <= now() and forget_at < now() + '3 hours'
              from core.denied_tokens where kind = 'sub'}), 't',
   'a subject up to now, for a while');
ihanoi('deny', '--iss', 'https://a', '--sid', 's', '--all');
is($db->sql(q{select denied_before is null from core.denied_tokens
              where kind = 'sid'}), 't', 'a session for good');
($rc, $out, $err) = ihanoi('deny', '--iss', 'https://a', '--jti', q{it's 1}, '--lift');
is("$rc $out", "0 lifted: jti it's 1 of https://a\n", 'a denial is taken back') or diag $err;
is($db->sql(q{select string_agg(kind, ' ' order by kind) from core.denied_tokens
              where forget_at > core.now()}), 'sid sub', 'it alone');
($rc, undef, $err) = ihanoi('deny', '--iss', 'https://a', '--jti', q{it's 1}, '--lift');
is($rc, 1, 'once');
like($err, qr/jti it's 1 of https:\/\/a is not denied/, 'and says so then');
($rc, undef, $err) = ihanoi('deny', '--iss', 'https://a', '--sub', 'x', 'y');
is($rc, 2, 'one more word');
like($err, qr/it takes no "y"/, 'is named');
is($db->sql(q{select count(*) from core.denied_tokens where value = 'x'}), 0,
   'and nobody is denied');
for my $never ('0', '-1 hour') {
    ($rc, $out) = ihanoi('deny', '--iss', 'https://a', '--sub', 'x', '--for', $never);
    is("$rc $out", '2 ', "--for $never would deny nothing");
}
($rc) = ihanoi('deny', '--iss', 'https://a');
is($rc, 2, 'nothing to deny');

($rc, $out, $err) = ihanoi('dump-schema');
is($rc, 0, 'the schema is dumped') or diag $err;
like($out, qr/CREATE TABLE core\.denied_tokens/, 'tables');
unlike($out, qr/code_\d/, 'no code of a release');

# Of several servers the one that libpq found, also where all have the name of one certificate.
require IHanoi::Command;
for (['10.0.0.2', '10.0.0.2'], ['192.168.0.7', '10.0.0.1,10.0.0.2']) {
    my ($says, $left) = @$_;
    no warnings 'redefine';
    local *IHanoi::Command::sql = sub { ['db.example'], ['5432'], [$says] };
    local %ENV = %ENV;
    IHanoi::Command::psql_args({ host => 'db.example,db.example,other.example', target => 'read-write',
        hostaddr => '10.0.0.1,10.0.0.2,10.0.0.3', port => '5432,5432,5432' });
    is($ENV{PGHOSTADDR}, $left, "a server that says it is $says");
}

done_testing();


# (header, claims) of a token, decoded.
sub parts {
    my ($token) = @_;
    my @parts = split /\./, $token;
    return map { JSON::PP->new->utf8->decode(decode_base64url($_)) }
           @parts[0, 1];
}
