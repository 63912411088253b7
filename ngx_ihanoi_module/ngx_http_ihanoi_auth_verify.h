/*
 * Copyright (C) iHaNoi contributors
 *
 * Verify: from the text of a token to an entry of the cache.
 */

#ifndef _NGX_HTTP_IHANOI_AUTH_VERIFY_H_INCLUDED_
#define _NGX_HTTP_IHANOI_AUTH_VERIFY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_auth_conf.h"


/* A token that was verified before, if it still is what it was; NULL else. */
ngx_http_ihanoi_auth_entry_t *ngx_http_ihanoi_auth_cached(
    ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_loc_conf_t *alcf, ngx_str_t *token);

/*
 *   NGX_OK        ctx has the entry
 *   NGX_DECLINED  ctx has the problem
 *   NGX_AGAIN     keys are on their way: the request is parked
 *   NGX_BUSY      the same, but wait == 0
 *   NGX_ERROR     memory
 */
ngx_int_t ngx_http_ihanoi_auth_verify(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_loc_conf_t *alcf, ngx_http_ihanoi_auth_ctx_t *ctx,
    ngx_str_t *token, ngx_uint_t wait);

/* Keeps the entry for as long as the request's pool lives. */
ngx_int_t ngx_http_ihanoi_auth_hold(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_ctx_t *ctx, ngx_http_ihanoi_auth_entry_t *entry);

/* Notes a refusal; error is that of RFC 6750 or NULL.  NGX_DECLINED. */
ngx_int_t ngx_http_ihanoi_auth_decline(ngx_http_ihanoi_auth_ctx_t *ctx,
    const char *problem, const char *error);


#endif /* _NGX_HTTP_IHANOI_AUTH_VERIFY_H_INCLUDED_ */
