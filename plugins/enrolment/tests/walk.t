# A random walk: guardians and the office do whatever they can, one after the other and two at
# a time, again with the same words and keys, while rounds open, close, are allocated and
# published, appeals are settled, offers end and places become free. Each answer, and all that
# stands after it, is held against a model that gives places as README says.
#
#   SEED=n    the same walk again        STEPS=n    how far

use lib 'tests/lib', 'plugins/enrolment/tests/lib';
use Digest::SHA qw(sha256_hex);
use Enrolment::Test;
use IHanoi::Test;
use IHanoi::Test::Plugin;
use JSON::PP ();
use List::Util qw(shuffle);
use Storable qw(dclone);

my $seed = $ENV{SEED} // time;
srand $seed;

my %zone = (A => '00001', B => '00002', C => '0000[12]');      # which wards
my ($opens, $closes, $offer, $most) = (1, 6, 48, 5);           # hours; applications of a guardian
my ($things, $round) = (0, uuid(0));
my $json = JSON::PP->new->canonical;
my $db = database();
plugin_database($db, tree() . '/plugins/enrolment');
my $code = enrolment_code($db);
$db->sql("create sequence plugin_enrolment.walk; grant usage on sequence plugin_enrolment.walk to plugin_enrolment;
          alter table plugin_enrolment.applications alter number set default
              'TS' || upper(left(encode(sha256(convert_to('$seed ' || nextval('plugin_enrolment.walk'), 'UTF8')), 'hex'), 12))");
my ($one, $two) = map { $db->session } 1, 2;
$_->do("\\set VERBOSITY terse\nset search_path = $code, plugin_enrolment, public; set session authorization plugin_enrolment") for $one, $two;
$one->do(q[select year_put(2030, 'Y', '[{"code": "sibling", "kind": "boolean", "title": {}}, {"code": "score", "kind": "integer", "title": {}}]'),
    level_put(2030, 'grade_1', '[{"title": {}, "holds": "$.in_zone == true && $.sibling == true"}, {"title": {}, "holds": "$.in_zone == true"},
                                 {"title": {}, "holds": "$.score >= 5"}]', '[{"fact": "score", "descending": true}]')]);
for my $school (sort keys %zone) {
    my $wards = $json->encode([map { { ward => $_ } } grep { /^$zone{$school}$/ } '00001', '00002']);
    $one->do("select school_put('$school', '$school', '00001', '[\"$school\"]'), zones_put('$school', 2030, 'grade_1', '$wards')");
}

# What is known. Hours are from the making of the round. An application has its words, its
# state, the school and the end of an offer, whether that is beyond the quota, its place in the
# order of each school for which it waits, and whether an appeal of it is to be settled.
our $m;

sub uuid { return sprintf '00000000-0000-4000-8000-%012d', $_[0] }
sub pick { return $_[rand @_] }
sub apps { my ($test) = @_; return grep { $test->() } map { $m->{apps}{$_} } sort keys %{ $m->{apps} } }
sub any { my ($test) = @_; my @all = apps(sub { 1 }); return pick(rand() < 0.8 ? apps($test) : ()) // pick(@all) // { id => uuid(0), guardian => 'g1' } }
sub whose { my ($x) = @_; return rand() < 0.9 ? $x->{guardian} : pick(qw(g1 g2 g3)) }
sub shown { my ($x) = @_; return join ' ', map { $_ // () } @$x{qw(state school)} }
sub of_child { my ($child) = @_; return apps(sub { $_->{child} == $child && $_->{state} !~ /withdrawn|refused/ }) }
sub at { my ($school) = @_; return apps(sub { ($_->{school} // '') eq $school }) }
sub extra { my ($school) = @_; return scalar grep { $_->{extra} } at($school) }
sub free { my ($school) = @_; return $m->{quota}{$school} + extra($school) - at($school) }
sub waiting { my ($school) = @_; my @list = sort { $a->{lists}{$school} cmp $b->{lists}{$school} } apps(sub { $_->{lists}{$school} }); return @list }

sub becomes {
    my ($x, $state, $school, %more) = @_;
    delete @$x{qw(school until extra lists)};
    %$x = (%$x, state => $state, $school ? (school => $school, until => $m->{hour} + $offer) : (), %more);
    return shown($x);
}


# The rules

# The choices of an application, each with its place in the school's order, if it has one: by
# band, score (the larger first, none is the last) and draw.
sub wishes {
    my ($x) = @_;
    my %facts = %{ $x->{facts} };
    return [map { my $in = $x->{ward} =~ /^$zone{$_}$/;
        my $band = $in && $facts{sibling} ? 1 : $in ? 2 : ($facts{score} // 0) >= 5 ? 3 : undef;
        [$_, $band && join ' ', $band, 9 - ($facts{score} // 0), sha256_hex(SEED . "|$x->{number}"), $x->{number}] } @{ $x->{choices} }];
}

# Who gets which school: each asks at one after the other, and a school that has too many
# sends the last one on.
sub given {
    my ($places, %wishes) = @_;
    my (%in, %asked);
    my @ask = sort keys %wishes;
    while (defined(my $id = shift @ask)) {
        my ($school, $order) = @{ $wishes{$id}[$asked{$id}++] // next };
        my @in = sort { $a->[0] cmp $b->[0] } @{ $in{$school} // [] }, $order ? [$order, $id] : ();
        push @ask, $order ? () : $id, @in > $places->{$school} ? (pop @in)->[1] : ();
        $in{$school} = \@in;
    }
    return map { my $school = $_; map { $_->[1] => $school } @{ $in{$school} } } keys %in;
}

# The job "allocate", until there is nothing to do: it is published, then appeals are settled.
sub worked {
    for my $it (@{ $m->{allocations} }) {
        if ($it->{state} eq 'entries') {
            my %wishes = map { $_->{id} => wishes($_) } apps(sub { $_->{state} eq 'verified' });
            @$it{qw(state wishes given)} = ('computed', \%wishes, { given($m->{quota}, %wishes) });
        }
        next if $it->{state} ne 'publishing';
        ends($_, $it->{wishes}{ $_->{id} }, $it->{given}{ $_->{id} }) for apps(sub { $_->{state} eq 'verified' && $it->{wishes}{ $_->{id} } });
        becomes($_, 'refused') for apps(sub { $_->{state} eq 'returned' });
        @$m{qw(stage published)} = ('published', $it->{wishes});
        $it->{state} = 'published';
    }
    my @settle = apps(sub { $_->{settle} });
    my %wishes = (%{ $m->{published} // {} }, map { $_->{id} => wishes($_) } @settle);
    my %given = given($m->{quota}, %wishes);
    ends($_, $wishes{ $_->{id} }, $given{ $_->{id} }, 1) for grep { $_->{state} eq 'waitlisted' } @settle;
    delete $_->{settle} for @settle;
    return '';
}

sub ends {
    my ($x, $wishes, $school, $extra) = @_;
    my %lists = map { $_->[1] ? @$_ : () } @$wishes;
    return $school ? becomes($x, 'offered', $school, extra => $extra) : becomes($x, %lists ? 'waitlisted' : 'refused', undef, lists => \%lists);
}

# Places that are free are given to those who wait as all were at first.
sub filled {
    return 0 if apps(sub { $_->{settle} });
    my %given = given({ map { $_ => free($_) } keys %zone }, map { my $x = $_; $x->{id} => [map { [$_, $x->{lists}{$_}] } @{ $x->{choices} }] } apps(sub { $_->{lists} }));
    becomes($m->{apps}{$_}, 'offered', $given{$_}) for keys %given;
    return scalar keys %given;
}


# What can be done: SQL, and what the model becomes by it and answers: a state with its school,
# a problem, or nothing where there is none such.

sub words {
    my %w = (ward => pick(qw(00001 00001 00002 00002 00003)), choices => [(shuffle(sort keys %zone))[0 .. pick(0, 1, 2, 2)]],
             facts => { rand() < 0.3 ? (sibling => JSON::PP::true) : (), rand() < 0.7 ? (score => 1 + int rand 9) : () });
    return { %w, said => "'$w{ward}', '" . $json->encode($w{facts}) . "', '[]', '" . $json->encode($w{choices}) . "'" };
}

my %do = (
    apply => sub {
        my ($child, $id) = (1 + int rand 14, uuid(++$things));
        my ($w, $g) = (words(), 'g' . (1 + $child % 3));
        ($w, $g) = ($_, whose($_)) for grep { rand() < 0.5 } of_child($child);
        return ("application_submit('$id', '$g', '$round', '" . sha256_hex($child) . "', 'C', '2024-05-01', $w->{said}, $most)", sub {
            my ($document) = @_;
            my ($x) = of_child($child);
            return $x->{guardian} eq $g && $x->{said} eq $w->{said} ? shown($x) : 'enrolment-child-has-one' if $x;
            return 'enrolment-not-open' if $m->{stage} ne 'taking' || $m->{hour} < $opens || $m->{hour} >= $closes;
            return 'enrolment-too-many' if apps(sub { $_->{guardian} eq $g }) >= $most;
            $m->{apps}{$id} = { (map { $_ => $w->{$_} } qw(ward choices facts said)), id => $id, child => $child, guardian => $g, number => $document->{number}, appeals => [] };
            return becomes($m->{apps}{$id}, 'submitted') }) },
    answer => sub {
        my $x = any(sub { $_->{state} =~ /offered|waitlisted/ });
        my ($id, $g, $what) = ($x->{id}, whose($x), pick(qw(confirm confirm decline withdraw)));
        my $to = { confirm => 'confirmed', decline => 'declined', withdraw => 'withdrawn' }->{$what};
        return ("application_answer('$id', '$g', '$what')", sub {
            my $x = $m->{apps}{$id};
            return '' if !$x || $x->{guardian} ne $g;
            return shown($x) if $x->{state} eq $to;
            return $x->{state} =~ /refused|declined|lapsed/ ? 'enrolment-state' : becomes($x, $to) if $what eq 'withdraw';
            return 'enrolment-offer-over' if $x->{state} eq 'lapsed' || $x->{state} eq 'offered' && $m->{hour} >= $x->{until};
            return 'enrolment-state' if $x->{state} ne 'offered';
            return $what eq 'confirm' ? becomes($x, $to, $x->{school}, extra => $x->{extra}) : becomes($x, $to) }) },
    appeal => sub {
        my $x = any(sub { $_->{state} =~ /refused|waitlisted|lapsed/ });
        my ($id, $g, $p, $text, $key) = ($x->{id}, whose($x), uuid(++$things), pick(qw(x y)), pick(qw(k1 k2 k3 k4)));
        return ("appeal_open('$p', '$id', '$g', '$text', '$key')", sub {
            my $x = $m->{apps}{$id};
            return '' if !$x || $x->{guardian} ne $g;
            for (['key', $key, 'idempotency-key-reused'], ['state', 'open', 'enrolment-appeal-open']) {
                my ($by, $value, $problem) = @$_;
                return $_->{text} eq $text ? shown($x) : $problem for grep { $_->{$by} eq $value } @{ $x->{appeals} };
            }
            return 'enrolment-state' if $x->{state} !~ /refused|waitlisted|lapsed/;
            return 'enrolment-appeals-used' if @{ $x->{appeals} } >= 3;
            push @{ $x->{appeals} }, { id => $p, key => $key, text => $text, state => 'open' };
            return shown($x) }) },
    decide => sub {
        my ($x) = any(sub { grep { $_->{state} eq 'open' } @{ $_->{appeals} } });
        my ($id, $p, $to, $facts) = ($x->{id}, (pick(@{ $x->{appeals} // [] }) // {})->{id} // uuid(0), pick(qw(upheld upheld dismissed)), words()->{facts});
        return ("appeal_decide('$p', 'office', '$to', 'x', '" . $json->encode($facts) . "')", sub {
            my ($x, $published) = ($m->{apps}{$id}, $m->{stage} eq 'published');
            my ($p) = grep { $_->{id} eq $p } @{ $x ? $x->{appeals} : [] } or return '';
            return shown($x) if $p->{state} eq $to;
            return 'enrolment-state' if $p->{state} ne 'open' || $to eq 'upheld' && $x->{state} !~ /refused|waitlisted|lapsed/;
            if ($to eq 'upheld') {
                return 'enrolment-allocation-works' if grep { $_->{state} eq 'publishing' } @{ $m->{allocations} };
                return 'enrolment-no-band' if $published && !grep { $_->[1] } @{ wishes({ %$x, facts => $facts }) };
                return 'enrolment-child-has-one' if $x->{state} eq 'refused' && of_child($x->{child});
                becomes($x, $published ? 'waitlisted' : 'verified') if $x->{state} ne 'waitlisted';
                @$x{qw(facts settle)} = ($facts, $published);
                $m->{revision}++ if $m->{stage} eq 'closed';
            }
            $p->{state} = $to;
            return shown($x) }) },
    close => sub {
        return ("round_close('$round', '@{[ SEED ]}')", sub {
            return $m->{stage} if $m->{stage} ne 'taking';
            return 'enrolment-round-open' if $m->{hour} < $closes;
            return 'enrolment-undecided' if apps(sub { $_->{state} eq 'submitted' });
            return $m->{stage} = 'closed' }) },
    request => sub {
        my $id = uuid(++$things);
        return ("allocation_request('$id', '$round', 'office')", sub {
            return $_->{state} for grep { $_->{state} =~ /entries|publishing/ } @{ $m->{allocations} };
            return 'enrolment-round-' . ($m->{stage} eq 'taking' ? 'not-closed' : 'published') if $m->{stage} ne 'closed';
            push @{ $m->{allocations} }, { id => $id, state => 'entries', revision => $m->{revision} };
            return 'entries' }) },
    publish => sub {
        my $id = (pick(@{ $m->{allocations} }) // {})->{id} // uuid(0);
        return ("allocation_publish('$id', 'office')", sub {
            my ($it) = grep { $_->{id} eq $id } @{ $m->{allocations} } or return '';
            return $it->{state} if $it->{state} =~ /^publish/;
            return 'enrolment-allocation-works' if $it->{state} ne 'computed';
            return 'enrolment-round-published' if $m->{stage} eq 'published';
            return 'enrolment-allocation-stale' if $it->{revision} != $m->{revision};
            return 'enrolment-allocation-works' if grep { $_->{state} =~ /entries|publishing/ } @{ $m->{allocations} };
            return $it->{state} = 'publishing' }) },
);

# Jobs, the desk and time, one at a time: what is answered, and what the model does.
my %alone = (
    work => sub { ($one->do('do $$ declare w uuid; begin loop w := allocation_next(); exit when w is null; perform allocation_step(w, 1000); end loop; end $$'), worked()) },
    desk => sub {
        for my $x (apps(sub { $_->{state} eq 'submitted' && rand() < 0.7 })) {
            my ($what, $to) = @{ pick((['verify', 'verified']) x 4, ['return', 'returned'], ['refuse', 'refused']) };
            $one->do("select desk_decide('$x->{id}', 'office', true, '$what', 'x', '" . sha256_hex($x->{child}) . "')");
            becomes($x, $to);
        }
        return ('', '') },
    lapse => sub { ($one->do('select offers_lapse(200)'), scalar map { becomes($_, 'lapsed') } apps(sub { $_->{state} eq 'offered' && $_->{until} <= $m->{hour} })) },
    fill => sub { ($one->do('select vacancies_fill(200)'), filled()) },
    time => sub { $m->{hour} += pick(1, 1, 2, $m->{stage} eq 'published' ? 30 : 1); (join('', map { $_->do("set core.clock_offset = '$m->{hour} hours'") } $one, $two), '') },
    round => sub {                          # in place of the one before; told twice
        $m = { hour => 0, stage => 'taking', revision => 0, apps => {}, allocations => [], quota => { map { $_ => pick(0, 1, 1, 2, 2, 3) } sort keys %zone } };
        $db->sql('set session_replication_role = replica; truncate plugin_enrolment.rounds cascade');
        $_->do('reset core.clock_offset') for $one, $two;
        my ($now, $places) = ($one->do('select now()'), $json->encode([map { { school => $_, quota => $m->{quota}{$_} } } sort keys %zone]));
        my @told = map { $one->do("select round_create('$_', 2030, 'grade_1', 'R', timestamptz '$now' + '$opens hours', timestamptz '$now' + '$closes hours',
            '2024-01-01', '2024-12-31', '2030-01-01', 3, $offer, '@{[ sha256_hex(SEED) ]}', 'key') ->> 'id'") } $round, uuid(++$things);
        return ("@told " . $one->do("select places_put('$round', '$places') ->> 'places'"), "$round $round 3") },
);

my %often = (taking => 'apply apply apply apply apply apply answer appeal decide desk time', over => 'desk close answer appeal decide',
             closed => 'answer appeal decide request publish work work', published => 'answer answer answer appeal decide decide work lapse lapse fill time time');

# All that stands and is not as it is known: what one has and the other has not.
sub differs {
    my @stands = split /\n/, $one->do("
        select concat_ws(' ', id, state, school, case when extra then 'extra' end, facts ->> 'score', facts ->> 'sibling',
                         (select string_agg(p.id || ' ' || p.state, ' ' order by p.id) from appeals p where p.application = a.id)) from applications a
         union all select concat_ws(' ', school, string_agg(application::text, ' ' order by band, ties, lottery, number)) from waitlist group by school
         union all select concat_ws(' ', school, taken, extra) from places
         union all select concat_ws(' ', id, state, revision) from allocations where kind = 'main'
         union all select concat_ws(' ', 'revision', revision) from rounds
         union all select concat_ws(' ', 'wrong:', wrong, subject) from enrolment_check()
         union all select 'two places: ' || child from applications where school is not null group by child having count(*) > 1");
    my @known = ((map { my $x = $_; join ' ', shown({ %$x, state => "$x->{id} $x->{state}" }), $x->{extra} ? 'extra' : (), $x->{facts}{score} // (),
                            $x->{facts}{sibling} ? 'true' : (), sort map { "$_->{id} $_->{state}" } @{ $x->{appeals} } } apps(sub { 1 })),
        (map { "$_->{id} $_->{state} $_->{revision}" } @{ $m->{allocations} }), "revision $m->{revision}",
        map { my $s = $_; join(' ', $s, scalar at($s), extra($s)), waiting($s) ? join ' ', $s, map { $_->{id} } waiting($s) : () } keys %zone);
    my (%stands, %known);
    @stands{@stands} = @known{@known} = ();
    return join '', map({ "stands $_\n" } grep { !exists $known{$_} } @stands), map { "wanted $_\n" } grep { !exists $stands{$_} } @known;
}

sub said {
    my ($text) = @_;
    my $document = $json->decode($text =~ s/^ERROR:\s+(\S+).*/{"state": "$1"}/sr || '{}');
    return (shown($document), $document);
}

# One step: what is wrong with it.
sub step {
    my $stage = !$m ? '' : $m->{stage} eq 'taking' && $m->{hour} >= $closes ? 'over' : $m->{stage};
    my @can = !$m || rand() < ($stage eq 'published' ? 0.01 : 0.001) ? 'round' : rand() < 0.1 ? sort keys %do : split / /, $often{$stage};
    my @what = (pick(@can), rand() < 0.2 ? pick(@can) : ());
    for my $what (grep { $alone{$_} } @what) {
        my ($got, $wanted) = $alone{$what}->();
        my $fault = $got eq $wanted ? differs() : "got    $got\nwanted $wanted";
        return $fault && "$what\n$fault";
    }
    my @calls = map { [$do{$_}->()] } @what;
    my @text = map { "select $_->[0]::jsonb - 'now'" } @calls;
    ($one, $two)[$_]->start($text[$_]) for 0 .. $#calls;
    my @raw = map { ($one, $two)[$_]->finish } 0 .. $#calls;
    my @got = map { [said($_)] } @raw;
    my $fault = join "\n", @text, 'got    ' . join(' / ', map { $_->[0] } @got), '';

    for my $order (@calls == 1 ? [0] : ([0, 1], [1, 0])) {
        my $was = dclone($m);
        my @want;
        $want[$_] = $calls[$_][1]->($got[$_][1]) for @$order;
        my $wrong = (grep { $want[$_] ne $got[$_][0] } @$order) ? 'wanted ' . join(' / ', @want) . "\n" : differs();
        $fault = $wrong && $fault . $wrong or last;
        $m = $was;
    }
    return $fault if $fault || @calls == 2 || $raw[0] !~ /^\{/ || rand() < 0.7;
    my $again = $one->do($text[0]);
    return $again eq $raw[0] ? '' : "$text[0]\nagain  $again\nwanted $raw[0]";
}

my ($n, $steps, $fault) = (0, $ENV{STEPS} // 300, '');
$fault = step() while !$fault && $n++ < $steps;
is($fault, '', "a walk of $steps steps, SEED=$seed") or diag "step $n, hour $m->{hour}, $m->{stage}";

done_testing;
