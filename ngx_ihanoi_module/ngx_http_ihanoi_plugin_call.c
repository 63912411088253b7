/*
 * Copyright (C) iHaNoi contributors
 *
 * Calls of a plugin: which version serves one and whether it may; call and reply
 * of an operation that a handler serves; the end of one that SQL serves.
 */

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_run.h"
#include "ngx_http_ihanoi_client.h"
#include "ngx_http_ihanoi_problem.h"


/* Seconds after which to ask again for a plugin that is refused. */
#define NGX_HTTP_IHANOI_PLUGIN_REFUSED_RETRY  60


/* An answer that is being sent. */
typedef struct {
    ngx_http_ihanoi_plugin_t  *plugin;
    char                      *text;
    size_t                     len;
} ngx_http_ihanoi_plugin_held_t;


static void ngx_http_ihanoi_plugin_turn(ngx_event_t *ev);
static ngx_int_t ngx_http_ihanoi_plugin_prepare(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx);
static ngx_int_t ngx_http_ihanoi_plugin_ended(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_run_t *run);
static void ngx_http_ihanoi_plugin_done(ngx_http_ihanoi_run_t *run,
    void *data);
static void ngx_http_ihanoi_plugin_free(void *data);
static ngx_int_t ngx_http_ihanoi_plugin_unavailable(ngx_http_request_t *r,
    ngx_http_ihanoi_plugin_t *plugin, ngx_http_ihanoi_run_outcome_e outcome,
    ngx_uint_t retry);
static ngx_int_t ngx_http_ihanoi_plugin_answer(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_run_t *run);
static ngx_int_t ngx_http_ihanoi_plugin_check(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_uint_t status, const char *text,
    size_t len);


ngx_uint_t
ngx_http_ihanoi_plugin_refused(ngx_http_ihanoi_plugin_t *plugin)
{
    return ngx_http_ihanoi_circuit_disabled(plugin->circuit)
           || (plugin->db && ngx_http_ihanoi_pg_overreaches(plugin->db));
}


ngx_int_t
ngx_http_ihanoi_plugin_enter(ngx_http_ihanoi_plugin_t *plugin,
    uint64_t *ticket, ngx_uint_t *retry)
{
    if (ngx_http_ihanoi_plugin_refused(plugin)) {

        /* nobody knows when somebody will have mended it */

        *retry = NGX_HTTP_IHANOI_PLUGIN_REFUSED_RETRY;
        return NGX_DECLINED;
    }

    return ngx_http_ihanoi_circuit_enter(plugin->circuit, ticket, retry);
}


ngx_int_t
ngx_http_ihanoi_plugin_admit(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx)
{
    ngx_uint_t                 retry;
    ngx_http_ihanoi_plugin_t  *plugin;

    ngx_http_ihanoi_plugin_choose(r, ctx);
    ctx->chosen = 1;

    for ( ;; ) {
        plugin = ctx->operation->plugin;

        if (ngx_http_ihanoi_plugin_enter(plugin, &ctx->ticket, &retry)
            == NGX_OK)
        {
            return NGX_OK;
        }

        if (plugin->current == NULL) {
            return ngx_http_ihanoi_plugin_unavailable(r, plugin,
                                          NGX_HTTP_IHANOI_RUN_CLOSED, retry);
        }

        /* a candidate that fails costs the calls that have opened its circuit */

        ngx_http_ihanoi_metric_inc(plugin->calls[NGX_HTTP_IHANOI_RUN_CLOSED]);

        ctx->operation = ctx->operation->current;
    }
}


void
ngx_http_ihanoi_plugin_abandon(ngx_http_ihanoi_api_ctx_t *ctx)
{
    ngx_http_ihanoi_run_t  *run;

    if (ctx->turn.posted) {
        ngx_delete_posted_event(&ctx->turn);
    }

    run = ctx->run;

    if (run) {
        ctx->run = NULL;
        ngx_http_ihanoi_plugin_drop(run);
    }

    ngx_http_ihanoi_circuit_abandon(ctx->operation->plugin->circuit,
                                    ctx->ticket);
    ctx->ticket = 0;
}


