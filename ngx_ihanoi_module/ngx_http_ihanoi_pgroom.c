/*
 * Copyright (C) iHaNoi contributors
 *
 * Whether the server has room for the connections of all workers, twice: a
 * reload lets two generations live side by side.
 *
 * Blocks that have a server in common share max_connections, and those that
 * log in as one role its connection limit.  The first of them tells.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgdb.h"
#include "ngx_http_ihanoi_pgroom.h"


struct ngx_http_ihanoi_pgroom_s {
    ngx_http_ihanoi_pgstmt_t    *stmt;
    unsigned                     checked:1;  /* by this worker */
};


static void ngx_http_ihanoi_pgroom_check_done(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec);
static ngx_uint_t ngx_http_ihanoi_pgroom_need(ngx_http_ihanoi_pgdb_t *db,
    ngx_str_t *role);
static ngx_uint_t ngx_http_ihanoi_pgroom_share(ngx_http_ihanoi_pgdb_t *one,
    ngx_http_ihanoi_pgdb_t *two);
static ngx_uint_t ngx_http_ihanoi_pgroom_lack(ngx_int_t have,
    ngx_uint_t need);


static const char  ngx_http_ihanoi_pgroom_sql[] =
    "select current_setting('max_connections')::int "
    "- current_setting('superuser_reserved_connections')::int, rolconnlimit "
    "from pg_catalog.pg_roles where rolname = session_user";


ngx_int_t
ngx_http_ihanoi_pgroom_configure(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db)
{
    db->room = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_pgroom_t));
    if (db->room == NULL) {
        return NGX_ERROR;
    }

    db->room->stmt = ngx_http_ihanoi_pg_control_statement(cf, db,
                             ngx_http_ihanoi_pgroom_sql, 0,
                             "check of max_connections");

    return db->room->stmt ? NGX_OK : NGX_ERROR;
}


void
ngx_http_ihanoi_pgroom_check(ngx_http_ihanoi_pgdb_t *db)
{
    ngx_http_ihanoi_pg_outcome_e  outcome;

    if (db->room->checked || ngx_worker != 0) {
        return;
    }

    if (ngx_http_ihanoi_pgcall_submit(db, db->room->stmt, NULL, 0,
                                      ngx_http_ihanoi_pgroom_check_done,
                                      db, db->log, &outcome)
        != NULL)
    {
        db->room->checked = 1;
    }
}


static void
ngx_http_ihanoi_pgroom_check_done(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec)
{
    ngx_int_t                room, limit;
    ngx_str_t                value;
    ngx_uint_t               need, level;
    ngx_http_ihanoi_pgdb_t  *db;

    db = data;

    if (outcome != NGX_HTTP_IHANOI_PG_OK) {

        db->room->checked = 0;

        if (res) {
            ngx_http_ihanoi_pgresult_free(res);
        }

        return;
    }

    value = ngx_http_ihanoi_pgresult_value(res, 0, 0);
    room = ngx_atoi(value.data, value.len);

    /* -1: the role has none */
    value = ngx_http_ihanoi_pgresult_value(res, 0, 1);
    limit = ngx_atoi(value.data, value.len);

    ngx_http_ihanoi_pgresult_free(res);

    need = ngx_http_ihanoi_pgroom_need(db, NULL);
    level = ngx_http_ihanoi_pgroom_lack(room, need);

    if (level) {
        ngx_log_error(level, db->log, 0,
                      "database \"%V\" has room for %i connections, workers "
                      "need %ui and twice that while they are reloaded: raise "
                      "max_connections or lower \"connections\"",
                      &db->name, room, need);
    }

    need = ngx_http_ihanoi_pgroom_need(db, &db->control_user);
    level = ngx_http_ihanoi_pgroom_lack(limit, need);

    if (level) {
        ngx_log_error(level, db->log, 0,
                      "database \"%V\": the role \"%V\" may have %i "
                      "connections, workers need %ui and twice that while "
                      "they are reloaded: raise its connection limit or lower "
                      "\"connections\"",
                      &db->name, &db->control_user, limit, need);
    }
}


/*
 * What all workers need of the database's servers, for all blocks that have
 * one of them, or for those pools of them that log in as the role.  0: the
 * first of these blocks tells it.
 */

static ngx_uint_t
ngx_http_ihanoi_pgroom_need(ngx_http_ihanoi_pgdb_t *db, ngx_str_t *role)
{
    ngx_uint_t                i, k, each, seen;
    ngx_array_t              *databases;
    ngx_core_conf_t          *ccf;
    ngx_http_ihanoi_pgdb_t  **dbs;

    databases = ngx_http_ihanoi_pg_databases();
    dbs = databases->elts;

    for (i = 0, each = 0, seen = 0; i < databases->nelts; i++) {

        if (!ngx_http_ihanoi_pgroom_share(db, dbs[i])) {
            continue;
        }

        seen |= (dbs[i] == db);

        for (k = 0; k < NGX_HTTP_IHANOI_PG_POOLS; k++) {

            if (role
                && (dbs[i]->classes[k].user->len != role->len
                    || ngx_memcmp(dbs[i]->classes[k].user->data, role->data,
                                  role->len) != 0))
            {
                continue;
            }

            if (!seen) {
                return 0;
            }

            each += dbs[i]->classes[k].connections;
        }
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    return each * ngx_max((ngx_uint_t) ccf->worker_processes, 1);
}


/* Whether two blocks have a server in common. */

static ngx_uint_t
ngx_http_ihanoi_pgroom_share(ngx_http_ihanoi_pgdb_t *one,
    ngx_http_ihanoi_pgdb_t *two)
{
    ngx_uint_t                 i, k;
    ngx_http_ihanoi_pghost_t  *a, *b;

    a = one->hosts.elts;
    b = two->hosts.elts;

    for (i = 0; i < one->hosts.nelts; i++) {

        for (k = 0; k < two->hosts.nelts; k++) {

            if (a[i].name.len == b[k].name.len
                && ngx_memcmp(a[i].name.data, b[k].name.data, a[i].name.len)
                   == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}


/* How grave it is to have so many connections and to need those. */

static ngx_uint_t
ngx_http_ihanoi_pgroom_lack(ngx_int_t have, ngx_uint_t need)
{
    if (have == NGX_ERROR || (ngx_uint_t) have >= 2 * need) {
        return 0;
    }

    return ((ngx_uint_t) have < need) ? NGX_LOG_CRIT : NGX_LOG_WARN;
}
