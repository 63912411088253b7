/*
 * Copyright (C) iHaNoi contributors
 *
 * What becomes of a call: answered, refused, lost, or sent again.
 *
 * A completion may submit and abandon calls and end requests.  So nothing of
 * a call is touched after its completion, and the next waiting call is sent
 * before it.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_metrics.h"
#include "ngx_http_ihanoi_pgresult.h"
#include "ngx_http_ihanoi_pgconn.h"
#include "ngx_http_ihanoi_pgdb.h"
#include "ngx_http_ihanoi_pgstate.h"
#include "ngx_http_ihanoi_pgpool.h"
#include "ngx_http_ihanoi_pgsession.h"
#include "ngx_http_ihanoi_pgoutcome.h"


/* a call that lost a race, or its connection, is sent again as often */
#define NGX_HTTP_IHANOI_PGOUTCOME_RETRIES  2


typedef enum {
    NGX_HTTP_IHANOI_PGOUTCOME_REPORT = 0,
    NGX_HTTP_IHANOI_PGOUTCOME_HELD_UP,   /* reported: it did not get to run */
    NGX_HTTP_IHANOI_PGOUTCOME_PREPARE,   /* its plan is stale, or the function
                                            is gone: that is then found out by
                                            preparing it */
    NGX_HTTP_IHANOI_PGOUTCOME_ABSENT,    /* the server has not prepared it */
    NGX_HTTP_IHANOI_PGOUTCOME_MOVE,      /* a standby: look for the primary */
    NGX_HTTP_IHANOI_PGOUTCOME_REPEAT,    /* lost a race, may win the next */
    NGX_HTTP_IHANOI_PGOUTCOME_GOING,     /* the server goes away */
    NGX_HTTP_IHANOI_PGOUTCOME_POISONED   /* cannot happen */
} ngx_http_ihanoi_pgoutcome_action_e;


typedef struct {
    const char                          *state;  /* SQLSTATE or its class */
    size_t                               len;
    ngx_http_ihanoi_pgoutcome_action_e   action;
} ngx_http_ihanoi_pgoutcome_policy_t;


static void ngx_http_ihanoi_pgoutcome_ready(ngx_http_ihanoi_pgconn_t *pc);
static void ngx_http_ihanoi_pgoutcome_done(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x);
static void ngx_http_ihanoi_pgoutcome_again(ngx_http_ihanoi_pgcall_t *call);
static void ngx_http_ihanoi_pgoutcome_lost(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x);
static void ngx_http_ihanoi_pgoutcome_uncertain(ngx_http_ihanoi_pgcall_t *call);
static void ngx_http_ihanoi_pgoutcome_prepared(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgstmt_t *stmt, ngx_http_ihanoi_pgresult_t *error);
static void ngx_http_ihanoi_pgoutcome_closed(ngx_http_ihanoi_pgconn_t *pc);
static ngx_uint_t ngx_http_ihanoi_pgoutcome_traces(
    ngx_http_ihanoi_pgconn_t *pc, ngx_http_ihanoi_pgcall_t *call);
static ngx_int_t ngx_http_ihanoi_pgoutcome_error(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgcall_t *call);
static ngx_uint_t ngx_http_ihanoi_pgoutcome_doubtful(
    ngx_http_ihanoi_pgcall_t *call);
static ngx_http_ihanoi_pgoutcome_action_e ngx_http_ihanoi_pgoutcome_policy(
    ngx_str_t *sqlstate);
static ngx_int_t ngx_http_ihanoi_pgoutcome_retry(ngx_http_ihanoi_pgcall_t *call,
    ngx_msec_t pause);


const ngx_http_ihanoi_pgconn_handlers_t  ngx_http_ihanoi_pgoutcome_handlers = {
    ngx_http_ihanoi_pgdb_opened,
    ngx_http_ihanoi_pgoutcome_ready,
    ngx_http_ihanoi_pgoutcome_done,
    ngx_http_ihanoi_pgoutcome_lost,
    ngx_http_ihanoi_pgoutcome_prepared,
    ngx_http_ihanoi_pgoutcome_closed
};


/* In all of them nothing was committed: an error and its Sync have come. */