ngx_int_t
ngx_http_ihanoi_plugin_sql_ended(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_int_t rc, ngx_uint_t status,
    ngx_str_t *body)
{
    ngx_http_ihanoi_plugin_t  *plugin;

    plugin = ctx->operation->plugin;

    if (rc == NGX_OK
        && ngx_http_ihanoi_plugin_check(r, ctx, status, (char *) body->data,
                                        body->len)
           != NGX_OK)
    {
        ctx->outcome = NGX_HTTP_IHANOI_RUN_REPLY;
        rc = ngx_http_ihanoi_problem(r, "plugin-reply-invalid", NULL);
    }

    ngx_http_ihanoi_metric_inc(plugin->calls[ctx->outcome]);

    /* what was never sent took no time */

    if (ctx->submitted) {
        ngx_http_ihanoi_metric_observe(plugin->duration,
                    (ngx_uint_t) (ngx_http_ihanoi_usec() - ctx->submitted));
    }

    if (ctx->outcome == NGX_HTTP_IHANOI_RUN_BUSY) {
        ngx_http_ihanoi_circuit_abandon(plugin->circuit, ctx->ticket);

    } else {
        ngx_http_ihanoi_circuit_leave(plugin->circuit, ctx->ticket,
                                      ctx->outcome != NGX_HTTP_IHANOI_RUN_OK);
    }

    ctx->ticket = 0;

    return rc;
}


/*
 * Posted: what has come in one turn of the event loop is read first, and then runs one
 * after the other, while the code and the plugin's state are in the processor's caches.
 *
 * The request counts one more from here to its end, whatever steps follow: the
 * key, the run, the key again.
 */

ngx_int_t
ngx_http_ihanoi_plugin_call(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *body)
{
    ctx->body = *body;

    ctx->turn.handler = ngx_http_ihanoi_plugin_turn;
    ctx->turn.data = r;
    ctx->turn.log = r->connection->log;

    ngx_post_event(&ctx->turn, &ngx_posted_events);

    if (ctx->operation->contract->finish) {
        ngx_http_ihanoi_client_leave(r);

    } else {
        r->read_event_handler = ngx_http_ihanoi_run_reading;
    }

    r->main->count++;
    r->write_event_handler = ngx_http_ihanoi_client_writing;

    return NGX_DONE;
}


static void
ngx_http_ihanoi_plugin_turn(ngx_event_t *ev)
{
    ngx_int_t                   rc;
    ngx_connection_t           *c;
    ngx_http_request_t         *r;
    ngx_http_ihanoi_api_ctx_t  *ctx;

    r = ev->data;
    c = r->connection;
    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_api_module);

    ngx_http_set_log_request(c->log, r);

    rc = ngx_http_ihanoi_plugin_prepare(r, ctx);

    if (rc == NGX_OK) {
        rc = ctx->key.len
             ? ngx_http_ihanoi_plugin_key_begin(r, ctx, &ctx->body,
                                          ngx_http_ihanoi_run_left(ctx->run))
             : ngx_http_ihanoi_plugin_run(r, ctx);
    }

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }

    ngx_http_run_posted_requests(c);
}


/* Whether it may run at all, before a key is taken: ctx->run, or an answer. */

static ngx_int_t
ngx_http_ihanoi_plugin_prepare(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx)
{
    ngx_msec_t                       timeout;
    ngx_http_ihanoi_run_t           *run;
    ngx_http_ihanoi_plugin_t        *plugin;
    ngx_http_ihanoi_run_outcome_e    outcome;

    plugin = ctx->operation->plugin;
    timeout = plugin->timeout;

    if (ctx->operation->contract->timeout) {
        timeout = ngx_min(timeout, ctx->operation->contract->timeout);
    }

    run = ngx_http_ihanoi_run_create(plugin, timeout, plugin->cpu, ctx->ticket,
                                     r->connection->log, &outcome);
    ctx->ticket = 0;

    if (run == NULL) {
        return ngx_http_ihanoi_plugin_unavailable(r, plugin, outcome,
                                      outcome == NGX_HTTP_IHANOI_RUN_ERROR
                                      ? 5 : 1);
    }

    run->request = r;
    run->ctx = ctx;
    run->body = ctx->body;

    ctx->run = run;

    return NGX_OK;
}


ngx_int_t
ngx_http_ihanoi_plugin_run(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx)
{
    ngx_http_ihanoi_run_t  *run;

    run = ctx->run;

    if (ngx_http_ihanoi_run_go(run, ctx->operation->handler,
                               ngx_http_ihanoi_plugin_done, r)
        == NGX_OK)
    {
        ctx->run = NULL;
        return ngx_http_ihanoi_plugin_ended(r, ctx, run);
    }

    return NGX_DONE;
}


/* NGX_DONE: the key has to be given back before the answer is. */

