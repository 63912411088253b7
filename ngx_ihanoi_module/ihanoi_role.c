/*
 * Copyright (C) iHaNoi contributors
 *
 * What the database role of a plugin reaches beyond the plugin's own schemas.
 *
 * PostgreSQL holds the plugin there, whatever SQL it sends, but only as well as
 * somebody has granted.  A right without USAGE of the schema reaches nothing
 * and is not told; what extensions bring to everybody (PostGIS in public) is
 * the same for all; in pg_catalog only what was granted to this very role.
 */

#include "ihanoi_role.h"


const char  ihanoi_role_sql[] =

    "with role as (select r.* from pg_catalog.pg_roles r "
        "where r.rolname = any (select pg_catalog.jsonb_array_elements_text("
            "coalesce($1::jsonb, pg_catalog.jsonb_build_array(session_user)))"
            ")), "

    "own as (select s.oid from pg_catalog.pg_namespace s "
        "where s.nspname in ('plugin_' || $2::text, $3::text) "
            "or s.nspname ~ ('^code_' || $2::text || '_[0-9]+_[0-9]+_') "
                "and s.nspowner in (select d.nspowner "
                    "from pg_catalog.pg_namespace d "
                    "where d.nspname = 'plugin_' || $2::text) "
            "or s.nspowner in (select oid from role)), "

    /* others' schemas, as far as the role may use them */

    "schema as (select role.oid as role, role.rolname, s.oid, s.nspname "
        "from role, pg_catalog.pg_namespace s "
        "where not role.rolsuper "
            "and s.oid not in (select oid from own) "
            "and s.nspname <> 'information_schema' "
            "and not (s.nspname = 'ihanoi_host' and pg_catalog."
                "pg_get_userbyid(s.nspowner) = 'ihanoi_owner') "
            "and s.nspname !~ '^pg_(toast|temp)' "
            "and pg_catalog.has_schema_privilege(role.oid, s.oid, 'usage')), "

    "relation as (select schema.rolname, schema.nspname, c.relname, "
            "may.privilege "
        "from schema join pg_catalog.pg_class c "
            "on c.relnamespace = schema.oid "
            "and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S'), "
        "lateral (values ('select'), ('insert'), ('update'), ('delete'), "
            "('truncate'), ('references'), ('trigger')) may (privilege) "
        "where (schema.nspname <> 'pg_catalog' "
            "or exists (select from pg_catalog.aclexplode(c.relacl) a "
                "where a.grantee = schema.role)) "
        "and case when c.relkind = 'S' then may.privilege = 'update' "
                "and pg_catalog.has_sequence_privilege(schema.role, c.oid, "
                    "'usage, update') "
            "when may.privilege in ('delete', 'truncate', 'trigger') "
                "then pg_catalog.has_table_privilege(schema.role, c.oid, "
                    "may.privilege) "
            "else pg_catalog.has_any_column_privilege(schema.role, c.oid, "
                "may.privilege) end "
        "and (may.privilege <> 'select' or not exists ("
            "select from pg_catalog.pg_depend d "
            "where d.classid = 'pg_catalog.pg_class'::regclass "
                "and d.objid = c.oid and d.deptype = 'e'))), "

    "function as (select schema.rolname, schema.nspname, p.proname, "
            "p.prosecdef or schema.nspname = 'pg_catalog' as grave "
        "from schema join pg_catalog.pg_proc p "
            "on p.pronamespace = schema.oid "
        "where pg_catalog.has_function_privilege(schema.role, p.oid, "
                "'execute') "
            "and p.prorettype not in ('pg_catalog.trigger'::regtype, "
                "'pg_catalog.event_trigger'::regtype) "
            "and case when schema.nspname = 'pg_catalog' "
                "then exists (select from pg_catalog.aclexplode(p.proacl) a "
                    "where a.grantee = schema.role) "
                "else not exists (select from pg_catalog.pg_depend d "
                    "where d.classid = 'pg_catalog.pg_proc'::regclass "
                        "and d.objid = p.oid and d.deptype = 'e') end) "

    "select f.grave, f.finding from ("

    "select 1 as n, a.grave, pg_catalog.format('role \"%s\" %s', "
            "role.rolname, a.what) as finding "
        "from role, lateral (values "
            "(role.rolsuper, true, 'is a superuser'), "
            "(role.rolcreaterole, true, 'may create roles, and so be any'), "
            "(role.rolbypassrls, true, 'is not held by row security'), "
            "(role.rolreplication, true, 'may copy the whole cluster'), "
            "(role.rolcreatedb, false, 'may create databases')) "
            "a (has, grave, what) "
        "where a.has and (a.what = 'is a superuser' or not role.rolsuper) "

    "union all select 2, true, pg_catalog.format("
            "'role \"%s\" is a member of \"%s\"', role.rolname, g.rolname) "
        "from role join pg_catalog.pg_auth_members m on m.member = role.oid "
            "join pg_catalog.pg_roles g on g.oid = m.roleid "
        "where not role.rolsuper and g.oid not in (select oid from role) "

    "union all select 3, true, pg_catalog.format("
            "'role \"%s\" owns the database', role.rolname) "
        "from role join pg_catalog.pg_database d on d.datdba = role.oid "
        "where d.datname = pg_catalog.current_database() "
            "and not role.rolsuper "

    "union all select 4, false, pg_catalog.format("
            "'role \"%s\" may create schemas', role.rolname) "
        "from role where not role.rolsuper "
            "and pg_catalog.has_database_privilege(role.oid, "
                "pg_catalog.current_database(), 'create') "

    /* what stands in public is found by everybody's search_path */

    "union all select 5, true, pg_catalog.format("
            "'role \"%s\" may create objects in schema \"%s\"', "
            "schema.rolname, schema.nspname) "
        "from schema where pg_catalog.has_schema_privilege(schema.role, "
            "schema.oid, 'create') "

    "union all select 6, true, pg_catalog.format("
            "'role \"%s\" may %s %s of schema \"%s\": %s%s', t.rolname, "
            "t.privileges, case t.n when 1 then 'a table' "
                "else t.n || ' tables' end, t.nspname, "
            "pg_catalog.array_to_string(t.names[1:3], ', '), "
            "case when t.n > 3 then ', ...' else '' end) "
        "from (select r.rolname, r.nspname, "
                "pg_catalog.string_agg(distinct r.privilege, ', ') "
                    "as privileges, "
                "pg_catalog.count(distinct r.relname) as n, "
                "pg_catalog.array_agg(distinct r.relname::text) as names "
            "from relation r group by 1, 2) t "

    "union all select 7, t.grave, pg_catalog.format("
            "'role \"%s\" may run %s of schema \"%s\"%s: %s%s', t.rolname, "
            "case t.n when 1 then 'a function' "
                "else t.n || ' functions' end, t.nspname, "
            "case when t.grave then ' with other rights than its own' "
                "else '' end, "
            "pg_catalog.array_to_string(t.names[1:3], ', '), "
            "case when t.n > 3 then ', ...' else '' end) "
        "from (select p.rolname, p.nspname, p.grave, "
                "pg_catalog.count(distinct p.proname) as n, "
                "pg_catalog.array_agg(distinct p.proname::text) as names "
            "from function p group by 1, 2, 3) t"

    ") f order by f.grave desc, f.n, f.finding limit 20";
