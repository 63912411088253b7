/*
 * Copyright (C) iHaNoi contributors
 *
 * Texts: statements that are known at run time only.
 *
 * Connections count prepared statements by the index that each has in its
 * database.  So the configuration reserves indexes, and a worker gives them to
 * the texts that come first; what comes later goes without a name.  Nothing is
 * taken away again: an author who builds texts from values gets slower, not
 * the server fuller.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_md5.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgdb.h"
#include "ngx_http_ihanoi_pgpool.h"


/* a longer text is not prepared: 200 of them are kept by each backend */
#define NGX_HTTP_IHANOI_PGTEXT_LONGEST  8192

#define NGX_HTTP_IHANOI_PGTEXT_BUCKETS  256


struct ngx_http_ihanoi_pgtexts_s {
    /* the reserved, and one without a name for each class */
    ngx_http_ihanoi_pgstmt_t   stmts[NGX_HTTP_IHANOI_PG_TEXTS];
    ngx_http_ihanoi_pgstmt_t   nameless[NGX_HTTP_IHANOI_PG_CLASSES];

    /* this worker's: chains of the used, 0 ends one, else 1 + number */
    ngx_uint_t                 used;
    u_short                    first[NGX_HTTP_IHANOI_PGTEXT_BUCKETS];
    u_short                    next[NGX_HTTP_IHANOI_PG_TEXTS];
};


static ngx_int_t ngx_http_ihanoi_pgtext_reserve(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgstmt_t *stmt, ngx_str_t *operation);
static ngx_http_ihanoi_pgstmt_t *ngx_http_ihanoi_pgtext_statement(
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_pgtext_t *text);
static ngx_int_t ngx_http_ihanoi_pgtext_fill(ngx_http_ihanoi_pgstmt_t *stmt,
    ngx_http_ihanoi_pgtext_t *text);


ngx_int_t
ngx_http_ihanoi_pg_texts(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_str_t *plugin, size_t limit)
{
    ngx_uint_t                  i;
    ngx_http_ihanoi_pgtexts_t  *texts;

    texts = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_pgtexts_t));
    if (texts == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_IHANOI_PG_TEXTS; i++) {
        if (ngx_http_ihanoi_pgtext_reserve(db, &texts->stmts[i], plugin)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < NGX_HTTP_IHANOI_PG_CLASSES; i++) {
        if (ngx_http_ihanoi_pgtext_reserve(db, &texts->nameless[i], plugin)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        texts->nameless[i].class = i;
    }

    db->texts = texts;
    db->plugin = *plugin;
    db->limit = limit;

    return NGX_OK;
}


static ngx_int_t
ngx_http_ihanoi_pgtext_reserve(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgstmt_t *stmt, ngx_str_t *operation)
{
    ngx_http_ihanoi_pgstmt_t  **slot;

    /* not in a class's list: it is not prepared ahead */

    slot = ngx_array_push(&db->stmts);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    *slot = stmt;

    stmt->index = db->stmts.nelts - 1;
    stmt->operation = *operation;
    stmt->text = 1;

    return NGX_OK;
}


/* What a text is sent as; it lives as long as the worker. */

static ngx_http_ihanoi_pgstmt_t *
ngx_http_ihanoi_pgtext_statement(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgtext_t *text)
{
    ngx_uint_t                  n, bucket;
    ngx_http_ihanoi_pgstmt_t   *stmt;
    ngx_http_ihanoi_pgtexts_t  *texts;

    texts = db->texts;

    if (text->sql.len > NGX_HTTP_IHANOI_PGTEXT_LONGEST) {
        return &texts->nameless[text->class];
    }

    bucket = (ngx_murmur_hash2(text->sql.data, text->sql.len) + text->class)
             % NGX_HTTP_IHANOI_PGTEXT_BUCKETS;

    for (n = texts->first[bucket]; n; n = texts->next[n - 1]) {
        stmt = &texts->stmts[n - 1];

        if (stmt->class == text->class
            && stmt->sql.len == text->sql.len
            && ngx_memcmp(stmt->sql.data, text->sql.data, text->sql.len) == 0)
        {
            return stmt;
        }
    }

    if (texts->used == NGX_HTTP_IHANOI_PG_TEXTS) {
        return &texts->nameless[text->class];
    }

    stmt = &texts->stmts[texts->used];

    if (ngx_http_ihanoi_pgtext_fill(stmt, text) != NGX_OK) {
        return &texts->nameless[text->class];
    }

    texts->next[texts->used] = texts->first[bucket];
    texts->first[bucket] = (u_short) ++texts->used;

    return stmt;
}


static ngx_int_t
ngx_http_ihanoi_pgtext_fill(ngx_http_ihanoi_pgstmt_t *stmt,
    ngx_http_ihanoi_pgtext_t *text)
{
    u_char     *p;
    u_char      digest[16];
    ngx_md5_t   md5;

    /* kept until the worker ends */

    p = ngx_pnalloc(ngx_cycle->pool,
                    sizeof("ihanoi_") + 32 + text->sql.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_md5_init(&md5);
    ngx_md5_update(&md5, text->sql.data, text->sql.len);
    ngx_md5_final(digest, &md5);

    stmt->name.data = p;
    stmt->name.len = sizeof("ihanoi_") - 1 + 32;

    p = ngx_cpymem(p, "ihanoi_", sizeof("ihanoi_") - 1);
    p = ngx_hex_dump(p, digest, 16);
    *p++ = '\0';

    stmt->sql.data = p;
    stmt->sql.len = text->sql.len;

    p = ngx_cpymem(p, text->sql.data, text->sql.len);
    *p = '\0';

    stmt->nparams = text->nparams;
    stmt->class = text->class;

    return NGX_OK;
}


ngx_http_ihanoi_pgcall_t *
ngx_http_ihanoi_pgcall_submit_text(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgtext_t *text, ngx_http_ihanoi_pgsession_t *session,
    const char *const *values, ngx_msec_t timeout,
    ngx_http_ihanoi_pgcall_pt done, void *data, ngx_log_t *log,
    ngx_http_ihanoi_pg_outcome_e *outcome)
{
    ngx_msec_t               longest;
    ngx_http_ihanoi_pgask_t  ask;

    longest = db->classes[text->class].timeout;

    ask.stmt = ngx_http_ihanoi_pgtext_statement(db, text);
    ask.text = text;
    ask.session = session;
    ask.values = values;
    ask.timeout = (timeout == 0 || timeout > longest) ? longest : timeout;
    ask.done = done;
    ask.data = data;
    ask.log = log;

    return ngx_http_ihanoi_pgpool_submit(db, &ask, outcome);
}
