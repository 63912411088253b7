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
 *                  +-- too long: BUSY or DOWN
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


#define NGX_HTTP_IHANOI_PGCALL_WAITING  0
#define NGX_HTTP_IHANOI_PGCALL_PAUSED   1
#define NGX_HTTP_IHANOI_PGCALL_SENT     2

/* a connection whose oldest call is older takes calls as the last one */
#define NGX_HTTP_IHANOI_PGPOOL_STALLED  50000

#define NGX_HTTP_IHANOI_PGPOOL_RETRIES  2


struct ngx_http_ihanoi_pgcall_s {
    ngx_http_ihanoi_pgexchange_t   x;      /* its queue is the pool's queue
                                              too while the call waits */
    ngx_http_ihanoi_pgpool_t      *pool;
    ngx_http_ihanoi_pgstmt_t      *stmt;
    const char *const             *values;
    ngx_http_ihanoi_pgcall_pt      done;   /* NULL: tombstone */
    void                          *data;
    ngx_log_t                     *log;
    ngx_http_ihanoi_pgconn_t      *pc;
    ngx_event_t                    timer;
    ngx_msec_t                     submitted;
    ngx_msec_t                     deadline;
    unsigned                       state:2;
    unsigned                       retries:2;  /* after lost races */
    unsigned                       losses:2;   /* of its connection */
    unsigned                       again:1;    /* prepared or sent anew */
};


typedef enum {
    NGX_HTTP_IHANOI_PGPOOL_REPORT = 0,
    NGX_HTTP_IHANOI_PGPOOL_PREPARE,   /* stale or absent plan */
    NGX_HTTP_IHANOI_PGPOOL_MOVE,      /* a standby: look for the primary */
    NGX_HTTP_IHANOI_PGPOOL_REPEAT,    /* lost a race, may win the next */
    NGX_HTTP_IHANOI_PGPOOL_GOING,     /* the server goes away */
    NGX_HTTP_IHANOI_PGPOOL_POISONED   /* cannot happen */
} ngx_http_ihanoi_pgpool_action_e;


typedef struct {
    const char                       *state;  /* SQLSTATE or its class */
    size_t                            len;
    ngx_http_ihanoi_pgpool_action_e   action;
} ngx_http_ihanoi_pgpool_policy_t;


static ngx_http_ihanoi_pgconn_t *ngx_http_ihanoi_pgpool_choose(
    ngx_http_ihanoi_pgpool_t *pool);
static ngx_int_t ngx_http_ihanoi_pgpool_send(ngx_http_ihanoi_pgpool_t *pool,
    ngx_http_ihanoi_pgcall_t *call, ngx_http_ihanoi_pgconn_t *pc);
static void ngx_http_ihanoi_pgpool_arm(ngx_http_ihanoi_pgcall_t *call,
    ngx_msec_t msec);
static void ngx_http_ihanoi_pgpool_enqueue(ngx_http_ihanoi_pgpool_t *pool,
    ngx_http_ihanoi_pgcall_t *call, ngx_uint_t first);
static void ngx_http_ihanoi_pgpool_dequeue(ngx_http_ihanoi_pgpool_t *pool,
    ngx_http_ihanoi_pgcall_t *call);
static void ngx_http_ihanoi_pgpool_expired(ngx_event_t *ev);
static void ngx_http_ihanoi_pgpool_ready(ngx_http_ihanoi_pgconn_t *pc);
static void ngx_http_ihanoi_pgpool_done(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x);
static void ngx_http_ihanoi_pgpool_lost(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x);
static void ngx_http_ihanoi_pgpool_uncertain(ngx_http_ihanoi_pgcall_t *call);
static void ngx_http_ihanoi_pgpool_prepared(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgstmt_t *stmt, ngx_http_ihanoi_pgresult_t *error);
static void ngx_http_ihanoi_pgpool_closed(ngx_http_ihanoi_pgconn_t *pc);
static ngx_int_t ngx_http_ihanoi_pgpool_error(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgcall_t *call);
static ngx_http_ihanoi_pgpool_action_e ngx_http_ihanoi_pgpool_policy(
    ngx_str_t *sqlstate);
