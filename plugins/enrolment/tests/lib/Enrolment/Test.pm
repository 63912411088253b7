package Enrolment::Test;

# The enrolment plugin through a real gateway, with a database of its own.
#
#   my ($gw, $db) = enrolment(settings => { applications_each => 3 });
#   my $round = a_round(schools => { 'TH-A' => 2, 'TH-B' => 1 });    # open now
#   my $r = submit($round, 'guardian-1', 7, ['TH-A', 'TH-B']);       # child 7
#   verify($r->{json}); shut($round); allocate($round); published($round);
#   sound('what was done');                                          # a test

use strict;
use warnings;
use utf8;
use Digest::SHA qw(sha256_hex);
use Exporter 'import';
use IHanoi::Test;
use IHanoi::Test::Plugin;

our @EXPORT = qw(enrolment enrolment_code token_of office officer a_round application submit verify shut allocate
                 published post_as get_as move_times job sound SEED verify_program);

use constant SEED => 'test-seed-of-the-lottery-0001';

my ($gw, $db, $code);
my $folder = IHanoi::Test::tree() . '/plugins/enrolment';
my $issuer = $IHanoi::Test::ISSUER;


# options: db, settings, pools (lines of ihanoi_database), the rest is the gateway's.
sub enrolment {
    my (%arg) = @_;
    my $settings = join '', map { "    setting $_ '$arg{settings}{$_}';\n" }
                   sort keys %{ $arg{settings} // {} };
    my $pools = delete $arg{pools} // ['read connections=1;', 'write connections=3 wait=1s;'];

    delete $arg{settings};
    $db = delete $arg{db} // database();
    my $block = plugin_database($db, $folder, @$pools);
    $code = enrolment_code($db);

    $gw = gateway(db => $db, start => 0, %arg, http => <<"CONF",
ihanoi_plugin enrolment {
    path $folder;
    public;
    database enrolment;
    secret child_key child_key;
    timeout 10s;
    jobs 60s;
    check always;
$settings}
$block
CONF
        locations => 'location / { auth_jwt iHaNoi; ihanoi_api on; }'
                   . ' location = /metrics { auth_jwt off; ihanoi_status metrics; }');
    $gw->write('child_key', 'test key of children, 32 bytes and more');
    chmod 0600, "$gw->{dir}/child_key";
    $gw->start;
    wait_until(sub { my $r = $gw->get('/v1/enrolment/rounds'); $r && $r->{status} == 200 })
        or die "the plugin does not answer:\n", $gw->error_log;

    # Jobs run when a test says so.
    plugin_jobs_rest($db, 'enrolment', 2);

    return ($gw, $db);
}


# The schema of the functions in a database; what it makes for sql().
sub enrolment_code {
    my ($database) = @_;
    return $database->sql("select nspname from pg_namespace where nspname like 'code_enrolment_%'");
}


sub token_of { my ($sub, $scope) = @_; return token(sub => $sub, scope => $scope) }
sub office   { return token_of('office-1', 'enrolment:staff enrolment:office enrolment:audit') }
sub officer  { my ($school) = @_; return token_of("officer-$school", 'enrolment:staff') }

my $keys = 0;

# POST with a fresh key, or that of key => ...
sub post_as {
    my ($token, $path, $json, %more) = @_;
    my $key = delete $more{key} // "test-$$-" . ++$keys;
    return $gw->post("/v1/enrolment$path", token => $token, timeout => 30,
                     (defined $json ? (json => $json) : ()),
                     headers => { 'Idempotency-Key' => $key }, %more);
}

sub get_as {
    my ($token, $path) = @_;
    return $gw->get("/v1/enrolment$path", token => $token);
}

sub _put {
    my ($path, $json) = @_;
    my $r = $gw->put("/v1/enrolment$path", token => office(), json => $json);
    $r->{status} == 200 or die "PUT $path: $r->{content}\n";
    return $r->{json};
}


my $rounds = 0;

# A round with rules and schools, made as an operator would, that has just opened.
# options: schools { code => quota }, year, bands, tie_breaks, zones { code => [...] }
# Without rules: those in the zone before those who are not.
sub a_round {
    my (%arg) = @_;
    my $year = $arg{year} // 2030 + ++$rounds;
    my ($first) = sort keys %{ $arg{schools} };

    _put("/years/$year", { title => "Năm học $year", facts => [
        { code => 'residence', kind => 'choice', title => { vi => 'Cư trú', en => 'Residence' },
          options => ['permanent', 'temporary', 'none'] },
        { code => 'resident_since', kind => 'date', title => { vi => 'Cư trú từ', en => 'Resident since' } },
        { code => 'sibling', kind => 'boolean', title => { vi => 'Có anh chị học tại trường', en => 'A sibling at the school' } },
        { code => 'score', kind => 'integer', title => { vi => 'Điểm', en => 'Score' } } ] });
    _put("/years/$year/levels/grade_1", {
        bands => $arg{bands} // [
            { title => { vi => 'Đúng tuyến', en => 'In the zone' }, holds => '$.in_zone == true' },
            { title => { vi => 'Trái tuyến', en => 'Out of the zone' }, holds => '$.in_zone == false' } ],
        tie_breaks => $arg{tie_breaks} // [] });

    for my $school (sort keys %{ $arg{schools} }) {
        _put("/schools/$school", { name => "Trường $school", ward => '00004',
                                   officers => ["$issuer officer-$school"] });
        _put("/schools/$school/zones/$year/grade_1", { zones => $arg{zones}{$school} // [{ ward => '00004' }] });
    }

    my $r = post_as(office(), '/rounds', {
        year => $year, level => 'grade_1', title => "Tuyển sinh lớp 1, $year",
        opens_at => '2099-07-01T08:00:00+07:00', closes_at => '2099-07-03T17:00:00+07:00',
        born_from => '2020-01-01', born_until => '2020-12-31', zone_day => '2026-07-01',
        max_choices => 3, offer_hours => 48, seed_hash => sha256_hex(SEED) });
    $r->{status} == 201 or die "no round: $r->{content}\n";
    my $id = $r->{json}{id};

    _put("/rounds/$id/places", { places => [map { { school => $_, quota => $arg{schools}{$_} } }
                                            sort keys %{ $arg{schools} }] });
    move_times($id, "opens_at = now() - interval '1 minute', closes_at = now() + interval '1 hour'");
    return $id;
}

# Moves a round in time, which the rules do not allow.
sub move_times {
    my ($round, $set) = @_;
    $db->sql("set session_replication_role = replica; update plugin_enrolment.rounds set $set where id = '$round'");
    return;
}


# What somebody sends for the child of a number.
sub application {
    my ($child, $choices, %more) = @_;
    return { child_number => sprintf('0012%08d', $child), child_name => "Trẻ $child", born => '2020-05-01',
             ward => '00004', choices => $choices, %more };
}

sub submit {
    my ($round, $guardian, $child, $choices, %more) = @_;
    my %how = map { $_ => delete $more{$_} } grep { exists $more{$_} } 'key';
    return post_as(token_of($guardian), "/rounds/$round/applications", application($child, $choices, %more), %how);
}

# The first choice's officer has seen the documents.
sub verify {
    my ($application, $child) = @_;
    my ($number) = $application->{child_name} =~ /(\d+)/;
    return post_as(officer($application->{choices}[0]), "/desk/applications/$application->{id}/verify",
                   { child_number => sprintf '0012%08d', $child // $number });
}

# The round's time is over, and the office closes it.
sub shut {
    my ($round) = @_;
    move_times($round, "closes_at = now() - interval '1 second'");
    return post_as(office(), "/rounds/$round/close", { seed => SEED });
}

# Asks for an allocation, and lets the job compute it: its document.
sub allocate {
    my ($round) = @_;
    my $r = post_as(office(), "/rounds/$round/allocations");
    $r->{status} == 202 or die "no allocation: $r->{content}\n";
    job('allocate');
    return get_as(office(), "/allocations/$r->{json}{id}")->{json};
}

# Allocates, publishes and lets the job tell: the allocation's document.
sub published {
    my ($round) = @_;
    my $a = allocate($round);
    my $r = post_as(office(), "/allocations/$a->{id}/publish");
    $r->{status} == 202 or die "not published: $r->{content}\n";
    job('allocate');
    return get_as(office(), "/allocations/$a->{id}")->{json};
}


# Runs a job now: its outcome, and why.
sub job { plugin_job($db, 'enrolment', @_) }

# A test: nothing is lost or double.
sub sound {
    my ($what) = @_;
    my @wrong = grep { defined $_->[0] }
        $db->sql("set search_path = $code, plugin_enrolment, public; select * from enrolment_check()");
    is_deeply(\@wrong, [], "$what: all is sound");
    return;
}

# The exit code of tools/verify, and what it said.
sub verify_program {
    my (@args) = @_;
    open my $out, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', "$folder/tools/verify", @args
        or die "verify: $!\n";
    local $/;
    my $text = <$out>;
    close $out;
    return ($? >> 8, $text);
}


1;
