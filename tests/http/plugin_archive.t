#!/usr/bin/perl
# "ihanoi plugin pack", "sign", "verify" and "unpack": archives that are the
# same every time, and what becomes of those that somebody made to do harm.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Command;
use IHanoi::Test::Tar;
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use IO::Compress::Gzip qw(gzip);
use POSIX ();
use IHanoi::Plugin::Archive;

my $dir = tempdir(CLEANUP => 1);
my $asked = 0;
my ($rc, $out, $err);

# Keys: the agency's, a reviewer's, a stranger's, and one of another kind.
for my $who (qw(agency reviewer stranger)) {
    openssl('genpkey', '-algorithm', 'ED25519', '-out', "$dir/$who.pem");
}
openssl(qw(genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out),
        "$dir/ec.pem");
openssl('pkey', '-in', "$dir/$_.pem", '-pubout', '-out', "$dir/$_.pub.pem")
    for qw(agency reviewer stranger ec);

# Packing ---------------------------------------------------------------------

ihanoi(qw(plugin new parking --into), $dir);
my $archive = "$dir/parking-0.1.0.plugin.tar.gz";

($rc, $out, $err) = ihanoi(qw(plugin pack), "$dir/parking");
is("$rc $out", "0 $archive\n", 'a plugin is packed beside its folder');
my ($hash) = $err =~ /^Contents ([0-9a-f]{64})$/m;
my $bytes = slurp($archive);

is(`cd $dir && tar xOzf $archive parking-0.1.0/FILES.sha256 | sha256sum`,
   "$hash  -\n", 'the hash is that of the list of files');
is(system("cd $dir && mkdir by_hand && tar xzf $archive -C by_hand "
          . '&& cd by_hand/parking-0.1.0 && sha256sum -c --quiet FILES.sha256'),
   0, 'tar and sha256sum read it');

unlink $archive;
utime 1, 1, glob "'$dir/parking/*'";
chmod 0600, "$dir/parking/handler.lua";
mkdir "$dir/parking/.git";
spew("$dir/parking/.git/config", 'x');
mkdir "$dir/elsewhere";
system('cp', '-r', "$dir/parking", "$dir/elsewhere/parking");
{
    spew("$dir/Later.pm", 'BEGIN { *CORE::GLOBAL::time = sub { CORE::time() + 86400 } } 1;');
    local $ENV{PERL5OPT} = "-I$dir -MLater";
    ihanoi(qw(plugin pack --into), $dir, "$dir/elsewhere/parking");
}
ok(slurp($archive) eq $bytes, 'the same bytes another day, elsewhere');

($rc, $out, $err) = ihanoi(qw(plugin pack), "$dir/parking");
is($rc, 0, 'packed again');
like($err, qr/packed before/, 'nothing is to do');

spew("$dir/parking/lib/more.lua", 'return 1');
($rc, $out, $err) = ihanoi(qw(plugin pack), "$dir/parking");
is($rc, 3, 'two contents under one version are refused');
like($err, qr/other contents: raise "version"/, 'and it says what to do');
ok(slurp($archive) eq $bytes, 'what was packed stays');

($rc, $out, $err) = ihanoi(qw(plugin pack --into), "$dir/parking/lib",
                           "$dir/parking");
is($rc, 1, 'not into itself');

spew("$dir/parking/lib/more.lua", 'return io');
($rc, $out, $err) = ihanoi(qw(plugin pack --into), "$dir/elsewhere",
                           "$dir/parking");
is($rc, 1, 'a plugin that fails its checks is not packed');
like($err, qr{^lib/more\.lua:1: .*"io"}, 'and it says why');
ok(!-e "$dir/elsewhere/parking-0.1.0.plugin.tar.gz", 'nothing is left');

# Signing ---------------------------------------------------------------------

my @agency = ('--key', "$dir/agency.pub.pem");
my @reviewer = ('--reviewer', "$dir/reviewer.pub.pem");