static ngx_int_t
ngx_http_ihanoi_plugin_ended(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_run_t *run)
{
    ngx_http_ihanoi_answer_t     *answer;
    ngx_http_ihanoi_reply_row_t   row;

    answer = &run->answer;

    if (run->outcome == NGX_HTTP_IHANOI_RUN_OK
        && ((answer->problem.len
             && !ngx_http_ihanoi_reply_declared(r, ctx, &answer->problem))
            || (answer->status
                && ngx_http_ihanoi_plugin_check(r, ctx, answer->status,
                                                answer->text, answer->len)
                   != NGX_OK)))
    {
        run->outcome = NGX_HTTP_IHANOI_RUN_REPLY;
    }

    if (ctx->key.len == 0) {
        return ngx_http_ihanoi_plugin_reply(r, ctx, run);
    }

    ngx_memzero(&row, sizeof(ngx_http_ihanoi_reply_row_t));

    row.etag = answer->etag;
    row.location = answer->location;
    row.body.data = (u_char *) answer->text;
    row.body.len = answer->len;

    ctx->run = run;

    return ngx_http_ihanoi_plugin_key_end(r, ctx, NGX_OK,
                                    run->outcome == NGX_HTTP_IHANOI_RUN_OK
                                    ? answer->status : 0, &row);
}


static void
ngx_http_ihanoi_plugin_done(ngx_http_ihanoi_run_t *run, void *data)
{
    ngx_http_request_t *r = data;

    ngx_int_t                   rc;
    ngx_connection_t           *c;
    ngx_http_ihanoi_api_ctx_t  *ctx;

    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    /* not the request's: a filter that ended a stream has cleared those */

    ctx = run->ctx;
    ctx->run = NULL;

    rc = ngx_http_ihanoi_plugin_ended(r, ctx, run);

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }

    ngx_http_run_posted_requests(c);
}


void
ngx_http_ihanoi_plugin_drop(ngx_http_ihanoi_run_t *run)
{
    ngx_http_ihanoi_circuit_abandon(run->state->plugin->circuit, run->ticket);
    ngx_http_ihanoi_run_destroy(run);
}


ngx_int_t
ngx_http_ihanoi_plugin_reply(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_run_t *run)
{
    ngx_int_t                  rc;
    const char                *code;
    ngx_http_ihanoi_answer_t  *answer;
    ngx_http_ihanoi_plugin_t  *plugin;

    plugin = run->state->plugin;
    answer = &run->answer;

    if (run->outcome == NGX_HTTP_IHANOI_RUN_TIMEOUT
        && ngx_http_ihanoi_stream_waited(run) > run->timeout / 4)
    {
        /* its client has had much of its time */

        ngx_http_ihanoi_circuit_abandon(plugin->circuit, run->ticket);

    } else {
        ngx_http_ihanoi_circuit_leave(plugin->circuit, run->ticket,
                                      run->outcome != NGX_HTTP_IHANOI_RUN_OK);
    }

    /* not the plugin's failure: slow clients do not open its circuit */

    if (run->outcome == NGX_HTTP_IHANOI_RUN_OK
        && plugin->held + answer->len > plugin->memory)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "plugin \"%V\" %s: %uz bytes of its answers wait for "
                      "their clients, there is no memory for %uz more",
                      &plugin->name, plugin->manifest->version, plugin->held,
                      answer->len);

        run->outcome = NGX_HTTP_IHANOI_RUN_MEMORY;
    }

    ngx_http_ihanoi_metric_inc(plugin->calls[run->outcome]);

    if ((run->stream && run->stream->begun)
        || (run->outcome == NGX_HTTP_IHANOI_RUN_OK
            && (run->stream || run->stream_status)
            && answer->status == 0 && answer->problem.len == 0))
    {
        rc = ngx_http_ihanoi_stream_end(r, run);
        ngx_http_ihanoi_run_destroy(run);
        return rc;
    }

    switch (run->outcome) {

    case NGX_HTTP_IHANOI_RUN_OK:
        rc = ngx_http_ihanoi_plugin_answer(r, ctx, run);
        ngx_http_ihanoi_run_destroy(run);
        return rc;

    case NGX_HTTP_IHANOI_RUN_TIMEOUT:
        code = "plugin-timeout";
        break;

    case NGX_HTTP_IHANOI_RUN_REPLY:
        code = "plugin-reply-invalid";
        break;

    case NGX_HTTP_IHANOI_RUN_CPU:
    case NGX_HTTP_IHANOI_RUN_MEMORY:
        code = "plugin-limit";
        break;

    default:
        code = "plugin-failed";
    }

    ngx_http_ihanoi_run_destroy(run);

    return ngx_http_ihanoi_problem(r, code, NULL);
}


