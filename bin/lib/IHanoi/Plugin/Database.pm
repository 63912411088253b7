package IHanoi::Plugin::Database;

# What a version of a plugin needs in the database, for deployments, "ihanoi
# run" and whoever starts a gateway with a plugin:
#
#   my $database = IHanoi::Plugin::Database->new($plugin);  # as look() has it
#   $database->prepare;                  # roles and schema, as administrator
#   $database->migrate(sub { ... });     # those that it lacked: called for each name
#   my $made = $database->code;          # functions: true if they were made
#
# Connections are by the PG* variables, an account that may create roles; the
# plugin's own SQL never runs as that. It runs as a role of this deployment,
# whose session is not the administrator's, so that RESET ROLE, a deferred
# trigger or a held cursor find nothing to go back to; and it is not shown to
# psql as a script, so that no "\!" is obeyed.
#
# All exit with a message when something is wrong; what was begun is undone by
# its transaction. What has no transaction is undone by whoever gives new() a second
# argument: $undo->('what it is', sub { ... }), which returns what takes that back.
# Otherwise the next deployment does.

use strict;
use warnings;
use Digest::SHA qw(hmac_sha256 sha256 sha256_hex);
use MIME::Base64 qw(encode_base64);
use IHanoi::Command;
use IHanoi::Plugin::Folder;
use IHanoi::Release qw(check_functions);

# A migration that waits for a table's lock holds up every query behind it.
use constant LIMITS => "set lock_timeout = '3s';\n"
                     . "set statement_timeout = '10min';\n"
                     . "set idle_in_transaction_session_timeout = '1min';\n";

use constant ROUNDS => 4096;


sub new {
    my ($class, $plugin, $undo) = @_;

    return bless {
        plugin => $plugin,
        undo   => $undo // sub { sub { } },
        name   => $plugin->{name},
        data   => "plugin_$plugin->{name}",
        owner  => "owner_$plugin->{name}",
        runs   => "plugin_$plugin->{name}",
        schema => $plugin->{code},
        label  => "$plugin->{name} $plugin->{version} $plugin->{hash}",
    }, $class;
}


# Roles and schema. One deployment of a plugin at a time, from here until the
# object is gone: of all gateways that share the database.
sub prepare {
    my ($self) = @_;

    $self->_lock;
    psql('\\set plugin ' . quoted($self->{name}) . "\n"
         . '\\i ' . quoted(share() . '/sql/plugin.sql') . "\n")
        or fail("the roles of $self->{name} could not be made;",
                'see the message above');
    $self->_forget_expired;

    return;
}


# Migrations that the database lacks. A name that was applied with other
# contents is refused.
sub pending {
    my ($self) = @_;
    my %applied = map { @$_ } sql(<<'SQL', log => "$self->{data}.ihanoi_migrations");
select to_regclass(:'log') is not null as there \gset
\if :there
select name, checksum from :log;
\endif
SQL
    my @pending;

    for my $file ($self->_files('migrations')) {
        my ($name) = $file->{path} =~ m{^migrations/(.*)\.sql$};
        my $was = delete $applied{$name};

        push @pending, { %$file, name => $name } if !defined $was;
        !defined $was || $was eq $file->{sha256}
            or refuse("$name of $self->{name} was edited after it was applied:",
                      'restore it, and write a new migration instead');
    }

    refuse("the database of $self->{name} has migrations that this version",
           'lacks:', join(', ', sort keys %applied) . ': deploy a newer one,',
           'or go back with "ihanoi plugin rollback"') if %applied;

    return @pending;
}


# Each in a transaction and a session of its own. Those applied are told as soon as they
# are: they stay, whatever comes next.
sub migrate {
    my ($self, $applied) = @_;
    my @pending = $self->pending or return;
    my @names = map { $_->{name} } @pending;
    my @scripts = map {
        "begin;\n"
            . "set local search_path = $self->{data}, public;\n"
            . $self->_execute($_)
            . "insert into $self->{data}.ihanoi_migrations"
            . ' (name, checksum, version) values ('
            . join(', ', map { quoted($_) } $_->{name}, $_->{sha256},
                   $self->{plugin}{version})
            . ");\ncommit;\n"
    } @pending;
    my @done;

    $self->_as_owner(sub {
        my ($run) = @_;

        for my $script (@scripts) {
            if (!$run->($script)) {

                # psql's code for a connection that broke: at the commit, perhaps.
                $? >> 8 == 2
                    and fail("whether migration $names[@done] of $self->{name} was applied",
                             'is not known: the connection broke, see the message above;',
                             'deploy again, which finds out');
                return 0;
            }

            push @done, $names[@done];
            $applied->($done[-1]) if $applied;
        }

        return 1;
    }) and return;

    my $failed = $names[@done];
    fail("migration $failed of $self->{name} failed and was undone;",
         'see the message above'
         . (@done ? ' (' . join(', ', @done) . ' stay)' : ''));
}