($rc, $out, $err) = verify(@agency);
is($rc, 1, 'without a signature');
like($err, qr/is not signed/, 'nothing is verified');
is((verify())[0], 2, 'whom to trust must be said');
is((verify('--unsigned', @agency))[0], 2, 'and not said in two ways');
($rc, $out) = verify('--unsigned');
is("$rc $out", "0 parking 0.1.0 $hash\n", 'contents alone');

is((ihanoi(qw(plugin sign --review --key), "$dir/reviewer.pem", $archive))[0],
   1, 'a review before the agency\'s signature');
($rc, $out, $err) = ihanoi(qw(plugin sign --key), "$dir/agency.pem", $archive);
is($rc, 0, 'the agency signs') or diag $err;
($rc, $out, $err) = verify(@agency);
is("$rc $out", "0 parking 0.1.0 $hash\n", 'which is verified');
like($err, qr/signed by the agency, .*agency\.pub\.pem \([0-9a-f]{16}\)/, 'named');

($rc, $out, $err) = verify('--key', "$dir/stranger.pub.pem");
is("$rc$out", '1', 'the wrong key');
like($err, qr/signed by nobody whom parking trusts/, 'is no trust');
is((verify('--key', "$dir/stranger.pub.pem", @agency))[0], 0, 'one of two keys');
is((verify('--key', "$dir/ec.pub.pem"))[0], 1, 'a key of another kind');
is((verify('--key', "$dir/agency.pem"))[0], 1, 'a private key as a public one');
is((verify('--key', "$dir/nowhere"))[0], 1, 'a key that is not there');
is((ihanoi(qw(plugin sign --key), "$dir/ec.pem", $archive))[0], 1,
   'signing with a key of another kind');

($rc, undef, $err) = verify(@agency, @reviewer);
is($rc, 1, 'a review is required');
like($err, qr/no second signature/, 'and missing');
($rc, undef, $err) = ihanoi(qw(plugin sign --review --key), "$dir/agency.pem",
                            $archive);
is($rc, 1, 'the agency is no reviewer of itself');
is((ihanoi(qw(plugin sign --review --key), "$dir/reviewer.pem", $archive))[0],
   0, 'a reviewer signs');
is((verify(@agency, @reviewer))[0], 0, 'both are verified');
is((verify(@agency, '--reviewer', "$dir/stranger.pub.pem"))[0], 1,
   'the wrong reviewer');
is((verify(@agency, '--reviewer', "$dir/agency.pub.pem"))[0], 1,
   'the agency\'s key as a reviewer\'s');
is((verify('--key', "$dir/reviewer.pub.pem"))[0], 1,
   'a reviewer\'s key as the agency\'s');

is(system("cd $dir && rm -rf by_hand && mkdir by_hand "
          . "&& tar xzf $archive -C by_hand && cd by_hand/parking-0.1.0 "
          . "&& openssl pkeyutl -verify -pubin -inkey $dir/agency.pub.pem "
          . '-rawin -in FILES.sha256 -sigfile FILES.sig > /dev/null'),
   0, 'openssl verifies it by hand');

# Keys in a folder, by plugin.
mkdir "$dir/keys";
mkdir "$dir/keys/$_" for qw(parking market);
system('cp', "$dir/stranger.pub.pem", "$dir/keys/market/agency-1.pem");
is((verify('--keys', "$dir/keys"))[0], 1, 'another plugin\'s key is not asked');
system('cp', "$dir/agency.pub.pem", "$dir/keys/parking/agency-1.pem");
is((verify('--keys', "$dir/keys"))[0], 0, 'this plugin\'s is');
system('cp', "$dir/stranger.pub.pem", "$dir/keys/parking/reviewer-1.pem");
is((verify('--keys', "$dir/keys"))[0], 1, 'a reviewer there is required');
system('cp', "$dir/reviewer.pub.pem", "$dir/keys/parking/reviewer-2.pem");
is((verify('--keys', "$dir/keys"))[0], 0, 'any one of them');

# Unpacking -------------------------------------------------------------------

