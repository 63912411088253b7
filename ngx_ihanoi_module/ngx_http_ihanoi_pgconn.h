/*
 * Copyright (C) iHaNoi contributors
 *
 * One PostgreSQL connection in pipeline mode.
 *
 * A connection carries exchanges: one statement each, and a Sync of its own or
 * one that it shares.  They are answered in order; each ends exactly once, by
 * done() or by lost().  The connection knows no call, no request and no pool:
 * its owner gives it the parameters, the statements to prepare and six
 * functions.
 */

#ifndef _NGX_HTTP_IHANOI_PGCONN_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGCONN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"


typedef struct ngx_http_ihanoi_pgconn_s      ngx_http_ihanoi_pgconn_t;
typedef struct ngx_http_ihanoi_pgexchange_s  ngx_http_ihanoi_pgexchange_t;


typedef enum {
    NGX_HTTP_IHANOI_PGCONN_CLOSED = 0,
    NGX_HTTP_IHANOI_PGCONN_CONNECTING,   /* libpq shakes hands */
    NGX_HTTP_IHANOI_PGCONN_PREPARING,    /* statements are being prepared */
    NGX_HTTP_IHANOI_PGCONN_READY
} ngx_http_ihanoi_pgconn_state_e;


/* Why a connection closed. */
typedef enum {
    NGX_HTTP_IHANOI_PGCONN_RETIRED = 0,  /* by us, with nothing in flight */
    NGX_HTTP_IHANOI_PGCONN_UNREACHABLE,  /* nobody answered at the address */
    NGX_HTTP_IHANOI_PGCONN_REFUSED,      /* a server answered and said no */
    NGX_HTTP_IHANOI_PGCONN_LOST          /* it stood, and broke */
} ngx_http_ihanoi_pgconn_end_e;


struct ngx_http_ihanoi_pgexchange_s {
    ngx_queue_t                      queue;
    ngx_http_ihanoi_pgstmt_t        *stmt;
    ngx_http_ihanoi_pgresult_t      *result;    /* rows, or the error */
    uint64_t                         sent;      /* microseconds */
    const char                      *sql;       /* of a text, until sent */
    ngx_uint_t                       nparams;   /* of a text */
    ngx_http_ihanoi_pgsession_state_e  state;   /* of the session, after it */
    unsigned                         kind:2;
    unsigned                         parse:1;   /* prepares its text */
    unsigned                         parsed:1;  /* and it worked */
    unsigned                         begun:1;   /* some of it may be here */
    unsigned                         failed:1;  /* result is an error */
    unsigned                         shares:1;  /* a Sync with its batch */
    unsigned                         last:1;    /* a Sync follows it */
    unsigned                         aborted:1; /* not executed: another of
                                                   its batch failed; sent
                                                   again it shares nothing */
    unsigned                         unreplicated:1; /* committed here only */
};


typedef struct {
    /* the server let us in: its role is known, statements are prepared now */
    void  (*opened)(ngx_http_ihanoi_pgconn_t *pc);

    /* calls may be sent */
    void  (*ready)(ngx_http_ihanoi_pgconn_t *pc);

    /* Sync has come: the exchange has left the connection and has a result;
       aborted says that it was not executed */
    void  (*done)(ngx_http_ihanoi_pgconn_t *pc,
                ngx_http_ihanoi_pgexchange_t *x);

    /* the connection ended before Sync came; it is closed already */
    void  (*lost)(ngx_http_ihanoi_pgconn_t *pc,
                ngx_http_ihanoi_pgexchange_t *x);

    /* outcome of preparing a statement: error is NULL if it worked, and
       belongs to the connection */
    void  (*prepared)(ngx_http_ihanoi_pgconn_t *pc,
                ngx_http_ihanoi_pgstmt_t *stmt,
                ngx_http_ihanoi_pgresult_t *error);

    /* after the last lost(); the connection may be connected again */
    void  (*closed)(ngx_http_ihanoi_pgconn_t *pc);
} ngx_http_ihanoi_pgconn_handlers_t;


struct ngx_http_ihanoi_pgconn_s {
    const ngx_http_ihanoi_pgconn_handlers_t  *handlers;
    void                            *data;      /* owner's */
    ngx_log_t                       *log;

    ngx_http_ihanoi_pgstmt_t       **stmts;     /* prepared at connect */
    ngx_uint_t                       nstmts;
    u_char                          *prepared;  /* by stmt->index */
    ngx_uint_t                       nprepared; /* size of the above */

