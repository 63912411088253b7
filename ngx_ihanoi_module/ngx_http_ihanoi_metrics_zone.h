/*
 * Copyright (C) iHaNoi contributors
 *
 * The zone's layout: what the two files of the metrics box share.
 */

#ifndef _NGX_HTTP_IHANOI_METRICS_ZONE_H_INCLUDED_
#define _NGX_HTTP_IHANOI_METRICS_ZONE_H_INCLUDED_


#include "ngx_http_ihanoi_metrics.h"


/* a row of a chunk: 1 kB, whole cache lines */
#define NGX_HTTP_IHANOI_CHUNK_CELLS   128

/* finite buckets; then +Inf and the sum */
#define NGX_HTTP_IHANOI_BUCKETS       16

/* a gauge that its process has not set */
#define NGX_HTTP_IHANOI_UNSET         ((ngx_atomic_uint_t) -1)


typedef struct ngx_http_ihanoi_series_s  ngx_http_ihanoi_series_t;
typedef struct ngx_http_ihanoi_family_s  ngx_http_ihanoi_family_t;
typedef struct ngx_http_ihanoi_root_s    ngx_http_ihanoi_root_t;


/* In shared memory, sorted by labels. */
struct ngx_http_ihanoi_series_s {
    ngx_http_ihanoi_series_t      *next;
    ngx_str_t                      labels;
    ngx_atomic_t                  *cells;       /* in the row of slot 0 */
    ngx_uint_t                     generation;  /* last one declaring it */
};


/* In shared memory, sorted by name. */
struct ngx_http_ihanoi_family_s {
    ngx_http_ihanoi_family_t      *next;
    ngx_http_ihanoi_series_t      *series;
    ngx_http_ihanoi_metric_type_e  type;
    ngx_str_t                      name;
    ngx_str_t                      help;
};


typedef struct {
    ngx_http_ihanoi_family_t      *families;
    ngx_http_ihanoi_root_t        *roots;
    ngx_uint_t                     generation;  /* configurations loaded */

    ngx_atomic_t                  *chunk;       /* the one being filled */
    ngx_uint_t                     used;        /* cells of its rows */

    ngx_uint_t                     nslots;
    ngx_atomic_t                   pids[1];     /* 0: free */
} ngx_http_ihanoi_zone_t;


typedef struct {
    ngx_uint_t                     usec;
    const char                    *le;
} ngx_http_ihanoi_bucket_t;


extern const ngx_http_ihanoi_bucket_t
    ngx_http_ihanoi_buckets[NGX_HTTP_IHANOI_BUCKETS];


/* The zone of the running configuration and its pool; NULL: there is none. */
ngx_http_ihanoi_zone_t *ngx_http_ihanoi_zone_running(
    ngx_slab_pool_t **shpool);

/* Does the process that owns a row still run? */
ngx_uint_t ngx_http_ihanoi_metrics_alive(ngx_atomic_uint_t pid);


#endif /* _NGX_HTTP_IHANOI_METRICS_ZONE_H_INCLUDED_ */
