# A number without a fraction is an integer, however it is written (JSON Schema
# 2020-12, validation 6.1.1), and SQL and Lua get it as the integer.

use FindBin;
use lib "$FindBin::Bin/../lib";
use IHanoi::Test;
use IHanoi::Test::Engine;
use IHanoi::Test::Plugin;

my $true = JSON::PP::true;
my $take = {
    type => 'object', additionalProperties => JSON::PP::false, properties => {
        n    => { type => 'integer' },
        list => { type => 'array', maxItems => 5, items => { type => 'integer' } },
        deep => { type => 'object', properties => {
            n => { anyOf => [{ type => 'integer' }, { type => 'null' }] },
            x => { type => 'number' } } },
    },
};
my $plugin = plugin_folder(
    lua => {
        take  => 'local deep = input.deep or {}
                  return 200, { n = input.n, list = input.list, deep = deep,
                      says = type(input.n) .. " " .. tostring(input.n) .. " "
                             .. tostring(deep.n) .. " " .. table.concat(input.list or {}, " "),
                      five = deep.n == 5 }',
        reply => 'return 200, ihanoi.json.raw("{\"n\":" .. input.n .. "}")',
        set   => 'local s = ihanoi.plugin.settings()
                  return 200, { limit = s.limit, says = tostring(s.limit) .. " " .. s.days[1] }',
    },
    operations => {
        take  => { method => 'put', requestBody => { required => $true, content => {
                       'application/json' => { schema => $take } } } },
        reply => { parameters => [{ name => 'n', in => 'query', required => $true,
                                    schema => { type => 'string', maxLength => 30 } }],
                   responses => { 200 => { description => 'An integer', content => {
                       'application/json' => { schema => { type => 'object', properties => {
                           n => { type => 'integer' } } } } } } } },
    },
    manifest => { settings => { type => 'object', properties => {
        limit => { type => 'integer' },
        days  => { type => 'array', maxItems => 3, items => { type => 'integer' } } } } },
);

my $gw = engine_gateway(responses => 0,
    http => $plugin->block('check always;', 'public;', 'setting limit 20.0;', 'setting days "[1e1, 2]";'));
my $id = '6f1c5f0e-53f5-4b0a-a1f8-2d6f0c1c9b11';
my $r;

sub sent {
    my ($method, $path, $body) = @_;
    $gw->request($method, $path, body => $body, headers => { 'Content-Type' => 'application/json' });
}

