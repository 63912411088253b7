/*
 * Copyright (C) iHaNoi contributors
 *
 * Does the release have the functions that the contracts call?
 *
 * Asked when the control connection stands, and now and then: a later migrate
 * heals what was missing.  The catalogue knows names and types, so its words
 * are better than the error of a prepare; whether a call is possible is
 * decided by preparing it.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgconn.h"
#include "ngx_http_ihanoi_pgdb.h"
#include "ngx_http_ihanoi_pgstate.h"
#include "ngx_http_ihanoi_pgcatalogue.h"


/* asked again; sooner while something is missing */
#define NGX_HTTP_IHANOI_PGCATALOGUE_CHECK    60000
#define NGX_HTTP_IHANOI_PGCATALOGUE_RECHECK  5000


struct ngx_http_ihanoi_pgcatalogue_s {
    ngx_http_ihanoi_pgstmt_t    *stmt;
    const char                  *wanted[1];  /* JSON: functions to look for */
    ngx_msec_t                   next;       /* check */
    unsigned                     checking:1;
    unsigned                     checked:1;
};


static ngx_int_t ngx_http_ihanoi_pgcatalogue_compose(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db);
static u_char *ngx_http_ihanoi_pgcatalogue_json(u_char *p, ngx_str_t *s);
static u_char *ngx_http_ihanoi_pgcatalogue_json_array(u_char *p,
    ngx_array_t *a);
static void ngx_http_ihanoi_pgcatalogue_heal(ngx_http_ihanoi_pgdb_t *db);
static void ngx_http_ihanoi_pgcatalogue_check_done(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec);


/*
 * $1 is [{"i": index, "f": function, "u": role, "n": [names], "t": [types]},
 * ...].  The answer has a row for each function that cannot be called like
 * that: index and what is wrong.  The first schema of search_path that has the
 * function counts, as it does for a call, among those that the role may use;
 * the others are looked at to say so, which the error of a prepare does not.
 */

static const char  ngx_http_ihanoi_pgcatalogue_sql[] =
    "select w.i, case when p.oid is null "
    "then format('function %s(%s) does not exist', w.f, "
        "(select string_agg(concat_ws(' ', g.name, g.type), ', ' "
         "order by g.ord) from unnest(w.n, w.t) "
         "with ordinality g(name, type, ord))) "
    "when not p.usable "
    "then format('function %s: the role %s may not use the schema %s', w.f, "
        "w.u, p.nspname) "
    "else format('function %s %s', w.f, d.faults) end "
    "from (select (e->>'i')::int as i, e->>'f' as f, e->>'u' as u, "
        "array(select jsonb_array_elements_text(e->'n')) as n, "
        "array(select jsonb_array_elements_text(e->'t')) as t "
        "from jsonb_array_elements($1::jsonb) e) w "
    "cross join (select array_agg((parse_ident(s))[1]::name) as path from "
        "unnest(string_to_array(current_setting('search_path'), ',')) s) s "
    "left join lateral (select p.*, n.nspname, u.usable "
        "from pg_catalog.pg_proc p "
        "join pg_catalog.pg_namespace n on n.oid = p.pronamespace "
        "cross join lateral (select coalesce(has_schema_privilege("
            "to_regrole(quote_ident(w.u))::oid, n.oid, 'usage'), true) "
            "as usable) u "
        "where p.proname = w.f and n.nspname = any (s.path) "
        "order by u.usable desc, array_position(s.path, n.nspname), "
        "(p.proargnames @> w.n) desc nulls last limit 1) p on true "
    "left join lateral (with args as ("
        "select a.name, a.type, row_number() over (order by a.ord) as ord "
        "from unnest(p.proargnames, p.proargmodes, "
            "coalesce(p.proallargtypes, p.proargtypes::oid[])) "
            "with ordinality a(name, mode, type, ord) "
        "where coalesce(a.mode, 'i') in ('i', 'b', 'v')) "
        "select string_agg(f.fault, '; ') as faults from ("
        "select case when a.name is null "
            "then format('has no argument \"%s\"', g.name) "
            "when a.type is distinct from to_regtype(g.type)::oid "
            "then format('has argument \"%s\" of type %s, the contract "
                "has %s', g.name, format_type(a.type, null), g.type) end "
            "as fault from unnest(w.n, w.t) g(name, type) "
            "left join args a on a.name = g.name "
        "union all select format('needs argument \"%s\", which the contract "
            "does not have', a.name) from args a "
            "where a.ord <= p.pronargs - p.pronargdefaults "
            "and a.name <> all (w.n)) f) d on p.oid is not null "
    "where p.oid is null or not p.usable or d.faults is not null "
    "order by w.i";


