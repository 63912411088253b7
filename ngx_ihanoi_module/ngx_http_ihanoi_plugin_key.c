/*
 * Copyright (C) iHaNoi contributors
 *
 * The Idempotency-Key of a handler.
 *
 * A SQL function and its key are one transaction (ngx_http_ihanoi_statement.c).
 * A handler runs between two: the first takes the key for as long as the call
 * may last, the second keeps the answer and gives the key back, and only then
 * is the client answered.
 */

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_run.h"
#include "ngx_http_ihanoi_problem.h"
#include "ngx_http_ihanoi_request_id.h"


/* The lease is longer than the call: commits take time too. */
#define NGX_HTTP_IHANOI_PLUGIN_KEY_LEASE  5000


#define NGX_HTTP_IHANOI_PLUGIN_KEY_BEGIN  6
#define NGX_HTTP_IHANOI_PLUGIN_KEY_END    9


static void ngx_http_ihanoi_plugin_key_begun(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec);
static void ngx_http_ihanoi_plugin_key_ended(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec);
static ngx_int_t ngx_http_ihanoi_plugin_key_down(ngx_http_request_t *r,
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_pg_outcome_e outcome);
static void ngx_http_ihanoi_plugin_key_refused(
    ngx_http_ihanoi_api_ctx_t *ctx);
static ngx_int_t ngx_http_ihanoi_plugin_key_unknown(ngx_http_request_t *r);
static const char *ngx_http_ihanoi_plugin_key_number(ngx_http_request_t *r,
    ngx_uint_t n);


/* Of the core's database; the same for all plugins. */
static ngx_http_ihanoi_pgstmt_t  *ngx_http_ihanoi_plugin_key_begin_stmt;
static ngx_http_ihanoi_pgstmt_t  *ngx_http_ihanoi_plugin_key_end_stmt;


static const char  ngx_http_ihanoi_plugin_key_begin_sql[] =
    "select status, etag, location, body, state"
    " from idempotency_begin($1::text, $2::text, $3::text, $4::text, $5::text,"
    " $6::int4)";

static const char  ngx_http_ihanoi_plugin_key_end_sql[] =
    "select idempotency_end($1::text, $2::text, $3::text, $4::text, $5::text,"
    " $6::int4, $7::text, $8::text, $9::json)";


