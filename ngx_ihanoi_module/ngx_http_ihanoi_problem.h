/*
 * Copyright (C) iHaNoi contributors
 *
 * Problems (RFC 9457): the only place that makes an error body.
 *
 * A stage records what is wrong and returns the status; nginx finalizes the
 * request as with any error, and this box's filter puts the document in place
 * of nginx's own page.  Errors that nginx makes itself (413, 429, 502 ...)
 * get a document too wherever "ihanoi_problems" is on.
 */

#ifndef _NGX_HTTP_IHANOI_PROBLEM_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PROBLEM_H_INCLUDED_


#include "ngx_http_ihanoi_header.h"
#include "ngx_http_ihanoi_problem_document.h"
#include "ngx_http_ihanoi_pg.h"


/*
 * Records a problem for this request and returns its HTTP status, to be
 * returned from a phase or content handler or given to
 * ngx_http_finalize_request().
 *
 * code     a row of the engine's table or of a contract's "x-ihanoi-problems";
 *          an unknown code is logged and becomes internal-error
 * members  extension members or NULL; a reference is taken over
 *
 * A later problem replaces it: an access handler may refuse, and "satisfy any"
 * let the request in all the same.
 */
ngx_int_t ngx_http_ihanoi_problem(ngx_http_request_t *r, const char *code,
    json_t *members);

/* As above, when the code is not NUL-terminated (it came from SQL). */
ngx_int_t ngx_http_ihanoi_problem_str(ngx_http_request_t *r, ngx_str_t *code,
    json_t *members);

/* 1 when the engine's table or a contract has a row of that code. */
ngx_uint_t ngx_http_ihanoi_problem_known(ngx_http_request_t *r,
    ngx_str_t *code);

/*
 * Whether a function has refused after a write: it raised IH001, whose message is
 * the problem's code and whose detail has its members (docs/conventions.md).
 */
ngx_uint_t ngx_http_ihanoi_problem_is_refusal(ngx_str_t *sqlstate);

/*
 * What another error of PostgreSQL is to a client.  Whatever has no row (NULL) is
 * our fault, or a plugin's: a 500, and what may be said of it
 * (ngx_http_ihanoi_pgresult_loggable()) belongs into the log.
 */
typedef struct {
    const char  *prefix;       /* of the SQLSTATE */
    const char  *code;         /* problem */
    ngx_uint_t   level;        /* of the line in the log */
    ngx_uint_t   retry_after;  /* seconds */
} ngx_http_ihanoi_problem_sqlstate_t;

const ngx_http_ihanoi_problem_sqlstate_t *
    ngx_http_ihanoi_problem_sqlstate(ngx_str_t *sqlstate, ngx_uint_t get);

/*
 * What it is to a client that a call without an answer ended so: the problem's
 * code.  A write may still be committed; a GET is repeated without harm.
 * NULL: the server has answered, or refused to serve a text.
 */
const char *ngx_http_ihanoi_problem_outcome(
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_uint_t get);

/* Adds rows from a contract; codes must be new.  Configuration time only. */
char *ngx_http_ihanoi_problem_add(ngx_conf_t *cf,
    ngx_http_ihanoi_problem_t *problem);

/* Turns "ihanoi_problems" on in this location.  Called from merge. */
void ngx_http_ihanoi_problem_enable(ngx_conf_t *cf);


extern ngx_module_t  ngx_http_ihanoi_problem_module;


#endif /* _NGX_HTTP_IHANOI_PROBLEM_H_INCLUDED_ */
