package IHanoi::Test;

# The test harness. A test says what it needs and gets it fresh:
#
#   use IHanoi::Test;                  # strict, warnings, utf8, Test::More
#
#   my $db = database();               # migrated, with reference data
#   my $gw = gateway(db => $db);       # nginx with the module, ready
#   my $r  = $gw->get('/v1/units', token => token(sub => 'a'));
#   is($r->{status}, 200, 'units are listed');
#   done_testing();
#
# done_testing stops every gateway and fails the test when an error log holds
# an [alert], an [emerg] or a sanitizer's line that was not declared with
# gateway(expect_log => qr/.../). See tests/README.md.

use strict;
use warnings;
use utf8;

use Cwd qw(realpath);
use File::Basename qw(dirname);
use POSIX ();
use Test::More ();

my $tree;

BEGIN {
    $tree = realpath(dirname(__FILE__) . '/../../..');
    unshift @INC, "$tree/bin/lib", "$tree/tests/lib";
}

use IHanoi::Test::Database;
use IHanoi::Test::Gateway;
use IHanoi::Token ();

our $ISSUER   = 'https://id.test.ihanoi.example';
our $AUDIENCE = 'ihanoi';

my @gateways;


sub import {
    my $caller = caller;

    strict->import;
    warnings->import;
    utf8->import;

    binmode Test::More->builder->$_, ':encoding(UTF-8)'
        for qw(output failure_output todo_output);

    no strict 'refs';
    no warnings 'redefine';

    for my $name (@Test::More::EXPORT) {
        next if $name !~ /^\w+$/ || $name eq 'done_testing';
        *{"${caller}::$name"} = \&{"Test::More::$name"};
    }
    *{"${caller}::TODO"} = \${"${caller}::TODO"};

    for my $name (qw(database gateway token tokens keys_dir tree text_of build_dir
                     wait_until until_good wait_for_day beside done_testing)) {
        *{"${caller}::$name"} = \&$name;
    }

    return;
}


# The checkout.
sub tree { return $tree }


# The text of a file, by its path in the checkout or its whole path.
sub text_of {
    my ($file) = @_;
    $file = "$tree/$file" if $file !~ m{^/};
    open my $in, '<:encoding(UTF-8)', $file or die "$file: $!\n";
    local $/;
    return scalar <$in>;
}