my $into = "$dir/plugins";
mkdir $into;
($rc, $out, $err) = unpack_it($archive, @agency);
is("$rc $out", "0 $into/parking-0.1.0\n", 'unpacked');
ok(-s "$into/parking-0.1.0/lib/days.lua", 'with all that is in it');
is(join(' ', entries()), 'parking-0.1.0', 'and nothing else is left');
is((ihanoi(qw(plugin check), "$into/parking-0.1.0"))[0], 0, 'what is good');
($rc, $out, $err) = unpack_it($archive, @agency);
is($rc, 0, 'again');
like($err, qr/there already/, 'there is nothing to do');

spew("$into/parking-0.1.0/lib/days.lua", 'return 1');
($rc, $out, $err) = ihanoi(qw(plugin check), "$into/parking-0.1.0");
is($rc, 1, 'what is changed afterwards is found');
like($out, qr/^FILES\.sha256: .*"lib\/days\.lua"/, 'by its list');
remove_tree("$into/parking-0.1.0");

# Two contents under one version, for those who keep a list.
my @list = ('--versions', "$dir/versions");
is((verify(@agency, @list))[0], 0, 'a version that is new');
is((verify(@agency, @list))[0], 0, 'is known the next time');
is(slurp("$dir/versions"), "parking 0.1.0 $hash\n", 'by its hash');
my %other = %{ (read_archive($archive))[1] };
$other{'README.md'} .= "\n";
my $other = "$dir/other.tar.gz";
reseal(\%other);
write_archive($other, 'parking-0.1.0', \%other);
ihanoi(qw(plugin sign --key), "$dir/agency.pem", $other);
is((ihanoi(qw(plugin verify), $other, @agency))[0], 0, 'other contents, signed');
($rc, $out, $err) = ihanoi(qw(plugin verify), $other, @agency, @list);
is($rc, 3, 'are refused under the same version');
like($err, qr/known with other contents/, 'and it says why');
is((unpack_it($other, @agency, @list))[0], 3, 'also where they would be unpacked');
is(join(' ', entries()), '', 'and nothing is left there');
($rc, $out) = ihanoi_full(qw(plugin unpack), $archive, '--into', $into, @agency);
is($rc, 1, 'a disk that is full');
like($out, qr/could not write .*: File too large$/m, 'is told');
is(join(' ', entries()), '', 'and nothing is left either');
is((unpack_it($other, @agency))[0], 0, 'unpacked first');
is((unpack_it($archive, @agency))[0], 3, 'the other is refused');
remove_tree("$into/parking-0.1.0");

# A signature is of these contents.
my %moved = (%{ (read_archive($archive))[1] }, 'README.md' => 'changed');
reseal(\%moved);
write_archive($other, 'parking-0.1.0', \%moved);
is((unpack_it($other, @agency))[0], 1, 'a signature of other contents');

# Archives that somebody made ---------------------------------------------------

my %good = %{ (read_archive($archive))[1] };
my $top = 'parking-0.1.0';
my @members = map { ["$top/$_", $good{$_}] } sort keys %good;

hostile('the good one, as we write it', undef, @members);

my @links = ([1, 'hard link'], [2, 'symbolic link'], [3, 'device'], [4, 'device'],
             [5, 'folder'], [6, 'pipe'], ['x', 'unknown kind'],
             ['g', 'unknown kind'], ['L', 'unknown kind'], ['S', 'unknown kind']);
for my $link (@links) {
    hostile("a member of type $link->[0]", qr/\Q$link->[1]\E/, @members,
            ["$top/x", '', type => $link->[0], link => '/etc/passwd']);
}
hostile('a file with a link\'s target', qr/unknown kind/, @members,
        ["$top/x", '', link => '/etc/passwd']);

