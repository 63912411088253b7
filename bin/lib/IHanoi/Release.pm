package IHanoi::Release;

# The name of a release: the version, and a hash over the SQL code, so that
# two checkouts with the same code agree and an edit is another release.

use strict;
use warnings;
use Digest::SHA;
use Exporter 'import';
use File::Find ();

our @EXPORT_OK = qw(check_functions code_files release_name);


# The files of sql/code, relative to $share, sorted.
sub code_files {
    my ($share) = @_;
    my @files;

    return if !-d "$share/sql/code";

    File::Find::find({
        no_chdir => 1,
        wanted   => sub { push @files, $_ if /\.sql$/ && -f },
    }, "$share/sql/code");

    return sort map { substr $_, length "$share/" } @files;
}


# "0_1_0_3fa9c2d1". Names are hashed too: moving a file is a change.
sub release_name {
    my ($share) = @_;
    my $sha = Digest::SHA->new(256);

    open my $fh, '<', "$share/VERSION" or die "could not read VERSION: $!\n";
    chomp(my $version = <$fh>);
    $version =~ /^\d+(\.\d+)*$/ or die "VERSION must be digits and dots\n";

    for my $file (code_files($share)) {
        $sha->add("$file\0");
        $sha->addfile("$share/$file");
        $sha->add("\0");
    }

    return $version =~ tr/./_/r . '_' . substr $sha->hexdigest, 0, 8;
}


# SQL that holds the functions of a code schema, created with
# check_function_bodies = off, to what a release must be.
sub check_functions {
    my ($schema) = @_;

    return <<"SQL";
do \$\$
declare
    f record;
begin
    for f in
        select p.oid, p.oid::regprocedure as name, l.lanname
          from pg_proc p join pg_language l on l.oid = p.prolang
         where p.pronamespace = '$schema'::regnamespace
           and p.prokind = 'f'
    loop
        begin
            case f.lanname
            when 'sql' then perform pg_catalog.fmgr_sql_validator(f.oid);
            when 'plpgsql' then perform pg_catalog.plpgsql_validator(f.oid);
            else null;
            end case;
        exception when others then
            raise exception using errcode = sqlstate, message = f.name || ': ' || sqlerrm;
        end;
    end loop;

    -- The contract names a function by its name alone.
    for f in
        select proname as name
          from pg_proc
         where pronamespace = '$schema'::regnamespace
         group by proname having count(*) > 1
    loop
        raise exception 'function % is overloaded', f.name;
    end loop;
end \$\$;
SQL
}


1;
