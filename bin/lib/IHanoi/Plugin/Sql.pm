package IHanoi::Plugin::Sql;

# What a plugin's SQL may not do, found by reading it.
#
# The plugin's role in the database is what keeps it in its schema; this only
# says so before a deployment fails. It reads words, not grammar: text built at
# run time is not seen.

use strict;
use warnings;
use IHanoi::Command ();

# A schema follows these at once: "from core.people".
my %NAMES = map { $_ => 1 } qw(from join table references view function
    procedure type sequence domain truncate call update into);

# ... after some of these.
my %BETWEEN = map { $_ => 1 } qw(only if not exists or replace materialized
    lateral concurrently table);

# Functions whose arguments have a "from" that names no table.
my %WORDY = map { $_ => 1 } qw(extract substring trim overlay position);

# Statements by their first words, and what to do instead.
my @FORBIDDEN = (
    [qr/^(?:begin|commit|rollback|savepoint|start transaction|end)\b/,
     'a migration runs in one transaction, which the gateway begins and ends'],
    [qr/^(?:set|reset) (?:local |session )?(?:role|session)\b/,
     'the role is the operator\'s'],
    [qr/^set (?:local |session )?search_path\b/,
     'the gateway sets the search path'],
    [qr/^(?:create|alter|drop) schema\b/,
     'the gateway makes the plugin\'s schemas'],
    [qr/^(?:create|alter|drop) (?:or replace )?(?:trusted )?(?:role|user|group|database|tablespace|extension|language|server|event|publication|subscription|foreign)\b/,
     'that is the operator\'s to do'],
    [qr/^alter (?:system|default)\b/, 'that is the operator\'s to do'],
    [qr/^(?:grant|revoke|reassign|security)\b/,
     'rights are given by the operator'],
    [qr/^copy\b/, 'a plugin has no files; use insert'],
    [qr/^(?:create|drop) (?:unique )?index concurrently\b/,
     'a migration runs in one transaction; without "concurrently"'],
    [qr/^(?:vacuum|cluster|checkpoint|listen|load)\b/,
     'that is the operator\'s to do'],
);

my %FORBIDDEN_CALL = map { $_ => 1 } qw(pg_read_file pg_read_binary_file
    pg_ls_dir pg_stat_file lo_import lo_export dblink dblink_connect
    pg_terminate_backend pg_cancel_backend set_config pg_reload_conf
    lo_creat lo_create lo_from_bytea);


# Findings about all SQL of a plugin as look() describes it.
sub findings {
    my ($plugin) = @_;
    my (@found, %numbers, %functions);
    my %publishes = map { $_ => 1 } @{ $plugin->{publishes} };

    for my $file (map { $_->{path} } @{ $plugin->{files} }) {
        next if $file !~ m{^(?:migrations|sql)/};

        my $add = sub {
            push @found, { level => 'error', file => $file, line => $_[0],
                           reason => $_[1] };
        };

        if (!$plugin->{database}) {
            $add->(0, 'plugin.json must ask for a database, "permissions": '
                      . '{"database": true}');
        }

        if ($file =~ m{^migrations/}) {
            if ($file !~ m{^migrations/(\d{4})_[a-z0-9_]+\.sql$}) {
                $add->(0, 'must be called like migrations/0001_bookings.sql');
                next;
            }
            $add->(0, "there are two migrations $1: $numbers{$1}")
                if $numbers{$1};
            $numbers{$1} //= $file;
        } elsif ($file !~ /\.sql$/) {
            next;
        }

        open my $fh, '<:raw', "$plugin->{folder}/$file" or next;
        my $text = do { local $/; <$fh> };

        $add->(@$_) for check($plugin->{name}, $text);

        # A migration stays when the manifest has left its event behind.
        for my $event (grep { !$publishes{ $_->[1] } } _published($text)) {
            push @found, { level => 'warning', file => $file, line => $event->[0],
                           reason => "\"$event->[1]\" is published, and is not in "
                                     . '"publishes" of plugin.json' };
        }

        $functions{$_} = 1 for _functions($text);
    }

    for my $name (grep { !$functions{$_} } @{ $plugin->{sql} }) {
        push @found, { level => 'error', file => 'openapi.json',
                       reason => "\"x-ihanoi-sql\": \"$name\" is not made by "
                                 . 'any file in sql/ or migrations/' };
    }

    return @found;
}


