/*
 * Copyright (C) iHaNoi contributors
 *
 * Background: a run of a plugin's function that no client waits for, in a
 * request of the gateway's own (ngx_http_ihanoi_inject.h).
 *
 *     create --> start --> done(), once --> report()
 *
 * The request is there until then, so a worker that is asked to quit finishes
 * it.  All of it lives in the connection's pool; a connection that is closed
 * before takes everything along, and done() is not called.
 */

#ifndef _NGX_HTTP_IHANOI_BACKGROUND_H_INCLUDED_
#define _NGX_HTTP_IHANOI_BACKGROUND_H_INCLUDED_


#include "ngx_http_ihanoi_inject.h"
#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_run.h"


/*
 * How it ended; the last two did not begin. An event that is BUSY may have: its
 * database has no room or is away.
 */
typedef enum {
    NGX_HTTP_IHANOI_BACKGROUND_OK = 0,
    NGX_HTTP_IHANOI_BACKGROUND_FAILED,    /* returned nil and a text */
    NGX_HTTP_IHANOI_BACKGROUND_ERROR,     /* raised an error */
    NGX_HTTP_IHANOI_BACKGROUND_MEMORY,
    NGX_HTTP_IHANOI_BACKGROUND_CPU,
    NGX_HTTP_IHANOI_BACKGROUND_TIMEOUT,
    NGX_HTTP_IHANOI_BACKGROUND_BUSY,
    NGX_HTTP_IHANOI_BACKGROUND_CLOSED,
    NGX_HTTP_IHANOI_BACKGROUND_OUTCOMES
} ngx_http_ihanoi_background_outcome_e;


typedef struct ngx_http_ihanoi_background_s  ngx_http_ihanoi_background_t;

struct ngx_http_ihanoi_background_s {
    ngx_http_ihanoi_plugin_t              *plugin;
    ngx_uint_t                             function;  /* plugin->functions */
    ngx_msec_t                             timeout;
    ngx_msec_t                             cpu;
    ngx_str_t                              name;      /* "jobs/refresh" */
    ngx_str_t                              input;     /* JSON: its argument */

    void                                 (*done)(
                                            ngx_http_ihanoi_background_t *bg);
    void                                 (*reported)(
                                            ngx_http_ihanoi_background_t *bg,
                                            ngx_http_ihanoi_pgresult_t *res);
    void                                  *data;      /* of the caller */

    ngx_pool_t                            *pool;
    ngx_http_ihanoi_injected_t            *injected;
    ngx_http_request_t                    *request;
    ngx_http_ihanoi_run_t                 *run;       /* NULL: none runs */
    ngx_http_ihanoi_pgcall_t              *call;      /* NULL: none */
    uint64_t                               start;     /* microseconds */

    ngx_http_ihanoi_pgdb_t                *db;        /* of the report */
    ngx_http_ihanoi_pgstmt_t              *stmt;
    const char *const                     *values;
    ngx_event_t                            tell;      /* it is made again */
    ngx_msec_t                             told;      /* the first time */

    ngx_http_ihanoi_background_outcome_e   outcome;
    ngx_str_t                              error;     /* NUL-terminated; empty
                                                         when it is OK */
    unsigned                               again:1;   /* OK, more is left */
    unsigned                               away:1;    /* FAILED or ERROR: its
                                                         database has no room or
                                                         is away */
    unsigned                               doubtful:1; /* a report may have
                                                         been heard */
};


/* "ok", "failed" ... */
extern const char *const  ngx_http_ihanoi_background_outcomes[];


/*
 * How often can be taken from the database what it gives at once, 16 runs.  One
 * that is taken and cannot begin is lost, which counts as a failure of its plugin.
 */
ngx_uint_t ngx_http_ihanoi_background_room(void);

/*
 * With size bytes of data, zeroed; the caller fills function to input, and done.
 * NULL: no memory or connection, it is logged.
 */
ngx_http_ihanoi_background_t *ngx_http_ihanoi_background_create(
    ngx_http_ihanoi_plugin_t *plugin, size_t size);

/* done() follows, maybe from inside; it is all the caller has to wait for. */
void ngx_http_ihanoi_background_start(ngx_http_ihanoi_background_t *bg);

/*
 * From done(): executes a statement whose values live in bg->pool, which says
 * how it ended, and then ends the request.  While that fails it is executed
 * again, for a quarter of a minute: leases are longer than that.  Its first
 * column says whether the run was still its own; when it was, reported() may
 * look at the others.
 */
void ngx_http_ihanoi_background_report(ngx_http_ihanoi_background_t *bg,
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_pgstmt_t *stmt,
    const char *const *values);


#endif /* _NGX_HTTP_IHANOI_BACKGROUND_H_INCLUDED_ */
