#!/usr/bin/perl
# make install: what it puts where, and that nginx loads it from there.

use lib 'tests/lib';
use IHanoi::Test;
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use HTTP::Tiny;
use IO::Socket::INET;

my $build = $ENV{BUILD} // 'debug';

# What was built with an nginx of its own is not for the installed one.
plan(skip_all => "BUILD=$build is not one to install")
    if -x build_dir() . '/nginx-binary'
       || !-f build_dir() . '/ngx_http_ihanoi_module.so';

my $dest = tempdir(CLEANUP => 1);
chmod 0755, $dest;

is(install(), 0, 'make install');

for my $file (qw(usr/lib/nginx/modules/ngx_http_ihanoi_module.so
                 usr/share/nginx/modules-available/mod-http-ihanoi.conf
                 usr/share/ihanoi/conf/api/core.json
                 usr/share/ihanoi/conf/lua/ihanoi.lua
                 usr/share/ihanoi/sql/roles.sql
                 usr/bin/ihanoi
                 etc/nginx/ihanoi/production.conf))
{
    ok(-s "$dest/$file", $file);
}

ok(-x "$dest/usr/share/ihanoi/plugins/bus/tools/import-gtfs", 'a program can be run');
like(scalar qx(make -s -n -C '${\ tree()}' install DESTDIR=/x),
     qr{^bin/install-files build/release "/x"}m, 'what is installed is built for production');

# Debian's nginx has a link "modules" in its prefix, to the modules' folder.
mkdir "$dest/nginx";
symlink "$dest/usr/lib/nginx/modules", "$dest/nginx/modules" or die $!;

# Tests may run as an ordinary user, to whom Debian's logs, folders and the
# low ports are closed.
my $temporary = join ' ', map { "${_}_temp_path $dest/nginx/$_;" }
                qw(client_body proxy fastcgi uwsgi scgi);
open my $fh, '>', "$dest/nginx/nginx.conf" or die $!;
print $fh <<"CONF";
include $dest/usr/share/nginx/modules-available/mod-http-ihanoi.conf;
pid $dest/nginx.pid;
events {}
http {
    ihanoi_zone 1m;
    access_log off;
    $temporary
    server { listen unix:$dest/nginx/socket; }
}
CONF
close $fh;

my $said = `/usr/sbin/nginx -t -q -e stderr -p $dest/nginx/ -c $dest/nginx/nginx.conf 2>&1`;
is($?, 0, 'nginx loads the installed module') or diag $said;

my $symbols = `nm -D --defined-only $dest/usr/lib/nginx/modules/ngx_http_ihanoi_module.so`;
is(join(' ', sort $symbols =~ /(\w+)$/mg), 'ngx_module_names ngx_module_order ngx_modules',
   'which has no name that another module could meet');

