# Properties of the allocation on random markets: it is stable, the best of all stable
# ones for every applicant, within the quotas, the same whatever order things are read
# in and however it is cut into steps; nobody loses when a school has more places or
# somebody else goes away.

use lib 'tests/lib', 'plugins/enrolment/tests/lib';
use Digest::SHA qw(sha256_hex);
use File::Temp qw(tempdir);
use IHanoi::Test;
use IHanoi::Test::Plugin;
use Enrolment::Test;

my $db = database();
plugin_database($db, tree() . '/plugins/enrolment');
my $code = enrolment_code($db);
my $seed = 'test-seed-of-the-markets';


# { quota => { school => n }, wishes => { number => [[school, band or undef, tie], ...] } }
sub market {
    my ($n, $schools, $places, $bands, $ties) = @_;
    my @schools = map { "S$_" } 1 .. $schools;
    my %wishes;

    for my $i (1 .. $n) {
        my @left = @schools;
        my @list = map { splice @left, rand @left, 1 } 1 .. 1 + int rand @left;
        $wishes{ sprintf 'N%05d', $i } = [map { [$_, rand() < 0.1 ? undef : 1 + int rand $bands, 1 + int rand $ties] } @list];
    }

    return { quota => { map { $_ => $places == 1 ? 1 : int rand($places + 1) } @schools }, wishes => \%wishes };
}

# What the plugin makes of markets: for each { number => school or undef }. Rows are
# written in random order, and each step does one thing.
my $markets = 0;

