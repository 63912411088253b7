/*
 * Copyright (C) iHaNoi contributors
 *
 * Directives of the databases, and the hooks of nginx's life.
 *
 *     ihanoi_database main {
 *         server 127.0.0.1:5432;
 *         dbname ihanoi;
 *         release 0_1_0_3fa9c2d1;
 *         read connections=2 depth=32 queue=1000 wait=500ms timeout=1s;
 *     }
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_md5.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_metrics.h"
#include "ngx_http_ihanoi_pgdb.h"
#include "ngx_http_ihanoi_pgstate.h"
#include "ngx_http_ihanoi_pgoutcome.h"
#include "ngx_http_ihanoi_pgcatalogue.h"
#include "ngx_http_ihanoi_pgcontrol.h"
#include "ngx_http_ihanoi_pgparams.h"
#include "ngx_http_ihanoi_pgmetrics.h"
#include "ngx_http_ihanoi_pgblock.h"
#include "ngx_http_ihanoi_block.h"


typedef struct {
    ngx_array_t                  databases;  /* of ngx_http_..._pgdb_t * */
} ngx_http_ihanoi_pg_main_conf_t;


static void *ngx_http_ihanoi_pg_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_ihanoi_pg_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_ihanoi_pg_init_process(ngx_cycle_t *cycle);
static void ngx_http_ihanoi_pg_exit_process(ngx_cycle_t *cycle);
static char *ngx_http_ihanoi_pg_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_ihanoi_pg_finish(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db);
static ngx_msec_t ngx_http_ihanoi_pg_class_longest(
    ngx_http_ihanoi_pgclass_t *class);


static ngx_command_t  ngx_http_ihanoi_pg_commands[] = {

    { ngx_string("ihanoi_database"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_ihanoi_pg_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_ihanoi_pg_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_ihanoi_pg_postconfiguration,  /* postconfiguration */

    ngx_http_ihanoi_pg_create_main_conf,   /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_ihanoi_pg_module = {
    NGX_MODULE_V1,
    &ngx_http_ihanoi_pg_module_ctx,        /* module context */
    ngx_http_ihanoi_pg_commands,           /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_ihanoi_pg_init_process,       /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_ihanoi_pg_exit_process,       /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_ihanoi_pg_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_ihanoi_pg_main_conf_t  *imcf;

    imcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_pg_main_conf_t));
    if (imcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&imcf->databases, cf->pool, 2,
                       sizeof(ngx_http_ihanoi_pgdb_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return imcf;
}


ngx_http_ihanoi_pgdb_t *
ngx_http_ihanoi_pg_database(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                        i;
    ngx_http_ihanoi_pgdb_t           *db, **dbs;
    ngx_http_ihanoi_pg_main_conf_t   *imcf;

    imcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ihanoi_pg_module);

    dbs = imcf->databases.elts;

    for (i = 0; i < imcf->databases.nelts; i++) {

        if (dbs[i]->name.len == name->len
            && ngx_strncmp(dbs[i]->name.data, name->data, name->len) == 0)
        {
            return dbs[i];
        }
    }

    db = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_pgdb_t));
    if (db == NULL) {
        return NULL;
    }

    dbs = ngx_array_push(&imcf->databases);
    if (dbs == NULL) {
        return NULL;
    }

    *dbs = db;

    db->name = *name;
    db->file = cf->conf_file ? cf->conf_file->file.name.data : NULL;
    db->line = cf->conf_file ? cf->conf_file->line : 0;

    if (ngx_http_ihanoi_pgblock_init(cf, db) != NGX_OK) {
        return NULL;
    }

    return db;
}


ngx_str_t *
ngx_http_ihanoi_pg_plugin(ngx_http_ihanoi_pgdb_t *db)
{
    return db->texts ? &db->plugin : NULL;
}


ngx_int_t
ngx_http_ihanoi_pg_code(ngx_http_ihanoi_pgdb_t *db, ngx_str_t *code)
{
    if (db->core) {
        return NGX_ERROR;
    }

    if (db->code.len) {
        return NGX_DECLINED;
    }

    db->code = *code;

    return NGX_OK;
}