static ngx_int_t ngx_http_ihanoi_pgpool_retry(ngx_http_ihanoi_pgcall_t *call,
    ngx_msec_t pause);
static void ngx_http_ihanoi_pgpool_end(ngx_http_ihanoi_pgcall_t *call,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec);


const ngx_http_ihanoi_pgconn_handlers_t  ngx_http_ihanoi_pgpool_handlers = {
    ngx_http_ihanoi_pgdb_opened,
    ngx_http_ihanoi_pgpool_ready,
    ngx_http_ihanoi_pgpool_done,
    ngx_http_ihanoi_pgpool_lost,
    ngx_http_ihanoi_pgpool_prepared,
    ngx_http_ihanoi_pgpool_closed
};


/* In all of them nothing was committed: an error and its Sync have come. */

static const ngx_http_ihanoi_pgpool_policy_t
    ngx_http_ihanoi_pgpool_policies[] = {

    { "0A000", 5, NGX_HTTP_IHANOI_PGPOOL_PREPARE },
    { "26000", 5, NGX_HTTP_IHANOI_PGPOOL_PREPARE },
    { "25006", 5, NGX_HTTP_IHANOI_PGPOOL_MOVE },
    { "40001", 5, NGX_HTTP_IHANOI_PGPOOL_REPEAT },
    { "40P01", 5, NGX_HTTP_IHANOI_PGPOOL_REPEAT },
    { "57P01", 5, NGX_HTTP_IHANOI_PGPOOL_GOING },
    { "57P02", 5, NGX_HTTP_IHANOI_PGPOOL_GOING },
    { "57P03", 5, NGX_HTTP_IHANOI_PGPOOL_GOING },
    { "08",    2, NGX_HTTP_IHANOI_PGPOOL_GOING },
    { "25P02", 5, NGX_HTTP_IHANOI_PGPOOL_POISONED },

    { NULL, 0, NGX_HTTP_IHANOI_PGPOOL_REPORT }
};


ngx_http_ihanoi_pgcall_t *
ngx_http_ihanoi_pgcall_submit(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgstmt_t *stmt, const char *const *values,
    ngx_msec_t timeout, ngx_http_ihanoi_pgcall_pt done, void *data,
    ngx_log_t *log, ngx_http_ihanoi_pg_outcome_e *outcome)
{
    ngx_http_ihanoi_pgcall_t   *call;
    ngx_http_ihanoi_pgpool_t   *pool;
    ngx_http_ihanoi_pgconn_t   *pc;
    ngx_http_ihanoi_pgstate_t  *state;

    if (db->pools == NULL) {
        *outcome = NGX_HTTP_IHANOI_PG_DOWN;
        return NULL;
    }

    pool = &db->pools[stmt->class];
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
        || (ngx_http_ihanoi_pgresult_pinned() > db->memory
            && stmt->class != NGX_HTTP_IHANOI_PG_CONTROL))
    {
        *outcome = NGX_HTTP_IHANOI_PG_BUSY;
        ngx_http_ihanoi_metric_inc(pool->class->metrics.shed);
        return NULL;
    }

    call = ngx_calloc(sizeof(ngx_http_ihanoi_pgcall_t), log);
    if (call == NULL) {
        *outcome = NGX_HTTP_IHANOI_PG_BUSY;
        return NULL;
    }

    if (timeout == 0) {
        timeout = stmt->timeout ? stmt->timeout : pool->class->timeout;
    }

    call->pool = pool;
    call->stmt = stmt;
    call->values = values;
    call->done = done;
    call->data = data;
    call->log = log;
    call->submitted = ngx_current_msec;
    call->deadline = ngx_current_msec + timeout;

    /*
     * Not cancelable: a worker that is shutting down waits for its calls.
     * The log is the worker's because a tombstone outlives its request.
     */

    call->timer.handler = ngx_http_ihanoi_pgpool_expired;
    call->timer.data = call;
    call->timer.log = db->log;

    ngx_http_ihanoi_metric_inc(pool->class->metrics.calls);

    if (ngx_queue_empty(&pool->waiting)) {

        pc = ngx_http_ihanoi_pgpool_choose(pool);

        if (pc && ngx_http_ihanoi_pgpool_send(pool, call, pc) == NGX_OK) {
            return call;
        }
    }

    ngx_http_ihanoi_pgpool_enqueue(pool, call, 0);

    if (pool->ready == 0) {
        ngx_http_ihanoi_pgdb_connect(db);
    }

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

    /*
     * With one call at a time a cancel hits the right one.  Writes run to
     * their end: a cancelled commit may or may not have happened.
     */

    if (call->pc && pool->class->depth == 1 && pool->class->readonly) {
        call->pc->unwanted = 1;
        ngx_post_event(&pool->db->attention, &ngx_posted_events);
    }
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


