package IHanoi::Test::HTTP3;

# HTTP/3, by tests/tools/h3. It needs an nginx that has it, which Debian's has not (make
# test NGINX_SRC=dir), and a Python with aioquic: PYTHON="chroot /other/debian python3" is
# one of elsewhere, which is given the program on its command line.

use strict;
use warnings;
use Exporter qw(import);
use IHanoi::Test ();
use IPC::Open2 qw(open2);
use JSON::PP ();
use Test::More ();

our @EXPORT = qw(http3_or_skip h3 h3_request);

my @python = split ' ', $ENV{PYTHON} // 'python3';


# To be asked before anything else of the file.
sub http3_or_skip {
    my $nginx = IHanoi::Test::build_dir() . '/nginx-binary';
    $nginx = '/usr/sbin/nginx' if !-x $nginx;

    Test::More::plan(skip_all => "$nginx has no HTTP/3: make test NGINX_SRC=dir")
        if `$nginx -V 2>&1` !~ /http_v3_module/;
    Test::More::plan(skip_all => "@python has no aioquic: PYTHON=")
        if system("@python -c 'import aioquic.asyncio' > /dev/null 2>&1") != 0;
    return;
}


# Requests at once on one connection of the gateway's, as tests/tools/h3 has them: the
# answers, as IHanoi::Test::HTTP has them, with `whole` and `reset`. More is in a hash
# before them.
sub h3 {
    my ($gw, @requests) = @_;
    my %task = exists $requests[0]{fields} ? () : %{ shift @requests };

    my $pid = open2(my $out, my $in, @python, '-c', IHanoi::Test::text_of('tests/tools/h3'));
    print $in JSON::PP->new->ascii->encode({ port => $gw->{h3_port}, requests => \@requests,
                                             %task });
    close $in;
    local $/;
    my $said = <$out> // '';
    waitpid $pid, 0;

    my @answers = @{ (eval { JSON::PP->new->utf8->decode($said) } // {})->{answers} // [] };
    for my $r (@answers) {
        utf8::downgrade($r->{content});
        $r->{json} = eval { JSON::PP->new->utf8->decode($r->{content}) };
    }
    return wantarray ? @answers : $answers[0];
}


# One request of h3(): method, target, options of a request over HTTP/1.1 and of h3's.
sub h3_request {
    my ($gw, $method, $target, %arg) = @_;
    my %more = map { exists $arg{$_} ? ($_ => delete $arg{$_}) : () }
               qw(gap end after reset);
    my $frames = delete $arg{frames};
    my ($head, $body) = split /\r\n\r\n/, $gw->connection->format($method, $target, %arg), 2;
    my (undef, @lines) = split /\r\n/, $head;
    my @fields = map { /^(?:Host|Connection):/i ? () : [/^([^:]+): (.*)/] } @lines;
    $_->[0] = lc $_->[0] for @fields;

    return {
        fields => [[':method', $method], [':scheme', 'https'],
                   [':authority', 'localhost'], [':path', $target], @fields],
        body => $frames // (length $body ? [$body] : []),
        %more,
    };
}


1;