ngx_http_ihanoi_pgstmt_t *
ngx_http_ihanoi_pg_statement(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    const ngx_http_ihanoi_pgstmt_t *stmt)
{
    u_char                      digest[16];
    u_char                     *p;
    ngx_md5_t                   md5;
    ngx_uint_t                  i;
    ngx_http_ihanoi_pgstmt_t   *copy, **slot, **stmts;
    ngx_http_ihanoi_pgclass_t  *class;

    class = &db->classes[stmt->class];

    copy = ngx_palloc(cf->pool, sizeof(ngx_http_ihanoi_pgstmt_t));
    if (copy == NULL) {
        return NULL;
    }

    *copy = *stmt;

    /*
     * A name that is made of the text: behind a pooler that shares sessions
     * another's statement of this name is the same statement.
     */

    ngx_md5_init(&md5);
    ngx_md5_update(&md5, stmt->sql.data, stmt->sql.len);
    ngx_md5_update(&md5, "", 1);
    ngx_md5_update(&md5, stmt->operation.data, stmt->operation.len);
    ngx_md5_final(digest, &md5);

    copy->name.len = sizeof("ihanoi_") - 1 + 32;
    copy->name.data = ngx_pnalloc(cf->pool, copy->name.len + 1);
    copy->sql.data = ngx_pnalloc(cf->pool, stmt->sql.len + 1);

    if (copy->name.data == NULL || copy->sql.data == NULL) {
        return NULL;
    }

    p = ngx_cpymem(copy->name.data, "ihanoi_", sizeof("ihanoi_") - 1);
    p = ngx_hex_dump(p, digest, 16);
    *p = '\0';

    p = ngx_cpymem(copy->sql.data, stmt->sql.data, stmt->sql.len);
    *p = '\0';

    stmts = class->stmts.elts;

    for (i = 0; i < class->stmts.nelts; i++) {
        if (ngx_strcmp(stmts[i]->name.data, copy->name.data) == 0) {
            return stmts[i];
        }
    }

    copy->index = db->stmts.nelts;

    slot = ngx_array_push(&db->stmts);
    if (slot == NULL) {
        return NULL;
    }

    *slot = copy;

    slot = ngx_array_push(&class->stmts);
    if (slot == NULL) {
        return NULL;
    }

    *slot = copy;

    return copy;
}


ngx_http_ihanoi_pgstmt_t *
ngx_http_ihanoi_pg_control_statement(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, const char *sql, ngx_uint_t nparams,
    const char *operation)
{
    ngx_http_ihanoi_pgstmt_t  stmt;

    ngx_memzero(&stmt, sizeof(ngx_http_ihanoi_pgstmt_t));

    stmt.sql.data = (u_char *) sql;
    stmt.sql.len = ngx_strlen(sql);
    stmt.nparams = nparams;
    stmt.class = NGX_HTTP_IHANOI_PG_CONTROL;
    stmt.operation.data = (u_char *) operation;
    stmt.operation.len = ngx_strlen(operation);

    return ngx_http_ihanoi_pg_statement(cf, db, &stmt);
}


ngx_int_t
ngx_http_ihanoi_pg_task_add(ngx_http_ihanoi_pgdb_t *db,
    const ngx_http_ihanoi_pgtask_t *task)
{
    ngx_http_ihanoi_pgtask_t  *copy;

    copy = ngx_array_push(&db->tasks);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    *copy = *task;

    return NGX_OK;
}


ngx_array_t *
ngx_http_ihanoi_pg_databases(void)
{
    ngx_http_ihanoi_pg_main_conf_t  *imcf;

    imcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_ihanoi_pg_module);

    return &imcf->databases;
}


ngx_uint_t
ngx_http_ihanoi_pg_stands(ngx_http_ihanoi_pgdb_t *db)
{
    return db->pools != NULL
           && db->pools[NGX_HTTP_IHANOI_PG_READ].ready
           && db->pools[NGX_HTTP_IHANOI_PG_WRITE].ready;
}


