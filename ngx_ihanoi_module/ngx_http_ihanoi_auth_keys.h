/*
 * Copyright (C) iHaNoi contributors
 *
 * Where keys come from: files, read with the configuration, and subrequests,
 * made while nginx runs.
 */

#ifndef _NGX_HTTP_IHANOI_AUTH_KEYS_H_INCLUDED_
#define _NGX_HTTP_IHANOI_AUTH_KEYS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_auth_state.h"
#include "ngx_http_ihanoi_auth_wait.h"


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

/* Configuration time, too: whether a set may be asked for there; logs why not. */
ngx_int_t ngx_http_ihanoi_auth_source_uri(ngx_conf_t *cf, ngx_str_t *uri);

/* Configuration time, too: warns of a file with a secret that all may read. */
void ngx_http_ihanoi_auth_secret_file(ngx_conf_t *cf, ngx_fd_t fd,
    ngx_str_t *name);

/* The set as this worker has it now: NULL when none was ever got. */
const ihanoi_jwks_t *ngx_http_ihanoi_auth_source_set(
    ngx_http_ihanoi_auth_source_t *source);

/* Grows by each replacement of the set. */
ngx_uint_t ngx_http_ihanoi_auth_source_generation(
    ngx_http_ihanoi_auth_source_t *source);

/*
 * Takes over what another worker fetched, and starts a fetch in the
 * background when the set is older than it should be.
 */
void ngx_http_ihanoi_auth_source_refresh(
    ngx_http_ihanoi_auth_source_t *source);

/*
 * Asks for the set anew, because there is none or because it lacks a key that
 * a token names, and parks the request.
 *
 *   NGX_AGAIN     parked: the phases run again
 *   NGX_DECLINED  asked too short a time ago, cannot ask, or it is a file
 *   NGX_ERROR     memory
 */
ngx_int_t ngx_http_ihanoi_auth_source_wait(
    ngx_http_ihanoi_auth_source_t *source, ngx_http_request_t *r,
    ngx_http_ihanoi_auth_wait_t *wait);

/* Whether it could not be had anew the last time: what it lacks may be there. */
ngx_uint_t ngx_http_ihanoi_auth_source_failed(
    ngx_http_ihanoi_auth_source_t *source);

/* Seconds after which asking again makes sense, at least 1. */
ngx_uint_t ngx_http_ihanoi_auth_source_retry_after(
    ngx_http_ihanoi_auth_source_t *source);


#endif /* _NGX_HTTP_IHANOI_AUTH_KEYS_H_INCLUDED_ */
