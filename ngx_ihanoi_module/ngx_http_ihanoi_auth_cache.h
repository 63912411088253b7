/*
 * Copyright (C) iHaNoi contributors
 *
 * Verified tokens, each worker's own: by the token's text, least recently used
 * first out, bounded in number and bytes.
 *
 * Only verified tokens get in, and the strict reader takes one spelling of a
 * token only, so strangers can neither fill it nor get around it.
 */

#ifndef _NGX_HTTP_IHANOI_AUTH_CACHE_H_INCLUDED_
#define _NGX_HTTP_IHANOI_AUTH_CACHE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ihanoi_jwt.h"
#include "ngx_http_ihanoi_auth.h"
#include "ngx_http_ihanoi_metrics.h"


typedef struct {
    ngx_uint_t                     max_entries;   /* 0: off */
    size_t                         max_size;

    ngx_http_ihanoi_metric_t      *hits;
    ngx_http_ihanoi_metric_t      *misses;
    ngx_http_ihanoi_metric_t      *evictions;
    ngx_http_ihanoi_metric_t      *entries;
    ngx_http_ihanoi_metric_t      *size;
} ngx_http_ihanoi_auth_cache_conf_t;


typedef struct ngx_http_ihanoi_auth_entry_s  ngx_http_ihanoi_auth_entry_t;

/*
 * A verified token.  Whoever verified it fills it; it is freed when the cache
 * has dropped it and the last request has let go of it.
 */
struct ngx_http_ihanoi_auth_entry_s {
    ngx_queue_t                    queue;         /* by last use */
    ngx_http_ihanoi_auth_entry_t  *next;          /* in its bucket */
    ngx_uint_t                     refs;
    size_t                         size;
    unsigned                       cached:1;

    ngx_str_t                      token;
    uint32_t                       hash;          /* of its end */
    const void                    *group;         /* of places it is good in */
    const void                    *issuer;        /* whose rules it met */
    ngx_uint_t                     generation;    /* of the keys then */
    ngx_atomic_uint_t              deny_epoch;    /* of the list then */
    ihanoi_jwt_claims_t            claims;
    ngx_http_ihanoi_caller_t       caller;
    u_char                        *text;          /* token, strings of caller */
};


/*
 * The entry of a token, of any text, that was verified for that group of places,
 * or NULL; it may go away with the next insertion.
 */
ngx_http_ihanoi_auth_entry_t *ngx_http_ihanoi_auth_cache_find(
    ngx_http_ihanoi_auth_cache_conf_t *conf, ngx_str_t *token,
    const void *group);

/*
 * Puts a verified entry in, and drops others to make room.  It stays the
 * caller's as well, with a reference of their own.
 */
void ngx_http_ihanoi_auth_cache_insert(ngx_http_ihanoi_auth_cache_conf_t *conf,
    ngx_http_ihanoi_auth_entry_t *entry);

/* It is no longer good: keys were changed, it expired or was denied. */
void ngx_http_ihanoi_auth_cache_drop(ngx_http_ihanoi_auth_cache_conf_t *conf,
    ngx_http_ihanoi_auth_entry_t *entry);

/* Gives a reference back. */
void ngx_http_ihanoi_auth_entry_release(ngx_http_ihanoi_auth_entry_t *entry);

/* What a JSON value takes in memory, about. */
size_t ngx_http_ihanoi_auth_json_size(json_t *json);


#endif /* _NGX_HTTP_IHANOI_AUTH_CACHE_H_INCLUDED_ */
