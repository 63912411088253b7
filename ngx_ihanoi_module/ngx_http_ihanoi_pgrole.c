/*
 * Copyright (C) iHaNoi contributors
 *
 * A plugin's database: whether it stands, and whether its roles reach the
 * plugin's own schemas only.
 *
 * The question is ihanoi_role.c's.  It is asked over the control connection
 * when that stands, and now and then: somebody may grant too much at any time,
 * and revoke it.  What was found is kept as PostgreSQL's answer.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ihanoi_role.h"
#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgdb.h"
#include "ngx_http_ihanoi_pgrole.h"


/* asked again; sooner while something is wrong, or nobody could answer */
#define NGX_HTTP_IHANOI_PGROLE_CHECK    60000
#define NGX_HTTP_IHANOI_PGROLE_RECHECK  5000

#define NGX_HTTP_IHANOI_PGROLE_PARAMS   3


struct ngx_http_ihanoi_pgrole_s {
    ngx_http_ihanoi_pgstmt_t    *stmt;
    const char                  *values[NGX_HTTP_IHANOI_PGROLE_PARAMS];

    /* this worker's */
    ngx_http_ihanoi_pgresult_t  *res;        /* what was found; NULL: nothing
                                                was asked yet */
    ngx_msec_t                   next;       /* check */
    unsigned                     checking:1;
    unsigned                     grave:1;    /* something in res is */
    unsigned                     away:1;     /* it is logged */
};


static const char *ngx_http_ihanoi_pgrole_names(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db);
static void ngx_http_ihanoi_pgrole_check_done(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec);
static ngx_uint_t ngx_http_ihanoi_pgrole_found(
    ngx_http_ihanoi_pgresult_t *res, ngx_str_t *finding);
static void ngx_http_ihanoi_pgrole_tell(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgresult_t *res);


ngx_int_t
ngx_http_ihanoi_pgrole_configure(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db)
{
    ngx_http_ihanoi_pgrole_t  *role;

    if (db->texts == NULL) {
        return NGX_OK;
    }

    role = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_pgrole_t));
    if (role == NULL) {
        return NGX_ERROR;
    }

    db->role = role;

    role->values[0] = ngx_http_ihanoi_pgrole_names(cf, db);
    role->values[1] = (char *) db->plugin.data;
    role->values[2] = (char *) db->schema.data;

    role->stmt = ngx_http_ihanoi_pg_control_statement(cf, db, ihanoi_role_sql,
                                               NGX_HTTP_IHANOI_PGROLE_PARAMS,
                                               "check of the plugin's role");

    return (role->values[0] && role->stmt) ? NGX_OK : NGX_ERROR;
}


/* The roles of its pools in JSON: they need not be one. */

static const char *
ngx_http_ihanoi_pgrole_names(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db)
{
    size_t       size;
    u_char      *p, *start;
    ngx_str_t   *user;
    ngx_uint_t   i;

    size = sizeof("[]");

    for (i = 0; i < NGX_HTTP_IHANOI_PG_POOLS; i++) {
        size += sizeof("\"\",") + 6 * db->classes[i].user->len;
    }

    start = ngx_pnalloc(cf->pool, size);
    if (start == NULL) {
        return NULL;
    }

    p = start;
    *p++ = '[';

    for (i = 0; i < NGX_HTTP_IHANOI_PG_POOLS; i++) {
        user = db->classes[i].user;

        if (i) {
            *p++ = ',';
        }

        *p++ = '"';
        p = (u_char *) ngx_escape_json(p, user->data, user->len);
        *p++ = '"';
    }

    *p++ = ']';
    *p = '\0';

    return (char *) start;
}


void
ngx_http_ihanoi_pgrole_look(ngx_http_ihanoi_pgdb_t *db)
{
    ngx_uint_t                 away, level;
    ngx_http_ihanoi_pgrole_t  *role;

    role = db->role;

    if (role == NULL) {
        return;
    }

    away = ngx_http_ihanoi_pgdb_down(&db->pools[NGX_HTTP_IHANOI_PG_READ])
           || ngx_http_ihanoi_pgdb_down(&db->pools[NGX_HTTP_IHANOI_PG_WRITE]);

    if (away != role->away) {
        role->away = away;

        /* one worker tells; why it is so, each pool has said once */

        if (ngx_worker == 0) {
            level = away ? NGX_LOG_ERR : NGX_LOG_NOTICE;

            ngx_log_error(level, db->log, 0,
                          "plugin \"%V\": its database \"%V\" %s",
                          &db->plugin, &db->name,
                          away ? "is away, the plugin is degraded"
                               : "is there again");
        }
    }

    if ((ngx_msec_int_t) (ngx_current_msec - role->next) >= 0) {
        ngx_http_ihanoi_pgrole_check(db);
    }
}


