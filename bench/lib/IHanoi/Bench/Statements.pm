package IHanoi::Bench::Statements;

# The gateway's own statements, read back from PostgreSQL's log, for pgbench to
# repeat without the gateway.

use strict;
use warnings;
use utf8;
use Exporter 'import';
use IHanoi::Bench qw(pgbench);
use IHanoi::Bench::Stand;
use IHanoi::Test ();
use JSON::PP ();

our @EXPORT = qw($call capture pgbench_read pgbench_create bodies);

# { body, read, create, key, tokens, bodies }: capture() makes it.
our $call;


# Lets the gateway do one read and one create while PostgreSQL logs them: the
# statements and arguments that pgbench then repeats are the gateway's own.
sub capture {
    my ($id) = ids($large, 1);
    my @tokens = IHanoi::Test::tokens(map {
        { sub => "bench-$_", exp => time + 86400 }
    } 1 .. 200);
    my @bodies = bodies(200);

    logging('all');
    my $size = -s $cluster->log;
    my $gw = start($large);
    my $key = '11111111-1111-4111-8111-' . sprintf '%012d', time;

    my $got = answer_of($gw, $id);

    for my $i (0 .. $#tokens) {
        my $r = $gw->post('/v1/feedback', token => $tokens[$i],
                          body => $bodies[$i],
                          key => $i ? substr($key, 0, 24) . sprintf '%012d', $i
                                    : $key,
                          headers => { 'Content-Type' => 'application/json' });
        die "POST /v1/feedback was answered "
            . ($r ? "$r->{status}: $r->{content}" : 'not at all') . "\n"
            if !$r || $r->{status} != 201;
    }

    $gw->stop;
    logging('none');

    open my $fh, '<:encoding(UTF-8)', $cluster->log or die "log: $!\n";
    seek $fh, $size, 0;
    my (@seen, $pending);

    while (<$fh>) {
        if (/LOG:\s+execute \S+: (select status.*|with .*)/) {
            $pending = $1;
        } elsif (defined $pending && /DETAIL:\s+parameters: (.*)/) {
            push @seen, { sql => $pending, parameters => parameters($1) };
            undef $pending;
        }
    }

    my ($read) = grep { $_->{sql} =~ /^select/ } @seen;
    my @creates = grep { $_->{sql} =~ /^with/ } @seen;
    die "PostgreSQL's log has no statement of the gateway\n"
        if !$read || !@creates;

    callers(@creates);

    sample($got->{content});

    return $call = {
        body   => $got->{content},
        read   => $read,
        create => $creates[0],
        key    => $key,
        tokens => paths('tokens', @tokens),
        bodies => paths('bodies', @bodies),
    };
}


# The roles' own settings keep statements out of the log; those of a role in
# one database win over them.
sub logging {
    my ($what) = @_;
    my @settings = (
        [log_statement => $what],
        [log_error_verbosity => 'default'],
        [log_parameter_max_length => -1],
    );

    for my $role (qw(ihanoi_read ihanoi_write)) {
        for my $setting (@settings) {
            my ($name, $value) = @$setting;
            my $in = "alter role $role in database $large->{name}";

            ask($large, $what eq 'none' ? "$in reset $name"
                                        : "$in set $name = '$value'");
        }
    }

    return;
}


# "$1 = 'a''b', $2 = NULL" as a list.
sub parameters {
    my ($text) = @_;
    my @values;

    while ($text =~ /\G(?:, )?\$(\d+) = (?:'((?:[^']|'')*)'|(NULL))/g) {
        my $value = $2;
        $value =~ s/''/'/g if defined $value;
        $values[$1 - 1] = $value;
    }

    return \@values;
}


# The callers that the creates came with, so that pgbench has as many.
sub callers {
    my (@creates) = @_;
    my $n = 0;
    my $text = "truncate bench.callers;\n";

    for my $create (@creates) {
        my @p = @{ $create->{parameters} };
        my ($caller, $subject) = map { my $v = $_; $v =~ s/'/''/g; "'$v'" }
                                 $p[0], $p[-4];
        $n++;
        $text .= "insert into bench.callers values ($n, $caller, $subject);\n";
    }

    $text .= "analyze bench.callers;\n";
    ask($large, $text);
    return;
}


# A statement with its parameters as pgbench variables: (text, { name => value }).
# Null and what the script sets itself are not defined as values.
sub variables {
    my ($sql, $parameters, %own) = @_;
    my %define;

    for my $i (reverse 0 .. $#$parameters) {
        my $name = $own{ $i + 1 } // 'p' . ($i + 1);
        my $value = $parameters->[$i];
        my $to = defined $value ? ":$name" : 'null';

        $sql =~ s/\$@{[$i + 1]}(?!\d)/$to/g;
        $define{$name} = $value if defined $value && !$own{ $i + 1 };
    }

    return ($sql, \%define);
}


# Another report of a thousand every 200 transactions: to take one each time would be
# another statement each time.
sub pgbench_read {
    my ($db, $text) = @_;
    my ($sql, $define) = defined $text
        ? ($text, {})
        : variables($call->{read}{sql}, $call->{read}{parameters}, 2 => 'id');

    $sql =~ s/;?\s*\z/;/;

    return pgbench(db => $db, user => 'ihanoi_read', clients => 8,
                   seconds => $seconds,
                   define => { %$define, left => 0 }, script => <<"SCRIPT");
\\if :left = 0
\\set n random(1, 1000)
select id from bench.ids where n = :n \\gset
\\set left 200
\\endif
\\set left :left - 1
$sql
SCRIPT
}


sub pgbench_create {
    my ($db, $clients) = @_;
    my $create = $call->{create};
    my @parameters = @{ $create->{parameters} };
    my $count = @parameters;
    my %own = (1 => 'caller', $count - 3 => 'subject', $count - 1 => 'key');
    my ($sql, $define) = variables($create->{sql}, \@parameters, %own);

    return pgbench(db => $db, user => 'ihanoi_write', clients => $clients,
                   seconds => $seconds,
                   define => { %$define, left => 0 }, script => <<"SCRIPT");
\\if :left = 0
\\set n random(1, 200)
select caller, subject from bench.callers where n = :n \\gset
\\set left 20
\\endif
\\set left :left - 1
\\set key random(1, 9000000000000000000)
$sql;
SCRIPT
}


# Reports as citizens write them, somewhere in the city's centre.
sub bodies {
    my ($count) = @_;
    my $json = JSON::PP->new->utf8->canonical;

    return map {
        $json->encode({
            category => 'road_damage',
            text     => "Ổ gà lớn trước số nhà $_, xe máy dễ ngã khi trời mưa.",
            lat      => 21.02 + $_ / 20000,
            long     => 105.84,
        })
    } 1 .. $count;
}


1;
