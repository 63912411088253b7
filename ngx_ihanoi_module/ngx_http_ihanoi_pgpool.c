/*
 * Copyright (C) iHaNoi contributors
 *
 * Calls: their queue, their deadlines, and what becomes of them.
 *
 *     submit --> WAITING --> SENT ------------> done, once
 *                  |  ^        |  \
 *                  |  |        |   +-- deadline or abandoned: a tombstone
 *                  |  +-- PAUSED      stays until the answer is in, so that
 *                  |   (retry)        answers and calls stay aligned
 *                  +-- too long: BUSY or DOWN; UNKNOWN for a write that
 *                      was sent and lost before
 *
 * A completion may submit and abandon calls and end requests.  So nothing of
 * a call is touched after its completion, and completions are called from
 * event handlers only.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_metrics.h"
#include "ngx_http_ihanoi_pgconn.h"
#include "ngx_http_ihanoi_pgdb.h"
#include "ngx_http_ihanoi_pgpool.h"


/* microseconds: a connection whose oldest call is older does not keep up */
#define NGX_HTTP_IHANOI_PGPOOL_LATE  2000


static ngx_http_ihanoi_pgcall_t *ngx_http_ihanoi_pgpool_submit_in(
    ngx_http_ihanoi_pgpool_t *pool, const ngx_http_ihanoi_pgask_t *ask,
    ngx_http_ihanoi_pg_outcome_e *outcome);
static ngx_http_ihanoi_pgcall_t *ngx_http_ihanoi_pgpool_call(
    ngx_http_ihanoi_pgpool_t *pool, const ngx_http_ihanoi_pgask_t *ask);
static void ngx_http_ihanoi_pgpool_cancel(ngx_http_ihanoi_pgcall_t *call);
static ngx_http_ihanoi_pgconn_t *ngx_http_ihanoi_pgpool_choose(
    ngx_http_ihanoi_pgpool_t *pool);
static ngx_int_t ngx_http_ihanoi_pgpool_send(ngx_http_ihanoi_pgpool_t *pool,
    ngx_http_ihanoi_pgcall_t *call, ngx_http_ihanoi_pgconn_t *pc);
static void ngx_http_ihanoi_pgpool_dequeue(ngx_http_ihanoi_pgpool_t *pool,
    ngx_http_ihanoi_pgcall_t *call);
static void ngx_http_ihanoi_pgpool_expired(ngx_event_t *ev);


ngx_http_ihanoi_pgcall_t *
ngx_http_ihanoi_pgcall_submit(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgstmt_t *stmt, const char *const *values,
    ngx_msec_t timeout, ngx_http_ihanoi_pgcall_pt done, void *data,
    ngx_log_t *log, ngx_http_ihanoi_pg_outcome_e *outcome)
{
    ngx_http_ihanoi_pgask_t  ask;

    ask.stmt = stmt;
    ask.text = NULL;
    ask.session = NULL;
    ask.values = values;
    ask.timeout = timeout;
    ask.done = done;
    ask.data = data;
    ask.log = log;

    return ngx_http_ihanoi_pgpool_submit(db, &ask, outcome);
}


ngx_http_ihanoi_pgcall_t *
ngx_http_ihanoi_pgpool_submit(ngx_http_ihanoi_pgdb_t *db,
    const ngx_http_ihanoi_pgask_t *ask, ngx_http_ihanoi_pg_outcome_e *outcome)
{
    ngx_http_ihanoi_pgcall_t   *call;
    ngx_http_ihanoi_pgpool_t   *pool;
    ngx_http_ihanoi_pgconn_t   *pc;
    ngx_http_ihanoi_pgstmt_t   *stmt;
    ngx_http_ihanoi_pgstate_t  *state;

    if (db->pools == NULL) {
        *outcome = NGX_HTTP_IHANOI_PG_DOWN;
        return NULL;
    }

    stmt = ask->stmt;
    pool = &db->pools[stmt->class];

    if (ask->session && ask->session->begun) {
        return ngx_http_ihanoi_pgpool_submit_in(pool, ask, outcome);
    }

    state = &db->states[stmt->index];

    if (state->missing
        && (ngx_msec_int_t) (state->retry - ngx_current_msec) > 0)
    {
        *outcome = NGX_HTTP_IHANOI_PG_MISSING;
        return NULL;
    }

    if (ngx_http_ihanoi_pgdb_down(pool)) {
        *outcome = NGX_HTTP_IHANOI_PG_DOWN;
        ngx_http_ihanoi_metric_inc(pool->class->metrics.shed);
        return NULL;
    }

    if (pool->queued >= pool->class->queue
        || (db->pinned > db->memory
            && stmt->class != NGX_HTTP_IHANOI_PG_CONTROL))
    {
        *outcome = NGX_HTTP_IHANOI_PG_BUSY;
        ngx_http_ihanoi_metric_inc(pool->class->metrics.shed);
        return NULL;
    }

    call = ngx_http_ihanoi_pgpool_call(pool, ask);
    if (call == NULL) {
        *outcome = NGX_HTTP_IHANOI_PG_BUSY;
        return NULL;
    }

    ngx_http_ihanoi_metric_inc(pool->class->metrics.calls);

    if (ask->session) {
        ask->session->begun = 1;
    }

    if (ngx_queue_empty(&pool->waiting)) {

        pc = ngx_http_ihanoi_pgpool_choose(pool);

        if (pc && ngx_http_ihanoi_pgpool_send(pool, call, pc) == NGX_OK) {
            return call;
        }
    }

    if (stmt->prompt) {
        ngx_free(call);
        *outcome = NGX_HTTP_IHANOI_PG_BUSY;
        return NULL;
    }

    ngx_http_ihanoi_pgpool_enqueue(pool, call, 0);

    if (pool->ready == 0) {
        ngx_http_ihanoi_pgdb_connect(db);
    }

    return call;
}