ngx_int_t
ngx_http_ihanoi_pg_status(ngx_http_ihanoi_pgdb_t *db, ngx_pool_t *pool,
    ngx_http_ihanoi_pg_status_t *status)
{
    ngx_str_t                   *s;
    ngx_uint_t                   i;
    ngx_http_ihanoi_pgstmt_t   **stmts;
    ngx_http_ihanoi_pgstate_t   *state;

    ngx_memzero(status, sizeof(ngx_http_ihanoi_pg_status_t));

    status->name = db->name;
    status->plugin = ngx_http_ihanoi_pg_plugin(db);
    status->release = db->code.len ? db->code : db->release;

    for (i = 0; i < NGX_HTTP_IHANOI_PG_CLASSES; i++) {
        status->queued += ngx_http_ihanoi_metric_value(
                                             db->classes[i].metrics.queued);
    }

    status->missing = ngx_array_create(pool, 4, sizeof(ngx_str_t));
    if (status->missing == NULL) {
        return NGX_ERROR;
    }

    if (db->pools == NULL) {
        return NGX_OK;
    }

    status->readable = db->pools[NGX_HTTP_IHANOI_PG_READ].ready ? 1 : 0;
    status->writable = db->pools[NGX_HTTP_IHANOI_PG_WRITE].ready ? 1 : 0;
    status->checked = ngx_http_ihanoi_pgcatalogue_checked(db) ? 1 : 0;

    if (ngx_http_ihanoi_pg_findings(db, pool, &status->findings) != NGX_OK) {
        return NGX_ERROR;
    }

    stmts = db->stmts.elts;

    for (i = 0; i < db->stmts.nelts; i++) {

        if (stmts[i]->function.len) {
            status->functions++;
        }

        state = &db->states[i];

        if (state->sentence.len == 0) {
            continue;
        }

        s = ngx_array_push(status->missing);
        if (s == NULL) {
            return NGX_ERROR;
        }

        s->len = state->sentence.len;
        s->data = ngx_pstrdup(pool, &state->sentence);

        if (s->data == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static char *
ngx_http_ihanoi_pg_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                    *rv;
    ngx_str_t               *value;
    ngx_http_ihanoi_pgdb_t  *db;

    value = cf->args->elts;

    db = ngx_http_ihanoi_pg_database(cf, &value[1]);
    if (db == NULL) {
        return NGX_CONF_ERROR;
    }

    if (db->defined) {
        return "is duplicate";
    }

    db->defined = 1;
    db->file = cf->conf_file->file.name.data;
    db->line = cf->conf_file->line;

    rv = ngx_http_ihanoi_block(cf, ngx_http_ihanoi_pgblock_lines, db);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_ihanoi_pgblock_check(cf, db);
}


static ngx_int_t
ngx_http_ihanoi_pg_postconfiguration(ngx_conf_t *cf)
{
    ngx_uint_t                        i;
    ngx_http_ihanoi_pgdb_t          **dbs;
    ngx_http_ihanoi_pg_main_conf_t   *imcf;

    imcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ihanoi_pg_module);

    dbs = imcf->databases.elts;

    for (i = 0; i < imcf->databases.nelts; i++) {

        if (!dbs[i]->defined) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "database \"%V\" has no \"ihanoi_database\" block, "
                          "it is named in %s:%ui",
                          &dbs[i]->name, dbs[i]->file, dbs[i]->line);
            return NGX_ERROR;
        }

        if (ngx_http_ihanoi_pg_finish(cf, dbs[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ihanoi_pg_finish(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db)
{
    ngx_uint_t                  i;
    ngx_http_ihanoi_pgclass_t  *class;

    if (ngx_http_ihanoi_pgcontrol_configure(cf, db) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_IHANOI_PG_POOLS; i++) {
        class = &db->classes[i];
        class->longest = ngx_http_ihanoi_pg_class_longest(class);

        if (db->texts && i != NGX_HTTP_IHANOI_PG_CONTROL) {
            /* what a text leaves behind is looked for after each */
            class->depth = 1;
        }

        if (ngx_http_ihanoi_pgparams_init(cf, db, class) != NGX_OK
            || ngx_http_ihanoi_pgmetrics_init(cf, db, class) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_msec_t
ngx_http_ihanoi_pg_class_longest(ngx_http_ihanoi_pgclass_t *class)
{
    ngx_uint_t                   i;
    ngx_msec_t                   longest;
    ngx_http_ihanoi_pgstmt_t   **stmts;

    stmts = class->stmts.elts;
    longest = class->timeout;

    for (i = 0; i < class->stmts.nelts; i++) {
        longest = ngx_max(longest, stmts[i]->timeout);
    }

    return longest;
}


ngx_msec_t
ngx_http_ihanoi_pg_longest(ngx_http_ihanoi_pgdb_t *db)
{
    ngx_uint_t  i;
    ngx_msec_t  longest;

    for (i = 0, longest = 0; i < NGX_HTTP_IHANOI_PG_CLASSES; i++) {
        longest = ngx_max(longest,
                          ngx_http_ihanoi_pg_class_longest(&db->classes[i]));
    }

    return longest;
}


ngx_msec_t
ngx_http_ihanoi_pgstmt_longest(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgstmt_t *stmt)
{
    return db->classes[stmt->class].longest;
}


/*
 * Never before the fork: a connection that two processes share speaks to
 * neither.  Helper processes (cache manager) have no business here.
 */

static ngx_int_t
ngx_http_ihanoi_pg_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                        i;
    ngx_http_ihanoi_pgdb_t          **dbs;
    ngx_http_ihanoi_pg_main_conf_t   *imcf;

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    imcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ihanoi_pg_module);
    if (imcf == NULL) {
        return NGX_OK;
    }

    dbs = imcf->databases.elts;

    for (i = 0; i < imcf->databases.nelts; i++) {

        if (ngx_http_ihanoi_pgdb_init(dbs[i], cycle,
                                      &ngx_http_ihanoi_pgoutcome_handlers)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_ihanoi_pgcontrol_init(dbs[i], cycle);
        ngx_http_ihanoi_pgdb_connect(dbs[i]);
    }

    return NGX_OK;
}


static void
ngx_http_ihanoi_pg_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                        i;
    ngx_http_ihanoi_pgdb_t          **dbs;
    ngx_http_ihanoi_pg_main_conf_t   *imcf;

    imcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ihanoi_pg_module);
    if (imcf == NULL) {
        return;
    }

    dbs = imcf->databases.elts;

    for (i = 0; i < imcf->databases.nelts; i++) {

        if (dbs[i]->pools == NULL) {
            continue;
        }

        ngx_http_ihanoi_pgcontrol_exit(dbs[i]);
        ngx_http_ihanoi_pgdb_exit(dbs[i]);
        ngx_http_ihanoi_pgstate_free(dbs[i]);
    }
}
