/*
 * Copyright (C) iHaNoi contributors
 *
 * Reply: what came back from PostgreSQL becomes the response.
 *
 * The body's bytes go from libpq's result to the socket without a copy: the
 * request's pool gives the result back when the response has been sent.
 */

#include "ngx_http_ihanoi_api.h"
#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_problem.h"
#include "ihanoi_jansson.h"


static ngx_int_t ngx_http_ihanoi_reply_read(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_pg_outcome_e outcome,
    ngx_http_ihanoi_pgresult_t *res, ngx_http_ihanoi_reply_row_t *row,
    ngx_uint_t *status);
static ngx_int_t ngx_http_ihanoi_reply_outcome(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_pg_outcome_e outcome);
static ngx_int_t ngx_http_ihanoi_reply_sqlerror(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_pgresult_t *res);
static ngx_int_t ngx_http_ihanoi_reply_row(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_reply_row_t *row,
    ngx_uint_t *status);
static ngx_int_t ngx_http_ihanoi_reply_host(ngx_http_request_t *r,
    ngx_http_ihanoi_operation_t *operation, ngx_str_t *body);
static ngx_int_t ngx_http_ihanoi_reply_headers(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_reply_row_t *row);
static ngx_int_t ngx_http_ihanoi_reply_body(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *body);
static ngx_int_t ngx_http_ihanoi_reply_refusal(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *body);
static ngx_int_t ngx_http_ihanoi_reply_wrong(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx);
static void ngx_http_ihanoi_reply_log(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_uint_t level, const char *fmt, ...);
static ngx_int_t ngx_http_ihanoi_reply_conditions(ngx_http_request_t *r,
    ngx_str_t *etag);
static ngx_uint_t ngx_http_ihanoi_reply_matches(ngx_str_t *condition,
    ngx_str_t *etag);
static void ngx_http_ihanoi_reply_cleanup(void *data);


