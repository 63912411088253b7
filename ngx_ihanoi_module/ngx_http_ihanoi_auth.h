/*
 * Copyright (C) iHaNoi contributors
 *
 * Identify: a bearer token becomes a verified caller, lazily and once.
 */

#ifndef _NGX_HTTP_IHANOI_AUTH_H_INCLUDED_
#define _NGX_HTTP_IHANOI_AUTH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <jansson.h>


/*
 * A verified token.  Belongs to the token cache; it lives at least until the
 * request's pool is destroyed.  Read-only.
 */
typedef struct {
    ngx_str_t            iss;
    ngx_str_t            sub;
    ngx_str_t            subject;        /* iss, a space, sub */
    ngx_str_t            subject_hash;   /* keyed, hex, for logs and limits */
    ngx_uint_t           assurance;      /* ihanoi_assurance_e */
    ngx_str_t            scope;          /* space-separated */
    json_t              *claims;
    json_t              *header;
    ngx_str_t            payload;        /* JSON text as signed */
    /* `"iss":"…","sub":"…","assurance":"…","claims":{…}`: the engine puts it
       between braces with the request's own members */
    ngx_str_t            caller;
} ngx_http_ihanoi_caller_t;


/*
 * Says who is calling.  Verification happens at most once a request.
 *
 *   NGX_OK        *caller is set; or NULL: no token was sent
 *   NGX_AGAIN     a key set is on its way: r->count is held and the phases
 *                 run again when it is there; return NGX_AGAIN from the phase
 *                 handler.  With wait == 0 (variables) it is never returned:
 *                 such a request is NGX_DECLINED for now, not memoised
 *   NGX_DECLINED  the token is refused, or no keys can be had: the reason is
 *                 kept, ngx_http_ihanoi_auth_refuse() tells it
 *   NGX_ERROR     memory
 */
ngx_int_t ngx_http_ihanoi_auth_identify(ngx_http_request_t *r, ngx_uint_t wait,
    ngx_http_ihanoi_caller_t **caller);

/*
 * Records the problem and the RFC 6750 challenge of a request that identify()
 * declined, or of one without a token, and returns the status (400, 401, 503).
 */
ngx_int_t ngx_http_ihanoi_auth_refuse(ngx_http_request_t *r);

/* The same for a caller who may not: 403 insufficient_scope. */
ngx_int_t ngx_http_ihanoi_auth_forbid(ngx_http_request_t *r, const char *code,
    ngx_str_t *scope);

/*
 * Holds a good token against "auth_jwt_require" of this location: NGX_OK, also
 * where there is none; NGX_AGAIN as of identify(); or the status of a problem
 * that is recorded.
 */
ngx_int_t ngx_http_ihanoi_auth_required(ngx_http_request_t *r);

/* RFC 6749 3.3: is the word one of the caller's scope? */
ngx_uint_t ngx_http_ihanoi_auth_has_scope(ngx_http_ihanoi_caller_t *caller,
    ngx_str_t *scope);

/*
 * Leaves the decision in this location to the operation (ihanoi_api): the
 * module's own access handler then steps aside.  Called from merge.
 */
void ngx_http_ihanoi_auth_by_operation(ngx_conf_t *cf);

/* Are keys there?  For /readyz: NGX_OK, or NGX_DECLINED with a sentence. */
ngx_int_t ngx_http_ihanoi_auth_ready(ngx_http_request_t *r, ngx_str_t *why);


extern ngx_module_t  ngx_http_ihanoi_auth_module;


#endif /* _NGX_HTTP_IHANOI_AUTH_H_INCLUDED_ */