sub told {
    my ($r) = @_;
    return join ' ', $r->{status}, map { "$_->{in} " . ($_->{pointer} // $_->{parameter}) . " $_->{keyword}" }
                                   @{ $r->{json}{errors} // [] };
}


# SQL

for my $five (qw(5 5.0 5.000 5e0 50e-1 0.5e1 0.05E+2 5.00000000000000000000)) {
    $r = sent(POST => '/t/numbers', qq({"n":$five,"small":$five,"list":[$five,-$five,$five],"real":2.5,"deep":)
         . qq({"n":$five,"either":$five,"one":$five,"if":$five,"list":[$five,null,7]}}));
    is_deeply($r->{json}, { n => 5, small => 5, list => 5, real => 2.5, price => undef, deep => {
                  n => 5, either => 5, one => 5, if => 5, kind => undef, list => 12 } },
              "$five is 5") or diag $r->{content};

    $r = sent(PUT => '/t/numbers', qq({"n":$five,"either":"7"}));
    is("$r->{json}{n} $r->{json}{either}", '5 7', 'of a whole body, too') or diag $r->{content};
}

is(sent(PUT => '/t/numbers', "{\"kind\":$_}")->{json}{kind}, 2, "an enum has $_") for qw(2 2.0 20e-1);
is_deeply(sent(POST => '/t/numbers', '{}')->{json}{list}, 1, 'a default is one, too');
is(sent(POST => '/t/numbers', '{}')->{json}{small}, 7, 'of an argument and of what is in it');

for (['0', '-0.0'], ['0', '0e64'], ['-7', '-7.0'], ['1000000000000000000', '1e18'],
     ['9007199254740994', '9007199254740994.0'], ['-9223372036854775000', '-9.223372036854775e18']) {
    my ($is, $written) = @$_;
    $r = sent(POST => '/t/numbers', qq({"n":$written,"deep":{"n":$written}}));
    like($r->{content}, qr/"n" : $is,.*"n" : $is,/, "$written is $is");
}

is(told(sent(POST => '/t/numbers', qq({"n":$_}))), '400 body /n type', "$_ is no integer of 64 bits")
    for qw(5.5 1e-1 1e19 -1e64 9.223372036854776e18);
is(told(sent(POST => '/t/numbers', qq({"deep":{"n":$_}}))), '400 body /deep/n type', '... nor deeper')
    for qw(5.5 1e19);
is(told(sent(POST => '/t/numbers', '{"n":9007199254740993.0}')), '400 body /n format',
   'what a double does not hold is not taken for what it holds');
is(told(sent(POST => '/t/numbers', '{"deep":{"n":9007199254740993.0}}')), '400 body  syntax', '... nor deeper');
is(told(sent(POST => '/t/numbers', '{"small":2147483648.0}')), '400 body /small format', '32 bits are 32 bits');
is(told(sent(PUT => '/t/numbers', '{"list":[5,5.0]}')), '400 body /list uniqueItems', '5 and 5.0 are equal');
is(told(sent(PUT => '/t/numbers', '{"one":-1.0}')), '400 body /one oneOf', 'bounds hold');
is(told(sent(PUT => '/t/numbers', '{"if":-1.0}')), '400 body /if minimum', 'and what follows from the type');

$r = sent(POST => '/t/numbers', '{"real":5.0,"price":2.50}');
is("$r->{json}{real} $r->{json}{price}", '5 2.50', 'other numbers go as they were sent');
$r = sent(POST => '/t/numbers', '{"price":2.00}');
is($r->{json}{price}, '2.00', 'with the digits of a price');

# A path and a query have one way to write an integer: one resource, one URL.
$r = $gw->get("/t/echo/$id?limit=5.0");
is(told($r), '400 query limit type', 'a query has digits');
is($r->{json}{errors}[0]{message}, 'must be an integer, without a point or an exponent', 'and that is said');


# Lua

$r = $gw->get('/v1/probe/set');
is($r->{json}{says}, '20 10', 'settings are integers, too') or diag $r->{content};

for my $five (qw(5 5.0 50e-1)) {
    $r = sent(PUT => '/v1/probe/take', qq({"n":$five,"list":[$five,1e1],"deep":{"n":$five,"x":1e18}}));
    is($r->{json}{says}, 'number 5 5 5 10', "$five is 5 to a handler") or diag $r->{content};
    is($r->{json}{five}, $true, 'everywhere');
}

is(sent(PUT => '/v1/probe/take', "{\"n\":$_}")->{json}{says}, 'string 1000000000000000000 nil ',
   "$_ is one that a number does not hold") for qw(1000000000000000000 1e18 1.0e18);
is(told(sent(PUT => '/v1/probe/take', "{\"deep\":{\"n\":$_}}")), '400 body /deep format',
   '... which is refused where it is in a value') for qw(1000000000000000000 1e18 9007199254740994.0);
is(told(sent(PUT => '/v1/probe/take', '{"n":1e18,"deep":{"x":1e18}}')), '200',
   '... if that is what is asked for there');

is($gw->get("/v1/probe/reply?n=$_")->{status}, 200, "a handler may answer $_") for qw(5 5.0 1e2 -0.0);
is($gw->get("/v1/probe/reply?n=$_")->{json}{type}, 'urn:ihanoi:problem:plugin-reply-invalid', "but not $_")
    for qw(5.5 1e19);

unlike($gw->error_log, qr/(?:SQLSTATE |: )22[0-9A-Z]{3}\b/, 'no error of class 22');

done_testing();
