package IHanoi::Plugin::TestFile;

# The declared tests of a plugin, tests/*.json: read and looked at.
# docs/plugin-tests.md has their form.
#
#   my @files = test_files($folder);           # names, sorted
#   my $test = read_test("$folder/$name");     # dies with a place and a reason
#
# $test has clock (seconds, or undef), settings, secrets, backends, interfaces and cases.

use strict;
use warnings;
use Exporter 'import';
use JSON::PP ();
use Time::Local qw(timegm_modern);
use IHanoi::Plugin::Expect qw(wrong_expectation);

our @EXPORT_OK = qw(test_files read_test);

my $json = JSON::PP->new->utf8;

# Members by object, and what their values are: a kind below, or a function.
my %FORM = (
    file    => { clock => \&_clock, settings => 'object', secrets => 'object',
                 backends => \&_backends, interfaces => \&_interfaces, cases => \&_cases },
    case    => { name => 'text', request => \&_request, answer => \&_answer,
                 job => 'text', event => \&_event, outcome => 'text',
                 backends => \&_backends, log => 'list', save => 'object' },
    request => { method => 'text', path => 'text', query => 'object',
                 headers => 'object', body => 'any', token => 'any' },
    answer  => { status => 'number', headers => 'object', body => 'any' },
    event   => { topic => 'text', key => 'text', payload => 'object' },
    rule    => { request => \&_asked, answer => \&_canned, times => 'number' },
    asked   => { method => 'any', path => 'any', query => 'object',
                 headers => 'object', body => 'any' },
    canned  => { status => 'number', headers => 'object', body => 'any',
                 delay_ms => 'number' },
);

my %KIND = (
    any    => sub { 1 },
    text   => sub { defined $_[0] && !ref $_[0] && length $_[0] },
    number => sub { defined $_[0] && $_[0] =~ /^\d{1,6}\z/ },
    object => sub { ref $_[0] eq 'HASH' },
    list   => sub { ref $_[0] eq 'ARRAY' },
);


sub test_files {
    my ($folder) = @_;

    opendir my $dh, "$folder/tests" or return;
    return map { "tests/$_" } sort grep { /^[A-Za-z0-9_].*\.json\z/ } readdir $dh;
}


sub read_test {
    my ($file) = @_;

    open my $fh, '<:raw', $file or die "could not be read: $!\n";
    my $text = do { local $/; <$fh> };
    $text !~ /\A\xef\xbb\xbf/ or die "is no JSON object: it begins with a byte order mark\n";
    my $test = eval { $json->decode($text) };

    ref $test eq 'HASH' or die 'is no JSON object',
        $@ =~ /^(.*?), at character offset (\d+)/ ? ": $1, at byte $2\n" : "\n";

    _look('file', $test, '');
    $test->{cases} && @{ $test->{cases} } or die "/cases has to have some\n";
    $test->{clock} = _seconds($test->{clock}) if defined $test->{clock};

    return $test;
}


sub _look {
    my ($form, $value, $at) = @_;

    ref $value eq 'HASH' or die _place($at), " is no object\n";

    for my $name (sort keys %$value) {
        my $kind = $FORM{$form}{$name}
            // die "$at/$name: there is no such member; known are ",
                   join(', ', sort keys %{ $FORM{$form} }), "\n";

        if (ref $kind) {
            $kind->($value->{$name}, "$at/$name");
        } else {
            $KIND{$kind}->($value->{$name}) or die "$at/$name is no $kind\n";
        }
    }

    return;
}


sub _place { return length $_[0] ? $_[0] : 'it' }


sub _clock {
    my ($value, $at) = @_;
    defined _seconds($value) or die "$at is no time like 2026-11-24T09:00:00+07:00\n";
    return;
}


