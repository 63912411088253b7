/*
 * Copyright (C) iHaNoi contributors
 *
 * One PostgreSQL connection in pipeline mode.
 *
 * Owns the PGconn and its nginx connection.  Only this file sees libpq.
 *
 * The socket is registered level-triggered: libpq does not always read or
 * write until EAGAIN, so an edge could be missed for ever (docs/postgres.md).
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <libpq-fe.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_metrics.h"
#include "ngx_http_ihanoi_pgconn.h"


#define NGX_HTTP_IHANOI_PGX_EXECUTE     0
#define NGX_HTTP_IHANOI_PGX_PREPARE     1   /* with a first use */
#define NGX_HTTP_IHANOI_PGX_AHEAD       2   /* at connect */
#define NGX_HTTP_IHANOI_PGX_DEALLOCATE  3


struct ngx_http_ihanoi_pgresult_s {
    PGresult  *res;
    size_t     size;
};


static void ngx_http_ihanoi_pgconn_event(ngx_event_t *ev);
static void ngx_http_ihanoi_pgconn_timeout(ngx_event_t *ev);
static void ngx_http_ihanoi_pgconn_kicked(ngx_event_t *ev);
static void ngx_http_ihanoi_pgconn_notice(void *data, const PGresult *res);
static ngx_int_t ngx_http_ihanoi_pgconn_poll(ngx_http_ihanoi_pgconn_t *pc);
static ngx_int_t ngx_http_ihanoi_pgconn_opened(ngx_http_ihanoi_pgconn_t *pc);
static void ngx_http_ihanoi_pgconn_check_role(ngx_http_ihanoi_pgconn_t *pc);
static ngx_int_t ngx_http_ihanoi_pgconn_arm(ngx_http_ihanoi_pgconn_t *pc,
    ngx_uint_t read, ngx_uint_t write);
static ngx_int_t ngx_http_ihanoi_pgconn_flush(ngx_http_ihanoi_pgconn_t *pc);
static ngx_int_t ngx_http_ihanoi_pgconn_append(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x, int sent);
static ngx_int_t ngx_http_ihanoi_pgconn_prepare(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgstmt_t *stmt, ngx_uint_t kind);
static void ngx_http_ihanoi_pgconn_drain(ngx_http_ihanoi_pgconn_t *pc);
static void ngx_http_ihanoi_pgconn_take(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x, PGresult *res);
static void ngx_http_ihanoi_pgconn_finish(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x);
static void ngx_http_ihanoi_pgconn_reason(ngx_http_ihanoi_pgconn_t *pc,
    const char *reason);
static void ngx_http_ihanoi_pgconn_release(ngx_http_ihanoi_pgconn_t *pc);
static void ngx_http_ihanoi_pgconn_close(ngx_http_ihanoi_pgconn_t *pc);
static ngx_str_t ngx_http_ihanoi_pgresult_field(
    ngx_http_ihanoi_pgresult_t *res, int code);


static size_t  ngx_http_ihanoi_pgresult_bytes;


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

    pc->state = NGX_HTTP_IHANOI_PGCONN_CLOSED;

    return NGX_OK;
}