# [line, reason] of each fault of a text.
sub check {
    my ($name, $text) = @_;
    my @faults;
    my @tokens = _tokens($text, 1, \@faults);
    my $core = _core_schemas();
    my @open;                       # words before the parentheses around
    my $start = 0;

    push @faults, [1, 'it begins with a byte order mark'] if $text =~ /\A\xef\xbb\xbf/;

    for my $i (0 .. $#tokens) {
        my ($word, $line) = @{ $tokens[$i] };

        if ($word eq ';') {
            $start = $i + 1;
            @open = ();
            next;
        }

        push @open, $i ? $tokens[$i - 1][0] : '' if $word eq '(';
        pop @open if $word eq ')';

        if ($i == $start) {
            my $end = $i + 5 > $#tokens ? $#tokens : $i + 5;
            my $head = join ' ', map { $_->[0] } @tokens[$i .. $end];
            my ($hit) = grep { $head =~ $_->[0] } @FORBIDDEN;

            # "begin" and "end" of a function's body are not statements.
            push @faults, [$line, "\"$word\": $hit->[1]"]
                if $hit && !$tokens[$i][2];
        }

        if ($FORBIDDEN_CALL{$word} && _is($tokens[$i + 1], '(')) {
            push @faults, [$line, "$word() is not for plugins"];
        }

        if ($word =~ /^pg_(?:try_)?advisory_(?:xact_)?lock(?:_shared)?\z/ && _is($tokens[$i + 1], '(')) {
            push @faults, [$line, "$word() is not for plugins: call ihanoi_host.lock(name)"];
        }

        if ($word eq 'security' && _is($tokens[$i + 1], 'definer')) {
            push @faults, [$line, '"security definer": a function runs with '
                                  . 'the rights of who calls it'];
        }

        # schema.name
        next if $word !~ /^[a-z_"]/ || !_is($tokens[$i + 1], '.')
                || $i && $tokens[$i - 1][0] eq '.';

        (my $schema = $word) =~ s/^"|"$//g;
        my $kind = _kind(\@tokens, $i, $start, $open[-1] // '');

        next if !$kind && !$core->{$schema};
        next if $schema eq "plugin_$name"
                || $schema =~ /^(?:pg_catalog|information_schema|pg_temp|new|old|excluded)$/
                || $schema =~ /^(?:public|ihanoi_host)$/ && $kind eq 'call';

        push @faults, [$line, "\"$schema\" is not the plugin's schema"];
    }

    my %seen;
    return grep { !$seen{"@$_"}++ } sort { $a->[0] <=> $b->[0] } @faults;
}


# Names of the functions that a text makes.
sub _functions {
    my ($text) = @_;
    my @words = map { $_->[0] } _tokens($text, 1, []);
    my @names;

    for my $i (grep { $words[$_] eq 'function' } 0 .. $#words) {
        my $make = join ' ', grep { defined } @words[($i > 2 ? $i - 3 : 0) .. $i - 1];
        next if $make !~ /\bcreate(?: or replace)?$/;

        my $at = ($words[$i + 2] // '') eq '.' ? $i + 3 : $i + 1;
        push @names, $words[$at] =~ s/^"|"$//gr if defined $words[$at];
    }

    return @names;
}


# [line, event] of each event that a text publishes by its name.
sub _published {
    my ($text) = @_;
    my @tokens = _tokens($text, 1, []);

    return map { [@{ $tokens[$_ + 4] }[1, 3]] }
           grep { join('', map { $_->[0] } @tokens[$_ .. $_ + 4]) eq "ihanoi_host.publish(''" }
           0 .. $#tokens - 4;
}


sub _is { return $_[0] && $_[0][0] eq $_[1] }


# What makes the word before a dot a schema, if it is one: "table" or "call".
sub _kind {
    my ($tokens, $i, $start, $around) = @_;

    # core.people_find(...), ::public.geometry
    return 'call' if _is($tokens->[$i + 3], '(')
                     && !($i > $start && $tokens->[$i - 1][0] eq 'into');
    return 'call' if $i && $tokens->[$i - 1][0] eq '::';

    my $j = $i - 1;
    $j-- while $j > $start && $BETWEEN{ $tokens->[$j][0] }
               && !$NAMES{ $tokens->[$j][0] };

    return '' if $j < $start;

    my $word = $tokens->[$j][0];

    if ($word eq 'on') {
        my $head = join ' ', map { $_->[0] } @$tokens[$start .. $j];
        return $head =~ /^create (?:or replace |unique |constraint )*(?:index|trigger|policy|rule)\b/
            ? 'table' : '';
    }

    return '' if !$NAMES{$word};
    return '' if $word eq 'from'
                 && ($WORDY{$around} || _is($tokens->[$j - 1], 'distinct'));
    # "select ... into record.field" of PL/pgSQL
    return '' if $word eq 'into'
                 && !($j > 0 && $tokens->[$j - 1][0] =~ /^(?:insert|merge)$/);

    return 'table';
}


# Words and signs as [text in lower case, line, inside a body, what a text has]; bodies
# of functions are read too.
sub _tokens {
    my ($text, $line, $faults, $inside) = @_;
    my @tokens;

    for ($text) {
        while (1) {
            if (/\G(\s+)/gc) {
                $line += $1 =~ tr/\n//;
            } elsif (/\G--[^\n]*/gc) {
                # nothing
            } elsif (m{\G(/\*(?:[^*/]++|\*(?!/)|/(?!\*)|(?1))*+\*/)}gcs) {
                $line += $1 =~ tr/\n//;
            } elsif (/\Ge('(?:[^'\\]++|\\.|'')*+')/gcsi
                     || /\G('(?:[^']++|'')*+')/gcs) {
                push @tokens, ["''", $line, $inside, substr $1, 1, -1];
                $line += $1 =~ tr/\n//;
            } elsif (/\G(\$(?:[A-Za-z_]\w*)?\$)/gc) {
                my $tag = $1;
                if (!/\G(.*?)\Q$tag\E/gcs) {
                    push @$faults, [$line, "$tag is not ended"];
                    return @tokens;
                }
                my $body = $1;
                push @tokens, ["''", $line, $inside];
                # a body of its own, after which the statement goes on
                push @tokens, [';', $line, 1],
                    _tokens($body, $line, $faults, 1), [';', $line, 1]
                    if @tokens > 1 && $tokens[-2][0] =~ /^(?:as|do|plpgsql|sql)$/;
                $line += $body =~ tr/\n//;
            } elsif (/\G("(?:[^"]++|"")*+")/gc) {
                push @tokens, [$1, $line, $inside];
            } elsif (/\G([A-Za-z_\x80-\xff][\w\x80-\xff\$]*)/gc) {
                push @tokens, [lc $1, $line, $inside];
            } elsif (/\G(\d[\w.]*|::|\$\d+)/gc) {
                push @tokens, [$1, $line, $inside];
            } elsif (/\G\\/gc) {
                push @$faults, [$line, 'a backslash begins a command of psql, '
                                       . 'which is not SQL'];
                return @tokens;
            } elsif (/\G(.)/gcs) {
                push @tokens, [$1, $line, $inside];
            } else {
                last;
            }
        }
    }

    return @tokens;
}


# The schemas that our own migrations make.
my $core;

sub _core_schemas {
    return $core if $core;

    for my $file (glob "'${\ IHanoi::Command::share() }/sql/migrations/*.sql'") {
        open my $fh, '<', $file or next;

        while (my $line = <$fh>) {
            $core->{$1} = 1 if $line =~ /^create schema (\w+)/;
        }
    }

    return $core //= {};
}


1;