static const ngx_http_ihanoi_pgoutcome_policy_t
    ngx_http_ihanoi_pgoutcome_policies[] = {

    { "0A000", 5, NGX_HTTP_IHANOI_PGOUTCOME_PREPARE },
    { "26000", 5, NGX_HTTP_IHANOI_PGOUTCOME_ABSENT },
    { "42883", 5, NGX_HTTP_IHANOI_PGOUTCOME_PREPARE },
    { "25006", 5, NGX_HTTP_IHANOI_PGOUTCOME_MOVE },
    { "40001", 5, NGX_HTTP_IHANOI_PGOUTCOME_REPEAT },
    { "40P01", 5, NGX_HTTP_IHANOI_PGOUTCOME_REPEAT },
    { "57P01", 5, NGX_HTTP_IHANOI_PGOUTCOME_GOING },
    { "57P02", 5, NGX_HTTP_IHANOI_PGOUTCOME_GOING },
    { "57P03", 5, NGX_HTTP_IHANOI_PGOUTCOME_GOING },
    { "08",    2, NGX_HTTP_IHANOI_PGOUTCOME_GOING },
    { "25P02", 5, NGX_HTTP_IHANOI_PGOUTCOME_POISONED },
    { "53",    2, NGX_HTTP_IHANOI_PGOUTCOME_HELD_UP },
    { "55",    2, NGX_HTTP_IHANOI_PGOUTCOME_HELD_UP },
    { "57",    2, NGX_HTTP_IHANOI_PGOUTCOME_HELD_UP },
    { "58",    2, NGX_HTTP_IHANOI_PGOUTCOME_HELD_UP },

    { NULL, 0, NGX_HTTP_IHANOI_PGOUTCOME_REPORT }
};


static void
ngx_http_ihanoi_pgoutcome_ready(ngx_http_ihanoi_pgconn_t *pc)
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
ngx_http_ihanoi_pgoutcome_done(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x)
{
    ngx_int_t                      rc;
    ngx_uint_t                     usec, misused;
    ngx_http_ihanoi_pgcall_t      *call;
    ngx_http_ihanoi_pgpool_t      *pool;
    ngx_http_ihanoi_pgresult_t    *res;
    ngx_http_ihanoi_pgsession_t   *session;
    ngx_http_ihanoi_pg_outcome_e   outcome;

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

    misused = ngx_http_ihanoi_pgoutcome_traces(pc, call);

    if (call->done == NULL) {

        /* a tombstone */

        session = call->session;

        ngx_http_ihanoi_pgresult_free(x->result);
        ngx_free(call);

        if (session) {
            ngx_http_ihanoi_pgsession_settle(session);
        }

        ngx_http_ihanoi_pgpool_dispatch(pool);
        return;
    }

    if (misused) {
        outcome = NGX_HTTP_IHANOI_PG_MISUSED;

    } else if (x->unreplicated) {
        outcome = NGX_HTTP_IHANOI_PG_UNKNOWN;

        ngx_log_error(NGX_LOG_ERR, call->log, 0,
                      "database call \"%V\" was committed but not replicated",
                      &call->stmt->operation);

        ngx_http_ihanoi_metric_inc(pool->class->metrics.unknown);

    } else if (x->aborted) {
        ngx_http_ihanoi_pgoutcome_again(call);
        return;

    } else if (!x->failed) {
        outcome = NGX_HTTP_IHANOI_PG_OK;

    } else {
        rc = ngx_http_ihanoi_pgoutcome_error(pc, call);

        if (rc != NGX_AGAIN && ngx_http_ihanoi_pgoutcome_doubtful(call)) {
            rc = NGX_ABORT;
        }

        switch (rc) {

        case NGX_AGAIN:
            /* it waits again */
            ngx_http_ihanoi_pgpool_dispatch(pool);
            return;

        case NGX_ABORT:
            ngx_http_ihanoi_pgpool_dispatch(pool);
            ngx_http_ihanoi_pgoutcome_uncertain(call);
            return;

        case NGX_DECLINED:
            outcome = NGX_HTTP_IHANOI_PG_MISSING;
            break;

        default: /* NGX_OK */
            outcome = NGX_HTTP_IHANOI_PG_SQLERROR;
        }
    }

    res = x->result;

    if (outcome != NGX_HTTP_IHANOI_PG_OK
        && outcome != NGX_HTTP_IHANOI_PG_SQLERROR)
    {
        ngx_http_ihanoi_pgresult_free(res);
        res = NULL;
    }

    /* the next call goes out, or is in its batch, before this answer is written */

    ngx_http_ihanoi_pgpool_dispatch(pool);
    ngx_http_ihanoi_pgpool_end(call, outcome, res, usec);
}


/*
 * Another call of its batch failed before it was executed: it goes out at once,
 * alone, so that no error of others holds it up twice.
 */