/* The calls of a session after its first go to its connection, or nowhere. */

static ngx_http_ihanoi_pgcall_t *
ngx_http_ihanoi_pgpool_submit_in(ngx_http_ihanoi_pgpool_t *pool,
    const ngx_http_ihanoi_pgask_t *ask, ngx_http_ihanoi_pg_outcome_e *outcome)
{
    ngx_http_ihanoi_pgcall_t  *call;
    ngx_http_ihanoi_pgconn_t  *pc;

    *outcome = NGX_HTTP_IHANOI_PG_DOWN;

    pc = ask->session->pc;

    if (pc == NULL || pc->in_flight) {
        return NULL;
    }

    call = ngx_http_ihanoi_pgpool_call(pool, ask);
    if (call == NULL) {
        return NULL;
    }

    if (ngx_http_ihanoi_pgpool_send(pool, call, pc) != NGX_OK) {
        ngx_free(call);
        return NULL;
    }

    ngx_http_ihanoi_metric_inc(pool->class->metrics.calls);

    return call;
}


static ngx_http_ihanoi_pgcall_t *
ngx_http_ihanoi_pgpool_call(ngx_http_ihanoi_pgpool_t *pool,
    const ngx_http_ihanoi_pgask_t *ask)
{
    ngx_msec_t                 timeout;
    ngx_http_ihanoi_pgcall_t  *call;

    call = ngx_calloc(sizeof(ngx_http_ihanoi_pgcall_t), ask->log);
    if (call == NULL) {
        return NULL;
    }

    timeout = ask->timeout ? ask->timeout : ask->stmt->timeout;

    if (timeout == 0) {
        timeout = pool->class->timeout;
    }

    call->pool = pool;
    call->stmt = ask->stmt;
    call->session = ask->session;
    call->values = ask->values;
    call->done = ask->done;
    call->data = ask->data;
    call->log = ask->log;
    call->submitted = ngx_current_msec;
    call->deadline = ngx_current_msec + timeout;

    if (ask->text) {
        call->x.sql = (char *) ask->text->sql.data;
        call->x.nparams = ask->text->nparams;
    }

    /*
     * Not cancelable: a worker that is shutting down waits for its calls.
     * The log is the worker's because a tombstone outlives its request.
     */

    call->timer.handler = ngx_http_ihanoi_pgpool_expired;
    call->timer.data = call;
    call->timer.log = pool->db->log;

    return call;
}


void
ngx_http_ihanoi_pgcall_abandon(ngx_http_ihanoi_pgcall_t *call)
{
    ngx_http_ihanoi_pgpool_t  *pool;

    pool = call->pool;

    if (call->timer.timer_set) {
        ngx_del_timer(&call->timer);
    }

    switch (call->state) {

    case NGX_HTTP_IHANOI_PGCALL_WAITING:
        ngx_http_ihanoi_pgpool_dequeue(pool, call);

        /* fall through */

    case NGX_HTTP_IHANOI_PGCALL_PAUSED:
        ngx_free(call);
        return;

    default: /* NGX_HTTP_IHANOI_PGCALL_SENT */
        call->done = NULL;
    }

    ngx_http_ihanoi_pgpool_cancel(call);
}


/*
 * With one call at a time a cancel hits the right one.  Writes run to their
 * end, because a cancelled commit may or may not have happened; inside a
 * transaction nothing is committed.
 */

