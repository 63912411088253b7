#!/usr/bin/perl
# usage: tests/fuzz/archive.t [SECONDS [SEED]]     (make fuzz, make test)
#
# A plugin's archive, mutated at random: as packed bytes, as a tar, as members,
# and as contents under a list that is right. "unpack" takes it whole or says in
# one line what is wrong with it: nothing is written outside the folder, nothing
# is left in it, no program crashes, hangs or dies of Perl.
#
# A mutation is made from its number alone. One that fails is told, and kept in
# build/fuzz/found: "tests/fuzz/archive.t 0 NUMBER" does it again.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::Command;
use IHanoi::Test::Tar;
use File::Find ();
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use IO::Compress::Gzip qw(gzip);
use Time::HiRes qw(time);
use IHanoi::Plugin::Archive;

my $seconds = $ARGV[0] // 3;
my $seed = $ARGV[1] // 1;
my $dir = tempdir(CLEANUP => 1);
my $file = "$dir/mutated.plugin.tar.gz";
my $into = "$dir/around/plugins";

# Where "../" and links would lead to.
make_path($into);
make_path("$dir/around/$_") for qw(lib plugins-0.1.0);

# Beginnings: the template, and a plugin that uses more.
ihanoi(qw(plugin new seed --into), $dir);
my @good = map {
    my ($rc, $out, $err) = ihanoi(qw(plugin pack --into), $dir, $_);
    $rc == 0 or die $err;
    chomp $out;
    my ($top, $files) = read_archive($out);
    { top => $top, files => $files };
} "$dir/seed", tree() . '/plugins/office_hours';

my @bytes = ("\0", "\n", "\e[2J", "\xff", '/', '..', '%s', '$(id)', "\xe2\x80\xae");
my @paths = ('../x', '/etc/x', 'a/../../x', 'lib', 'lib/x.lua', 'plugin.json/x', '.x', '-x',
             'FILES.sig', 'FILES.review.sig', 'FILES.sha256', 'lib/a/b/c/d/e/f/g/h/i.lua',
             'migrations/0001_x.sql', 'sql/x.sql', 'tests/x.json', 'a' x 101, 'b' x 201,
             join('/', ('c' x 50) x 4), '');
my @texts = ('', '{', '[]', 'null', '{"name":[]}', "\eLJ\2", "\x7fELF\2", 'return os',
             "return \"\e[2J",
             'while true do end', 'return function(', '[' x 3000, "return {}\n" x 40_000,
             '"' . 'a' x 70_000 . '"', "select 1;\n", "\\! touch x\n", '{"cases":[{}]}');
my @values = (undef, 0, -1, 1e300, '', 'a' x 70_000, "\e[2J", [], {}, [[[]]], JSON::PP::true,
              '0.1.0', '../x', "1.0.0\n", '%n');

my ($done, $taken, $failed) = (0, 0, 0);
my %reasons;
my $end = time + $seconds;

do {
    my $number = $seed + $done++;
    my $why = eval { try($number) } // "the test itself: $@";

    if (length $why) {
        $failed++;
        make_path(tree() . '/build/fuzz/found');
        my $kept = tree() . "/build/fuzz/found/archive-$number";
        rename $file, $kept or system 'cp', $file, $kept;
        diag("mutation $number: $why");
    }
} while (time < $end && $failed < 5);

is($failed, 0, 'an archive is taken whole or refused in a line');
note("$done mutations, $taken taken, ", scalar(keys %reasons), ' kinds of refusals');

done_testing();


# What is wrong with how one is met, or ''.
sub try {
    my ($number) = @_;

    srand $number;
    spew($file, mutated());

    # Most are refused when they are read, which takes no process.
    my ($top) = eval {
        local $SIG{ALRM} = sub { die "hangs\n" };
        alarm 60;
        my ($found) = read_archive($file);
        alarm 0;
        $found;
    };
    my $reason = $@;
    alarm 0;

    if (!defined $top) {
        $reasons{ $reason =~ s/".*"/""/r }++;
        return $reason =~ /\A[ -~]+\n\z/ && $reason !~ / at \S+ line \d/ && $reason ne "hangs\n"
               ? '' : "it says: $reason";
    }

    my $began = used();
    my ($rc, $out, $err) = ihanoi(qw(plugin unpack), $file, '--into', $into, '--unsigned');
    my @left = left();
    my $good = $rc eq '0';

    $taken += $good;
    $reasons{ $err =~ s/"[^"\n]*"/""/gr }++ if !$good;

    return 'takes ' . (used() - $began) . ' s' if used() - $began > 10;
    return "exit code $rc: $err" if $rc !~ /\A[01]\z/;
    return "it says: $err" if $err !~ /\A(?:[^\0-\x1f\x7f]+\n)+\z/
                              || $err =~ / at \S+ line \d+\.$/m || $err =~ /Sanitizer/;
    return "it prints: $out" if $out ne ($good ? "$into/$top\n" : '');
    return "left: @left" if !$good && @left;

    my @wrong = grep { !m{\A\Q$into/$top\E(?:/[^ ]+)?\z} } @left;
    return @wrong ? "left: @wrong" : '';
}


# Seconds of processors, which tell more than those of clocks where others work too.
sub used { my @times = times; return $times[2] + $times[3] }


# What was made around and in the folder of plugins; it is removed.
sub left {
    my @found;

    File::Find::find({ no_chdir => 1, wanted => sub { lstat; push @found, $_ } }, "$dir/around");
    my %known = map { $_ => 1 } "$dir/around", $into,
                map { "$dir/around/$_" } qw(lib plugins-0.1.0);
    @found = grep { !$known{$_} } @found;

    # Looked at before they are gone.
    my @copy = map { lstat; -l _ || !(-f _ || -d _) ? "$_ (no plain file)" : $_ } @found;
    remove_tree($into, { keep_root => 1 });
    return @copy;
}


