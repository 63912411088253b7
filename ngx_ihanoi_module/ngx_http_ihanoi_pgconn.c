/*
 * Copyright (C) iHaNoi contributors
 *
 * One PostgreSQL connection: from connecting to its end.
 *
 * Its socket is in _pgconn_socket.c, what it carries in _pgconn_exchange.c, an
 * answer in _pgresult.c.  No other file sees libpq.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <libpq-fe.h>

#include "ngx_http_ihanoi_pgconn_socket.h"
#include "ngx_http_ihanoi_pgconn_exchange.h"
#include "ngx_http_ihanoi_pgconn.h"


static void ngx_http_ihanoi_pgconn_notice(void *data, const PGresult *res);
static void ngx_http_ihanoi_pgconn_event(ngx_event_t *ev);
static void ngx_http_ihanoi_pgconn_timeout(ngx_event_t *ev);
static void ngx_http_ihanoi_pgconn_kicked(ngx_event_t *ev);
static void ngx_http_ihanoi_pgconn_sync(ngx_event_t *ev);
static ngx_int_t ngx_http_ihanoi_pgconn_opened(ngx_http_ihanoi_pgconn_t *pc);
static void ngx_http_ihanoi_pgconn_close(ngx_http_ihanoi_pgconn_t *pc);


ngx_int_t
ngx_http_ihanoi_pgconn_init(ngx_http_ihanoi_pgconn_t *pc, ngx_pool_t *pool)
{
    pc->prepared = ngx_pcalloc(pool, pc->nprepared + 1);
    if (pc->prepared == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&pc->exchanges);

    /*
     * Neither may keep a worker from exiting: connecting is nobody's request,
     * and calls in flight have timers of their own.
     */

    pc->timer.handler = ngx_http_ihanoi_pgconn_timeout;
    pc->timer.data = pc;
    pc->timer.log = pc->log;
    pc->timer.cancelable = 1;

    pc->kick.handler = ngx_http_ihanoi_pgconn_kicked;
    pc->kick.data = pc;
    pc->kick.log = pc->log;

    pc->sync.handler = ngx_http_ihanoi_pgconn_sync;
    pc->sync.data = pc;
    pc->sync.log = pc->log;

    pc->state = NGX_HTTP_IHANOI_PGCONN_CLOSED;

    return NGX_OK;
}


ngx_int_t
ngx_http_ihanoi_pgconn_connect(ngx_http_ihanoi_pgconn_t *pc,
    const char *const *keywords, const char *const *values,
    ngx_msec_t timeout)
{
    ngx_memzero(pc->prepared, pc->nprepared);

    pc->generation++;
    pc->preparing = 0;
    pc->in_flight = 0;
    pc->pid = 0;
    pc->ready_at = 0;
    pc->answered = 0;
    pc->standby = 0;
    pc->readonly = 0;
    pc->leaving = 0;
    pc->broken = 0;
    pc->replicating = 0;
    pc->unwanted = 0;
    pc->oversize = 0;
    pc->copying = 0;
    pc->received = 0;
    pc->reason.len = 0;
    pc->end = NGX_HTTP_IHANOI_PGCONN_UNREACHABLE;

    pc->pg = PQconnectStartParams(keywords, values, 0);

    if (pc->pg == NULL) {
        ngx_http_ihanoi_pgconn_reason(pc, "out of memory");
        return NGX_ERROR;
    }

    PQsetNoticeReceiver(pc->pg, ngx_http_ihanoi_pgconn_notice, pc);

    if (PQstatus(pc->pg) == CONNECTION_BAD) {
        ngx_http_ihanoi_pgconn_reason(pc, NULL);
        goto failed;
    }

    if (ngx_http_ihanoi_pgconn_attach(pc, ngx_http_ihanoi_pgconn_event)
        != NGX_OK)
    {
        goto failed;
    }

    pc->state = NGX_HTTP_IHANOI_PGCONN_CONNECTING;

    ngx_add_timer(&pc->timer, timeout);

    return NGX_OK;

failed:

    ngx_http_ihanoi_pgconn_release(pc);

    return NGX_ERROR;
}


void
ngx_http_ihanoi_pgconn_retire(ngx_http_ihanoi_pgconn_t *pc)
{
    if (pc->pg == NULL || pc->leaving) {
        return;
    }

    pc->leaving = 1;

    if (ngx_queue_empty(&pc->exchanges)) {
        ngx_post_event(&pc->kick, &ngx_posted_events);
    }
}


void
ngx_http_ihanoi_pgconn_drop(ngx_http_ihanoi_pgconn_t *pc)
{
    if (pc->pg == NULL || pc->broken) {
        return;
    }

    pc->end = NGX_HTTP_IHANOI_PGCONN_RETIRED;

    ngx_http_ihanoi_pgconn_break(pc, "nobody waits for its answer");
}


void
ngx_http_ihanoi_pgconn_destroy(ngx_http_ihanoi_pgconn_t *pc)
{
    if (pc->pg == NULL) {
        return;
    }

    pc->broken = 1;

    ngx_http_ihanoi_pgconn_discard(pc);
    ngx_http_ihanoi_pgconn_release(pc);
}