    struct pg_conn                  *pg;
    ngx_connection_t                *connection; /* has a duplicate of
                                                    libpq's socket */
    int                              socket;    /* libpq's */
    ngx_event_t                      timer;     /* deadline of connecting */
    ngx_event_t                      kick;      /* ends a broken connection */
    ngx_event_t                      sync;      /* ends a batch */
    ngx_queue_t                      exchanges; /* oldest first */
    ngx_queue_t                     *complete;  /* has all but its Sync */
    ngx_http_ihanoi_pgstmt_t        *batch;     /* what the newest execute, and
                                                   have no Sync yet */
    ngx_uint_t                       batched;   /* so many of them */

    ngx_uint_t                       preparing; /* prepares at connect left */
    ngx_uint_t                       in_flight; /* statements without Sync */
    ngx_uint_t                       host;      /* owner's */
    ngx_uint_t                       generation;
    ngx_msec_t                       ready_at;  /* owner's, 0: was not */
    ngx_msec_t                       retire_at; /* owner's */
    ngx_http_ihanoi_pgsession_t     *session;   /* owner's: has it alone */
    size_t                          *pinned;    /* owner's: bytes of results
                                                   that are not freed */
    size_t                           limit;     /* of a plugin's answer */
    size_t                           received;  /* of it so far */
    int                              pid;       /* of the backend */
    u_char                           pid_text[NGX_INT_T_LEN + 1];

    ngx_http_ihanoi_pgconn_state_e   state;
    ngx_http_ihanoi_pgconn_end_e     end;
    ngx_str_t                        reason;    /* one line, for the log */
    u_char                           reason_buf[256];

    unsigned                         answered:1;  /* a server spoke */
    unsigned                         standby:1;   /* in recovery */
    unsigned                         readonly:1;  /* refuses writes */
    unsigned                         batches:1;   /* owner's: calls only read
                                                     and may share a Sync */
    unsigned                         lazy:1;      /* do not prepare ahead */
    unsigned                         leaving:1;   /* no more exchanges */
    unsigned                         broken:1;
    unsigned                         oversize:1;  /* broken for its answer */
    unsigned                         copying:1;   /* broken for a COPY */
    unsigned                         unwanted:1;  /* owner's: nobody waits for
                                                     what is running */
    unsigned                         signalled:1; /* owner's: a signal to the
                                                     backend is under way */
    unsigned                         replicating:1; /* owner's: seen waiting
                                                       for a standby */
};


/*
 * Prepares *pc for use; handlers, data, log, stmts, nstmts, nprepared, pinned
 * and limit are set by the owner before.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_ihanoi_pgconn_init(ngx_http_ihanoi_pgconn_t *pc,
    ngx_pool_t *pool);

/*
 * Starts connecting with libpq's keywords and values (NULL-terminated arrays
 * of the same length, one hostaddr or socket directory).  Never blocks.
 * NGX_ERROR: it failed at once, end and reason say why, closed() is not
 * called.
 */
ngx_int_t ngx_http_ihanoi_pgconn_connect(ngx_http_ihanoi_pgconn_t *pc,
    const char *const *keywords, const char *const *values,
    ngx_msec_t timeout);

/*
 * Sends a statement and its Sync, at once or, in a batch, when all events that
 * came together are handled.  values are copied.  NGX_ERROR: nothing was
 * executed, x is not the connection's, which will close itself soon.
 */
ngx_int_t ngx_http_ihanoi_pgconn_execute(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgexchange_t *x, ngx_http_ihanoi_pgstmt_t *stmt,
    const char *const *values);

/*
 * Prepares a statement that is not, without executing it; prepared() tells
 * what came of it.
 */
void ngx_http_ihanoi_pgconn_try(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgstmt_t *stmt);

/* The server's plan of a statement is stale or gone: prepare it anew. */
void ngx_http_ihanoi_pgconn_forget(ngx_http_ihanoi_pgconn_t *pc,
    ngx_http_ihanoi_pgstmt_t *stmt, ngx_uint_t deallocate);

/* Takes no more exchanges and closes with the last answer (or soon). */
void ngx_http_ihanoi_pgconn_retire(ngx_http_ihanoi_pgconn_t *pc);

/* Closes soon, from the event loop: lost() for all exchanges, closed(). */
void ngx_http_ihanoi_pgconn_break(ngx_http_ihanoi_pgconn_t *pc,
    const char *reason);

/* Closes soon, as a retired one: nobody waits for what is in flight. */
void ngx_http_ihanoi_pgconn_drop(ngx_http_ihanoi_pgconn_t *pc);

/* Closes now, without a word to anybody: the worker exits. */
void ngx_http_ihanoi_pgconn_destroy(ngx_http_ihanoi_pgconn_t *pc);

/* Microseconds since the oldest exchange was sent, 0 if none is in flight. */
uint64_t ngx_http_ihanoi_pgconn_waiting(ngx_http_ihanoi_pgconn_t *pc);


#endif /* _NGX_HTTP_IHANOI_PGCONN_H_INCLUDED_ */