for my $path ('/etc/cron.d/x', '../x', "$top/../x", "$top/../../x",
              "$top/lib/../../x", "$top//x", "$top/./x", "./$top/x", "$top/",
              "$top/.profile", "$top/-rf", "$top/a b", "$top/a\nb", "$top/a\\b",
              "$top/\xc3\xa9", "$top/a\e[2Jb", 'x', '', "$top/" . 'a' x 300)
{
    my $shown = $path =~ s/[^ -~]/?/gr;
    hostile("the path \"$shown\"",
            qr/no path of a plugin|in order|not in a folder/,
            [$path, 'x'], @members);
    hostile("the path \"$shown\" at the end",
            qr/no path of a plugin|in order|not in a folder/,
            @members, [$path, 'x']);
}
hostile('a path in the prefix field', qr/no path/, @members,
        ["$top/zz", 'x', prefix => '..']);
hostile('another folder', qr/two top folders/, @members, ['zz-1.0.0/x', 'x']);
hostile('a folder of another name', qr/archive is "market-0\.1\.0"/,
        map { [$_->[0] =~ s/^parking/market/r, $_->[1]] } @members);
hostile('a version that is another', qr/archive is "parking-0\.2\.0"/,
        map { [$_->[0] =~ s/0\.1\.0/0.2.0/r, $_->[1]] } @members);
hostile('a file twice', qr/in order/, @members, $members[-1]);
hostile('another order', qr/in order/, reverse @members);
hostile('a file and a folder', qr/a file and a folder/, @members,
        ["$top/zz", 'x'], ["$top/zz/x", 'x']);
hostile('no list', qr/no FILES\.sha256/, grep { $_->[0] !~ /sha256/ } @members);
hostile('a file that is not in the list', qr/tests\/x\.json is another/, @members,
        ["$top/tests/x.json", 'x']);
hostile('a file that was changed', qr/README\.md is another/,
        map { $_->[0] =~ /README/ ? [$_->[0], 'x'] : $_ } @members);
hostile('a file that is missing', qr/not about these files/,
        grep { $_->[0] !~ /README/ } @members);
hostile('a long signature', qr/longer than a signature/,
        map { $_->[0] =~ /FILES\.sig/ ? [$_->[0], 'x' x 65] : $_ } @members);
hostile('a manifest that is no JSON', qr/plugin\.json/,
        sealed('plugin.json' => '{'));
hostile('a manifest with another type of name', qr/plugin\.json has no good name/,
        sealed('plugin.json' => '{"name":["parking"],"version":"0.1.0"}'));
hostile('bytecode', qr/lib\/x\.lua: is compiled/, sealed('lib/x.lua' => "\eLJ\2"));
hostile('a program', qr/bin\/x: is compiled/, sealed('bin/x' => "\x7fELF\2"));
hostile('Lua that reaches out', qr/lib\/x\.lua:1: .*"os"/,
        sealed('lib/x.lua' => 'return os'));
hostile('many files', qr/more than 200 files/,
        sealed(map { (sprintf('sql/%04d.sql', $_), '') } 1 .. 200));
hostile('large files', qr/more than 2097152 bytes|larger than/,
        sealed(map { ("sql/$_.sql", "\0" x 700_000) } 1 .. 3));
hostile('a large Lua file', qr/larger than 262144/,
        sealed('lib/x.lua' => ' ' x 262_145));
hostile('a file larger than the archive', qr/bytes of files/, @members,
        ["$top/zz", 'x', size => '07777777777']);
hostile('a file a little larger than the archive', qr/ends within/, @members,
        ["$top/zz", 'x', size => sprintf '%011o', 9000]);
hostile('a size that is negative', qr/is no number/, @members,
        ["$top/zz", 'x', size => '-0000000001']);
hostile('a size in base 256', qr/is no number/, @members,
        ["$top/zz", 'x', size => "\x80\0\0\0\0\0\0\0\0\1\0"]);
hostile('a checksum that is wrong', qr/broken/, @members,
        ["$top/zz", 'x', sum => 1]);
hostile('an old format', qr/not a tar archive/, ["$top/zz", 'x', magic => ''],
        @members);
hostile('no members', qr/has no files/);