ngx_int_t
ngx_http_ihanoi_pgcatalogue_configure(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db)
{
    ngx_http_ihanoi_pgcatalogue_t  *catalogue;

    catalogue = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_pgcatalogue_t));
    if (catalogue == NULL) {
        return NGX_ERROR;
    }

    db->catalogue = catalogue;

    if (ngx_http_ihanoi_pgcatalogue_compose(cf, db) != NGX_OK) {
        return NGX_ERROR;
    }

    catalogue->stmt = ngx_http_ihanoi_pg_control_statement(cf, db,
                             ngx_http_ihanoi_pgcatalogue_sql, 1,
                             "check of the catalogue");

    return catalogue->stmt ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_ihanoi_pgcatalogue_compose(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db)
{
    size_t                      size;
    u_char                     *p, *start;
    ngx_str_t                  *s, *user;
    ngx_uint_t                  i, n;
    ngx_array_t                *a[2];
    ngx_http_ihanoi_pgstmt_t  **stmts;

    stmts = db->stmts.elts;
    size = sizeof("[]");

    for (i = 0; i < db->stmts.nelts; i++) {

        /* each byte could need six as \u00xx */

        user = db->classes[stmts[i]->class].user;

        size += sizeof(",{\"i\":,\"f\":\"\",\"u\":\"\",\"n\":[],\"t\":[]}")
                + NGX_INT_T_LEN + 6 * (stmts[i]->function.len + user->len);

        a[0] = stmts[i]->argnames;
        a[1] = stmts[i]->argtypes;

        for (n = 0; n < 2; n++) {

            if (a[n] == NULL) {
                continue;
            }

            for (s = a[n]->elts;
                 s < (ngx_str_t *) a[n]->elts + a[n]->nelts;
                 s++)
            {
                size += sizeof(",\"\"") + 6 * s->len;
            }
        }
    }

    start = ngx_pnalloc(cf->pool, size);
    if (start == NULL) {
        return NGX_ERROR;
    }

    p = start;
    *p++ = '[';

    for (i = 0; i < db->stmts.nelts; i++) {

        if (stmts[i]->function.len == 0) {
            continue;
        }

        if (p[-1] != '[') {
            *p++ = ',';
        }

        p = ngx_sprintf(p, "{\"i\":%ui,\"f\":", i);
        p = ngx_http_ihanoi_pgcatalogue_json(p, &stmts[i]->function);
        p = ngx_cpymem(p, ",\"u\":", 5);
        p = ngx_http_ihanoi_pgcatalogue_json(p,
                                          db->classes[stmts[i]->class].user);
        p = ngx_cpymem(p, ",\"n\":", 5);
        p = ngx_http_ihanoi_pgcatalogue_json_array(p, stmts[i]->argnames);
        p = ngx_cpymem(p, ",\"t\":", 5);
        p = ngx_http_ihanoi_pgcatalogue_json_array(p, stmts[i]->argtypes);
        *p++ = '}';
    }

    *p++ = ']';
    *p = '\0';

    db->catalogue->wanted[0] = (char *) start;

    return NGX_OK;
}


static u_char *
ngx_http_ihanoi_pgcatalogue_json(u_char *p, ngx_str_t *s)
{
    *p++ = '"';
    p = (u_char *) ngx_escape_json(p, s->data, s->len);
    *p++ = '"';

    return p;
}


static u_char *
ngx_http_ihanoi_pgcatalogue_json_array(u_char *p, ngx_array_t *a)
{
    ngx_str_t   *s;
    ngx_uint_t   i;

    *p++ = '[';

    if (a) {
        s = a->elts;

        for (i = 0; i < a->nelts; i++) {

            if (i) {
                *p++ = ',';
            }

            p = ngx_http_ihanoi_pgcatalogue_json(p, &s[i]);
        }
    }

    *p++ = ']';

    return p;
}


ngx_uint_t
ngx_http_ihanoi_pgcatalogue_checked(ngx_http_ihanoi_pgdb_t *db)
{
    return db->catalogue->checked;
}


void
ngx_http_ihanoi_pgcatalogue_look(ngx_http_ihanoi_pgdb_t *db)
{
    if ((ngx_msec_int_t) (ngx_current_msec - db->catalogue->next) >= 0) {
        ngx_http_ihanoi_pgcatalogue_check(db);
    }

    ngx_http_ihanoi_pgcatalogue_heal(db);
}


