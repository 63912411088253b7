package IHanoi::Test::Engine;

# A gateway that serves tests/fixtures/engine.json: a contract of small
# operations that show what the engine does, whatever the city's services are.

use strict;
use warnings;
use utf8;
use Exporter qw(import);
use IHanoi::Test ();

our @EXPORT = qw(engine_database engine_gateway problem_is);


# With the fixture's functions and tables in its release.
sub engine_database {
    my $db = IHanoi::Test::database(@_);

    $db->sql(IHanoi::Test::text_of('tests/fixtures/engine.sql'));
    return $db;
}


# As gateway(), with the fixture's contract and its database.
sub engine_gateway {
    my %arg = @_;

    $arg{db} //= engine_database();

    return IHanoi::Test::gateway(
        contract => IHanoi::Test::tree() . '/tests/fixtures/engine.json',
        %arg,
    );
}


# One assertion: the response is this problem, complete as RFC 9457 has it.
sub problem_is {
    my ($r, $status, $code, $name) = @_;
    my $json = $r->{json} // {};
    my $got = join ' ', $r->{status} // 'no answer',
        $json->{status} // 'no status', $json->{type} // 'no type',
        ($r->{headers}{'content-type'} // '') eq 'application/problem+json'
            ? () : 'wrong media type',
        length($json->{title} // '') ? () : 'no title',
        ($json->{instance} // '') =~ /^urn:ihanoi:request:[0-9a-f]{32}$/
            ? () : 'no instance';

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::is($got, "$status $status urn:ihanoi:problem:$code",
                          $name);
}


1;