my $tar = tar(@members);
spoilt('a tail', qr/after its end/, packed($tar . 'x' x 512));
spoilt('no end', qr/ends too early/, packed(substr $tar, 0, -1024));
spoilt('half a block', qr/not a tar archive/, packed($tar . 'x'));
spoilt('a second archive behind it', qr/after its end/,
       packed($tar) . packed($tar));
spoilt('rubbish behind it', qr/after its end/, packed($tar) . 'x');
spoilt('a part of it', qr/is broken/, substr packed($tar), 0, -100);
my $flipped = packed($tar);
substr $flipped, -6, 1, chr(ord(substr $flipped, -6, 1) ^ 1);
spoilt('a wrong checksum', qr/is broken/, $flipped);
spoilt('nothing', qr/is not a gzip archive/, '');
spoilt('no archive', qr/is not a gzip archive/, 'x' x 10_000);
spoilt('a tar archive', qr/is not a gzip archive/, $tar);
spoilt('zeros for ever', qr/larger than a plugin may be/,
       packed("\0" x 50_000_000));
spoilt('large rubbish', qr/larger than 4194304/, 'x' x 4_200_000);
cmp_ok($asked, '>', 80, 'most are refused before anything is written');
is((ihanoi(qw(plugin verify --unsigned), $dir))[0], 1, 'a folder');
is((ihanoi(qw(plugin verify --unsigned), "$dir/nowhere"))[0], 1, 'no file');
POSIX::mkfifo("$dir/pipe", 0600) or die "$dir/pipe: $!\n";
is((ihanoi(qw(plugin verify --unsigned), "$dir/pipe"))[0], 1, 'a pipe');

done_testing();


sub openssl { system("openssl @_ 2> /dev/null") == 0 or die "openssl @_\n" }

sub verify { return ihanoi(qw(plugin verify), $archive, @_) }

sub unpack_it {
    my ($file, @trust) = @_;
    return ihanoi(qw(plugin unpack), $file, '--into', $into, @trust);
}

# All that is in the folder of plugins, hidden or not.
sub entries {
    opendir my $dh, $into or die $!;
    return sort grep { !/^\.\.?$/ } readdir $dh;
}

sub slurp {
    my ($file) = @_;
    open my $fh, '<:raw', $file or die "$file: $!\n";
    local $/;
    return scalar <$fh>;
}

sub spew {
    my ($file, $text) = @_;
    open my $fh, '>:raw', $file or die "$file: $!\n";
    print $fh $text;
    close $fh;
    return $file;
}

sub reseal {
    my ($files) = @_;
    $files->{'FILES.sha256'} = listing($files);
    return $files;
}

# The good members with these over them, under a list that is right.
sub sealed {
    my (%more) = @_;
    my %files = (%good, %more);
    reseal(\%files);
    return map { ["$top/$_", $files{$_}] } sort keys %files;
}

sub packed {
    my ($bytes) = @_;
    gzip(\$bytes => \my $packed) or die;
    return $packed;
}

sub hostile {
    my ($what, $expected, @all) = @_;
    return spoilt($what, $expected, packed(tar(@all)));
}

# An archive that must not leave anything behind when it is unpacked. Most are
# refused when they are read, which is asked of the function: it takes no
# process. The first is asked of the command too.
sub spoilt {
    my ($what, $expected, $bytes) = @_;
    my $file = spew("$dir/spoilt.tar.gz", $bytes);

    if (defined $expected && !eval { read_archive($file) } && $asked++) {
        ok($@ =~ $expected && $@ !~ /[^ -~\n]/, $what) or diag $@;
        return;
    }

    my ($rc, $out, $err) = unpack_it($file, '--unsigned');

    if (!defined $expected) {
        is($rc, 0, $what) or diag $err;
        remove_tree("$into/$top");
        return;
    }

    my $left = join ' ', entries();
    ok($rc eq '1' && $err =~ $expected && $left eq '' && $err !~ /\e/, $what)
        or diag "$rc $out$err left: $left";
    remove_tree("$into/$top");
    return;
}
