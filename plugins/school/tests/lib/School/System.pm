package School::System;

# A school's management system, as far as the plugin knows it. Nobody asks it anything: it
# sends a day of its school, with one account and the key that signs its rosters, and
# misbehaves when told to.
#
#   my $system = School::System->new(
#       port => $gw->port, school => 'thcs-a', year => 2026, today => '2026-11-26',
#       account => 'he-thong-a',                   # of the school's administrator
#       token => sub { my ($which) = @_ });        # of the account: own, expired; of
#                                                  # another school's: stranger
#   $system->public_key;                           # for whoever makes the school
#   $system->day;                                  # names of what it sends, in order
#   my $push = $system->prepare('marks');          # [method, path, body, key]
#   my @answers = $system->push($push);            # one; or as it misbehaves
#   $system->misbehave('half', sub { ... });       # in the next push
#
#   trickled   a few bytes at a time
#   halts      half of it, then the code, then the rest
#   half       half of it, and hangs up: no answer
#   leaves     all of it, then the code, and hangs up: no answer
#   twice      twice at once, then the code: two answers
#   again      once more after the answer: two answers
#   forged     with a token whose signature is another's
#   expired    with a token whose time is over
#   stranger   with another school's token
#   unsigned   a roster that another key has signed
#
# The account is administrator of the school and a row of its staff, which teaches where
# the system sends marks and attendance.

use strict;
use warnings;
use utf8;
use Digest::SHA qw(sha256_hex);
use Encode qw(encode_utf8);
use File::Temp qw(tempdir);
use IHanoi::Test::HTTP;
use IHanoi::Token ();
use JSON::PP ();

my @DAY = qw(roster code link attendance marks notice moves moved_marks afternoon news);


sub new {
    my ($class, %arg) = @_;
    my $self = bless { %arg, keys => tempdir(CLEANUP => 1) }, $class;

    for my $name (qw(own another)) {
        system('openssl', 'genpkey', '-algorithm', 'ED25519', '-out', "$self->{keys}/$name.pem") == 0
            or die "no key\n";
    }
    return $self;
}


sub public_key { my ($self) = @_; return scalar `openssl pkey -in '$self->{keys}/own.pem' -pubout` }

sub day { return @DAY }

