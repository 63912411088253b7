#!/usr/bin/perl
# The table of the module's README names every source and no other, other pages every file
# of their folders or every table, docs/conventions.md every file that sees OpenSSL or
# libpq, `make help` every target, and a plugin's README the events that others may
# subscribe to.

use lib 'tests/lib';
use IHanoi::Test;
use JSON::PP ();

my $dir = tree() . '/ngx_ihanoi_module';

my %source = map { m{(\w+)\.c$} ? ($1 => 1) : () } glob "'$dir'/*.c";

# "ihanoi_jwk_key", "_jwk": what a name with a line before it is short for ends where the
# full name in front of it has a line too; the longest that there is.
my (%named, @nothing);
my ($table) = text_of("$dir/README.md") =~ /^\| file \|.*\n\| ---.*\n((?:\|.*\n)+)/m;

for my $row (split /\n/, $table) {
    my $full;

    for my $name ((split /\|/, $row)[1] =~ /`([^`]+)`/g) {
        next if $name eq 'ihanoi_*.c';

        if ($name !~ /^_/) {
            $full = $name;
        } else {
            my $front = $full;
            $front =~ s/_[^_]*$// while $front =~ /_/ && !$source{"$front$name"};
            $name = "$front$name";
        }

        $source{$name} ? $named{$name}++ : push @nothing, $name;
    }
}

is_deeply([grep { !$named{$_} } sort keys %source], [], 'the README names every source');
is_deeply(\@nothing, [], 'and nothing that is none');
is_deeply([grep { $named{$_} > 1 } sort keys %named], [], 'and each once');

# Pages that list a folder.
for (['docs/postgres.md', 'ngx_ihanoi_module/ngx_http_ihanoi_pg*.[ch]'],
     ['bin/README.md', 'bin/*', 'bin/commands/*', 'bin/lib/IHanoi/*.pm', 'bin/lib/IHanoi/Plugin/*.pm'],
     ['tests/README.md', 'tests/tools/*'],
     ['bench/README.md', 'bench/*', 'bench/lib/IHanoi/Bench/*.pm']) {
    my ($page, @globs) = @$_;
    my $named = join ' ', text_of($page) =~ s{^```.*?^```}{}gmsr =~ /`([^`]+)`/g;
    my %name = map { m{/([\w-]+)[^/]*$} ? ($1 => 1) : () }
               grep { -f } map { glob "'${\ tree()}'/$_" } @globs;

    delete $name{README};
    is_deeply([grep { $named !~ /\b\Q$_\E\b/ } sort keys %name], [], "$page names each file");
}

# Tables, but for the default partitions.
my $tables = text_of('sql/README.md');
is_deeply([grep { !/_default$/ && $tables !~ /`$_`/ }
           text_of('sql/schema.sql') =~ /^CREATE (?:UNLOGGED )?TABLE \w+\.(\w+)/mg], [],
          'sql/README.md names each table');

# Foreign libraries.
my ($libpq, $openssl) = text_of('docs/conventions.md')
    =~ /^- libpq is seen by (.*?);\s+OpenSSL by (.*?);/ms;

for (['libpq', $libpq, qr/^#include [<"]libpq/m], ['OpenSSL', $openssl, qr/^#include [<"]openssl/m]) {
    my ($library, $said, $include) = @$_;
    my @named = map { glob "'$dir'/$_" } $said =~ /`([\w*]+\.c)`/g;
    my @seen = grep { text_of($_) =~ $include } glob "'$dir'/*.[ch]";

    is_deeply([sort @named], [sort @seen], "conventions.md names who sees $library");
}

# Targets.
my @targets = text_of('Makefile') =~ /^\.PHONY: (all .*)$/m ? split(' ', $1) : ();
cmp_ok(scalar @targets, '>', 10, 'make has targets');
is_deeply([sort map { /^  (\w+) +\S/ ? $1 : () } qx(make -s -C '${\ tree()}' help)], [sort @targets],
          'and help names them');

# Plugins. A README that goes through the migrations leaves none out; one that names the
# first two has said where the rules stand.
for my $folder (sort glob "'${\ tree()}/plugins/'*/") {
    my ($plugin) = $folder =~ m{(\w+)/\z};
    my $readme = text_of("$folder/README.md");
    my $manifest = JSON::PP->new->decode(text_of("$folder/plugin.json"));
    my @migrations = map { m{(\d{4}_\w+\.sql)\z} } glob "'$folder'/migrations/*.sql";
    my @named = grep { $readme =~ /\b$_/ } @migrations;
    my @left = grep { $readme !~ /\b\Q$_\E\b/ } @{ $manifest->{events}{publishes} // [] };

    is_deeply(\@left, [], "$plugin: its README tells of what it publishes");
    is(scalar @named, scalar @migrations, '... and of each migration') if @named > 2;
}

done_testing();
