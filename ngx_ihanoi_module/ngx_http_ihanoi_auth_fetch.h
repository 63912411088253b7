/*
 * Copyright (C) iHaNoi contributors
 *
 * Fetching a key set.
 */

#ifndef _NGX_HTTP_IHANOI_AUTH_FETCH_H_INCLUDED_
#define _NGX_HTTP_IHANOI_AUTH_FETCH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_auth_state.h"


/* Milliseconds that a fetch may take, and a request may wait for it. */
#define NGX_HTTP_IHANOI_AUTH_FETCH_TIMEOUT  5000


/* Configuration time: where the fetches of all sources run. */
ngx_int_t ngx_http_ihanoi_auth_fetch_init(ngx_conf_t *cf,
    ngx_http_ihanoi_auth_keys_t *keys);

/* Starts a fetch, which does not end before this returns.  NGX_ERROR: not. */
ngx_int_t ngx_http_ihanoi_auth_fetch_start(
    ngx_http_ihanoi_auth_state_t *state);

/* 1 when the question was sent before r was there. */
ngx_uint_t ngx_http_ihanoi_auth_fetch_is_older(
    ngx_http_ihanoi_auth_fetch_t *fetch, ngx_http_request_t *r);

/* 1 for a subrequest that fetches keys, and what is below it. */
ngx_uint_t ngx_http_ihanoi_auth_is_fetch(ngx_http_request_t *r);

/* Configuration time: the filters that capture what is fetched. */
void ngx_http_ihanoi_auth_fetch_init_filters(void);


#endif /* _NGX_HTTP_IHANOI_AUTH_FETCH_H_INCLUDED_ */
