/*
 * Copyright (C) iHaNoi contributors
 *
 * The configuration of authentication, as its directives leave it and its
 * other files read it.
 */

#ifndef _NGX_HTTP_IHANOI_AUTH_CONF_H_INCLUDED_
#define _NGX_HTTP_IHANOI_AUTH_CONF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ihanoi_digest.h"
#include "ihanoi_jwt.h"
#include "ngx_http_ihanoi_auth.h"
#include "ngx_http_ihanoi_auth_cache.h"
#include "ngx_http_ihanoi_auth_keys.h"
#include "ngx_http_ihanoi_auth_wait.h"
#include "ngx_http_ihanoi_metrics.h"


/* Whom tokens come from, whose keys sign them and what is asked of them. */
typedef struct {
    ngx_str_t                           name;       /* empty: anybody */
    ngx_array_t                         sources;    /* of source pointers */
    ihanoi_jwt_rules_t                  rules;
    const char                         *assurance_claim;
} ngx_http_ihanoi_auth_issuer_t;


typedef struct {
    /* first: _auth_state.c and _auth_fetch.c find it there */
    ngx_http_ihanoi_auth_keys_t         keys;

    ngx_array_t                         issuers;    /* of issuer pointers */
    ngx_http_ihanoi_auth_cache_conf_t   cache;
    ngx_uint_t                          cache_set;
    ngx_msec_t                          deny_list;  /* polled each; 0: not */

    u_char                              subject_key[IHANOI_SHA256_LEN];
    ngx_uint_t                          subject_key_set;

    ngx_http_ihanoi_metric_t           *results[IHANOI_JWT_ERRORS];
    ngx_http_ihanoi_metric_t           *denied;
    ngx_http_ihanoi_metric_t           *no_keys;
} ngx_http_ihanoi_auth_main_conf_t;


/* "auth_jwt_key_file" or "auth_jwt_key_request" of a place. */
typedef struct {
    ngx_http_ihanoi_auth_source_t      *file;       /* NULL: */
    ngx_str_t                           uri;
    u_char                             *conf;       /* where that stands */
    ngx_uint_t                          line;
} ngx_http_ihanoi_auth_key_t;


typedef struct {
    ngx_array_t                        *values;     /* of complex values */
    ngx_uint_t                          status;     /* 401, 403 */
} ngx_http_ihanoi_auth_require_t;


typedef struct {
    ngx_flag_t                          enable;
    ngx_str_t                           realm;      /* quoted already */
    ngx_int_t                           token;      /* variable's index */

    ngx_array_t                        *keys;       /* of this place alone */
    ngx_http_ihanoi_auth_issuer_t      *own;        /* NULL: the issuers */
    time_t                              leeway;
    ngx_msec_t                          key_cache;

    ngx_array_t                        *requires;   /* of require_t */
    ngx_uint_t                          by_operation;
} ngx_http_ihanoi_auth_loc_conf_t;


/* Whether the request's token was looked at, and what came of it. */
typedef struct {
    ngx_http_ihanoi_auth_loc_conf_t    *conf;       /* NULL: not yet */
    ngx_http_ihanoi_auth_entry_t       *entry;      /* NULL: no token */
    const char                         *problem;    /* NULL: no refusal */
    const char                         *error;      /* of RFC 6750 */
    ngx_uint_t                          retry_after;
    ngx_http_ihanoi_auth_wait_t         wait;
    ngx_uint_t                          asked;      /* sources, as bits */
    ngx_uint_t                          asking;     /* the last of them */
    unsigned                            repeated:1; /* it was asked twice */
} ngx_http_ihanoi_auth_ctx_t;


/* A genuine token that "auth_jwt_require" finds wanting: 401. */
ngx_int_t ngx_http_ihanoi_auth_reject(ngx_http_request_t *r);


#endif /* _NGX_HTTP_IHANOI_AUTH_CONF_H_INCLUDED_ */
