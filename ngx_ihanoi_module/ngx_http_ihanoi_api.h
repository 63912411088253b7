/*
 * Copyright (C) iHaNoi contributors
 *
 * One API request on its way: resolve, enforce, check, call, reply.
 *
 * The stages hand the context on in this order and never back:
 *
 *   operation   method and path  ->  ctx->operation      (lazy, once)
 *   enforce     ctx->operation   ->  ctx->caller, or 401/403
 *   input       request          ->  ctx->input, or 400 ... 428
 *   call        ctx->input       ->  a row from PostgreSQL
 *   reply       row              ->  response
 */

#ifndef _NGX_HTTP_IHANOI_API_H_INCLUDED_
#define _NGX_HTTP_IHANOI_API_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ihanoi_contract.h"
#include "ngx_http_ihanoi_auth.h"
#include "ngx_http_ihanoi_metrics.h"
#include "ngx_http_ihanoi_pg.h"


#define NGX_HTTP_IHANOI_STATUSES  27


typedef struct ngx_http_ihanoi_operation_s  ngx_http_ihanoi_operation_t;

/* An operation as the gateway runs it; read-only once workers run. */
struct ngx_http_ihanoi_operation_s {
    const ihanoi_operation_t    *contract;
    ngx_str_t                    id;

    struct ngx_http_ihanoi_plugin_s  *plugin;  /* NULL: the core's */
    const char                  *function;     /* of handler.lua, or NULL */
    ngx_uint_t                   handler;      /* of the plugin's Lua */
    ngx_http_ihanoi_operation_t *candidate;    /* as its candidate serves it */
    ngx_http_ihanoi_operation_t *current;      /* of a candidate's */
    ngx_http_ihanoi_pgdb_t      *db;           /* of its SQL */
    ngx_http_ihanoi_pgstmt_t    *stmt;
    ngx_http_ihanoi_pgstmt_t    *plain_stmt;   /* POST without a key */
    json_t                    *(*host)(ngx_pool_t *pool);
                                               /* adds to the answer of SQL */

    ngx_http_ihanoi_metric_t    *requests[NGX_HTTP_IHANOI_STATUSES];
    ngx_http_ihanoi_metric_t    *duration;
};


typedef struct {
    ngx_array_t                  files;        /* of char *, NUL-terminated */
    ihanoi_contract_t           *contract;
    ngx_http_ihanoi_operation_t *operations;   /* by contract index */
    ngx_uint_t                   noperations;
    ngx_http_ihanoi_operation_t  unresolved;   /* counts 404, 405, OPTIONS */

    ngx_http_ihanoi_pgdb_t      *db;           /* NULL: nobody needs it */

    ngx_int_t                    request_id;   /* index of the variable */

    u_char                      *file;         /* where the API is first on */
    ngx_uint_t                   line;         /* 0: nowhere */
} ngx_http_ihanoi_api_main_conf_t;


typedef struct {
    ngx_flag_t                   enable;
} ngx_http_ihanoi_api_loc_conf_t;


typedef struct {
    ngx_int_t                    resolved;     /* NGX_OK, _DECLINED, _ABORT;
                                                  NGX_AGAIN: not asked yet */
    ihanoi_match_t               match;
    ngx_http_ihanoi_operation_t *operation;    /* NGX_OK only */

    ngx_http_ihanoi_caller_t    *caller;       /* NULL: anonymous */

    ihanoi_input_t               input;
    const ihanoi_media_t        *media;        /* of the reply */
    ngx_str_t                    key;          /* Idempotency-Key, unquoted */

    ngx_http_event_handler_pt    read_body;    /* nginx's, until it is there */

    ngx_http_ihanoi_pgcall_t    *call;         /* NULL: none under way */
    struct ngx_http_ihanoi_run_s  *run;        /* NULL: none under way */
    ngx_event_t                  turn;         /* posted: call the plugin */
    ngx_str_t                    body;         /* what with; in r->pool */
    struct ngx_http_ihanoi_lease_s  *lease;    /* of a plugin's key; or NULL */
    uint64_t                     ticket;       /* of its plugin's circuit */
    ngx_uint_t                   outcome;      /* of its plugin's SQL: a run's */

    uint64_t                     start;        /* microseconds */
    uint64_t                     submitted;    /* a plugin's SQL; the same */
    ngx_uint_t                   db_usec;
    unsigned                     called:1;     /* db_usec is set */
    unsigned                     enforced:1;   /* its security is met */
    unsigned                     chosen:1;     /* which version serves it */
    unsigned                     claimed:1;    /* its plugin's key, the lease */
} ngx_http_ihanoi_api_ctx_t;


/* The request's context, made when it is first asked for; NULL: memory. */
ngx_http_ihanoi_api_ctx_t *ngx_http_ihanoi_api_ctx(ngx_http_request_t *r);


/*
 * operation: finds what the request asks for.
 *
 *   NGX_OK        ctx->operation is set
 *   NGX_DECLINED  no such path: 404
 *   NGX_ABORT     the path exists, not with this method: 405 or OPTIONS
 *   NGX_ERROR     memory
 */