static void
ngx_http_ihanoi_pgoutcome_again(ngx_http_ihanoi_pgcall_t *call)
{
    ngx_http_ihanoi_pgpool_t  *pool;

    pool = call->pool;

    ngx_http_ihanoi_pgresult_free(call->x.result);
    call->x.result = NULL;

    ngx_http_ihanoi_metric_inc(pool->class->metrics.retries);

    ngx_http_ihanoi_pgpool_enqueue(pool, call, 1);
    ngx_http_ihanoi_pgpool_dispatch(pool);
}


/*
 * What a text left behind in its session.  The next call of another run must
 * not find a transaction or settings: 1 when it left a transaction open, which
 * ends with the connection.
 */

static ngx_uint_t
ngx_http_ihanoi_pgoutcome_traces(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgcall_t *call)
{
    ngx_uint_t  stains;

    if (!call->stmt->text) {
        return 0;
    }

    stains = !call->x.failed
             && ngx_http_ihanoi_pgresult_stains(call->x.result);

    if (call->session) {
        call->session->state = call->x.state;
        call->session->stained |= (stains ? 1 : 0);
        return 0;
    }

    if (call->x.state == NGX_HTTP_IHANOI_PGSESSION_OPEN
        || call->x.state == NGX_HTTP_IHANOI_PGSESSION_FAILED)
    {
        ngx_http_ihanoi_pgconn_break(pc, "a transaction was left open");
        return 1;
    }

    if (stains) {
        ngx_http_ihanoi_pgconn_retire(pc);
    }

    return 0;
}


/*
 * NGX_AGAIN: the call was put back, its result is freed; NGX_DECLINED: its
 * statement is missing; NGX_ABORT: nobody knows what happened; NGX_OK: the
 * error is the answer.
 */

static ngx_int_t
ngx_http_ihanoi_pgoutcome_error(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgcall_t *call)
{
    ngx_str_t                            state;
    ngx_msec_t                           pause;
    ngx_http_ihanoi_pgpool_t            *pool;
    ngx_http_ihanoi_pgoutcome_action_e   action;

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

    action = ngx_http_ihanoi_pgoutcome_policy(&state);
    pause = 0;

    if (call->stmt->text
        && (ngx_strncmp(state.data, "08P01", 5) == 0
            || ngx_strncmp(state.data, "42883", 5) == 0))
    {
        /*
         * Its author's mistake: another number of values than it has
         * parameters, a function that is not there.
         */

        return NGX_OK;
    }

    if (call->session) {

        /* nothing is sent again in the middle of a transaction */

        if (action == NGX_HTTP_IHANOI_PGOUTCOME_GOING) {
            ngx_http_ihanoi_pgconn_retire(pc);

        } else if (action == NGX_HTTP_IHANOI_PGOUTCOME_PREPARE
                   || action == NGX_HTTP_IHANOI_PGOUTCOME_ABSENT)
        {
            call->session->stained = 1;
        }

        return NGX_OK;
    }

    switch (action) {

    case NGX_HTTP_IHANOI_PGOUTCOME_REPORT:
    case NGX_HTTP_IHANOI_PGOUTCOME_HELD_UP:
        return NGX_OK;

    case NGX_HTTP_IHANOI_PGOUTCOME_POISONED:
        ngx_log_error(NGX_LOG_ALERT, pc->log, 0,
                      "database session was left in a failed transaction "
                      "before call \"%V\"", &call->stmt->operation);

        ngx_http_ihanoi_pgconn_retire(pc);
        return NGX_OK;

    case NGX_HTTP_IHANOI_PGOUTCOME_ABSENT:

        if (pool->db->states[call->stmt->index].missing) {
            return NGX_DECLINED;
        }

        /* fall through */

    case NGX_HTTP_IHANOI_PGOUTCOME_PREPARE:

        if (call->again) {
            return NGX_OK;
        }

        if (action == NGX_HTTP_IHANOI_PGOUTCOME_ABSENT) {
            ngx_http_ihanoi_pgconn_forget(pc, call->stmt, 0);

        } else if (call->stmt->text) {
            /* a "deallocate" would hide the state of the session */
            ngx_http_ihanoi_pgconn_retire(pc);

        } else {
            ngx_http_ihanoi_pgconn_forget(pc, call->stmt, 1);
        }

        call->again = 1;
        break;

    case NGX_HTTP_IHANOI_PGOUTCOME_MOVE:

        if (pool->class->readonly) {
            /* a write where only reads belong: the operation's mistake */
            return NGX_OK;
        }

        if (pc->readonly && ngx_http_ihanoi_pgdb_suits(pc) == NGX_OK) {
            /* there is nothing better to move to */
            return NGX_OK;
        }

        /* fall through */

    case NGX_HTTP_IHANOI_PGOUTCOME_GOING:

        ngx_http_ihanoi_pgconn_retire(pc);

        if (call->again) {
            return NGX_OK;
        }

        call->again = 1;
        break;

    case NGX_HTTP_IHANOI_PGOUTCOME_REPEAT:

        if (call->retries == NGX_HTTP_IHANOI_PGOUTCOME_RETRIES) {
            return NGX_OK;
        }

        call->retries++;
        pause = 5 + (ngx_msec_t) ngx_random() % (20 << call->retries);
    }

    return ngx_http_ihanoi_pgoutcome_retry(call, pause);
}


