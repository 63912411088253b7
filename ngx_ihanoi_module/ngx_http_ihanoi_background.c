/*
 * Copyright (C) iHaNoi contributors
 *
 * Background: a run of a plugin's function that no client waits for.
 */

#include "ngx_http_ihanoi_background.h"
#include "ihanoi_host.h"


/* What is taken at once; each run takes one of worker_connections. */
#define NGX_HTTP_IHANOI_BACKGROUND_TAKEN  16

/* How long an end is told again, in the margin of its lease, and how often. */
#define NGX_HTTP_IHANOI_BACKGROUND_TELL   15000
#define NGX_HTTP_IHANOI_BACKGROUND_AGAIN  1000


static ngx_int_t ngx_http_ihanoi_background_request(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_ihanoi_background_prepare(
    ngx_http_ihanoi_background_t *bg);
static void ngx_http_ihanoi_background_ran(ngx_http_ihanoi_run_t *run,
    void *data);
static void ngx_http_ihanoi_background_done(ngx_http_ihanoi_background_t *bg,
    ngx_http_ihanoi_background_outcome_e outcome, const char *error,
    size_t len);
static void ngx_http_ihanoi_background_tell(ngx_event_t *ev);
static ngx_int_t ngx_http_ihanoi_background_again(
    ngx_http_ihanoi_background_t *bg);
static void ngx_http_ihanoi_background_reported(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec);
static void ngx_http_ihanoi_background_unreported(
    ngx_http_ihanoi_background_t *bg);
static void ngx_http_ihanoi_background_end(ngx_http_ihanoi_background_t *bg);
static void ngx_http_ihanoi_background_closed(void *data);


const char *const  ngx_http_ihanoi_background_outcomes[] = {
    "ok", "failed", "error", "memory", "cpu", "timeout", "busy", "closed"
};


/* What the access log has; the client of a call would have seen it. */
static const ngx_uint_t  ngx_http_ihanoi_background_statuses[] = {
    204, 500, 500, 503, 503, 504, 503, 503
};


static const ngx_http_ihanoi_background_outcome_e
    ngx_http_ihanoi_background_of_run[NGX_HTTP_IHANOI_RUN_OUTCOMES] =
{
    NGX_HTTP_IHANOI_BACKGROUND_OK,
    NGX_HTTP_IHANOI_BACKGROUND_ERROR,
    NGX_HTTP_IHANOI_BACKGROUND_MEMORY,
    NGX_HTTP_IHANOI_BACKGROUND_CPU,
    NGX_HTTP_IHANOI_BACKGROUND_TIMEOUT,
    NGX_HTTP_IHANOI_BACKGROUND_ERROR,       /* reply: there is none */
    NGX_HTTP_IHANOI_BACKGROUND_BUSY,
    NGX_HTTP_IHANOI_BACKGROUND_CLOSED
};


/* nginx closes those of idle clients for others. */

ngx_uint_t
ngx_http_ihanoi_background_room(void)
{
    return (ngx_cycle->free_connection_n + ngx_cycle->reusable_connections_n)
           / NGX_HTTP_IHANOI_BACKGROUND_TAKEN;
}


ngx_http_ihanoi_background_t *
ngx_http_ihanoi_background_create(ngx_http_ihanoi_plugin_t *plugin,
    size_t size)
{
    ngx_http_ihanoi_injected_t    *in;
    ngx_http_ihanoi_background_t  *bg;

    in = ngx_http_ihanoi_inject_create(plugin->listener,
                                       sizeof(ngx_http_ihanoi_background_t),
                                       ngx_cycle->log);
    if (in == NULL) {
        return NULL;
    }

    in->handler = ngx_http_ihanoi_background_request;

    bg = in->data;

    bg->plugin = plugin;
    bg->pool = in->pool;
    bg->injected = in;
    bg->data = ngx_pcalloc(bg->pool, size);

    if (bg->data == NULL) {
        ngx_http_ihanoi_inject_drop(in);
        return NULL;
    }

    return bg;
}


void
ngx_http_ihanoi_background_start(ngx_http_ihanoi_background_t *bg)
{
    u_char     line[128];
    ngx_str_t  uri;

    uri.data = line;
    uri.len = ngx_snprintf(line, sizeof(line), "/-/%V/%V", &bg->plugin->name,
                           &bg->name)
              - line;

    ngx_http_ihanoi_inject_go(bg->injected, &uri);
}


static ngx_int_t
ngx_http_ihanoi_background_request(ngx_http_request_t *r, void *data)
{
    ngx_http_ihanoi_background_t *bg = data;

    ngx_http_cleanup_t         *cln;
    ngx_http_ihanoi_api_ctx_t  *ctx;

    ctx = ngx_http_ihanoi_api_ctx(r);
    cln = ngx_http_cleanup_add(r, 0);

    if (ctx == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_ihanoi_background_closed;
    cln->data = bg;

    bg->request = r;
    bg->start = ngx_http_ihanoi_usec();

    if (ngx_http_ihanoi_background_prepare(bg) == NGX_OK) {

        if (ngx_http_ihanoi_run_go(bg->run, bg->plugin->operations.nelts
                                            + bg->function,
                                   ngx_http_ihanoi_background_ran, bg)
            == NGX_OK)
        {
            ngx_http_ihanoi_background_ran(bg->run, bg);
        }
    }

    return NGX_DONE;
}


/* NGX_OK: bg->run can go; otherwise it is done. */

static ngx_int_t
ngx_http_ihanoi_background_prepare(ngx_http_ihanoi_background_t *bg)
{
    uint64_t                        ticket;
    ngx_log_t                      *log;
    ngx_uint_t                      retry;
    ngx_http_ihanoi_run_t          *run;
    ngx_http_ihanoi_plugin_t       *plugin;
    ngx_http_ihanoi_run_outcome_e   outcome;

    plugin = bg->plugin;
    log = bg->request->connection->log;
    outcome = NGX_HTTP_IHANOI_RUN_CLOSED;

    if (ngx_http_ihanoi_plugin_enter(plugin, &ticket, &retry) != NGX_OK) {
        goto refused;
    }

    /* where a probe is let in, so is this; but it is none: it may take long,
       and calls are not to wait for what it finds out */

    if (ticket) {
        ngx_http_ihanoi_circuit_abandon(plugin->circuit, ticket);
        ticket = 0;
    }

    run = ngx_http_ihanoi_run_create(plugin, bg->timeout, bg->cpu, ticket, log,
                                     &outcome);

    if (run == NULL) {
        goto refused;
    }

    run->phase = IHANOI_PHASE_JOB;
    run->request = bg->request;
    run->ctx = ngx_http_get_module_ctx(bg->request,
                                       ngx_http_ihanoi_api_module);
    run->body = bg->input;

    bg->run = run;

    return NGX_OK;

refused:

    ngx_http_ihanoi_metric_inc(plugin->calls[outcome]);

    ngx_http_ihanoi_background_done(bg,
                                ngx_http_ihanoi_background_of_run[outcome],
                                "it could not begin",
                                sizeof("it could not begin") - 1);
    return NGX_DECLINED;
}


static void
ngx_http_ihanoi_background_ran(ngx_http_ihanoi_run_t *run, void *data)
{
    ngx_http_ihanoi_background_t *bg = data;

    size_t                     len;
    u_char                     line[NGX_HTTP_IHANOI_PLUGIN_TEXT];
    ngx_http_ihanoi_plugin_t  *plugin;

    plugin = bg->plugin;

    bg->run = NULL;

    ngx_http_ihanoi_circuit_leave(plugin->circuit, run->ticket,
                                  run->outcome != NGX_HTTP_IHANOI_RUN_OK);
    ngx_http_ihanoi_metric_inc(plugin->calls[run->outcome]);

    switch (run->outcome) {

    case NGX_HTTP_IHANOI_RUN_OK:
        len = run->answer.problem.len;

        if (len) {
            ngx_memcpy(line, run->answer.problem.data, len);
            ngx_log_error(NGX_LOG_ERR, run->log, 0,
                          "plugin \"%V\" %s: %V failed: %*s", &plugin->name,
                          plugin->manifest->version, &bg->name, len, line);
        }

        break;

    case NGX_HTTP_IHANOI_RUN_TIMEOUT:
        len = ngx_sprintf(line, "no end in %Mms", bg->timeout) - line;
        break;

    default:
        len = ngx_http_ihanoi_plugin_text(line, run->error,
                                          ngx_strlen(run->error));
    }

    bg->away = run->answer.away;

    if (run->outcome == NGX_HTTP_IHANOI_RUN_OK && len) {
        bg->outcome = NGX_HTTP_IHANOI_BACKGROUND_FAILED;

    } else {
        bg->outcome = ngx_http_ihanoi_background_of_run[run->outcome];
        bg->again = run->answer.again;
    }

    ngx_http_ihanoi_run_destroy(run);

    ngx_http_ihanoi_background_done(bg, bg->outcome, (char *) line, len);
}


static void
ngx_http_ihanoi_background_done(ngx_http_ihanoi_background_t *bg,
    ngx_http_ihanoi_background_outcome_e outcome, const char *error,
    size_t len)
{
    bg->outcome = outcome;

    bg->error.data = ngx_pnalloc(bg->pool, len + 1);

    if (bg->error.data == NULL) {
        ngx_http_ihanoi_background_unreported(bg);
        return;
    }

    *ngx_cpymem(bg->error.data, error, len) = '\0';
    bg->error.len = len;

    bg->done(bg);
}


void
ngx_http_ihanoi_background_report(ngx_http_ihanoi_background_t *bg,
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_pgstmt_t *stmt,
    const char *const *values)
{
    bg->db = db;
    bg->stmt = stmt;
    bg->values = values;

    bg->tell.handler = ngx_http_ihanoi_background_tell;
    bg->tell.data = bg;
    bg->tell.log = bg->request->connection->log;

    bg->told = ngx_current_msec;

    ngx_http_ihanoi_background_tell(&bg->tell);
}


static void
ngx_http_ihanoi_background_tell(ngx_event_t *ev)
{
    ngx_http_ihanoi_pg_outcome_e   outcome;
    ngx_http_ihanoi_background_t  *bg;

    bg = ev->data;

    bg->call = ngx_http_ihanoi_pgcall_submit(bg->db, bg->stmt, bg->values, 0,
                                       ngx_http_ihanoi_background_reported,
                                       bg, ev->log, &outcome);

    if (bg->call == NULL && ngx_http_ihanoi_background_again(bg) != NGX_OK) {
        ngx_http_ihanoi_background_unreported(bg);
    }
}


/*
 * A database that is away or has no room for a while: what was done is not to
 * be done again for that.
 */

static ngx_int_t
ngx_http_ihanoi_background_again(ngx_http_ihanoi_background_t *bg)
{
    if (ngx_exiting
        || ngx_current_msec - bg->told > NGX_HTTP_IHANOI_BACKGROUND_TELL)
    {
        return NGX_DECLINED;
    }

    ngx_add_timer(&bg->tell, NGX_HTTP_IHANOI_BACKGROUND_AGAIN);
    return NGX_OK;
}


static void
ngx_http_ihanoi_background_reported(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec)
{
    ngx_http_ihanoi_background_t *bg = data;

    ngx_str_t  taken;

    bg->call = NULL;

    taken.len = 0;

    if (outcome == NGX_HTTP_IHANOI_PG_OK) {
        taken = ngx_http_ihanoi_pgresult_value(res, 0, 0);
    }

    if (taken.len && taken.data[0] == 't') {

        if (bg->reported) {
            bg->reported(bg, res);
        }

        ngx_http_ihanoi_background_end(bg);

    } else if (outcome == NGX_HTTP_IHANOI_PG_OK && bg->doubtful) {

        /* an end that nobody has heard of had come */

        ngx_http_ihanoi_background_end(bg);

    } else if (outcome == NGX_HTTP_IHANOI_PG_OK
               || ngx_http_ihanoi_background_again(bg) != NGX_OK)
    {
        ngx_http_ihanoi_background_unreported(bg);

    } else if (outcome == NGX_HTTP_IHANOI_PG_UNKNOWN
               || outcome == NGX_HTTP_IHANOI_PG_TIMEOUT)
    {
        bg->doubtful = 1;
    }

    if (res) {
        ngx_http_ihanoi_pgresult_free(res);
    }
}


/* Its lease ends by itself, and then it counts as lost. */

static void
ngx_http_ihanoi_background_unreported(ngx_http_ihanoi_background_t *bg)
{
    ngx_log_error(NGX_LOG_ERR, bg->request->connection->log, 0,
                  "plugin \"%V\" %s: how %V ended (%s) could not be kept",
                  &bg->plugin->name, bg->plugin->manifest->version, &bg->name,
                  ngx_http_ihanoi_background_outcomes[bg->outcome]);

    ngx_http_ihanoi_background_end(bg);
}


static void
ngx_http_ihanoi_background_end(ngx_http_ihanoi_background_t *bg)
{
    ngx_http_ihanoi_inject_end(bg->request,
                         ngx_http_ihanoi_background_statuses[bg->outcome]);
}


/* The request ends before its run: this worker does not wait any longer. */

static void
ngx_http_ihanoi_background_closed(void *data)
{
    ngx_http_ihanoi_background_t *bg = data;

    ngx_http_ihanoi_run_t  *run;

    if (bg->call) {
        ngx_http_ihanoi_pgcall_abandon(bg->call);
        bg->call = NULL;
    }

    if (bg->tell.timer_set) {
        ngx_del_timer(&bg->tell);
    }

    run = bg->run;

    if (run) {
        bg->run = NULL;
        ngx_http_ihanoi_plugin_drop(run);
    }
}
