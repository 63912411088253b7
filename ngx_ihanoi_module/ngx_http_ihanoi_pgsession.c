/*
 * Copyright (C) iHaNoi contributors
 *
 * Sessions: a connection that one owner has to itself.
 *
 *     create --> first call --> calls --> close --+--> given back
 *                (queued)                         |
 *                                                 +--> something runs: until
 *                                                 |    its answer is in, then
 *                                                 +--> rollback, given back
 *                                                 |
 *                                                 +--> that failed: closed
 *
 * A connection never goes back with a transaction in it: its state is the
 * server's word after each Sync.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgconn.h"
#include "ngx_http_ihanoi_pgdb.h"
#include "ngx_http_ihanoi_pgpool.h"
#include "ngx_http_ihanoi_pgsession.h"


static void ngx_http_ihanoi_pgsession_roll_back(
    ngx_http_ihanoi_pgsession_t *session);
static void ngx_http_ihanoi_pgsession_rolled_back(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec);


ngx_http_ihanoi_pgsession_t *
ngx_http_ihanoi_pgsession_create(ngx_log_t *log)
{
    return ngx_calloc(sizeof(ngx_http_ihanoi_pgsession_t), log);
}


ngx_http_ihanoi_pgsession_state_e
ngx_http_ihanoi_pgsession_state(ngx_http_ihanoi_pgsession_t *session)
{
    return session->state;
}


void
ngx_http_ihanoi_pgsession_ending(ngx_http_ihanoi_pgsession_t *session)
{
    session->ending = 1;
}


void
ngx_http_ihanoi_pgsession_close(ngx_http_ihanoi_pgsession_t *session)
{
    session->closing = 1;

    ngx_http_ihanoi_pgsession_settle(session);
}


void
ngx_http_ihanoi_pgsession_settle(ngx_http_ihanoi_pgsession_t *session)
{
    ngx_http_ihanoi_pgpool_t  *pool;
    ngx_http_ihanoi_pgconn_t  *pc;

    if (!session->closing) {
        return;
    }

    pc = session->pc;

    if (pc == NULL) {
        ngx_free(session);
        return;
    }

    if (pc->in_flight || pc->signalled || pc->broken) {
        /* the answer, the signal or the connection's end call again */
        return;
    }

    if (session->state != NGX_HTTP_IHANOI_PGSESSION_IDLE) {
        ngx_http_ihanoi_pgsession_roll_back(session);
        return;
    }

    pool = pc->data;
    pc->session = NULL;

    if (session->stained) {
        ngx_http_ihanoi_pgconn_retire(pc);
    }

    ngx_free(session);

    ngx_http_ihanoi_pgpool_dispatch(pool);
}


static void
ngx_http_ihanoi_pgsession_roll_back(ngx_http_ihanoi_pgsession_t *session)
{
    ngx_http_ihanoi_pgpool_t      *pool;
    ngx_http_ihanoi_pgtext_t       text;
    ngx_http_ihanoi_pg_outcome_e   outcome;

    pool = session->pc->data;

    ngx_str_set(&text.sql, "rollback");
    text.class = pool->class - pool->db->classes;
    text.nparams = 0;

    session->ending = 1;

    if (!session->rolled) {
        session->rolled = 1;

        if (ngx_http_ihanoi_pgcall_submit_text(pool->db, &text, session, NULL,
                                         0,
                                         ngx_http_ihanoi_pgsession_rolled_back,
                                         session, pool->db->log, &outcome)
            != NULL)
        {
            return;
        }
    }

    /* the server rolls back when the connection ends; that frees the session */

    ngx_http_ihanoi_pgconn_break(session->pc, "could not roll back");
}


static void
ngx_http_ihanoi_pgsession_rolled_back(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec)
{
    if (res) {
        ngx_http_ihanoi_pgresult_free(res);
    }

    /* after a time-out its answer is still to come, or the connection's end */

    ngx_http_ihanoi_pgsession_settle(data);
}


void
ngx_http_ihanoi_pgsession_lost(ngx_http_ihanoi_pgsession_t *session)
{
    session->pc->session = NULL;
    session->pc = NULL;
    session->state = NGX_HTTP_IHANOI_PGSESSION_UNKNOWN;

    if (session->closing) {
        ngx_free(session);
    }
}
