/*
 * Copyright (C) iHaNoi contributors
 *
 * The Idempotency-Key of a plugin's operation.
 *
 * A function of the core and its key are one transaction
 * (ngx_http_ihanoi_statement.c).  A plugin's handler, or the function of its
 * database, runs between two of the core's: the first takes the key for as long
 * as the call may last, the second keeps the answer and gives the key back, and
 * only then is the client answered.
 */

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_run.h"
#include "ngx_http_ihanoi_client.h"
#include "ngx_http_ihanoi_problem.h"
#include "ngx_http_ihanoi_request_id.h"


/* The lease is longer than the call: commits take time too. */
#define NGX_HTTP_IHANOI_PLUGIN_KEY_LEASE  5000


#define NGX_HTTP_IHANOI_PLUGIN_KEY_BEGIN  6
#define NGX_HTTP_IHANOI_PLUGIN_KEY_END    9


/* A key that was asked for; and what is answered once it has been given back. */
typedef struct ngx_http_ihanoi_lease_s {
    const char                  *values[NGX_HTTP_IHANOI_PLUGIN_KEY_END];
    u_char                       number[NGX_INT_T_LEN + 1];  /* of values */

    ngx_int_t                    rc;           /* where SQL serves: _OK and the
                                                  row, or what finalizes */
    ngx_uint_t                   status;
    ngx_http_ihanoi_reply_row_t  row;
} ngx_http_ihanoi_lease_t;


static void ngx_http_ihanoi_plugin_key_begun(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec);
static ngx_uint_t ngx_http_ihanoi_plugin_key_claimed(
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res);
static void ngx_http_ihanoi_plugin_key_ended(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec);
static ngx_int_t ngx_http_ihanoi_plugin_key_down(ngx_http_request_t *r,
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_pg_outcome_e outcome);
static ngx_int_t ngx_http_ihanoi_plugin_key_late(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_pgdb_t *db);
static ngx_int_t ngx_http_ihanoi_plugin_key_answer(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx);
static ngx_int_t ngx_http_ihanoi_plugin_key_unknown(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx);
static const char *ngx_http_ihanoi_plugin_key_number(
    ngx_http_ihanoi_lease_t *lease, ngx_uint_t n);


/* Of the core's database; the same for all plugins. */
static ngx_http_ihanoi_pgstmt_t  *ngx_http_ihanoi_plugin_key_begin_stmt;
static ngx_http_ihanoi_pgstmt_t  *ngx_http_ihanoi_plugin_key_end_stmt;


/* A release from before 0021 compares all of $4: ngx_http_ihanoi_statement.c. */

static const char  ngx_http_ihanoi_plugin_key_begin_sql[] =
    "with asked as materialized ("
        "select status, etag, location, body, state"
        " from idempotency_begin($1::text, $2::text, $3::text, $4::text,"
        " $5::text, $6::int4)"
    ") select status, etag, location, body, state"
        " from asked where state <> 'mismatch'"
    " union all select b.status, b.etag, b.location, b.body, b.state"
        " from asked cross join lateral idempotency_begin($1::text, $2::text,"
        " $3::text, case when asked.state = 'mismatch'"
        " then split_part($4::text, ' ', 1) end, $5::text, $6::int4) as b"
        " where asked.state = 'mismatch'";

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
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *body, ngx_msec_t time)
{
    const char                       **values;
    ngx_http_variable_value_t         *id;
    ngx_http_ihanoi_pg_outcome_e       outcome;
    ngx_http_ihanoi_api_main_conf_t   *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_ihanoi_api_module);

    ctx->lease = ngx_palloc(r->pool, sizeof(ngx_http_ihanoi_lease_t));
    id = ngx_http_ihanoi_request_id(r, amcf->request_id);

    if (ctx->lease == NULL || id == NULL || id->not_found) {
        return NGX_ERROR;
    }

    values = ctx->lease->values;

    values[0] = ngx_http_ihanoi_call_text(r, &ctx->caller->subject);
    values[1] = ctx->operation->contract->id.data;
    values[2] = ngx_http_ihanoi_call_text(r, &ctx->key);
    values[4] = ngx_http_ihanoi_call_text(r, &(ngx_str_t) {
                                                   id->len, id->data });
    values[5] = ngx_http_ihanoi_plugin_key_number(ctx->lease,
                                   time + NGX_HTTP_IHANOI_PLUGIN_KEY_LEASE);

    if (values[0] == NULL || values[2] == NULL || values[4] == NULL
        || ngx_http_ihanoi_call_fingerprint(r, ctx, body, &values[3])
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
        ngx_http_ihanoi_plugin_abandon(ctx);
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

    if (ngx_http_ihanoi_plugin_key_claimed(outcome, res)) {
        ngx_http_ihanoi_pgresult_free(res);

        ctx->claimed = 1;

        if (ctx->run == NULL) {
            rc = ngx_http_ihanoi_call_function(r, ctx, NULL);

        } else if (ngx_http_ihanoi_run_late(ctx->run)) {
            rc = ngx_http_ihanoi_plugin_key_late(r, ctx, amcf->db);

        } else {
            rc = ngx_http_ihanoi_plugin_run(r, ctx);
        }

    } else {
        ngx_http_ihanoi_plugin_abandon(ctx);

        /* what the database says, of the key or of an error, is the answer */

        rc = res ? ngx_http_ihanoi_reply(r, ctx, outcome, res)
                 : ngx_http_ihanoi_plugin_key_down(r, amcf->db, outcome);
    }

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }

    ngx_http_run_posted_requests(c);
}


/* The fifth column of what idempotency_begin() returns. */