static void
ngx_http_ihanoi_pgpool_cancel(ngx_http_ihanoi_pgcall_t *call)
{
    ngx_http_ihanoi_pgpool_t  *pool;

    pool = call->pool;

    if (call->pc == NULL || pool->class->depth != 1) {
        return;
    }

    if (call->session ? call->session->ending : !pool->class->readonly) {
        return;
    }

    call->pc->unwanted = 1;
    ngx_post_event(&pool->db->attention, &ngx_posted_events);
}


ngx_uint_t
ngx_http_ihanoi_pg_retry_after(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pg_class_e class)
{
    ngx_uint_t                 lanes, seconds;
    ngx_http_ihanoi_pgpool_t  *pool;

    if (db->pools == NULL) {
        return 5;
    }

    pool = &db->pools[class];

    if (pool->ready == 0) {
        return 2 + (ngx_uint_t) ngx_random() % 4;
    }

    /* the time that the queue needs, and a bit of chance against herds */

    lanes = pool->ready * pool->class->depth;
    seconds = (ngx_uint_t) ((uint64_t) pool->queued * pool->average
                            / lanes / 1000000);

    return ngx_min(seconds, 30) + 1 + (ngx_uint_t) ngx_random() % 3;
}


/*
 * The first connection that keeps up, not the one with the least to do: a
 * server process that finds its next statement there needs no waking, and one
 * that sleeps costs more than the statement.  One that does not keep up, for
 * a slow statement or too many, passes the next calls on.
 */

static ngx_http_ihanoi_pgconn_t *
ngx_http_ihanoi_pgpool_choose(ngx_http_ihanoi_pgpool_t *pool)
{
    uint64_t                   wait, least;
    ngx_uint_t                 i;
    ngx_http_ihanoi_pgconn_t  *pc, *best;

    best = NULL;
    least = 0;

    for (i = 0; i < pool->class->connections; i++) {
        pc = &pool->conns[i];

        if (pc->state != NGX_HTTP_IHANOI_PGCONN_READY || pc->leaving
            || pc->broken || pc->signalled || pc->session
            || pc->in_flight >= pool->class->depth)
        {
            continue;
        }

        wait = ngx_http_ihanoi_pgconn_waiting(pc);

        if (wait <= NGX_HTTP_IHANOI_PGPOOL_LATE) {
            return pc;
        }

        if (best == NULL || wait < least) {
            least = wait;
            best = pc;
        }
    }

    return best;
}


