/*
 * Copyright (C) iHaNoi contributors
 *
 * What authentication keeps in the shared zone, over workers and reloads: the
 * deny list, the key of subject hashes, and the last good text of each key set
 * that was fetched.
 */

#ifndef _NGX_HTTP_IHANOI_AUTH_SHARED_H_INCLUDED_
#define _NGX_HTTP_IHANOI_AUTH_SHARED_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ihanoi_digest.h"


/* The state of the deny list. */
enum {
    NGX_HTTP_IHANOI_AUTH_DENY_UNKNOWN = 0,   /* not relied on before a load */
    NGX_HTTP_IHANOI_AUTH_DENY_LOADED,
    NGX_HTTP_IHANOI_AUTH_DENY_FULL           /* some rows found no room */
};


typedef struct {
    ngx_atomic_t         state;
    ngx_atomic_t         epoch;      /* changes with every row that is new */
    ngx_atomic_t         entries;
    ngx_rbtree_t         rbtree;
    ngx_rbtree_node_t    sentinel;
    time_t               good_until; /* unless it is asked for again */
    time_t               swept;
    time_t               forgotten;  /* until when such a row was in force */
    u_char               next[80];   /* what to ask from; NUL-terminated */
} ngx_http_ihanoi_auth_deny_sh_t;


/* The text of a key set, by the name of its source. */
typedef struct {
    ngx_queue_t          queue;
    ngx_atomic_t         generation; /* 0: nothing was fetched yet */
    time_t               fetched;
    u_char              *text;
    size_t               len;
    size_t               name_len;
    u_char               name[1];
} ngx_http_ihanoi_auth_text_t;


typedef struct {
    ngx_http_ihanoi_auth_deny_sh_t  deny;
    ngx_queue_t                     texts;
    u_char                          subject_key[IHANOI_SHA256_LEN];
} ngx_http_ihanoi_auth_shared_t;


/* Configuration time: asks for the place in the zone. */
ngx_int_t ngx_http_ihanoi_auth_shared_init(ngx_conf_t *cf);

/* In workers; NULL when the zone is full or missing. */
ngx_http_ihanoi_auth_shared_t *ngx_http_ihanoi_auth_shared(
    ngx_slab_pool_t **shpool);

/*
 * The record of a source, made when it is not there; NULL when the zone is
 * full.  It lives as long as the zone.
 */
ngx_http_ihanoi_auth_text_t *ngx_http_ihanoi_auth_text(ngx_str_t *name);

/*
 * Puts the text of a good set there for others.  A full zone is only a pity:
 * every worker fetches for itself then.
 */
void ngx_http_ihanoi_auth_text_store(ngx_http_ihanoi_auth_text_t *record,
    ngx_str_t *text);

/*
 * Copies out the text, its generation and when it was fetched (epoch seconds);
 * the caller frees text->data with ngx_free().  NGX_DECLINED: nothing is there,
 * NGX_ERROR: memory.
 */
ngx_int_t ngx_http_ihanoi_auth_text_load(ngx_http_ihanoi_auth_text_t *record,
    ngx_str_t *text, ngx_atomic_uint_t *generation, time_t *fetched);


#endif /* _NGX_HTTP_IHANOI_AUTH_SHARED_H_INCLUDED_ */
