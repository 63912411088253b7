/*
 * Copyright (C) iHaNoi contributors
 *
 * The deny list: tokens that are refused though they are genuine and have not
 * expired, after a logout, a stolen device, a closed account.
 *
 * A table of the database, polled by one worker into the shared zone, where
 * all workers see a row with the next request they get.
 */

#ifndef _NGX_HTTP_IHANOI_AUTH_DENY_H_INCLUDED_
#define _NGX_HTTP_IHANOI_AUTH_DENY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ihanoi_jwt.h"


/* Configuration time: polls that database, "auth_jwt_deny_list". */
ngx_int_t ngx_http_ihanoi_auth_deny_poll(ngx_conf_t *cf, ngx_str_t *database,
    ngx_msec_t interval);

/*
 * A worker begins.  A list that no worker has asked for lately is not relied on
 * until it was: its master had none, after a binary that was tried.
 */
void ngx_http_ihanoi_auth_deny_begin(ngx_msec_t interval);

/* 1: not loaded, and in a moment it is: this worker has just begun. */
ngx_uint_t ngx_http_ihanoi_auth_deny_awaited(void);

/* For comparison only: another value, another list. */
ngx_atomic_uint_t ngx_http_ihanoi_auth_deny_epoch(void);

/*
 *   NGX_OK        not on the list
 *   NGX_DECLINED  on the list
 *   NGX_ABORT     a list is wanted and cannot be relied on: not loaded since
 *                 nginx started, there was no room for all of it, or the clock
 *                 was set back to when some of it, forgotten by now, was in force
 *   NGX_ERROR     memory
 */
ngx_int_t ngx_http_ihanoi_auth_deny_check(ngx_uint_t wanted,
    const ihanoi_jwt_claims_t *claims);


#endif /* _NGX_HTTP_IHANOI_AUTH_DENY_H_INCLUDED_ */