ngx_int_t
ngx_http_ihanoi_pgconn_connect(ngx_http_ihanoi_pgconn_t *pc,
    const char *const *keywords, const char *const *values,
    ngx_msec_t timeout)
{
    ngx_socket_t       s;
    ngx_connection_t  *c;

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

    pc->socket = PQsocket(pc->pg);

    /*
     * libpq closes its socket as soon as it reads the end of it, and the
     * number may be another client's before we hear of it.  A duplicate is
     * ours: what nginx has registered exists until we take it back.
     */

    s = fcntl(pc->socket, F_DUPFD_CLOEXEC, 0);

    if (s == (ngx_socket_t) -1) {
        ngx_http_ihanoi_pgconn_reason(pc, "could not duplicate the socket");
        goto failed;
    }

    c = ngx_get_connection(s, pc->log);

    if (c == NULL) {
        (void) ngx_close_socket(s);
        ngx_http_ihanoi_pgconn_reason(pc, "worker_connections are not enough");
        goto failed;
    }

    c->data = pc;
    c->log = pc->log;
    c->read->log = pc->log;
    c->write->log = pc->log;
    c->read->handler = ngx_http_ihanoi_pgconn_event;
    c->write->handler = ngx_http_ihanoi_pgconn_event;
    c->log_error = NGX_ERROR_ERR;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    pc->connection = c;
    pc->state = NGX_HTTP_IHANOI_PGCONN_CONNECTING;

    /* the first PQconnectPoll() comes when the socket is writable */

    if (ngx_http_ihanoi_pgconn_arm(pc, 0, 1) != NGX_OK) {
        ngx_http_ihanoi_pgconn_reason(pc, "could not register the socket");
        goto failed;
    }

    ngx_add_timer(&pc->timer, timeout);

    return NGX_OK;

failed:

    ngx_http_ihanoi_pgconn_release(pc);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_ihanoi_pgconn_execute(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x, ngx_http_ihanoi_pgstmt_t *stmt,
    const char *const *values)
{
    int  sent;

    if (pc->pg == NULL || pc->broken || pc->leaving) {
        return NGX_ERROR;
    }

    if (!pc->prepared[stmt->index]
        && ngx_http_ihanoi_pgconn_prepare(pc, stmt,
                                          NGX_HTTP_IHANOI_PGX_PREPARE)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    x->kind = NGX_HTTP_IHANOI_PGX_EXECUTE;
    x->stmt = stmt;

    sent = PQsendQueryPrepared(pc->pg, (char *) stmt->name.data,
                               (int) stmt->nparams, values, NULL, NULL, 0);

    if (ngx_http_ihanoi_pgconn_append(pc, x, sent) != NGX_OK) {
        return NGX_ERROR;
    }

    pc->in_flight++;

    return NGX_OK;
}


void
ngx_http_ihanoi_pgconn_try(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgstmt_t *stmt)
{
    if (pc->state != NGX_HTTP_IHANOI_PGCONN_READY || pc->broken
        || pc->leaving || pc->prepared[stmt->index])
    {
        return;
    }

    if (ngx_http_ihanoi_pgconn_prepare(pc, stmt, NGX_HTTP_IHANOI_PGX_PREPARE)
        != NGX_OK)
    {
        ngx_http_ihanoi_pgconn_break(pc, NULL);
    }
}


void
ngx_http_ihanoi_pgconn_forget(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgstmt_t *stmt, ngx_uint_t deallocate)
{
    int                            sent;
    u_char                        *p;
    u_char                         text[128];
    ngx_http_ihanoi_pgexchange_t  *x;

    if (pc->pg == NULL || !pc->prepared[stmt->index]) {
        return;
    }

    pc->prepared[stmt->index] = 0;

    if (!deallocate || pc->broken) {
        return;
    }

    /* libpq has PQsendClosePrepared() since 17 only */

    p = ngx_snprintf(text, sizeof(text) - 1, "deallocate \"%V\"",
                     &stmt->name);
    *p = '\0';

    x = ngx_calloc(sizeof(ngx_http_ihanoi_pgexchange_t), pc->log);
    if (x == NULL) {
        ngx_http_ihanoi_pgconn_break(pc, "out of memory");
        return;
    }

    x->kind = NGX_HTTP_IHANOI_PGX_DEALLOCATE;
    x->stmt = stmt;

    sent = PQsendQueryParams(pc->pg, (char *) text, 0, NULL, NULL, NULL,
                             NULL, 0);

    if (ngx_http_ihanoi_pgconn_append(pc, x, sent) != NGX_OK) {
        ngx_free(x);
    }
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
ngx_http_ihanoi_pgconn_break(ngx_http_ihanoi_pgconn_t *pc, const char *reason)
{
    if (pc->pg == NULL || pc->broken) {
        return;
    }

    pc->broken = 1;

    ngx_http_ihanoi_pgconn_reason(pc, reason);

    /*
     * Never close here: the caller may be a request's handler inside
     * submit(), and closing calls the completions of others.
     */

    ngx_post_event(&pc->kick, &ngx_posted_events);
}


void
ngx_http_ihanoi_pgconn_destroy(ngx_http_ihanoi_pgconn_t *pc)
{
    if (pc->pg == NULL) {
        return;
    }

    pc->broken = 1;

    ngx_http_ihanoi_pgconn_release(pc);
}


uint64_t
ngx_http_ihanoi_pgconn_waiting(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_http_ihanoi_pgexchange_t  *x;

    if (ngx_queue_empty(&pc->exchanges)) {
        return 0;
    }

    x = ngx_queue_data(ngx_queue_head(&pc->exchanges),
                       ngx_http_ihanoi_pgexchange_t, queue);

    return ngx_http_ihanoi_usec() - x->sent;
}


static void
ngx_http_ihanoi_pgconn_event(ngx_event_t *ev)
{
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

        if (ngx_http_ihanoi_pgconn_poll(pc) != NGX_OK) {
            ngx_http_ihanoi_pgconn_close(pc);
        }

        return;
    }

    /*
     * Read in both cases: a server whose answers are not read stops reading
     * our requests (libpq 34.4).
     */

    if (PQconsumeInput(pc->pg) == 0) {
        pc->broken = 1;
    }

    /* answers that came before the end still count */

    ngx_http_ihanoi_pgconn_drain(pc);

    if (!pc->broken && ngx_http_ihanoi_pgconn_flush(pc) != NGX_OK) {
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


/*
 * Notices may carry what people wrote: only their SQLSTATE is looked at.  One
 * is an outcome: the commit's wait for a synchronous standby was cancelled,
 * and the transaction may not survive a failover.  The function's name is
 * compared beside the text because the text may be translated.
 */

static void
ngx_http_ihanoi_pgconn_notice(void *data, const PGresult *res)
{
    char                          *function, *message, *severity;
    ngx_http_ihanoi_pgconn_t      *pc;
    ngx_http_ihanoi_pgexchange_t  *x;

    pc = data;

    function = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);
    message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);

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

    if (severity && message && ngx_strcmp(severity, "FATAL") == 0) {
        /* said to an idle connection before it is closed */
        ngx_http_ihanoi_pgconn_reason(pc, message);
    }
}


static ngx_int_t
ngx_http_ihanoi_pgconn_poll(ngx_http_ihanoi_pgconn_t *pc)
{
    PostgresPollingStatusType  rc;

    rc = PQconnectPoll(pc->pg);

    if (rc == PGRES_POLLING_FAILED) {
        /* set before: PQstatus() is CONNECTION_BAD now */
        pc->end = pc->answered ? NGX_HTTP_IHANOI_PGCONN_REFUSED
                               : NGX_HTTP_IHANOI_PGCONN_UNREACHABLE;
        ngx_http_ihanoi_pgconn_reason(pc, NULL);
        return NGX_ERROR;
    }

    /*
     * One hostaddr, no "prefer" of TLS or GSS: libpq keeps its socket.  If it
     * ever does not, the registration is worthless whatever its number is.
     */

    if (PQsocket(pc->pg) != pc->socket) {
        ngx_http_ihanoi_pgconn_reason(pc, "socket changed while connecting");
        return NGX_ERROR;
    }

    if (PQstatus(pc->pg) == CONNECTION_AWAITING_RESPONSE) {
        /* the socket is connected: a "no" from here on is a server's */
        pc->answered = 1;
    }

    switch (rc) {

    case PGRES_POLLING_READING:
        return ngx_http_ihanoi_pgconn_arm(pc, 1, 0);

    case PGRES_POLLING_WRITING:
        return ngx_http_ihanoi_pgconn_arm(pc, 0, 1);

    default: /* PGRES_POLLING_OK */
        return ngx_http_ihanoi_pgconn_opened(pc);
    }
}


static ngx_int_t
ngx_http_ihanoi_pgconn_opened(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_uint_t  i;

    pc->end = NGX_HTTP_IHANOI_PGCONN_LOST;

    if (PQsetnonblocking(pc->pg, 1) != 0 || PQenterPipelineMode(pc->pg) != 1) {
        ngx_http_ihanoi_pgconn_reason(pc, NULL);
        return NGX_ERROR;
    }

    /* terse: a row's values must not come as the context of an error */

    PQsetErrorVerbosity(pc->pg, PQERRORS_DEFAULT);
    PQsetErrorContextVisibility(pc->pg, PQSHOW_CONTEXT_NEVER);

    pc->pid = PQbackendPID(pc->pg);
    *ngx_snprintf(pc->pid_text, NGX_INT_T_LEN, "%d", pc->pid) = '\0';

    ngx_http_ihanoi_pgconn_check_role(pc);

    if (ngx_http_ihanoi_pgconn_arm(pc, 1, 0) != NGX_OK) {
        ngx_http_ihanoi_pgconn_reason(pc, "could not register the socket");
        return NGX_ERROR;
    }

    pc->state = NGX_HTTP_IHANOI_PGCONN_PREPARING;
    pc->handlers->opened(pc);

    if (!pc->lazy) {

        for (i = 0; i < pc->nstmts; i++) {

            if (ngx_http_ihanoi_pgconn_prepare(pc, pc->stmts[i],
                                               NGX_HTTP_IHANOI_PGX_AHEAD)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        if (pc->preparing) {
            return NGX_OK;
        }
    }

    if (pc->timer.timer_set) {
        ngx_del_timer(&pc->timer);
    }

    pc->state = NGX_HTTP_IHANOI_PGCONN_READY;
    pc->handlers->ready(pc);

    return NGX_OK;
}


/*
 * Both are reported by the server since 14, at connect and, when changed,
 * with the next answer.
 */

static void
ngx_http_ihanoi_pgconn_check_role(ngx_http_ihanoi_pgconn_t *pc)
{
    const char  *value;

    value = PQparameterStatus(pc->pg, "in_hot_standby");
    pc->standby = (value != NULL && ngx_strcmp(value, "on") == 0);

    value = PQparameterStatus(pc->pg, "default_transaction_read_only");
    pc->readonly = pc->standby
                   || (value != NULL && ngx_strcmp(value, "on") == 0);
}


static ngx_int_t
ngx_http_ihanoi_pgconn_arm(ngx_http_ihanoi_pgconn_t *pc, ngx_uint_t read,
    ngx_uint_t write)
{
    ngx_event_t  *rev, *wev;

    rev = pc->connection->read;
    wev = pc->connection->write;

    if (read && !rev->active
        && ngx_add_event(rev, NGX_READ_EVENT, NGX_LEVEL_EVENT) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (write && !wev->active
        && ngx_add_event(wev, NGX_WRITE_EVENT, NGX_LEVEL_EVENT) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!read && rev->active
        && ngx_del_event(rev, NGX_READ_EVENT, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!write && wev->active
        && ngx_del_event(wev, NGX_WRITE_EVENT, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ihanoi_pgconn_flush(ngx_http_ihanoi_pgconn_t *pc)
{
    switch (PQflush(pc->pg)) {

    case 0:
        return ngx_http_ihanoi_pgconn_arm(pc, 1, 0);

    case 1:
        return ngx_http_ihanoi_pgconn_arm(pc, 1, 1);

    default:
        return NGX_ERROR;
    }
}


/*
 * Ends what was just put into libpq's buffer with a Sync of its own and makes
 * it the newest exchange.
 */

static ngx_int_t
ngx_http_ihanoi_pgconn_append(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x, int sent)
{
    if (sent != 1 || PQpipelineSync(pc->pg) != 1) {

        /*
         * Without its Sync the server cannot have committed it, but whether
         * libpq and server still agree on the number of answers is unknown.
         */

        ngx_http_ihanoi_pgconn_break(pc, NULL);
        return NGX_ERROR;
    }

    x->result = NULL;
    x->failed = 0;
    x->unreplicated = 0;
    x->sent = ngx_http_ihanoi_usec();

    ngx_queue_insert_tail(&pc->exchanges, &x->queue);

    if (ngx_http_ihanoi_pgconn_flush(pc) != NGX_OK) {
        /* it is in flight and will be lost with the connection */
        ngx_http_ihanoi_pgconn_break(pc, NULL);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ihanoi_pgconn_prepare(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgstmt_t *stmt, ngx_uint_t kind)
{
    int                            sent;
    ngx_http_ihanoi_pgexchange_t  *x;

    x = ngx_calloc(sizeof(ngx_http_ihanoi_pgexchange_t), pc->log);
    if (x == NULL) {
        ngx_http_ihanoi_pgconn_reason(pc, "out of memory");
        return NGX_ERROR;
    }

    x->kind = kind;
    x->stmt = stmt;

    sent = PQsendPrepare(pc->pg, (char *) stmt->name.data,
                         (char *) stmt->sql.data, 0, NULL);

    if (ngx_http_ihanoi_pgconn_append(pc, x, sent) != NGX_OK) {
        ngx_free(x);
        return NGX_ERROR;
    }

    pc->prepared[stmt->index] = 1;

    if (kind == NGX_HTTP_IHANOI_PGX_AHEAD) {
        pc->preparing++;
    }

    return NGX_OK;
}


/* Handles all answers that are complete. */

static void
ngx_http_ihanoi_pgconn_drain(ngx_http_ihanoi_pgconn_t *pc)
{
    PGresult                      *res;
    PGnotify                      *notify;
    ngx_uint_t                     nothing;
    ngx_http_ihanoi_pgexchange_t  *x;

    nothing = 0;

    for ( ;; ) {

        /* asked also without exchanges: it reads notices and parameters */

        if (PQisBusy(pc->pg) || ngx_queue_empty(&pc->exchanges)
            || pc->broken)
        {
            break;
        }

        res = PQgetResult(pc->pg);

        if (res == NULL) {

            /* one NULL ends a statement's results; more is the end of all */

            if (++nothing == 1) {
                continue;
            }

            if (PQstatus(pc->pg) == CONNECTION_OK) {
                ngx_log_error(NGX_LOG_ALERT, pc->log, 0,
                              "database sent fewer answers than it was asked "
                              "for");
            }

            pc->broken = 1;
            break;
        }

        nothing = 0;

        x = ngx_queue_data(ngx_queue_head(&pc->exchanges),
                           ngx_http_ihanoi_pgexchange_t, queue);

        if (PQresultStatus(res) != PGRES_PIPELINE_SYNC) {
            ngx_http_ihanoi_pgconn_take(pc, x, res);
            continue;
        }

        PQclear(res);
        ngx_queue_remove(&x->queue);

        ngx_http_ihanoi_pgconn_finish(pc, x);
    }

    while ((notify = PQnotifies(pc->pg)) != NULL) {
        PQfreemem(notify);
    }

    /*
     * Once for all answers: it is a search in a list.  A write that was sent
     * in between is refused and finds its way.
     */

    ngx_http_ihanoi_pgconn_check_role(pc);

    if (PQstatus(pc->pg) != CONNECTION_OK) {
        pc->broken = 1;
    }
}


/*
 * A statement answers with rows, and may still fail at its commit: the error
 * that comes after the rows replaces them.  Nothing may be told to anybody
 * before Sync.
 */

static void
ngx_http_ihanoi_pgconn_take(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x, PGresult *res)
{
    ngx_uint_t                   failed;
    ngx_http_ihanoi_pgresult_t  *result;

    switch (PQresultStatus(res)) {

    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        failed = 0;
        break;

    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        /* there is no way back from COPY inside a pipeline */
        pc->broken = 1;
        failed = 1;
        break;

    default:
        failed = 1;
    }

    if (x->result != NULL && (!failed || x->failed)) {
        PQclear(res);
        return;
    }

    result = ngx_alloc(sizeof(ngx_http_ihanoi_pgresult_t), pc->log);
    if (result == NULL) {
        PQclear(res);
        pc->broken = 1;
        return;
    }

    result->res = res;
    result->size = PQresultMemorySize(res);
    ngx_http_ihanoi_pgresult_bytes += result->size;

    if (x->result != NULL) {
        ngx_http_ihanoi_pgresult_free(x->result);
    }

    x->result = result;
    x->failed = failed;
}


static void
ngx_http_ihanoi_pgconn_finish(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x)
{
    ngx_http_ihanoi_pgstmt_t    *stmt;
    ngx_http_ihanoi_pgresult_t  *res;

    if (x->kind == NGX_HTTP_IHANOI_PGX_EXECUTE) {
        pc->in_flight--;

        if (x->result == NULL) {
            /* a Sync without an answer: this is not PostgreSQL's protocol */
            pc->broken = 1;
            pc->handlers->lost(pc, x);
            return;
        }

        pc->handlers->done(pc, x);
        return;
    }

    if (x->kind == NGX_HTTP_IHANOI_PGX_DEALLOCATE) {

        if (x->result) {
            ngx_http_ihanoi_pgresult_free(x->result);
        }

        ngx_free(x);
        return;
    }

    stmt = x->stmt;
    res = x->result;

    if (x->failed) {
        pc->prepared[stmt->index] = 0;
    }

    pc->handlers->prepared(pc, stmt, x->failed ? res : NULL);

    if (res) {
        ngx_http_ihanoi_pgresult_free(res);
    }

    if (x->kind != NGX_HTTP_IHANOI_PGX_AHEAD) {
        ngx_free(x);
        return;
    }

    ngx_free(x);

    if (--pc->preparing == 0) {

        if (pc->timer.timer_set) {
            ngx_del_timer(&pc->timer);
        }

        pc->state = NGX_HTTP_IHANOI_PGCONN_READY;
        pc->handlers->ready(pc);
    }
}


/* Keeps the first reason, as one line; without one it is libpq's message. */

static void
ngx_http_ihanoi_pgconn_reason(ngx_http_ihanoi_pgconn_t *pc,
    const char *reason)
{
    u_char      *p, *last;
    const char  *s;

    if (pc->reason.len) {
        return;
    }

    s = reason ? reason : PQerrorMessage(pc->pg);

    if (s == NULL || *s == '\0') {
        s = "connection lost";
    }

    p = pc->reason_buf;
    last = p + sizeof(pc->reason_buf);

    while (*s && p < last) {
        *p++ = ((u_char) *s < 0x20) ? ' ' : (u_char) *s;
        s++;
    }

    while (p > pc->reason_buf && p[-1] == ' ') {
        p--;
    }

    pc->reason.data = pc->reason_buf;
    pc->reason.len = p - pc->reason_buf;
}


/* Gives socket, events and PGconn back. */

static void
ngx_http_ihanoi_pgconn_release(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_connection_t  *c;

    if (pc->timer.timer_set) {
        ngx_del_timer(&pc->timer);
    }

    if (pc->kick.posted) {
        ngx_delete_posted_event(&pc->kick);
    }

    c = pc->connection;

    if (c) {

        /*
         * One by one: epoll forgets a descriptor that is closed only with the
         * last of its duplicates, and libpq may have the other.
         */

        if (c->read->active) {
            ngx_del_event(c->read, NGX_READ_EVENT, 0);
        }

        if (c->write->active) {
            ngx_del_event(c->write, NGX_WRITE_EVENT, 0);
        }

        ngx_close_connection(c);
        pc->connection = NULL;
    }

    if (pc->pg) {
        PQfinish(pc->pg);
        pc->pg = NULL;
    }

    pc->state = NGX_HTTP_IHANOI_PGCONN_CLOSED;
}


static void
ngx_http_ihanoi_pgconn_close(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_queue_t                    lost, *q;
    ngx_http_ihanoi_pgexchange_t  *x;

    ngx_http_ihanoi_pgconn_release(pc);

    /*
     * libpq ends the first two exchanges only, so all of them end here.
     * They leave the connection first: a completion may use it again.
     */

    ngx_queue_init(&lost);

    if (!ngx_queue_empty(&pc->exchanges)) {
        ngx_queue_add(&lost, &pc->exchanges);
        ngx_queue_init(&pc->exchanges);
    }

    pc->in_flight = 0;
    pc->preparing = 0;

    while (!ngx_queue_empty(&lost)) {
        q = ngx_queue_head(&lost);
        ngx_queue_remove(q);

        x = ngx_queue_data(q, ngx_http_ihanoi_pgexchange_t, queue);

        if (x->result) {
            ngx_http_ihanoi_pgresult_free(x->result);
            x->result = NULL;
        }

        if (x->kind == NGX_HTTP_IHANOI_PGX_EXECUTE) {
            pc->handlers->lost(pc, x);

        } else {
            ngx_free(x);
        }
    }

    pc->handlers->closed(pc);
}


ngx_uint_t
ngx_http_ihanoi_pgresult_rows(ngx_http_ihanoi_pgresult_t *res)
{
    return (ngx_uint_t) PQntuples(res->res);
}


ngx_str_t
ngx_http_ihanoi_pgresult_value(ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t row, ngx_uint_t column)
{
    ngx_str_t  value;

    ngx_str_null(&value);

    if (row >= (ngx_uint_t) PQntuples(res->res)
        || column >= (ngx_uint_t) PQnfields(res->res)
        || PQgetisnull(res->res, (int) row, (int) column))
    {
        return value;
    }

    value.data = (u_char *) PQgetvalue(res->res, (int) row, (int) column);
    value.len = (size_t) PQgetlength(res->res, (int) row, (int) column);

    return value;
}


ngx_str_t
ngx_http_ihanoi_pgresult_sqlstate(ngx_http_ihanoi_pgresult_t *res)
{
    return ngx_http_ihanoi_pgresult_field(res, PG_DIAG_SQLSTATE);
}


ngx_str_t
ngx_http_ihanoi_pgresult_message(ngx_http_ihanoi_pgresult_t *res)
{
    return ngx_http_ihanoi_pgresult_field(res, PG_DIAG_MESSAGE_PRIMARY);
}


ngx_str_t
ngx_http_ihanoi_pgresult_detail(ngx_http_ihanoi_pgresult_t *res)
{
    return ngx_http_ihanoi_pgresult_field(res, PG_DIAG_MESSAGE_DETAIL);
}


static ngx_str_t
ngx_http_ihanoi_pgresult_field(ngx_http_ihanoi_pgresult_t *res, int code)
{
    ngx_str_t  value;

    value.data = (u_char *) PQresultErrorField(res->res, code);
    value.len = value.data ? ngx_strlen(value.data) : 0;

    return value;
}


/*
 * Messages of the server may hold values that people sent.  These classes name
 * objects and conditions only.
 */

ngx_str_t
ngx_http_ihanoi_pgresult_loggable(ngx_http_ihanoi_pgresult_t *res)
{
    ngx_str_t          state, none;
    const char *const *class;

    static const char *const  classes[] = {
        "08", "0A", "23", "25", "26", "28", "3D", "3F", "40", "42", "53",
        "54", "55", "57", "58", NULL
    };

    ngx_str_null(&none);

    state = ngx_http_ihanoi_pgresult_sqlstate(res);

    if (state.len != 5) {
        return none;
    }

    for (class = classes; *class; class++) {
        if (ngx_strncmp(state.data, *class, 2) == 0) {
            return ngx_http_ihanoi_pgresult_message(res);
        }
    }

    return none;
}


void
ngx_http_ihanoi_pgresult_free(ngx_http_ihanoi_pgresult_t *res)
{
    ngx_http_ihanoi_pgresult_bytes -= res->size;

    PQclear(res->res);
    ngx_free(res);
}


size_t
ngx_http_ihanoi_pgresult_pinned(void)
{
    return ngx_http_ihanoi_pgresult_bytes;
}