sub mutated {
    my $good = pick(@good);
    my %files = %{ $good->{files} };
    my $top = $good->{top};
    my $way = int rand 10;

    # Contents, whose list is right: what looks at a plugin meets them.
    if ($way < 4) {
        contents(\%files) for 0 .. int rand 2;
        $files{'FILES.sha256'} = listing(\%files);
        return packed(tar(map { ["$top/$_", $files{$_}] } sort keys %files));
    }

    my @members = map { ["$top/$_", $files{$_}] } sort keys %files;

    if ($way < 7) {
        member($top, \@members) for 0 .. int rand 2;
        @members = sort { $a->[0] cmp $b->[0] } @members if rand() < 0.7;
        return packed(tar(@members));
    }

    my $tar = tar(@members);
    return packed(spoilt($tar, 512)) if $way < 9;
    return spoilt(packed($tar), 1);
}


sub contents {
    my ($files) = @_;
    my @names = grep { !/^FILES/ } sort keys %$files;
    my $name = pick(@names);
    my $way = int rand 6;

    if ($way == 0) {
        $files->{ pick(grep { length } @paths) } = pick(@texts);
    } elsif ($way == 1) {
        $files->{$name} = pick(@texts);
    } elsif ($way == 2) {
        delete $files->{$name};
    } elsif ($way == 3) {
        $files->{$name} = spoilt($files->{$name}, 1);
    } else {
        my $json = $way == 4 ? 'plugin.json' : pick(grep { /\.json\z/ } @names);
        my $value = eval { JSON::PP->new->utf8->decode($files->{$json} // '{}') } // {};
        lie($value);
        $files->{$json} = JSON::PP->new->utf8->allow_nonref->canonical->encode($value);
    }

    return;
}


# Somewhere in a document another value, a member more or one less.
sub lie {
    my ($value) = @_;

    while (1) {
        my @keys = ref $value eq 'HASH' ? sort keys %$value : ref $value eq 'ARRAY' ? 0 .. $#$value
                                                                                    : ();
        my $key = pick(@keys);
        my $slot = !defined $key ? undef : ref $value eq 'HASH' ? \$value->{$key} : \$value->[$key];

        if ($slot && (ref $$slot eq 'HASH' || ref $$slot eq 'ARRAY') && rand() < 0.7) {
            $value = $$slot;
            next;
        }

        my $other = pick(@values);
        my $way = rand;

        if (ref $value eq 'HASH' && ($way < 0.3 || !$slot)) {
            $value->{ pick('x', 'name', "a\e[2J", '$ref', 'a' x 300, '../x', '') } = $other;
        } elsif ($slot && $way < 0.5) {
            ref $value eq 'HASH' ? delete $value->{$key} : splice @$value, $key, 1;
        } elsif ($slot) {
            $$slot = $other;
        }
        return;
    }
}


# A header that its checksum fits.
sub member {
    my ($top, $members) = @_;
    my $at = int rand @$members;
    my $way = int rand 9;
    my $path = pick("$top/", '', './', "$top/lib/", 'other-1.0.0/') . pick(@paths);

    if ($way == 0) {
        splice @$members, $at, 1;
    } elsif ($way == 1) {
        splice @$members, $at, 0, $members->[rand @$members];
    } elsif ($way == 2) {
        $members->[$at] = [$path, $members->[$at][1]];
    } elsif ($way == 3) {
        splice @$members, $at, 0, [$path, pick(@texts)];
    } else {
        my %of = ($way == 4 ? (type => pick(0 .. 7, qw(x g L K S V), "\0"))
                : $way == 5 ? (size => pick('00000000000', '77777777777', '-0000000001',
                                    "\x80" . "\0" x 10, ' 123', '00000010000', 'abc'))
                : $way == 6 ? (link => pick(@paths, '/etc/passwd'), type => pick(0, 1, 2))
                : $way == 7 ? (prefix => pick(@paths, $top, '..'))
                :             (magic => pick('', "ustar  \0", "ustar\00001")));
        $members->[$at] = [@{ $members->[$at] }, %of];
    }

    return;
}


# Bytes with faults of some kinds, at places that are multiples of $block or not.
sub spoilt {
    my ($bytes, $block) = @_;

    for (0 .. int rand 4) {
        my $at = int rand(length($bytes) + 1);
        $at -= $at % $block if rand() < 0.5;
        my $way = int rand 5;

        if ($way == 0) {
            $bytes = substr $bytes, 0, $at;
        } elsif ($way == 1 && $at < length $bytes) {
            substr $bytes, $at, 1, chr int rand 256;
        } elsif ($way == 2) {
            substr $bytes, $at, 0, pick(@bytes) x (1 + int rand 600);
        } elsif ($way == 3) {
            substr $bytes, $at, $block * (1 + int rand 4), '';
        } else {
            substr $bytes, $at, 0, substr $bytes, int rand(length($bytes) + 1), $block * 4;
        }
    }

    return $bytes;
}


sub packed {
    my ($bytes) = @_;
    gzip(\$bytes => \my $packed, -Minimal => 1) or die;
    return $packed;
}


sub pick { return $_[rand @_] }


sub spew {
    my ($name, $bytes) = @_;
    open my $fh, '>:raw', $name or die "$name: $!\n";
    print $fh $bytes;
    close $fh or die "$name: $!\n";
    return;
}
