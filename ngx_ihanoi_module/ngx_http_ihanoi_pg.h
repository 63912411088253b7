/*
 * Copyright (C) iHaNoi contributors
 *
 * PostgreSQL for one worker: what the rest of the module may ask of it.
 *
 * A database is declared by an "ihanoi_database" block and has pools by class
 * (read, write, slow) and one control connection.  A call is one execution of
 * a statement declared at configuration time; it ends exactly once, when its
 * Sync has come back, or when it failed.
 */

#ifndef _NGX_HTTP_IHANOI_PG_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PG_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


typedef struct ngx_http_ihanoi_pgdb_s      ngx_http_ihanoi_pgdb_t;
typedef struct ngx_http_ihanoi_pgstmt_s    ngx_http_ihanoi_pgstmt_t;
typedef struct ngx_http_ihanoi_pgcall_s    ngx_http_ihanoi_pgcall_t;
typedef struct ngx_http_ihanoi_pgresult_s  ngx_http_ihanoi_pgresult_t;
typedef struct ngx_http_ihanoi_pgsession_s ngx_http_ihanoi_pgsession_t;


typedef enum {
    NGX_HTTP_IHANOI_PG_READ = 0,
    NGX_HTTP_IHANOI_PG_WRITE,
    NGX_HTTP_IHANOI_PG_SLOW,
    NGX_HTTP_IHANOI_PG_CLASSES
} ngx_http_ihanoi_pg_class_e;


/* How a call ended. */
typedef enum {
    NGX_HTTP_IHANOI_PG_OK = 0,       /* rows are there (maybe none), committed */
    NGX_HTTP_IHANOI_PG_SQLERROR,     /* the server refused: sqlstate, message,
                                        detail; nothing was committed */
    NGX_HTTP_IHANOI_PG_MISSING,      /* the statement's function is missing in
                                        this release: never sent */
    NGX_HTTP_IHANOI_PG_BUSY,         /* queue full or too long in it: never sent;
                                        503 + Retry-After */
    NGX_HTTP_IHANOI_PG_DOWN,         /* no connection: never sent, or a read
                                        that was lost and not retried */
    NGX_HTTP_IHANOI_PG_TIMEOUT,      /* sent, deadline passed */
    NGX_HTTP_IHANOI_PG_UNKNOWN,      /* a write was sent and the connection was
                                        lost, or the commit was not replicated:
                                        it may have happened */

    /* of plugins only, the second of texts */
    NGX_HTTP_IHANOI_PG_TOO_LARGE,    /* the answer was not read to its end: a
                                        write may have happened */
    NGX_HTTP_IHANOI_PG_MISUSED       /* it left a transaction open, or is a
                                        COPY: rolled back */
} ngx_http_ihanoi_pg_outcome_e;


/*
 * A result belongs to whoever got it from the completion and is given back
 * with _pgresult_free() (a request registers a pool cleanup).  Values point
 * into libpq's memory and are NUL-terminated; a null is {0, NULL}.
 */
ngx_uint_t ngx_http_ihanoi_pgresult_rows(ngx_http_ihanoi_pgresult_t *res);
ngx_str_t ngx_http_ihanoi_pgresult_value(ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t row, ngx_uint_t column);
/* The same as a number of at least 0; 0 when it is null or no such number. */
time_t ngx_http_ihanoi_pgresult_number(ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t row, ngx_uint_t column);
/* SQLSTATE is empty when the server gave none; both live as long as res. */
ngx_str_t ngx_http_ihanoi_pgresult_sqlstate(ngx_http_ihanoi_pgresult_t *res);
ngx_str_t ngx_http_ihanoi_pgresult_message(ngx_http_ihanoi_pgresult_t *res);
ngx_str_t ngx_http_ihanoi_pgresult_detail(ngx_http_ihanoi_pgresult_t *res);
/* Use this one for logs: the message if its class of SQLSTATE cannot hold
   personal data, or the function and line that raised it, if one did. */
ngx_str_t ngx_http_ihanoi_pgresult_loggable(ngx_http_ihanoi_pgresult_t *res);
/* The same of an error whose result is gone: the message or "(message
   withheld)". */
ngx_str_t ngx_http_ihanoi_pg_loggable(ngx_str_t *sqlstate, ngx_str_t *message);
/* Columns; their names live as long as res, types are PostgreSQL's OIDs. */
ngx_uint_t ngx_http_ihanoi_pgresult_columns(ngx_http_ihanoi_pgresult_t *res);
ngx_str_t ngx_http_ihanoi_pgresult_name(ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t column);
ngx_uint_t ngx_http_ihanoi_pgresult_type(ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t column);
/* Rows that an insert, update, delete or select touched. */
ngx_uint_t ngx_http_ihanoi_pgresult_affected(ngx_http_ihanoi_pgresult_t *res);
/* The command, as "SAVEPOINT" or "INSERT 0 1". */
const char *ngx_http_ihanoi_pgresult_tag(ngx_http_ihanoi_pgresult_t *res);
/* Bytes that it holds. */
size_t ngx_http_ihanoi_pgresult_size(ngx_http_ihanoi_pgresult_t *res);
void ngx_http_ihanoi_pgresult_free(ngx_http_ihanoi_pgresult_t *res);


