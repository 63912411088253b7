#!/usr/bin/perl
# clang has nothing to say of what gcc builds here. `make matrix` also links and loads
# what clang makes.

use lib 'tests/lib';
use IHanoi::Test;

my $dir = tree();
plan(skip_all => 'no clang here') if !grep { -x "$_/clang" } split /:/, $ENV{PATH};

# Where nginx's configure says that headers are.
chdir build_dir() . '/nginx' or die "nginx is not configured here: $!\n";
open my $fh, '<', 'objs/Makefile' or die "objs/Makefile: $!\n";
my ($headers) = join('', <$fh>) =~ /^ALL_INCS = (.*?[^\\])$/ms;
$headers =~ s/\\\n//g;

my $flags = '-Wall -Wextra -Wno-unused-parameter -Werror';

# nginx's own, of auto/cc/clang.
my $nginx = '-Wpointer-arith -Wconditional-uninitialized';

sub said {
    my ($files, $more) = @_;
    return scalar qx(ls $files | xargs -P 2 -n 8 clang -fsyntax-only $flags $more $headers 2>&1);
}

is(said("'$dir'/ngx_ihanoi_module/*.c", $nginx), '', 'the module');
is(said("'$dir'/bin/*.c '$dir'/tests/*/*.c", "'-I" . build_dir() . q(' '-DCORPUS="."')), '',
   'the command and the tests');

done_testing();
