package IHanoi::Plugin::Run;

# ihanoi plugin run.

use strict;
use warnings;
use Cwd qw(realpath);
use File::Find ();
use IO::Handle;
use IO::Socket::INET;
use JSON::PP ();
use Time::HiRes qw(sleep time);
use IHanoi::Command;
use IHanoi::Plugin::Folder;
use IHanoi::Plugin::LocalGateway;
use IHanoi::Plugin::Logs qw(plugin_line line_text);

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

# Log lines of a request that has not ended are shown after this many seconds.
my $PATIENCE = 3;


sub run {
    my $opt = options(<<'USAGE', 'port=i', 'setting=s@', 'secret=s@', 'backend=s@');
usage: ihanoi plugin run [FOLDER] [options]

A gateway with this plugin alone, on 127.0.0.1, for whoever writes it. What is
saved in the folder is served at once; when something is wrong with it, that is
shown and the last good one goes on. Shows each request with the plugin's log
lines under it. Tokens are printed, and a private PostgreSQL is made when the
manifest asks for a database. Ctrl-C ends it, and nothing is left.

  FOLDER              default: the folder you are in
  --port N            default 8090
  --setting NAME=VALUE   a setting, in JSON or as text; may be repeated
  --secret NAME=FILE     a secret's file; without it the secret is "test secret"
  --backend NAME=PORT    where a backend listens on 127.0.0.1; without it nobody
                         does

Answers are held against the contract, all of them: the plugin's log lines say
what is wrong with one.

Exit code: 0 ended by Ctrl-C, 130 before it served; 1 it could not be started;
2 usage.
USAGE

    if (@ARGV > 1) {
        print STDERR "ihanoi plugin run: one FOLDER\n";
        exit 2;
    }

    STDOUT->autoflush;

    my $folder = realpath($ARGV[0] // '.') // fail("there is no folder \"$ARGV[0]\"");
    my $port = $opt->{port} // 8090;
    $port > 0 && $port < 65_536 or fail("$port is no port: 1 to 65535");
    my $plugin = _look($folder) // fail('mend this first');
    my $given = _given($opt, $folder);

    IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => $port,
                          ReuseAddr => 1)
        or fail("port $port of 127.0.0.1 is taken: --port " . ($port + 1));

    my ($over, $busy, $owner) = (0, 1, $$);
    # Nobody who reads, "| head": the gateway must not stay behind.
    local @SIG{qw(INT TERM HUP PIPE)} = (sub {
        $over = 1;
        die "ended\n" if $busy && $$ == $owner;
    }) x 4;

    my $gateway;
    my $why = eval {
        $gateway = IHanoi::Plugin::LocalGateway->new(plugin => $plugin, port => $port, %$given);
        $gateway->start;
        undef;
    } // $@;
    $busy = 0;

    if ($over) {
        undef $gateway;
        print "\nended before it served\n";
        return 130;
    }

    if (length $why) {
        $gateway->stop if $gateway;
        chomp $why;
        fail($why);
    }

    # Whether it is ready is asked by the start itself.
    $gateway->requests;
    _welcome($gateway, $plugin, $given);
    _serve($gateway, $folder, \$over, \$busy) if !$over;

    $gateway->stop;
    print "\nended\n";
    return 0;
}


sub _serve {
    my ($gateway, $folder, $over, $busy) = @_;
    my $served = _state($folder);
    my $name = $gateway->{plugin}{name};
    my %waiting;

    while (!$$over) {
        sleep 0.1;
        _show($gateway, $name, \%waiting);

        # A save may take several writes: wait until it is quiet.
        my $now = _state($folder);
        next if $now eq $served;
        sleep 0.15;
        next if $$over || _state($folder) ne $now;

        $served = $now;
        $$busy = 1;
        eval { _reload($gateway, $folder, $over); 1 } or $$over or die $@;
        $$busy = 0;
    }

    _show($gateway, $name, \%waiting);
    return;
}


sub _reload {
    my ($gateway, $folder, $over) = @_;
    my $before = $gateway->{plugin};
    my $plugin = _look($folder);

    if (!$plugin || $plugin->{name} ne $before->{name}) {
        print $plugin ? "the name is another now: start again\n" : '',
              "-- not taken: $before->{version} ", _short($before), " goes on\n";
        return;
    }

    return if $plugin->{hash} eq $before->{hash};

    if (!eval { $gateway->reload(plugin => $plugin); 1 }) {
        return if $$over;
        print "$@-- not taken: $before->{version} ", _short($before), " goes on\n";
        return;
    }

    print "-- serves $plugin->{version} ", _short($plugin), "\n";
    return;
}


sub _short { return substr $_[0]{hash}, 0, 12 }


