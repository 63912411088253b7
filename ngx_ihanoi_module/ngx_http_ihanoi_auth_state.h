/*
 * Copyright (C) iHaNoi contributors
 *
 * Sources of keys, and what a worker knows of those that are fetched.
 *
 * A set is immutable.  A fetched one is replaced as a whole by a good new one;
 * a bad new one changes nothing.  The configuration says what a source is and
 * is never written at run time; what a worker knows of it is in its own state.
 */

#ifndef _NGX_HTTP_IHANOI_AUTH_STATE_H_INCLUDED_
#define _NGX_HTTP_IHANOI_AUTH_STATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ihanoi_digest.h"
#include "ihanoi_jwk.h"
#include "ngx_http_ihanoi_auth_shared.h"
#include "ngx_http_ihanoi_metrics.h"


#define NGX_HTTP_IHANOI_AUTH_MAX_SOURCES  16

/*
 * Milliseconds from a failed fetch to the next: doubled each time, but not far
 * while there is no set at all and every request fails.
 */
#define NGX_HTTP_IHANOI_AUTH_RETRY_MIN      1000
#define NGX_HTTP_IHANOI_AUTH_RETRY_NONE     2000
#define NGX_HTTP_IHANOI_AUTH_RETRY_MAX      30000


typedef struct {
    ngx_str_t                     name;      /* path or URI, for logs */
    ihanoi_jwks_t                *set;       /* of a file; NULL: fetched */

    /* of a fetched one */
    ngx_str_t                     id;        /* issuer and URI */
    u_char                       *file;      /* of the configuration */
    ngx_uint_t                    line;      /* where its directive ends */
    unsigned                      shared:1;  /* with other workers, by id */
    unsigned                      asked:1;   /* its place asks for tokens */
    ngx_uint_t                    index;     /* in the worker's states */
    ngx_http_core_srv_conf_t     *server;    /* of its place; NULL: any */
    ngx_listening_t              *listener;  /* of the server it is asked in */
    ngx_msec_t                    fresh;     /* how long before asking again */
    const ihanoi_alg_e           *algorithms;
    unsigned                      nalgorithms;
} ngx_http_ihanoi_auth_source_t;


/* All fetched sources of a configuration. */
typedef struct {
    ngx_array_t                   sources;   /* of source pointers */
    ngx_array_t                   servers;   /* that ask for tokens of issuers */
    ngx_http_ihanoi_metric_t     *fetched;
    ngx_http_ihanoi_metric_t     *failed;
} ngx_http_ihanoi_auth_keys_t;


typedef struct ngx_http_ihanoi_auth_fetch_s  ngx_http_ihanoi_auth_fetch_t;


/* What a worker knows of a fetched source. */
typedef struct {
    ngx_http_ihanoi_auth_source_t  *source;
    ihanoi_jwks_t                  *set;
    ngx_uint_t                      generation;
    u_char                          digest[IHANOI_SHA256_LEN];  /* its text */
    ngx_http_ihanoi_auth_text_t    *record;
    ngx_atomic_uint_t               shared;    /* generation taken over */

    ngx_msec_t                      asked;     /* start of the last fetch */
    ngx_msec_t                      got;       /* set known to be current */
    ngx_msec_t                      retry;     /* pause after failures */
    ngx_uint_t                      asked_once;
    ngx_uint_t                      kid_spent; /* of the burst */
    ngx_msec_t                      kid_since; /* when it was last refilled */

    ngx_queue_t                     waits;     /* of parked requests */
    ngx_http_ihanoi_auth_fetch_t   *fetch;     /* under way */
} ngx_http_ihanoi_auth_state_t;


/* This worker's state of a source that is fetched; NULL: memory. */
ngx_http_ihanoi_auth_state_t *ngx_http_ihanoi_auth_state(
    ngx_http_ihanoi_auth_source_t *source);

/* Takes over a newer set that another worker, or the one before us, has. */
void ngx_http_ihanoi_auth_state_sync(ngx_http_ihanoi_auth_state_t *state);

/*
 * Puts the set of that text in the place of the one in use.  NGX_DECLINED: it
 * is not good, NGX_ERROR: memory; that was logged.
 */
ngx_int_t ngx_http_ihanoi_auth_state_swap(ngx_http_ihanoi_auth_state_t *state,
    ngx_str_t *text);

/* 1 when a token that no key was found for may make us ask. */
ngx_uint_t ngx_http_ihanoi_auth_state_may_ask(
    ngx_http_ihanoi_auth_state_t *state);

/* Logs a key that was left out; for ihanoi_jwks_parse(), ctx is the source. */
void ngx_http_ihanoi_auth_source_note(void *ctx, const char *text);


#endif /* _NGX_HTTP_IHANOI_AUTH_STATE_H_INCLUDED_ */
