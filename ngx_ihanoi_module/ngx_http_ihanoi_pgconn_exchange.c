/*
 * Copyright (C) iHaNoi contributors
 *
 * What a PostgreSQL connection carries: exchanges, in pipeline mode.
 *
 * An exchange is one statement, answered in order, and ends once.  It is sent at
 * once with a Sync of its own, or in a batch: a few calls of one statement that
 * reads share the Sync that is sent when nginx has handled all events that came
 * together.  PostgreSQL then wakes, begins and ends a transaction, and sends
 * once for all of them.  When one fails the server skips those behind it: they
 * come back as aborted, to be sent alone (docs/decisions/0044).
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <libpq-fe.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_metrics.h"
#include "ngx_http_ihanoi_pgresult.h"
#include "ngx_http_ihanoi_pgconn.h"
#include "ngx_http_ihanoi_pgconn_socket.h"
#include "ngx_http_ihanoi_pgconn_exchange.h"


#define NGX_HTTP_IHANOI_PGX_EXECUTE     0
#define NGX_HTTP_IHANOI_PGX_PREPARE     1   /* with a first use */
#define NGX_HTTP_IHANOI_PGX_AHEAD       2   /* at connect */
#define NGX_HTTP_IHANOI_PGX_DEALLOCATE  3

/* calls: each waits for all of its batch, and has its share of the Sync */
#define NGX_HTTP_IHANOI_PGX_BATCH       8


static ngx_int_t ngx_http_ihanoi_pgconn_text(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x, ngx_http_ihanoi_pgstmt_t *stmt,
    const char *const *values);
static ngx_http_ihanoi_pgsession_state_e ngx_http_ihanoi_pgconn_session_state(
    ngx_http_ihanoi_pgconn_t *pc);
static ngx_int_t ngx_http_ihanoi_pgconn_prepare(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgstmt_t *stmt, ngx_uint_t kind);
static ngx_int_t ngx_http_ihanoi_pgconn_append(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x, int sent);
static ngx_http_ihanoi_pgexchange_t *ngx_http_ihanoi_pgconn_answering(
    ngx_http_ihanoi_pgconn_t *pc);
static ngx_uint_t ngx_http_ihanoi_pgconn_answered(
    ngx_http_ihanoi_pgconn_t *pc);
static void ngx_http_ihanoi_pgconn_misled(ngx_http_ihanoi_pgconn_t *pc);
static void ngx_http_ihanoi_pgconn_synced(ngx_http_ihanoi_pgconn_t *pc);
static void ngx_http_ihanoi_pgconn_take(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x, PGresult *res);
static void ngx_http_ihanoi_pgconn_finish(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x);