char *
ngx_http_ihanoi_plugin_key_declare(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db)
{
    ngx_http_ihanoi_pgstmt_t  stmt;

    ngx_memzero(&stmt, sizeof(ngx_http_ihanoi_pgstmt_t));

    stmt.class = NGX_HTTP_IHANOI_PG_WRITE;

    ngx_str_set(&stmt.operation, "idempotency_begin");
    ngx_str_set(&stmt.sql, ngx_http_ihanoi_plugin_key_begin_sql);
    stmt.nparams = NGX_HTTP_IHANOI_PLUGIN_KEY_BEGIN;

    /* one that was taken and whose answer was lost runs out */

    ngx_http_ihanoi_plugin_key_begin_stmt =
                                 ngx_http_ihanoi_pg_statement(cf, db, &stmt);

    ngx_str_set(&stmt.operation, "idempotency_end");
    ngx_str_set(&stmt.sql, ngx_http_ihanoi_plugin_key_end_sql);
    stmt.nparams = NGX_HTTP_IHANOI_PLUGIN_KEY_END;

    ngx_http_ihanoi_plugin_key_end_stmt =
                                 ngx_http_ihanoi_pg_statement(cf, db, &stmt);

    return (ngx_http_ihanoi_plugin_key_begin_stmt
            && ngx_http_ihanoi_plugin_key_end_stmt) ? NGX_CONF_OK
                                                    : NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_ihanoi_plugin_key_begin(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx)
{
    const char                       **values;
    ngx_http_variable_value_t         *id;
    ngx_http_ihanoi_pg_outcome_e       outcome;
    ngx_http_ihanoi_api_main_conf_t   *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_ihanoi_api_module);

    values = ngx_palloc(r->pool,
                        NGX_HTTP_IHANOI_PLUGIN_KEY_END * sizeof(char *));
    id = ngx_http_ihanoi_request_id(r, amcf->request_id);

    if (values == NULL || id == NULL || id->not_found) {
        return NGX_ERROR;
    }

    ctx->key_values = values;

    values[0] = ngx_http_ihanoi_call_text(r, &ctx->caller->subject);
    values[1] = ctx->operation->contract->id.data;
    values[2] = ngx_http_ihanoi_call_text(r, &ctx->key);
    values[4] = ngx_http_ihanoi_call_text(r, &(ngx_str_t) {
                                                   id->len, id->data });
    values[5] = ngx_http_ihanoi_plugin_key_number(r,
                               ngx_http_ihanoi_run_left(ctx->run)
                               + NGX_HTTP_IHANOI_PLUGIN_KEY_LEASE);

    if (values[0] == NULL || values[2] == NULL || values[4] == NULL
        || values[5] == NULL
        || ngx_http_ihanoi_call_fingerprint(r, &ctx->run->body, &values[3])
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->call = ngx_http_ihanoi_pgcall_submit(amcf->db,
                                   ngx_http_ihanoi_plugin_key_begin_stmt,
                                   values, 0,
                                   ngx_http_ihanoi_plugin_key_begun, r,
                                   r->connection->log, &outcome);

    if (ctx->call == NULL) {
        ngx_http_ihanoi_plugin_key_refused(ctx);
        return ngx_http_ihanoi_plugin_key_down(r, amcf->db, outcome);
    }

    return NGX_DONE;
}


static void
ngx_http_ihanoi_plugin_key_begun(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec)
{
    ngx_http_request_t *r = data;

    ngx_int_t                         rc;
    ngx_str_t                         state;
    ngx_connection_t                 *c;
    ngx_http_ihanoi_api_ctx_t        *ctx;
    ngx_http_ihanoi_api_main_conf_t  *amcf;

    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    amcf = ngx_http_get_module_main_conf(r, ngx_http_ihanoi_api_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_api_module);

    ctx->call = NULL;
    ctx->called = 1;
    ctx->db_usec = db_usec;

    if (outcome == NGX_HTTP_IHANOI_PG_OK) {

        state = ngx_http_ihanoi_pgresult_value(res, 0, 4);

        if (state.len == sizeof("claimed") - 1
            && ngx_strcmp(state.data, "claimed") == 0)
        {
            ngx_http_ihanoi_pgresult_free(res);
            rc = ngx_http_ihanoi_plugin_run(r, ctx);

        } else {
            ngx_http_ihanoi_plugin_key_refused(ctx);
            rc = ngx_http_ihanoi_reply(r, ctx, outcome, res);
        }

    } else if (outcome == NGX_HTTP_IHANOI_PG_SQLERROR) {
        ngx_http_ihanoi_plugin_key_refused(ctx);
        rc = ngx_http_ihanoi_reply(r, ctx, outcome, res);

    } else {
        ngx_http_ihanoi_plugin_key_refused(ctx);
        rc = ngx_http_ihanoi_plugin_key_down(r, amcf->db, outcome);
    }

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }

    ngx_http_run_posted_requests(c);
}