ngx_int_t
ngx_http_ihanoi_reply(ngx_http_request_t *r, ngx_http_ihanoi_api_ctx_t *ctx,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res)
{
    ngx_int_t                     rc;
    ngx_uint_t                    status, called;
    ngx_pool_cleanup_t           *cln;
    ngx_http_ihanoi_reply_row_t   row;
    ngx_http_ihanoi_operation_t  *operation;

    operation = ctx->operation;

    /* what its key alone answers is no call of the plugin */

    called = operation->plugin && operation->stmt
             && (ctx->key.len == 0 || ctx->claimed);

    /* what came too fast to be stopped */

    if (called && outcome == NGX_HTTP_IHANOI_PG_OK
        && ngx_http_ihanoi_pgresult_size(res) > operation->plugin->memory)
    {
        ngx_http_ihanoi_pgresult_free(res);
        res = NULL;
        outcome = NGX_HTTP_IHANOI_PG_TOO_LARGE;
    }

    if (res) {
        cln = ngx_pool_cleanup_add(r->pool, 0);
        if (cln == NULL) {
            ngx_http_ihanoi_pgresult_free(res);
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        cln->handler = ngx_http_ihanoi_reply_cleanup;
        cln->data = res;
    }

    ngx_memzero(&row, sizeof(ngx_http_ihanoi_reply_row_t));
    status = 0;

    rc = ngx_http_ihanoi_reply_read(r, ctx, outcome, res, &row, &status);

    if (called) {
        rc = ngx_http_ihanoi_plugin_sql_ended(r, ctx, rc, status, &row.body);
    }

    /* what may still be at work keeps the key: the lease runs out */

    if (ctx->claimed && outcome != NGX_HTTP_IHANOI_PG_TIMEOUT
        && outcome != NGX_HTTP_IHANOI_PG_UNKNOWN
        && outcome != NGX_HTTP_IHANOI_PG_TOO_LARGE)
    {
        return ngx_http_ihanoi_plugin_key_end(r, ctx, rc,
                                              rc == NGX_OK ? status : 0, &row);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_ihanoi_reply_send(r, ctx, status, &row);
}


/* NGX_OK: a 2xx, status and row say which; or what finalizes the request. */
static ngx_int_t
ngx_http_ihanoi_reply_read(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_pg_outcome_e outcome,
    ngx_http_ihanoi_pgresult_t *res, ngx_http_ihanoi_reply_row_t *row,
    ngx_uint_t *status)
{
    ngx_uint_t  i;

    if (outcome == NGX_HTTP_IHANOI_PG_SQLERROR) {
        return ngx_http_ihanoi_reply_sqlerror(r, ctx, res);
    }

    if (outcome != NGX_HTTP_IHANOI_PG_OK) {
        return ngx_http_ihanoi_reply_outcome(r, ctx, outcome);
    }

    if (ngx_http_ihanoi_pgresult_rows(res) == 0) {
        return ngx_http_ihanoi_problem(r, "not-found", NULL);
    }

    i = 0;
    row->status = ngx_http_ihanoi_pgresult_value(res, 0, i++);
    row->etag = ngx_http_ihanoi_pgresult_value(res, 0, i++);

    if (ctx->operation->contract->method != IHANOI_GET) {
        row->location = ngx_http_ihanoi_pgresult_value(res, 0, i++);
    }

    row->body = ngx_http_ihanoi_pgresult_value(res, 0, i++);

    if (ctx->key.len && !ctx->claimed) {
        row->state = ngx_http_ihanoi_pgresult_value(res, 0, i++);
    }

    return ngx_http_ihanoi_reply_row(r, ctx, row, status);
}


static ngx_int_t
ngx_http_ihanoi_reply_outcome(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_pg_outcome_e outcome)
{
    const char                   *code;
    ngx_uint_t                    retry;
    ngx_http_ihanoi_operation_t  *operation;

    operation = ctx->operation;

    code = ngx_http_ihanoi_problem_outcome(outcome,
                                  operation->contract->method == IHANOI_GET);

    if (outcome == NGX_HTTP_IHANOI_PG_MISSING) {
        ctx->outcome = NGX_HTTP_IHANOI_RUN_ERROR;
        retry = 30;

    } else if (outcome == NGX_HTTP_IHANOI_PG_TOO_LARGE) {
        ctx->outcome = NGX_HTTP_IHANOI_RUN_MEMORY;
        retry = 2;

        ngx_http_ihanoi_reply_log(r, ctx, NGX_LOG_ERR,
                                  "has an answer that is too large");

    } else {
        ctx->outcome = outcome == NGX_HTTP_IHANOI_PG_TIMEOUT
                       ? NGX_HTTP_IHANOI_RUN_TIMEOUT
                       : NGX_HTTP_IHANOI_RUN_BUSY;
        retry = ngx_strcmp(code, "outcome-unknown") == 0
                ? 2 : ngx_http_ihanoi_pg_retry_after(operation->db,
                                                     operation->stmt->class);
    }

    if (ngx_http_ihanoi_header_retry(r, retry) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_ihanoi_problem(r, code, NULL);
}


static ngx_int_t
ngx_http_ihanoi_reply_sqlerror(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_pgresult_t *res)
{
    json_t                                    *members;
    ngx_str_t                                  sqlstate, message, detail;
    const ngx_http_ihanoi_problem_sqlstate_t  *row;

    sqlstate = ngx_http_ihanoi_pgresult_sqlstate(res);
    message = ngx_http_ihanoi_pgresult_message(res);

    if (ngx_http_ihanoi_problem_is_refusal(&sqlstate)) {

        detail = ngx_http_ihanoi_pgresult_detail(res);
        members = NULL;

        if (detail.len) {
            members = ihanoi_jansson_read((char *) detail.data, detail.len, 0,
                                          NULL);
        }

        return ngx_http_ihanoi_reply_problem(r, ctx, &message, members);
    }

    row = ngx_http_ihanoi_problem_sqlstate(&sqlstate,
                            ctx->operation->contract->method == IHANOI_GET);

    if (row) {
        ctx->outcome = ngx_strcmp(row->code, "database-timeout") == 0
                       ? NGX_HTTP_IHANOI_RUN_TIMEOUT
                       : NGX_HTTP_IHANOI_RUN_BUSY;

        ngx_http_ihanoi_reply_log(r, ctx, row->level,
                                  "ended with SQLSTATE %V", &sqlstate);

        if (ngx_http_ihanoi_header_retry(r, row->retry_after) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_ihanoi_problem(r, row->code, NULL);
    }

    ctx->outcome = NGX_HTTP_IHANOI_RUN_ERROR;
    message = ngx_http_ihanoi_pgresult_loggable(res);

    ngx_http_ihanoi_reply_log(r, ctx, NGX_LOG_ERR,
                              "failed with SQLSTATE %V: %V",
                              &sqlstate, &message);

    return ngx_http_ihanoi_problem(r, "internal-error", NULL);
}


static ngx_int_t
ngx_http_ihanoi_reply_row(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_reply_row_t *row,
    ngx_uint_t *status)
{
    ngx_int_t  n;
    ngx_str_t  value;

    if (row->state.len) {

        if (ngx_strcmp(row->state.data, "replay") == 0) {
            ngx_str_set(&value, "true");

            if (ngx_http_ihanoi_header_add(r, "Idempotency-Replayed", &value)
                == NULL)
            {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

        } else if (ngx_strcmp(row->state.data, "mismatch") == 0) {
            return ngx_http_ihanoi_problem(r, "idempotency-key-reused", NULL);

        } else if (ngx_strcmp(row->state.data, "in_use") == 0) {

            if (ngx_http_ihanoi_header_retry(r, 1) != NGX_OK) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            return ngx_http_ihanoi_problem(r, "idempotency-key-in-use", NULL);
        }
    }

    if (row->status.data == NULL) {

        if (row->body.data == NULL) {
            return ngx_http_ihanoi_problem(r, "not-found", NULL);
        }

        return ngx_http_ihanoi_reply_refusal(r, ctx, &row->body);
    }

    n = ngx_atoi(row->status.data, row->status.len);

    if (n < 200 || n > 299) {
        ngx_http_ihanoi_reply_log(r, ctx, NGX_LOG_ERR,
                                  "returned status \"%V\"", &row->status);

        return ngx_http_ihanoi_reply_wrong(r, ctx);
    }

    if (ctx->operation->host
        && ngx_http_ihanoi_reply_host(r, ctx->operation, &row->body) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    *status = (ngx_uint_t) n;

    return NGX_OK;
}


/* The object that SQL answered gets a member of the host's name. */
static ngx_int_t
ngx_http_ihanoi_reply_host(ngx_http_request_t *r,
    ngx_http_ihanoi_operation_t *operation, ngx_str_t *body)
{
    size_t   size;
    json_t  *document;

    document = ihanoi_jansson_read((char *) body->data, body->len, 0, NULL);

    if (json_object_set_new(document, operation->contract->host.data,
                            operation->host(r->pool))
        != 0)
    {
        json_decref(document);
        return NGX_ERROR;
    }

    size = json_dumpb(document, NULL, 0, JSON_COMPACT);

    body->len = size;
    body->data = ngx_pnalloc(r->pool, size + 1);

    if (body->data == NULL
        || json_dumpb(document, (char *) body->data, size, JSON_COMPACT)
           != size)
    {
        json_decref(document);
        return NGX_ERROR;
    }

    json_decref(document);

    return NGX_OK;
}


ngx_int_t
ngx_http_ihanoi_reply_send(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_uint_t status,
    ngx_http_ihanoi_reply_row_t *row)
{
    ngx_int_t  conditions;

    conditions = NGX_OK;

    /* of a subrequest they are about the page, not about this */

    if (r == r->main && ctx->operation->contract->method == IHANOI_GET) {
        conditions = ngx_http_ihanoi_reply_conditions(r, &row->etag);

        if (conditions >= NGX_HTTP_BAD_REQUEST) {
            return conditions;
        }
    }

    r->headers_out.status = status;

    /* ours: nginx's filter would answer 412 after a committed write */

    r->disable_not_modified = 1;

    if (ngx_http_ihanoi_reply_headers(r, ctx, row) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (conditions == NGX_HTTP_NOT_MODIFIED) {

        ngx_http_ihanoi_header_gzip_vary(r);

        r->headers_out.status = NGX_HTTP_NOT_MODIFIED;
        r->headers_out.content_length_n = -1;
        r->header_only = 1;

        return ngx_http_send_header(r);
    }

    if (row->body.data == NULL) {
        r->headers_out.content_length_n =
                                  (status == NGX_HTTP_NO_CONTENT) ? -1 : 0;
        r->header_only = 1;

        return ngx_http_send_header(r);
    }

    return ngx_http_ihanoi_reply_body(r, ctx, &row->body);
}


/* Those that a 304 has too. */
static ngx_int_t
ngx_http_ihanoi_reply_headers(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_reply_row_t *row)
{
    ngx_str_t                  value;
    const ihanoi_operation_t  *op;

    op = ctx->operation->contract;

    /* gzip makes it weak: what we compare takes both forms */

    if (row->etag.data
        && ngx_http_ihanoi_header_etag(r, &row->etag) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (row->location.data
        && ngx_http_ihanoi_header_add(r, "Location", &row->location) == NULL)
    {
        return NGX_ERROR;
    }

    if (op->method != IHANOI_GET) {
        ngx_str_set(&value, "no-store");

    } else if (op->security == IHANOI_SECURITY_PUBLIC) {
        ngx_str_set(&value, "no-cache");

    } else {
        ngx_str_set(&value, "private, no-cache");
    }

    if (ngx_http_ihanoi_header_add(r, "Cache-Control", &value) == NULL) {
        return NGX_ERROR;
    }

    /* a tag may be of the row, and so of all its representations */

    if (op->nproduces > 1 && ctx->match.suffix.data == NULL) {
        ngx_str_set(&value, "Accept");

        if (ngx_http_ihanoi_header_add(r, "Vary", &value) == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ihanoi_reply_body(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *body)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    r->headers_out.content_length_n = body->len;

    if (ctx->media) {
        r->headers_out.content_type.data = (u_char *) ctx->media->type.data;
        r->headers_out.content_type.len = ctx->media->type.len;

    } else {
        ngx_str_set(&r->headers_out.content_type, "application/json");
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->start = b->pos;
    b->end = b->last;
    b->memory = body->len ? 1 : 0;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->sync = (b->last_buf || b->memory) ? 0 : 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/* A refusal decided before any write: {"code": …, members}. */
static ngx_int_t
ngx_http_ihanoi_reply_refusal(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *body)
{
    json_t      *members, *code;
    ngx_str_t    name;
    ngx_int_t    rc;

    members = ihanoi_jansson_read((char *) body->data, body->len, 0, NULL);
    code = json_object_get(members, "code");

    if (!json_is_string(code)) {
        ngx_http_ihanoi_reply_log(r, ctx, NGX_LOG_ERR,
                                  "refused without a problem code");

        json_decref(members);

        return ngx_http_ihanoi_reply_wrong(r, ctx);
    }

    /* the reference is the problem's now; this one keeps the name alive */

    json_incref(members);

    name.data = (u_char *) json_string_value(code);
    name.len = json_string_length(code);

    rc = ngx_http_ihanoi_reply_problem(r, ctx, &name, members);

    json_decref(members);

    return rc;
}


/* A row, or a problem, that is none of docs/conventions.md. */
static ngx_int_t
ngx_http_ihanoi_reply_wrong(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx)
{
    ctx->outcome = NGX_HTTP_IHANOI_RUN_REPLY;

    return ngx_http_ihanoi_problem(r, ctx->operation->plugin
                                      ? "plugin-reply-invalid"
                                      : "internal-error",
                                   NULL);
}


/* Of a plugin's operation the line is the plugin's, as of one in Lua. */
static void
ngx_http_ihanoi_reply_log(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_uint_t level, const char *fmt, ...)
{
    u_char                     buf[NGX_MAX_ERROR_STR];
    size_t                     len;
    va_list                    args;
    ngx_http_ihanoi_plugin_t  *plugin;

    va_start(args, fmt);
    len = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args) - buf;
    va_end(args);

    plugin = ctx->operation->plugin;

    if (plugin) {
        ngx_log_error(level, r->connection->log, 0,
                      "plugin \"%V\" %s: operation \"%V\" %*s", &plugin->name,
                      plugin->manifest->version, &ctx->operation->id, len, buf);
        return;
    }

    ngx_log_error(level, r->connection->log, 0, "operation \"%V\" %*s",
                  &ctx->operation->id, len, buf);
}


ngx_uint_t
ngx_http_ihanoi_reply_declared(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *code)
{
    size_t  len;
    u_char  line[NGX_HTTP_IHANOI_PLUGIN_TEXT];

    if (ngx_http_ihanoi_problem_known(r, code)) {
        return 1;
    }

    len = ngx_http_ihanoi_plugin_text(line, (char *) code->data, code->len);

    ngx_http_ihanoi_reply_log(r, ctx, NGX_LOG_ERR,
                              "refuses: problem \"%*s\" is in no contract",
                              len, line);

    return 0;
}


ngx_int_t
ngx_http_ihanoi_reply_problem(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *code, json_t *members)
{
    ngx_int_t   rc;
    json_int_t  after;

    if (!ngx_http_ihanoi_reply_declared(r, ctx, code)) {
        json_decref(members);
        return ngx_http_ihanoi_reply_wrong(r, ctx);
    }

    /* who refuses may know when it is worth to come again */

    after = json_integer_value(json_object_get(members, "retry_after"));

    rc = ngx_http_ihanoi_problem_str(r, code, members);

    if (after <= 0 && rc == NGX_HTTP_SERVICE_UNAVAILABLE) {
        after = 1;
    }

    if (after > 0
        && ngx_http_ihanoi_header_retry(r, (ngx_uint_t) after) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return rc;
}


/*
 * RFC 9110 13.2.2: what the conditions of a read make of its answer.
 *
 *   NGX_OK                  it is sent
 *   NGX_HTTP_NOT_MODIFIED   the client has it
 *   412                     it is another one
 */
static ngx_int_t
ngx_http_ihanoi_reply_conditions(ngx_http_request_t *r, ngx_str_t *etag)
{
    ngx_table_elt_t  *h;

    h = r->headers_in.if_match;

    if (h && !ngx_http_ihanoi_reply_matches(&h->value, etag)) {
        return ngx_http_ihanoi_problem(r, "precondition-failed", NULL);
    }

    h = r->headers_in.if_none_match;

    if (h && ngx_http_ihanoi_reply_matches(&h->value, etag)) {
        return NGX_HTTP_NOT_MODIFIED;
    }

    return NGX_OK;
}


/*
 * "*", or weak comparison with each entity tag, also of If-Match: gzip makes
 * ours weak.
 */
static ngx_uint_t
ngx_http_ihanoi_reply_matches(ngx_str_t *condition, ngx_str_t *etag)
{
    u_char  *p, *last, *tag;

    p = condition->data;
    last = p + condition->len;

    if (condition->len == 1 && *p == '*') {
        return 1;
    }

    while (p < last) {

        while (p < last && *p != '"') {
            p++;
        }

        tag = ++p;

        while (p < last && *p != '"') {
            p++;
        }

        if (p >= last) {
            return 0;
        }

        if (etag->data && (size_t) (p - tag) == etag->len
            && ngx_memcmp(tag, etag->data, etag->len) == 0)
        {
            return 1;
        }

        p++;
    }

    return 0;
}


static void
ngx_http_ihanoi_reply_cleanup(void *data)
{
    ngx_http_ihanoi_pgresult_free(data);
}
