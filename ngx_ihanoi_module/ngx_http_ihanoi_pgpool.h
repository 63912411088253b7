/*
 * Copyright (C) iHaNoi contributors
 *
 * The pools of a class in this worker: calls wait, are sent, and end once.
 */

#ifndef _NGX_HTTP_IHANOI_PGPOOL_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGPOOL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgconn.h"
#include "ngx_http_ihanoi_pgdb.h"


#define NGX_HTTP_IHANOI_PGCALL_WAITING  0
#define NGX_HTTP_IHANOI_PGCALL_PAUSED   1
#define NGX_HTTP_IHANOI_PGCALL_SENT     2


struct ngx_http_ihanoi_pgcall_s {
    ngx_http_ihanoi_pgexchange_t   x;      /* its queue is the pool's queue
                                              too while the call waits */
    ngx_http_ihanoi_pgpool_t      *pool;
    ngx_http_ihanoi_pgstmt_t      *stmt;
    ngx_http_ihanoi_pgsession_t   *session; /* NULL: any connection */
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


/* A call as it is asked for: ngx_http_ihanoi_pgcall_submit() and _text(). */
typedef struct {
    ngx_http_ihanoi_pgstmt_t      *stmt;
    ngx_http_ihanoi_pgtext_t      *text;    /* NULL: stmt has its own */
    ngx_http_ihanoi_pgsession_t   *session; /* NULL: any connection */
    const char *const             *values;
    ngx_msec_t                     timeout; /* 0: by stmt, or its class */
    ngx_http_ihanoi_pgcall_pt      done;
    void                          *data;
    ngx_log_t                     *log;
} ngx_http_ihanoi_pgask_t;


/* As ngx_http_ihanoi_pgcall_submit(); *ask is copied. */
ngx_http_ihanoi_pgcall_t *ngx_http_ihanoi_pgpool_submit(
    ngx_http_ihanoi_pgdb_t *db, const ngx_http_ihanoi_pgask_t *ask,
    ngx_http_ihanoi_pg_outcome_e *outcome);


struct ngx_http_ihanoi_pgsession_s {
    ngx_http_ihanoi_pgconn_t           *pc;      /* NULL: not yet, no more */
    ngx_http_ihanoi_pgsession_state_e   state;
    unsigned                            begun:1;
    unsigned                            ending:1;   /* its commit is sent */
    unsigned                            stained:1;  /* pc is not for others */
    unsigned                            closing:1;
    unsigned                            rolled:1;   /* rollback was sent */
};


/* Puts a call that has no connection into the queue, last or first. */
void ngx_http_ihanoi_pgpool_enqueue(ngx_http_ihanoi_pgpool_t *pool,
    ngx_http_ihanoi_pgcall_t *call, ngx_uint_t first);

/* Sets the call's timer, whatever it was set to. */
void ngx_http_ihanoi_pgpool_arm(ngx_http_ihanoi_pgcall_t *call,
    ngx_msec_t msec);

/* Frees the call and tells its owner: nothing of it is left to touch. */
void ngx_http_ihanoi_pgpool_end(ngx_http_ihanoi_pgcall_t *call,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec);

/* Sends waiting calls as far as connections allow. */
void ngx_http_ihanoi_pgpool_dispatch(ngx_http_ihanoi_pgpool_t *pool);

/* Sets the gauges of a pool. */
void ngx_http_ihanoi_pgpool_measure(ngx_http_ihanoi_pgpool_t *pool);


#endif /* _NGX_HTTP_IHANOI_PGPOOL_H_INCLUDED_ */