# Another version is installed while nginx runs: one that has another name for a
# directive, so that it can be told from the first. It is not for a reload.
{
    my @nginx = ('/usr/sbin/nginx', '-e', "$dest/nginx/error.log", '-p', "$dest/nginx/",
                 '-c', "$dest/nginx/nginx.conf");
    my $master = sub { (lines("$dest/nginx.pid"))[0] // 0 };
    my $log = sub { join '', lines("$dest/nginx/error.log") };

    is(system(@nginx), 0, 'nginx runs');
    chomp(my $old = wait_until($master) || die "there is no nginx\n");

    my $module = join '', lines(build_dir() . '/ngx_http_ihanoi_module.so');
    $module =~ s/ihanoi_zone\0/ihanoi_zoom\0/g or die 'no directive in the module';
    put("$dest/build/$_", $_ =~ /so$/ ? $module : join '', lines(build_dir() . "/$_"))
        for qw(ngx_http_ihanoi_module.so ihanoi-token ihanoi-plugin);
    is(install("$dest/build"), 0, 'another version is installed');
    put("$dest/nginx/nginx.conf",
        join('', lines("$dest/nginx/nginx.conf")) =~ s/ihanoi_zone/ihanoi_zoom/r);
    is(system(@nginx, '-t', '-q'), 0, 'nginx -t tries it');

    kill HUP => $old;
    ok(wait_until(sub { $log->() =~ /unknown directive "ihanoi_zoom"/ }),
       'but a reload goes on with the old one');

    kill USR2 => $old;
    ok(wait_until(sub { -s "$dest/nginx.pid" && $master->() != $old }), 'USR2 brings it');
    kill QUIT => $old;
    ok(wait_until(sub { !-d "/proc/$old" && !-e "$dest/nginx.pid.oldbin" }), 'and the old one goes');

    chomp(my $new = $master->() || die "there is no nginx\n");
    kill QUIT => $new;
    ok(wait_until(sub { !-d "/proc/$new" }), 'as does the new one');

    # What is the operator's stays.
    open $fh, '>>', "$dest/etc/nginx/ihanoi/production.conf" or die $!;
    print $fh "# edited\n";
    close $fh;
    unlike(text_of("$dest/install.log"), qr/production\.conf\.new/, 'of an example as it was nothing is said');
    is(install(), 0, 'make install of the first');
    like(`tail -1 $dest/etc/nginx/ihanoi/production.conf`, qr/# edited/,
         'an edited example is kept');
    ok(-f "$dest/etc/nginx/ihanoi/production.conf.new", 'the new one is beside it');
    like(text_of("$dest/install.log"),
         qr{^\S+/etc/nginx/ihanoi/production\.conf is left .*production\.conf\.new$}m, 'as is said');

    put("$dest/etc/nginx/ihanoi/production.conf", text_of("$dest/etc/nginx/ihanoi/production.conf.new"));
    is(install(), 0, 'when it was taken over, the next make install');
    ok(!-e "$dest/etc/nginx/ihanoi/production.conf.new", 'leaves none beside it');
}

my $release = `$dest/usr/bin/ihanoi migrate --release`;
is($release, `'${\ tree()}/bin/ihanoi' migrate --release`,
   'the installed command brings the same release');

my $db = database(empty => 1);
my $printed = `$dest/usr/bin/ihanoi migrate --host $db->{socket} --port $db->{port} --user postgres --dbname $db->{name} 2>/dev/null`;
is($printed, $release, 'and migrates a database');

unlike(`$dest/usr/bin/ihanoi --help`, qr/^  (?:run|stop|cluster) /m,
       'commands of a checkout are not installed');

is(system("$dest/usr/bin/ihanoi plugin new tree --into $dest > $dest/said 2>&1 "
          . "&& $dest/usr/bin/ihanoi plugin check $dest/tree >> $dest/said 2>&1"),
   0, 'and makes and checks a plugin') or diag `cat $dest/said`;
is(system("$dest/usr/bin/ihanoi plugin test $dest/tree > $dest/said 2>&1"), 0,
   'its tests run in a gateway with the installed module') or diag `cat $dest/said`;

# "run" tells where it listens once it does, and then ends by Ctrl-C.
my $pid = open(my $run, '-|') // die $!;
exec "$dest/usr/bin/ihanoi", qw(plugin run --port), free_port(), "$dest/tree" if !$pid;
my ($url) = map { m{ (http://\S+)} } scalar <$run>, scalar <$run>, scalar <$run>;
is(HTTP::Tiny->new->get($url // '')->{status}, 200, 'and it runs') or diag $url;
kill INT => $pid;
my @rest = <$run>;
close $run;
is($?, 0, 'until Ctrl-C');

unlink "$dest/usr/lib/nginx/modules/ngx_http_ihanoi_module.so";
like(`$dest/usr/bin/ihanoi plugin test $dest/tree 2>&1`,
     qr{there is no module \S+/ngx_http_ihanoi_module\.so: make install$}m,
     'without the module it says what to do');

done_testing();


sub free_port {
    return IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
}


sub lines {
    open my $fh, '<:raw', $_[0] or return;
    return <$fh>;
}


sub put {
    my ($file, $bytes) = @_;
    make_path(dirname($file));
    open my $fh, '>:raw', $file or die "$file: $!";
    print $fh $bytes;
    close $fh or die "$file: $!";
    chmod 0755, $file;
    return;
}


# What `make install` runs: all is built already.
sub install {
    my $build = $_[0] // build_dir();
    return system("cd '${\ tree()}' && bin/install-files '$build'"
                  . " $dest /usr /etc/nginx /usr/lib/nginx/modules"
                  . " /usr/share/nginx > $dest/install.log");
}