static void
ngx_http_ihanoi_pgconn_event(ngx_event_t *ev)
{
    ngx_int_t                  rc;
    ngx_connection_t          *c;
    ngx_http_ihanoi_pgconn_t  *pc;

    c = ev->data;
    pc = c->data;

    if (c->close) {

        if (c->error) {
            /* worker_shutdown_timeout: calls in flight are given up too */
            ngx_http_ihanoi_pgconn_reason(pc, "worker shutdown timed out");
            ngx_http_ihanoi_pgconn_close(pc);
            return;
        }

        c->close = 0;
    }

    if (pc->state == NGX_HTTP_IHANOI_PGCONN_CONNECTING) {

        rc = ngx_http_ihanoi_pgconn_poll(pc);

        if (rc == NGX_OK) {
            rc = ngx_http_ihanoi_pgconn_opened(pc);
        }

        if (rc == NGX_ERROR) {
            ngx_http_ihanoi_pgconn_close(pc);
        }

        return;
    }

    /*
     * Read in both cases: a server whose answers are not read stops reading
     * our requests (libpq 34.4).
     */

    if (ngx_http_ihanoi_pgconn_oversize(pc)) {
        pc->oversize = 1;
        ngx_http_ihanoi_pgconn_reason(pc, "the answer is too large");
        ngx_http_ihanoi_pgconn_close(pc);
        return;
    }

    /* libpq sends before it reads: whole batches only */

    ngx_http_ihanoi_pgconn_end_batch(pc);

    if (PQconsumeInput(pc->pg) == 0) {
        pc->broken = 1;
    }

    /* answers that came before the end still count */

    ngx_http_ihanoi_pgconn_drain(pc);

    if (!pc->broken && pc->batch == NULL
        && ngx_http_ihanoi_pgconn_flush(pc) != NGX_OK)
    {
        pc->broken = 1;
    }

    if (pc->broken) {
        ngx_http_ihanoi_pgconn_reason(pc, NULL);
        ngx_http_ihanoi_pgconn_close(pc);
        return;
    }

    if (pc->leaving && ngx_queue_empty(&pc->exchanges)) {
        pc->end = NGX_HTTP_IHANOI_PGCONN_RETIRED;
        ngx_http_ihanoi_pgconn_close(pc);
    }
}


static void
ngx_http_ihanoi_pgconn_timeout(ngx_event_t *ev)
{
    ngx_http_ihanoi_pgconn_t  *pc;

    pc = ev->data;

    ngx_http_ihanoi_pgconn_reason(pc, "connecting timed out");
    ngx_http_ihanoi_pgconn_close(pc);
}


static void
ngx_http_ihanoi_pgconn_kicked(ngx_event_t *ev)
{
    ngx_http_ihanoi_pgconn_t  *pc;

    pc = ev->data;

    if (pc->pg == NULL) {
        return;
    }

    if (pc->leaving && !pc->broken) {

        if (!ngx_queue_empty(&pc->exchanges)) {
            return;
        }

        pc->end = NGX_HTTP_IHANOI_PGCONN_RETIRED;
    }

    ngx_http_ihanoi_pgconn_close(pc);
}


/* All events that came together are handled: calls share a Sync till here. */

static void
ngx_http_ihanoi_pgconn_sync(ngx_event_t *ev)
{
    ngx_http_ihanoi_pgconn_end_batch(ev->data);
}


/*
 * Notices may carry what people wrote: only their SQLSTATE is looked at.  One
 * is an outcome: the commit's wait for a synchronous standby was cancelled,
 * and the transaction may not survive a failover.  The function's name is
 * compared beside the text because the text may be translated.
 */

static void
ngx_http_ihanoi_pgconn_notice(void *data, const PGresult *res)
{
    char                          *function, *message;
    ngx_http_ihanoi_pgconn_t      *pc;
    ngx_http_ihanoi_pgexchange_t  *x;

    pc = data;

    function = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);
    message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

    if ((function && ngx_strcmp(function, "SyncRepWaitForLSN") == 0)
        || (message && ngx_strstr(message, "synchronous replication")))
    {
        if (!ngx_queue_empty(&pc->exchanges)) {
            x = ngx_queue_data(ngx_queue_head(&pc->exchanges),
                               ngx_http_ihanoi_pgexchange_t, queue);
            x->unreplicated = 1;
        }

        return;
    }

    /* said to an idle connection before it is closed */

    ngx_http_ihanoi_pgconn_last_words(pc, res);
}


static ngx_int_t
ngx_http_ihanoi_pgconn_opened(ngx_http_ihanoi_pgconn_t *pc)
{
    pc->end = NGX_HTTP_IHANOI_PGCONN_LOST;

    if (PQsetnonblocking(pc->pg, 1) != 0 || PQenterPipelineMode(pc->pg) != 1) {
        ngx_http_ihanoi_pgconn_reason(pc, NULL);
        return NGX_ERROR;
    }

    /* a row's values must not come with what libpq itself says of an error */

    PQsetErrorVerbosity(pc->pg, PQERRORS_SQLSTATE);

    pc->pid = PQbackendPID(pc->pg);
    *ngx_snprintf(pc->pid_text, NGX_INT_T_LEN, "%d", pc->pid) = '\0';

    ngx_http_ihanoi_pgconn_check_role(pc);

    if (ngx_http_ihanoi_pgconn_arm(pc, 1, 0) != NGX_OK) {
        ngx_http_ihanoi_pgconn_reason(pc, "could not register the socket");
        return NGX_ERROR;
    }

    pc->state = NGX_HTTP_IHANOI_PGCONN_PREPARING;
    pc->handlers->opened(pc);

    if (!pc->lazy && ngx_http_ihanoi_pgconn_prepare_ahead(pc) != NGX_OK) {
        return NGX_ERROR;
    }

    if (pc->preparing == 0) {
        ngx_http_ihanoi_pgconn_ready(pc);
    }

    return NGX_OK;
}


static void
ngx_http_ihanoi_pgconn_close(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_http_ihanoi_pgconn_release(pc);
    ngx_http_ihanoi_pgconn_lose(pc);

    pc->handlers->closed(pc);
}
