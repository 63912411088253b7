/*
 * Copyright (C) iHaNoi contributors
 *
 * A verified token as the rest of the module sees it.
 */

#ifndef _NGX_HTTP_IHANOI_AUTH_CALLER_H_INCLUDED_
#define _NGX_HTTP_IHANOI_AUTH_CALLER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_auth_conf.h"


/*
 * Makes an entry of a token that was verified and checked, with a copy of its
 * text.  It takes the JSON values of *jwt over and has one reference.  NULL: memory.
 */
ngx_http_ihanoi_auth_entry_t *ngx_http_ihanoi_auth_entry_create(
    ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_issuer_t *issuer, ngx_str_t *token,
    ihanoi_jwt_t *jwt, ihanoi_jwt_claims_t *claims, ngx_log_t *log);

/*
 * A claim or header member as text, in the pool or in the JSON itself.
 * NGX_DECLINED: null, or with control characters.
 */
ngx_int_t ngx_http_ihanoi_auth_value(ngx_pool_t *pool, json_t *json,
    ngx_str_t *value);


#endif /* _NGX_HTTP_IHANOI_AUTH_CALLER_H_INCLUDED_ */
