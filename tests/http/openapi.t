#!/usr/bin/perl
# The merged document: what clients, documentation and tests read is what the
# gateway runs.

use lib 'tests/lib';
use IHanoi::Test;
use JSON::PP ();

my $db = database();
my $gw = gateway(db => $db, server => 'ihanoi_cors_origin https://www.example;', http => 'gzip on; gzip_types application/json; gzip_vary on;',
                 locations => <<'CONF');
        location = /openapi.json { ihanoi_status openapi; }
        location = /readyz { ihanoi_status readyz; }
        location / { auth_jwt iHaNoi; ihanoi_api on; }
CONF

my $r = $gw->get('/openapi.json');
is($r->{status}, 200, 'the document is served');
is($r->{headers}{'content-type'}, 'application/json', 'as JSON');
is($r->{headers}{'cache-control'}, 'no-cache', 'to be asked about again');
my $etag = $r->{headers}{etag};
like($etag, qr/^"[0-9a-f]{64}"$/, 'its entity tag is a hash');

# A page of another origin that has the contract already asks with its tag.
$r = $gw->request('OPTIONS', '/openapi.json', headers => {
    Origin => 'https://www.example', 'Access-Control-Request-Method' => 'GET',
    'Access-Control-Request-Headers' => 'if-none-match' });
is($r->{status}, 204, 'a preflight is answered');
is($r->{headers}{'access-control-allow-origin'}, 'https://www.example', 'for pages that may');
is($r->{headers}{'access-control-allow-methods'}, 'GET, HEAD, OPTIONS', 'with the methods');
like($r->{headers}{'access-control-allow-headers'}, qr/If-None-Match/, 'and the header');
$r = $gw->post('/openapi.json', body => 'x');
is("$r->{status} $r->{headers}{allow}", '405 GET, HEAD, OPTIONS', 'other methods are not');

my $document = $gw->get('/openapi.json')->{json};
is($document->{openapi}, '3.1.0', 'OpenAPI 3.1');

# Everything that the source documents promise is in it, and runs.
my @paths;
for my $file (glob tree() . '/conf/api/*.json') {
    open my $fh, '<:raw', $file or die "$file: $!\n";
    local $/;
    push @paths, keys %{ JSON::PP->new->utf8->decode(<$fh>)->{paths} // {} };
}
is_deeply([sort keys %{ $document->{paths} }], [sort @paths],
          'all paths of all documents: ' . @paths);

my @gone;
for my $path (sort keys %{ $document->{paths} }) {
    (my $target = $path) =~ s/\{[^}]+\}/00000000-0000-4000-8000-000000000000/g;
    my $answer = $gw->request('OPTIONS', $target);

    push @gone, "$path: " . ($answer ? $answer->{status} : 'none')
        if !$answer || $answer->{status} !~ /^20[04]$/;
}
is("@gone", '', 'each is served');

# Clients are made from it: they have to know of the header that a POST needs.
is_deeply([sort grep { my $post = $document->{paths}{$_}{post};
                       $post && ($post->{'x-ihanoi-idempotency'} // '') ne 'none'
                       && !grep { ($_->{name} // '') eq 'Idempotency-Key' && $_->{required} } @{ $post->{parameters} }
               } keys %{ $document->{paths} }],
          [], 'each POST has its Idempotency-Key');

# Every reference leads somewhere: other tools must be able to read it.
my @dangling;
sub walk {
    my ($node) = @_;

    if (ref $node eq 'ARRAY') {
        walk($_) for @$node;
    } elsif (ref $node eq 'HASH') {
        if (defined $node->{'$ref'} && !ref $node->{'$ref'}) {
            my $at = $document;
            my $ref = $node->{'$ref'};

            if ($ref =~ m{^#/(.*)}) {
                for my $step (split m{/}, $1) {
                    $step =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
                    $step =~ s/~1/\//g;
                    $step =~ s/~0/~/g;
                    $at = ref $at eq 'HASH' ? $at->{$step} : undef;
                }
                push @dangling, $ref if !defined $at;
            } else {
                push @dangling, $ref;
            }
        }
        walk($_) for values %$node;
    }
    return;
}
walk($document);
is("@dangling", '', 'references stay inside the document');

is($gw->head('/openapi.json')->{headers}{etag}, $etag, 'HEAD');

$r = $gw->get('/openapi.json', headers => { 'If-None-Match' => $etag });
is($r->{status}, 304, 'not modified');
is($r->{content}, '', 'without a body');
is($r->{headers}{vary}, 'Accept-Encoding, Origin', 'and caches are told as by the 200');
is($gw->get('/openapi.json', headers => { 'If-None-Match' => "W/$etag" })
      ->{status}, 304, 'also for the tag that a gzipped answer bore');
is($gw->get('/openapi.json', headers => { 'If-None-Match' => '"other"' })
      ->{status}, 200, 'another tag');

$r = $gw->get('/openapi.json', headers => { 'Accept-Encoding' => 'gzip' });
is($r->{headers}{'content-encoding'}, 'gzip', 'gzip is nginx\'s');

my ($check) = grep { $_->{name} eq 'contract' }
              @{ $gw->get('/readyz')->{json}{checks} };
is("\"$check->{detail}\"", $etag, 'the same hash as in /readyz');

is(gateway(bare => 1, locations =>
           'location /o { ihanoi_status openapi; }')->get('/o')->{status},
   404, 'no contract, no document');

done_testing();
