/*
 * Copyright (C) iHaNoi contributors
 *
 * Call: the operation's function is run once in PostgreSQL.
 */

#include "ngx_http_ihanoi_api.h"
#include "ngx_http_ihanoi_client.h"
#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_problem.h"
#include "ngx_http_ihanoi_request_id.h"
#include "ihanoi_digest.h"


static ngx_int_t ngx_http_ihanoi_call_caller(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, const char **text);
static void ngx_http_ihanoi_call_done(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec);
static void ngx_http_ihanoi_call_abandon(void *data);


ngx_int_t
ngx_http_ihanoi_call_start(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *body)
{
    ngx_int_t                     rc;
    ngx_http_cleanup_t           *cln;
    ngx_http_ihanoi_operation_t  *operation;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_ihanoi_call_abandon;
    cln->data = ctx;

    if (ctx->operation->plugin) {
        rc = ngx_http_ihanoi_plugin_admit(r, ctx);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    operation = ctx->operation;

    if (operation->contract->lua.data) {
        return ngx_http_ihanoi_plugin_call(r, ctx, body);
    }

    if (operation->plugin && ctx->key.len) {

        /*
         * The function is a write, which runs to its end whoever waits for it:
         * what it has done is kept, for a client that has gone, too.  It may be
         * sent as late as its call ends, and then the server gives it its time.
         */

        ngx_http_ihanoi_client_leave(r);

        rc = ngx_http_ihanoi_plugin_key_begin(r, ctx, body,
                          2 * ngx_http_ihanoi_pgstmt_longest(operation->db,
                                                             operation->stmt));

    } else {
        r->read_event_handler = ngx_http_test_reading;

        rc = ngx_http_ihanoi_call_function(r, ctx, body);
    }

    if (rc != NGX_DONE) {
        return rc;
    }

    r->main->count++;
    r->write_event_handler = ngx_http_ihanoi_client_writing;

    return NGX_DONE;
}


ngx_int_t
ngx_http_ihanoi_call_function(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *body)
{
    const char                    **values;
    ngx_uint_t                      n;
    ngx_http_ihanoi_pgstmt_t       *stmt;
    ngx_http_ihanoi_operation_t    *operation;
    ngx_http_ihanoi_pg_outcome_e    outcome;

    operation = ctx->operation;
    stmt = operation->stmt;

    if (operation->plain_stmt && ctx->key.len == 0) {
        stmt = operation->plain_stmt;
    }

    values = ngx_palloc(r->pool, stmt->nparams * sizeof(char *));
    if (values == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_ihanoi_call_caller(r, ctx, &values[0]) != NGX_OK) {
        return NGX_ERROR;
    }

    n = operation->contract->narguments;

    ngx_memcpy(&values[1], ctx->input.values, n * sizeof(char *));

    if (ctx->key.len && operation->plugin == NULL) {
        n++;

        /* its owner is there: input has seen to it */

        values[n] = ngx_http_ihanoi_call_text(r, &ctx->caller->subject);
        values[n + 1] = ngx_http_ihanoi_call_text(r, &operation->id);
        values[n + 2] = ngx_http_ihanoi_call_text(r, &ctx->key);

        if (values[n] == NULL || values[n + 1] == NULL
            || values[n + 2] == NULL)
        {
            return NGX_ERROR;
        }

        if (ngx_http_ihanoi_call_fingerprint(r, ctx, body, &values[n + 3])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ctx->call = ngx_http_ihanoi_pgcall_submit(operation->db, stmt, values,
                                              operation->contract->timeout,
                                              ngx_http_ihanoi_call_done, r,
                                              r->connection->log, &outcome);

    if (ctx->call == NULL) {
        return ngx_http_ihanoi_reply(r, ctx, outcome, NULL);
    }

    if (operation->plugin) {
        ctx->submitted = ngx_http_ihanoi_usec();
    }

    return NGX_DONE;
}


/* The first argument of every function: docs/conventions.md. */
static ngx_int_t
ngx_http_ihanoi_call_caller(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, const char **text)
{
    u_char                           *p;
    size_t                            len;
    ngx_str_t                        *id;
    ngx_http_variable_value_t        *request_id;
    ngx_http_ihanoi_api_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_ihanoi_api_module);

    request_id = ngx_http_ihanoi_request_id(r, amcf->request_id);
    if (request_id == NULL || request_id->not_found) {
        return NGX_ERROR;
    }

    id = &ctx->operation->id;

    len = sizeof("{,\"operation\":\"\",\"request_id\":\"\",\"lang\":\"vi\","
                 "\"idempotency_key\":\"\"}")
          + id->len + request_id->len + ctx->key.len
          + (ctx->caller ? ctx->caller->caller.len : 0);

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *text = (char *) p;
    *p++ = '{';

    if (ctx->caller) {
        p = ngx_cpymem(p, ctx->caller->caller.data, ctx->caller->caller.len);
        *p++ = ',';
    }

    /* operationId, $request_id and the key need no escaping: checked, and hex */

    p = ngx_sprintf(p, "\"operation\":\"%V\",\"request_id\":\"%v\","
                       "\"lang\":\"%s\"",
                    id, request_id, ngx_http_ihanoi_english(r) ? "en" : "vi");

    /* a transaction without its key can still do once what comes twice */

    if (ctx->key.len && ctx->operation->plugin) {
        p = ngx_sprintf(p, ",\"idempotency_key\":\"%V\"", &ctx->key);
    }

    *p++ = '}';
    *p = '\0';

    return NGX_OK;
}


ngx_int_t
ngx_http_ihanoi_call_fingerprint(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *body, const char **hex)
{
    size_t   len;
    u_char  *p, *text, *last;
    u_char   digest[IHANOI_SHA256_LEN];

    len = r->uri.len + 1 + r->args.len + 1;

    text = ngx_pnalloc(r->pool, len + sizeof(digest));
    p = ngx_pnalloc(r->pool, 2 * (IHANOI_SHA256_HEX_LEN + 1));

    if (text == NULL || p == NULL) {
        return NGX_ERROR;
    }

    *hex = (char *) p;

    last = ngx_sprintf(text, "%V?%V%Z", &r->uri, &r->args);

    if (ihanoi_sha256(body->data, body->len, last) != 0
        || ihanoi_sha256(text, len + sizeof(digest), digest) != 0)
    {
        return NGX_ERROR;
    }

    p = ngx_hex_dump(p, digest, sizeof(digest));

    if (body->len) {
        *p++ = ' ';

        ngx_memcpy(last, ctx->input.json, sizeof(digest));

        if (ihanoi_sha256(text, len + sizeof(digest), digest) != 0) {
            return NGX_ERROR;
        }

        p = ngx_hex_dump(p, digest, sizeof(digest));
    }

    *p = '\0';

    return NGX_OK;
}


const char *
ngx_http_ihanoi_call_text(ngx_http_request_t *r, ngx_str_t *value)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, value->len + 1);

    if (p) {
        *ngx_cpymem(p, value->data, value->len) = '\0';
    }

    return (char *) p;
}


static void
ngx_http_ihanoi_call_done(void *data, ngx_http_ihanoi_pg_outcome_e outcome,
    ngx_http_ihanoi_pgresult_t *res, ngx_uint_t db_usec)
{
    ngx_http_request_t *r = data;

    ngx_int_t                   rc;
    ngx_connection_t           *c;
    ngx_http_ihanoi_api_ctx_t  *ctx;

    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_api_module);

    ctx->call = NULL;
    ctx->called = 1;
    ctx->db_usec += db_usec;

    rc = ngx_http_ihanoi_reply(r, ctx, outcome, res);

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }

    ngx_http_run_posted_requests(c);
}


/* The request ends before its call: the client is gone, or a time-out. */
static void
ngx_http_ihanoi_call_abandon(void *data)
{
    ngx_http_ihanoi_api_ctx_t *ctx = data;

    if (ctx->call) {
        ngx_http_ihanoi_pgcall_abandon(ctx->call);
        ctx->call = NULL;
    }

    if (ctx->operation->plugin) {
        ngx_http_ihanoi_plugin_abandon(ctx);
    }
}
