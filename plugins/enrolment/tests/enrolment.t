# Enrolment through the gateway: from the rules of a year to a confirmed place, and
# who may see and do what.

use lib 'tests/lib', 'plugins/enrolment/tests/lib';
use Digest::SHA qw(sha256_hex);
use IHanoi::Test;
use Enrolment::Test;

my ($gw, $db) = enrolment(settings => { applications_each => 4 });
my $round = a_round(schools => { 'TH-A' => 2, 'TH-B' => 1 });


# What the public sees

my $r = $gw->get("/v1/enrolment/rounds/$round");
is($r->{status}, 200, 'a round is public');
is($r->{json}{state}, 'open', 'it is open');
is($r->{json}{seed}, undef, 'its seed is not known');
is($r->{json}{rules}{bands}[0]{holds}, '($."in_zone" == true)', 'its rules are, as programs read them');
is($gw->get('/v1/enrolment/rounds')->{json}{items}[0]{id}, $round, 'rounds are listed');
is_deeply([map { $_->{school} } @{ $gw->get("/v1/enrolment/rounds/$round/places")->{json}{items} }],
          ['TH-A', 'TH-B'], 'and schools');
is_deeply($gw->get("/v1/enrolment/rounds/$round/places?ward=00008")->{json}{items}, [], 'those of a ward, which none serves');
is(scalar @{ $gw->get("/v1/enrolment/rounds/$round/places?ward=00004&limit=1")->{json}{items} }, 1, 'or two, a page each');
is($gw->get("/v1/enrolment/rounds/$round/inputs")->{status}, 404, 'there are no inputs of an allocation yet');


# A round is made once, also when the answer that was kept for its key is lost

my %made = (%{ $gw->get("/v1/enrolment/rounds/$round")->{json} }, title => 'Đợt hai',
            opens_at => '2099-07-01T08:00:00+07:00', closes_at => '2099-07-03T17:00:00+07:00');
delete @made{qw(id state now seed rules schools quota)};
my @made = map { $db->sql('delete from core.idempotency_keys');
                 post_as(office(), '/rounds', { %made, %$_ }, key => 'a-round') } {}, {}, { title => 'Đợt ba' }, { title_en => 'Another' };
is(join(' ', map { $_->{status} } @made), '201 201 422 422', 'a round, its key once more, and with other words');
is($made[1]{json}{id}, $made[0]{json}{id}, '... is one round');
is($made[0]{json}{title_en}, undef, '... that has no title in English');
is($made[1]{headers}{location}, "/v1/enrolment/rounds/$made[0]{json}{id}", '... at one place');
$r = post_as(office(), '/rounds', { %made, title_en => 'The second round' });
is($r->{json}{title_en}, 'The second round', 'another one has');
is($gw->get("/v1/enrolment/rounds/$r->{json}{id}")->{json}{title_en}, 'The second round', '... and people read it');


# A guardian applies

$r = submit($round, 'guardian-1', 1, ['TH-A', 'TH-B'], facts => { residence => 'permanent' },
            evidence => [{ kind => 'birth_certificate', sha256 => 'a' x 64 }], key => 'first');
is($r->{status}, 201, 'a guardian applies') or diag $r->{content}, $gw->error_log;
my $one = $r->{json};
is($one->{state}, 'submitted', 'it is submitted');
like($one->{number}, qr/^TS[0-9A-F]{12}$/, 'and has a number');
is_deeply($one->{choices}, ['TH-A', 'TH-B'], 'with the choices in their order');
is_deeply($one->{facts}, { residence => 'permanent' }, 'and what was declared');
unlike($r->{content}, qr/001200000001/, 'the number of the child is not shown');
is($db->sql("select count(*) from plugin_enrolment.applications a where to_jsonb(a)::text ~ '001200000001'"), 0,
   'and not kept');