ngx_int_t
ngx_http_ihanoi_plugin_key_end(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_run_t *run)
{
    const char                       **values;
    ngx_http_ihanoi_answer_t          *answer;
    ngx_http_ihanoi_pg_outcome_e       outcome;
    ngx_http_ihanoi_api_main_conf_t   *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_ihanoi_api_module);

    values = ctx->key_values;
    answer = &run->answer;

    values[5] = NULL;
    values[6] = NULL;
    values[7] = NULL;
    values[8] = NULL;

    if (run->outcome == NGX_HTTP_IHANOI_RUN_OK && answer->status) {

        values[5] = ngx_http_ihanoi_plugin_key_number(r, answer->status);

        if (answer->etag.data) {
            values[6] = ngx_http_ihanoi_call_text(r, &answer->etag);
        }

        if (answer->location.data) {
            values[7] = (char *) answer->location.data;
        }

        if (answer->text) {
            values[8] = ngx_http_ihanoi_call_text(r, &(ngx_str_t) {
                                    answer->len, (u_char *) answer->text });
        }
    }

    ctx->run = run;

    /* what was done is kept, for a client that has gone meanwhile, too */

    r->read_event_handler = ngx_http_block_reading;

    ctx->call = ngx_http_ihanoi_pgcall_submit(amcf->db,
                                   ngx_http_ihanoi_plugin_key_end_stmt,
                                   values, 0,
                                   ngx_http_ihanoi_plugin_key_ended, r,
                                   r->connection->log, &outcome);

    if (ctx->call) {
        return NGX_DONE;
    }

    ctx->run = NULL;

    /* the lease runs out; what a refusal says is true without it */

    if (values[5] == NULL) {
        return ngx_http_ihanoi_plugin_reply(r, ctx, run);
    }

    ngx_http_ihanoi_plugin_drop(run);

    return ngx_http_ihanoi_plugin_key_unknown(r);
}


static void
ngx_http_ihanoi_plugin_key_ended(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec)
{
    ngx_http_request_t *r = data;

    ngx_int_t                   rc;
    ngx_str_t                   kept;
    ngx_uint_t                  sure;
    ngx_connection_t           *c;
    ngx_http_ihanoi_run_t      *run;
    ngx_http_ihanoi_api_ctx_t  *ctx;

    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_api_module);

    ctx->call = NULL;
    ctx->db_usec += db_usec;

    run = ctx->run;
    ctx->run = NULL;

    /* a refusal needs no key to be true */

    sure = (ctx->key_values[5] == NULL);

    if (outcome == NGX_HTTP_IHANOI_PG_OK) {
        kept = ngx_http_ihanoi_pgresult_value(res, 0, 0);
        sure = sure || (kept.len && kept.data[0] == 't');

    } else {
        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "the answer of \"%V\" could not be kept for its "
                      "Idempotency-Key", &ctx->operation->id);
    }

    if (res) {
        ngx_http_ihanoi_pgresult_free(res);
    }

    if (sure) {
        rc = ngx_http_ihanoi_plugin_reply(r, ctx, run);

    } else {
        ngx_http_ihanoi_plugin_drop(run);
        rc = ngx_http_ihanoi_plugin_key_unknown(r);
    }

    ngx_http_finalize_request(r, rc);

    ngx_http_run_posted_requests(c);
}


/* The run that waited for the key does not begin. */

static void
ngx_http_ihanoi_plugin_key_refused(ngx_http_ihanoi_api_ctx_t *ctx)
{
    ngx_http_ihanoi_plugin_drop(ctx->run);
    ctx->run = NULL;
}


/* The key was not taken: nothing was done. */

static ngx_int_t
ngx_http_ihanoi_plugin_key_down(ngx_http_request_t *r,
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_pg_outcome_e outcome)
{
    if (ngx_http_ihanoi_reply_retry(r, ngx_http_ihanoi_pg_retry_after(db,
                                                 NGX_HTTP_IHANOI_PG_WRITE))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_ihanoi_problem(r, outcome == NGX_HTTP_IHANOI_PG_BUSY
                                      ? "overloaded" : "database-unavailable",
                                   NULL);
}


/* The handler has done its work, but its answer was not kept. */

static ngx_int_t
ngx_http_ihanoi_plugin_key_unknown(ngx_http_request_t *r)
{
    if (ngx_http_ihanoi_reply_retry(r, 2) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_ihanoi_problem(r, "outcome-unknown", NULL);
}


static const char *
ngx_http_ihanoi_plugin_key_number(ngx_http_request_t *r, ngx_uint_t n)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN + 1);

    if (p) {
        ngx_sprintf(p, "%ui%Z", n);
    }

    return (char *) p;
}