static ngx_int_t
ngx_http_ihanoi_pgpool_send(ngx_http_ihanoi_pgpool_t *pool,
    ngx_http_ihanoi_pgcall_t *call, ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_msec_int_t  left;

    if (ngx_http_ihanoi_pgconn_execute(pc, &call->x, call->stmt, call->values)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    call->state = NGX_HTTP_IHANOI_PGCALL_SENT;
    call->pc = pc;

    if (call->session) {
        call->session->pc = pc;
        call->session->state = NGX_HTTP_IHANOI_PGSESSION_UNKNOWN;
        pc->session = call->session;
    }

    pool->in_use++;

    left = (ngx_msec_int_t) (call->deadline - ngx_current_msec);

    ngx_http_ihanoi_pgpool_arm(call, (ngx_msec_t) ngx_max(left, 1));

    return NGX_OK;
}


/*
 * ngx_add_timer() leaves a timer that is set alone when the new time differs
 * by less than 300 ms; here the time says what it is for.
 */

void
ngx_http_ihanoi_pgpool_arm(ngx_http_ihanoi_pgcall_t *call, ngx_msec_t msec)
{
    if (call->timer.timer_set) {
        ngx_del_timer(&call->timer);
    }

    ngx_add_timer(&call->timer, msec);
}


void
ngx_http_ihanoi_pgpool_enqueue(ngx_http_ihanoi_pgpool_t *pool,
    ngx_http_ihanoi_pgcall_t *call, ngx_uint_t first)
{
    ngx_msec_t      wait;
    ngx_msec_int_t  left;

    call->state = NGX_HTTP_IHANOI_PGCALL_WAITING;
    call->pc = NULL;

    if (first) {
        ngx_queue_insert_head(&pool->waiting, &call->x.queue);

    } else {
        ngx_queue_insert_tail(&pool->waiting, &call->x.queue);
    }

    pool->queued++;

    left = (ngx_msec_int_t) (call->deadline - ngx_current_msec);
    wait = (ngx_msec_t) ngx_max(left, 1);

    /*
     * A new worker accepts requests before its connections stand, and the old
     * one would have served them: they may wait for all of their time.
     */

    if (pool->ready || !ngx_http_ihanoi_pgdb_hopeful(pool)) {
        wait = ngx_min(wait, pool->class->wait);
    }

    ngx_http_ihanoi_pgpool_arm(call, wait);
}


static void
ngx_http_ihanoi_pgpool_dequeue(ngx_http_ihanoi_pgpool_t *pool,
    ngx_http_ihanoi_pgcall_t *call)
{
    ngx_queue_remove(&call->x.queue);
    pool->queued--;
}


void
ngx_http_ihanoi_pgpool_dispatch(ngx_http_ihanoi_pgpool_t *pool)
{
    ngx_http_ihanoi_pgcall_t  *call;
    ngx_http_ihanoi_pgconn_t  *pc;

    while (!ngx_queue_empty(&pool->waiting)) {

        pc = ngx_http_ihanoi_pgpool_choose(pool);
        if (pc == NULL) {
            return;
        }

        call = ngx_queue_data(ngx_queue_head(&pool->waiting),
                              ngx_http_ihanoi_pgcall_t, x.queue);

        ngx_http_ihanoi_pgpool_dequeue(pool, call);

        if (ngx_http_ihanoi_pgpool_send(pool, call, pc) != NGX_OK) {
            /* pc is broken now and is not chosen again */
            ngx_http_ihanoi_pgpool_enqueue(pool, call, 1);
        }
    }
}


static void
ngx_http_ihanoi_pgpool_expired(ngx_event_t *ev)
{
    ngx_http_ihanoi_pgcall_t      *call;
    ngx_http_ihanoi_pgpool_t      *pool;
    ngx_http_ihanoi_pgcall_pt      done;
    ngx_http_ihanoi_pg_outcome_e   outcome;

    call = ev->data;
    pool = call->pool;

    switch (call->state) {

    case NGX_HTTP_IHANOI_PGCALL_WAITING:
        ngx_http_ihanoi_pgpool_dequeue(pool, call);

        if (call->losses && !pool->class->readonly) {
            /* it was sent before, and may have been committed */
            outcome = NGX_HTTP_IHANOI_PG_UNKNOWN;
            ngx_http_ihanoi_metric_inc(pool->class->metrics.unknown);

        } else {
            outcome = pool->ready ? NGX_HTTP_IHANOI_PG_BUSY
                                  : NGX_HTTP_IHANOI_PG_DOWN;
            ngx_http_ihanoi_metric_inc(pool->class->metrics.shed);
        }

        ngx_http_ihanoi_pgpool_end(call, outcome, NULL, 0);
        return;

    case NGX_HTTP_IHANOI_PGCALL_PAUSED:
        ngx_http_ihanoi_pgpool_enqueue(pool, call, 1);
        ngx_http_ihanoi_pgpool_dispatch(pool);
        return;
    }

    /* sent: the slot stays so that answers and calls stay aligned */

    ngx_log_error(NGX_LOG_ERR, call->log, 0,
                  "database call \"%V\" timed out after %Mms",
                  &call->stmt->operation,
                  ngx_current_msec - call->submitted);

    ngx_http_ihanoi_metric_inc(pool->class->metrics.timeouts);

    if (!pool->class->readonly) {
        ngx_http_ihanoi_metric_inc(pool->class->metrics.unknown);
    }

    ngx_http_ihanoi_pgpool_cancel(call);

    done = call->done;
    call->done = NULL;

    done(call->data, NGX_HTTP_IHANOI_PG_TIMEOUT, NULL,
         (ngx_uint_t) (ngx_http_ihanoi_usec() - call->x.sent));
}


void
ngx_http_ihanoi_pgpool_end(ngx_http_ihanoi_pgcall_t *call,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec)
{
    void                       *data;
    ngx_http_ihanoi_pgcall_pt   done;

    if (call->timer.timer_set) {
        ngx_del_timer(&call->timer);
    }

    done = call->done;
    data = call->data;

    ngx_free(call);

    done(data, outcome, res, usec);
}


void
ngx_http_ihanoi_pgpool_measure(ngx_http_ihanoi_pgpool_t *pool)
{
    ngx_msec_t                 oldest;
    ngx_http_ihanoi_pgcall_t  *call;

    oldest = 0;

    if (!ngx_queue_empty(&pool->waiting)) {
        call = ngx_queue_data(ngx_queue_head(&pool->waiting),
                              ngx_http_ihanoi_pgcall_t, x.queue);

        oldest = ngx_current_msec - call->submitted;
    }

    ngx_http_ihanoi_metric_set(pool->class->metrics.connections, pool->ready);
    ngx_http_ihanoi_metric_set(pool->class->metrics.in_use, pool->in_use);
    ngx_http_ihanoi_metric_set(pool->class->metrics.queued, pool->queued);
    ngx_http_ihanoi_metric_set(pool->class->metrics.oldest, oldest);
}