static ngx_int_t
ngx_http_ihanoi_plugin_unavailable(ngx_http_request_t *r,
    ngx_http_ihanoi_plugin_t *plugin, ngx_http_ihanoi_run_outcome_e outcome,
    ngx_uint_t retry)
{
    ngx_http_ihanoi_metric_inc(plugin->calls[outcome]);

    if (ngx_http_ihanoi_header_retry(r, retry) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_ihanoi_problem(r, outcome == NGX_HTTP_IHANOI_RUN_BUSY
                                      ? "overloaded" : "plugin-unavailable",
                                   NULL);
}


static ngx_int_t
ngx_http_ihanoi_plugin_answer(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_run_t *run)
{
    ngx_uint_t                      i;
    ngx_pool_cleanup_t             *cln;
    ngx_http_ihanoi_grant_t        *header;
    ngx_http_ihanoi_answer_t       *answer;
    ngx_http_ihanoi_reply_row_t     row;
    ngx_http_ihanoi_plugin_held_t  *held;

    answer = &run->answer;

    if (answer->problem.len) {
        json_incref(answer->members);
        return ngx_http_ihanoi_reply_problem(r, ctx, &answer->problem,
                                             answer->members);
    }

    if (answer->status == 0) {
        return ngx_http_ihanoi_problem(r, "not-found", NULL);
    }

    for (i = 0; answer->headers && i < answer->headers->nelts; i++) {
        header = answer->headers->elts;

        if (ngx_http_ihanoi_header_add(r, (char *) header[i].name.data,
                                       &header[i].value)
            == NULL)
        {
            return NGX_ERROR;
        }
    }

    ngx_memzero(&row, sizeof(ngx_http_ihanoi_reply_row_t));

    row.etag = answer->etag;
    row.location = answer->location;

    if (answer->text) {
        cln = ngx_pool_cleanup_add(r->pool,
                                   sizeof(ngx_http_ihanoi_plugin_held_t));
        if (cln == NULL) {
            return NGX_ERROR;
        }

        held = cln->data;
        held->plugin = run->state->plugin;
        held->text = answer->text;
        held->len = answer->len;

        held->plugin->held += answer->len;
        cln->handler = ngx_http_ihanoi_plugin_free;

        row.body.data = (u_char *) answer->text;
        row.body.len = answer->len;

        answer->text = NULL;
    }

    return ngx_http_ihanoi_reply_send(r, ctx, answer->status, &row);
}


static void
ngx_http_ihanoi_plugin_free(void *data)
{
    ngx_http_ihanoi_plugin_held_t *held = data;

    held->plugin->held -= held->len;
    free(held->text);
}


/*
 * Holds the answer against the contract: all of them, or the first of a worker
 * and then one of NGX_HTTP_IHANOI_PLUGIN_SAMPLE, unless it is long.
 */

static ngx_int_t
ngx_http_ihanoi_plugin_check(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_uint_t status, const char *text,
    size_t len)
{
    u_char                     line[NGX_HTTP_IHANOI_PLUGIN_TEXT];
    const char                *pointer, *type;
    ihanoi_input_t             in;
    ngx_http_ihanoi_plugin_t  *plugin;

    plugin = ctx->operation->plugin;
    plugin->answers++;

    if (!plugin->check
        && (len > NGX_HTTP_IHANOI_PLUGIN_CHECKED
            || (plugin->answers > NGX_HTTP_IHANOI_PLUGIN_SAMPLE
                && plugin->answers % NGX_HTTP_IHANOI_PLUGIN_SAMPLE != 0)))
    {
        return NGX_OK;
    }

    ngx_memzero(&in, sizeof(ihanoi_input_t));

    type = ctx->media ? ctx->media->type.data : NULL;

    if (ihanoi_input_init(&in, ctx->operation->contract, &ctx->input.alloc)
        != 0
        || ihanoi_operation_check_response(ctx->operation->contract,
                                           (unsigned) status, type, text, len,
                                           &in)
           != 0)
    {
        return NGX_ERROR;
    }

    if (in.nviolations == 0) {
        return NGX_OK;
    }

    /* the pointer has names that the plugin chose */

    pointer = in.violations[0].pointer;
    len = ngx_http_ihanoi_plugin_text(line, pointer, ngx_strlen(pointer));

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "plugin \"%V\" %s: the answer of \"%V\" is not what its "
                  "contract says at \"%*s\": %s", &plugin->name,
                  plugin->manifest->version, &ctx->operation->id,
                  len, line, in.violations[0].message);

    return NGX_ERROR;
}