ngx_int_t ngx_http_ihanoi_operation_resolve(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx);

/* "GET, HEAD, POST, OPTIONS" of the path that was found. */
ngx_int_t ngx_http_ihanoi_operation_allow(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *allow);


/* statement: the SQL of an operation; configuration time. */
char *ngx_http_ihanoi_statement_add(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_operation_t *operation);

/* The pool that its function runs in. */
ngx_http_ihanoi_pg_class_e ngx_http_ihanoi_statement_class(
    const ihanoi_operation_t *op);


/* enforce: the handlers of ACCESS, and of PRECONTENT for what passed it by. */
ngx_int_t ngx_http_ihanoi_enforce_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_ihanoi_enforce_late_handler(ngx_http_request_t *r);


/*
 * input: holds the request against its operation.  _check() looks at
 * everything but the body, _take_body() at the body that was read.
 *
 *   NGX_OK      go on
 *   a status    the problem is recorded
 *   NGX_ERROR   memory
 */
ngx_int_t ngx_http_ihanoi_input_check(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx);
ngx_int_t ngx_http_ihanoi_input_take_body(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *body);


/*
 * body: reads it, checks it and calls.  NGX_DONE: under way, it finalizes the
 * request.  Otherwise a status.
 */
ngx_int_t ngx_http_ihanoi_body_read(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx);


/*
 * call: runs the operation's function; body is what was sent, for the
 * fingerprint of the Idempotency-Key.  NGX_DONE: under way; the reply follows
 * and finalizes the request.  Otherwise a status, or NGX_ERROR.
 */
ngx_int_t ngx_http_ihanoi_call_start(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *body);

/* The second half of it, where SQL serves the operation. */
ngx_int_t ngx_http_ihanoi_call_function(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *body);


/* A NUL-terminated copy in the request's pool, for libpq; NULL: memory. */
const char *ngx_http_ihanoi_call_text(ngx_http_request_t *r,
    ngx_str_t *value);

/*
 * What must be the same when a key comes again, as hex: target and body, and behind
 * a space target and JSON, of which either will do.
 */
ngx_int_t ngx_http_ihanoi_call_fingerprint(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *body, const char **hex);


/*
 * reply: the row, or what went wrong, becomes the response.  Takes res over.
 * Returns what ngx_http_finalize_request() takes; or NGX_DONE: a plugin's key is
 * given back first.
 */
ngx_int_t ngx_http_ihanoi_reply(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_pg_outcome_e outcome,
    ngx_http_ihanoi_pgresult_t *res);


/*
 * What a row or a handler answers.  Values that are {0, NULL} are not there;
 * the ETag is without quotes.  _send() is the last step of a 2xx, with what
 * depends on the request: conditions, HEAD, the media type.
 */
typedef struct {
    ngx_str_t                    status;
    ngx_str_t                    etag;
    ngx_str_t                    location;
    ngx_str_t                    body;
    ngx_str_t                    state;        /* of the Idempotency-Key */
} ngx_http_ihanoi_reply_row_t;

ngx_int_t ngx_http_ihanoi_reply_send(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_uint_t status,
    ngx_http_ihanoi_reply_row_t *row);

/*
 * A problem that the code of a contract has named, as problem_str(): what it
 * cannot do now it may be able to do soon, so 503 says when to come again
 * (RFC 9110 15.6.4).
 */
ngx_int_t ngx_http_ihanoi_reply_problem(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *code, json_t *members);

/* Whether a contract, or the engine, has the problem; if not, that is logged. */
ngx_uint_t ngx_http_ihanoi_reply_declared(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *code);


/* count: the series of an operation (configuration time), and the LOG handler. */
char *ngx_http_ihanoi_count_declare(ngx_conf_t *cf,
    ngx_http_ihanoi_operation_t *operation);
ngx_int_t ngx_http_ihanoi_count_handler(ngx_http_request_t *r);

/* Adds a contract's file, as the directive does; configuration time. */
char *ngx_http_ihanoi_api_add_contract(ngx_conf_t *cf, ngx_str_t *file);

/*
 * Loads the contract of n files, which goes with the configuration.  NULL: what
 * is wrong has been logged.
 */
ihanoi_contract_t *ngx_http_ihanoi_api_load_contract(ngx_conf_t *cf,
    const char *const *files, ngx_uint_t n);

/* variables: a preconfiguration hook. */
ngx_int_t ngx_http_ihanoi_api_add_variables(ngx_conf_t *cf);


/* The contract of this gateway, or NULL: for /openapi.json and /readyz. */
ihanoi_contract_t *ngx_http_ihanoi_contract(ngx_http_request_t *r);

/* The core's database, declared as needed; NULL: it has said why. */
ngx_http_ihanoi_pgdb_t *ngx_http_ihanoi_api_core_database(ngx_conf_t *cf);


extern ngx_module_t  ngx_http_ihanoi_api_module;


#endif /* _NGX_HTTP_IHANOI_API_H_INCLUDED_ */