void
ngx_http_ihanoi_pgcatalogue_check(ngx_http_ihanoi_pgdb_t *db)
{
    ngx_http_ihanoi_pg_outcome_e  outcome;
    ngx_http_ihanoi_pgcatalogue_t  *catalogue;

    catalogue = db->catalogue;

    if (catalogue->checking) {
        return;
    }

    catalogue->next = ngx_current_msec + NGX_HTTP_IHANOI_PGCATALOGUE_RECHECK;

    if (ngx_http_ihanoi_pgcall_submit(db, catalogue->stmt,
                                      catalogue->wanted, 0,
                                      ngx_http_ihanoi_pgcatalogue_check_done,
                                      db, db->log, &outcome)
        != NULL)
    {
        catalogue->checking = 1;
    }
}


static void
ngx_http_ihanoi_pgcatalogue_check_done(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec)
{
    u_char                       *p;
    u_char                        buf[1024];
    ngx_int_t                     index;
    ngx_str_t                     value, sentence;
    ngx_uint_t                    i, row, rows, missing;
    ngx_http_ihanoi_pgdb_t       *db;
    ngx_http_ihanoi_pgstmt_t    **stmts;
    ngx_http_ihanoi_pgcatalogue_t  *catalogue;

    db = data;
    catalogue = db->catalogue;
    catalogue->checking = 0;

    if (outcome != NGX_HTTP_IHANOI_PG_OK) {

        if (outcome == NGX_HTTP_IHANOI_PG_SQLERROR) {
            value = ngx_http_ihanoi_pgresult_sqlstate(res);
            sentence = ngx_http_ihanoi_pgresult_loggable(res);
            ngx_log_error(NGX_LOG_ERR, db->log, 0,
                          "database \"%V\": the catalogue could not be "
                          "checked: %V (SQLSTATE %V)",
                          &db->name, &sentence, &value);
            ngx_http_ihanoi_pgresult_free(res);
        }

        return;
    }

    catalogue->checked = 1;
    missing = 0;

    stmts = db->stmts.elts;
    rows = ngx_http_ihanoi_pgresult_rows(res);
    row = 0;

    for (i = 0; i < db->stmts.nelts; i++) {

        if (row < rows) {
            value = ngx_http_ihanoi_pgresult_value(res, row, 0);
            index = ngx_atoi(value.data, value.len);

            if (index == (ngx_int_t) i) {
                value = ngx_http_ihanoi_pgresult_value(res, row, 1);

                p = ngx_snprintf(buf, sizeof(buf), "operation \"%V\": %V",
                                 &stmts[i]->operation, &value);

                sentence.data = buf;
                sentence.len = p - buf;

                ngx_http_ihanoi_pgstate_unlisted(db, stmts[i], &sentence);

                missing = 1;
                row++;
                continue;
            }
        }

        ngx_http_ihanoi_pgstate_listed(db, stmts[i]);

        if (db->states[i].missing) {
            missing = 1;
        }
    }

    ngx_http_ihanoi_pgresult_free(res);

    catalogue->next = ngx_current_msec
                    + (missing ? NGX_HTTP_IHANOI_PGCATALOGUE_RECHECK
                               : NGX_HTTP_IHANOI_PGCATALOGUE_CHECK);
}


/*
 * What could not be prepared although the catalogue has it: once more, on a
 * connection that lacks it.  When none does, it is there.
 */

static void
ngx_http_ihanoi_pgcatalogue_heal(ngx_http_ihanoi_pgdb_t *db)
{
    ngx_uint_t                  i, n, lacking;
    ngx_http_ihanoi_pgpool_t   *pool;
    ngx_http_ihanoi_pgconn_t   *pc;
    ngx_http_ihanoi_pgstmt_t  **stmts;
    ngx_http_ihanoi_pgstate_t  *state;

    stmts = db->stmts.elts;

    for (i = 0; i < db->stmts.nelts; i++) {
        state = &db->states[i];

        if (!state->missing || state->blamed
            || (ngx_msec_int_t) (ngx_current_msec - state->retry) < 0)
        {
            continue;
        }

        pool = &db->pools[stmts[i]->class];

        lacking = 0;

        for (n = 0; n < pool->class->connections; n++) {
            pc = &pool->conns[n];

            if (pc->state != NGX_HTTP_IHANOI_PGCONN_READY
                || pc->prepared[i])
            {
                continue;
            }

            lacking = 1;

            if (pc->in_flight == 0) {
                ngx_http_ihanoi_pgconn_try(pc, stmts[i]);
                break;
            }
        }

        if (!lacking && pool->ready) {
            ngx_http_ihanoi_pgstate_prepared(db, stmts[i]);
        }
    }
}