static ngx_http_ihanoi_pgconn_t *
ngx_http_ihanoi_pgpool_choose(ngx_http_ihanoi_pgpool_t *pool)
{
    ngx_uint_t                 i, load, least;
    ngx_http_ihanoi_pgconn_t  *pc, *best;

    best = NULL;
    least = (ngx_uint_t) -1;

    for (i = 0; i < pool->class->connections; i++) {
        pc = &pool->conns[i];

        if (pc->state != NGX_HTTP_IHANOI_PGCONN_READY || pc->leaving
            || pc->broken || pc->signalled
            || pc->in_flight >= pool->class->depth)
        {
            continue;
        }

        load = pc->in_flight;

        if (load == 0) {
            return pc;
        }

        if (ngx_http_ihanoi_pgconn_waiting(pc)
            > NGX_HTTP_IHANOI_PGPOOL_STALLED)
        {
            load += pool->class->depth;
        }

        if (load < least) {
            least = load;
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

    pool->in_use++;

    left = (ngx_msec_int_t) (call->deadline - ngx_current_msec);

    ngx_http_ihanoi_pgpool_arm(call, (ngx_msec_t) ngx_max(left, 1));

    return NGX_OK;
}


/*
 * ngx_add_timer() leaves a timer that is set alone when the new time differs
 * by less than 300 ms; here the time says what it is for.
 */

static void
ngx_http_ihanoi_pgpool_arm(ngx_http_ihanoi_pgcall_t *call, ngx_msec_t msec)
{
    if (call->timer.timer_set) {
        ngx_del_timer(&call->timer);
    }

    ngx_add_timer(&call->timer, msec);
}


static void
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

        outcome = pool->ready ? NGX_HTTP_IHANOI_PG_BUSY
                              : NGX_HTTP_IHANOI_PG_DOWN;

        ngx_http_ihanoi_metric_inc(pool->class->metrics.shed);
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

    if (pool->class->depth == 1 && pool->class->readonly) {
        call->pc->unwanted = 1;
        ngx_post_event(&pool->db->attention, &ngx_posted_events);
    }

    done = call->done;
    call->done = NULL;

    done(call->data, NGX_HTTP_IHANOI_PG_TIMEOUT, NULL,
         (ngx_uint_t) (ngx_http_ihanoi_usec() - call->x.sent));
}


static void
ngx_http_ihanoi_pgpool_ready(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_http_ihanoi_pgpool_t  *pool;

    pool = pc->data;

    if (ngx_http_ihanoi_pgdb_arrived(pc) != NGX_OK) {
        ngx_http_ihanoi_pgconn_retire(pc);
        return;
    }

    pool->ready++;

    /* 0 means that it never was */
    pc->ready_at = ngx_current_msec ? ngx_current_msec : 1;

    /* up to a fifth early: not all at the same time */
    pc->retire_at = ngx_current_msec + pool->db->age
                    - (ngx_msec_t) ngx_random() % (pool->db->age / 5 + 1);

    if (pool->class == &pool->db->classes[NGX_HTTP_IHANOI_PG_CONTROL]) {
        ngx_post_event(&pool->db->attention, &ngx_posted_events);
    }

    ngx_http_ihanoi_pgpool_dispatch(pool);
    ngx_http_ihanoi_pgpool_measure(pool);
}


static void
ngx_http_ihanoi_pgpool_done(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x)
{
    ngx_uint_t                   usec;
    ngx_http_ihanoi_pgcall_t    *call;
    ngx_http_ihanoi_pgpool_t    *pool;
    ngx_http_ihanoi_pgresult_t  *res;

    call = (ngx_http_ihanoi_pgcall_t *) x;
    pool = call->pool;

    pool->in_use--;
    pc->unwanted = 0;
    pc->replicating = 0;
    call->pc = NULL;

    usec = (ngx_uint_t) (ngx_http_ihanoi_usec() - x->sent);
    pool->average += ((ngx_int_t) usec - (ngx_int_t) pool->average) / 16;

    if (ngx_http_ihanoi_pgdb_suits(pc) == NGX_DECLINED) {
        /* it became a standby */
        ngx_http_ihanoi_pgconn_retire(pc);
    }

    if (call->done == NULL) {

        /* a tombstone */

        if (x->result) {
            ngx_http_ihanoi_pgresult_free(x->result);
        }

        ngx_free(call);

        ngx_http_ihanoi_pgpool_dispatch(pool);
        return;
    }

    res = x->result;

    if (x->unreplicated) {

        if (res) {
            ngx_http_ihanoi_pgresult_free(res);
        }

        ngx_log_error(NGX_LOG_ERR, call->log, 0,
                      "database call \"%V\" was committed but not replicated",
                      &call->stmt->operation);

        ngx_http_ihanoi_metric_inc(pool->class->metrics.unknown);

        ngx_http_ihanoi_pgpool_dispatch(pool);
        ngx_http_ihanoi_pgpool_end(call, NGX_HTTP_IHANOI_PG_UNKNOWN, NULL,
                                   usec);
        return;
    }

    if (x->failed) {

        switch (ngx_http_ihanoi_pgpool_error(pc, call)) {

        case NGX_AGAIN:
            /* it waits again */
            ngx_http_ihanoi_pgpool_dispatch(pool);
            return;

        case NGX_ABORT:
            ngx_http_ihanoi_pgpool_dispatch(pool);
            ngx_http_ihanoi_pgpool_uncertain(call);
            return;

        case NGX_DECLINED:
            ngx_http_ihanoi_pgresult_free(res);
            ngx_http_ihanoi_pgpool_dispatch(pool);
            ngx_http_ihanoi_pgpool_end(call, NGX_HTTP_IHANOI_PG_MISSING, NULL,
                                       usec);
            return;
        }

        ngx_http_ihanoi_pgpool_dispatch(pool);
        ngx_http_ihanoi_pgpool_end(call, NGX_HTTP_IHANOI_PG_SQLERROR, res,
                                   usec);
        return;
    }

    /* the next call goes out before this one's answer is written */

    ngx_http_ihanoi_pgpool_dispatch(pool);
    ngx_http_ihanoi_pgpool_end(call, NGX_HTTP_IHANOI_PG_OK, res, usec);
}


/*
 * NGX_AGAIN: the call was put back, its result is freed; NGX_DECLINED: its
 * statement is missing; NGX_ABORT: nobody knows what happened; NGX_OK: the
 * error is the answer.
 */

static ngx_int_t
ngx_http_ihanoi_pgpool_error(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgcall_t *call)
{
    ngx_str_t                         state;
    ngx_msec_t                        pause;
    ngx_http_ihanoi_pgpool_t         *pool;
    ngx_http_ihanoi_pgpool_action_e   action;

    pool = call->pool;
    state = ngx_http_ihanoi_pgresult_sqlstate(call->x.result);

    if (state.len == 0) {

        /*
         * libpq's own errors have none: it could not read or keep an answer
         * that may have been a good one.
         */

        ngx_http_ihanoi_pgconn_retire(pc);
        return NGX_ABORT;
    }

    action = ngx_http_ihanoi_pgpool_policy(&state);
    pause = 0;

    switch (action) {

    case NGX_HTTP_IHANOI_PGPOOL_REPORT:
        return NGX_OK;

    case NGX_HTTP_IHANOI_PGPOOL_POISONED:
        ngx_log_error(NGX_LOG_ALERT, pc->log, 0,
                      "database session was left in a failed transaction "
                      "before call \"%V\"", &call->stmt->operation);

        ngx_http_ihanoi_pgconn_retire(pc);
        return NGX_OK;

    case NGX_HTTP_IHANOI_PGPOOL_PREPARE:

        if (pool->db->states[call->stmt->index].missing
            && state.data[0] == '2')
        {
            return NGX_DECLINED;
        }

        if (call->again) {
            return NGX_OK;
        }

        ngx_http_ihanoi_pgconn_forget(pc, call->stmt, state.data[0] == '0');
        call->again = 1;
        break;

    case NGX_HTTP_IHANOI_PGPOOL_MOVE:

        if (pool->class->readonly) {
            /* a write where only reads belong: the operation's mistake */
            return NGX_OK;
        }

        /* fall through */

    case NGX_HTTP_IHANOI_PGPOOL_GOING:

        ngx_http_ihanoi_pgconn_retire(pc);

        if (call->again) {
            return NGX_OK;
        }

        call->again = 1;
        break;

    case NGX_HTTP_IHANOI_PGPOOL_REPEAT:

        if (call->retries == NGX_HTTP_IHANOI_PGPOOL_RETRIES) {
            return NGX_OK;
        }

        call->retries++;
        pause = 5 + (ngx_msec_t) ngx_random() % (20 << call->retries);
    }

    return ngx_http_ihanoi_pgpool_retry(call, pause);
}


static ngx_http_ihanoi_pgpool_action_e
ngx_http_ihanoi_pgpool_policy(ngx_str_t *sqlstate)
{
    const ngx_http_ihanoi_pgpool_policy_t  *policy;

    for (policy = ngx_http_ihanoi_pgpool_policies; policy->state; policy++) {

        if (sqlstate->len >= policy->len
            && ngx_strncmp(sqlstate->data, policy->state, policy->len) == 0)
        {
            break;
        }
    }

    return policy->action;
}


static ngx_int_t
ngx_http_ihanoi_pgpool_retry(ngx_http_ihanoi_pgcall_t *call, ngx_msec_t pause)
{
    ngx_http_ihanoi_pgpool_t  *pool;

    pool = call->pool;

    if ((ngx_msec_int_t) (call->deadline - ngx_current_msec)
        <= (ngx_msec_int_t) pause)
    {
        return NGX_OK;
    }

    if (call->x.result) {
        ngx_http_ihanoi_pgresult_free(call->x.result);
        call->x.result = NULL;
    }

    ngx_http_ihanoi_metric_inc(pool->class->metrics.retries);

    if (pause) {
        call->state = NGX_HTTP_IHANOI_PGCALL_PAUSED;
        call->pc = NULL;
        ngx_http_ihanoi_pgpool_arm(call, pause);
        return NGX_AGAIN;
    }

    ngx_http_ihanoi_pgpool_enqueue(pool, call, 1);

    return NGX_AGAIN;
}


static void
ngx_http_ihanoi_pgpool_lost(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x)
{
    ngx_http_ihanoi_pgcall_t  *call;

    call = (ngx_http_ihanoi_pgcall_t *) x;

    call->pool->in_use--;
    call->pc = NULL;

    if (call->done == NULL) {
        ngx_free(call);
        return;
    }

    ngx_http_ihanoi_pgpool_uncertain(call);
}


/*
 * It may have been executed, so only what does no harm twice is sent again:
 * reads, and writes that claim an idempotency key.
 */

static void
ngx_http_ihanoi_pgpool_uncertain(ngx_http_ihanoi_pgcall_t *call)
{
    ngx_uint_t                     usec;
    ngx_msec_t                     pause;
    ngx_http_ihanoi_pgpool_t      *pool;
    ngx_http_ihanoi_pg_outcome_e   outcome;

    pool = call->pool;

    if ((pool->class->readonly || call->stmt->repeatable)
        && call->losses < NGX_HTTP_IHANOI_PGPOOL_RETRIES)
    {
        call->losses++;

        /*
         * Not at once: when a server ends, its other connections are about to
         * break too.
         */

        pause = (20 + (ngx_msec_t) ngx_random() % 20) * call->losses;

        if (ngx_http_ihanoi_pgpool_retry(call, pause) == NGX_AGAIN) {
            return;
        }
    }

    if (call->x.result) {
        ngx_http_ihanoi_pgresult_free(call->x.result);
    }

    if (pool->class->readonly) {
        outcome = NGX_HTTP_IHANOI_PG_DOWN;

    } else {
        outcome = NGX_HTTP_IHANOI_PG_UNKNOWN;
        ngx_http_ihanoi_metric_inc(pool->class->metrics.unknown);
    }

    usec = (ngx_uint_t) (ngx_http_ihanoi_usec() - call->x.sent);

    ngx_http_ihanoi_pgpool_end(call, outcome, NULL, usec);
}


static void
ngx_http_ihanoi_pgpool_prepared(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgstmt_t *stmt, ngx_http_ihanoi_pgresult_t *error)
{
    u_char                     *p;
    u_char                      buf[512];
    ngx_str_t                   state, message, sentence;
    ngx_http_ihanoi_pgpool_t   *pool;

    pool = pc->data;

    if (error == NULL) {
        ngx_http_ihanoi_pgdb_mark(pool->db, stmt, NULL, 0);
        return;
    }

    state = ngx_http_ihanoi_pgresult_sqlstate(error);

    /*
     * Only what says "there is no such thing" is the release's fault; a lock
     * or the server's going away is not, and the next call tries again.
     */

    if (state.len != 5
        || (ngx_strncmp(state.data, "42", 2) != 0
            && ngx_strncmp(state.data, "3F", 2) != 0
            && ngx_strncmp(state.data, "22", 2) != 0
            && ngx_strncmp(state.data, "0A", 2) != 0))
    {
        ngx_log_error(NGX_LOG_ERR, pc->log, 0,
                      "database \"%V\" could not prepare the statement of "
                      "operation \"%V\" (SQLSTATE %V)",
                      &pool->db->name, &stmt->operation, &state);
        return;
    }

    message = ngx_http_ihanoi_pgresult_message(error);

    p = ngx_snprintf(buf, sizeof(buf), "operation \"%V\": %V (SQLSTATE %V)",
                     &stmt->operation, &message, &state);

    sentence.data = buf;
    sentence.len = p - buf;

    ngx_http_ihanoi_pgdb_mark(pool->db, stmt, &sentence, 0);
}


static void
ngx_http_ihanoi_pgpool_closed(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_http_ihanoi_pgpool_t  *pool;

    pool = pc->data;

    if (pc->ready_at) {

        if (--pool->ready == 0) {
            pool->down_since = ngx_current_msec;
        }
    }

    ngx_http_ihanoi_pgdb_departed(pc);

    pc->ready_at = 0;

    /* retried calls may have another connection to go to */

    ngx_http_ihanoi_pgpool_dispatch(pool);
    ngx_http_ihanoi_pgpool_measure(pool);
}


/* Frees the call and tells its owner: nothing of it is left to touch. */

static void
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
