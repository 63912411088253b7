#!/usr/bin/perl
# The check of answers against their contract, which every gateway with the
# shipped contract makes: that it looks, and that it can see.

use lib 'tests/lib';
use IHanoi::Test;

ok(-x build_dir() . '/contract', 'the checking program is built (make unit)');

my $db = database();
my $gw = gateway(db => $db, locations => <<'CONF');
        default_type application/json;
        location = /v1/categories { return 200 '{"items": "none"}'; }
        location = /v1/reasons { return 418 '{}'; }
        location / { auth_jwt iHaNoi; ihanoi_api on; }
CONF

$gw->get('/v1/categories');
my @breaches = $gw->breaches;
is(scalar @breaches, 1, 'a wrong body is seen');
like($breaches[0], qr{GET /v1/categories: .*"/items": type}, 'and named');

$gw->get('/v1/reasons');
like(($gw->breaches)[0], qr/GET \/v1\/reasons/, 'so is a wrong refusal');

# Real ones: public lists, a refusal, a problem of nginx's own.
is($gw->get('/v1/units?limit=3')->{status}, 200, 'a list');
is($gw->get('/v1/me')->{status}, 401, 'no token');
is($gw->get('/v1/units?limit=x')->{status}, 400, 'a violation');
is($gw->get('/v1/units/00000000-0000-4000-8000-000000000000')->{status}, 404,
   'not found');

my @after = $gw->breaches;
is("@after", '', 'are as the contract says');

done_testing();