# The functions of this version, in a schema of their own that is not changed
# afterwards. False when they are there already: then they are granted only.
sub code {
    my ($self) = @_;
    my ($schema, $owner, $runs) = @$self{qw(schema owner runs)};
    my @files = $self->_files('sql') or return 0;
    my $usage = "grant usage on schema $schema to $runs;\n";
    my $rest = "grant execute on all functions in schema $schema to $runs;\n"
             . "grant select on all tables in schema $schema to $runs;\n";

    my ($there) = sql(<<'SQL', schema => $schema);
select pg_get_userbyid(nspowner), obj_description(oid, 'pg_namespace')
  from pg_namespace where nspname = :'schema'
SQL

    if ($there) {
        $there->[0] eq $owner
            or refuse("the schema $schema belongs to $there->[0], not to $owner");

        # The role may be another one of that name, which had no grants yet.
        if ($there->[1] eq $self->{label}) {
            psql("begin;\n$usage${rest}commit;\n")
                or fail("could not grant $schema to $runs; see the message above");
            return 0;
        }

        # A deployment that was killed has left it half done.
        $self->drop_code($schema);
    }

    my $dropped = $self->{undo}->("the functions $schema", sub {
        $self->drop_code($schema) or die "see the message above\n";
        return '';
    });
    psql(<<"SQL") or fail("could not create $schema; see the message above");
begin;
create schema $schema authorization $owner;
${usage}commit;
SQL

    my $path = "set local search_path = $schema, $self->{data}, public;\n";
    my $script = "begin;\n"
        . "set local check_function_bodies = off;\n"
        . $path . join('', map { $self->_execute($_) } @files)
        . $path . "set local check_function_bodies = on;\n"
        . check_functions($schema) . <<"SQL";
revoke all on all functions in schema $schema from public;
${rest}comment on schema $schema is @{[quoted($self->{label})]};
commit;
SQL

    if (!$self->_as_owner(sub { $_[0]->($script) })) {
        $self->drop_code($schema) and $dropped->();
        fail("the functions of $self->{name} $self->{plugin}{version} were not",
             'made; see the message above');
    }

    return 1;
}


# Drops the functions of a version that nothing runs any more.
sub drop_code {
    my ($self, $schema) = @_;

    $schema =~ /^code_\Q$self->{name}\E_[a-z0-9_]+\z/
        or die "\"$schema\" is no code of $self->{name}\n";

    return psql("set lock_timeout = '3s';\n"
                . "set client_min_messages = warning;\n"
                . "drop schema if exists $schema cascade;\n");
}