# Where make put the module: build/debug, or $BUILD's.
sub build_dir { return "$tree/build/" . ($ENV{BUILD} // 'debug') }


# A fresh database: IHanoi::Test::Database has the options and methods.
sub database { return IHanoi::Test::Database->new(tree => $tree, @_) }


# A running gateway: IHanoi::Test::Gateway has the options and methods.
sub gateway {
    my $gateway = IHanoi::Test::Gateway->new(
        tree     => $tree,
        build    => build_dir(),
        keys     => keys_dir(),
        issuer   => $ISSUER,
        audience => $AUDIENCE,
        @_,
    );

    push @gateways, $gateway;
    return $gateway;
}


# The folder with signing keys and jwks.json: see IHanoi::Token::make_keys.
sub keys_dir {
    my $dir = "$tree/.run/test-keys";

    if (!-f "$dir/jwks.json") {
        require File::Path;
        require Fcntl;
        File::Path::make_path($dir);
        open my $lock, '>', "$dir/lock" or die "$dir/lock: $!\n";
        flock $lock, Fcntl::LOCK_EX() or die "$dir/lock: $!\n";
        IHanoi::Token::make_keys($dir);
    }

    return $dir;
}


# A token that the default gateway accepts, or one that is wrong on purpose:
#
#   sub, scope, assurance, ...   claims; undef takes a default claim away
#   -kid     a key of make_keys, default dev-es256, which sets the algorithm
#   -alg     another algorithm
#   -key     another private key file
#   -header  more header members
#
# Claims by default: iss, aud, exp (in 10 minutes), iat, assurance verified.
my %minted;

sub token { return (tokens({ @_ }))[0] }


# Many tokens in one go, each from a hash as token() takes it; the options
# with a dash are those of the first.
sub tokens {
    my (@wanted) = @_;
    my ($first) = @wanted;
    my $kid = $first->{-kid} // 'dev-es256';
    my $alg = $first->{-alg}
              // { eddsa => 'EdDSA' }->{ ($kid =~ /^dev-(\w+)$/)[0] // '' }
              // uc(($kid =~ /^dev-(\w+)$/)[0] // 'ES256');
    my $now = time;
    my @claims;

    for my $want (@wanted) {
        my %claims = (
            iss       => $ISSUER,
            aud       => $AUDIENCE,
            iat       => $now,
            exp       => $now + 600,
            assurance => 'verified',
            map { $_ => $want->{$_} } grep { !/^-/ } keys %$want,
        );

        defined $claims{$_} or delete $claims{$_} for keys %claims;
        push @claims, \%claims;
    }

    # Tests ask for the same token over and over; a process each is slow.
    my $cache_key;
    if (@wanted == 1 && !ref $first->{-header}) {
        $cache_key = join "\0", $alg,
            map { "$_=" . (defined $first->{$_} ? $first->{$_} : '<undef>') }
            sort keys %$first;
        my $hit = $minted{$cache_key};
        return $hit->[1] if $hit && $hit->[0] > $now - 60;
    }

    my @tokens = IHanoi::Token::mint(
        program => build_dir() . '/ihanoi-token',
        alg     => $alg,
        key     => $first->{-key} // IHanoi::Token::key_file(keys_dir(), $kid),
        header  => { kid => $kid, %{ $first->{-header} // {} } },
        claims  => \@claims,
    );

    $minted{$cache_key} = [$now, $tokens[0]] if defined $cache_key;
    return @tokens;
}


# Waits until the code returns true, at most $seconds; returns its value. On a busy machine
# what takes a moment takes half a minute.
sub wait_until {
    my ($code, $seconds) = @_;
    my $end = Time::HiRes::time() + ($seconds // 60);
    my $pause = 0.02;

    while (1) {
        my $value = $code->();
        return $value if $value || Time::HiRes::time() > $end;

        # What takes long is asked for less and less often: asking may be a psql.
        Time::HiRes::sleep($pause);
        $pause = $pause * 1.3 if $pause < 0.2;
    }
}


# As wait_until(), of what dies when something was killed: it is tried again.
sub until_good {
    my ($code) = @_;
    return wait_until(sub { eval { $code->() } }, 40);
}


# For what is about today in Hà Nội: when fewer seconds of it are left, waits for the next.
sub wait_for_day {
    my ($seconds) = @_;
    my $left = 86400 - (time + 7 * 3600) % 86400;

    sleep $left + 1 if $left < $seconds;
    return;
}


# Runs code in a process of its own: its number, to be waited for.
sub beside {
    my ($code) = @_;
    my $pid = fork // die "could not fork: $!\n";

    if ($pid == 0) {
        eval { $code->() };
        POSIX::_exit(0);
    }

    return $pid;
}


sub done_testing {
    my (@lines, @breaches);

    for my $gateway (@gateways) {
        $gateway->stop;
        push @lines, $gateway->unexpected_lines;
        push @breaches, $gateway->breaches;
    }

    if (@breaches) {
        Test::More::is(join("\n", @breaches), '',
                       'answers are as the contract says');
    }

    if (@gateways) {
        Test::More::is(join("\n", @lines), '',
                       'no alerts and no sanitizer lines in the logs');
    }

    return Test::More::done_testing(@_);
}


END {
    my $status = $?;
    my $failed = $status
                 || grep { !$_ } Test::More->builder->summary;

    for my $gateway (@gateways) {
        $gateway->stop;

        if ($failed) {
            Test::More::diag("--- end of error log, " . $gateway->url);
            Test::More::diag($gateway->log_tail(40));
        }
    }

    IHanoi::Test::Database->drop_all;
    $? = $status;
}


1;
