/*
 * Copyright (C) iHaNoi contributors
 *
 * A database as configured, its pools in this worker, and the choice of the
 * server that a connection goes to.
 */

#ifndef _NGX_HTTP_IHANOI_PGDB_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGDB_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_metrics.h"
#include "ngx_http_ihanoi_pgconn.h"


/* the control connection is a pool like the others, with one connection */
#define NGX_HTTP_IHANOI_PG_CONTROL  NGX_HTTP_IHANOI_PG_CLASSES
#define NGX_HTTP_IHANOI_PG_POOLS    (NGX_HTTP_IHANOI_PG_CLASSES + 1)

/* libpq's keywords of a connection without those of the host */
#define NGX_HTTP_IHANOI_PG_PARAMS   32


typedef struct ngx_http_ihanoi_pgclass_s    ngx_http_ihanoi_pgclass_t;
typedef struct ngx_http_ihanoi_pgpool_s     ngx_http_ihanoi_pgpool_t;
typedef struct ngx_http_ihanoi_pgcontrol_s  ngx_http_ihanoi_pgcontrol_t;
typedef struct ngx_http_ihanoi_pgtexts_s    ngx_http_ihanoi_pgtexts_t;
typedef struct ngx_http_ihanoi_pgrole_s     ngx_http_ihanoi_pgrole_t;
typedef struct ngx_http_ihanoi_pgroom_s     ngx_http_ihanoi_pgroom_t;

typedef struct ngx_http_ihanoi_pgcatalogue_s
    ngx_http_ihanoi_pgcatalogue_t;


typedef enum {
    NGX_HTTP_IHANOI_PG_TARGET_PRIMARY = 0,  /* accepts writes */
    NGX_HTTP_IHANOI_PG_TARGET_ANY,          /* the primary if it can be had */
    NGX_HTTP_IHANOI_PG_TARGET_STANDBY       /* a standby if it can be had */
} ngx_http_ihanoi_pg_target_e;


/* One address: libpq gets exactly one a connection. */
typedef struct {
    ngx_str_t                    name;       /* for logs */
    const char                  *host;       /* name, or socket directory */
    const char                  *hostaddr;   /* NULL with a socket directory */
    const char                  *port;
} ngx_http_ihanoi_pghost_t;


/* A class of pool as configured. */
struct ngx_http_ihanoi_pgclass_s {
    const char                  *name;
    ngx_str_t                   *user;
    ngx_uint_t                   connections;
    ngx_uint_t                   depth;
    ngx_uint_t                   queue;
    ngx_msec_t                   wait;
    ngx_msec_t                   timeout;
    ngx_msec_t                   lock_timeout;
    ngx_msec_t                   longest;    /* of timeouts of statements */
    ngx_http_ihanoi_pg_target_e  target;
    unsigned                     set:1;
    unsigned                     readonly:1;

    ngx_array_t                  stmts;      /* of ngx_http_..._pgstmt_t * */

    const char                  *keywords[NGX_HTTP_IHANOI_PG_PARAMS];
    const char                  *values[NGX_HTTP_IHANOI_PG_PARAMS];
    ngx_uint_t                   params;
    const char                 **passwords;  /* by host, NULL: none */

    struct {
        ngx_http_ihanoi_metric_t  *connections;
        ngx_http_ihanoi_metric_t  *in_use;
        ngx_http_ihanoi_metric_t  *queued;
        ngx_http_ihanoi_metric_t  *oldest;
        ngx_http_ihanoi_metric_t  *calls;
        ngx_http_ihanoi_metric_t  *shed;
        ngx_http_ihanoi_metric_t  *timeouts;
        ngx_http_ihanoi_metric_t  *retries;
        ngx_http_ihanoi_metric_t  *unknown;
        ngx_http_ihanoi_metric_t  *connects;
        ngx_http_ihanoi_metric_t  *failures;
        ngx_http_ihanoi_metric_t  *lost;
    } metrics;
};


/* What this worker knows of reaching a host: for all pools, and for one. */
typedef struct {
    ngx_msec_t                   next;       /* earliest next attempt */
    ngx_uint_t                   failures;   /* in a row */
    unsigned                     reported:1; /* in the log */
} ngx_http_ihanoi_pgbackoff_t;


typedef struct {
    ngx_http_ihanoi_pgbackoff_t  backoff;
    ngx_http_ihanoi_pgconn_t    *connecting; /* one attempt at a time */
    unsigned                     known:1;
    unsigned                     standby:1;
} ngx_http_ihanoi_pgreach_t;


/* A statement in this worker. */
typedef struct {
    unsigned                     missing:1;
    unsigned                     blamed:1;   /* sentence is the catalogue's */
    ngx_msec_t                   retry;      /* when it may be tried again */
    ngx_str_t                    sentence;
    size_t                       size;       /* of sentence's memory */
} ngx_http_ihanoi_pgstate_t;


struct ngx_http_ihanoi_pgpool_s {
    ngx_http_ihanoi_pgdb_t      *db;
    ngx_http_ihanoi_pgclass_t   *class;

    ngx_http_ihanoi_pgconn_t    *conns;
    ngx_http_ihanoi_pgbackoff_t *backoff;    /* by host */