void
ngx_http_ihanoi_pgrole_check(ngx_http_ihanoi_pgdb_t *db)
{
    ngx_http_ihanoi_pgrole_t      *role;
    ngx_http_ihanoi_pg_outcome_e   outcome;

    role = db->role;

    if (role == NULL || role->checking) {
        return;
    }

    role->next = ngx_current_msec + NGX_HTTP_IHANOI_PGROLE_RECHECK;

    if (ngx_http_ihanoi_pgcall_submit(db, role->stmt, role->values, 0,
                                      ngx_http_ihanoi_pgrole_check_done, db,
                                      db->log, &outcome)
        != NULL)
    {
        role->checking = 1;
    }
}


static void
ngx_http_ihanoi_pgrole_check_done(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec)
{
    ngx_str_t                  sqlstate, message;
    ngx_uint_t                 i, rows;
    ngx_http_ihanoi_pgdb_t    *db;
    ngx_http_ihanoi_pgrole_t  *role;

    db = data;
    role = db->role;
    role->checking = 0;

    if (outcome != NGX_HTTP_IHANOI_PG_OK) {

        /* what was known holds */

        if (outcome == NGX_HTTP_IHANOI_PG_SQLERROR) {
            sqlstate = ngx_http_ihanoi_pgresult_sqlstate(res);
            message = ngx_http_ihanoi_pgresult_loggable(res);
            ngx_log_error(NGX_LOG_ERR, db->log, 0,
                          "plugin \"%V\": the role of its database \"%V\" "
                          "could not be checked: %V (SQLSTATE %V)",
                          &db->plugin, &db->name, &message, &sqlstate);
            ngx_http_ihanoi_pgresult_free(res);
        }

        return;
    }

    if (ngx_worker == 0) {
        ngx_http_ihanoi_pgrole_tell(db, res);
    }

    if (role->res) {
        ngx_http_ihanoi_pgresult_free(role->res);
    }

    role->res = res;
    role->grave = 0;

    rows = ngx_http_ihanoi_pgresult_rows(res);

    for (i = 0; i < rows; i++) {
        if (ngx_http_ihanoi_pgresult_value(res, i, 0).data[0] == 't') {
            role->grave = 1;
        }
    }

    if (rows == 0) {
        role->next = ngx_current_msec + NGX_HTTP_IHANOI_PGROLE_CHECK;
    }
}


/* What is new: the log says it once. */

static void
ngx_http_ihanoi_pgrole_tell(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgresult_t *res)
{
    ngx_str_t                  grave, finding;
    ngx_uint_t                 i, rows, level;
    ngx_http_ihanoi_pgrole_t  *role;

    role = db->role;
    rows = ngx_http_ihanoi_pgresult_rows(res);

    for (i = 0; i < rows; i++) {
        grave = ngx_http_ihanoi_pgresult_value(res, i, 0);
        finding = ngx_http_ihanoi_pgresult_value(res, i, 1);

        if (role->res && ngx_http_ihanoi_pgrole_found(role->res, &finding)) {
            continue;
        }

        level = (grave.data[0] == 't') ? NGX_LOG_ERR : NGX_LOG_WARN;

        ngx_log_error(level, db->log, 0,
                      "plugin \"%V\", database \"%V\": %V%s",
                      &db->plugin, &db->name, &finding,
                      grave.data[0] == 't' ? ": the plugin is not served" : "");
    }

    if (rows == 0 && role->res
        && ngx_http_ihanoi_pgresult_rows(role->res) != 0)
    {
        ngx_log_error(NGX_LOG_NOTICE, db->log, 0,
                      "plugin \"%V\", database \"%V\": its role reaches the "
                      "plugin's own schemas only", &db->plugin, &db->name);
    }
}


static ngx_uint_t
ngx_http_ihanoi_pgrole_found(ngx_http_ihanoi_pgresult_t *res,
    ngx_str_t *finding)
{
    ngx_str_t   value;
    ngx_uint_t  i, rows;

    rows = ngx_http_ihanoi_pgresult_rows(res);

    for (i = 0; i < rows; i++) {
        value = ngx_http_ihanoi_pgresult_value(res, i, 1);

        if (value.len == finding->len
            && ngx_memcmp(value.data, finding->data, value.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_ihanoi_pg_findings(ngx_http_ihanoi_pgdb_t *db, ngx_pool_t *pool,
    ngx_array_t **findings)
{
    ngx_str_t    value, *s;
    ngx_uint_t   i, rows;

    *findings = NULL;

    if (db->role == NULL || db->role->res == NULL) {
        return NGX_OK;
    }

    rows = ngx_http_ihanoi_pgresult_rows(db->role->res);

    *findings = ngx_array_create(pool, rows + 1, sizeof(ngx_str_t));
    if (*findings == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < rows; i++) {
        value = ngx_http_ihanoi_pgresult_value(db->role->res, i, 1);

        s = ngx_array_push(*findings);
        s->len = value.len;
        s->data = ngx_pstrdup(pool, &value);

        if (s->data == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_ihanoi_pg_overreaches(ngx_http_ihanoi_pgdb_t *db)
{
    return db->role && db->role->grave;
}


void
ngx_http_ihanoi_pgrole_exit(ngx_http_ihanoi_pgdb_t *db)
{
    if (db->role && db->role->res) {
        ngx_http_ihanoi_pgresult_free(db->role->res);
        db->role->res = NULL;
    }
}