# Seconds since 1970 of a time with an offset (RFC 3339).
sub _seconds {
    my ($text) = @_;

    my ($year, $month, $day, $hour, $minute, $second, $offset)
        = ($text // '') =~ /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(Z|[+-]\d\d:\d\d)\z/
        or return;
    my ($sign, $hours, $minutes) = $offset =~ /^([+-])(\d\d):(\d\d)/ ? ($1, $2, $3)
                                                                     : ('+', 0, 0);
    my $seconds = eval { timegm_modern($second, $minute, $hour, $day, $month - 1, $year) }
        // return;

    return $seconds - ($sign eq '+' ? 1 : -1) * ($hours * 3600 + $minutes * 60);
}


sub _backends {
    my ($value, $at) = @_;

    ref $value eq 'HASH' or die "$at is no object\n";

    for my $name (sort keys %$value) {
        my $rules = $value->{$name};
        next if !ref $rules && ($rules // '') eq 'refuse';

        ref $rules eq 'ARRAY' or die "$at/$name is neither rules nor \"refuse\"\n";
        _look('rule', $rules->[$_], "$at/$name/$_") for 0 .. $#$rules;
    }

    return;
}


sub _interfaces {
    my ($value, $at) = @_;

    ref $value eq 'HASH' or die "$at is no object\n";

    for my $name (sort keys %$value) {
        ref $value->{$name} eq 'HASH' or die "$at/$name has no functions\n";

        for my $function (sort keys %{ $value->{$name} }) {
            my $answer = $value->{$name}{$function};
            my ($what, @more) = ref $answer eq 'HASH' ? keys %$answer : ();

            $function =~ /^[a-z][a-z0-9_]*\z/ && !@more && defined $what && defined $answer->{$what}
                && ($what eq 'result' || $what eq 'error' && !ref $answer->{error})
                or die "$at/$name/$function is neither {\"result\": ...} nor {\"error\": \"...\"}\n";
        }
    }

    return;
}


sub _asked {
    my ($value, $at) = @_;
    _look('asked', $value, $at);
    _expectation($value, $at);
    return;
}


sub _expectation {
    my ($value, $at) = @_;
    my $wrong = wrong_expectation($value);
    die "$at: $wrong\n" if defined $wrong;
    return;
}


sub _canned {
    my ($value, $at) = @_;

    if (!ref $value) {
        ($value // '') =~ /^(?:close|garbage|half)\z/
            or die "$at is neither an answer nor \"close\", \"garbage\" or \"half\"\n";
        return;
    }

    _look('canned', $value, $at);
    return;
}


sub _cases {
    my ($value, $at) = @_;

    ref $value eq 'ARRAY' or die "$at is no list\n";

    for my $i (0 .. $#$value) {
        my $case = $value->[$i];

        _look('case', $case, "$at/$i");
        my ($of) = grep { exists $case->{$_} } qw(job event);
        my @needs = $of ? 'name' : qw(name request answer);
        exists $case->{$_} or die "$at/$i has no \"$_\"\n" for @needs;
        exists $case->{$_} and die "$at/$i is for \"$of\", and has a \"$_\"\n"
            for !$of ? () : $of eq 'job' ? qw(request answer save event) : qw(request answer save);
    }

    return;
}


sub _event {
    my ($value, $at) = @_;

    _look('event', $value, $at);
    ($value->{topic} // '') =~ /^[a-z][a-z0-9_]*\.[a-z_]+\z/
        or die "$at/topic is no event like feedback.closed\n";
    return;
}


sub _request {
    my ($value, $at) = @_;

    _look('request', $value, $at);
    ($value->{path} // '') =~ m{^/} or die "$at/path does not begin with \"/\"\n";
    ($value->{method} // 'GET') =~ /^[A-Z]+\z/ or die "$at/method is no method\n";
    ref $value->{token} eq 'HASH' || ($value->{token} // '') =~ /^(?:|citizen|officer)\z/
        or die "$at/token is neither claims nor \"citizen\" or \"officer\"\n"
        if exists $value->{token};
    return;
}


sub _answer {
    my ($value, $at) = @_;

    _look('answer', $value, $at);
    exists $value->{status} or die "$at has no \"status\"\n";
    exists $value->{$_} && _expectation($value->{$_}, "$at/$_") for qw(headers body);
    return;
}


1;
