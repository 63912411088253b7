#!/usr/bin/perl
# IHanoi::NginxConf reads what nginx reads, and writes the same again.

use lib 'tests/lib';
use IHanoi::Test;
use File::Temp qw(tempdir);
use IHanoi::NginxConf;

my $dir = tempdir(CLEANUP => 1);

sub conf {
    my ($text, $name) = @_;
    open my $fh, '>', "$dir/" . ($name // 'nginx.conf') or die $!;
    print $fh $text;
    close $fh;
    return eval { read_conf("$dir/nginx.conf") };
}

# Names and values of a tree, without where they came from.
sub plain {
    my ($list) = @_;
    return [map { [$_->{name}, @{ $_->{args} }, $_->{block} ? plain($_->{block}) : ()] }
            @$list];
}

my $conf = conf(<<'CONF');
user www-data;# a comment; with { signs
events{}
http {
    log_format a escape=json '{"time":"$time_iso8601",'
                             '"path":"${uri}x"}';
    map $a $b { default ""; "~^/x{2,3};" 'it\'s'; ~y 1; }
    server { listen 80; location = /m { ihanoi_status metrics; } }
}
CONF
is_deeply(plain($conf), [
    ['user', 'www-data'], ['events', []],
    ['http', [
        ['log_format', 'a', 'escape=json', '{"time":"$time_iso8601",',
         '"path":"${uri}x"}'],
        ['map', '$a', '$b', [['default', ''], ['~^/x{2,3};', "it's"], ['~y', '1']]],
        ['server', [['listen', '80'], ['location', '=', '/m',
                                       [['ihanoi_status', 'metrics']]]]],
    ]],
], 'quotes, variables, comments and blocks') or diag $@;
is_deeply(plain(conf(conf_text($conf))), plain($conf), 'written and read again');
is_deeply([map { $_->{args}[0] } find($conf, qw(http server listen))], ['80'],
          'found by a path of names');

my $edited = edit($conf, sub {
    my ($d, @around) = @_;
    return if $d->{name} eq 'map';
    return directive('listen', 'unix:/a b') if $d->{name} eq 'listen' && "@around" eq 'http server';
    return $d;
});
is_deeply([map { $_->{args}[0] } find(conf(conf_text($edited)), qw(http server listen))],
          ['unix:/a b'], 'a directive that is another');
is(scalar find($edited, qw(http map)), 0, 'and one that is gone');
is_deeply([find($conf, qw(http server listen))]->[0]{args}, ['80'], 'of a copy');

mkdir "$dir/conf.d";
conf("server { listen 81; }\n", 'conf.d/b.conf');
conf("server { listen 82; }\n", 'conf.d/a.conf');
is_deeply([map { $_->{args}[0] }
           find(conf("http { include conf.d/*.conf; include none/*.conf; }"), qw(http server listen))],
          ['82', '81'], 'includes are in their place, by name');

my $production = read_conf(tree() . '/conf/production.conf');
is_deeply(plain(conf(conf_text($production))), plain($production), 'the production example');

for my $case (
    ['http {',             qr/:1: ends within a block$/],
    ["a 1;\n}",            qr/:2: unexpected "}"$/],
    ['a 1',                qr/:1: ends within a directive$/],
    ["a\n'b;",             qr/:2: a quoted text does not end$/],
    ['a 1 }',              qr/:1: unexpected "}" after "1"$/],
    [';',                  qr/:1: unexpected ";"$/],
    ['include nginx.conf;', qr/is included within itself$/],
    ['include none.conf;', qr/none\.conf: could not be read/],
) {
    my ($text, $said) = @$case;
    is(conf($text), undef, "refused: $text");
    like($@ =~ s/\n\z//r, $said, 'with its place');
}

done_testing();