ngx_int_t
ngx_http_ihanoi_pgconn_execute(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x, ngx_http_ihanoi_pgstmt_t *stmt,
    const char *const *values)
{
    int  sent;

    if (pc->pg == NULL || pc->broken || pc->leaving) {
        return NGX_ERROR;
    }

    if (stmt->text) {
        return ngx_http_ihanoi_pgconn_text(pc, x, stmt, values);
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
    x->shares = pc->batches && !x->aborted;

    if (!x->shares || pc->batch != stmt) {
        ngx_http_ihanoi_pgconn_end_batch(pc);
    }

    sent = PQsendQueryPrepared(pc->pg, (char *) stmt->name.data,
                               (int) stmt->nparams, values, NULL, NULL, 0);

    if (ngx_http_ihanoi_pgconn_append(pc, x, sent) != NGX_OK) {
        return NGX_ERROR;
    }

    pc->in_flight++;

    return NGX_OK;
}


/*
 * Parsed in the same exchange as it is executed: an error of either is its
 * answer, and a transaction sees one failure.
 */

static ngx_int_t
ngx_http_ihanoi_pgconn_text(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x, ngx_http_ihanoi_pgstmt_t *stmt,
    const char *const *values)
{
    int  sent;

    x->kind = NGX_HTTP_IHANOI_PGX_EXECUTE;
    x->stmt = stmt;
    x->shares = 0;
    x->parse = 0;
    x->parsed = 0;

    if (stmt->name.len == 0) {
        sent = PQsendQueryParams(pc->pg, x->sql, (int) x->nparams, NULL,
                                 values, NULL, NULL, 0);

    } else {
        sent = 1;

        if (!pc->prepared[stmt->index]) {
            x->parse = 1;
            sent = PQsendPrepare(pc->pg, (char *) stmt->name.data, x->sql, 0,
                                 NULL);
        }

        if (sent == 1) {
            sent = PQsendQueryPrepared(pc->pg, (char *) stmt->name.data,
                                       (int) x->nparams, values, NULL, NULL,
                                       0);
        }
    }

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

    ngx_http_ihanoi_pgconn_end_batch(pc);

    sent = PQsendQueryParams(pc->pg, (char *) text, 0, NULL, NULL, NULL,
                             NULL, 0);

    if (ngx_http_ihanoi_pgconn_append(pc, x, sent) != NGX_OK) {
        ngx_free(x);
    }
}


ngx_int_t
ngx_http_ihanoi_pgconn_prepare_ahead(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_uint_t  i;

    for (i = 0; i < pc->nstmts; i++) {

        if (ngx_http_ihanoi_pgconn_prepare(pc, pc->stmts[i],
                                           NGX_HTTP_IHANOI_PGX_AHEAD)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
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

    ngx_http_ihanoi_pgconn_end_batch(pc);

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


/*
 * Makes what was just put into libpq's buffer the newest exchange, and ends it
 * with a Sync unless it shares one.
 */

static ngx_int_t
ngx_http_ihanoi_pgconn_append(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x, int sent)
{
    if (sent != 1 || (!x->shares && PQpipelineSync(pc->pg) != 1)) {

        /*
         * Without its Sync the server cannot have committed it, but whether
         * libpq and server still agree on the number of answers is unknown.
         */

        ngx_http_ihanoi_pgconn_break(pc, NULL);
        return NGX_ERROR;
    }

    x->result = NULL;
    x->begun = 0;
    x->failed = 0;
    x->aborted = 0;
    x->unreplicated = 0;
    x->last = !x->shares;
    x->sent = ngx_http_ihanoi_usec();

    ngx_queue_insert_tail(&pc->exchanges, &x->queue);

    if (x->shares) {
        pc->batch = x->stmt;

        if (++pc->batched == NGX_HTTP_IHANOI_PGX_BATCH) {
            ngx_http_ihanoi_pgconn_end_batch(pc);

        } else {
            ngx_post_event(&pc->sync, &ngx_posted_events);
        }

        return NGX_OK;
    }

    if (ngx_http_ihanoi_pgconn_flush(pc) != NGX_OK) {
        /* it is in flight and will be lost with the connection */
        ngx_http_ihanoi_pgconn_break(pc, NULL);
    }

    return NGX_OK;
}


/* Its Sync makes the newest exchange the last of a batch. */

void
ngx_http_ihanoi_pgconn_end_batch(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_http_ihanoi_pgexchange_t  *x;

    if (pc->batch == NULL || pc->broken) {
        return;
    }

    pc->batch = NULL;
    pc->batched = 0;

    x = ngx_queue_data(ngx_queue_last(&pc->exchanges),
                       ngx_http_ihanoi_pgexchange_t, queue);
    x->last = 1;

    if (PQpipelineSync(pc->pg) != 1
        || ngx_http_ihanoi_pgconn_flush(pc) != NGX_OK)
    {
        ngx_http_ihanoi_pgconn_break(pc, NULL);
    }
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


void
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

        if (pc->batch && pc->complete == ngx_queue_last(&pc->exchanges)) {
            /* all of a batch is answered, and its Sync not even sent */
            break;
        }

        res = PQgetResult(pc->pg);

        if (res == NULL) {

            /* one NULL ends a statement's results; more is the end of all */

            if (++nothing == 1) {
                x = ngx_http_ihanoi_pgconn_answering(pc);

                if (!x->last) {
                    pc->complete = &x->queue;
                }

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

        if (PQresultStatus(res) != PGRES_PIPELINE_SYNC) {
            x = ngx_http_ihanoi_pgconn_answering(pc);
            ngx_http_ihanoi_pgconn_take(pc, x, res);
            continue;
        }

        PQclear(res);

        if (!ngx_http_ihanoi_pgconn_answered(pc)) {
            ngx_http_ihanoi_pgconn_misled(pc);
            break;
        }

        ngx_http_ihanoi_pgconn_synced(pc);
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
 * The exchange whose results come: the one behind that which has all of its,
 * unless a Sync is what comes, or an error in its place.
 */

static ngx_http_ihanoi_pgexchange_t *
ngx_http_ihanoi_pgconn_answering(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_queue_t                   *q;
    ngx_http_ihanoi_pgexchange_t  *x;

    q = pc->complete;

    if (q == NULL) {
        q = ngx_queue_head(&pc->exchanges);
        return ngx_queue_data(q, ngx_http_ihanoi_pgexchange_t, queue);
    }

    x = ngx_queue_data(q, ngx_http_ihanoi_pgexchange_t, queue);

    return x->last ? x : ngx_queue_data(ngx_queue_next(q),
                                        ngx_http_ihanoi_pgexchange_t, queue);
}


/* A Sync that comes was sent, and behind answers to all that it ends. */

static ngx_uint_t
ngx_http_ihanoi_pgconn_answered(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_queue_t                   *q;
    ngx_http_ihanoi_pgexchange_t  *x;

    for (q = ngx_queue_head(&pc->exchanges);
         q != ngx_queue_sentinel(&pc->exchanges);
         q = ngx_queue_next(q))
    {
        x = ngx_queue_data(q, ngx_http_ihanoi_pgexchange_t, queue);

        if (x->result == NULL) {
            return 0;
        }

        if (x->last) {
            return 1;
        }
    }

    return 0;
}


/*
 * This is not PostgreSQL's protocol.  Answers have no names: with one too few
 * or too many the others may be somebody else's, so nobody is told any.
 */

static void
ngx_http_ihanoi_pgconn_misled(ngx_http_ihanoi_pgconn_t *pc)
{
    pc->broken = 1;

    ngx_http_ihanoi_pgconn_reason(pc, "its answers are not as many as its "
                                      "calls");
}


/* A Sync has come: the oldest exchange and its batch end. */

static void
ngx_http_ihanoi_pgconn_synced(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_uint_t                         last;
    ngx_http_ihanoi_pgexchange_t      *x;
    ngx_http_ihanoi_pgsession_state_e  state;

    pc->complete = NULL;
    state = ngx_http_ihanoi_pgconn_session_state(pc);

    do {
        x = ngx_queue_data(ngx_queue_head(&pc->exchanges),
                           ngx_http_ihanoi_pgexchange_t, queue);

        last = x->last;
        x->state = state;
        ngx_queue_remove(&x->queue);

        ngx_http_ihanoi_pgconn_finish(pc, x);

    } while (!last);
}


/* libpq knows when nothing else is in flight: so it is with texts. */

static ngx_http_ihanoi_pgsession_state_e
ngx_http_ihanoi_pgconn_session_state(ngx_http_ihanoi_pgconn_t *pc)
{
    switch (PQtransactionStatus(pc->pg)) {

    case PQTRANS_IDLE:
        return NGX_HTTP_IHANOI_PGSESSION_IDLE;

    case PQTRANS_INTRANS:
        return NGX_HTTP_IHANOI_PGSESSION_OPEN;

    case PQTRANS_INERROR:
        return NGX_HTTP_IHANOI_PGSESSION_FAILED;

    default:
        return NGX_HTTP_IHANOI_PGSESSION_UNKNOWN;
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
    ngx_uint_t                     failed;
    ngx_queue_t                   *q;
    ngx_http_ihanoi_pgresult_t    *result;
    ngx_http_ihanoi_pgexchange_t  *before;

    switch (PQresultStatus(res)) {

    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        /* of a text that is nothing but blanks and comments there are no rows */
        failed = 0;
        break;

    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        /* there is no way back from COPY inside a pipeline */
        pc->broken = 1;
        pc->copying = 1;
        failed = 1;
        break;

    case PGRES_PIPELINE_ABORTED:
        /* not executed, for an error of its batch, or of its own parsing */
        x->aborted = x->shares;
        failed = 1;
        break;

    default:
        failed = 1;
        ngx_http_ihanoi_pgconn_last_words(pc, res);
    }

    if (x->parse && !x->parsed && !failed) {
        x->parsed = 1;
        pc->prepared[x->stmt->index] = 1;
        PQclear(res);
        return;
    }

    if (x->result != NULL && (!failed || x->failed)) {
        PQclear(res);

        if (!failed) {
            ngx_http_ihanoi_pgconn_misled(pc);
        }

        return;
    }

    result = ngx_http_ihanoi_pgresult_create(res, pc->pinned, pc->log);
    if (result == NULL) {
        pc->broken = 1;
        return;
    }

    if (x->result != NULL) {
        ngx_http_ihanoi_pgresult_free(x->result);

        /* it does not commit: those before it are sent again */

        for (q = ngx_queue_head(&pc->exchanges);
             q != &x->queue;
             q = ngx_queue_next(q))
        {
            before = ngx_queue_data(q, ngx_http_ihanoi_pgexchange_t, queue);
            before->aborted = 1;
        }
    }

    x->result = result;
    x->failed = failed;
}


void
ngx_http_ihanoi_pgconn_last_words(ngx_http_ihanoi_pgconn_t *pc,
    const PGresult *res)
{
    char  *severity;

    severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);

    if (severity && ngx_strcmp(severity, "FATAL") == 0) {
        ngx_http_ihanoi_pgconn_reason(pc, PQresultErrorField(res,
                                                    PG_DIAG_MESSAGE_PRIMARY));
    }
}


static void
ngx_http_ihanoi_pgconn_finish(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x)
{
    ngx_http_ihanoi_pgstmt_t    *stmt;
    ngx_http_ihanoi_pgresult_t  *res;

    if (x->kind == NGX_HTTP_IHANOI_PGX_EXECUTE) {
        pc->in_flight--;
        pc->handlers->done(pc, x);
        return;
    }

    if (x->kind == NGX_HTTP_IHANOI_PGX_DEALLOCATE) {
        ngx_http_ihanoi_pgresult_free(x->result);
        ngx_free(x);
        return;
    }

    stmt = x->stmt;
    res = x->result;

    if (x->failed) {
        pc->prepared[stmt->index] = 0;
    }

    pc->handlers->prepared(pc, stmt, x->failed ? res : NULL);

    ngx_http_ihanoi_pgresult_free(res);

    if (x->kind == NGX_HTTP_IHANOI_PGX_AHEAD && --pc->preparing == 0) {
        ngx_http_ihanoi_pgconn_ready(pc);
    }

    ngx_free(x);
}


void
ngx_http_ihanoi_pgconn_ready(ngx_http_ihanoi_pgconn_t *pc)
{
    if (pc->timer.timer_set) {
        ngx_del_timer(&pc->timer);
    }

    pc->state = NGX_HTTP_IHANOI_PGCONN_READY;
    pc->handlers->ready(pc);
}


void
ngx_http_ihanoi_pgconn_lose(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_queue_t                    lost, *q;
    ngx_http_ihanoi_pgexchange_t  *x;

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
    pc->batch = NULL;
    pc->batched = 0;
    pc->complete = NULL;

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
}


void
ngx_http_ihanoi_pgconn_discard(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_queue_t                   *q;
    ngx_http_ihanoi_pgexchange_t  *x;

    while (!ngx_queue_empty(&pc->exchanges)) {
        q = ngx_queue_head(&pc->exchanges);
        ngx_queue_remove(q);

        x = ngx_queue_data(q, ngx_http_ihanoi_pgexchange_t, queue);

        if (x->result) {
            ngx_http_ihanoi_pgresult_free(x->result);
        }

        /* of a call it is the first member */

        ngx_free(x);
    }
}


/*
 * Both are reported by the server since 14, at connect and, when changed,
 * with the next answer.
 */

void
ngx_http_ihanoi_pgconn_check_role(ngx_http_ihanoi_pgconn_t *pc)
{
    const char  *value;

    value = PQparameterStatus(pc->pg, "in_hot_standby");
    pc->standby = (value != NULL && ngx_strcmp(value, "on") == 0);

    value = PQparameterStatus(pc->pg, "default_transaction_read_only");
    pc->readonly = pc->standby
                   || (value != NULL && ngx_strcmp(value, "on") == 0);
}