static ngx_uint_t
ngx_http_ihanoi_plugin_key_claimed(ngx_http_ihanoi_pg_outcome_e outcome,
    ngx_http_ihanoi_pgresult_t *res)
{
    ngx_str_t  state;

    if (outcome != NGX_HTTP_IHANOI_PG_OK) {
        return 0;
    }

    state = ngx_http_ihanoi_pgresult_value(res, 0, 4);

    return state.len == sizeof("claimed") - 1
           && ngx_strcmp(state.data, "claimed") == 0;
}


ngx_int_t
ngx_http_ihanoi_plugin_key_end(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_int_t rc, ngx_uint_t status,
    ngx_http_ihanoi_reply_row_t *row)
{
    const char                       **values;
    ngx_http_ihanoi_lease_t           *lease;
    ngx_http_ihanoi_pg_outcome_e       outcome;
    ngx_http_ihanoi_api_main_conf_t   *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_ihanoi_api_module);

    lease = ctx->lease;
    lease->rc = rc;
    lease->status = status;
    lease->row = *row;

    values = lease->values;

    values[5] = NULL;
    values[6] = NULL;
    values[7] = NULL;
    values[8] = NULL;

    if (status) {

        values[5] = ngx_http_ihanoi_plugin_key_number(lease, status);

        if (row->etag.data) {
            values[6] = ngx_http_ihanoi_call_text(r, &row->etag);

            if (values[6] == NULL) {
                return ngx_http_ihanoi_plugin_key_unknown(r, ctx);
            }
        }

        values[7] = (char *) row->location.data;

        values[8] = (char *) row->body.data;
    }

    /* what was done is kept, for a client that has gone meanwhile, too */

    ngx_http_ihanoi_client_leave(r);

    ctx->call = ngx_http_ihanoi_pgcall_submit(amcf->db,
                                   ngx_http_ihanoi_plugin_key_end_stmt,
                                   values, 0,
                                   ngx_http_ihanoi_plugin_key_ended, r,
                                   r->connection->log, &outcome);

    if (ctx->call) {
        return NGX_DONE;
    }

    /* the lease runs out; what a refusal says is true without it */

    return values[5] ? ngx_http_ihanoi_plugin_key_unknown(r, ctx)
                     : ngx_http_ihanoi_plugin_key_answer(r, ctx);
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
    ngx_http_ihanoi_api_ctx_t  *ctx;

    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_api_module);

    ctx->call = NULL;
    ctx->db_usec += db_usec;

    /* a refusal needs no key to be true */

    sure = (ctx->lease->values[5] == NULL);

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

    rc = sure ? ngx_http_ihanoi_plugin_key_answer(r, ctx)
              : ngx_http_ihanoi_plugin_key_unknown(r, ctx);

    ngx_http_finalize_request(r, rc);

    ngx_http_run_posted_requests(c);
}


/* The key was not taken: nothing was done. */

static ngx_int_t
ngx_http_ihanoi_plugin_key_down(ngx_http_request_t *r,
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_pg_outcome_e outcome)
{
    if (ngx_http_ihanoi_header_retry(r, ngx_http_ihanoi_pg_retry_after(db,
                                                 NGX_HTTP_IHANOI_PG_WRITE))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_ihanoi_problem(r, outcome == NGX_HTTP_IHANOI_PG_BUSY
                                      ? "overloaded" : "database-unavailable",
                                   NULL);
}


/*
 * The key has taken the whole time of its call, which would begin with none left
 * for what it waits for: it is given back, and that is nobody's failure.
 */

static ngx_int_t
ngx_http_ihanoi_plugin_key_late(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_pgdb_t *db)
{
    ngx_int_t                    rc;
    ngx_http_ihanoi_reply_row_t  row;

    ngx_http_ihanoi_plugin_abandon(ctx);

    rc = ngx_http_ihanoi_plugin_key_down(r, db, NGX_HTTP_IHANOI_PG_BUSY);

    ngx_memzero(&row, sizeof(ngx_http_ihanoi_reply_row_t));

    return ngx_http_ihanoi_plugin_key_end(r, ctx, rc, 0, &row);
}


static ngx_int_t
ngx_http_ihanoi_plugin_key_answer(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx)
{
    ngx_http_ihanoi_run_t  *run;

    run = ctx->run;

    if (run) {
        ctx->run = NULL;
        return ngx_http_ihanoi_plugin_reply(r, ctx, run);
    }

    if (ctx->lease->rc != NGX_OK) {
        return ctx->lease->rc;
    }

    return ngx_http_ihanoi_reply_send(r, ctx, ctx->lease->status,
                                      &ctx->lease->row);
}


/* It has done its work, but its answer was not kept. */

static ngx_int_t
ngx_http_ihanoi_plugin_key_unknown(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx)
{
    ngx_http_ihanoi_run_t     *run;
    ngx_http_ihanoi_plugin_t  *plugin;

    run = ctx->run;

    if (run) {

        /* as of a call by SQL, that it went well is known */

        plugin = run->state->plugin;

        ngx_http_ihanoi_circuit_leave(plugin->circuit, run->ticket, 0);
        run->ticket = 0;

        ngx_http_ihanoi_metric_inc(plugin->calls[run->outcome]);
    }

    ngx_http_ihanoi_plugin_abandon(ctx);

    if (ngx_http_ihanoi_header_retry(r, 2) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_ihanoi_problem(r, "outcome-unknown", NULL);
}


static const char *
ngx_http_ihanoi_plugin_key_number(ngx_http_ihanoi_lease_t *lease, ngx_uint_t n)
{
    ngx_sprintf(lease->number, "%ui%Z", n);

    return (const char *) lease->number;
}