/*
 * A write that was lost and sent again was refused before it came to its key:
 * that says nothing of what the first sending did.  An error of the function
 * itself does, because by then the key was free.
 */

static ngx_uint_t
ngx_http_ihanoi_pgoutcome_doubtful(ngx_http_ihanoi_pgcall_t *call)
{
    ngx_str_t  state;

    if (call->losses == 0 || call->pool->class->readonly) {
        return 0;
    }

    state = ngx_http_ihanoi_pgresult_sqlstate(call->x.result);

    return ngx_http_ihanoi_pgoutcome_policy(&state)
           != NGX_HTTP_IHANOI_PGOUTCOME_REPORT;
}


static ngx_http_ihanoi_pgoutcome_action_e
ngx_http_ihanoi_pgoutcome_policy(ngx_str_t *sqlstate)
{
    const ngx_http_ihanoi_pgoutcome_policy_t  *policy;

    for (policy = ngx_http_ihanoi_pgoutcome_policies; policy->state; policy++) {

        if (sqlstate->len >= policy->len
            && ngx_strncmp(sqlstate->data, policy->state, policy->len) == 0)
        {
            break;
        }
    }

    return policy->action;
}


static ngx_int_t
ngx_http_ihanoi_pgoutcome_retry(ngx_http_ihanoi_pgcall_t *call,
    ngx_msec_t pause)
{
    ngx_http_ihanoi_pgpool_t  *pool;

    pool = call->pool;

    if (call->stmt->prompt
        || (ngx_msec_int_t) (call->deadline - ngx_current_msec)
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
ngx_http_ihanoi_pgoutcome_lost(ngx_http_ihanoi_pgconn_t *pc,
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

    if (pc->oversize || (call->stmt->text && pc->copying)) {
        /* sent again it would break the next connection */
        ngx_http_ihanoi_pgpool_end(call,
                          pc->oversize ? NGX_HTTP_IHANOI_PG_TOO_LARGE
                                       : NGX_HTTP_IHANOI_PG_MISUSED,
                          NULL,
                          (ngx_uint_t) (ngx_http_ihanoi_usec() - x->sent));
        return;
    }

    ngx_http_ihanoi_pgoutcome_uncertain(call);
}


/*
 * It may have been executed, so only what does no harm twice is sent again:
 * reads, and writes that claim an idempotency key.
 */

static void
ngx_http_ihanoi_pgoutcome_uncertain(ngx_http_ihanoi_pgcall_t *call)
{
    ngx_uint_t                     usec;
    ngx_msec_t                     pause;
    ngx_http_ihanoi_pgpool_t      *pool;
    ngx_http_ihanoi_pg_outcome_e   outcome;

    pool = call->pool;

    if ((pool->class->readonly || call->stmt->repeatable)
        && call->session == NULL
        && call->losses < NGX_HTTP_IHANOI_PGOUTCOME_RETRIES)
    {
        call->losses++;

        /*
         * Not at once: when a server ends, its other connections are about to
         * break too.
         */

        pause = (20 + (ngx_msec_t) ngx_random() % 20) * call->losses;

        if (ngx_http_ihanoi_pgoutcome_retry(call, pause) == NGX_AGAIN) {
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
ngx_http_ihanoi_pgoutcome_prepared(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgstmt_t *stmt, ngx_http_ihanoi_pgresult_t *error)
{
    u_char                     *p;
    u_char                      buf[512];
    ngx_str_t                   state, message, sentence;
    ngx_http_ihanoi_pgpool_t   *pool;

    pool = pc->data;

    if (error == NULL) {
        ngx_http_ihanoi_pgstate_prepared(pool->db, stmt);
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

    ngx_http_ihanoi_pgstate_refused(pool->db, stmt, &sentence);
}


static void
ngx_http_ihanoi_pgoutcome_closed(ngx_http_ihanoi_pgconn_t *pc)
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

    if (pc->session) {
        ngx_http_ihanoi_pgsession_lost(pc->session);
    }

    /* retried calls may have another connection to go to */

    ngx_http_ihanoi_pgpool_dispatch(pool);
    ngx_http_ihanoi_pgpool_measure(pool);
}