/*
 * Called once.  res is NULL unless outcome is OK or SQLERROR.  db_usec is the
 * time from sending to Sync.
 */
typedef void (*ngx_http_ihanoi_pgcall_pt)(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec);


struct ngx_http_ihanoi_pgstmt_s {
    ngx_str_t                    name;      /* hash of sql and operation */
    ngx_str_t                    sql;       /* NUL-terminated */
    ngx_uint_t                   nparams;
    ngx_http_ihanoi_pg_class_e   class;
    ngx_uint_t                   index;     /* in its database */
    ngx_msec_t                   timeout;   /* longest it may be given, 0: the
                                               class's default */
    unsigned                     repeatable:1; /* a write that may be sent
                                               again when its outcome is not
                                               known: it claims a key */
    unsigned                     prompt:1;  /* about the server it is given to
                                               now: sent at once or refused
                                               with BUSY, and never again */
    unsigned                     text:1;    /* known at run time only; without
                                               a name it is not prepared */

    /* what the catalogue must have: names and types of the arguments */
    ngx_str_t                    function;  /* empty: not checked */
    ngx_array_t                 *argnames;  /* of ngx_str_t */
    ngx_array_t                 *argtypes;  /* of ngx_str_t */
    ngx_str_t                    operation; /* for logs and /readyz */
};


/*
 * The database that "ihanoi_database" blocks named so far, or declares it as
 * referenced: a name without a block is an error at the end of http{}.
 */
ngx_http_ihanoi_pgdb_t *ngx_http_ihanoi_pg_database(ngx_conf_t *cf,
    ngx_str_t *name);

/* Copies *stmt (without name and index) into the database's list. */
ngx_http_ihanoi_pgstmt_t *ngx_http_ihanoi_pg_statement(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, const ngx_http_ihanoi_pgstmt_t *stmt);

/*
 * Submits a call.  values[0 .. nparams-1] are NUL-terminated or NULL and must
 * live until the call ends or is abandoned (a queued call is sent later).
 * timeout is milliseconds from now to the Sync, 0 for the class's default.
 *
 * Returns the call; or NULL with *outcome set when it is refused at once
 * (BUSY, DOWN, MISSING): the completion is then not called.  A completion is
 * never called from inside submit().
 */
ngx_http_ihanoi_pgcall_t *ngx_http_ihanoi_pgcall_submit(
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_pgstmt_t *stmt,
    const char *const *values, ngx_msec_t timeout,
    ngx_http_ihanoi_pgcall_pt done, void *data, ngx_log_t *log,
    ngx_http_ihanoi_pg_outcome_e *outcome);

/*
 * The caller goes away: a queued call is removed, a sent one becomes a
 * tombstone.  The completion is not called after this.
 */
void ngx_http_ihanoi_pgcall_abandon(ngx_http_ihanoi_pgcall_t *call);

/*
 * SQL that is known at run time only: a plugin's.  The first
 * NGX_HTTP_IHANOI_PG_TEXTS of a database and worker are prepared with their
 * first use on each connection, under a name made of their content; others are
 * parsed each time.  They are one statement each (the protocol sees to it) and
 * run alone on their connection.
 */
#define NGX_HTTP_IHANOI_PG_TEXTS  200

typedef struct {
    ngx_http_ihanoi_pg_class_e   class;
    ngx_str_t                    sql;       /* NUL-terminated; of the caller,
                                               until the call ends */
    ngx_uint_t                   nparams;   /* always the same for this sql */
} ngx_http_ihanoi_pgtext_t;

/*
 * For the configuration, after _pg_code(): the database is the plugin's.  Calls of
 * texts will be submitted to it, and an answer of more than limit bytes is not read
 * to its end.  When it is away the gateway is ready all the same.
 */
ngx_int_t ngx_http_ihanoi_pg_texts(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_str_t *plugin, size_t limit);

/* The plugin whose database it is; NULL: none. */
ngx_str_t *ngx_http_ihanoi_pg_plugin(ngx_http_ihanoi_pgdb_t *db);

/*
 * For the configuration, once: search_path begins with the schema "code", which
 * has the functions of a plugin's version.  NGX_DECLINED: it begins with another
 * one already, and a database is one version's.  NGX_ERROR: the database is the
 * core's, it has a release.
 */
ngx_int_t ngx_http_ihanoi_pg_code(ngx_http_ihanoi_pgdb_t *db, ngx_str_t *code);

/*
 * As ngx_http_ihanoi_pgcall_submit(), of a text.  session: NULL, or one whose
 * connection is used; timeout is bounded by the class's.  A call outside of a
 * session that was lost is sent again only in a read-only class.
 */
ngx_http_ihanoi_pgcall_t *ngx_http_ihanoi_pgcall_submit_text(
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_pgtext_t *text,
    ngx_http_ihanoi_pgsession_t *session, const char *const *values,
    ngx_msec_t timeout, ngx_http_ihanoi_pgcall_pt done, void *data,
    ngx_log_t *log, ngx_http_ihanoi_pg_outcome_e *outcome);