sub misbehave {
    my ($self, $mode, $code) = @_;
    $self->{next} = [$mode, $code // sub { }];
    return;
}


sub prepare {
    my ($self, $name) = @_;
    my $make = $self->can("_$name") or die "nothing like $name is sent\n";
    my ($method, $path, $body) = $make->($self);

    return [$method, $path, $body, $method eq 'POST' ? "$self->{school}-$name" : undef];
}


# A roster of these rows, under this number.
sub roster {
    my ($self, $sequence, @rows) = @_;
    my $content = JSON::PP->new->canonical->encode(\@rows);

    return (PUT => "/schools/$self->{school}/years/$self->{year}/roster",
            { format => 'json', content => $content, sequence => $sequence });
}


sub push {
    my ($self, $push) = @_;
    my ($mode, $code) = @{ delete $self->{next} // ['', sub { }] };
    my ($head, $body) = $self->_bytes($push, $mode);
    my $half = int(length($body) / 2);
    my $http = $self->_http;

    if ($mode eq 'half') {
        $http->send($head . substr $body, 0, $half);
        $http->close;
        return;
    } elsif ($mode eq 'leaves') {
        $http->send($head . $body);
        $code->();
        $http->close;
        return;
    } elsif ($mode eq 'trickled') {
        $http->send($_) for unpack '(a7)*', $head . $body;
        return $http->response;
    } elsif ($mode eq 'halts') {
        $http->send($head . substr $body, 0, $half);
        $code->();
        $http->send(substr $body, $half);
        return $http->response;
    } elsif ($mode eq 'twice') {
        my @both = ($http, $self->_http);
        $_->send($head . $body) for @both;
        $code->();
        return map { $_->response } @both;
    }

    $http->send($head . $body);
    my $answer = $http->response;
    return ($answer, $mode eq 'again' ? $self->push($push) : ());
}


# A request of somebody else, with a token of theirs.
sub ask {
    my ($self, $token, $method, $path, $body, $key) = @_;
    return $self->_http->request($method => "/v1/school$path", token => $token, json => $body, key => $key);
}


sub _http { my ($self) = @_; return IHanoi::Test::HTTP->new(port => $self->{port}, timeout => 30) }


# Head and body of a push.
sub _bytes {
    my ($self, $push, $mode) = @_;
    my ($method, $path, $body, $key) = @$push;
    my %body = %$body;

    if (my $sequence = delete $body{sequence}) {
        $body{signature} = (IHanoi::Token::mint(
            program => IHanoi::Token::token_program(), alg => 'EdDSA', header => { kid => 'x' },
            key => "$self->{keys}/" . ($mode eq 'unsigned' ? 'another' : 'own') . '.pem',
            claims => [{ sub => $self->{school}, year => $self->{year} + 0, sequence => $sequence,
                         sha256 => sha256_hex(encode_utf8($body{content})),
                         iat => time, exp => time + 300 }]))[0];
    }

    my $token = $self->{token}->($mode =~ /\A(?:expired|stranger)\z/ ? $mode : 'own');
    $token = join '.', (split /\./, $token)[0, 1], (split /\./, $self->{token}->('stranger'))[2]
        if $mode eq 'forged';

    my $bytes = $self->_http->format($method, "/v1/school$path", json => \%body, key => $key,
                                     token => $token, close => 1);
    return $bytes =~ /\A(.*?\r\n\r\n)(.*)\z/s;
}


# What it has to know: ids of classes and students by their codes, links that wait.
sub _items {
    my ($self, $path) = @_;
    my $r = $self->_http->request(GET => "/v1/school$path", token => $self->{token}->('own'));
    $r && $r->{status} == 200 or die "GET $path: ", $r ? $r->{content} : 'no answer', "\n";
    return @{ $r->{json}{items} };
}

sub _class {
    my ($self, $code) = @_;
    return (map { $_->{id} } grep { $_->{code} eq $code } $self->_items("/classes?year=$self->{year}"))[0];
}

sub _student {
    my ($self, $code) = @_;
    return (map { $_->{id} } grep { $_->{code} eq $code }
            map { $self->_items('/classes/' . $self->_class($_) . '/students') } qw(7A 7B))[0];
}


# The day: two classes and their students; a family's code, and a link that was asked
# for; who is missing, marks, a notice. At noon a student moves, and a new one comes.

sub rows {
    my ($self, %class) = @_;

    return (
        (map { { kind => 'class', code => $_, name => "Lớp $_", grade => '7' } } qw(7A 7B)),
        { kind => 'staff', code => 'HT', name => 'Hệ thống quản lý', account => $self->{account} },
        (map { { kind => 'student', code => $_, name => 'Học sinh ' . substr($_, 2),
                 birth_date => '2014-03-01', class => $class{$_} } } sort keys %class),
        (map { { kind => 'teaching', staff => 'HT', class => $_, subject => 'toan' } } qw(7A 7B)));
}

sub _roster { my ($self) = @_; return $self->roster(10, $self->rows(HS1 => '7A', HS2 => '7A', HS3 => '7B')) }

sub _moves {
    my ($self) = @_;
    return $self->roster(20, $self->rows(HS1 => '7A', HS2 => '7B', HS3 => '7B', HS4 => '7A'));
}

sub _code {
    my ($self) = @_;
    return (PUT => '/students/' . $self->_student('HS1') . '/link-code', { kind => 'guardian' });
}

sub _link {
    my ($self) = @_;
    my ($link) = $self->_items("/schools/$self->{school}/links");
    return (PUT => "/links/$link->{id}/decision", { decision => 'verified' });
}

sub _missed {
    my ($self, $session, %state) = @_;
    return (PUT => '/classes/' . $self->_class('7A') . '/attendance', {
        day => $self->{today}, session => $session,
        records => [map { { student => $self->_student($_), state => $state{$_} } } sort keys %state] });
}

sub _attendance { my ($self) = @_; return $self->_missed(morning => HS1 => 'absent', HS2 => 'present') }
sub _afternoon  { my ($self) = @_; return $self->_missed(afternoon => HS1 => 'late', HS4 => 'present') }

sub _given {
    my ($self, $class, %value) = @_;
    return (PUT => '/classes/' . $self->_class($class) . '/marks', {
        subject => 'toan', term => 1, kind => 'tx',
        marks => [map { { student => $self->_student($_), value => $value{$_} } } sort keys %value] });
}

sub _marks       { my ($self) = @_; return $self->_given('7A', HS1 => '8.5', HS2 => '7') }
sub _moved_marks { my ($self) = @_; return $self->_given('7B', HS2 => '9', HS3 => '6.5') }

sub _notice {
    my ($self) = @_;
    return (POST => '/classes/' . $self->_class('7A') . '/notices',
            { title => 'Họp phụ huynh', text => 'Thứ bảy, 8 giờ.' });
}

sub _news {
    my ($self) = @_;
    return (POST => "/schools/$self->{school}/notices", { title => 'Bão', text => 'Chiều nay nghỉ học.' });
}


1;
