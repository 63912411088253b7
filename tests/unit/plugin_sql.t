#!/usr/bin/perl
# What IHanoi::Plugin::Sql finds in a plugin's SQL, and what it lets through.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Plugin::Sql;

# SQL of the plugin "parking", and a part of what is said; undef: nothing.
my @cases = (
    # its own
    ['create table bookings (id uuid primary key, plate text)', undef],
    ['create table plugin_parking.bookings (id uuid)', undef],
    ['select b.id from bookings b join places p on p.id = b.place', undef],
    ['select pg_catalog.now()', undef],
    ['select extract(year from b.at) from bookings b', undef],
    ['select substring(b.plate from b.n) from bookings b', undef],
    ['select 1 where a.b is distinct from c.d', undef],
    ['insert into bookings (id) values (1) on conflict do update set id = excluded.id', undef],
    ["comment on table bookings is 'from core.people'", undef],
    ["-- from core.people\nselect 1", undef],
    ["/* from core.people /* nested */ from core.x */ select 1", undef],
    ["select E'it\\'s \\\\ fine'", undef],
    ['select public.unaccent(name) from places', undef],
    ["create function f() returns trigger language plpgsql as \$\$
      declare r record; begin select 1 into r.id; new.at := now(); return new; end \$\$", undef],
    ['create trigger t before insert on bookings for each row execute function f()', undef],
    ['create policy p on bookings using (owner = current_user)', undef],
    ['select $1::uuid', undef],
    ["select ihanoi_host.publish('parking.booked', id, '{}') from bookings", undef],

    # what nobody sees, and PostgreSQL does not take
    ["\xef\xbb\xbfselect 1", qr/^1 it begins with a byte order mark/],

    # another's
    ['select * from core.people', qr/^1 "core" is not the plugin's schema/],
    ['select * from feedback . reports', qr/"feedback"/],
    ['select * from "core".people', qr/"core"/],
    ['select * from CORE.people', qr/"core"/],
    ['select * from a, core.people', qr/"core"/],
    ['select * from ihanoi_host.x', qr/"ihanoi_host"/],
    ['select * from market.stalls', qr/"market"/],
    ['select * from plugin_parkings.x', qr/"plugin_parkings"/],
    ['select * from code_parking_1_4_0_3fa9c2d1.f(1)', qr/"code_parking/],
    ["select 1;\n\nupdate core.people set a = 1", qr/^3 "core"/],
    ['insert into market.stalls values (1)', qr/"market"/],
    ['delete from only market.stalls', qr/"market"/],
    ['create table if not exists market.x (id int)', qr/"market"/],
    ['create table x (id int references market.y)', qr/"market"/],
    ['alter table if exists market.x add y int', qr/"market"/],
    ['drop function if exists market.f()', qr/"market"/],
    ['create unique index on market.x (a)', qr/"market"/],
    ['create trigger t after insert on market.x execute function f()', qr/"market"/],
    ['create trigger t after insert on x execute function market.f()', qr/"market"/],
    ['select market.f(1)', qr/"market"/],
    ["select '1'::market.t", qr/"market"/],
    ['create view public.v as select 1', qr/"public"/],
    ["create function f() returns int language sql as \$f\$\nselect id from market.x\n\$f\$", qr/^2 "market"/],
    ["do \$\$ begin\n perform market.f(); end \$\$", qr/^2 "market"/],
    ['truncate market.x', qr/"market"/],

    # the operator's, and the gateway's
    ['set role postgres', qr/role is the operator/],
    ["select 1; reset role", qr/role is the operator/],
    ['set local session authorization x', qr/role is the operator/],
    ['set search_path = core', qr/search path/],
    ['begin; select 1; commit', qr/one transaction/],
    ['create schema market', qr/makes the plugin's schemas/],
    ['create extension dblink', qr/operator's to do/],
    ['create role x', qr/operator's to do/],
    ['create event trigger x on ddl_command_end execute function f()', qr/operator's to do/],
    ['alter system set x = 1', qr/operator's to do/],
    ['grant select on bookings to public', qr/rights are given/],
    ['alter default privileges grant select on tables to x', qr/operator's to do/],
    ["copy bookings from program 'id'", qr/no files/],
    ['create index concurrently on bookings (a)', qr/one transaction/],
    ['select pg_read_file(\'/etc/passwd\')', qr/pg_read_file\(\)/],
    (map { ["select $_(1, 2)", qr/^1 $_\(\) .*ihanoi_host\.lock\(name\)/] }
     map { ("pg_${_}lock", "pg_${_}lock_shared") } map { ("${_}advisory_", "${_}advisory_xact_") } '', 'try_'),
    ["create function f() returns void language plpgsql as \$\$\nbegin perform pg_advisory_xact_lock(1); end \$\$",
     qr/^2 pg_advisory_xact_lock\(\)/],
    ['select ihanoi_host.lock(\'orders\')', undef],
    ['create function f() returns int security definer language sql as $$select 1$$', qr/security definer/],
    ["\\! id", qr/backslash/],
    ["select 1 \\gexec", qr/backslash/],
    ['select $a$ x', qr/\$a\$ is not ended/],
);

for my $case (@cases) {
    my ($sql, $expected) = @$case;
    my @found = map { "@$_" } IHanoi::Plugin::Sql::check('parking', $sql);

    if ($expected) {
        like($found[0] // '', $expected, $sql);
    } else {
        is("@found", '', $sql);
    }
}

done_testing();