/*
 * A session keeps one connection of a pool to itself, for a transaction, from
 * its first call ("begin") until it is closed.  One call at a time; none is
 * sent again.  When the connection is lost, or a call timed out, further calls
 * are refused with DOWN: what was not committed is rolled back.
 */
typedef enum {
    NGX_HTTP_IHANOI_PGSESSION_IDLE = 0,  /* no transaction */
    NGX_HTTP_IHANOI_PGSESSION_OPEN,
    NGX_HTTP_IHANOI_PGSESSION_FAILED,    /* can be rolled back only */
    NGX_HTTP_IHANOI_PGSESSION_UNKNOWN    /* busy, lost */
} ngx_http_ihanoi_pgsession_state_e;

/* NULL: no memory. */
ngx_http_ihanoi_pgsession_t *ngx_http_ihanoi_pgsession_create(ngx_log_t *log);

ngx_http_ihanoi_pgsession_state_e ngx_http_ihanoi_pgsession_state(
    ngx_http_ihanoi_pgsession_t *session);

/* The next call is its last and must not be cancelled: a commit. */
void ngx_http_ihanoi_pgsession_ending(ngx_http_ihanoi_pgsession_t *session);

/*
 * Frees it.  Its calls have ended or were abandoned; what runs is cancelled,
 * what is open rolled back, and then others may have the connection.
 */
void ngx_http_ihanoi_pgsession_close(ngx_http_ihanoi_pgsession_t *session);


/* The longest that a call of its statements may take; once all are declared. */
ngx_msec_t ngx_http_ihanoi_pg_longest(ngx_http_ihanoi_pgdb_t *db);

/* The same of those that share the statement's class; once workers run. */
ngx_msec_t ngx_http_ihanoi_pgstmt_longest(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgstmt_t *stmt);

/* Seconds a client is told to wait, from the class's queue (with jitter). */
ngx_uint_t ngx_http_ihanoi_pg_retry_after(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pg_class_e class);


/*
 * A statement that the control connection runs again and again in this worker
 * (first_worker_only: in one worker of this nginx).  handler gets each result;
 * when the server refuses, the log has trouble and why, and handler no result.
 */
typedef struct {
    const char                  *sql;
    const char                  *trouble;   /* "jobs were not run" */
    ngx_msec_t                   interval;
    unsigned                     first_worker_only:1;
    const char                *(*parameter)(void *data);  /* $1 or NULL */
    ngx_http_ihanoi_pgcall_pt    handler;
    void                        *data;
} ngx_http_ihanoi_pgtask_t;

ngx_int_t ngx_http_ihanoi_pg_task_add(ngx_http_ihanoi_pgdb_t *db,
    const ngx_http_ihanoi_pgtask_t *task);

/*
 * This gateway's name in leases: host and master process.  Generations of
 * workers share it, so that a reload does not have to wait for a lease to run
 * out.
 */
const char *ngx_http_ihanoi_pg_holder(void);


/* For /readyz and the report of plugins. */
typedef struct {
    ngx_str_t                    name;
    ngx_str_t                    release;
    ngx_str_t                   *plugin;        /* NULL: it is the core's */
    unsigned                     readable:1;    /* a read connection stands */
    unsigned                     writable:1;    /* a write connection stands */
    unsigned                     checked:1;     /* the catalogue was asked */
    ngx_uint_t                   functions;     /* that statements call */
    ngx_uint_t                   queued;        /* calls, of all workers */
    ngx_array_t                 *missing;       /* of ngx_str_t: sentences */
    ngx_array_t                 *findings;      /* as _pg_findings() */
} ngx_http_ihanoi_pg_status_t;

/* Databases of the running configuration: of ngx_http_ihanoi_pgdb_t *. */
ngx_array_t *ngx_http_ihanoi_pg_databases(void);

ngx_int_t ngx_http_ihanoi_pg_status(ngx_http_ihanoi_pgdb_t *db,
    ngx_pool_t *pool, ngx_http_ihanoi_pg_status_t *status);

/* Reading and writing both have a connection in this worker. */
ngx_uint_t ngx_http_ihanoi_pg_stands(ngx_http_ihanoi_pgdb_t *db);

/*
 * What the role of a plugin's database reaches beyond the plugin's own schemas:
 * of ngx_str_t, sentences in pool; NULL when it has not been asked.
 */
ngx_int_t ngx_http_ihanoi_pg_findings(ngx_http_ihanoi_pgdb_t *db,
    ngx_pool_t *pool, ngx_array_t **findings);

/* It reaches what it must not: the plugin is not to be served. */
ngx_uint_t ngx_http_ihanoi_pg_overreaches(ngx_http_ihanoi_pgdb_t *db);


extern ngx_module_t  ngx_http_ihanoi_pg_module;


#endif /* _NGX_HTTP_IHANOI_PG_H_INCLUDED_ */
