#!/usr/bin/perl
# bin/install-packages, in a root of its own: what Debian's packages would start while
# they are installed is not started, and nothing that says so stays on the machine.

use lib 'tests/lib';
use IHanoi::Test;
use File::Path qw(make_path);
use File::Temp qw(tempdir);

my $root = tempdir('ihanoi-packages-XXXXXX', TMPDIR => 1, CLEANUP => 1);
$ENV{TMPDIR} = $root;                   # what is killed leaves its own there
my $policy = "$root/usr/sbin/policy-rc.d";
my $clusters = "$root/etc/postgresql-common";
my ($conftool) = grep { -x } '/usr/bin/pg_conftool';

plan(skip_all => 'no postgresql-common here') if !$conftool;

make_path("$root/bin", "$root/usr/sbin", $clusters);

# The command itself, but for where the machine's files are.
put('install-packages', do {
    my $text = slurp(tree() . '/bin/install-packages');
    my $places = $text =~ s{=/(?=usr/sbin/policy-rc\.d|etc/postgresql-common)}{=$root/}g;
    is($places, 2, 'two places of the machine are written to');
    $text;
});
put('etc/postgresql-common/createcluster.conf',
    slurp('/etc/postgresql-common/createcluster.conf')
        =~ s{'/etc/(?=postgresql-common/createcluster\.d)}{'$root/etc/}r);

program('id', 'cat "$ROOT/uid"');
program('dpkg-query', <<'SH');
for name; do :; done
! grep -qx "$name" "$ROOT/installed" || echo -n installed
SH
program('systemctl', 'echo "systemctl $*" >> "$ROOT/log"');
program('update-rc.d', 'echo "update-rc.d $*" >> "$ROOT/log"');
program('sudo', 'echo "sudo" "$@" >> "$ROOT/log"');

# What the packages do when they are configured, as invoke-rc.d, deb-systemd-invoke and
# the functions of postgresql-common do it.
program('apt-get', <<"SH");
[ "\$*" != update ] || { echo 'apt-get update' >> "\$ROOT/log"; exit; }
echo 'apt-get install' >> "\$ROOT/log"
[ ! -e "\$ROOT/fails" ] || { rm "\$ROOT/fails"; echo 'E: no such package'; exit 100; }
start() {
    [ ! -x $policy ] || $policy --quiet "\$@" > /dev/null
    case \$? in 0|104) echo "\$1 is started" >> "\$ROOT/log" ;; esac
}
start nginx start
start nginx.service start
start other start
[ "\$($conftool $clusters/createcluster.conf show -bs create_main_cluster)" = off ] \\
    || echo 'a cluster' >> "\$ROOT/log"
start postgresql start 15
start postgresql\@15-main.service start
SH

sub install {
    my (@packages) = @_;
    put('log', '');
    my $said = `ROOT='$root' PATH='$root/bin:/usr/bin:/bin' bash '$root/install-packages' @packages 2>&1`;
    return ($? >> 8, $said);
}

sub did { return join '; ', split /\n/, slurp("$root/log") }

sub left {
    return join ' ', map { s{^\Q$root/}{}r }
        glob("'$root/usr/sbin/*'"), glob("'$clusters/createcluster.d/*'");
}

# A fresh machine.
put('uid', "0\n");
put('installed', "curl\n");
my ($rc, $said) = install(qw(nginx curl postgresql-15));
is($rc, 0, 'packages are installed') or diag $said;
is(did(), 'apt-get install; other is started; systemctl disable nginx; update-rc.d nginx disable',
   'no nginx is started, no cluster is made or started, nginx is not for the next start either');
like($said, qr/^Installing: nginx postgresql-15$/m, 'those that are missing');
like($said, qr/nginx service is installed but not enabled/, 'which is said');
is(left(), '', 'and nothing is left of what saw to it');
ok(!-e "$clusters/createcluster.d", 'nor its folder');
make_path("$clusters/createcluster.d");

($rc, $said) = install('curl');
is("$rc$said" . did(), '0', 'when all are there nothing is done');

# A machine with an nginx, and a policy of its own.
put('installed', "nginx-common\n");
program('../usr/sbin/policy-rc.d', 'echo "asked $*" >> "$ROOT/log"; exit 101');
my $own = slurp($policy);
($rc) = install('nginx-dev');
is($rc, 0, 'where nginx was before');
is(did(), 'apt-get install; asked --quiet other start', 'it stays as it was, and the policy is asked for others');
is(slurp($policy), $own, 'and is there again');
is(left(), 'usr/sbin/policy-rc.d', 'alone');

# What fails, and what is ended.
put('fails', '');
($rc) = install('gcc');
is("$rc " . did(), '0 apt-get install; apt-get update; apt-get install; asked --quiet other start',
   'stale lists are renewed');
program('apt-get', 'echo "E: no such package"; exit 100');
($rc, $said) = install('gcc');
is($rc, 1, 'what cannot be installed is an error');
like($said, qr/^E: no such package\napt could not install: gcc$/m, 'with what apt says');
is(slurp($policy), $own, 'and the policy is there again');

program('apt-get', 'echo hangs >> "$ROOT/log"; exec sleep 60');
for my $signal (qw(INT TERM HUP KILL)) {
    put('log', '');
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        POSIX::setpgid(0, 0);
        $SIG{$signal} = 'DEFAULT';
        open STDOUT, '>', '/dev/null';
        @ENV{qw(ROOT PATH)} = ($root, "$root/bin:/usr/bin:/bin");
        exec 'bash', "$root/install-packages", 'gcc';
    }
    ok(wait_until(sub { did() eq 'hangs' }), "ended by SIG$signal");
    isnt(slurp($policy), $own, 'while it holds');
    kill "-$signal", $pid;
    waitpid $pid, 0;
    next if $signal eq 'KILL';
    is(slurp($policy), $own, 'the policy is there again');
    is(left(), 'usr/sbin/policy-rc.d', 'alone');
}

# After SIGKILL ours is left, which the next one does not take for the machine's.
program('apt-get', "'$policy' other start; '$policy' nginx start; echo \"nginx \$?\" >> \"\$ROOT/log\"");
($rc) = install('gcc');
is("$rc " . did(), '0 asked other start; nginx 101', 'after SIGKILL the next one works');
is(slurp($policy), $own, 'and puts the policy back');
is(left(), 'usr/sbin/policy-rc.d', 'alone');

# Not as root.
put('uid', "1000\n");
($rc, $said) = install(qw(gcc make));
is("$rc " . did(), "0 sudo $root/install-packages gcc make", 'somebody else asks sudo');
is(left(), 'usr/sbin/policy-rc.d', 'and writes nothing');
ok(-d "$clusters/createcluster.d", 'the folder that was there is there');

done_testing();


sub put {
    my ($name, $text) = @_;
    open my $fh, '>:raw', "$root/$name" or die "$name: $!\n";
    print $fh $text;
    close $fh or die "$name: $!\n";
    return;
}


sub program {
    my ($name, $text) = @_;
    put("bin/$name", "#!/bin/sh\n$text\n");
    chmod 0755, "$root/bin/$name" or die "$name: $!\n";
    return;
}


sub slurp {
    my ($file) = @_;
    open my $fh, '<:raw', $file or return '';
    local $/;
    return scalar <$fh>;
}
