#!/usr/bin/perl
# The README's console blocks do what they show. They run in one shell, in
# order, against a gateway with the demo data; "…" in the shown output stands
# for anything within the line.

use FindBin;
use lib "$FindBin::Bin/../lib";
use IHanoi::Test;
use File::Temp qw(tempdir);

my $issuer = 'https://dev.ihanoi.example';
my $tree = tree();
my $dir = tempdir(CLEANUP => 1);

my $db = database();
system("'$tree/bin/ihanoi' demo --host '$db->{socket}' --port $db->{port}"
       . " --user postgres --dbname $db->{name} >/dev/null") == 0
    or die 'no demo data', "\n";

my $gw = gateway(db => $db, issuer => $issuer, locations => <<'CONF');
        location = /healthz       { ihanoi_status healthz; }
        location = /readyz        { ihanoi_status readyz; }
        location = /metrics       { ihanoi_status metrics; }
        location = /openapi.json  { ihanoi_status openapi; }
CONF


# (command, expected output) pairs

open my $in, '<:encoding(UTF-8)', "$tree/README.md" or die "README.md: $!\n";
my ($inside, @steps);

while (<$in>) {
    chomp;

    if (/^```/) {
        $inside = $_ eq '```console';
    } elsif ($inside && /^\$ (.*)/) {
        push @steps, { command => $1, expected => [] };
    } elsif ($inside) {
        push @{ $steps[-1]{expected} }, $_;
    }
}

cmp_ok(scalar @steps, '>', 10, 'the README shows requests');


# bin/ihanoi token signs with the checkout's development keys; here the
# gateway has the tests' keys, so the word means a token of those.

my %subjects = map { ($_ => token(sub => $_, iss => $issuer, assurance =>
                                  /citizen/ ? 'phone' : 'verified')) }
               qw(demo-citizen demo-officer demo-oversight);
my $script = "cd '$tree'\n";

for my $step (@steps) {
    my $command = $step->{command};

    $command =~ s{127\.0\.0\.1:8080}{'127.0.0.1:' . $gw->port}e;
    $command =~ s{\$\(bin/ihanoi token --sub (\S+) [^)]*\)}
                 {$subjects{$1} // die "no token for $1\n"}e;
    $script .= "$command\nprintf '\\n\\036\\n'\n";
}

open my $out, '>:encoding(UTF-8)', "$dir/script" or die "$!\n";
print $out $script;
close $out;

my $all = do {
    open my $pipe, '-|:encoding(UTF-8)', "bash '$dir/script' 2>&1"
        or die "bash: $!\n";
    local $/;
    <$pipe>;
};
my @outputs = split /\n\x{1e}\n/, $all;

for my $i (0 .. $#steps) {
    my ($command, $expected) = @{ $steps[$i] }{qw(command expected)};
    my $got = $outputs[$i] // '';
    my $pattern = join '\n', map {
        join '[^\n]*', map { quotemeta } split /…/, $_, -1
    } @$expected;

    $got =~ s/\r//g;
    $got =~ s/\s+\z//;
    $pattern =~ s/(?:\\ )+\z//;
    like($got, qr/\A$pattern\z/, $command =~ s/[^ -~]/?/gr);
}

done_testing;