sub again { return submit($round, $_[0], 1, $_[1] // ['TH-A', 'TH-B'], facts => { residence => 'permanent' },
                          evidence => [{ kind => 'birth_certificate', sha256 => 'a' x 64 }], @_[2 .. $#_]) }
$r = again('guardian-1', undef, key => 'first');
is($r->{headers}{'idempotency-replayed'}, 'true', 'again with its key: its answer');
$r = again('guardian-1');
is("$r->{status} $r->{json}{id}", "201 $one->{id}", 'again without it: the same application');
$r = again('guardian-1', ['TH-B']);
is("$r->{status} $r->{json}{type} $r->{json}{id}", "409 urn:ihanoi:problem:enrolment-child-has-one $one->{id}",
   'other words: refused, and which one stands');
$r = again('guardian-2');
is($r->{status}, 409, 'another guardian of the child: refused');
ok(!exists $r->{json}{id}, '... without saying whose the first one is');
is($db->sql('select count(*) from plugin_enrolment.applications'), 1, 'there is one');


# Who may not

is($gw->post("/v1/enrolment/rounds/$round/applications", key => 'k', json => application(2, ['TH-A']))->{status}, 401, 'without a token: no');
is($gw->post("/v1/enrolment/rounds/$round/applications", key => 'k', token => token(sub => 'g', assurance => 'phone'),
             json => application(2, ['TH-A']))->{status}, 403, 'with a token that was not verified: no');
is(submit($round, 'g', 2, ['TH-A'], @$_)->{status}, $_->[1] eq 'x' ? 400 : 422, "refused: $_->[0]")
    for [born => '2019-12-31'], [born => '2021-01-01'], [facts => { moon => 1 }], [facts => { score => 'a' }],
        [choices => ['TH-X']];
is(submit($round, 'g', 2, ['TH-A'], @$_)->{status}, 400, "malformed: $_->[0]")
    for [child_number => '1'], [child_number => "00120000000\n"], [choices => []], [choices => ['TH-A', 'TH-A']],
        [choices => [map { "TH-$_" } 1 .. 11]], [ward => "'; drop"], [facts => { map { ("f$_" => 1) } 1 .. 31 }],
        [facts => { residence => { a => 1 } }], [evidence => [{ kind => 'x', sha256 => 'a' x 64 }]], [more => 1],
        [child_name => 'x' x 101], [born => '2020-02-30'];
is(submit($round, 'g', 2, ['TH-A', 'TH-B'], choices => ['TH-A', 'TH-B', 'TH-C', 'TH-D'])->{json}{type},
   'urn:ihanoi:problem:enrolment-too-many-choices', 'too many choices');
is(submit('00000000-0000-4000-8000-000000000000', 'g', 2, ['TH-A'])->{status}, 404, 'a round that is not there');
is($db->sql('select count(*) from plugin_enrolment.applications'), 1, 'none of these is there');

submit($round, 'guardian-many', $_, ['TH-A']) for 101 .. 104;
is(submit($round, 'guardian-many', 105, ['TH-A'])->{status}, 429, 'one guardian has no more than so many');
for my $item (@{ get_as(token_of('guardian-many'), '/applications?limit=3')->{json}{items} }, @{
              get_as(token_of('guardian-many'), '/applications?round=' . $round)->{json}{items} }) {
    post_as(token_of('guardian-many'), "/applications/$item->{id}/withdraw");
}
is($db->sql("select count(*) from plugin_enrolment.applications where state = 'withdrawn'"), 4, 'they are withdrawn');


# Guardians see their own, officers their school's, the office all; reads are written down

is(get_as(token_of('guardian-1'), "/applications/$one->{id}")->{status}, 200, 'a guardian reads the own one');
is(get_as(token_of('guardian-2'), "/applications/$one->{id}")->{status}, 404, 'not another one\'s');
is_deeply(get_as(token_of('guardian-2'), '/applications')->{json}{items}, [], 'nor in a list');
is(post_as(token_of('guardian-2'), "/applications/$one->{id}/$_")->{status}, 404, "nor may $_ it") for qw(withdraw confirm decline);
is(post_as(token_of('guardian-2'), "/applications/$one->{id}/appeals", { text => 'x' })->{status}, 404, 'nor appeal');
is(get_as(token_of('guardian-1'), "/desk/applications/$one->{id}")->{status}, 403, 'nobody reads at the desk without the scope');
is(get_as(officer('TH-B'), "/desk/applications/$one->{id}")->{status}, 404, 'nor an officer of another school');
is(post_as(officer('TH-B'), "/desk/applications/$one->{id}/refuse", { reason => 'x' })->{status}, 404, 'who decides nothing either');
is_deeply(get_as(officer('TH-B'), "/desk/applications?round=$round")->{json}{items}, [], 'nor has it in the list');
is($db->sql('select count(*) from plugin_enrolment.reads'), 0, 'nothing was read');
is(get_as(officer('TH-A'), "/desk/applications/$one->{id}")->{status}, 200, 'the officer of the first choice reads it')
    or diag $gw->error_log;
is(scalar @{ get_as(officer('TH-A'), "/desk/applications?round=$round&state=submitted")->{json}{items} }, 1, '... and has it in the list');
is(get_as(office(), "/desk/applications/$one->{id}")->{status}, 200, 'the office does');
$r = get_as(office(), "/audit?application=$one->{id}");
is_deeply([map { [split(/ /, $_->{subject}), $_->{operation}] } @{ $r->{json}{items} }],
          [map { [$IHanoi::Test::ISSUER, @$_] } ['officer-TH-A', 'desk_read'], ['officer-TH-A', 'desk_list'], ['office-1', 'desk_read']],
          'each read is written down');
is(get_as(officer('TH-A'), "/audit?application=$one->{id}")->{status}, 403, 'which not everybody reads');
is(post_as(officer('TH-A'), $_->[0], $_->[1])->{status}, 403, "an officer does not: $_->[0]")
    for ["/rounds/$round/close", { seed => SEED }], ["/rounds/$round/allocations", undef];


# Verified, returned, refused

is(verify($one, 9)->{json}{type}, 'urn:ihanoi:problem:enrolment-child-differs', 'documents of another child: not verified');
is(post_as(officer('TH-A'), "/desk/applications/$one->{id}/$_", { reason => " \x{a0}\x{200b}\n" })->{status}, 400, "$_: not without words")
    for qw(return refuse);
is(post_as(officer('TH-A'), "/desk/applications/$one->{id}/return", { reason => 'Thiếu giấy' })->{json}{state}, 'returned', 'returned');
is(post_as(token_of('guardian-1'), "/applications/$one->{id}/correct", { %{ application(1, ['TH-A', 'TH-B']) }, child_number => undef })->{status},
   400, 'a correction is not of another child');
my %words = %{ application(1, ['TH-A', 'TH-B'], facts => { residence => 'temporary' }) };
delete $words{child_number};
is(post_as(token_of('guardian-1'), "/applications/$one->{id}/correct", \%words)->{json}{state}, 'submitted', 'corrected');
is(verify($one)->{json}{state}, 'verified', 'verified');
$r = post_as(token_of('guardian-1'), "/applications/$one->{id}/correct", \%words);
is("$r->{status} $r->{json}{state}", '200 verified', '... as who corrects it again sees');
is(post_as(token_of('guardian-1'), "/applications/$one->{id}/correct", { %words, ward => '00008' })->{status}, 409, '... but not with other words');
is(verify($one)->{status}, 200, '... twice is once');

my %child = (1 => $one);
for my $n (2 .. 5) {
    $child{$n} = submit($round, "guardian-$n", $n, ['TH-A', 'TH-B'])->{json};
    is(verify($child{$n})->{json}{state}, 'verified', "child $n") if $n != 5;
}
is(shut($round)->{json}{type}, 'urn:ihanoi:problem:enrolment-undecided', 'a round with what is undecided is not closed');
$r = submit($round, 'guardian-9', 9, ['TH-A']);
is($r->{json}{type}, 'urn:ihanoi:problem:enrolment-not-open', 'but its time is over');
like($r->{json}{detail}, qr{^Đợt này nhận hồ sơ từ (?:[\d:]{8} ngày [\d/]{10}(?: đến trước |, giờ Hà Nội\.$)){2}}, '... as people read a time');
post_as(officer('TH-A'), "/desk/applications/$child{5}{id}/refuse", { reason => 'Không cư trú' });
is(post_as(office(), "/rounds/$round/close", { seed => 'another-seed-than-this' })->{json}{type}, 'urn:ihanoi:problem:enrolment-seed-differs', 'another seed');
is(shut($round)->{json}{state}, 'closed', 'closed');
is($gw->get("/v1/enrolment/rounds/$round")->{json}{seed}, SEED, 'and its seed is known');


# Allocated, published, confirmed

my $a = allocate($round);
is($a->{state}, 'computed', 'the job computes') or diag explain $a;
is($a->{applications}, 4, 'of those that were verified');
my $before = $gw->get("/v1/enrolment/rounds/$round/inputs")->{json};
is($before->{published}, JSON::PP::false, 'inputs are public before results are');
is_deeply([grep { defined $_->{result} } @{ $before->{items} }], [], '... which they do not have');
is(get_as(token_of('guardian-1'), "/applications/$one->{id}")->{json}{results}, undef, 'nor does a guardian');

# An appeal before it is published: the allocation has to be run again.
is(post_as(token_of('guardian-5'), "/applications/$child{5}{id}/appeals", { text => 'Có cư trú' }, key => 'appeal-5')->{status}, 201, 'an appeal');
my ($appeal) = @{ get_as(office(), "/desk/appeals?round=$round")->{json}{items} };
is($appeal->{application}, $child{5}{id}, 'the office has it');
is(post_as(office(), "/desk/appeals/$appeal->{id}/decide", { outcome => 'upheld', answer => 'Đúng', facts => { residence => 'temporary' } })->{json}{state},
   'verified', 'upheld');
is(post_as(office(), "/allocations/$a->{id}/publish")->{json}{type}, 'urn:ihanoi:problem:enrolment-allocation-stale', 'what was computed is stale');
$db->sql('delete from core.idempotency_keys');
$r = post_as(token_of('guardian-5'), "/applications/$child{5}{id}/appeals", { text => 'Có cư trú' }, key => 'appeal-5');
is("$r->{status} $r->{json}{state}", '201 verified', 'the appeal once more, whose answer was lost: what has become of it');
is(post_as(token_of('guardian-5'), "/applications/$child{5}{id}/appeals", { text => 'Khác' }, key => 'appeal-6')->{status}, 409, '... another one is another');
is(published($round)->{state}, 'published', 'another one is published');
is($db->sql("select string_agg((published_by = requested_by)::text, ' ') from plugin_enrolment.allocations
             where round = '$round' and state = 'published'"), 'true', '... by whom is known');

my %state;
for my $n (1 .. 5) {
    $child{$n} = get_as(token_of("guardian-$n"), "/applications/$child{$n}{id}")->{json};
    push @{ $state{ $child{$n}{state} } }, $n;
}
is(scalar @{ $state{offered} }, 3, 'three places, three offers');
is(scalar @{ $state{waitlisted} }, 2, 'two wait');
my $wait = $child{ $state{waitlisted}[0] };
is_deeply([map { $_->{result} } @{ $wait->{results} }], ['not_admitted', 'not_admitted'], 'and read why');
cmp_ok($wait->{results}[0]{rank}, '>', $wait->{results}[0]{last_admitted}{rank}, '... ranked behind the last one who was admitted');
is(scalar @{ $wait->{waits_for} }, 2, '... and where they wait');

my ($first, $second) = @{ $state{offered} };
is(post_as(token_of("guardian-$first"), "/applications/$child{$first}{id}/confirm")->{json}{state}, 'confirmed', 'an offer is confirmed');
is(post_as(token_of("guardian-$first"), "/applications/$child{$first}{id}/confirm")->{json}{state}, 'confirmed', '... twice is once');
is(post_as(token_of("guardian-$second"), "/applications/$child{$second}{id}/decline")->{json}{state}, 'declined', 'another declined');
$r = post_as(token_of("guardian-$second"), "/applications/$child{$second}{id}/confirm");
is("$r->{status} $r->{json}{state}", '409 declined', '... which is final');
is($r->{json}{detail}, undef, '... and a code of a state is nothing to read');
is(job('offers'), 'ok', 'the job looks for free places');
is($db->sql("select count(*) from plugin_enrolment.applications where state = 'offered'"), 2, 'and offers it to the next');
$db->sql("set session_replication_role = replica;
          update plugin_enrolment.applications set offer_until = now() - interval '1 second' where state = 'offered'");
is(job('offers'), 'ok', 'when the time to confirm is over');
is($db->sql("select count(*) from plugin_enrolment.applications where state = 'lapsed'"), 2, 'offers lapse');
is($db->sql("select count(*) from plugin_enrolment.applications where state = 'offered'"), 1, 'and the next one is offered');
like($gw->get('/metrics')->{content}, qr/plugin_enrolment_lapsed_total\S* 2\b/, 'which is counted');

my @told = $db->sql("select payload from core.outbox where topic = 'enrolment'");
cmp_ok(scalar @told, '>', 20, 'each step is told');
is_deeply([grep { $_->[0] !~ /^\{"(?:round|allocation)": "[0-9a-f-]{36}"(?:, "state": "[a-z]+")?\}$/ } @told], [], '... and nothing of a person');
sound('in the end');


# A stranger computes it again

my ($status, $text) = verify_program($gw->url . "/v1/enrolment/rounds/$round/inputs");
is($status, 0, 'a stranger comes to the same results') or diag $text;
like($text, qr/^5 applications, 2 schools: the results are those of the inputs$/m, '... and is told so');

my $page = $gw->get("/v1/enrolment/rounds/$round/inputs")->{content};
for my $case (
    ['a result' => sub { my ($d) = @_; my ($x) = grep { $_->{result} } @{ $d->{items} }; $x->{result} = undef }],
    ['two results' => sub { my ($d) = @_; my ($x) = grep { $_->{result} } @{ $d->{items} }; my ($y) = grep { !$_->{result} } @{ $d->{items} };
                            @{$y}{result} = $x->{result}; $x->{result} = undef }],
    ['two results, and a digest that goes with them' => sub {
        my ($d) = @_;
        my ($x) = grep { $_->{result} } @{ $d->{items} };
        my ($y) = grep { !$_->{result} } @{ $d->{items} };
        ($x->{result}, $y->{result}) = ($y->{result}, $x->{result});
        $d->{results_digest} = sha256_hex("$d->{inputs_digest}\n" . join '', map {
            my $one = $_;
            my ($n) = grep { $one->{choices}[$_ - 1]{school} eq ($one->{result} // '') } 1 .. @{ $one->{choices} };
            "$one->{number}|" . ($n ? "$one->{result}|$n" : '-') . "\n" } @{ $d->{items} });
    }],
    ['a band' => sub { $_[0]{items}[0]{choices}[0]{band} = 2 }],
    ['a quota' => sub { $_[0]{schools}[0]{quota}++ }],
    ['the seed' => sub { $_[0]{seed} .= '1' }],
    ['somebody left out' => sub { pop @{ $_[0]{items} } }],
    ['a number' => sub { $_[0]{items}[0]{number} = 'TS000000000000' }],
) {
    my ($what, $tamper) = @$case;
    my $document = JSON::PP->new->utf8->decode($page);
    $tamper->($document);
    ($status, $text) = verify_program($gw->write('tampered.json', JSON::PP->new->utf8->encode($document)));
    is($status, 1, "tampered: $what") or diag $text;
    like($text, qr/^wrong: /m, '... it says what');
}
is((verify_program($gw->write('x.json', '{')))[0], 2, 'what cannot be read');
is((verify_program())[0], 2, 'wrong usage');


# An allocation that cannot be computed does not keep those of other rounds

my ($stuck, $goes) = map { a_round(schools => { 'TH-A' => 1 }) } 1, 2;
for my $one ($stuck, $goes) {
    verify(submit($one, 'guardian-1', 1, ['TH-A'])->{json});
    shut($one);
}
$db->sql("set session_replication_role = replica; update plugin_enrolment.bands set holds = '\$.a == \$b'
           where year = (select year from plugin_enrolment.rounds where id = '$stuck')");
my @allocations = map { post_as(office(), "/rounds/$_/allocations")->{json}{id} } $stuck, $goes;
is(job('allocate') =~ s/:.*//sr, 'failed', 'the job says that one is stuck');
is_deeply([map { get_as(office(), "/allocations/$_")->{json}{state} } @allocations], ['entries', 'computed'],
          '... and computes the other one');

done_testing;
