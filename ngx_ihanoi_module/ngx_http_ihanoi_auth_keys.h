/*
 * Copyright (C) iHaNoi contributors
 *
 * Where keys come from: files, read with the configuration, and subrequests,
 * made while nginx runs.
 *
 * A set is immutable.  A fetched one is replaced as a whole by a good new one;
 * a bad new one changes nothing.  The configuration says what a source is and
 * is never written at run time; what a worker knows of it is in its own state.
 */

#ifndef _NGX_HTTP_IHANOI_AUTH_KEYS_H_INCLUDED_
#define _NGX_HTTP_IHANOI_AUTH_KEYS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ihanoi_jwk.h"
#include "ngx_http_ihanoi_metrics.h"


#define NGX_HTTP_IHANOI_AUTH_MAX_SOURCES  16


typedef struct {
    ngx_str_t                     name;      /* path or URI, for logs */
    ihanoi_jwks_t                *set;       /* of a file; NULL: fetched */

    /* of a fetched one */
    ngx_str_t                     id;        /* issuer and URI */
    unsigned                      shared:1;  /* with other workers, by id */
    ngx_uint_t                    index;     /* in the worker's states */
    ngx_msec_t                    fresh;     /* how long before asking again */
    const ihanoi_alg_e           *algorithms;
    unsigned                      nalgorithms;
} ngx_http_ihanoi_auth_source_t;


/* All fetched sources of a configuration. */
typedef struct {
    ngx_array_t                   sources;   /* of source pointers */
    ngx_http_ihanoi_metric_t     *fetched;
    ngx_http_ihanoi_metric_t     *failed;
} ngx_http_ihanoi_auth_keys_t;


/*
 * A request that waits for a fetch.  Embedded in the request's context; it
 * is taken out of the queue by the fetch's end, its timer or the end of the
 * request, whichever is first.
 */
typedef struct {
    ngx_queue_t                   queue;
    ngx_event_t                   timer;
    ngx_http_request_t           *request;
    unsigned                      active:1;
    unsigned                      again:1;    /* the client that fetched left */
    unsigned                      joined:1;   /* it had begun before we came */
    unsigned                      cleanup:1;
} ngx_http_ihanoi_auth_wait_t;


/*
 * Configuration time.  _file() reads and checks the set; on a fault it logs at
 * EMERG with the place of the directive and returns NULL.  A source with an
 * issuer is the same for all workers, wherever the URI is asked for; one
 * without is of its place alone, since another server may serve other keys
 * under the same URI.
 */
ngx_http_ihanoi_auth_source_t *ngx_http_ihanoi_auth_source_file(
    ngx_conf_t *cf, ngx_str_t *path, const ihanoi_alg_e *algorithms,
    unsigned nalgorithms);
ngx_http_ihanoi_auth_source_t *ngx_http_ihanoi_auth_source_request(
    ngx_conf_t *cf, ngx_http_ihanoi_auth_keys_t *keys, ngx_str_t *uri,
    ngx_str_t *issuer, ngx_msec_t fresh, const ihanoi_alg_e *algorithms,
    unsigned nalgorithms);

/* The set as this worker has it now: NULL when none was ever got. */
const ihanoi_jwks_t *ngx_http_ihanoi_auth_source_set(
    ngx_http_ihanoi_auth_source_t *source);

/* Grows by each replacement of the set. */
ngx_uint_t ngx_http_ihanoi_auth_source_generation(
    ngx_http_ihanoi_auth_source_t *source);

/*
 * Takes over what another worker fetched, and starts a fetch in the
 * background when the set is older than it should be.  r may be NULL: then
 * nothing is started.
 */
void ngx_http_ihanoi_auth_source_refresh(ngx_http_ihanoi_auth_source_t *source,
    ngx_http_request_t *r);

/*
 * Asks for the set anew, because there is none or because it lacks a key that
 * a token names, and parks the request.
 *
 *   NGX_AGAIN     parked: the phases run again
 *   NGX_DECLINED  asked too short a time ago, or it is a file
 *   NGX_ERROR     memory
 */
ngx_int_t ngx_http_ihanoi_auth_source_wait(
    ngx_http_ihanoi_auth_source_t *source, ngx_http_request_t *r,
    ngx_http_ihanoi_auth_wait_t *wait);

/* Seconds after which asking again makes sense, at least 1. */
ngx_uint_t ngx_http_ihanoi_auth_source_retry_after(
    ngx_http_ihanoi_auth_source_t *source);

/* 1 for a subrequest that fetches keys, and what is below it. */
ngx_uint_t ngx_http_ihanoi_auth_is_fetch(ngx_http_request_t *r);

/* Configuration time: the filters that capture what is fetched. */
void ngx_http_ihanoi_auth_keys_init_filters(void);


#endif /* _NGX_HTTP_IHANOI_AUTH_KEYS_H_INCLUDED_ */
