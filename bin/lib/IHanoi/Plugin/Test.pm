package IHanoi::Plugin::Test;

# ihanoi plugin test.

use strict;
use warnings;
use HTTP::Tiny;
use IO::Handle;
use JSON::PP ();
use List::Util qw(max);
use POSIX ();
use Storable qw(nfreeze thaw);
use IHanoi::Command;
use IHanoi::Plugin::Expect qw(mismatch);
use IHanoi::Plugin::FakeBackends;
use IHanoi::Plugin::Folder;
use IHanoi::Plugin::LocalGateway;
use IHanoi::Plugin::Logs qw(plugin_line);
use IHanoi::Plugin::TestFile qw(test_files read_test);

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

my %TOKENS = (citizen => { sub => 'test-citizen', assurance => 'phone' },
              officer => { sub => 'test-officer', assurance => 'verified' });


sub run {
    my $opt = options(<<'USAGE', 'only=s', 'verbose|v');
usage: ihanoi plugin test [FOLDER] [--only TEXT] [--verbose]

Runs the tests of a plugin, tests/*.json in its folder, against a real gateway
with the plugin alone: nginx on a loopback port, backends as the tests declare
them, a private PostgreSQL when the manifest asks for a database. Each file gets
a gateway of its own; its cases run in their order. Every answer is held against
the contract.

  FOLDER        default: the folder you are in
  --only TEXT   cases with TEXT in their name
  --verbose     the plugin's log lines of all cases, not only of failed ones

Prints TAP. Exit code: 0 all passed, 1 not all, or nothing could be started;
2 usage; 130 ended by Ctrl-C.
USAGE

    if (@ARGV > 1) {
        print STDERR "ihanoi plugin test: one FOLDER\n";
        exit 2;
    }

    STDOUT->autoflush;

    my ($plugin, @findings) = look($ARGV[0] // '.');
    my @errors = grep { is_error($_) } @findings;
    report(\*STDERR, @errors);
    fail('mend these first: ihanoi plugin check') if !$plugin || @errors;

    my @files = test_files($plugin->{folder})
        or fail("there is no test in $plugin->{folder}/tests: see docs/plugin-tests.md");
    my %test = map {
        my $name = $_;
        my $test = eval { read_test("$plugin->{folder}/$name") }
            or do { chomp $@; fail("$name: $@") };
        $test->{cases} = [grep { !defined $opt->{only}
                                 || index($_->{name}, _text($opt->{only})) >= 0 }
                          @{ $test->{cases} }];
        ($name => $test);
    } @files;

    my $count = 0;
    $count += @{ $_->{cases} } for values %test;
    $count or fail('no case has that in its name');
    print "1..$count\n";

    # The gateway ends with us, also when nobody reads on ("| head").
    my ($over, $owner) = (0, $$);
    local @SIG{qw(INT TERM HUP PIPE)} = (sub {
        $$ == $owner or POSIX::_exit(130);
        @SIG{qw(INT TERM HUP PIPE)} = ('IGNORE') x 4;
        $over = 1;
        die "ended\n";
    }) x 4;

    my ($n, $failed) = (0, 0);

    for my $file (grep { @{ $test{$_}{cases} } } @files) {
        my $more = eval { _file($plugin, $file, $test{$file}, \$n, $opt, \$over) };

        if ($over) {
            print "Bail out! Ended by a signal\n";
            return 130;
        }

        $failed += $more // do { print "Bail out!\n"; chomp $@; fail("$file: $@") };
    }

    print STDERR "$plugin->{name} $plugin->{version}: $failed of $count cases failed\n"
        if $failed;
    return $failed ? 1 : 0;
}


# Runs the cases of a file; returns how many failed.
sub _file {
    my ($plugin, $file, $test, $n, $opt, $over) = @_;
    my $manifest = $json->decode(slurp("$plugin->{folder}/plugin.json"));
    my @names = @{ ($manifest->{permissions} // {})->{backends} // [] };
    my %known = map { $_ => 1 } @names;

    for my $rules (map { $_->{backends} // {} } $test, @{ $test->{cases} }) {
        $known{$_} or die "the manifest asks for no backend \"$_\"\n" for keys %$rules;
    }

    my %uses = map { ("$_->{plugin}.$_->{name}" => 1) } @{ ($manifest->{interfaces} // {})->{uses} // [] };
    $uses{$_} or die "the manifest uses no interface \"$_\"\n" for sort keys %{ $test->{interfaces} // {} };

    my %hears = map { $_->{event} => 1 } @{ ($manifest->{events} // {})->{subscribes} // [] };
    for my $event (grep { defined } map { $_->{event} } @{ $test->{cases} }) {
        $hears{$event->{topic}} or die "the manifest subscribes to no \"$event->{topic}\"\n";
    }

    my %jobs = map { $_->{name} => 1 } @{ $manifest->{jobs} // [] };
    for my $job (grep { defined } map { $_->{job} } @{ $test->{cases} }) {
        $jobs{$job} or die "the manifest has no job \"$job\"\n";
    }

    my $backends = IHanoi::Plugin::FakeBackends->new(@names);
    my $gateway = IHanoi::Plugin::LocalGateway->new(
        plugin => $plugin, backends => $backends->ports,
        map { $_ => $test->{$_} } qw(clock settings secrets interfaces));
    my ($failed, %saved) = 0;

    $gateway->{patience} = patience($manifest,
        $json->decode(slurp("$plugin->{folder}/openapi.json")));
    $gateway->start;
    my @before = grep { _misfit($_) } _lines($gateway, $plugin);

    for my $case (@{ $test->{cases} }) {
        my @wrong = eval { _case($gateway, $backends, $test, $case, \%saved) };
        push @wrong, $@ =~ s/\n\z//r if $@;
        return 0 if $$over;

        my @lines = (splice(@before), _lines($gateway, $plugin));
        for my $text (@{ $case->{log} // [] }) {
            push @wrong, "the log has no \"$text\""
                if !grep { index($_->{text}, _bytes($text)) >= 0 } @lines;
        }

        print @wrong ? 'not ok ' : 'ok ', ++$$n, ' - ',
              _bytes("$file: $case->{name}" =~ s/[#\n]/ /gr), "\n";
        print '# ', _bytes($_) =~ s/\n/\n# /gr, "\n" for @wrong;
        print '# log: ', _bytes("$_->{level}: $_->{text}"), "\n"
            for @wrong || $opt->{verbose} ? $gateway->in_full(@lines)
                                          : grep { _misfit($_) } @lines;
        $failed++ if @wrong;
    }

    $gateway->stop;
    return $failed;
}


# Whether a line tells of a function in SQL that is not as an operation calls it: the gateway
# says it once, whatever case it is then.
sub _misfit { return $_[0]{level} eq 'error' && $_[0]{text} =~ /^database .*: operation "/ }


sub _lines {
    my ($gateway, $plugin) = @_;

    return map { plugin_line($_, $plugin->{name}) // () } $gateway->log_lines;
}


# What is wrong with a case.
sub _case {
    my ($gateway, $backends, $test, $case, $saved) = @_;
    my $rules = { %{ $test->{backends} // {} } };

    # The case's own rules come first.
    for my $name (keys %{ $case->{backends} // {} }) {
        my ($own, $common) = ($case->{backends}{$name}, $rules->{$name});
        $rules->{$name} = ref $own && ref $common ? [@$own, @$common] : $own;
    }

    $backends->expect($rules);

    return _background($backends, $case, sub { $gateway->run_job($case->{job}) })
        if defined $case->{job};
    return _background($backends, $case,
                       sub { $gateway->deliver_event(_filled($case->{event}, $saved)) })
        if defined $case->{event};

    my $answer = _ask($gateway, $backends, _filled($case->{request}, $saved));
    my $expected = _filled($case->{answer}, $saved);
    my @wrong = $backends->complaints;
    my $got = $answer->{content} // '';          # none of HEAD, 204 and 304
    my $value = eval { $json->decode($got) };
    my $is_json = ($answer->{headers}{'content-type'} // '') =~ /json/;

    utf8::decode($got);
    push @wrong, "status is $answer->{status}, not $expected->{status}"
        if $answer->{status} != $expected->{status};

    for my $name (sort keys %{ $expected->{headers} // {} }) {
        my $why = mismatch({ lc $name => $expected->{headers}{$name} }, $answer->{headers});
        push @wrong, 'header ' . $why =~ s{^/}{}r if defined $why;
    }

    if (exists $expected->{body}) {
        my $why = mismatch($expected->{body}, $is_json ? $value : $got);
        push @wrong, "body $why" if defined $why;
    }

    push @wrong, 'the answer was ' . (length $got > 2000 ? substr($got, 0, 2000) . '...' : $got)
        if @wrong && length $got;

    for my $name (sort keys %{ $case->{save} // {} }) {
        my $from = $case->{save}{$name};
        $saved->{$name} = $from =~ m{^/} ? _at($value, $from)
                                         : $answer->{headers}{ lc $from };
        push @wrong, "there is no $from to save" if !defined $saved->{$name};
    }

    return @wrong;
}


# Seconds after which the gateway has answered whatever it is asked, by the times that
# the plugin gives a call and an operation.
sub patience {
    my ($manifest, $contract) = @_;
    my %seconds = (ms => 0.001, s => 1, m => 60);
    my ($n, $unit) = (($manifest->{limits} // {})->{timeout} // '5s') =~ /^(\d+)(\D+)\z/;
    my @own = map { $_->{'x-ihanoi-timeout'} // 0 } grep { ref eq 'HASH' }
              map { values %$_ } values %{ $contract->{paths} };

    return 30 + max($n * $seconds{$unit}, map { $_ / 1000 } @own);
}


# What is wrong with a run of a job or for an event.
sub _background {
    my ($backends, $case, $run) = @_;
    my $expected = $case->{outcome} // 'ok';
    my $end = _meanwhile($backends, $run);
    my @wrong = $backends->complaints;

    push @wrong, "it ended with $end->{outcome}, not $expected"
                 . (length $end->{error} ? ": $end->{error}" : '')
        if $end->{outcome} ne $expected;

    return @wrong;
}


sub _ask {
    my ($gateway, $backends, $request) = @_;
    my $method = $request->{method} // 'GET';
    my %headers = %{ $request->{headers} // {} };
    my %is = map { lc $_ => 1 } keys %headers;
    my $url = $gateway->url . $request->{path};
    my %options;

    if (my $query = $request->{query}) {
        my $text = join '&', map { _escaped($_) . '=' . _escaped($query->{$_}) }
                             sort keys %$query;
        $url .= ($url =~ /\?/ ? '&' : '?') . $text;
    }

    if (exists $request->{body}) {
        $options{content} = ref $request->{body} ? $json->encode($request->{body})
                                                 : _bytes($request->{body});
        $headers{'content-type'} = 'application/json' if !$is{'content-type'};
    }

    if (my $token = $request->{token}) {
        my $claims = ref $token ? $token : $TOKENS{$token};
        $headers{authorization} = 'Bearer '
            . $gateway->token(sub => 'test-citizen', %$claims);
    }

    # What every client of a POST has to send; null leaves it out.
    $headers{'idempotency-key'} = _key() if $method eq 'POST' && !$is{'idempotency-key'};
    delete @headers{grep { !defined $headers{$_} } keys %headers};

    # Never by the proxy that the machine has for elsewhere.
    my $answer = _meanwhile($backends, sub {
        my $got = HTTP::Tiny->new(max_redirect => 0, timeout => $gateway->{patience},
                                  proxy => undef, http_proxy => undef)
            ->request($method, $url, { %options, headers => \%headers });
        return { map { $_ => $got->{$_} } qw(status headers content) };
    });

    $answer->{status} != 599
        or die "the gateway gave no answer: $answer->{content}";
    return $answer;
}


# The result of a function, a hash, in a process of its own: ours serves the
# backends meanwhile.
sub _meanwhile {
    my ($backends, $code) = @_;

    pipe my $read, my $write or die "pipe: $!\n";
    my $pid = fork // die "could not fork: $!\n";

    if (!$pid) {
        close $read;
        my $result = eval { $code->() } // { died => $@ };
        print $write nfreeze($result);
        close $write;
        POSIX::_exit(0);
    }

    close $write;
    my $bytes = eval { $backends->serve_until_end($read) };
    my $why = $@;
    kill TERM => $pid if !defined $bytes;
    waitpid $pid, 0;
    defined $bytes or die $why;

    my $result = length $bytes ? thaw($bytes) : die "the gateway gave no answer\n";
    die $result->{died} if defined $result->{died};
    return $result;
}


# "{{name}}" is what an earlier case has saved.
sub _filled {
    my ($value, $saved) = @_;

    return { map { $_ => _filled($value->{$_}, $saved) } keys %$value } if ref $value eq 'HASH';
    return [map { _filled($_, $saved) } @$value] if ref $value eq 'ARRAY';
    return $value if ref $value || !defined $value;

    # A number that was looked at as a text would be one from then on.
    my $text = $value;
    return $value if $text !~ /\{\{/;
    return $saved->{$1} // die "nothing has saved \"$1\"\n" if $value =~ /^\{\{(\w+)\}\}\z/;
    return $value =~ s/\{\{(\w+)\}\}/$saved->{$1} \/\/ die "nothing has saved \"$1\"\n"/ger;
}


sub _at {
    my ($value, $pointer) = @_;

    for my $key (map { s/~1/\//gr =~ s/~0/~/gr } split m{/}, substr($pointer, 1), -1) {
        $value = ref $value eq 'HASH' ? $value->{$key}
               : ref $value eq 'ARRAY' && $key =~ /^\d+\z/ ? $value->[$key] : return;
    }

    return $value;
}


sub _escaped { return _bytes($_[0]) =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger }

sub _key {
    open my $fh, '<', '/proc/sys/kernel/random/uuid' or return time . $$;
    chomp(my $uuid = <$fh>);
    return $uuid;
}

sub _bytes { my ($text) = @_; utf8::encode($text) if utf8::is_utf8($text); return $text }
sub _text  { my ($bytes) = @_; utf8::decode($bytes); return $bytes }


1;