sub allocated {
    my (@markets) = @_;
    my $sql = "set session_replication_role = replica; set search_path = $code, plugin_enrolment, public;\n";
    my @ids;

    for my $m (@markets) {
        my $id = sprintf '00000000-0000-4000-8000-%012d', ++$markets;
        push @ids, $id;
        $sql .= "insert into rounds values ('$id', 2030, 'grade_1', 'M', now() - interval '2 days', now() - interval '1 day',"
              . " '2020-01-01', '2020-12-31', '2026-01-01', 9, 48, '" . sha256_hex($seed) . "', '$seed', 'closed');\n"
              . "insert into allocations (id, round, kind, state, revision, requested_by) values ('$id', '$id', 'main', 'ranks', 0, 'test');\n"
              . join '', map { "insert into allocation_schools (allocation, school, quota) values ('$id', '$_', $m->{quota}{$_});\n" }
                         _shuffled(keys %{ $m->{quota} });
        my $n = 0;
        for my $number (_shuffled(keys %{ $m->{wishes} })) {
            my $who = sprintf '%08d-0000-4000-8000-%012d', int rand 10**8, ++$n;
            my @list = @{ $m->{wishes}{$number} };
            my ($first) = grep { defined $list[$_][1] } 0 .. $#list;
            $sql .= "insert into allocation_entries values ('$id', '$who', '$number', '" . sha256_hex("$seed|$number") . "', "
                  . (defined $first ? $first + 1 . ", '$list[$first][0]'" : 'null, null') . ");\n"
                  . join '', map { "insert into allocation_choices (allocation, application, position, school, band, ties) values ('$id', '$who', "
                        . ($_ + 1) . ", '$list[$_][0]', " . ($list[$_][1] // 'null') . ", '{$list[$_][2]}');\n" } _shuffled(0 .. $#list);
        }
        $sql .= "do \$\$ begin while allocation_step('$id', 0) <> 'computed' loop end loop; end \$\$;\n";
    }

    $sql .= 'select allocation, number, school from allocation_entries where allocation in ('
          . join(', ', map { "'$_'" } @ids) . ');';
    my %got;
    $got{ $_->[0] }{ $_->[1] } = $_->[2] for $db->sql($sql);
    return map { $got{$_} } @ids;
}

sub _shuffled { my @list = @_; return map { splice @list, rand @list, 1 } 1 .. @list }

# What a school prefers is what sorts first.
sub order_of {
    my ($m, $number, $school) = @_;
    my ($wish) = grep { $_->[0] eq $school } @{ $m->{wishes}{$number} };
    return sprintf '%03d %03d %s', @{$wish}[1, 2], sha256_hex("$seed|$number");
}

# A school that somebody would rather have and that has a place, or somebody whom it
# prefers less: 'number school'.
sub blocking {
    my ($m, $got) = @_;
    my (%in, @found);
    push @{ $in{ $got->{$_} } }, $_ for grep { defined $got->{$_} } keys %$got;

    for my $number (sort keys %{ $m->{wishes} }) {
        for my $wish (@{ $m->{wishes}{$number} }) {
            my $school = $wish->[0];
            last if ($got->{$number} // '') eq $school;
            next if !defined $wish->[1] || !$m->{quota}{$school};
            my @in = @{ $in{$school} // [] };
            push @found, "$number $school"
                if @in < $m->{quota}{$school}
                   || grep { order_of($m, $number, $school) lt order_of($m, $_, $school) } @in;
        }
    }
    return @found;
}

# The place of what somebody got among the wishes; behind all of them when nothing.
sub place {
    my ($m, $number, $school) = @_;
    my @list = @{ $m->{wishes}{$number} };
    return defined $school ? (grep { $list[$_][0] eq $school } 0 .. $#list)[0] : scalar @list;
}

# All stable allocations of a small market, by trying everything.
sub all_stable {
    my ($m) = @_;
    my @numbers = sort keys %{ $m->{wishes} };
    my @found;
    my $try;
    $try = sub {
        my ($i, $got, $left) = @_;
        if ($i == @numbers) {
            push @found, { %$got } if !blocking($m, $got);
            return;
        }
        for my $school (undef, map { $_->[0] } grep { defined $_->[1] } @{ $m->{wishes}{ $numbers[$i] } }) {
            next if defined $school && !$left->{$school};
            $try->($i + 1, { %$got, $numbers[$i] => $school },
                   defined $school ? { %$left, $school => $left->{$school} - 1 } : $left);
        }
    };
    $try->(0, {}, $m->{quota});
    return @found;
}


srand 20270701;

# Against everything that is possible.
my @small = ((map { market(4, 4, 1, 9, 9) } 1 .. 40), (map { market(5, 3, 2, 2, 2) } 1 .. 20));
my @got = allocated(@small);
my ($wrong, $stable) = (0, 0);
for my $i (0 .. $#small) {
    my ($m, $got) = ($small[$i], $got[$i]);
    my @all = all_stable($m);
    $stable += @all;
    for my $number (keys %{ $m->{wishes} }) {
        my ($best) = sort { $a <=> $b } map { place($m, $number, $_->{$number}) } @all;
        $wrong++ if place($m, $number, $got->{$number}) != $best;
    }
}
is($wrong, 0, 'in 60 small markets everybody has the best of all stable allocations');
cmp_ok($stable, '>', scalar @small, '... of which some have several');

# Larger ones.
my @large = map { market(120, 8, 20, 4, 5) } 1 .. 6;
@got = allocated(@large);
is_deeply([map { blocking($large[$_], $got[$_]) } 0 .. $#large], [], 'nobody is passed over for somebody who comes behind');

my @over;
for my $i (0 .. $#large) {
    my %n;
    $n{$_}++ for grep { defined } values %{ $got[$i] };
    push @over, grep { $n{$_} > $large[$i]{quota}{$_} } keys %n;
}
is_deeply(\@over, [], 'no school has more than its quota');
my @unwished;
for my $i (0 .. $#large) {
    for my $number (grep { defined $got[$i]{$_} } keys %{ $got[$i] }) {
        push @unwished, $number
            if !grep { $_->[0] eq $got[$i]{$number} && defined $_->[1] } @{ $large[$i]{wishes}{$number} };
    }
}
is_deeply(\@unwished, [], 'nobody has what was not wished, or a school that does not consider them');
is_deeply([allocated(@large)], \@got, 'written in another order it is the same');

# More places, or somebody less: nobody else is worse off.
my (@more, @fewer);
for my $m (@large) {
    my ($school) = _shuffled(keys %{ $m->{quota} });
    push @more, { %$m, quota => { %{ $m->{quota} }, $school => $m->{quota}{$school} + 3 } };
    my %wishes = %{ $m->{wishes} };
    delete @wishes{ (_shuffled(keys %wishes))[0 .. 4] };
    push @fewer, { %$m, wishes => \%wishes };
}
for my $case (['a school has more places', \@more], ['some go away', \@fewer]) {
    my ($what, $markets) = @$case;
    my @then = allocated(@$markets);
    my $worse = 0;
    for my $i (0 .. $#large) {
        $worse += grep { place($large[$i], $_, $then[$i]{$_}) > place($large[$i], $_, $got[$i]{$_}) } keys %{ $then[$i] };
    }
    is($worse, 0, "when $what nobody is worse off");
}

# The stranger's program comes to the same.
my $id = sprintf '00000000-0000-4000-8000-%012d', $markets;
$db->sql("set session_replication_role = replica; set search_path = plugin_enrolment;
          update allocations set state = 'published', applications = (select count(*) from allocation_entries where allocation = '$id') where id = '$id';
          update rounds set stage = 'published', allocation = '$id' where id = '$id'");
my $dir = tempdir(CLEANUP => 1);
my ($cursor, @pages) = ('null');
do {
    my $page = $db->sql("set search_path = $code, plugin_enrolment, public; select body from input_list('{}', '$id', $cursor, 50)");
    push @pages, "$dir/" . @pages . '.json';
    open my $fh, '>:encoding(UTF-8)', $pages[-1] or die $!;
    print $fh $page;
    close $fh;
    my $next = JSON::PP->new->decode($page)->{next};
    $cursor = defined $next ? "'$next'" : undef;
} while (defined $cursor);
cmp_ok(scalar @pages, '>', 2, 'inputs come in pages');
my ($status, $text) = verify_program(@pages);
is($status, 0, '... which tools/verify reads, and comes to the same') or diag $text;
($status, $text) = verify_program('http://127.0.0.1:1/v1');
is($status, 2, '... and says when it could not ask');
like($text, qr/refused/, '... and why');
is((verify_program(@pages[0, 2]))[0], 1, '... and misses one that is left out');

done_testing;
