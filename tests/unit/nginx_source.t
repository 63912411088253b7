#!/usr/bin/perl
# `config` in other trees and builds of nginx than Debian's. Nothing is built: `make matrix`
# with NGINX_SRC= does, and loads it.

use lib 'tests/lib';
use IHanoi::Test;
use File::Path qw(make_path);
use File::Temp qw(tempdir);

my $tree = tree();
my $dir = tempdir(CLEANUP => 1);

# What bin/configure-nginx asks of each kind of tree, in which somebody has built before.

sub asks {
    my ($kind, $link, $module) = (@_, '');
    my $src = "$dir/$kind-$link";
    my $configure = $kind eq 'checkout' ? 'auto/configure' : 'configure';

    make_path("$src/auto", "$src/src/core", "$src/objs");
    put("$src/Makefile", '');
    put("$src/conf_flags", "NGX_CONF_FLAGS=(--debian)\n") if $kind eq 'headers';
    put("$src/$configure", qq{#!/bin/sh\necho "\$0 \$*" > "\$SAID"; ls >> "\$SAID"\n}
        . qq{mkdir objs; printf 'objs/%s:\n\t\$(CC) -c \$(CFLAGS) \\\\\n\t\t-o objs/%s\n' src/a.o a addon/b.o b > objs/Makefile\n});
    chmod 0755, "$src/$configure";

    local @ENV{qw(NGINX_SRC LINK CC BUILD SAID)} = ($src, $link, 'gcc', 'debug', "$dir/said");
    my $said = `cd '$tree' && bin/configure-nginx '$dir/out-$kind-$link' -O1 '$module' -lx 2>&1`;
    return $? ? $said : get("$dir/said");
}

my $tail = '--with-cc=gcc --with-cc-opt=-O1 --with-ld-opt=-lx';
like(asks('release', 'dynamic'), qr{^\./configure --prefix=.* --add-dynamic-module=\Q$tree\E $tail\nauto\nconfigure\n},
     'a release: the module for it');
like(asks('release', 'static'), qr{^\./configure --prefix=.* --add-module=\Q$tree\E $tail\nauto\nconfigure\n},
     'or nginx with it');
like(asks('checkout', 'static'), qr{^auto/configure --prefix=.* --add-module=\Q$tree\E $tail\nauto\nconfigure.log\n},
     'a checkout');
like(asks('headers', 'dynamic'), qr{^\./configure --debian --add-dynamic-module=\Q$tree\E $tail\n},
     "Debian's headers: as Debian has built it");
like(asks('headers', 'static'), qr/^LINK=static needs nginx's whole source/, 'which is all that they are for');

asks('release', 'dynamic', '-flto');
is(get("$dir/out-release-dynamic/nginx/objs/Makefile") =~ s/\s+/ /gr,
   'objs/src/a.o: $(CC) -c $(CFLAGS) \ -o objs/a objs/addon/b.o: $(CC) -c $(CFLAGS) -flto \ -o objs/b ',
   'flags of the module are for its files only');

# What is made with headers is for the installed nginx, or for the one that is named.

make_path("$dir/made/nginx/objs");
put("$dir/made/nginx/objs/Makefile", "modules:\n\ttouch objs/ngx_http_ihanoi_module.so\n");
put("$dir/theirs", 'an nginx');

for my $file ("$dir/theirs", '') {
    local @ENV{qw(LINK NGINX_BINARY)} = ('dynamic', $file);
    is(system("cd '$tree' && bin/make-nginx '$dir/made'"), 0, 'a module is made');
    is(-f "$dir/made/nginx-binary" ? get("$dir/made/nginx-binary") : '', $file && 'an nginx',
       $file ? 'for the nginx that NGINX_BINARY names' : 'for the installed nginx');
}

# The least nginx, with all of it linked in.

my ($src) = grep { -d "$_/auto" } $ENV{NGINX_SRC} // (), "$tree/build/nginx-source/nginx", '/usr/share/nginx/src';

SKIP: {
    skip 'no source of nginx here', 4 if !$src;

    mkdir "$dir/least";
    chdir "$dir/least" or die $!;
    symlink $_, s{.*/}{}r for grep { !m{/(?:objs|Makefile)\z} } glob "'$src'/*";
    my $configure = -f 'configure' ? './configure' : 'auto/configure';

    is(system("$configure --without-http_rewrite_module --without-http_gzip_module --without-pcre"
              . " --add-module='$tree' > log 2>&1"), 0, 'nginx is configured') or diag get('log');

    my ($list) = get("$tree/config") =~ /^ihanoi_modules="(.*?)"/ms;
    my @wanted = $list =~ /(\w+)/g;
    my @modules = get('objs/ngx_modules.c') =~ /^    &(\w+),$/mg;
    my ($first) = grep { $modules[$_] eq 'ngx_http_headers_filter_module' } 0 .. $#modules;
    is("@modules[$first + 1 .. $first + @wanted + 1]", "@wanted ngx_http_copy_filter_module",
       'our modules are in it, in our order, where filters are');

    my $makefile = get('objs/Makefile');
    my ($link) = $makefile =~ /^\t\$\(LINK\) -o objs\/nginx (.*?)\n\t?\n/ms;
    my @missing = grep { $link !~ m{/\Q$_\E\.o\b} } get("$tree/config") =~ m{IHANOI_SRC/(\w+)\.c}g;
    push @missing, grep { $link !~ /\Q$_\E\b/ } get("$tree/config") =~ /^ngx_module_libs="(.*)"/m ? split ' ', $1 : 'libs';
    is("@missing", '', 'with all that they need');

    my ($headers) = $makefile =~ /^ALL_INCS = (.*?[^\\])$/ms;
    $headers =~ s/\\\n//g;
    my $gcc = "gcc -fsyntax-only -Wall -Wextra -Wno-unused-parameter -Werror $headers";
    is(scalar qx(ls '$tree'/ngx_ihanoi_module/ngx_*.c | xargs -P 2 -n 8 $gcc 2>&1), '',
       'and every file is good without PCRE, zlib, TLS, HTTP/2 and threads');
    chdir $tree;
}

done_testing();


sub put {
    my ($file, $text) = @_;
    open my $fh, '>', $file or die "$file: $!\n";
    print $fh $text;
    close $fh or die "$file: $!\n";
    return;
}


sub get {
    my ($file) = @_;
    open my $fh, '<', $file or die "$file: $!\n";
    local $/;
    return scalar <$fh>;
}