    ngx_queue_t                  waiting;    /* calls, oldest first */
    ngx_uint_t                   queued;
    ngx_uint_t                   ready;      /* connections */
    ngx_uint_t                   in_use;     /* calls sent */
    ngx_uint_t                   average;    /* microseconds of a call */
    ngx_msec_t                   down_since; /* meaningful while ready is 0 */
};


struct ngx_http_ihanoi_pgdb_s {
    /* configuration */
    ngx_str_t                    name;
    ngx_str_t                    dbname;
    ngx_str_t                    release;    /* or, without one, schema */
    ngx_str_t                    schema;     /* "code_" and the release */
    ngx_str_t                    plugin;     /* that it is granted to */
    ngx_str_t                    code;       /* before it: a plugin's version */
    ngx_str_t                    user;       /* of roles that are not named */
    ngx_str_t                    read_user;
    ngx_str_t                    write_user;
    ngx_str_t                    slow_user;
    ngx_str_t                    control_user;
    ngx_str_t                    sslmode;
    ngx_str_t                    sslrootcert;
    ngx_array_t                 *passwords;  /* lines of password_file */
    ngx_msec_t                   connect_timeout;
    ngx_msec_t                   age;        /* of a connection */
    size_t                       memory;     /* of unreleased results */
    size_t                       limit;      /* of an answer to a text */
    ngx_array_t                  hosts;      /* of ngx_http_..._pghost_t */
    ngx_array_t                  tasks;      /* of ngx_http_..._pgtask_t */
    ngx_array_t                  stmts;      /* of all classes, by index */
    ngx_http_ihanoi_pgclass_t    classes[NGX_HTTP_IHANOI_PG_POOLS];
    u_char                      *file;       /* where it was named first */
    ngx_uint_t                   line;
    unsigned                     defined:1;
    unsigned                     core:1;     /* "release": no plugin's */

    /* this worker's */
    ngx_log_t                   *log;
    size_t                       pinned;     /* by unreleased results */
    ngx_http_ihanoi_pgpool_t    *pools;      /* NULL before init_process */
    ngx_http_ihanoi_pgreach_t   *reach;      /* by host */
    ngx_http_ihanoi_pgstate_t   *states;     /* by stmt->index */
    ngx_event_t                  connect;    /* next attempts to connect */
    ngx_http_ihanoi_pgconn_t     probe;      /* whether a server is back */
    ngx_event_t                  attention;  /* control has work to do */
    ngx_http_ihanoi_pgcontrol_t *control;
    ngx_http_ihanoi_pgcatalogue_t *catalogue;
    ngx_http_ihanoi_pgtexts_t   *texts;      /* NULL: none are sent */
    ngx_http_ihanoi_pgrole_t    *role;       /* NULL: it is no plugin's */
    ngx_http_ihanoi_pgroom_t    *room;
};


/* Declares a statement of the control connection; sql and operation live. */
ngx_http_ihanoi_pgstmt_t *ngx_http_ihanoi_pg_control_statement(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, const char *sql, ngx_uint_t nparams,
    const char *operation);

/* Allocates what the worker needs.  NGX_ERROR: no memory. */
ngx_int_t ngx_http_ihanoi_pgdb_init(ngx_http_ihanoi_pgdb_t *db,
    ngx_cycle_t *cycle, const ngx_http_ihanoi_pgconn_handlers_t *handlers);

/* Closes all connections at once, without completions. */
void ngx_http_ihanoi_pgdb_exit(ngx_http_ihanoi_pgdb_t *db);

/*
 * Starts the attempts that are due and plans the next ones.  May be called
 * from anywhere: attempts start from the event loop.
 */
void ngx_http_ihanoi_pgdb_connect(ngx_http_ihanoi_pgdb_t *db);

/* Tries a server that was away and that a pool would rather have than its own. */
void ngx_http_ihanoi_pgdb_probe(ngx_http_ihanoi_pgdb_t *db);

/* The connection's server let us in: the next attempt may start. */
void ngx_http_ihanoi_pgdb_opened(ngx_http_ihanoi_pgconn_t *pc);

/*
 * The connection is ready: remembers its server's role.  NGX_DECLINED: it is
 * not the one that the pool needs, the connection retires.
 */
ngx_int_t ngx_http_ihanoi_pgdb_arrived(ngx_http_ihanoi_pgconn_t *pc);

/* The connection closed: remembers why and plans the next attempt. */
void ngx_http_ihanoi_pgdb_departed(ngx_http_ihanoi_pgconn_t *pc);

/*
 * NGX_OK: the server of a standing connection is the one that its pool wants;
 * NGX_AGAIN: there is a better one; NGX_DECLINED: it must not be used.
 */
ngx_int_t ngx_http_ihanoi_pgdb_suits(ngx_http_ihanoi_pgconn_t *pc);

/*
 * No connection stands, for longer than a short interruption, and the servers
 * have failed: waiting is in vain.
 */
ngx_uint_t ngx_http_ihanoi_pgdb_down(ngx_http_ihanoi_pgpool_t *pool);

/*
 * A server has not failed since it was last seen, or at all: a pool that has
 * no connection is about to have one.  So it is in a worker that has just
 * started, and in one that is shutting down and gets a late call.
 */
ngx_uint_t ngx_http_ihanoi_pgdb_hopeful(ngx_http_ihanoi_pgpool_t *pool);


#endif /* _NGX_HTTP_IHANOI_PGDB_H_INCLUDED_ */