# Drops the functions of versions, and what a killed deployment has half made.
sub drop_versions {
    my ($self, @versions) = @_;
    my %old = map { ("$self->{name} $_" => 1) } @versions;

    # Another gateway's deployment may be making some of them again.
    $self->_lock;

    for my $row (sql(<<'SQL', owner => $self->{owner}, like => "^code_$self->{name}_")) {
select nspname, obj_description(oid, 'pg_namespace') from pg_namespace
 where nspowner = to_regrole(:'owner') and nspname ~ :'like'
SQL
        my ($schema, $label) = @$row;

        $self->drop_code($schema) or return 0
            if $label eq '' || $old{ $label =~ s/ \S+\z//r };
    }

    # They may have been the last that needed what no plugin should have.
    return psql('\\i ' . quoted(share() . '/sql/plugin_locks.sql') . "\n");
}


# Files of a folder of the plugin that end in ".sql", in the order of names.
sub _files {
    my ($self, $folder) = @_;
    return grep { $_->{path} =~ m{^\Q$folder\E/.*\.sql$} }
                @{ $self->{plugin}{files} };
}


# A file as one statement, which cannot end the transaction that it is in. Its
# bytes are those that were looked at.
sub _execute {
    my ($self, $file) = @_;
    my $text = slurp("$self->{plugin}{folder}/$file->{path}");

    sha256_hex($text) eq $file->{sha256}
        or fail("$file->{path} changed while it was deployed");

    # Nobody can have written them into the file.
    my ($outer, $inner) = map { "\$ih_" . _random(16) . "\$" } 1 .. 2;

    # A message of the server's has no file's name, and a migration's is told anyway.
    my $named = $file->{path} =~ m{^sql/} ? 'exception when others then raise exception using'
        . ' errcode = sqlstate, message = ' . quoted("$file->{path}: ") . ' || sqlerrm;' : '';

    return "do $outer begin execute $inner$text$inner; $named end $outer;\n";
}


# Calls $code with a function that runs SQL, with success as its result, as a
# role that is a member of the owner's and is dropped afterwards.
sub _as_owner {
    my ($self, $code) = @_;
    my $role = "deploy_$self->{name}_" . _random(8);
    my $password = _random(32);
    my $dropped = $self->{undo}->("the role $role", sub {
        $self->_forget($role);
        return '';
    });

    # Only a hash of the password is sent. One psql runs at a time, but backends of
    # those before it may not have left yet.
    psql(<<"SQL") or fail('could not make a role to deploy with');
begin;
create role $role login nosuperuser in role $self->{owner}, ihanoi_plugin_deploy
    connection limit 20 password @{[quoted(_scram($password))]}
    valid until @{[quoted(_in_an_hour())]};
alter role $role set role = '$self->{owner}';
commit;
SQL

    my $run = sub {
        my ($text) = @_;
        local $ENV{PGUSER} = $role;
        local $ENV{PGPASSWORD} = $password;
        delete local $ENV{PGSERVICE};

        return psql("\\set VERBOSITY terse\n" . LIMITS . $text);
    };

    # Asked before: a connection that breaks later ends psql with the same code.
    my $result = $run->('');

    if ($result) {
        $result = $code->($run);

    } elsif ($? >> 8 == 2) {
        print STDERR "no connection as \"$role\": what pg_hba.conf needs is in",
                     " docs/plugin-deploy.md\n";
    }

    $self->_forget($role);
    $dropped->();
    return $result;
}


# Drops a role that was deployed with, if it is there. What a migration has made after
# RESET ROLE is the plugin's too.
sub _forget {
    my ($self, $role) = @_;

    psql(<<"SQL") or fail("could not drop the role $role");
select to_regrole('$role') is not null as there \\gset
\\if :there
begin;
reassign owned by $role to $self->{owner};
drop owned by $role;
drop role $role;
commit;
\\endif
SQL
    return;
}


# Those that deployments left which were killed. A role that is still good may
# be in use, in another database of this cluster.
sub _forget_expired {
    my ($self) = @_;

    for my $row (sql(<<'SQL', like => "^deploy_$self->{name}_[0-9a-f]{8}\$")) {
select rolname from pg_roles
 where rolname ~ :'like' and rolvaliduntil < now();
SQL
        $self->_forget($row->[0]);
    }

    return;
}


# An advisory lock, in a session that lives as long as the object.
sub _lock {
    my ($self) = @_;

    return if $self->{lock};

    require IPC::Open2;
    my $pid = IPC::Open2::open2(my $out, my $in, 'psql', '-X', '-q', '-A',
                                '-t', '-v', 'ON_ERROR_STOP=1');
    $in->autoflush;
    print $in "set idle_session_timeout = 0;\n"
              . 'select pg_try_advisory_lock(hashtext('
              . quoted("ihanoi plugin $self->{name}") . ")::bigint);\n";
    my $got = <$out> // '';
    $self->{lock} = { pid => $pid, in => $in, out => $out };

    $got =~ /^[tf]$/ or fail('the database refused; see the message above');
    $got =~ /^t/ or fail("somebody else deploys $self->{name} to this database");

    return;
}


sub DESTROY {
    my ($self) = @_;
    my $lock = delete $self->{lock} or return;

    # Not the exit code of the program that ends with it.
    local ($?, $!);
    close $lock->{in};
    waitpid $lock->{pid}, 0;
    return;
}


# Random hexadecimal digits.
sub _random {
    my ($digits) = @_;

    open my $fh, '<:raw', '/dev/urandom' or fail("/dev/urandom: $!");
    sysread $fh, my $bytes, $digits / 2;
    return unpack 'H*', $bytes;
}


sub _in_an_hour {
    require POSIX;
    return POSIX::strftime('%Y-%m-%d %H:%M:%S+00', gmtime time + 3600);
}


# What PostgreSQL stores of a password (RFC 5803, RFC 7677).
sub _scram {
    my ($password) = @_;
    my $salt = pack 'H*', _random(32);
    my $block = hmac_sha256("$salt\0\0\0\1", $password);
    my $salted = $block;

    for (2 .. ROUNDS) {
        $block = hmac_sha256($block, $password);
        $salted ^= $block;
    }

    my ($stored, $server) = map { encode_base64($_, '') }
        sha256(hmac_sha256('Client Key', $salted)),
        hmac_sha256('Server Key', $salted);

    return 'SCRAM-SHA-256$' . ROUNDS . ':' . encode_base64($salt, '')
         . "\$$stored:$server";
}


1;
