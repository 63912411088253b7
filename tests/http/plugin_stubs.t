#!/usr/bin/perl
# What editors are told of "ihanoi" (conf/lua/ihanoi.lua) a plugin finds in a
# worker: all of it, those that need nginx too. tests/unit/test_host_stubs.c
# asks a sandbox, in both directions.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Plugin;

open my $in, '<', tree() . '/conf/lua/ihanoi.lua'
    or die "conf/lua/ihanoi.lua: $!\n";
my @names = map { /^function ihanoi\.(\w+)\.(\w+)\(/ ? [$1, $2] : () } <$in>;

cmp_ok(scalar @names, '>', 50, 'there are stubs');

my $list = join ', ', map { qq({"$_->[0]", "$_->[1]"}) } @names,
                          [qw(json no_such_function)], [qw(no_such_noun get)];

my $plugin = plugin_folder(lua => { missing => <<"LUA" });
    local missing = ihanoi.json.array({})
    for _, name in ipairs({ $list }) do
        local noun = ihanoi[name[1]]
        if not noun or type(noun[name[2]]) ~= "function" then
            missing[#missing + 1] = name[1] .. "." .. name[2]
        end
    end
    return 200, missing
LUA

my $gw = gateway(http => $plugin->block('check always;', 'public;'),
                 locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }',
                 responses => 0);

is_deeply($gw->get('/v1/probe/missing')->{json},
          ['json.no_such_function', 'no_such_noun.get'],
          'a worker has all of them, and not what the test has made up');

done_testing();
