#!/usr/bin/perl
# The configurations in conf/ pass nginx -t as they stand, with names and
# certificates of a test filled in, and keep personal data out of the log.

use lib 'tests/lib';
use IHanoi::Test;
use File::Basename qw(dirname);
use File::Path qw(make_path);
use IHanoi::NginxConf;

my $tree = tree();
my $keys = keys_dir();

# conf/nginx.conf and what it includes, filled in as "ihanoi run" does.
{
    my $text = text_of('conf/nginx.conf');
    my $gw = gateway(bare => 1, start => 0);
    my ($dir, $so) = ($gw->dir, build_dir() . '/ngx_http_ihanoi_module.so');
    my %value = (
        LOAD_MODULE => -f $so ? "load_module $so;" : '',
        USER => '', RUN => $dir, SHARE => $tree, PORT => 8080, SOCKET => $dir,
        PGPORT => 5439, RELEASE => '0_1_0_00000000',
    );

    make_path("$dir/nginx");
    symlink $keys, "$dir/keys" or die $!;
    mkdir "$dir/secrets", 0700;
    my $fill = sub {
        $_[0] =~ s/@([A-Z_]+)@/$value{$1} \/\/ die "\@$1\@ is not filled in"/ger;
    };

    for my $file (qw(plugins.conf partners.conf)) {
        my $included = text_of("conf/$file");

        $gw->write($file, $fill->($included));
        while ($included =~ m{\@RUN\@/(secrets/\w+)}g) {
            $gw->write($1, "a test key\n");
            chmod 0600, "$dir/$1";
        }
    }

    $text = $fill->($text);
    my ($ok, $said) = test($gw, $text);
    ok($ok, 'conf/nginx.conf passes nginx -t') or diag $said;
    is($said, '', 'without a word');
}

# conf/production.conf, included into http as Debian's nginx.conf does.
{
    my $gw = gateway(bare => 1, start => 0);
    my ($dir, $so) = ($gw->dir, build_dir() . '/ngx_http_ihanoi_module.so');
    my $text = text_of('conf/production.conf');

    # nginx makes a folder, but not the folders above it.
    my %debian = map { chomp; $_ => 1 } qx(dpkg -L nginx-common);
    my @places = $text =~ m{(/var/[^\s;]+)}g;
    ok($debian{dirname($_)}, "$_ is where Debian's nginx may write") for @places;

    system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256"
           . " -nodes -days 1 -subj /CN=api.example -keyout $dir/tls.key"
           . " -out $dir/tls.crt 2> $dir/openssl.log") == 0
        or die 'openssl: ' . text_of("$dir/openssl.log");
    system('cp', "$dir/tls.crt", "$dir/database-ca.pem");
    $gw->write('pgpass', "*:*:*:ihanoi_read:a\n*:*:*:ihanoi_write:b\n"
                         . "*:*:*:ihanoi_control:c\n");
    chmod 0600, "$dir/pgpass";

    $text =~ s{/etc/nginx/ihanoi/}{$dir/}g;
    $text =~ s{/usr/share/ihanoi/}{$tree/}g;
    $text =~ s{/var/\w+/nginx/}{$dir/}g;

    # Low ports are closed to an ordinary user. Nothing listens: a port that
    # is taken does not matter to nginx -t.
    $text =~ s/^(\s*listen\s+)(80|443)\b/$1 . (8000 + $2)/gme;
    $gw->write('ihanoi.conf', $text);

    my $main = (-f $so ? "load_module $so;\n" : '') . <<"CONF";
pid $dir/nginx.pid;
events {}
http {
    client_body_temp_path $dir/b; proxy_temp_path $dir/p;
    fastcgi_temp_path $dir/f; uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
    include $dir/ihanoi.conf;
}
CONF
    # One of its own, and a location has none of the server's: HSTS, nosniff.
    unlike($text, qr/location [^{]*\{[^}]*\badd_header\b/,
           'no location of it takes the headers of all away');

    # nginx's own line about a refused request has its address and query.
    like($text, qr/\b${_}_log_level\s+info;/, "$_ leaves the error log alone")
        for map { /\blimit_(conn|req)_zone\b/ ? "limit_$1" : () } split /\n/, $text;

    # limit_conn counts the streams of a connection one by one.
    my ($streams) = $text =~ /\bhttp2_max_concurrent_streams\s+(\d+);/;
    my ($connections) = $text =~ /\blimit_conn\s+\w+\s+(\d+);/;
    cmp_ok($streams, '<', $connections, 'no connection is promised what is refused to it');

    my ($ok, $said) = test($gw, $main);
    ok($ok, 'conf/production.conf passes nginx -t') or diag $said;
    $said =~ s/^.*the "listen \.\.\. http2" directive is deprecated.*\n//mg;
    is($said, '', 'without a word');
}

# A standby has no unlogged tables, and an error where one is read.
for my $plugin (map { m{/plugins/(\w+)/} } glob "$tree/plugins/*/plugin.json") {
    next if !grep { text_of($_) =~ /^create unlogged table/mi }
             glob "$tree/plugins/$plugin/migrations/*.sql";
    my ($block) = text_of('conf/plugins.conf') =~ /^ihanoi_database $plugin \{(.*?)^\}/ms;

    like($block, qr/^\s*$_\b[^;]*\btarget=primary\b/m, "$plugin: $_ is for the primary alone")
        for qw(read slow);
}

for my $file (qw(nginx.conf production.conf)) {
    my ($format) = text_of("conf/$file") =~ /log_format\s+ihanoi(.*?);/s;

    unlike($format, qr/\$(?:remote_|request_uri|request\b|uri|args|http_|
                          jwt_|binary_|proxy_protocol|cookie_)/x,
           "the log format of $file has no address, path, header or claim");

    like($format, qr/\$$_\b/, "and $_")
        for qw(request_id ihanoi_trace_id ihanoi_operation status ihanoi_db_time
               ihanoi_subject_hash);

    # nginx refuses some requests before it knows a location.
    my $conf = read_conf("$tree/conf/$file");
    my ($api) = grep { find($_->{block}, 'location', 'ihanoi_api') }
                find($conf, 'server'), find($conf, 'http', 'server');
    is_deeply([map { $_->{args}[0] } find($api->{block}, 'ihanoi_problems')], ['on'],
              "$file: the server of the API has problems on");
}

done_testing();


# (true if it passed, what it said) of nginx -t with a whole configuration.
sub test {
    my ($gw, $text) = @_;
    no warnings 'redefine';
    local *IHanoi::Test::Gateway::configuration = sub { return $text };
    my ($ok, $said) = $gw->check;
    $said =~ s/^nginx: (?:the )?configuration file .*\n//mg;
    return ($ok, $said);
}
