package IHanoi::Plugin::Contract;

# A plugin's contract as its callers see it, read for a comparison: what
# "ihanoi plugin compare" needs of openapi.json and the files beside it that
# "$ref" names. Says nothing about whether it is right: "check" does.
#
#   my $contract = read_contract($read);   # dies with a reason
#
# $read gives the bytes of a file by its name, or undef. $contract has
#
#   operations  by "GET /v1/x/{}": { method, path, node, parameters, body,
#               responses, security, ... }, see _operation()
#   problems    status by problem code
#
# A node is a place in a document: { set, file, at, value }, "at" a JSON
# pointer. Only follow() leads through "$ref".

use strict;
use warnings;
use Exporter 'import';
use JSON::PP ();

our @EXPORT_OK = qw(read_contract child follow);

# As ihanoi_document.h and ihanoi_route.h have them.
my $SIZE  = 4_194_304;
my $DEPTH = 64;
my $FILES = 64;

my @METHODS = qw(get post put patch delete);


sub read_contract {
    my ($read) = @_;
    my $set = { read => $read, files => {} };
    my $root = _document($set, 'openapi.json');
    my (%operations, %problems);

    my $paths = child($root, 'paths');
    _hash($paths);

    for my $path (sort keys %{ $paths->{value} }) {
        my $item = child($paths, $path);
        _hash($item);

        for my $method (grep { exists $item->{value}{$_} } @METHODS) {
            # Names in a path are not the callers'.
            my $key = uc($method) . ' ' . $path =~ s/\{[^{}]*\}/{}/gr;

            $operations{$key} = _operation($root, $item, $method, $path);
        }
    }

    my $rows = $root->{value}{'x-ihanoi-problems'};
    if (ref $rows eq 'HASH') {
        $problems{$_} = ref $rows->{$_} eq 'HASH' ? $rows->{$_}{status} // 0 : 0
            for keys %$rows;
    }

    return { operations => \%operations, problems => \%problems };
}


# What a caller meets at an operation:
#
#   parameters  by "query limit", "header if-match", "path 1": nodes of objects
#   body        node of the request's body, or undef
#   responses   nodes by status
#   public, optional, scopes    who may call: scopes is a hash
#   assurance   0 to 3
#   key         "required", "optional" or "" when it takes no Idempotency-Key
#   open        parameters of the query that are not declared pass
#   whole       the body is one value, its members are not arguments
sub _operation {
    my ($root, $item, $method, $path) = @_;
    my $node = child($item, $method);
    _hash($node);

    my $value = $node->{value};
    my @alternatives = @{ $value->{security} // $root->{value}{security} // [] };
    my ($bearer) = map { $_->{bearer} // () } grep { ref eq 'HASH' } @alternatives;

    my %operation = (
        method     => uc $method,
        path       => $path,
        id         => $value->{operationId} // '',
        node       => $node,
        parameters => _parameters($item, $node, $path),
        public     => !@alternatives,
        optional   => scalar(grep { ref eq 'HASH' && !%$_ } @alternatives),
        scopes     => { map { $_ => 1 } @{ $bearer // [] } },
        assurance  => { declared => 1, phone => 2, verified => 3 }
                      ->{ $value->{'x-ihanoi-assurance'} // '' } // 0,
        key        => $method ne 'post' ? ''
                      : $value->{'x-ihanoi-idempotency'} // 'required',
        open       => ($value->{'x-ihanoi-query'} // '') eq 'open',
        whole      => ($value->{'x-ihanoi-body'} // '') eq 'whole',
        deprecated => !!$value->{deprecated},
    );

    if (exists $value->{requestBody}) {
        $operation{body} = follow(child($node, 'requestBody'));
        _hash($operation{body});
    }

    my $responses = child($node, 'responses');
    _hash($responses);

    for my $status (keys %{ $responses->{value} }) {
        $operation{responses}{$status} = follow(child($responses, $status));
        _hash($operation{responses}{$status});
    }

    return \%operation;
}


# Those of the operation override those of its path. A path's are known by
# where they stand, a header's name has no case.
sub _parameters {
    my ($item, $node, $path) = @_;
    my @names = $path =~ /\{([^{}]*)\}/g;
    my %place = map { $names[$_] => $_ + 1 } 0 .. $#names;
    my %parameters;

    for my $owner ($item, $node) {
        my $list = $owner->{value}{parameters} // next;
        ref $list eq 'ARRAY' or die _where($owner), ": \"parameters\" is no list\n";

        for my $i (0 .. $#$list) {
            my $parameter = follow(child($owner, 'parameters', $i));
            _hash($parameter);

            my ($in, $name) = map { $_ // '' } @{ $parameter->{value} }{qw(in name)};
            my $key = $in eq 'path' ? 'path ' . ($place{$name} // $name)
                      : $in eq 'header' ? 'header ' . lc $name : "$in $name";
            $parameters{$key} = $parameter;
        }
    }

    return \%parameters;
}


sub _document {
    my ($set, $file) = @_;

    if (!$set->{files}{$file}) {
        keys %{ $set->{files} } < $FILES or die "more than $FILES documents\n";

        my $bytes = $set->{read}->($file) // die "there is no $file\n";
        length $bytes <= $SIZE or die "$file is larger than $SIZE bytes\n";

        my $value = eval { JSON::PP->new->utf8->max_depth($DEPTH)->decode($bytes) }
            // die "$file is not JSON\n";
        $set->{files}{$file} = { set => $set, file => $file, at => '',
                                 value => $value };
    }

    return $set->{files}{$file};
}


# The node below another; its value is undef when there is none.
sub child {
    my ($node, @keys) = @_;
    my ($value, $at) = @$node{qw(value at)};

    for my $key (@keys) {
        $value = ref $value eq 'HASH' ? $value->{$key}
               : ref $value eq 'ARRAY' && $key =~ /^\d+\z/ ? $value->[$key]
               : undef;
        $at .= '/' . $key =~ s/~/~0/gr =~ s{/}{~1}gr;
    }

    return { %$node, at => $at, value => $value };
}


# The node that "$ref" leads to, or the same one.
sub follow {
    my ($node) = @_;

    for (1 .. $DEPTH) {
        ref $node->{value} eq 'HASH' && exists $node->{value}{'$ref'}
            or return $node;

        my $ref = $node->{value}{'$ref'};
        my ($file, $pointer) = $ref =~ m{^([A-Za-z0-9_][A-Za-z0-9._-]*)?\#(/.*)\z}s
            or die _where($node), ": \"\$ref\" leads nowhere\n";

        my $next = child(_document($node->{set}, $file // $node->{file}),
                         map { s/~1/\//gr =~ s/~0/~/gr }
                         split m{/}, substr($pointer, 1), -1);
        defined $next->{value}
            or die _where($node), ": there is no \"$ref\"\n";
        $node = $next;
    }

    die _where($node), ": \"\$ref\" goes in a circle\n";
}


sub _hash {
    my ($node) = @_;
    return if ref $node->{value} eq 'HASH';
    die _where($node), ' is ', defined $node->{value} ? 'no object' : 'missing', "\n";
}


sub _where { return "$_[0]{file} $_[0]{at}" }


1;