# Requests that have ended, each with its log lines; then lines of no request,
# and of those that take long.
sub _show {
    my ($gateway, $name, $waiting) = @_;

    my @lines = map { plugin_line($_, $name) // () } $gateway->log_lines;

    for my $line ($gateway->in_full(@lines)) {
        if (defined(my $id = $line->{request})) {
            push @{ $waiting->{$id}{lines} }, $line;
            $waiting->{$id}{since} //= time;
        } else {
            print _indented($line);
        }
    }

    for my $request ($gateway->requests) {
        printf "%-6s %s %s %.0f ms\n", $request->{method},
               $request->{path} =~ s/[^ -~]/?/gr, $request->{status},
               $request->{seconds} * 1000;
        my $lines = delete $waiting->{ $request->{id} };
        print map { _indented($_) } @{ $lines->{lines} // [] };
    }

    for my $id (grep { $waiting->{$_}{since} < time - $PATIENCE } keys %$waiting) {
        print map { _indented($_) } @{ delete($waiting->{$id})->{lines} };
    }

    return;
}


# Of a line what is not the same in all of them here.
sub _indented { return '    ' . line_text({ %{ $_[0] }{qw(level text)} }) }


# What was asked for on the command line.
sub _given {
    my ($opt, $folder) = @_;
    my $manifest = eval { $json->decode(slurp("$folder/plugin.json")) } // {};
    my (%settings, %secrets, %backends);

    for my $row (_pairs('setting', $opt)) {
        my $value = eval { $json->decode($row->[1]) };
        $settings{ $row->[0] } = defined $value ? $value
            : do { my $text = $row->[1]; utf8::decode($text); $text };
    }

    $secrets{ $_->[0] } = slurp($_->[1]) for _pairs('secret', $opt);

    my @names = @{ ($manifest->{permissions} // {})->{backends} // [] };

    for my $row (_pairs('backend', $opt)) {
        my ($name, $port) = @$row;
        $port =~ /^\d{1,5}\z/ && $port > 0 && $port < 65_536
            or fail("--backend $name=PORT: \"$port\" is no port");
        grep { $_ eq $name } @names or fail("the manifest asks for no backend \"$name\"");
        $backends{$name} = $port;
    }

    # Port 1 is nobody's: such a backend refuses.
    $backends{$_} //= 1 for @names;

    return { settings => \%settings, secrets => \%secrets, backends => \%backends };
}


sub _pairs {
    my ($name, $opt) = @_;

    return map { [/^([a-z][a-z0-9_]*)=(.*)\z/s
                  ? ($1, $2) : fail("--$name \"$_\" is not NAME=...")] }
           @{ $opt->{$name} // [] };
}


sub _look {
    my ($folder) = @_;

    # On another branch, perhaps.
    if (!-d $folder) {
        print "there is no folder \"$folder\"\n";
        return;
    }

    my ($plugin, @findings) = look($folder);

    report(\*STDOUT, @findings);
    return $plugin && !grep({ is_error($_) } @findings) ? $plugin : undef;
}


# Names, kinds, sizes and times of all that stands in the plugin's folders, without what
# is no part of it: a link is to be told of, too.
sub _state {
    my ($folder) = @_;
    my @rows;

    return '' if !-d $folder;
    File::Find::find({ no_chdir => 1, wanted => sub {
        my $name = substr $_, length $folder;
        $name =~ m{/[.]} and do { $File::Find::prune = 1; return };
        my @stat = lstat $_ or return;
        push @rows, "$name $stat[2] $stat[7] $stat[9] $stat[1]" if !-d _;
    } }, $folder);

    return join "\n", sort @rows;
}


sub _welcome {
    my ($gateway, $plugin, $given) = @_;
    my $url = $gateway->url;
    my $document = $json->decode(slurp("$plugin->{folder}/openapi.json"));
    my @operations;

    for my $path (sort keys %{ $document->{paths} }) {
        push @operations, map { sprintf "  %-6s %s%s\n", uc, $url, $path }
            grep { exists $document->{paths}{$path}{$_} } qw(get post put patch delete);
    }

    print "$plugin->{name} $plugin->{version} ", _short($plugin), "\n\n",
          @operations, "\n  contract $url/openapi.json\n  metrics  $url/metrics\n";

    if (my $cluster = $gateway->{cluster}) {
        print '  database psql -h ', $cluster->socket, ' -p ', $cluster->port,
              " -U plugin_$plugin->{name} ihanoi\n";
    }

    print "  backend $_ listens nowhere: --backend $_=PORT\n"
        for grep { $given->{backends}{$_} == 1 } sort keys %{ $given->{backends} };

    my @scopes = _scopes($document);

    print "\nTokens for 12 hours, by assurance",
          (@scopes ? "; the officer's has the scopes @scopes" : ''), ":\n\n",
          'citizen (phone)     ', $gateway->token(sub => 'test-citizen', assurance => 'phone'),
          "\n\n", 'officer (verified)  ',
          $gateway->token(sub => 'test-officer', scope => @scopes ? "@scopes" : undef), "\n\n",
          "What is saved in $plugin->{folder} is served at once. Ctrl-C ends it.\n\n";
    return;
}


# All that operations of a contract ask for: nobody else can mint what they need.
sub _scopes {
    my ($document) = @_;
    my %scopes;

    for my $asks ($document, grep { ref eq 'HASH' }
                             map { values %$_ } values %{ $document->{paths} })
    {
        $scopes{$_} = 1 for map { @$_ } map { values %$_ } @{ $asks->{security} // [] };
    }

    return sort keys %scopes;
}


1;
